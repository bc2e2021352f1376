import pytest

from .. import vindr_download
from ..vindr_download import FUSED_BOXES


def test_sizes_from_a_table_without_images(tmp_path, convert):
    root = vindr_download.kaggle_release(tmp_path / 'tables', films=False)
    sizes = [(i, 300, 200) for i in vindr_download.TRAIN_IDS]
    table = tmp_path / 'train_meta.csv.gz'
    vindr_download.write_csv(table, ('image_id', 'dim0', 'dim1'), sizes)
    files = convert(
        *('vindr', '--annotations', root / 'train.csv', '--image-sizes', table)
    )
    image = files.images('train', 'val')['0000000000']
    assert (image['height'], image['width']) == (300, 200)
    assert image['file_name'] == 'train/0000000000.dicom'
    assert files['train']['info']['images_root'] == '../tables'
    assert files.all_boxes('train', 'val') == FUSED_BOXES


def test_a_resized_mirror(tmp_path, convert):
    """Boxes are scaled to the file, each axis on its own, in floats."""
    root = vindr_download.kaggle_release(tmp_path / 'mirror', films=False)
    for image_id in vindr_download.TRAIN_IDS:
        vindr_download.write_png(root / 'train' / f'{image_id}.png', (64, 64))
    sizes = [(i, 300, 200) for i in vindr_download.TRAIN_IDS]
    vindr_download.write_csv(
        root / 'train_meta.csv', ('image_id', 'dim0', 'dim1'), sizes
    )
    files = convert('vindr', '--root', root)
    boxes = files.all_boxes('train', 'val')
    for (*_, found, _), (*_, true, _) in zip(boxes, FUSED_BOXES, strict=True):
        scale = (64 / 200, 64 / 300) * 2
        assert found == pytest.approx([v * s for v, s in zip(true, scale, strict=True)])
    image = files.images('train', 'val')['0000000000']
    assert (image['height'], image['width']) == (64, 64)
    assert image['original_size_hw'] == [300, 200]
    assert image['file_name'] == '0000000000.png'


@pytest.mark.parametrize('prefix', ['', 'raw_'], ids=['height-width', 'raw'])
def test_a_mirror_with_sizes_beside_the_boxes(tmp_path, convert, prefix):
    """Such as awsaf49's and sunghyunjun's; the second one scaled its boxes."""
    root = tmp_path / 'mirror'
    corners = vindr_download.CORNERS
    header = ['', 'image_id', 'class_name', 'class_id', 'rad_id', *corners]
    originals = (*corners, 'width', 'height') if prefix else ('width', 'height')
    header += [prefix + name for name in originals]
    rows = []
    for i, (image_id, reader, name, *box) in enumerate(vindr_download.box_rows()):
        ours = [b if b == '' else round(b / 4) for b in box]
        boxes = [*ours, *box] if prefix else box
        rows.append([i, image_id, name, 0, reader, *boxes, 200, 300])
    vindr_download.write_csv(root / 'train.csv', header, rows)
    for image_id in vindr_download.TRAIN_IDS:
        vindr_download.write_png(root / 'train' / f'{image_id}.png', (75, 50))
    files = convert('vindr', '--root', root)
    for found, true in zip(files.all_boxes('train', 'val'), FUSED_BOXES, strict=True):
        assert found[2] == pytest.approx([v / 4 for v in true[2]])


def test_a_resized_mirror_without_a_table_stops(tmp_path, refuse):
    root = vindr_download.kaggle_release(tmp_path / 'mirror', films=False)
    for image_id in vindr_download.TRAIN_IDS:
        vindr_download.write_png(root / 'train' / f'{image_id}.png', (64, 64))
    assert 'wrong image sizes' in refuse('vindr', '--root', root)


