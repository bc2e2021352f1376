import pytest

from . import vindr_download
from .vindr_download import FUSED_BOXES


@pytest.mark.parametrize(
    ('row', 'message'),
    [
        (('0000000003', 'R8', 'ILD', '', 1, 2, 3), 'lacks a coordinate'),
        (('0000000003', 'R8', 'ILD', 5, 1, 2, 3), 'has x_max < x_min'),
        (('0000000003', 'R8', 'ILD', 'x', 1, 2, 3), 'x_min must be a number'),
        (('0000000003', 'R8', 'Ild', 1, 1, 2, 3), "unknown finding 'Ild'"),
        (('0000000003', 'R8', 'Rib fracture', 1, 1, 2, 3), 'unknown finding'),
        (('0000000003', 'R8', 'Lung tumor', 1, 1, 2, 3), 'label of the whole image'),
        (('0000000003', 'R8', 'Other disease', 1, 1, 2, 3), 'of the whole image'),
        (('', 'R8', 'ILD', 1, 1, 2, 3), 'image_id must not be blank'),
        (('0000000003', '', 'ILD', 1, 1, 2, 3), 'rad_id must not be blank'),
    ],
    ids=[
        'no-corner',
        'reversed',
        'text',
        'case',
        'not-in-kaggle',
        'global',
        'alias-of-global',
        'no-image',
        'no-reader',
    ],
)
def test_a_wrong_row_is_named(kaggle, refuse, row, message):
    line = vindr_download.append_rows(kaggle, row)
    error = refuse('vindr', '--root', kaggle)
    assert message in error
    assert f'train.csv row {line}:' in error


def test_invalid_rows_are_dropped_on_request(kaggle, convert):
    row = ('0000000003', 'R8', 'ILD', '', '', '', '')
    line = vindr_download.append_rows(kaggle, row)
    files = convert('vindr', '--root', kaggle, '--drop-invalid')
    assert files.all_boxes('train', 'val') == FUSED_BOXES
    assert [e['line'] for e in files.report['dropped']] == [line]


def test_a_repeated_row_is_dropped(kaggle, convert):
    first = vindr_download.box_rows()[0]
    line = vindr_download.append_rows(kaggle, first)
    files = convert('vindr', '--root', kaggle, '--readers', 'union')
    assert len(files.all_boxes('train', 'val')) == 9
    assert files.report['dropped'] == [
        {'file': 'train.csv', 'line': line, 'reason': 'repeats an earlier row'}
    ]


def test_no_finding_never_becomes_a_box(kaggle, convert):
    """Some copies give 'No finding' the one-pixel box of the Kaggle metric."""
    vindr_download.append_rows(kaggle, ('0000000000', 'R8', 'No finding', 0, 0, 1, 1))
    files = convert('vindr', '--root', kaggle)
    assert files.all_boxes('train', 'val') == FUSED_BOXES
    first, second = files.report['warnings']
    assert "1 rows of 'No finding' have coordinates" in first
    assert "1 times a reader says 'No finding' and draws a finding" in second


def test_paediatric_films_are_refused(kaggle, refuse):
    path = kaggle / 'train.csv'
    path.write_text(path.read_text().replace('rad_id', 'rad_ID', 1))
    assert 'this is VinDr-PCXR' in refuse('vindr', '--root', kaggle)


def test_a_table_without_rows(kaggle, refuse):
    vindr_download.kaggle_release(kaggle, rows=[], films=False)
    assert 'has a header and no rows' in refuse('vindr', '--root', kaggle)


@pytest.mark.parametrize('cell', ['0', '10.5', ''])
def test_a_table_of_sizes_holds_whole_numbers(tmp_path, refuse, cell):
    root = vindr_download.kaggle_release(tmp_path / 'tables', films=False)
    sizes = [(i, 300, cell) for i in vindr_download.TRAIN_IDS]
    vindr_download.write_csv(root / 's.csv', ('image_id', 'dim0', 'dim1'), sizes)
    assert 's.csv row 2: dim0 (height) and dim1' in refuse('vindr', '--root', root)
