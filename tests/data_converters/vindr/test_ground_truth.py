import pytest

from .. import vindr_download
from ..vindr_download import FUSED_BOXES


def test_votes_are_distinct_readers(kaggle, convert):
    files = convert('vindr', '--root', kaggle)
    assert all(
        a['votes'] == len(a['readers'])
        for name in ('train', 'val')
        for a in files[name]['annotations']
    )
    assert [a['id'] for a in files['train']['annotations']][:1] == [1]


@pytest.mark.parametrize(('votes', 'emptied'), [(2, 1), (3, 2)])
def test_boxes_of_too_few_readers_are_left_out_and_counted(
    physionet, convert, votes, emptied
):
    files = convert('vindr', '--root', physionet, '--min-votes', votes)
    kept = [box for box in FUSED_BOXES if len(box[-1]) >= votes]
    assert files.all_boxes('train', 'val') == kept
    assert files.report['boxes_out'] == len(kept) + 1
    assert len(files.images('train', 'val')) == 20  # the films stay
    assert files.report['counts'] == {
        f'fused boxes of fewer than {votes} readers, left out': 6 - len(kept),
        f'films whose boxes are all of fewer than {votes} readers': emptied,
    }
    assert files['val']['info']['ground_truth'] == f'fused(wbf>0.5,votes>={votes})'
    assert 'min_votes' not in files['test']['info']
    assert [box[1] for box in files.all_boxes('test')] == ['Rib fracture']


def test_the_split_does_not_depend_on_the_votes(kaggle, convert, tmp_path):
    one = convert('vindr', '--root', kaggle)
    two = convert('vindr', '--root', kaggle, '--min-votes', 2, out=tmp_path / 'two')
    assert list(one.images('val')) == list(two.images('val'))


def test_more_votes_than_readers(kaggle, refuse):
    error = refuse('vindr', '--root', kaggle, '--min-votes', 4)
    assert (
        '--min-votes 4 can never be reached: no film was read by more than 3' in error
    )


@pytest.mark.parametrize('readers', ['union', 'separate', 'R8'])
def test_votes_are_counted_among_fused_boxes(kaggle, refuse, readers):
    error = refuse('vindr', '--root', kaggle, '--min-votes', 2, '--readers', readers)
    assert f'--min-votes 2 needs --readers wbf or majority: {readers} ' in error


def test_films_of_fewer_readers_are_told(kaggle, convert):
    lines = (kaggle / 'train.csv').read_text().splitlines()
    only_r8 = [s for s in lines if s[:10] != '0000000002' or ',R8,' in s]
    (kaggle / 'train.csv').write_text('\n'.join(only_r8))
    files = convert('vindr', '--root', kaggle, '--min-votes', 2)
    assert files.report['warnings'] == [
        '1 films (first: 0000000002) were read by fewer than 2 readers and stay '
        'without a finding'
    ]


def test_union_keeps_every_box_unchanged(kaggle, convert):
    files = convert('vindr', '--root', kaggle, '--readers', 'union')
    assert files.all_boxes('train', 'val') == sorted(
        (vindr_download.TRAIN_IDS[i], name, box, (reader,))
        for i, name, reader, box in vindr_download.BOXES
    )
    assert len(files.images('train', 'val')) == 20
    assert files['val']['info']['ground_truth'] == 'reader(union)'


def test_separate_gives_every_reader_files(physionet, convert):
    files = convert('vindr', '--root', physionet, '--readers', 'separate')
    jsons = {name for name in files.files() if name.endswith('.json')}
    assert jsons == {
        f'{part}_{reader}.json'
        for part in ('train', 'val')
        for reader in ('R8', 'R9', 'R10')
    } | {'test.json', 'conversion_report.json'}
    assert files['train_R8']['info']['ground_truth'] == 'reader(R8)'
    names = [f'{part}_{r}' for r in ('R8', 'R9', 'R10') for part in ('train', 'val')]
    boxes = files.all_boxes(*names)
    assert sorted(boxes) == sorted(
        (vindr_download.TRAIN_IDS[i], name, box, (reader,))
        for i, name, reader, box in vindr_download.BOXES
    )
    val = set(files.images('val_R8'))
    assert val == set(files.images('val_R9'))  # nobody trains on another's val
    classes = files['train_R9']['info']['image_classes']
    image = files.images('train_R9', 'val_R9')['0000000000']
    assert image['gt_score'][classes.index('Nodule/Mass')] == 1
    assert image['n_readers'] == 1


