import cv2
import numpy as np
import pytest
import torch

from mmlung.atomic import write_json
from mmlung.calibration.classifier_file import CALIBRATION_SCHEMA
from mmlung.calibration.classifier_file import calibration_path
from mmlung.checkpoint import file_sha256
from mmlung.dicom import read_image
from mmlung.evaluation.cutoffs import RULES
from mmlung.evaluation.platt import Platt
from mmlung.inferencer import Inferencer
from mmlung.inferencer.inferencer import DIVERGED
from mmlung.phantom.dicom_film import encode_dicom
from mmlung.result import FailedImage
from mmlung.result import ImageResult
from mmlung.testing import run_part

BOTH = pytest.mark.parametrize('kind', ['classifier', 'detector'])


@BOTH
def test_results_are_those_of_a_test(
    kind, request, tmp_path, write_detection_data, write_classification_data
):
    """The config's own test loop, over the same films, is the reference."""
    import copy

    inferencer = request.getfixturevalue(kind)
    cfg = copy.deepcopy(request.getfixturevalue(f'{kind}_config'))
    write = write_detection_data if kind == 'detector' else write_classification_data
    write(tmp_path, cfg.findings, n=3)
    cfg.work_dir = str(tmp_path / 'work')
    loader = cfg.test_dataloader
    loader.dataset.update(data_root=str(tmp_path), ann_file='test.json')
    loader.update(batch_size=1, num_workers=0, persistent_workers=False)
    cfg.test_evaluator = {'type': 'mmlung.CollectPredictions'}
    from mmlung.evaluation import CollectPredictions

    collector = CollectPredictions()
    run_part(cfg, inferencer._networks[0].checkpoint, [collector])
    names = [tmp_path / 'films' / result.image for result in collector.collected]
    ours = list(inferencer(names))
    assert len(ours) == 3
    for theirs, result in zip(collector.collected, ours, strict=True):
        assert result.size_hw == theirs.size_hw
        assert len(result.findings) == len(theirs.findings) > 0
        for a, b in zip(result.findings, theirs.findings, strict=True):
            assert a.name == b.name
            assert a.score == pytest.approx(b.score, abs=1e-5)
            assert a.box_xyxy == pytest.approx(b.box_xyxy, abs=0.02)
        assert result.truth is None


@BOTH
def test_every_kind_of_input_is_the_same_film(kind, request, tmp_path, draw_film):
    inferencer = request.getfixturevalue(kind)
    film = draw_film((80, 64))
    path = tmp_path / 'film.png'
    cv2.imwrite(str(path), film)
    colour = tmp_path / 'grey as rgb.png'
    cv2.imwrite(str(colour), np.repeat(film[..., None], 3, axis=2))
    near = np.repeat(film[..., None], 4, axis=2)  # RGBA, a channel off by rounding
    near[..., 1] += 1
    near[..., 3] = 255
    inputs = {
        'path': path,
        'text': str(path),
        'bytes': path.read_bytes(),
        'array': film,
        'one channel': film[..., None],
        'rgb': np.repeat(film[..., None], 3, axis=2),
        'rgb file': colour,
    }
    results = list(inferencer(inputs, batch_size=1))  # to the last digit
    assert [result.image for result in results] == list(inputs)
    assert len({result.findings for result in results}) == 1
    (one,) = inferencer(path)
    assert one.findings == results[0].findings
    assert one.image == str(path)
    assert one.file_sha256 == file_sha256(path)
    (nearly,) = inferencer([near])
    assert isinstance(nearly, ImageResult)
    assert nearly.file_sha256 is None


def test_12_bits_are_taken_for_12_bits(classifier, draw_film):
    film = draw_film((80, 64))
    film[0, 0] = 255
    twelve = np.rint(film * (4095 / 255)).astype(np.uint16)
    a, b = classifier([film, twelve])
    assert a.findings == b.findings


