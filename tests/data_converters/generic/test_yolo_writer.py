import pytest
import yaml
from PIL import Image

from data_converters.conversion import Part
from data_converters.generic.yolo_writer import data_yaml
from data_converters.generic.yolo_writer import image_names
from data_converters.generic.yolo_writer import images_of
from data_converters.generic.yolo_writer import label_texts
from data_converters.records import AnnotationError
from data_converters.records import Box
from data_converters.records import ImageRecord

from .. import hostile

MASS = (Box('Mass', (1, 2, 3, 7)), Box('Mass', (0, 0, 5, 5), crowd=True))


def part(split, *names, boxes=(), ground_truth='given'):
    records = [ImageRecord(name, name, (20, 10), boxes) for name in names]
    return Part(split, 'detection', split, 'given', ground_truth, records)


def test_label_files():
    parts = [
        part('train', 'a.b.png', 'deep/a.b.png', boxes=MASS),
        part('val', 'a.b.jpg'),
        part('test', 'z.png', ground_truth=None),
    ]
    row = '1 0.2000000000 0.2250000000 0.2000000000 0.2500000000\n'
    assert dict(label_texts(parts, ('ILD', 'Mass'))) == {
        'labels/train/a.b.txt': row,
        'labels/train/deep/a.b.txt': row,
        'labels/val/a.b.txt': '',
    }


def test_findings_that_yaml_takes_for_something_else():
    text = data_yaml([part('train', 'a.png'), part('val', 'b.png')], hostile.FINDINGS)
    content = yaml.safe_load(text)
    assert content['names'] == dict(enumerate(hostile.FINDINGS))
    assert (content['train'], content['val']) == ('images/train', 'images/val')


def test_splits_that_are_in_the_names_are_not_repeated():
    names = image_names([part('train', 'train/a.png'), part('val', 'val/train/b.png')])
    assert list(names.values()) == ['images/train/a.png', 'images/val/train/b.png']
    names = image_names([part('train', 'train/a.png', 'a.png')])
    assert list(names.values()) == ['images/train/train/a.png', 'images/train/a.png']


def test_one_label_file_for_two_images_is_an_error():
    with pytest.raises(AnnotationError, match=r'a\.png and a\.jpg differ in their end'):
        list(label_texts([part('train', 'a.png', 'a.jpg')], ('Mass',)))


def test_missing_images_are_an_error(tmp_path):
    with pytest.raises(AnnotationError, match='1 of 1 images are not there'):
        images_of([part('train', 'a.png')], tmp_path)


@pytest.mark.parametrize('images_as', ['link', 'copy', 'none'])
def test_images_are_linked_copied_or_left(tmp_path, convert, images_as):
    source = hostile.write(tmp_path / 'given')
    images = source.parent / 'films'
    base = ('coco', '--annotations', source, '--images', images, '--to', 'yolo')
    got = convert(*base, '--images-as', images_as)
    there = [p for p in (got.out / 'images').rglob('*') if p.is_file()]
    placed = [path for path in there if path.suffix != '.txt']
    assert len(placed) == (0 if images_as == 'none' else len(hostile.NAMES))
    assert all(path.is_symlink() == (images_as == 'link') for path in placed)
    assert 'labels/ (11 files)' in got.printed


def test_a_second_conversion_replaces_its_own_files_only(tmp_path, convert, refuse):
    source = hostile.write(tmp_path / 'given')
    base = ('coco', '--annotations', source, '--images', source.parent / 'films')
    got = convert(*base, '--to', 'yolo')
    mine = got.out / 'images' / 'train' / 'mine.png'
    Image.new('L', (2, 2)).save(mine)
    convert(*base, '--to', 'csv')
    left = {p.relative_to(got.out).as_posix() for p in got.out.rglob('*')}
    wanted = {'annotations.csv', 'conversion_report.json'}
    assert left == wanted | {'images', 'images/train', 'images/train/mine.png'}
    films = [p for p in (source.parent / 'films').rglob('*') if p.is_file()]
    assert len(films) == len(hostile.NAMES)


def test_labelformat_reads_the_same_boxes(tmp_path, convert):
    """An independent reader; it looks for labels by the first ``images`` folder."""
    module = pytest.importorskip('labelformat.formats.yolov8')
    source = hostile.write(tmp_path / 'given')
    base = ('coco', '--annotations', source, '--images', source.parent / 'films')
    yolo = convert(*base, '--to', 'yolo', out=tmp_path / 'yolo')
    want = hostile.boxes_by_film(convert(*base, out=tmp_path / 'coco'))
    seen = 0
    for split in ('train', 'val'):
        reader = module.YOLOv8ObjectDetectionInput(yolo.out / 'data.yaml', split)
        for label in reader.get_labels():
            boxes = sorted(
                (o.category.name, o.box.xmin, o.box.ymin, o.box.xmax, o.box.ymax)
                for o in label.objects
            )
            theirs = want[split, label.image.filename]
            assert [b[0] for b in boxes] == [b[0] for b in theirs]
            for one, other in zip(boxes, theirs, strict=True):
                assert one[1:] == pytest.approx(other[1:], abs=1e-6)
            seen += 1
    assert seen == len(hostile.NAMES) - 1  # all but the one in a folder 'images'
