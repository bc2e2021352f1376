import csv
import json

import pytest

from data_converters.conversion import replace_files
from data_converters.writing import short_list


def test_a_data_set_straight_to_yolo(nih, convert):
    coco = convert('chestxray14', '--root', nih, out=nih.parent / 'coco')
    yolo = convert('chestxray14', '--root', nih, '--to', 'yolo')
    assert yolo.report['format'] == 'yolo'
    rows = [
        line
        for path in (yolo.out / 'labels').rglob('*.txt')
        for line in path.read_text().splitlines()
    ]
    boxes = [
        n
        for p in coco.report['parts']
        if p['task'] == 'detection'
        for n in [p['boxes']]
    ]
    assert len(rows) == sum(boxes) == yolo.report['boxes_out']
    assert all(part['task'] == 'detection' for part in yolo.report['parts'])
    lost = 'films of files with image-level labels, not held by yolo'
    assert yolo.report['counts'][lost] > 0


def test_labels_alone_cannot_be_yolo(nih, refuse):
    (nih / 'BBox_List_2017.csv').unlink()
    error = refuse('chestxray14', '--root', nih, '--to', 'csv')
    assert 'there are no boxes to write as csv; image-level labels need' in error


def test_separate_readers_cannot_be_yolo(kaggle, refuse):
    error = refuse(
        'vindr', '--root', kaggle, '--readers', 'separate', '--to', 'yolo',
        '--images-as', 'none',
    )  # fmt: skip
    assert 'several files are train' in error
    assert 'Write them as coco, or fuse the readers' in error


@pytest.mark.parametrize('fmt', ['yolo', 'csv'])
def test_each_fold_is_a_data_set_of_its_own(kaggle, convert, fmt):
    # Without folds first: what is left of it goes.
    options = ('--root', kaggle, '--to', fmt, '--images-as', 'none')
    convert('vindr', *options)
    made = convert('vindr', *options, '--folds', '3')
    coco = convert('vindr', '--root', kaggle, '--folds', '3', out=kaggle / 'coco')
    name = {'yolo': 'data.yaml', 'csv': 'annotations.csv'}[fmt]
    splits = {}
    for k in range(3):
        fold = made.out / f'fold_{k}'
        assert (fold / name).is_file()
        if fmt == 'yolo':
            splits[k] = {
                split: {p.stem for p in (fold / 'labels' / split).rglob('*.txt')}
                for split in ('train', 'val')
            }
        else:
            with (fold / name).open(encoding='utf-8', newline='') as file:
                rows = list(csv.DictReader(file))
            splits[k] = {
                split: {r['image_id'] for r in rows if r['split'] == split}
                for split in ('train', 'val')
            }
        for split, names in splits[k].items():
            content = json.loads((coco.out / f'fold_{k}/{split}.json').read_text())
            assert names == {image['image_id'] for image in content['images']}
    assert not (made.out / 'labels' / 'train').exists()
    files = [part['file'] for part in made.report['parts']]
    assert 'fold_2/val' in files
    assert len(set(files)) == len(files)
    assert made.report['boxes_out'] == coco.report['boxes_out']
    assert not any('Ultralytics wants' in text for text in made.report['warnings'])


def test_a_fold_goes_back_to_coco(kaggle, convert, tmp_path):
    made = convert('vindr', '--root', kaggle, '--to', 'csv', '--folds', '2')
    table = made.out / 'fold_1' / 'annotations.csv'
    back = convert(
        'csv', '--annotations', table, '--images', kaggle, out=tmp_path / 'back'
    )
    fold = [p for p in made.report['parts'] if p['file'].startswith('fold_1/')]
    boxes = {part['split']: part['boxes'] for part in back.report['parts']}
    assert boxes == {part['split']: part['boxes'] for part in fold}


def test_lists_of_files_are_short():
    names = ['data.yaml', 'labels/a.txt', 'labels/b/c.txt', 'images/a.png']
    assert short_list(names) == ['data.yaml', 'labels/ (2 files)', 'images/ (1 files)']


def put(out, *names):
    report = json.dumps({'files': [*names, 'conversion_report.json']})
    replace_files(out, {**dict.fromkeys(names, 'x'), 'conversion_report.json': report})


def test_files_in_folders_are_replaced_and_empty_folders_go(tmp_path):
    out = tmp_path / 'out'
    put(out, 'a/b/1.txt', 'a/2.txt')
    (out / 'a/mine.txt').touch()
    put(out, 'a/2.txt')
    left = {p.relative_to(out).as_posix() for p in out.rglob('*')}
    assert left == {'a', 'a/2.txt', 'a/mine.txt', 'conversion_report.json'}


def test_a_report_cannot_make_us_remove_files_elsewhere(tmp_path):
    out, other = tmp_path / 'out', tmp_path / 'other.txt'
    other.touch()
    put(out, 'a.txt')
    names = ['../other.txt', str(other), 'a.txt']
    (out / 'conversion_report.json').write_text(
        json.dumps({'files': [*names, 'conversion_report.json']})
    )
    put(out, 'b.txt')
    assert other.exists()
    assert not (out / 'a.txt').exists()


@pytest.mark.parametrize('link', [True, False], ids=['link', 'copy'])
def test_a_link_that_is_not_ours_is_not_replaced(tmp_path, link):
    out, image = tmp_path / 'out', tmp_path / 'film.png'
    image.write_bytes(b'x')
    replace_files(out, {'images/1.png': image}, link=link)
    assert (out / 'images/1.png').is_symlink() == link
    with pytest.raises(ValueError, match='was not written by a conversion'):
        replace_files(out, {'images/1.png': 'text'}, link=link)
    assert image.read_bytes() == b'x'
