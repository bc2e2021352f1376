import csv

from data_converters.conversion import Part
from data_converters.generic.csv_writer import csv_text
from data_converters.records import Box
from data_converters.records import ImageRecord


def part(split, *records):
    return Part(split, 'detection', split, 'given', 'given', records)


def test_a_row_a_box_and_one_for_a_film_without():
    boxes = (
        Box('Nodule/Mass', (0.1, 1 / 3, 2.0, 5.0), ('R8', 'R10')),
        Box('odd, "one"', (0, 0, 20, 30), crowd=True),
    )
    text = csv_text(
        [
            part('train', ImageRecord('1', 'a, b.png', (30, 20), boxes, view='PA')),
            part('test', ImageRecord('2', 'c.png', (3, 2), patient_id='007', age=0.0)),
        ]
    )
    rows = list(csv.DictReader(text.splitlines()))
    assert list(rows[0]) == [
        'image', 'finding', 'xmin', 'ymin', 'xmax', 'ymax', 'image_width',
        'image_height', 'split', 'image_id', 'patient_id', 'view', 'age', 'readers',
        'iscrowd',
    ]  # fmt: skip
    assert rows[0]['ymin'] == repr(1 / 3)
    assert [r['image'] for r in rows] == ['a, b.png', 'a, b.png', 'c.png']
    assert [r['finding'] for r in rows] == ['Nodule/Mass', 'odd, "one"', '']
    assert [r['readers'] for r in rows] == ['R8;R10', '', '']
    assert [r['iscrowd'] for r in rows] == ['', '1', '']
    assert (rows[2]['xmin'], rows[2]['split'], rows[2]['patient_id']) == (
        '', 'test', '007',
    )  # fmt: skip
    assert (rows[2]['image_width'], rows[2]['image_height']) == ('2', '3')


def test_columns_that_nothing_fills_are_left_out():
    text = csv_text([part('train', ImageRecord('1', 'a.png', (3, 2)))])
    assert text.splitlines()[0].endswith('split,image_id')
