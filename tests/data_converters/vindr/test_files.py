import pytest

from .. import vindr_download


def test_files_named_singly_give_the_same(kaggle, convert, tmp_path):
    by_root = convert('vindr', '--root', kaggle)
    singly = convert(
        *('vindr', '--annotations', kaggle / 'train.csv', '--images', kaggle / 'train'),
        *('--test-images', kaggle / 'test'),
        out=tmp_path / 'other',
    )
    for name in ('train', 'val', 'test_unlabelled'):
        assert singly[name]['images'] == by_root[name]['images']
        assert singly[name]['annotations'] == by_root[name]['annotations']


def test_two_tables_for_one_role(kaggle, refuse, convert):
    other = kaggle / 'fold0.csv'
    other.write_bytes((kaggle / 'train.csv').read_bytes())
    convert('vindr', '--root', kaggle)  # a copy is no rival
    other.write_text(other.read_text() + 'x,ILD,5,R8,1,1,2,2\n')
    error = refuse('vindr', '--root', kaggle)
    assert 'fold0.csv' in error
    assert 'all fit --annotations. Name the one to use.' in error


@pytest.mark.parametrize(
    ('option', 'table', 'belongs'),
    [
        ('--annotations', 'annotations_test', '--test-annotations'),
        ('--annotations', 'image_labels_train', '--image-labels'),
        ('--test-annotations', 'annotations_train', '--annotations'),
        ('--image-labels', 'image_labels_test', '--test-image-labels'),
        ('--test-image-labels', 'image_labels_train', '--image-labels'),
    ],
)
def test_a_table_in_the_place_of_another(physionet, refuse, option, table, belongs):
    path = physionet / 'annotations' / f'{table}.csv'
    error = refuse('vindr', '--root', physionet, option, path)
    assert f'{table}.csv: holds' in error
    assert f'which belong to {belongs}; {option} wants' in error


@pytest.mark.parametrize('option', ['--annotations', '--image-labels'])
def test_a_table_of_another_data_set(physionet, nih, refuse, option):
    path = nih / 'Data_Entry_2017_v2020.csv'
    error = refuse('vindr', '--root', physionet, option, path)
    assert 'Data_Entry_2017_v2020.csv: columns' in error
    assert 'Is it a table of another data set?' in error


def test_nested_folders_of_mirrors(tmp_path, convert):
    """MLE-bench unpacks to test/test/."""
    root = vindr_download.kaggle_release(tmp_path / 'r')
    (root / 'test').rename(root / 'moved')
    (root / 'test').mkdir()
    (root / 'moved').rename(root / 'test' / 'test')
    files = convert('vindr', '--root', root)
    names = [i['file_name'] for i in files['test_unlabelled']['images']]
    assert names[0] == 'test/test/1e10000000.dicom'


def test_train_and_test_films_in_one_folder(physionet, convert, tmp_path):
    films = tmp_path / 'films'
    films.mkdir()
    for path in physionet.rglob('*.dicom'):
        path.rename(films / path.name)
    tables = physionet / 'annotations'
    files = convert(
        *('vindr', '--annotations', tables / 'annotations_train.csv'),
        *('--test-annotations', tables / 'annotations_test.csv', '--images', films),
    )
    assert len(files['test']['images']) == 4
    assert 'counts' in files.report
    assert not files.report['counts']
    films.rename(tables.parent / 'films')
    again = convert('vindr', '--root', physionet, out=tmp_path / 'again')
    assert list(again.images('test')) == list(files.images('test'))


@pytest.mark.parametrize(
    ('args', 'message'),
    [
        ((), 'give --annotations FILE or --root DIR'),
        (('--root', 'nowhere'), 'nowhere: no such file or folder'),
        (('--annotations', 'nowhere.csv'), 'nowhere.csv: no such file'),
    ],
    ids=['nothing', 'root', 'file'],
)
def test_what_is_not_there(refuse, args, message):
    assert message in refuse('vindr', *args)


def test_an_empty_root(tmp_path, refuse):
    (tmp_path / 'empty').mkdir()
    assert 'no table of boxes was found' in refuse(
        'vindr', '--root', tmp_path / 'empty'
    )
