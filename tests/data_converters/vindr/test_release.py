from .. import vindr_download


def test_missing_films_are_listed_and_stop(kaggle, refuse, convert):
    gone = vindr_download.TRAIN_IDS[3:5]
    for image_id in gone:
        (kaggle / 'train' / f'{image_id}.dicom').unlink()
    error = refuse('vindr', '--root', kaggle)
    assert f'2 of its 20 films are missing: {gone[0]}, {gone[1]}.' in error
    lines = (kaggle / 'train.csv').read_text().splitlines()
    first = next(n for n, s in enumerate(lines, start=1) if s.startswith(gone[0]))
    assert f'train.csv row {first}:' in error
    assert refuse.printed == ''.join(f'missing: {i}\n' for i in gone)
    files = convert('vindr', '--root', kaggle, '--drop-invalid')
    assert len(files.images('train', 'val')) == 18
    assert files.report['n_dropped'] == 2


def test_a_truncated_dicom_is_named(kaggle, refuse):
    path = kaggle / 'train' / '0000000004.dicom'
    path.write_bytes(path.read_bytes()[:150])
    error = refuse('vindr', '--root', kaggle)
    assert '0000000004.dicom' in error
    assert 'incomplete or corrupt download' in error


def test_no_test_films_at_all(physionet, refuse, convert):
    for path in (physionet / 'test').iterdir():
        path.unlink()
    error = refuse('vindr', '--root', physionet)
    assert 'none of the 4 films of the test part (first: 1e10000000)' in error
    assert 'instead of --root' in error
    files = convert('vindr', '--root', physionet, '--limit', 10)
    assert 'the part was left out' in files.report['warnings'][0]
    assert 'test.json' not in files.files()


def test_a_film_is_never_in_train_and_test(kaggle, refuse):
    error = refuse(
        *('vindr', '--annotations', kaggle / 'train.csv', '--images', kaggle / 'train'),
        *('--test-images', kaggle / 'train'),
    )
    assert '20 films are in both the training and the test part' in error


def test_images_without_annotation_are_counted(kaggle, convert):
    vindr_download.write_dicom(kaggle / 'train' / 'stranger.dicom')
    files = convert('vindr', '--root', kaggle)
    assert files.report['counts'] == {'images without annotation, left out': 1}


def test_images_root_is_a_knob(kaggle, convert, tmp_path):
    files = convert(
        *('vindr', '--annotations', kaggle / 'train.csv', '--images', kaggle / 'train'),
        *('--images-root', kaggle.parent),
    )
    assert files['train']['info']['images_root'] == '..'
    name = files.images('train', 'val')['0000000000']['file_name']
    assert name == 'a release/train/0000000000.dicom'
    files = convert('vindr', '--root', kaggle, '--images-root', '/server/films')
    assert files['train']['info']['images_root'] == '/server/films'
    name = files.images('train', 'val')['0000000000']['file_name']
    assert name == 'train/0000000000.dicom'
