import numpy as np
import pytest

from data_converters.vindr.labels import ReaderLabels


@pytest.mark.parametrize(
    ('votes', 'nodule', 'effusion', 'none'),
    [((), 1, 1, 0), (('--min-votes', 2), 0, 1, 1), (('--min-votes', 3), 0, 0, 0)],
    ids=['default', 'two', 'three'],
)
def test_image_labels_are_votes_of_the_readers(
    kaggle, convert, votes, nodule, effusion, none
):
    files = convert('vindr', '--root', kaggle, *votes)
    classes = files['train']['info']['image_classes']
    images = files.images('train', 'val')

    def label(image, name):
        at = classes.index(name)
        return images[image]['gt_score'][at], images[image]['label_votes'][at]

    assert label('0000000000', 'Cardiomegaly') == (1, 3)
    assert label('0000000000', 'Nodule/Mass') == (nodule, 1)
    assert label('0000000001', 'Pleural effusion') == (effusion, 2)
    assert label('0000000001', 'No finding') == (0, 1)
    assert label('0000000002', 'Calcification') == (nodule, 1)
    assert label('0000000002', 'No finding') == (none, 2)
    assert label('0000000009', 'No finding') == (1, 3)
    assert {i['n_readers'] for i in images.values()} == {3}
    assert files['train']['info']['min_votes'] == (votes[1] if votes else 1)


def test_no_finding_never_stands_beside_a_finding():
    """One reader of three sees something."""
    classes = ('ILD', 'No finding', 'COPD')
    values = np.array([[0, 1, 0], [0, 1, 0], [1, 0, 0]], dtype=float)
    ids = np.array(['a'] * 3, object)
    labels = ReaderLabels(classes, ids, np.array(['R1', 'R2', 'R3'], object), values)
    (film,) = labels.fields(['a'], min_votes=1)
    assert film == {'labels': (1, 0, 0), 'votes': (1, 2, 0), 'n_readers': 3}
    (film,) = labels.fields(['a'], min_votes=2)
    assert film['labels'] == (0, 1, 0)
    (film,) = labels.fields(['a'], min_votes=3)
    assert film['labels'] == (0, 0, 0)


def test_a_consensus_is_taken_as_it_is():
    values = np.array([[1.0, 0.0, np.nan]])
    classes = ('ILD', 'No finding', 'COPD')
    labels = ReaderLabels(classes, np.array(['a']), np.array(['']), values)
    (film,) = labels.fields(['a'], min_votes=3)
    assert film == {'labels': pytest.approx((1, 0, np.nan), nan_ok=True)}


def test_without_label_files_global_labels_are_unknown(physionet, convert):
    for path in physionet.rglob('image_labels_*.csv'):
        path.unlink()
    files = convert('vindr', '--root', physionet)
    classes = files['train']['info']['image_classes']
    image = files.images('train', 'val')['0000000000']
    assert image['gt_score'][classes.index('Tuberculosis')] is None
    assert image['label_votes'][classes.index('Tuberculosis')] is None
    assert image['gt_score'][classes.index('Cardiomegaly')] == 1
    assert files.images('test')['1e10000001']['gt_score'][-1] == 1


def test_blank_label_cells_are_absent_and_counted(physionet, convert):
    path = physionet / 'annotations' / 'image_labels_train.csv'
    lines = path.read_text().splitlines()
    lines[-1] = lines[-1].replace('0,0,0', '0,,', 1)
    path.write_text('\n'.join(lines))
    files = convert('vindr', '--root', physionet)
    assert files.report['warnings'] == [
        'image_labels_train.csv: 2 blank label cells were read as 0 (first: row 61)'
    ]


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ('Lung tumor', 'Lung tumour', r"label columns ['Lung tumor'] are missing"),
        ('0000000000,R8,0,', '0000000000,R8,2,', 'row 2: Aortic enlargement must be 0'),
        ('0000000000,R8,0,', '0000000000,R9,0,', 'row 3: 0000000000 R9 stands there'),
        ('00000000', 'f0000000', 'has no film in common with annotations_train.csv'),
    ],
    ids=['column', 'value', 'twice', 'other-films'],
)
def test_wrong_label_files(physionet, refuse, old, new, message):
    path = physionet / 'annotations' / 'image_labels_train.csv'
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    assert message in refuse('vindr', '--root', physionet)


def test_a_film_without_label_row_is_unknown(physionet, convert):
    path = physionet / 'annotations' / 'image_labels_train.csv'
    lines = path.read_text().splitlines()
    path.write_text('\n'.join(s for s in lines if not s.startswith('0000000000')))
    files = convert('vindr', '--root', physionet)
    assert files.images('train', 'val')['0000000000']['gt_score'] == [None] * 28
    assert 'has no row for 1 films' in files.report['warnings'][0]


@pytest.mark.parametrize('cell', ['2', 'x'])
def test_wrong_label_rows_are_dropped_on_request(physionet, convert, cell):
    path = physionet / 'annotations' / 'image_labels_train.csv'
    lines = path.read_text().splitlines()
    lines[1] = lines[1].replace('R8,0', f'R8,{cell}', 1)
    path.write_text('\n'.join([*lines, lines[2]]))
    files = convert('vindr', '--root', physionet, '--drop-invalid')
    assert [(e['line'], e['reason']) for e in files.report['dropped']] == [
        (62, '0000000000 R9 stands there twice'),
        (2, f'Aortic enlargement must be 0 or 1, got {cell}'),
    ]
    assert files.images('train', 'val')['0000000000']['n_readers'] == 2
