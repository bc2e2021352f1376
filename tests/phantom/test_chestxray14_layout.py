import cv2
import pandas as pd
import pytest

from mmlung.dicom import read_image
from mmlung.findings import CHESTXRAY14
from mmlung.findings import CHESTXRAY14_BOXES
from mmlung.phantom import write_chestxray14

N = 120


@pytest.fixture(scope='module')
def nih(tmp_path_factory):
    out = tmp_path_factory.mktemp('phantom') / 'n'
    return write_chestxray14(out, n_images=N, seed=1, size_px=96)


@pytest.fixture(scope='module')
def table(nih):
    return pd.read_csv(nih / 'Data_Entry_2017_v2020.csv')


def test_headers_are_the_release_s(nih, shared_data):
    for name in ('Data_Entry_2017_v2020.csv', 'BBox_List_2017.csv'):
        real = (shared_data / 'nih' / name).read_bytes().split(b'\n')[0]
        assert (nih / name).read_bytes().split(b'\n')[0] == real


def test_label_file(nih, table):
    assert len(table) == N
    assert set(table['Image Index']) == {
        path.name for path in (nih / 'images').iterdir()
    }
    prefix = table['Image Index'].str.extract(r'^(\d{8})_(\d{3})\.png$').astype(int)
    assert (prefix[0] == table['Patient ID']).all()
    assert (prefix[1] != table['Follow-up #']).any()
    assert 1 < table.groupby('Patient ID').size().mean() < 4
    assert (table.groupby('Patient ID')['Patient Gender'].nunique() == 1).all()


def test_labels_are_the_release_s(table):
    labels = table['Finding Labels'].str.split('|')
    assert set(labels.explode()) <= {*CHESTXRAY14, 'No Finding'}
    assert all(len(names) == 1 for names in labels if 'No Finding' in names)
    counts = labels.explode().value_counts()
    assert counts['No Finding'] == pytest.approx(0.25 * N, abs=0.12 * N)
    assert (counts >= 8).sum() >= 9  # eight findings and no finding


def test_lists_split_patients(nih, table):
    train, test = (
        (nih / name).read_text() for name in ('train_val_list.txt', 'test_list.txt')
    )
    assert not train.endswith('\n')
    assert not test.endswith('\n')
    train, test = set(train.split('\n')), set(test.split('\n'))
    assert not train & test
    assert train | test == set(table['Image Index'])
    assert not {name[:8] for name in train} & {name[:8] for name in test}
    assert len(test) == pytest.approx(0.2 * N, abs=6)


def test_boxes_are_in_pixels_of_the_release_and_agree_with_the_labels(nih, table):
    lines = (nih / 'BBox_List_2017.csv').read_text().splitlines()[1:]
    labels = dict(zip(table['Image Index'], table['Finding Labels'], strict=True))
    test = set((nih / 'test_list.txt').read_text().split('\n'))
    names = []
    for image, name, *box in (line.split(',') for line in lines):
        x, y, w, h = (float(number) for number in box)
        assert min(x, y) >= 0
        assert max(x + w, y + h) <= 1024 + 1e-6
        assert min(w, h) > 40
        assert image in test
        finding = 'Infiltration' if name == 'Infiltrate' else name
        assert finding in CHESTXRAY14_BOXES
        assert finding in labels[image].split('|')
        names.append(name)
    assert 'Infiltrate' in names
    assert 'Infiltration' not in names
    boxed = sum(
        name in CHESTXRAY14_BOXES for image in test for name in labels[image].split('|')
    )
    assert len(names) == boxed


def test_films(nih):
    modes = []
    for path in sorted((nih / 'images').iterdir()):
        modes.append(cv2.imread(str(path), cv2.IMREAD_UNCHANGED).ndim)
        assert read_image(path).pixels.shape == (96, 96)
    assert modes.count(3) == 2  # RGBA


def test_same_arguments_same_bytes(nih, tmp_path):
    again = write_chestxray14(tmp_path / 'n', n_images=N, seed=1, size_px=96, workers=2)
    for path in nih.rglob('*'):
        if path.is_file():
            assert path.read_bytes() == (again / path.relative_to(nih)).read_bytes()
    with pytest.raises(ValueError, match='other arguments'):
        write_chestxray14(again, n_images=N, seed=2, size_px=96)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'n_images': 5}, 'n_images must be at least 10 to be split, got 5'),
        ({'size_px': 50}, 'at least 96 px on each side, got 50'),
    ],
    ids=['count', 'size'],
)
def test_refused(changes, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        write_chestxray14(tmp_path / 'n', **{'n_images': 20, **changes})
