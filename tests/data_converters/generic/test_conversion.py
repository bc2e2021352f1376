"""Every generic format written and read back, and what all readers share."""

import json
import re
from itertools import product

import pytest

from .. import hostile

FORMATS = ('coco', 'yolo', 'csv')
PRECISION_PX = {'coco': 1e-9, 'yolo': 1e-6, 'csv': 1e-9}


@pytest.fixture
def films(tmp_path):
    return hostile.write(tmp_path / 'given')


@pytest.fixture
def read_back(convert, tmp_path):
    """Read what a conversion wrote, whatever its format."""

    def run(converted, *args, out):
        images = tmp_path / 'given' / 'films'
        folder = converted.out
        names = converted.files()
        if 'data.yaml' in names:
            source = ['yolo', '--data', folder / 'data.yaml']
        elif 'annotations.csv' in names:
            table = folder / 'annotations.csv'
            source = ['csv', '--annotations', table, '--images', images]
        else:
            files = [folder / f'{s}.json' for s in ('train', 'val', 'test')]
            source = ['coco', '--annotations', *(f for f in files if f.exists())]
        return convert(*source, *args, out=tmp_path / out)

    return run


@pytest.mark.parametrize('chain', [*product(FORMATS, FORMATS)], ids='-'.join)
def test_round_trips_over_hostile_films(films, convert, read_back, chain, tmp_path):
    fractions = ('--val-fraction', 0.3, '--test-fraction', 0.2)
    given = ('--annotations', films, '--images', films.parent / 'films', *fractions)
    want = hostile.boxes_by_film(convert('coco', *given, out=tmp_path / 'want'))
    assert len(want) == len(hostile.NAMES)
    assert {split for split, _ in want} == {'train', 'val', 'test'}

    first = convert('coco', *given, '--to', chain[0], out=tmp_path / 'first')
    second = read_back(first, '--to', chain[1], out='second')
    last = read_back(second, '--findings', *hostile.FINDINGS, out='last')
    for converted in (first, second, last):
        assert converted.report['n_dropped'] == converted.report['n_clipped'] == 0

    got = hostile.boxes_by_film(last)
    assert got.keys() == want.keys()
    near = max(PRECISION_PX[name] for name in chain)
    for key, boxes in want.items():
        assert [b[0] for b in got[key]] == [b[0] for b in boxes]
        for ours, theirs in zip(got[key], boxes, strict=True):
            assert ours[1:] == pytest.approx(theirs[1:], abs=near)
    names = [c['name'] for c in last['train']['categories']]
    assert names == list(hostile.FINDINGS)


