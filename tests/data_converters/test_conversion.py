import json
from pathlib import Path

import pytest

from data_converters.conversion import Conversion
from data_converters.conversion import Part
from data_converters.conversion import images_root_text
from data_converters.conversion import replace_files
from data_converters.conversion import write_conversion
from data_converters.records import AnnotationError
from data_converters.records import Box
from data_converters.records import ImageRecord
from data_converters.report import Report
from data_converters.report import is_healthy
from data_converters.report import summary
from data_converters.tables import Source

CLASSES = ('ILD', 'No finding')
HEALTHY = ImageRecord('h', 'h.png', (10, 10), labels=(0.0, 1.0))
SICK = ImageRecord(
    's', 's.png', (10, 10), (Box('ILD', (0, 0, 5, 5)),), (1.0, 0.0), patient_id='3'
)
UNLABELLED = ImageRecord('u', 'u.png', (10, 10))


def conversion(*parts, **fields):
    return Conversion(
        **{
            'dataset': 'x',
            'release': 'y',
            'findings': ('ILD',),
            'image_classes': CLASSES,
            'images_root': Path('images'),
            'label_source': Source(Path('labels.csv'), 3, 'ab', 'cd'),
            'seed': 5,
            'parts': parts,
            **fields,
        }
    )


TRAIN = Part('train', 'detection', 'train', 'subset', 'consensus', [HEALTHY, SICK])
TEST = Part('test', 'classification', 'test', 'official', None, [UNLABELLED], {'k': 1})


def test_files_and_their_head(tmp_path):
    report = Report(options={'seed': 5})
    made = conversion(TRAIN, TEST, lists={'train_list': ['h', 's']})
    written = write_conversion(made, report, tmp_path / 'new' / 'out')
    out = tmp_path / 'new' / 'out'
    assert {p.name for p in out.iterdir()} == set(written['files'])
    assert (out / 'train_list.txt').read_text() == 'h\ns\n'
    info = json.loads((out / 'train.json').read_text())['info']
    assert info.pop('images_root') == Path('images').absolute().as_posix()
    assert info.pop('mmlung_version')
    assert info == {
        'dataset': 'x',
        'release': 'y',
        'split': 'train',
        'split_family': 'subset',
        'ground_truth': 'consensus',
        'label_file': 'labels.csv',
        'label_sha256': 'cd',
        'seed': 5,
        'image_classes': list(CLASSES),
    }
    metainfo = json.loads((out / 'test.json').read_text())['metainfo']
    assert (metainfo['k'], metainfo['ground_truth']) == (1, None)
    assert json.loads((out / 'conversion_report.json').read_text()) == written


def test_report_counts():
    report = Report(boxes_in=2)
    report.add_input(Source(Path('a/labels.csv.gz'), 3, 'ab', 'cd'), 'labels')
    report.add_input(Source(Path('sizes.csv'), 9, 'ef', 'ef'), 'sizes', False)
    report.clip('labels.csv', 2, 'crosses the border')
    report.drop('labels.csv', 3, 'has no area')
    report.warn('odd')
    report.count('strangers', 4)
    result = report.as_json(conversion(TRAIN, TEST))
    assert result['inputs'][0] == {
        'name': 'labels.csv.gz',
        'role': 'labels',
        'rows': 3,
        'sha256': 'ab',
        'content_sha256': 'cd',
    }
    expected = {
        'rows_read': 3,
        'images': 3,
        'healthy_images': 1,
        'boxes_in': 2,
        'boxes_out': 1,
        'n_clipped': 1,
        'n_dropped': 1,
        'warnings': ['odd'],
        'counts': {'strangers': 4},
    }
    assert expected.items() <= result.items()
    assert result['parts'][0]['per_finding'] == {'ILD': 1}
    assert result['parts'][0]['patients'] == 1
    text = summary(result)
    for piece in ('train.json', '3 rows read', 'warning: odd', 'strangers: 4'):
        assert piece in text


