import pytest

from .. import vindr_download
from ..vindr_download import FUSED_BOXES


def test_kaggle_release(kaggle, convert):
    files = convert('vindr', '--root', kaggle)
    assert files.files() == {
        'train.json',
        'val.json',
        'test_unlabelled.json',
        'train_list.txt',
        'val_list.txt',
        'test_list.txt',
        'conversion_report.json',
    }
    assert files.all_boxes('train', 'val') == FUSED_BOXES
    info = files['train']['info']
    assert (info['release'], info['ground_truth']) == ('kaggle', 'fused(wbf>0.5)')
    assert (info['split'], info['split_family']) == ('train', 'random-image')
    assert info['images_root'] == '../a release'
    assert len(info['image_classes']) == 15
    assert len(files['train']['categories']) == 14
    images = files.images('train', 'val')
    assert sorted(images) == vindr_download.TRAIN_IDS
    assert images['0000000005']['file_name'] == 'train/0000000005.dicom'
    assert (images['0000000005']['height'], images['0000000005']['width']) == (300, 200)
    report = files.report
    assert (report['images'], report['healthy_images']) == (24, 17)
    assert (report['boxes_in'], report['boxes_out']) == (9, 6)
    assert not report['dropped'] + report['clipped']


def test_unlabelled_test_images_have_no_labels(kaggle, convert):
    test = convert('vindr', '--root', kaggle)['test_unlabelled']
    assert [i['image_id'] for i in test['images']] == vindr_download.TEST_IDS
    assert test['annotations'] == []
    assert 'gt_score' not in test['images'][0]
    assert (test['info']['ground_truth'], test['info']['split']) == (None, 'test')


@pytest.mark.parametrize('flat', [False, True], ids=['annotations/', 'flattened'])
def test_physionet_release(tmp_path, convert, flat):
    root = vindr_download.physionet_release(tmp_path / '1.0.0', flat)
    files = convert('vindr', '--root', root)
    assert files.all_boxes('train', 'val') == FUSED_BOXES
    assert files.all_boxes('test') == [
        ('1e10000000', 'Rib fracture', (20, 20, 60, 60.5), ())
    ]
    info = files['test']['info']
    assert (info['release'], info['ground_truth']) == ('physionet', 'consensus')
    assert (info['split_family'], info['label_file']) == (
        'official',
        'annotations_test.csv',
    )
    assert info['image_classes'] == list(vindr_download.LABELS)
    assert [c['name'] for c in files['test']['categories']] == list(
        vindr_download.LABELS[:22]
    )
    pneumonia = info['image_classes'].index('Pneumonia')
    image = files.images('train', 'val')['0000000001']
    assert image['label_votes'][pneumonia] == 1
    test = files.images('test')['1e10000000']
    assert test['gt_score'][info['image_classes'].index('Rib fracture')] == 1
    assert 'label_votes' not in test
    assert files.report['rows_read'] == (9 + 54) + 20 * 3 + 4 + 4


def test_gzipped_tables(kaggle, convert):
    import gzip

    plain = convert('vindr', '--root', kaggle)
    expected = plain.all_boxes('train', 'val')
    table = kaggle / 'train.csv'
    (kaggle / 'train.csv.gz').write_bytes(gzip.compress(table.read_bytes()))
    table.unlink()
    packed = convert('vindr', '--root', kaggle)
    assert packed.all_boxes('train', 'val') == expected
    assert (
        packed['train']['info']['label_sha256']
        == (packed.report['inputs'][0]['content_sha256'])
    )


def test_limit_takes_the_films_that_are_there(kaggle, convert):
    for image_id in vindr_download.TRAIN_IDS[::2]:
        (kaggle / 'train' / f'{image_id}.dicom').unlink()
    files = convert('vindr', '--root', kaggle, '--limit', 5, '--val-fraction', 0.4)
    assert sorted(files.images('train', 'val')) == vindr_download.TRAIN_IDS[1:10:2]
    assert len(files['val']['images']) == 2
    assert len(files['test_unlabelled']['images']) == 4
    assert files['train']['info']['split_family'] == 'subset'
    assert files.report['counts'] == {'films without a file, passed over': 10}
    assert files.report['boxes_in'] == 3


def test_incomplete_test_part_says_so(physionet, convert):
    (physionet / 'test' / '1e10000001.dicom').unlink()
    files = convert('vindr', '--root', physionet, '--drop-invalid')
    assert files['test']['info']['split_family'] == 'official-incomplete'


def test_the_same_command_gives_the_same_files(kaggle, convert, tmp_path):
    first = convert('vindr', '--root', kaggle)
    second = convert('vindr', '--root', kaggle, out=tmp_path / 'again')
    for name in first.files() - {'conversion_report.json'}:
        assert (first.out / name).read_bytes() == (second.out / name).read_bytes()


