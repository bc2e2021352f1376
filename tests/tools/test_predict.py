"""Films to files in process: names, resuming, failures, identifiers, two processes."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest

from mmlung.cli import main
from mmlung.phantom.dicom_film import encode_dicom
from mmlung.result import read_predictions

pytestmark = pytest.mark.slow

REPO = Path(__file__).resolve().parent.parent.parent
CONFIG = str(REPO / 'configs' / 'swin_vindr_demo.py')
SECRETS = {
    'PatientName': 'Doe^Jane',
    'PatientID': 'MRN-4711',
    'AccessionNumber': 'ACC-0815',
    'StudyInstanceUID': '1.2.826.0.1.1',
    'SeriesInstanceUID': '1.2.826.0.1.2',
}
MORE_SECRETS = {
    'PatientBirthDate': '19700131',
    'ReferringPhysicianName': 'Roe^Richard',
    'InstitutionName': 'St. Elsewhere',
    'StudyDate': '20190204',
}


@pytest.fixture
def films(tmp_path):
    """Two PNG films of one name in two folders, and a DICOM film with identifiers."""
    rng = np.random.default_rng(0)
    folder = tmp_path / 'films'
    for name in ('a/1.png', 'b/1.png'):
        path = folder / name
        path.parent.mkdir(parents=True)
        cv2.imwrite(str(path), rng.integers(0, 200, (64, 80), dtype=np.uint8))
    dataset = pydicom.dcmread(io.BytesIO(encode_dicom(rng.random((64, 64)), rng, 'x')))
    for keyword, value in (SECRETS | MORE_SECRETS).items():
        setattr(dataset, keyword, value)
    dataset.save_as(folder / 'film.dcm')
    return folder


@pytest.fixture
def predict(random_detector, tmp_path):
    """(images, flags) -> exit code; results go to ``tmp_path/out``."""

    def call(*argv, checkpoint=random_detector):
        images = [str(item) for item in argv]
        fixed = ['--out', str(tmp_path / 'out'), '--device', 'cpu', '--workers', '0']
        options = ['--cfg-options', 'img_size=64']
        return main(['predict', CONFIG, str(checkpoint), *images, *fixed, *options])

    return call


def rows(path):
    with path.open(newline='', encoding='utf-8') as file:
        return list(csv.DictReader(file))


def jsons(out):
    return {
        path.relative_to(out / 'films').as_posix()
        for path in (out / 'films').rglob('*.json')
    }


def test_one_json_a_film_and_tables_of_all(predict, films, tmp_path, capsys):
    assert predict(films / 'a', films / 'b', films / 'film.dcm', '--show') == 0
    out = tmp_path / 'out'
    assert jsons(out) == {'a/1.png.json', 'b/1.png.json', 'film.dcm.json'}
    found = read_predictions(out / 'films' / 'film.dcm.json')
    (result,) = found.results
    assert found.has_boxes
    assert result.spacing_mm is not None
    table = rows(out / 'findings.csv')
    assert [row['image'] for row in table] == ['a/1.png', 'b/1.png', 'film.dcm']
    for name in found.findings:
        best = max((f.score for f in result.findings if f.name == name), default=0)
        assert float(table[2][name]) == best
    boxes = [row for row in rows(out / 'boxes.csv') if row['image'] == 'film.dcm']
    assert len(boxes) == len(result.findings)
    assert float(boxes[0]['x2_mm']) == result.findings[0].box_xyxy_mm[2]
    for name in ('a/1.png', 'b/1.png', 'film.dcm'):
        picture = cv2.imread(str(out / 'figures' / f'{name}.png'))
        assert picture is not None
    assert not (out / 'errors.csv').exists()
    assert not list(out.rglob('*.part'))
    assert '3 of 3 films predicted' in capsys.readouterr().out


def test_failed_films_are_listed_and_tried_again(predict, films, tmp_path, capsys):
    bad = films / 'bad.dcm'
    bad.write_text('no film')
    assert predict(films) == 1
    said = capsys.readouterr()
    assert '3 of 4 films predicted' in said.out
    assert '1 of 4 films failed, see' in said.err
    assert 'bad.dcm: not an image: expected DICOM' in said.err
    (error,) = rows(tmp_path / 'out' / 'errors.csv')
    assert error['image'] == 'bad.dcm'
    assert len(rows(tmp_path / 'out' / 'findings.csv')) == 3
    cv2.imwrite(str(films / 'x.png'), np.arange(4096, dtype=np.uint8).reshape(64, 64))
    (films / 'x.png').replace(bad)
    assert predict(films) == 0
    assert '4 of 4 films predicted, 3 of them in an' in capsys.readouterr().out
    assert not (tmp_path / 'out' / 'errors.csv').exists()
    assert len(rows(tmp_path / 'out' / 'findings.csv')) == 4


def test_only_the_same_film_and_model_is_skipped(
    predict, films, tmp_path, capsys, random_detector
):
    import torch

    from mmlung.checkpoint import load_checkpoint

    def predicted_before(*flags, **options):
        assert predict(films, *flags, **options) == 0
        text = capsys.readouterr().out
        return (
            int(text.split('predicted, ')[1].split()[0]) if 'predicted, ' in text else 0
        )

    out = tmp_path / 'out'
    assert predicted_before() == 0
    assert predicted_before() == 3
    assert predicted_before('--overwrite') == 0
    (out / 'films' / 'a' / '1.png.json').write_text('{"cut')
    assert predicted_before() == 2
    cv2.imwrite(str(films / 'b' / '1.png'), np.arange(4096).reshape(64, 64) % 251)
    assert predicted_before() == 2
    other = load_checkpoint(random_detector)
    path = tmp_path / 'other.pth'
    torch.save(other | {'note': 1}, path)
    assert predicted_before(checkpoint=path) == 0
    assert predicted_before('--tta', checkpoint=path) == 0


def test_the_results_are_no_films(predict, films, tmp_path, capsys):
    assert predict(tmp_path, '--show') == 0
    assert predict(tmp_path, '--show') == 0
    assert '3 of 3 films predicted, 3 of them' in capsys.readouterr().out


@pytest.mark.parametrize('where', ['beside', 'above', 'named films', 'relative'])
def test_results_may_lie_where_the_films_are(
    where, random_detector, films, tmp_path, capsys, monkeypatch
):
    """Once all films were left out without a word."""
    out = films if where in ('beside', 'relative') else tmp_path  # tmp_path/films
    given = str(tmp_path if where == 'above' else films)
    if where == 'relative':
        monkeypatch.chdir(films)
        given = '.'
    argv = ['predict', CONFIG, str(random_detector), given, '--out', str(out), '--show']
    argv += ['--device', 'cpu', '--workers', '0', '--cfg-options', 'img_size=64']
    assert main(argv) == 0
    assert main(argv) == 0
    assert '3 of 3 films predicted, 3 of them' in capsys.readouterr().out


def test_no_film_but_results_is_an_error(predict, films, tmp_path, capsys):
    assert predict(films, '--show') == 0
    assert predict(tmp_path / 'out' / 'figures') == 2
    said = capsys.readouterr().err
    assert 'all of the 3 files that were named lie in the results of an earlier' in said


def test_show_draws_what_an_earlier_run_did_not(predict, films, tmp_path):
    film = films / 'film.dcm'
    assert predict(film) == 0
    assert predict(film, '--show') == 0
    assert (tmp_path / 'out' / 'figures' / 'film.dcm.png').is_file()


def secrets_told(out, said, instance):
    """Identifiers in what a run wrote, be it contents or names, or said."""
    files = [path for path in out.rglob('*') if path.is_file()]
    texts = [said.out, said.err, *(str(path.relative_to(out)) for path in files)]
    texts += [path.read_bytes().decode('latin-1') for path in files]
    secrets = (*SECRETS.values(), *MORE_SECRETS.values(), instance)
    return [secret for secret in secrets if any(secret in text for text in texts)]


def test_identifiers_of_a_header_reach_no_output(predict, films, tmp_path, capfd):
    bad = films / 'bad.dcm'  # an error must not tell them either
    bad.write_bytes((films / 'film.dcm').read_bytes()[:-100])
    (films / 'note.dcm').write_text(f'{SECRETS["PatientName"]}, 1970')
    (films / 'start.dcm').write_text('4711')
    assert predict(films, '--show') == 1
    out = tmp_path / 'out'
    said = capfd.readouterr()
    assert len(rows(out / 'errors.csv')) == 3
    instance = str(pydicom.dcmread(films / 'film.dcm').SOPInstanceUID)
    assert secrets_told(out, said, instance) == []
    assert 'Doe' not in (out / 'errors.csv').read_text('utf-8')
    for name in ('bad.dcm', 'note.dcm', 'start.dcm'):
        (films / name).unlink()
    assert predict(films, '--keep-identifiers') == 0
    path = out / 'films' / 'film.dcm.json'
    kept = json.loads(path.read_text('utf-8'))['dicom_identifiers']
    assert kept == SECRETS | {'SOPInstanceUID': instance}
    assert predict(films) == 0  # and go again
    assert 'dicom_identifiers' not in path.read_text('utf-8')


def test_identifiers_are_in_the_dicom_reports_alone(predict, films, tmp_path, capfd):
    """There they belong: DICOM files a report by its patient and study."""
    pytest.importorskip('highdicom', reason='needs pip install .[sr]')
    film = films / 'film.dcm'
    dataset = pydicom.dcmread(film)
    dataset.PatientAge = 'about fifty'  # pydicom warns of it, and quotes it
    dataset.save_as(film)
    assert predict(film, '--sr', '--sr-overlay', '--show') == 0
    said = capfd.readouterr()
    assert 'about fifty' not in said.out + said.err
    out = tmp_path / 'out'
    for path in (out / 'sr').iterdir():
        made = pydicom.dcmread(path)
        assert made.PatientID == SECRETS['PatientID']
        assert made.StudyInstanceUID == SECRETS['StudyInstanceUID']
        path.unlink()
    assert secrets_told(out, said, str(dataset.SOPInstanceUID)) == []


def test_a_dicom_film_gets_a_report_and_a_marked_copy(predict, films, tmp_path):
    pytest.importorskip('highdicom', reason='needs pip install .[sr]')
    assert predict(films / 'film.dcm', '--sr', '--sr-overlay') == 0
    folder = tmp_path / 'out' / 'sr'
    names = sorted(path.name for path in folder.iterdir())
    assert names == ['film.dcm.overlay.dcm', 'film.dcm.sr.dcm']
    source = pydicom.dcmread(films / 'film.dcm')
    overlay, report = (pydicom.dcmread(folder / name) for name in names)
    assert report.SOPClassUID.name == 'Comprehensive 3D SR Storage'
    assert overlay.SOPClassUID.name == 'Secondary Capture Image Storage'
    assert overlay.pixel_array.shape[1:] == (source.Columns, 3)
    assert overlay.pixel_array.shape[0] > source.Rows
    for made in (report, overlay):
        assert made.StudyInstanceUID == source.StudyInstanceUID
        assert made.SeriesInstanceUID != source.SeriesInstanceUID
    (folder / names[0]).unlink()
    assert predict(films / 'film.dcm', '--sr') == 0  # from the JSON that is there
    assert not (folder / names[0]).exists()


def test_a_report_of_the_same_result_stays(predict, films, tmp_path):
    """With new UIDs an archive would keep both."""
    pytest.importorskip('highdicom', reason='needs pip install .[sr]')
    folder = tmp_path / 'out' / 'sr'

    def uids(*flags):
        assert predict(films / 'film.dcm', '--sr', *flags) == 0
        return {p.name: pydicom.dcmread(p).SOPInstanceUID for p in folder.iterdir()}

    first = uids()
    assert uids() == first
    both = uids('--sr-overlay')
    assert len(both) == 2
    assert both | first == both  # only the copy was missing
    assert uids('--sr-overlay') == both
    again = uids('--sr-overlay', '--overwrite')
    assert all(again[name] != both[name] for name in both)


def test_an_odd_header_ends_no_run(predict, films, tmp_path, capfd):
    pytest.importorskip('highdicom', reason='needs pip install .[sr]')
    for name, keyword, value in (
        ('no-modality', 'Modality', None),
        ('two-names', 'PatientName', ['SECRET^A', 'SECRET^B']),
        ('one-part-name', 'PatientName', 'SECRETNAME'),
    ):
        dataset = pydicom.dcmread(films / 'film.dcm')
        if value is None:
            del dataset[keyword]
        else:
            setattr(dataset, keyword, value)
        dataset.save_as(films / f'{name}.dcm')
    assert predict(*films.glob('*.dcm'), '--sr', '--sr-overlay') == 1
    said = capfd.readouterr()
    assert 'SECRET' not in said.out + said.err
    out = tmp_path / 'out'
    reasons = {row['image']: row['reason'] for row in rows(out / 'errors.csv')}
    assert set(reasons) == {'no-modality.dcm', 'two-names.dcm'}
    assert '(0008,0060) Modality is missing' in reasons['no-modality.dcm']
    assert '(0010,0010) PatientName must be one value' in reasons['two-names.dcm']
    assert (out / 'sr' / 'one-part-name.dcm.sr.dcm').is_file()


def test_a_picture_gets_no_report_and_the_run_says_so(predict, films, tmp_path, capsys):
    pytest.importorskip('highdicom', reason='needs pip install .[sr]')
    assert predict(films, '--sr') == 1
    out = tmp_path / 'out'
    said = capsys.readouterr()
    assert '3 of 3 films predicted' in said.out
    assert '2 of 3 films got no structured report' in said.err
    reasons = {row['image']: row['reason'] for row in rows(out / 'errors.csv')}
    assert set(reasons) == {'a/1.png', 'b/1.png'}
    for reason in reasons.values():
        assert reason.startswith('no structured report: not a DICOM file')
        assert 'use the JSON output instead' in reason
    assert [path.name for path in (out / 'sr').rglob('*.dcm')] == ['film.dcm.sr.dcm']
    assert len(jsons(out)) == 3


def test_reports_need_the_extra(predict, films, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, 'highdicom', None)
    assert predict(films, '--sr') == 2
    assert 'mmlung[sr]' in capsys.readouterr().err
    with pytest.raises(SystemExit, match='2'):
        predict(films, '--sr-overlay')
    assert '--sr-overlay needs --sr' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('images', 'said'),
    [
        (['missing.png'], 'missing.png does not exist'),
        (['empty'], 'empty holds no film: expected DICOM files'),
        (['*.dicom'], 'no file matches'),
    ],
    ids=['missing', 'empty-folder', 'glob'],
)
def test_what_a_user_may_get_wrong(predict, tmp_path, capsys, images, said):
    (tmp_path / 'empty').mkdir()
    assert predict(*(tmp_path / name for name in images)) == 2
    assert said in capsys.readouterr().err


def test_flags_that_do_not_fit(predict, films, capsys, random_detector, monkeypatch):
    member = ['--member', CONFIG, str(random_detector)]
    assert predict(films, *member, '--calibration', 'x.json') == 2
    assert 'is of one model, and this is an ensemble' in capsys.readouterr().err
    monkeypatch.delenv('RANK', raising=False)
    assert predict(films, '--launcher', 'pytorch') == 2
    assert '--launcher pytorch needs torchrun' in capsys.readouterr().err
    assert predict(films, '--launcher', 'slurm') == 2
    assert '--launcher slurm needs GPUs' in capsys.readouterr().err
    with pytest.raises(SystemExit, match='2'):
        predict(films, '--batch-size', '0')
    assert '--batch-size at least 1' in capsys.readouterr().err


def test_an_ensemble_of_one_model_twice(predict, films, tmp_path, random_detector):
    member = ['--member', CONFIG, str(random_detector)]
    assert predict(films / 'a', *member) == 0
    (result,) = read_predictions(tmp_path / 'out/films/1.png.json').results
    assert len(result.made_by.models) == 2


def test_two_processes_share_the_films(films, tmp_path, random_detector):
    (films / 'bad.dcm').write_text('no film')
    argv = [sys.executable, '-m', 'torch.distributed.run', '--standalone']
    argv += ['--nproc-per-node', '2', str(REPO / 'tools' / 'predict.py'), CONFIG]
    argv += [str(random_detector), str(films), '--out', str(tmp_path / 'out')]
    argv += ['--launcher', 'pytorch', '--workers', '0', '--cfg-options', 'img_size=64']
    env = os.environ | {'PYTHONPATH': str(REPO), 'OMP_NUM_THREADS': '1'}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr  # one film is bad
    assert done.stdout.count('3 of 4 films predicted') == 1
    assert len(jsons(tmp_path / 'out')) == 3
    assert len(rows(tmp_path / 'out' / 'findings.csv')) == 3
    (error,) = rows(tmp_path / 'out' / 'errors.csv')
    assert error['image'] == 'bad.dcm'