def test_boxes_of_a_dicom_film_are_also_in_millimetres(detector, tmp_path, draw_film):
    data = encode_dicom(draw_film((96, 80)) / 255, np.random.default_rng(0), 'x')
    spacing = read_image(data).pixel_spacing_mm
    (result,) = detector(data)
    assert result.spacing_mm == spacing
    assert result.size_hw == (96, 80)
    for finding in result.findings:
        x1, y1, x2, y2 = finding.box_xyxy
        expected = (x1 * spacing[1], y1 * spacing[0], x2 * spacing[1], y2 * spacing[0])
        assert finding.box_xyxy_mm == pytest.approx(expected, abs=0.006)
        assert 0 <= x1 <= x2 <= 80
        assert 0 <= y1 <= y2 <= 96
        assert finding.threshold == 0.3
    png = ImageResult.from_json(result.to_json())
    assert png == result


@BOTH
def test_results_do_not_depend_on_the_batch_and_keep_their_order(
    kind, request, draw_film
):
    inferencer = request.getfixturevalue(kind)
    sizes = [(80, 64), (64, 80), (80, 64), (48, 80), (64, 80), (80, 64)]
    films = {str(i): draw_film(size, i) for i, size in enumerate(sizes)}
    alone = list(inferencer(films, batch_size=1))
    together = list(inferencer(films, batch_size=4))
    assert [r.image for r in together] == list(films)
    for a, b in zip(alone, together, strict=True):
        assert len(a.findings) == len(b.findings)
        for one, other in zip(a.findings, b.findings, strict=True):
            assert one.score == pytest.approx(other.score, abs=3e-6)
            if one.name == other.name:
                assert one.box_xyxy == pytest.approx(other.box_xyxy, abs=0.02)


def test_workers_give_the_same_results(detector, films):
    bad = films / 'bad.dcm'
    bad.write_text('no film')
    assert list(detector(films, workers=2)) == list(detector(films))


def test_one_bad_film_does_not_stop_the_others(classifier, films):
    names = [films / '0.png', films / 'missing.png', films / '1.png']
    first, missing, last = classifier(names)
    assert isinstance(first, ImageResult)
    assert isinstance(last, ImageResult)
    assert missing == FailedImage(str(names[1]), 'no such file')


def test_results_come_before_all_films_are_read(classifier, draw_film):
    taken = []

    def endless():
        for number in range(10_000):
            taken.append(number)
            yield draw_film((64, 64), number % 5)

    results = classifier(endless(), batch_size=2)
    assert isinstance(next(results), ImageResult)
    assert len(taken) <= 3


def test_a_result_says_what_made_it(classifier, random_classifier, films):
    (result,) = classifier(films / '0.png')
    (model,) = result.made_by.models
    assert model.config == 'convnext_chestxray14_demo.py'
    assert model.checkpoint_sha256 == file_sha256(random_classifier())
    assert dict(result.made_by.versions)['mmlung']
    assert not result.made_by.tta
    assert ImageResult.from_json(result.to_json()) == result


def test_the_calibration_beside_the_checkpoint_is_used(
    classifier_config, random_classifier, films
):
    checkpoint, names = random_classifier(1), list(classifier_config.findings)
    entry = {'score_thr': 0.4, 'probability_thr': 0.2, 'reason': None}
    rows = [
        {
            'finding': name,
            'slope': 2.0,
            'intercept': -1.0,
            'unscaled': 'no present film' if name == names[0] else None,
            'thresholds': {rule: dict(entry) for rule in RULES},
        }
        for name in names
    ]
    content = {
        'schema': CALIBRATION_SCHEMA,
        'checkpoint': {'file': 'x.pth', 'sha256': file_sha256(checkpoint)},
        'config': {'img_size': 64},
        'tta': False,
        'data': {'file': 'val.json', 'sha256': 'abc', 'split': 'val', 'images': 4},
        'findings': rows,
    }
    path = calibration_path(checkpoint)
    write_json(path, content)
    model = Inferencer(classifier_config, checkpoint, device='cpu')
    (result,) = model(films / '0.png')
    assert model.notes == ()
    assert result.made_by.calibration_sha256 == (file_sha256(path),)
    unscaled, *scaled = result.findings
    assert (unscaled.probability, unscaled.threshold) == (None, 0.4)
    for finding in scaled:
        expected = Platt(2.0, -1.0).probability(np.array([finding.score]))[0]
        assert finding.probability == pytest.approx(expected, abs=2e-6)
        assert finding.threshold == 0.2
        assert finding.is_present == (finding.probability >= 0.2)
    plain = Inferencer(classifier_config, checkpoint, 'none', device='cpu')
    (result,) = plain(films / '0.png')
    assert result.findings[1].probability is None
    assert result.findings[1].is_present is None
    write_json(path, content | {'checkpoint': {'sha256': '0' * 64}})
    stale = Inferencer(classifier_config, checkpoint, device='cpu')
    assert 'was made for another checkpoint' in stale.notes[0]
    with pytest.raises(ValueError, match='was made for another checkpoint'):
        Inferencer(classifier_config, checkpoint, path, device='cpu')