def test_a_table_of_sizes_must_be_complete(kaggle, refuse, tmp_path):
    table = tmp_path / 'sizes.csv'
    sizes = [(i, 300, 200) for i in vindr_download.TRAIN_IDS[1:]]
    vindr_download.write_csv(table, ('image_id', 'dim0', 'dim1'), sizes)
    args = ('vindr', '--annotations', kaggle / 'train.csv', '--image-sizes', table)
    error = refuse(*args)
    assert 'the size of 1 of 20 films is unknown (first: 0000000000)' in error
    png = tmp_path / 'png'
    for image_id in vindr_download.TRAIN_IDS:
        vindr_download.write_png(png / f'{image_id}.png')
    error = refuse(*args, '--images', png)
    assert 'lacks film 0000000000, and 0000000000.png is no DICOM' in error


def test_height_and_width_exchanged_stops(tmp_path, refuse):
    root = vindr_download.kaggle_release(tmp_path / 'tables', films=False)
    sizes = [(i, 200, 300) for i in vindr_download.TRAIN_IDS]
    table = root / 'sizes.csv'
    vindr_download.write_csv(table, ('image_id', 'dim0', 'dim1'), sizes)
    assert 'height and width exchanged' in refuse('vindr', '--root', root)


def test_no_images_and_no_sizes(tmp_path, refuse):
    root = vindr_download.kaggle_release(tmp_path / 'tables', films=False)
    error = refuse('vindr', '--annotations', root / 'train.csv')
    assert 'Give the images' in error


def test_boxes_across_the_border(kaggle, convert):
    line = vindr_download.append_rows(
        kaggle,
        ('0000000000', 'R8', 'ILD', 100, 100, 200.5, 150),
        ('0000000000', 'R8', 'ILD', 10, 10, 10, 150),
    )
    files = convert('vindr', '--root', kaggle)
    assert ('0000000000', 'ILD', (100, 100, 200, 150), ('R8',)) in files.all_boxes(
        'train', 'val'
    )
    assert [e['line'] for e in files.report['clipped']] == [line - 1]
    assert [e['line'] for e in files.report['dropped']] == [line]
    assert files.report['clipped'][0]['file'] == 'train.csv'
    assert files.report['boxes_in'] == 11
    assert files.report['boxes_out'] == 7


def test_a_mirror_of_a_third_truncated(tmp_path, convert):
    """Such as raddar's: each side divided by 3, boxes of the original; also a test."""
    root = vindr_download.kaggle_release(tmp_path / 'mirror', films=False)
    for part, ids in (
        ('train', vindr_download.TRAIN_IDS),
        ('test', vindr_download.TEST_IDS),
    ):
        for image_id in ids:
            vindr_download.write_png(root / part / f'{image_id}.png', (100, 66))
        sizes = [(i, 300, 200) for i in ids]
        table = root / f'{part}_meta.csv'
        vindr_download.write_csv(table, ('image_id', 'dim0', 'dim1'), sizes)
    files = convert('vindr', '--root', root)
    scale = (66 / 200, 100 / 300) * 2
    for found, true in zip(files.all_boxes('train', 'val'), FUSED_BOXES, strict=True):
        wanted = [v * s for v, s in zip(true[2], scale, strict=True)]
        assert found[2] == pytest.approx(wanted)
    test = files.images('test_unlabelled')
    assert list(test) == vindr_download.TEST_IDS
    assert test['1e10000000']['original_size_hw'] == [300, 200]


def test_a_thin_box_survives_a_resize(tmp_path, convert):
    """The release's thinnest is 3 px high: rounded after a resize it would be lost."""
    rows = vindr_download.box_rows([(0, 'Pleural effusion', 'R8', (50, 258, 61, 261))])
    root = vindr_download.kaggle_release(tmp_path / 'mirror', rows, films=False)
    for image_id in vindr_download.TRAIN_IDS:
        vindr_download.write_png(root / 'train' / f'{image_id}.png', (30, 20))
    sizes = [(i, 300, 200) for i in vindr_download.TRAIN_IDS]
    table = root / 'train_meta.csv'
    vindr_download.write_csv(table, ('image_id', 'dim0', 'dim1'), sizes)
    ((_, _, found, _),) = convert('vindr', '--root', root).all_boxes('train', 'val')
    assert found == pytest.approx((5, 25.8, 6.1, 26.1))