def test_majority_is_what_two_readers_saw(kaggle, convert, tmp_path):
    files = convert('vindr', '--root', kaggle, '--readers', 'majority')
    same = convert('vindr', '--root', kaggle, '--min-votes', 2, out=tmp_path / 'same')
    for name in ('train', 'val'):
        assert files[name] == same[name]
    assert files['train']['info']['ground_truth'] == 'fused(wbf>0.5,votes>=2)'
    assert files['train']['info']['min_votes'] == 2
    three = convert(
        *('vindr', '--root', kaggle, '--readers', 'majority', '--min-votes', 3),
        out=tmp_path / 'three',
    )
    assert [box[1] for box in three.all_boxes('train', 'val')] == ['Cardiomegaly']


def test_a_majority_of_one_is_none(kaggle, refuse):
    error = refuse('vindr', '--root', kaggle, '--readers', 'majority', '--min-votes', 1)
    assert '--readers majority asks at least 2 readers to agree, got --min-v' in error


def test_one_reader(kaggle, convert, tmp_path):
    """The films, boxes and labels of that reader, in the split of all."""
    lines = (kaggle / 'train.csv').read_text().splitlines()
    unread = [s for s in lines if s[:10] != '0000000009' or ',R9,' not in s]
    (kaggle / 'train.csv').write_text('\n'.join(unread))
    every = convert('vindr', '--root', kaggle)
    files = convert('vindr', '--root', kaggle, '--readers', 'R9', out=tmp_path / 'R9')
    assert files.all_boxes('train', 'val') == sorted(
        (vindr_download.TRAIN_IDS[i], name, box, (reader,))
        for i, name, reader, box in vindr_download.BOXES
        if reader == 'R9'
    )
    images = files.images('train', 'val')
    assert len(images) == 19
    assert {image['n_readers'] for image in images.values()} == {1}
    assert set(files.images('val')) <= set(every.images('val'))
    assert files['train']['info']['ground_truth'] == 'reader(R9)'
    n_listed = sum(
        len((files.out / f'{name}_list.txt').read_text().split())
        for name in ('train', 'val')
    )
    assert n_listed == 19
    counts = files.report['counts']
    assert counts['films that R9 did not read, left out'] == 1
    assert counts['boxes of other readers, left out'] == 9 - len(
        files.all_boxes('train', 'val')
    )


def test_an_unknown_reader(kaggle, refuse):
    error = refuse('vindr', '--root', kaggle, '--readers', 'R11')
    assert 'train.csv: has no reader R11. Its readers are R8, R9, R10.' in error


@pytest.mark.parametrize(('iou', 'n_boxes'), [(0.3, 6), (0.5, 6), (0.95, 8)])
def test_the_iou_of_the_fusion_is_an_option(kaggle, convert, iou, n_boxes):
    files = convert('vindr', '--root', kaggle, '--fusion-iou', iou)
    assert len(files.all_boxes('train', 'val')) == n_boxes
    assert files['train']['info']['ground_truth'] == f'fused(wbf>{iou})'
    assert files.report['reader_agreement']['fusion_iou'] == iou


@pytest.mark.parametrize('readers', ['union', 'separate', 'R8'])
def test_what_is_not_fused_has_no_iou(kaggle, refuse, readers):
    args = ('--readers', readers, '--fusion-iou', 0.4)
    error = refuse('vindr', '--root', kaggle, *args)
    assert f'--fusion-iou needs --readers wbf or majority: {readers} fuses' in error


def test_a_denied_finding_keeps_its_share_of_the_votes(kaggle, convert):
    """R9 draws a nodule that two others do not see: 1 of 3, in box and label."""
    files = convert('vindr', '--root', kaggle)
    name = 'train' if '0000000000' in files.images('train') else 'val'
    image = files.images(name)['0000000000']
    at = files[name]['info']['image_classes'].index('Nodule/Mass')
    assert (image['label_votes'][at], image['n_readers']) == (1, 3)
    box = next(
        a
        for a in files[name]['annotations']
        if a['image_id'] == image['id'] and a['category_id'] == at + 1
    )
    assert (box['votes'], box['readers']) == (1, ['R9'])
