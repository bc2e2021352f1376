"""Small downloads, and the command that converts them."""

import pytest

from data_converters.__main__ import main
from data_converters.chestxray14.split import OFFICIAL_SHA256
from data_converters.chestxray14.split import names_sha256

from . import chexpert_download
from . import nih_download
from . import vindr_download
from .converted import Converted


@pytest.fixture
def kaggle(tmp_path):
    return vindr_download.kaggle_release(tmp_path / 'a release')


@pytest.fixture
def physionet(tmp_path):
    return vindr_download.physionet_release(tmp_path / '1.0.0')


@pytest.fixture
def nih(tmp_path):
    return nih_download.release(tmp_path / 'chest x-ray 14')


@pytest.fixture
def chexpert(tmp_path):
    return chexpert_download.release(tmp_path / 'a download' / 'CheXpert-v1.0')


@pytest.fixture
def official(monkeypatch, nih):
    """The small download with lists that count as the official ones."""
    stems = [line.split('.')[0] for line in nih_download.patients(20)]
    lists = {'train_val_list': stems[:30], 'test_list': stems[30:]}
    for role, part in lists.items():
        nih_download.write(
            nih / f'{role}.txt', [f'{stem}.png' for stem in part], end=''
        )
        monkeypatch.setitem(OFFICIAL_SHA256, role, names_sha256(part))
    return nih


@pytest.fixture
def convert(tmp_path, capsys):
    """Run a conversion into tmp_path/out; gives its files."""

    def run(*args, out=None):
        out = out or tmp_path / 'out'
        code = main([*map(str, args), '--out', str(out)])
        captured = capsys.readouterr()
        assert code == 0, captured.err
        converted = Converted(out)
        converted.printed = captured.out
        return converted

    return run


@pytest.fixture
def refuse(tmp_path, capsys):
    """Run a conversion that must fail; gives the one line on stderr."""

    def run(*args, out=None):
        out = out or tmp_path / 'out'
        before = _contents(tmp_path)
        code = main([*map(str, args), '--out', str(out)])
        captured = capsys.readouterr()
        assert code == 2
        assert captured.err.count('\n') == 1
        assert _contents(tmp_path) == before, 'a failed conversion must leave no trace'
        run.printed = captured.out
        return captured.err

    return run


def _contents(folder):
    return {p: p.read_bytes() if p.is_file() else None for p in folder.rglob('*')}
