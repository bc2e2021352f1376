import hashlib

import numpy as np
import pandas as pd
import pytest

from mmlung.dicom import image_size_hw
from mmlung.findings import VINDR_GLOBAL
from mmlung.findings import VINDR_KAGGLE
from mmlung.findings import VINDR_LOCAL
from mmlung.phantom import write_vindr
from mmlung.phantom.layouts import MARKER

SMALL = {'n_train': 24, 'n_test': 8, 'seed': 3, 'size_range': (96, 130)}


@pytest.fixture(scope='module')
def physionet(tmp_path_factory):
    return write_vindr(tmp_path_factory.mktemp('phantom') / 'p', **SMALL)


@pytest.fixture(scope='module')
def kaggle(tmp_path_factory):
    out = tmp_path_factory.mktemp('phantom') / 'k'
    return write_vindr(out, release='kaggle', **SMALL)


def digests(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob('*')
        if path.is_file()
    }


def test_physionet_files(physionet):
    names = {path.name for path in (physionet / 'annotations').iterdir()}
    assert names == {
        'annotations_train.csv',
        'annotations_test.csv',
        'image_labels_train.csv',
        'image_labels_test.csv',
    }
    assert len(list((physionet / 'train').iterdir())) == 24
    assert len(list((physionet / 'test').glob('*.dicom'))) == 8
    assert (physionet / MARKER).read_text().startswith('SYNTHETIC')


def test_physionet_headers(physionet):
    def header(name):
        text = (physionet / 'annotations' / name).read_text()
        return text.splitlines()[0].split(',')

    box = ['class_name', 'x_min', 'y_min', 'x_max', 'y_max']
    labels = [*VINDR_LOCAL, *VINDR_GLOBAL]
    assert header('annotations_train.csv') == ['image_id', 'rad_id', *box]
    assert header('annotations_test.csv') == ['image_id', *box]
    assert header('image_labels_train.csv') == ['image_id', 'rad_id', *labels]
    test = header('image_labels_test.csv')
    assert test[-2:] == ['Other disease', 'No finding']
    assert test[:-2] == ['image_id', *labels[:-2]]


def test_physionet_boxes_fit_films_and_labels(physionet):
    for part in ('train', 'test'):
        folder = physionet / 'annotations'
        boxes = pd.read_csv(folder / f'annotations_{part}.csv', dtype={'image_id': str})
        labels = pd.read_csv(folder / f'image_labels_{part}.csv')
        keys = ['image_id', 'rad_id'] if part == 'train' else ['image_id']
        assert not labels.duplicated(keys).any()
        assert set(labels.image_id) == {p.stem for p in (physionet / part).iterdir()}
        assert (
            labels.groupby('image_id').size() == (3 if part == 'train' else 1)
        ).all()
        labels = labels.set_index(keys)
        for key, rows in boxes.groupby(keys):
            drawn = set(rows.class_name)
            row = labels.loc[key if len(key) > 1 else key[0]]
            positive = {name for name in VINDR_LOCAL if row[name] == 1}
            assert positive == drawn - {'No finding'}
            assert row['No finding'] == (drawn == {'No finding'})
            assert set(row) <= {0, 1}
        drawn = boxes[boxes.class_name != 'No finding']
        assert boxes[boxes.class_name == 'No finding'].x_min.isna().all()
        sizes = [image_size_hw(physionet / part / f'{i}.dicom') for i in drawn.image_id]
        height, width = np.array(sizes).T
        assert ((drawn.x_min >= 0) & (drawn.x_min < drawn.x_max)).all()
        assert ((drawn.y_min >= 0) & (drawn.y_min < drawn.y_max)).all()
        assert (drawn.x_max <= width).all()
        assert (drawn.y_max <= height).all()


def test_sizes_and_ids(physionet):
    paths = list(physionet.rglob('*.dicom'))
    sizes = {image_size_hw(path) for path in paths}
    assert len(sizes) > 10
    assert all(96 <= side <= 130 for size in sizes for side in size)
    assert all(len(p.stem) == 32 and int(p.stem, 16) >= 0 for p in paths)


def test_kaggle_files(kaggle, physionet):
    train = pd.read_csv(kaggle / 'train.csv', dtype=str, keep_default_na=False)
    assert list(train) == [
        *('image_id', 'class_name', 'class_id', 'rad_id'),
        *('x_min', 'y_min', 'x_max', 'y_max'),
    ]
    names = (*VINDR_KAGGLE, 'No finding')
    assert [names.index(n) for n in train.class_name] == list(
        train.class_id.astype(int)
    )
    by_image = train.groupby('image_id')
    assert (by_image.rad_id.nunique() == 3).all()
    mixed = by_image.class_name.agg(
        lambda n: 'No finding' in set(n) and len(set(n)) > 1
    )
    assert not mixed.any()
    found = train[train.class_name != 'No finding']
    corners = found[['x_min', 'y_min', 'x_max', 'y_max']]
    assert corners.stack().str.fullmatch(r'\d+\.0').all()
    corners = corners.astype(float)
    assert (corners.x_min < corners.x_max).all()
    assert (corners.y_min < corners.y_max).all()
    assert list(train.image_id) != sorted(train.image_id)
    submission = pd.read_csv(kaggle / 'sample_submission.csv', dtype=str)
    assert list(submission) == ['image_id', 'PredictionString']
    assert set(submission.PredictionString) == {'14 1 0 0 1 1'}
    assert set(submission.image_id) == {p.stem for p in (kaggle / 'test').iterdir()}
    films = {n: d for n, d in digests(kaggle).items() if n.endswith('.dicom')}
    assert films.items() <= digests(physionet).items()  # the same films


def test_same_arguments_same_bytes_on_any_number_of_workers(physionet, tmp_path):
    again = write_vindr(tmp_path / 'again', workers=2, **SMALL)
    assert digests(again) == digests(physionet)
    other = write_vindr(tmp_path / 'other', **{**SMALL, 'seed': 4})
    assert not {p.name for p in other.rglob('*.dicom')} & {
        p.name for p in again.rglob('*.dicom')
    }


def test_finished_folder_is_kept_and_unfinished_one_completed(tmp_path):
    arguments = {**SMALL, 'n_train': 3, 'n_test': 2}
    out = write_vindr(tmp_path / 'v', **arguments)
    expected = digests(out)
    film = next((out / 'train').iterdir())
    film.unlink()
    write_vindr(out, **arguments)
    assert not film.exists()  # the marker says that all is there
    marker = out / MARKER
    marker.write_text(
        marker.read_text().replace('"finished": true', '"finished": false')
    )
    write_vindr(out, **arguments)
    assert digests(out) == expected


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'release': 'zenodo'}, r"release must be one of .* got 'zenodo'"),
        ({'n_test': 0}, 'n_train and n_test must be at least 1, got 24 and 0'),
        ({'size_range': (300, 200)}, r'size_range must be \(low, high\)'),
        ({'size_range': (20, 200)}, 'at least 96 px on each side, got 20'),
        ({'findings': ('Mass',)}, r"\['Mass'\] are no findings of VinDr-CXR"),
        ({'findings': ('Edema',)}, r"got \['Edema'\]"),
    ],
    ids=['release', 'count', 'order', 'small', 'foreign', 'undrawable'],
)
def test_refused(changes, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        write_vindr(tmp_path / 'v', **{**SMALL, **changes})
    assert not (tmp_path / 'v').exists()