@pytest.mark.parametrize(
    ('record', 'healthy'),
    [(HEALTHY, True), (SICK, False), (UNLABELLED, False)],
    ids=['healthy', 'sick', 'unlabelled'],
)
def test_is_healthy(record, healthy):
    assert is_healthy(record, CLASSES) is healthy


@pytest.mark.parametrize(
    ('labels', 'healthy'),
    [
        ((1.0, 0.0), True),
        ((0.0, float('nan')), False),
        ((0.0, 0.0), True),
        ((1.0, float('nan')), True),
        ((float('nan'), 0.0), True),
    ],
    ids=['called-so', 'maybe-not', 'all-absent', 'called-so-in-spite', 'unsaid'],
)
def test_unknown_findings_are_not_healthy_unless_called_so(labels, healthy):
    record = ImageRecord('a', 'a.png', labels=labels)
    assert is_healthy(record, ('No Finding', 'Edema')) is healthy


@pytest.mark.parametrize(
    ('root', 'text'),
    [
        ('data/out', '.'),
        ('data/out/images', 'images'),
        ('data/images/train', '../images/train'),
        ('data', '..'),
        ('elsewhere', None),
    ],
    ids=['out', 'inside', 'beside', 'parent', 'elsewhere'],
)
def test_images_root(tmp_path, root, text):
    out = tmp_path / 'data' / 'out'
    found = images_root_text(tmp_path / root, out)
    assert found == (text or (tmp_path / root).as_posix())
    assert (out / found).resolve() == (tmp_path / root).resolve()


def test_images_root_when_out_is_a_link(tmp_path):
    (tmp_path / 'disk' / 'out').mkdir(parents=True)
    (tmp_path / 'data').mkdir()
    out = tmp_path / 'data' / 'out'
    out.symlink_to(tmp_path / 'disk' / 'out', target_is_directory=True)
    root = tmp_path / 'data' / 'images'
    root.mkdir()
    assert (out / images_root_text(root, out)).resolve() == root


def test_an_earlier_conversion_is_replaced_and_the_rest_left_alone(tmp_path):
    (tmp_path / 'notes.txt').write_text('mine')
    write_conversion(conversion(TRAIN, TEST), Report(), tmp_path)
    write_conversion(conversion(TRAIN), Report(), tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {'notes.txt', 'train.json', 'conversion_report.json'}


def test_a_file_that_is_not_ours_is_never_overwritten(tmp_path):
    (tmp_path / 'train_list.txt').write_text('official')
    made = conversion(TRAIN, lists={'train_list': ['h']})
    with pytest.raises(AnnotationError, match='was not written by a conversion'):
        write_conversion(made, Report(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ['train_list.txt']


def test_no_film_is_left(tmp_path):
    empty = Part('train', 'detection', 'train', 'subset', 'consensus', [])
    with pytest.raises(AnnotationError, match='no film is left'):
        write_conversion(conversion(empty), Report(), tmp_path / 'out')
    assert not list(tmp_path.iterdir())


def test_out_must_be_a_folder(tmp_path):
    (tmp_path / 'out').write_text('')
    with pytest.raises(AnnotationError, match='--out must be a folder'):
        replace_files(tmp_path / 'out', {'a.json': '{}'})


@pytest.mark.parametrize('before', [False, True], ids=['new-out', 'existing-out'])
def test_a_failure_leaves_nothing_half_written(tmp_path, monkeypatch, before):
    out = tmp_path / 'out'
    if before:
        write_conversion(conversion(TRAIN), Report(), out)
    kept = {p: p.read_bytes() for p in out.rglob('*')}
    write_text = Path.write_text

    def disk_full(self, *args, **kwargs):
        if self.name == 'test.json':
            raise OSError('no space left on device')
        return write_text(self, *args, **kwargs)

    monkeypatch.setattr(Path, 'write_text', disk_full)
    with pytest.raises(OSError, match='no space left'):
        write_conversion(conversion(TRAIN, TEST), Report(), out)
    assert {p: p.read_bytes() for p in out.rglob('*')} == kept
    assert out.exists() == before
    assert [p.name for p in tmp_path.iterdir()] == (['out'] if before else [])
