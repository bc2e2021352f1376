"""The report of many maps against plain loops, its intervals and its metric class."""

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from mmlung.evaluation.cam_localization import CamLocalization
from mmlung.evaluation.cam_localization import cam_localization
from mmlung.evaluation.cam_score import MapScore
from mmlung.evaluation.cam_score import score_map

FINDINGS = ['Mass', 'Nodule', 'Effusion']


def many_scores(n=30, seed=0):
    rng = np.random.default_rng(seed)
    return [
        MapScore(
            finding=FINDINGS[int(rng.integers(2))],
            cluster=f'patient {rng.integers(8)}',
            pointing=float(rng.integers(2)),
            random_pixel=float(rng.random()),
            energy=float(rng.random()) if rng.random() > 0.2 else float('nan'),
            iou=float(rng.random()),
            iobb=float(rng.random()),
            chance=tuple(rng.random(7).tolist()),
        )
        for _ in range(n)
    ]


def test_report_is_the_mean_of_its_maps():
    scores = many_scores()
    got = cam_localization(scores, FINDINGS)
    of = {name: [s for s in scores if s.finding == name] for name in FINDINGS}
    assert got['CAM_pointing'] == pytest.approx(np.mean([s.pointing for s in scores]))
    mass = np.mean([s.pointing for s in of['Mass']])
    nodule = np.mean([s.pointing for s in of['Nodule']])
    assert got['CAM_pointing/Mass'] == pytest.approx(mass)
    assert got['CAM_pointing_macro'] == pytest.approx((mass + nodule) / 2)
    assert got['CAM_energy'] == pytest.approx(np.nanmean([s.energy for s in scores]))
    assert got['CAM_IoU@0.3'] == pytest.approx(np.mean([s.iou > 0.3 for s in scores]))
    assert got['CAM_IoBB@0.7'] == pytest.approx(np.mean([s.iobb > 0.7 for s in scores]))
    chance = np.mean([s.chance[1] for s in scores])
    assert got['CAM_IoU_chance@0.2'] == pytest.approx(chance)
    gain = np.mean([s.pointing - s.random_pixel for s in scores])
    assert got['CAM_pointing_gain'] == pytest.approx(gain)


def test_findings_without_maps_are_undefined_and_counted():
    got = cam_localization(many_scores(), FINDINGS)
    assert np.isnan(got['CAM_pointing/Effusion'])
    assert got['CAM_maps/Effusion'] == 0
    assert got['CAM_maps'] == 30
    assert 0 < got['CAM_energy_maps'] < 30


def test_no_maps_at_all():
    got = cam_localization([], FINDINGS)
    assert np.isnan(got['CAM_pointing'])
    assert np.isnan(got['CAM_IoU@0.1_macro'])
    assert got['CAM_maps'] == 0


def test_order_of_maps_and_findings_does_not_matter():
    scores = many_scores()
    a = cam_localization(scores, FINDINGS, bootstrap=50)
    b = cam_localization(scores[::-1], FINDINGS[::-1], bootstrap=50)
    assert a == pytest.approx(b, nan_ok=True)


def test_intervals_draw_whole_patients():
    """All maps of a patient are alike: the interval is that of the patients."""
    scores = [
        MapScore('Mass', f'patient {p}', float(p % 2), 0.1, 0.5, 0.5, 0.5, (0.0,) * 7)
        for p in range(10)
        for _ in range(20)
    ]
    few = cam_localization(scores[::20], ['Mass'], bootstrap=200)
    many = cam_localization(scores, ['Mass'], bootstrap=200)
    for key in ('CAM_pointing', 'CAM_pointing_low', 'CAM_pointing_high'):
        assert many[key] == pytest.approx(few[key])
    assert many['CAM_pointing_low'] < 0.5 < many['CAM_pointing_high']


def test_a_threshold_must_be_exceeded():
    score = MapScore('Mass', 'p', 1.0, 0.1, 1.0, 0.5, 0.5, (0.0,) * 7)
    got = cam_localization([score], ['Mass'])
    assert got['CAM_IoU@0.4'] == 1
    assert got['CAM_IoU@0.5'] == 0


def test_maps_of_unknown_findings_are_refused():
    with pytest.raises(ValueError, match='maps of Mass, which are not in findings'):
        cam_localization(many_scores(), ['Nodule'])


def sample(name, patient, cams, boxes, labels):
    truth = InstanceData(bboxes=torch.tensor(boxes), labels=torch.tensor(labels))
    return {
        'img_path': name,
        'patient_id': patient,
        'pred_cams': cams,
        'gt_instances': truth.to_dict() if hasattr(truth, 'to_dict') else truth,
    }


def test_metric_class_is_the_function():
    rng = np.random.default_rng(0)
    cams = [{n: torch.tensor(rng.random((8, 9))) for n in FINDINGS} for _ in range(3)]
    boxes = [[0.0, 0, 4, 4], [2.0, 2, 6, 6], [1.0, 1, 3, 7]]
    samples = [
        sample('a', '1', cams[0], boxes, [0, 0, 1]),
        sample('b', '1', cams[1], boxes[:1], [1]),
        sample('c', '', cams[2], [], []),
    ]
    metric = CamLocalization(bootstrap=20)
    metric.dataset_meta = {'classes': FINDINGS}
    for item in samples:
        metric.process(None, [item])
    assert len(metric.results) == 3  # one a film: mmengine trims by their count
    patient = 'patient 1'
    scores = [
        score_map(cams[0]['Mass'].numpy(), np.array(boxes[:2]), 'Mass', patient),
        score_map(
            cams[0]['Nodule'].numpy(), np.array(boxes[2:]), 'Nodule', 'patient 1'
        ),
        score_map(
            cams[1]['Nodule'].numpy(), np.array(boxes[:1]), 'Nodule', 'patient 1'
        ),
    ]
    expected = cam_localization(scores, FINDINGS, bootstrap=20)
    assert metric.evaluate(3) == pytest.approx(expected, nan_ok=True)


def test_a_film_without_the_map_is_named():
    metric = CamLocalization()
    metric.dataset_meta = {'classes': FINDINGS}
    item = sample('a.png', '1', {'Mass': np.ones((4, 4))}, [[0.0, 0, 1, 1]], [1])
    with pytest.raises(ValueError, match=r'a\.png has a box of Nodule but no map'):
        metric.process(None, [item])