def write_coco(path, films, boxes, findings=('Mass', 'Nodule')):
    """Films as (name, size), boxes as (film index, finding, xywh)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        'images': [
            {'id': i, 'file_name': name, 'width': w, 'height': h}
            for i, (name, (h, w)) in enumerate(films)
        ],
        'categories': [{'id': i, 'name': name} for i, name in enumerate(findings)],
        'annotations': [
            {'image_id': i, 'category_id': findings.index(name), 'bbox': list(xywh)}
            for i, name, xywh in boxes
        ],
    }
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def small(tmp_path):
    """Four declared films, two of one patient, five boxes."""
    films = [(f'{p}_{i}.png', (50, 60)) for p, i in ((1, 0), (1, 1), (2, 0), (3, 0))]
    boxes = [
        (0, 'Mass', (1, 2, 3, 4)),
        (1, 'Nodule', (1, 2, 3, 4)),
        (1, 'Mass', (5, 5, 9, 9)),
        (2, 'Nodule', (0, 0, 60, 50)),
        (2, 'Nodule', (0, 0, 60, 50)),
    ]
    return write_coco(tmp_path / 'given' / 'boxes.json', films, boxes)


def test_patients_stay_together(small, convert):
    pattern = ('--patient-pattern', r'^(\d+)_', '--val-fraction', 0.5)
    got = convert('coco', '--annotations', small, '--no-images', *pattern)
    train, val = got.images('train'), got.images('val')
    patients = [{i['patient_id'] for i in part.values()} for part in (train, val)]
    assert not patients[0] & patients[1]
    assert got['val']['info']['split_family'] == 'random-patient'
    assert not any('patient may be' in w for w in got.report['warnings'])


def test_films_without_patients_are_split_with_a_warning(small, convert):
    got = convert('coco', '--annotations', small, '--no-images', '--val-fraction', 0.5)
    assert got['train']['info']['split_family'] == 'random-image'
    assert any('no patients are known' in w for w in got.report['warnings'])
    assert any('1 boxes repeat another' in w for w in got.report['warnings'])
    assert got.report['boxes_out'] == 5
    assert got.report['counts']['films without a box'] == 1


def test_rename_and_merge_and_leave_out(small, convert):
    base = ('coco', '--annotations', small, '--no-images', '--val-fraction', 0)
    got = convert(*base, '--rename', 'Mass=Nodule/Mass', 'Nodule=Nodule/Mass')
    assert [c['name'] for c in got['train']['categories']] == ['Nodule/Mass']
    assert len(got['train']['annotations']) == 5
    got = convert(*base, '--rename', 'Mass=')
    assert [c['name'] for c in got['train']['categories']] == ['Nodule']
    assert got.report['options']['rename'] == ['Mass=']
    assert got.report['counts']['boxes of Mass, left out by --rename'] == 2
    assert got.report['counts']['films that have no other box than those'] == 1
    got = convert(
        *base, '--findings', 'vindr-kaggle',
        '--rename', 'Mass=Nodule/Mass', 'Nodule=Nodule/Mass',
    )  # fmt: skip
    assert len(got['train']['categories']) == 14


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (
            ['--findings', 'vindr-kaggle'],
            "unknown findings Mass, Nodule.*--rename 'Mass=Nodule/Mass', or leave its "
            "2 boxes out: --rename 'Mass='",
        ),
        (['--rename', 'mass=X'], "there is no finding 'mass'. Did you mean 'Mass'"),
        (['--findings', 'Mass', 'Mass'], 'must be distinct'),
        (['--patient-pattern', r'^x(\d)'], 'does not fit 4 of 4 file names'),
        (['--to', 'yolo'], '4 of 4 images are not there .*--images-as none'),
    ],
    ids=['unknown', 'no-such', 'twice', 'pattern', 'no-images'],
)
def test_a_wrong_option_says_what_to_do(small, refuse, options, message):
    error = refuse('coco', '--annotations', small, '--no-images', *options)
    assert re.search(message, error), error


@pytest.mark.parametrize(
    'options',
    [['--rename', 'Mass'], ['--rename', '=x'], ['--patient-pattern', '1_'],
     ['--patient-pattern', '('], ['--to', 'voc']],
    ids=['no-equals', 'no-old', 'no-group', 'no-regex', 'format'],
)  # fmt: skip
def test_a_wrong_command_line_is_one_line(small, options, capsys):
    from data_converters.__main__ import main

    with pytest.raises(SystemExit):
        main(['coco', '--annotations', str(small), '--out', 'x', *options])
    error = capsys.readouterr().err
    assert error.startswith('error: ')
    assert error.count('\n') == 1


def test_other_formats_leave_out_only_what_they_count(tmp_path, convert):
    """Labels, readers, crowds, patients: kept in COCO, counted where they cannot be."""
    path = tmp_path / 'given' / 'train.json'
    write_coco(path, [('a.png', (9, 9))], [(0, 'Mass', (1, 1, 2, 2))] * 2, ('Mass',))
    content = json.loads(path.read_text())
    content['info'] = {
        'split': 'test', 'image_classes': ['A', 'B'], 'ground_truth': 'consensus',
        'dataset': 'ours', 'label_file': 'x.csv', 'synthetic': True,
    }  # fmt: skip
    facts = {'patient_id': '07', 'view': 'PA', 'age': 3.5, 'image_id': 'A'}
    content['images'][0] |= facts | {'gt_score': [1, None], 'label_votes': [2, None]}
    content['annotations'][0] |= {'iscrowd': 1, 'readers': ['R8', 'R9']}
    path.write_text(json.dumps(content))

    base = ('coco', '--annotations', path, '--no-images')
    got = convert(*base, out=tmp_path / 'coco')
    image, *_ = got['test']['images']
    assert facts.items() <= image.items()
    assert image['gt_score'] == [1, None]
    assert image['label_votes'] == [2, None]
    info = got['test']['info']
    assert (info['dataset'], info['ground_truth']) == ('ours', 'consensus')
    assert info['synthetic']
    assert info['converted_from'][0]['label_file'] == 'x.csv'
    first, second = got['test']['annotations']
    assert (first['iscrowd'], first['readers'], first['votes']) == (1, ['R8', 'R9'], 2)
    assert (second['iscrowd'], 'readers' in second) == (0, False)

    merged = convert(*base, '--rename', 'A=B', out=tmp_path / 'merged')
    assert merged['test']['info']['image_classes'] == ['B']
    assert merged['test']['images'][0]['gt_score'] == [1]

    table = convert(*base, '--to', 'csv', out=tmp_path / 'csv')
    counts = table.report['counts']
    assert counts['films with image-level labels, not held by csv'] == 1
    back = convert(
        'csv', '--annotations', table.out / 'annotations.csv', '--no-images',
        out=tmp_path / 'back',
    )  # fmt: skip
    assert facts.items() <= back['test']['images'][0].items()
    keys = ('bbox', 'iscrowd', 'readers')
    for ours, theirs in zip(
        back['test']['annotations'], got['test']['annotations'], strict=True
    ):
        assert [ours.get(k) for k in keys] == [theirs.get(k) for k in keys]

    yolo = convert(*base, '--to', 'yolo', '--images-as', 'none', out=tmp_path / 'yolo')
    counts = yolo.report['counts']
    assert counts['crowd regions (boxes left out), not held by yolo'] == 1
    assert counts['boxes with their readers, not held by yolo'] == 1
    assert counts['films with a patient, not held by yolo'] == 1
    label = yolo.out / 'labels/test/a.txt'
    assert label.read_text().count('\n') == 1
    assert any('wants train and val' in w for w in yolo.report['warnings'])