def test_a_failed_conversion_keeps_the_earlier_one(kaggle, convert, refuse):
    convert('vindr', '--root', kaggle)
    (kaggle / 'train' / '0000000004.dicom').unlink()
    refuse('vindr', '--root', kaggle)  # compares the whole folder before and after


def test_no_validation_part(kaggle, convert):
    files = convert('vindr', '--root', kaggle, '--val-fraction', 0)
    assert not files.files() & {'val.json', 'val_list.txt'}
    assert files['train']['info']['split_family'] == 'official'


def test_out_may_lie_inside_the_release(kaggle, convert):
    for _ in range(2):
        files = convert('vindr', '--root', kaggle, out=kaggle / 'coco')
    assert files['train']['info']['images_root'] == '..'


def test_folds(physionet, convert):
    """Each folder is a data_root: train, val and the test part."""
    files = convert('vindr', '--root', physionet, '--folds', 5)
    assert files.files() == {f'fold_{k}' for k in range(5)} | {'conversion_report.json'}
    names = {path.name for path in (files.out / 'fold_0').iterdir()}
    lists = {f'{name}_list.txt' for name in ('train', 'val', 'test')}
    assert names == {'train.json', 'val.json', 'test.json'} | lists
    folds = [f'fold_{k}' for k in range(5)]
    held = [image for k in folds for image in files.images(f'{k}/val')]
    assert sorted(held) == vindr_download.TRAIN_IDS
    for k in folds:
        both = [*files.images(f'{k}/train'), *files.images(f'{k}/val')]
        assert sorted(both) == vindr_download.TRAIN_IDS
        assert files.all_boxes(f'{k}/train', f'{k}/val') == FUSED_BOXES
        assert files[f'{k}/test']['images'] == files['fold_0/test']['images']
    info = files['fold_3/val']['info']
    assert (info['fold'], info['folds'], info['split']) == (3, 5, 'val')
    folder = files.out / 'fold_3' / info['images_root']
    assert (folder / files.images('fold_3/val').popitem()[1]['file_name']).is_file()
    assert (files.report['images'], files.report['boxes_out']) == (24, 7)
    again = convert('vindr', '--root', physionet)
    assert not {k for k in folds if (again.out / k).exists()}


def test_folds_of_every_reader(kaggle, convert):
    files = convert('vindr', '--root', kaggle, '--folds', 2, '--readers', 'separate')
    held = [set(files.images(f'fold_{k}/val_R8')) for k in range(2)]
    assert held == [set(files.images(f'fold_{k}/val_R9')) for k in range(2)]
    assert len(held[0] | held[1]) == 20


@pytest.mark.parametrize(
    ('folds', 'message'),
    [(21, '--folds: the number of folds must lie between 2 and'), (1, 'at least 2')],
)
def test_impossible_folds(kaggle, refuse, folds, message, capsys):
    if folds > 1:
        assert message in refuse('vindr', '--root', kaggle, '--folds', folds)
        return
    with pytest.raises(SystemExit):
        refuse('vindr', '--root', kaggle, '--folds', folds)
    assert message in capsys.readouterr().err


def test_mle_bench_splits_the_training_films_again(tmp_path, convert):
    """Its test films are Kaggle's training films; its folders are nested."""
    root = vindr_download.kaggle_release(tmp_path / 'prepared' / 'public')
    table = root / 'train.csv'
    header, *lines = table.read_text().splitlines()
    ours = [s for s in lines if s[:10] < '0000000018']
    table.write_text('\n'.join([header, *ours]))
    for path in (root / 'test').iterdir():
        path.unlink()
    for part in ('train', 'test'):
        (root / part).rename(root / 'moved')
        (root / part).mkdir()
        (root / 'moved').rename(root / part / part)
    for image_id in vindr_download.TRAIN_IDS[18:]:
        name = f'{image_id}.dicom'
        (root / 'train' / 'train' / name).rename(root / 'test' / 'test' / name)
    vindr_download.write_csv(
        root / 'sample_submission.csv',
        ('image_id', 'PredictionString'),
        [(i, '14 1 0 0 1 1') for i in vindr_download.TRAIN_IDS[18:]],
    )
    files = convert('vindr', '--root', root)
    assert sorted(files.images('train', 'val')) == vindr_download.TRAIN_IDS[:18]
    assert list(files.images('test_unlabelled')) == vindr_download.TRAIN_IDS[18:]
    assert files.all_boxes('train', 'val') == FUSED_BOXES
    name = files.images('train', 'val')['0000000000']['file_name']
    assert name == 'train/train/0000000000.dicom'
    assert files.report['warnings'] == [
        'films lie in folders inside folders of the same name (test/test, train/train)'
        ', as some archives unpack; they were taken from there'
    ]
