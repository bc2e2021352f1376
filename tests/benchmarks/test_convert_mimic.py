import json

import pandas as pd
import pytest

from benchmarks import convert_mimic
from benchmarks import mimic_release
from benchmarks.between_marks import marks_of
from benchmarks.convert_mimic import WAYS

RUN = {'cpu': 12.0, 'wall': 20.0, 'gib': 0.5, 'films': 100}


@pytest.fixture(scope='module')
def release(tmp_path_factory):
    return mimic_release.write_release(tmp_path_factory.mktemp('m') / 'r', 0.001)


def test_the_release_has_its_numbers(release):
    tables = {
        role: pd.read_csv(release / f'mimic-cxr-2.0.0-{role}.csv.gz')
        for role in ('metadata', 'split', 'chexpert')
    }
    split = tables['split']
    assert split['split'].value_counts().to_dict() == {
        'train': 369,
        'validate': 3,
        'test': 5,
    }
    assert split['study_id'].nunique() == 223 + 2 + 3
    assert split['subject_id'].nunique() == 65 + 1 + 1
    assert (split.groupby('subject_id')['split'].nunique() == 1).all()
    assert (split.groupby('study_id')['subject_id'].nunique() == 1).all()
    assert split['dicom_id'].is_unique
    assert len(tables['chexpert']) == 228 - 8
    assert set(tables['metadata']['ViewPosition'].dropna()) <= {*mimic_release.VIEWS}
    cells = tables['chexpert'].iloc[:, 2:]
    assert set(cells.stack().dropna().unique()) <= {1.0, 0.0, -1.0}


def test_ways_agree(release, tmp_path):
    mimic_release.lay_films(release)
    written = {}
    for way in WAYS:
        out = tmp_path / way.name
        run = convert_mimic.run_way(way, release, out, 10_000)
        entries = [
            entry
            for part in ('train', 'val', 'test')
            if (out / f'{part}.json').is_file()
            for entry in json.loads((out / f'{part}.json').read_text())['data_list']
        ]
        assert run['films'] == len(entries) > 0
        assert 0 < run['gib'] < 16
        written[way.name] = {entry['img_path']: entry for entry in entries}
    assert written['all'] == written['films']
    ours, theirs = written['frontal'], written['iterrows']
    assert ours.keys() == theirs.keys() < written['all'].keys()
    for path, entry in theirs.items():
        if any(label is not None for label in ours[path]['gt_score']):
            assert {key: ours[path][key] for key in entry if key != 'gt_score'} == {
                key: value for key, value in entry.items() if key != 'gt_score'
            }
            assert ours[path]['gt_score'] == entry['gt_score']
        else:  # without a label: a script by hand makes it a healthy film
            assert set(entry['gt_score']) == {0}


def test_the_part_is_extrapolated(release, tmp_path):
    rest = convert_mimic.by_iterrows(release, tmp_path / 'a', 50)
    assert rest > 0
    assert convert_mimic.by_iterrows(release, tmp_path / 'b', 10_000) == 0


def test_table_and_docs(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(convert_mimic, 'write_release', lambda root, scale: root)
    part = {**RUN, 'films': 10}
    monkeypatch.setattr(
        convert_mimic,
        'measure',
        lambda way, *args: part if way.name == 'iterrows' else RUN,
    )
    docs = tmp_path / 'docs.md'
    docs.write_text('\n'.join(('before', *marks_of(convert_mimic.MARK), 'after')))
    assert convert_mimic.main(['--docs', str(docs)]) == 0
    printed = capsys.readouterr().out
    assert (
        '| mmlung convert mimic-cxr --no-images | 100 | 12.0 | 20.0 | 0.50 |' in printed
    )
    assert 'extrapolated to 100 films' in printed
    assert 'tree of films' not in printed
    assert 'iterrows' in docs.read_text()


def test_a_broken_promise_is_told(monkeypatch, capsys):
    monkeypatch.setattr(convert_mimic, 'write_release', lambda root, scale: root)
    monkeypatch.setattr(
        convert_mimic, 'measure', lambda *args: {**RUN, 'cpu': 61, 'gib': 2.5}
    )
    assert convert_mimic.main([]) == 1
    printed = capsys.readouterr().out
    assert 'too much: mmlung convert mimic-cxr --no-images: 61 s > 60 s' in printed
    assert '2.50 GiB > 2 GiB' in printed


def test_one_way_in_its_own_process(release):
    assert convert_mimic.measure(WAYS[0], release, 10)['films'] > 0


@pytest.mark.parametrize(
    ('argv', 'message'),
    [
        (['--scale', '2'], '--scale must lie in (0, 1], got 2.0'),
        (['--docs', 'nowhere.md'], 'nowhere.md'),
    ],
    ids=['scale', 'docs'],
)
def test_errors_are_one_line(argv, message, capsys):
    assert convert_mimic.main(argv) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count('\n') == 1