@BOTH
def test_time_augmentation_is_the_configs_own(kind, request, films, random_classifier):
    inferencer = request.getfixturevalue(kind)
    cfg = request.getfixturevalue(f'{kind}_config')
    checkpoint = inferencer._networks[0].checkpoint
    augmented = Inferencer(cfg, checkpoint, device='cpu', tta=True)
    plain, tta = list(inferencer(films)), list(augmented(films))
    assert [r.size_hw for r in plain] == [r.size_hw for r in tta]
    assert [r.findings for r in plain] != [r.findings for r in tta]
    assert tta[0].made_by.tta
    if kind == 'detector':
        for result in tta:
            height, width = result.size_hw
            for finding in result.findings:
                assert max(finding.box_xyxy[::2]) <= width + 0.01
                assert max(finding.box_xyxy[1::2]) <= height + 0.01


@BOTH
def test_nan_is_an_error_of_the_film_that_it_names(kind, request, films, tmp_path):
    """A detector would drop NaN scores, and call the film healthy."""
    cfg = request.getfixturevalue(f'{kind}_config')
    checkpoint = request.getfixturevalue(kind)._networks[0].checkpoint
    broken = Inferencer(cfg, checkpoint, device='cpu')
    parameter = next(broken._networks[0]._model.backbone.parameters())
    with torch.no_grad():
        parameter.fill_(float('nan'))
    results = list(broken(films))
    assert [r.image for r in results] == ['0.png', '1.png', '2.png']
    assert {r.reason for r in results} == {DIVERGED}
    assert 'training diverged or wrong checkpoint' in DIVERGED


def test_nan_of_one_film_leaves_the_others_of_its_batch(classifier, films, monkeypatch):
    network = classifier._networks[0]
    predict = network.predict

    def only_film_1(samples):
        from mmlung.inferencer.watching import NotFiniteError

        if any(s['data_samples'].img_path == '1.png' for s in samples):
            raise NotFiniteError('part returned NaN')
        return predict(samples)

    monkeypatch.setattr(network, 'predict', only_film_1)
    results = list(classifier(films, batch_size=3))
    assert [isinstance(r, FailedImage) for r in results] == [False, True, False]


def test_an_ensemble_is_the_mean(classifier_config, random_classifier, films):
    files = [random_classifier(0), random_classifier(2)]
    alone = [Inferencer(classifier_config, f, 'none', device='cpu') for f in files]
    both = Inferencer(classifier_config, files, 'none', device='cpu')
    for a, b, mean in zip(alone[0](films), alone[1](films), both(films), strict=True):
        for x, y, z in zip(a.findings, b.findings, mean.findings, strict=True):
            assert z.score == pytest.approx((x.score + y.score) / 2, abs=2e-6)
            assert z.threshold is None
        assert len(mean.made_by.models) == 2


def test_what_makes_no_ensemble(
    classifier, detector, classifier_config, detector_config
):
    a, b = (m._networks[0].checkpoint for m in (classifier, detector))
    with pytest.raises(ValueError, match='classifiers or of detectors, not of both'):
        Inferencer([classifier_config, detector_config], [a, b], device='cpu')
    with pytest.raises(
        ValueError, match='2 checkpoints needs one calibration for each'
    ):
        Inferencer(classifier_config, [a, a], 'x.json', device='cpu')
    with pytest.raises(ValueError, match='needs a checkpoint, got none'):
        Inferencer(classifier_config, [], device='cpu')


@pytest.mark.parametrize(
    ('size', 'workers'), [(0, 0), (1, -1)], ids=['batch', 'workers']
)
def test_batches_and_workers_are_checked(classifier, size, workers):
    with pytest.raises(ValueError, match='batch_size must be at least 1 and workers'):
        classifier('x.png', batch_size=size, workers=workers)
