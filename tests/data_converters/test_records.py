import pytest

from data_converters.records import AnnotationError
from data_converters.records import Box
from data_converters.records import ImageRecord

NAN = float('nan')


def test_votes_are_distinct_readers():
    assert Box('ILD', (0, 0, 1, 1), ('R8', 'R9')).votes == 2
    assert Box('ILD', (0, 0, 1, 1)).votes == 0


def test_a_film_without_patient_is_a_group_of_its_own():
    assert ImageRecord('a', 'a.png').group == 'a'
    assert ImageRecord('a', 'a.png', patient_id='7').group == '7'


def test_error_says_where():
    error = AnnotationError('is odd', file='train.csv', row=7)
    assert str(error) == 'train.csv row 7: is odd'
    assert (error.file.name, error.row) == ('train.csv', 7)
    assert str(AnnotationError('is odd')) == 'is odd'


@pytest.mark.parametrize(
    'xyxy',
    [(5, 0, 5, 9), (6, 0, 5, 9), (0, 9, 5, 9), (NAN, 0, 5, 9)],
    ids=['no-width', 'reversed', 'no-height', 'nan'],
)
def test_a_box_has_area(xyxy):
    with pytest.raises(AnnotationError, match='x1 < x2 and y1 < y2'):
        Box('ILD', xyxy)


def test_a_reader_counts_once():
    with pytest.raises(AnnotationError, match='readers must be distinct'):
        Box('ILD', (0, 0, 1, 1), ('R8', 'R8'))


def test_labels_may_be_unknown():
    ImageRecord('a', 'a.png', labels=(1.0, 0.0, NAN), votes=(2, 0, None), n_readers=3)


@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        ({'image_id': ''}, 'must have an id'),
        ({'labels': (1.0, 0.5)}, 'labels must be 1, 0 or NaN'),
        ({'labels': (1.0,), 'votes': (1, 2)}, 'votes must match labels'),
        ({'boxes': (Box('ILD', (0, 0, 1, 1)),)}, 'has boxes but no size'),
        (
            {'boxes': (Box('ILD', (0, 0, 21, 5)),), 'size_hw': (10, 20)},
            r'must lie inside its image of 20 x 10',
        ),
    ],
    ids=['no-id', 'half-a-label', 'votes', 'no-size', 'outside'],
)
def test_a_wrong_record_cannot_be_made(fields, message):
    with pytest.raises(AnnotationError, match=message):
        ImageRecord(**{'image_id': 'a', 'file_name': 'a.png', **fields})
