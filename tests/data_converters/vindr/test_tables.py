import pytest

from .. import vindr_download
from ..vindr_download import FUSED_BOXES


@pytest.mark.parametrize(
    ('row', 'message'),
    [
        (('0000000000', 'R8', 'ILD', '', 1, 2, 3), 'lacks a coordinate'),
        (('0000000000', 'R8', 'ILD', 5, 1, 2, 3), 'has x_max < x_min'),
        (('0000000000', 'R8', 'ILD', 'x', 1, 2, 3), 'x_min must be a number'),
        (('0000000003', 'R8', 'Ild', 1, 1, 2, 3), "unknown finding 'Ild'"),
        (('0000000003', 'R8', 'Rib fracture', 1, 1, 2, 3), 'unknown finding'),
        (('0000000003', 'R8', 'Lung tumor', 1, 1, 2, 3), 'label of the whole image'),
        (('0000000003', 'R8', 'Other disease', 1, 1, 2, 3), 'of the whole image'),
        (('', 'R8', 'ILD', 1, 1, 2, 3), 'image_id must not be blank'),
        (('0000000003', '', 'ILD', 1, 1, 2, 3), 'rad_id must not be blank'),
        (('0000000000', 'R8', 'Cardiomegaly', 10, 20, 110, 120), 'repeats row 2.'),
        (('0000000009', 'R8', 'No finding', '', '', '', ''), 'repeats row'),
        (('0000000000', 'R8', 'No finding', '', '', '', ''), 'another row draws a box'),
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
        'repeated',
        'nothing-twice',
        'nothing-and-a-box',
    ],
)
def test_a_wrong_row_is_named(kaggle, refuse, row, message):
    line = vindr_download.append_rows(kaggle, row)
    error = refuse('vindr', '--root', kaggle)
    assert message in error
    assert f'train.csv row {line}:' in error
    assert 'pass --drop-invalid.' in error


def test_invalid_rows_are_dropped_on_request(kaggle, convert):
    last = vindr_download.append_rows(
        kaggle,
        ('0000000000', 'R8', 'ILD', '', '', '', ''),
        ('0000000003', 'R8', 'Ild', 1, 1, 2, 3),
        ('0000000003', 'R8', 'Lung tumor', 1, 1, 2, 3),
        ('0000000000', 'R8', 'ILD', 'x', 1, 2, 3),
        ('', 'R8', 'ILD', 1, 1, 2, 3),
        vindr_download.box_rows()[0],
        ('0000000000', 'R8', 'No finding', '', '', '', ''),
    )
    files = convert('vindr', '--root', kaggle, '--drop-invalid')
    assert files.all_boxes('train', 'val') == FUSED_BOXES
    dropped = {e['line']: e['reason'] for e in files.report['dropped']}
    assert sorted(dropped) == list(range(last - 6, last + 1))
    assert dropped[last - 1] == 'repeats row 2'
    assert files.report['counts'] == {
        'rows dropped, blank image_id': 1,
        'rows dropped, no finding of a box': 2,
        'rows dropped, no number': 1,
        'rows dropped, repeated': 1,
        'rows dropped, No finding beside a box': 1,
    }
    at = files['train']['info']['image_classes'].index('No finding')
    image = files.images('train', 'val')['0000000000']
    assert image['label_votes'][at] == 0


def test_a_table_of_which_nothing_is_right(kaggle, refuse):
    rows = [('0000000003', 'R8', 'Ild', 1, 1, 2, 3)] * 2
    vindr_download.kaggle_release(kaggle, rows=rows, films=False)
    error = refuse('vindr', '--root', kaggle, '--drop-invalid')
    assert "train.csv row 2: unknown finding 'Ild'" in error
    assert 'and no other row is right' in error


def test_no_finding_never_becomes_a_box(kaggle, convert):
    """Some copies give 'No finding' the one-pixel box of the Kaggle metric."""
    path = kaggle / 'train.csv'
    text = path.read_text().replace('No finding,14,R8,,,,', 'No finding,14,R8,0,0,1,1')
    path.write_text(text)
    files = convert('vindr', '--root', kaggle)
    assert files.all_boxes('train', 'val') == FUSED_BOXES
    assert "18 rows of 'No finding' have coordinates" in files.report['warnings'][0]


def test_a_consensus_of_nothing_may_be_said_again(physionet, convert):
    """Five readers stand behind a test film; the table does not say which."""
    path = physionet / 'annotations' / 'annotations_test.csv'
    lines = path.read_text().splitlines()
    path.write_text('\n'.join([*lines, lines[-1]]))
    files = convert('vindr', '--root', physionet)
    assert len(files['test']['images']) == 4
    assert not files.report['dropped']


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
