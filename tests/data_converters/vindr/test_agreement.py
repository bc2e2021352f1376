from itertools import permutations

import numpy as np
import pytest

from data_converters.records import Box
from data_converters.records import ImageRecord
from data_converters.vindr.agreement import agreement_lines
from data_converters.vindr.agreement import reader_agreement
from data_converters.vindr.fusion import fuse_readers
from mmlung.boxes import box_iou

FINDINGS = ('ILD', 'Nodule/Mass', 'Edema')
READERS = ('R2', 'R8', 'R10', 'R11')


def film(image_id, *boxes):
    return ImageRecord(image_id, f'{image_id}.png', (200, 200), boxes)


def box(reader, xyxy, finding='ILD'):
    return Box(finding, tuple(map(float, xyxy)), (reader,))


def best_total(iou):
    """Largest total of a one-to-one match: every way to choose."""
    wide = iou if iou.shape[0] <= iou.shape[1] else iou.T
    rows = np.arange(len(wide))
    ways = permutations(range(wide.shape[1]), len(wide))
    return max(wide[rows, list(columns)].sum() for columns in ways)


def by_definition(films, readers_of, finding, iou_thr):
    """Sums of one finding: own boxes, reference boxes, IoU, hits."""
    sums = np.zeros(4)
    for record in films:
        boxes = [b for b in record.boxes if b.finding == finding]
        for reader in readers_of[record.image_id]:
            own = np.array([b.xyxy for b in boxes if b.readers == (reader,)])
            rest = film('x', *(b for b in boxes if b.readers != (reader,)))
            others = np.array([b.xyxy for b in fuse_readers(rest, iou_thr).boxes])
            sums[:2] += len(own), len(others)
            if not (len(own) and len(others)):
                continue
            iou = box_iou(own, others)
            sums[2] += best_total(iou)
            near = iou.argmax(axis=1)
            found = near[iou[np.arange(len(own)), near] >= 0.4]
            sums[3] += len(set(found.tolist()))
    return sums


def random_films(seed, n=60):
    """Films that two to four readers read, who draw up to three boxes each."""
    rng = np.random.default_rng(seed)
    films, readers_of = [], {}
    for number in range(n):
        readers_of[f'f{number}'] = sorted(
            rng.choice(READERS, rng.integers(2, 5), replace=False).tolist()
        )
        lesions = rng.uniform(0, 120, (3, 2))
        boxes = []
        for reader in readers_of[f'f{number}']:
            for x, y in lesions[rng.random(3) < 0.6].tolist():
                dx, dy, width, height = rng.uniform((-9, -9, 30, 30), (9, 9, 60, 60))
                x1, y1 = max(0, x + dx), max(0, y + dy)
                corners = (x1, y1, x1 + width, y1 + height)
                boxes.append(box(reader, corners, FINDINGS[rng.integers(2)]))
        films.append(film(f'f{number}', *boxes))
    return films, readers_of


@pytest.mark.parametrize('iou_thr', [0.3, 0.5])
@pytest.mark.parametrize('seed', range(3))
def test_matches_the_definition(seed, iou_thr):
    films, readers_of = random_films(seed)
    read = [(i, reader) for i, readers in readers_of.items() for reader in readers]
    found = reader_agreement(films, read, FINDINGS, iou_thr)
    sums = {n: by_definition(films, readers_of, n, iou_thr) for n in FINDINGS}
    for name in FINDINGS[:2]:
        own, reference, overlap, hits = sums[name]
        assert found['per_finding'][name] == pytest.approx(
            {
                'boxes': own,
                'reference_boxes': reference,
                'mIoU': overlap / reference,
                'AP40': hits / own * hits / reference,
                'precision40': hits / own,
                'recall40': hits / reference,
            }
        )
    own, reference, overlap, hits = sum(sums.values())
    assert (found['films'], found['overall']['boxes']) == (60, own)
    assert found['overall']['mIoU'] == pytest.approx(overlap / reference)
    assert found['overall']['recall40'] == pytest.approx(hits / reference)
    rows = [found['per_finding'][name] for name in FINDINGS[:2]]
    for key, overall in (('AP40', 'AP40'), ('mIoU', 'mIoU_macro')):
        mean = np.mean([row[key] for row in rows])
        assert found['overall'][overall] == pytest.approx(mean)
    for key in ('boxes', 'reference_boxes'):
        by_reader = sum(row[key] for row in found['per_reader'].values())
        assert by_reader == found['overall'][key]
    assert list(found['per_reader']) == list(READERS)


def test_a_hand_case():
    """R8 and R9 agree, R10 reads the film and draws nothing."""
    same = (0, 0, 10, 10)
    films = [film('a', box('R8', same), box('R9', same))]
    read = [('a', reader) for reader in ('R8', 'R9', 'R10')]
    found = reader_agreement(films, read, FINDINGS)
    row = found['per_finding']['ILD']
    assert (row['boxes'], row['reference_boxes']) == (2, 3)
    assert row['mIoU'] == pytest.approx(2 / 3)
    assert row['precision40'] == 1
    assert row['recall40'] == pytest.approx(2 / 3)
    assert found['per_reader']['R10']['recall40'] == 0
    assert found['per_reader']['R10']['precision40'] is None


def test_a_finding_that_nobody_drew_is_undefined():
    found = reader_agreement(
        [film('a', box('R8', (0, 0, 9, 9)))], [('a', 'R8'), ('a', 'R9')], FINDINGS
    )
    assert found['per_finding']['Edema']['mIoU'] is None
    assert found['overall']['mIoU'] == 0  # R8 stands against nothing, R9 misses one
    assert found['overall']['AP40'] is None or found['overall']['AP40'] == 0
    text = '\n'.join(agreement_lines(found))
    assert 'Edema                           0        0       -       -' in text


def test_healthy_films_alone():
    found = reader_agreement([film('a')], [('a', 'R8'), ('a', 'R9')], FINDINGS)
    assert (found['films'], found['films_with_boxes']) == (1, 0)
    assert found['overall']['mIoU'] is None


def test_no_film_with_two_readers():
    films = [film('a', box('R8', (0, 0, 9, 9)))]
    assert reader_agreement(films, [('a', 'R8')], FINDINGS) is None


def test_the_axes_may_be_scaled():
    """A resized mirror tells the same."""
    films, readers_of = random_films(0)
    read = [(i, reader) for i, readers in readers_of.items() for reader in readers]
    scale = np.array([0.3, 1.1, 0.3, 1.1])
    scaled = [
        film(
            f.image_id,
            *(
                box(b.readers[0], np.array(b.xyxy) * scale / 2, b.finding)
                for b in f.boxes
            ),
        )
        for f in films
    ]
    found = [reader_agreement(part, read, FINDINGS) for part in (films, scaled)]
    assert found[0]['overall'] == pytest.approx(found[1]['overall'])


def test_converter_prints_and_writes_it(kaggle, convert, tmp_path):
    files = convert('vindr', '--root', kaggle)
    row = files.report['reader_agreement']['per_finding']['Cardiomegaly']
    assert (row['boxes'], row['reference_boxes']) == (3, 3)
    assert 'readers against the fusion of the others, 20 films' in files.printed
    assert 'Cardiomegaly' in files.printed.split('readers against')[1]
    assert files.report['reader_agreement']['per_reader']['R8']['films'] == 20
    off = convert('vindr', '--root', kaggle, '--no-agreement', out=tmp_path / 'off')
    assert 'reader_agreement' not in off.report
    assert off.all_boxes('train', 'val') == files.all_boxes('train', 'val')
