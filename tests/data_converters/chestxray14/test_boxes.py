import pytest

from data_converters.chestxray14.boxes import read_boxes
from data_converters.records import AnnotationError
from data_converters.report import Report

from ..nih_download import BOX_HEADER
from ..nih_download import HEADER
from ..nih_download import N_BOXES
from ..nih_download import convert
from ..nih_download import draw
from ..nih_download import patients
from ..nih_download import row
from ..nih_download import write


@pytest.mark.parametrize(
    ('header', 'newline'),
    [
        ('Image Index,Finding Label,Bbox [x,y,w,h],,,', '\n'),
        ('Image Index,Finding Label,Bbox [x,y,w,h]', '\r\n'),
    ],
    ids=['nine-names', 'six-names'],
)
def test_both_box_headers(tmp_path, header, newline):
    path = write(
        tmp_path / 'BBox.csv',
        [header, '00000001_000.png,Infiltrate,10.5,20,30,40.25'],
        newline,
    )
    boxes = read_boxes(path, Report())
    assert boxes.image_id.tolist() == ['00000001_000']
    assert boxes.finding.tolist() == ['Infiltration']
    assert boxes.xyxy.tolist() == [[10.5, 20, 40.5, 60.25]]
    assert boxes.line.tolist() == [2]


def test_a_repeated_box_is_dropped_and_reported(tmp_path):
    line = '00000001_000.png,Mass,10,20,30,40'
    path = write(tmp_path / 'BBox.csv', [BOX_HEADER, line, line])
    report = Report()
    assert len(read_boxes(path, report).xyxy) == 1
    assert report.dropped == [
        {'file': 'BBox.csv', 'line': 3, 'reason': 'repeats an earlier row'}
    ]


@pytest.mark.parametrize(
    ('lines', 'message'),
    [
        ([BOX_HEADER, 'a.png,Hernia,1,2,3,4'], r"row 2: unknown finding 'Hernia'"),
        ([BOX_HEADER, 'a.png,Mass,1,x,3,4'], r"row 2: y must be a number, got 'x'"),
        (
            ['Image Index,Finding Label,x,y', 'a.png,Mass,1,2'],
            r'must begin with the six',
        ),
    ],
    ids=['finding', 'number', 'columns'],
)
def test_boxes_that_cannot_be_read_stop(tmp_path, lines, message):
    with pytest.raises(AnnotationError, match=message):
        read_boxes(write(tmp_path / 'BBox.csv', lines), Report())


def test_a_box_without_its_label_is_told(nih, tmp_path):
    path = nih / 'BBox_List_2017.csv'
    rows = [row('00000001_000.png', 'Hernia'), *patients(20)[1:]]
    write(path, [BOX_HEADER, '00000001_000.png,Nodule,1,1,99,99'])
    write(nih / 'Data_Entry_2017_v2020.csv', [HEADER, *rows])
    warnings = convert(nih, tmp_path / 'out')['conversion_report']['warnings']
    assert (
        '1 boxes show a finding that the label file does not give their film '
        '(first: 00000001_000 Nodule)'
    ) in warnings


def test_boxes_of_missing_films_are_left_out_and_counted(nih, tmp_path):
    boxes = (nih / 'BBox_List_2017.csv').read_text().splitlines()
    (nih / 'images' / boxes[1].split(',')[0]).unlink()
    parts = convert(nih, tmp_path / 'out')
    report = parts['conversion_report']
    assert report['counts']['boxes of films that are not there, left out'] == 1
    assert report['boxes_in'] == report['boxes_out'] == N_BOXES - 1


def test_boxes_are_scaled_per_axis(nih, tmp_path):
    for path in (nih / 'images').iterdir():
        draw(path, size_wh=(512, 256))
    parts = convert(nih, tmp_path / 'out', '--test-fraction', '1')
    assert {tuple(a['bbox']) for a in parts['boxes_test']['annotations']} == {
        (128.0, 32.0, 256.0, 64.0)
    }
    image = parts['boxes_test']['images'][0]
    assert (image['height'], image['width']) == (256, 512)
    assert image['original_size_hw'] == [1024, 1024]


def test_a_box_across_the_border_is_clipped_and_reported(nih, tmp_path):
    path = nih / 'BBox_List_2017.csv'
    lines = path.read_text().splitlines()
    lines[1] = lines[1].replace('256.0,128.0,512.0,256.0', '900,900,124.5,100')
    write(path, lines)
    parts = convert(nih, tmp_path / 'out', '--no-images', '--test-fraction', '1')
    (clipped,) = parts['conversion_report']['clipped']
    assert (clipped['file'], clipped['line']) == ('BBox_List_2017.csv', 2)
    bboxes = [a['bbox'] for a in parts['boxes_test']['annotations']]
    assert [900, 900, 124, 100] in bboxes
