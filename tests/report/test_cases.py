import numpy as np
import pytest

from mmlung.evaluation.mean_iou import mean_iou
from mmlung.evaluation.recorded import recorded_detections
from mmlung.report.box_cases import detected_cases
from mmlung.report.box_cases import outcomes
from mmlung.report.cases import classified_cases
from mmlung.report.cases import youden_thresholds
from mmlung.result import Finding
from mmlung.result import ImageResult

NAMES = ('Mass', 'Edema')
BOX, NEAR, AWAY = (0.0, 0, 10, 10), (0.0, 0, 10, 8), (50.0, 50, 60, 60)


def classified(image, scores, truth):
    found = tuple(Finding(name, value) for name, value in scores.items())
    true = tuple(Finding(name, value) for name, value in truth.items())
    return ImageResult(image, (9, 9), found, true)


def names(gallery):
    return [case.result.image for case in gallery.cases]


def test_classified():
    films = [
        classified('sure', {'Mass': 0.9}, {'Mass': 1.0}),
        classified('missed', {'Mass': 0.05}, {'Mass': 1.0}),
        classified('false', {'Mass': 0.8}, {'Mass': 0.0}),
        classified('healthy', {'Mass': 0.01}, {'Mass': 0.0}),
        classified('unknown', {'Mass': 0.5}, {'Mass': None}),
    ]
    found = classified_cases(films)
    assert names(found['Best']) == ['sure', 'missed']  # healthy films are no feat
    assert names(found['Worst'])[:2] == ['missed', 'false']
    assert names(found['Missed']) == ['missed']
    assert names(found['False positive']) == ['false']
    assert 'No thresholds are set' in found['Missed'].how
    assert 'higher than on 30 % of the films' in found['Missed'].cases[0].text
    assert found['Missed'].cases[0].title == 'Mass missed'


def test_thresholds_say_what_is_missed():
    films = [
        classified('high', {'Mass': 0.9}, {'Mass': 1.0}),
        classified('low', {'Mass': 0.7}, {'Mass': 1.0}),
        classified('healthy', {'Mass': 0.5}, {'Mass': 0.0}),
    ]
    found = classified_cases(films, {'Mass': 0.4})
    assert names(found['Missed']) == []
    assert names(found['False positive']) == ['healthy']
    assert names(classified_cases(films, {'Mass': 0.8})['Missed']) == ['low']
    row = {'score_thr': 0.4}
    points = {'youden': {'per_finding': {'Mass': row, 'Edema': {'score_thr': None}}}}
    assert youden_thresholds({'operating_points': points}) == {'Mass': 0.4}
    assert youden_thresholds({'operating_points': None}) == {}


def test_best_is_where_every_finding_ranks_high():
    films = [
        classified('half', {'Mass': 0.9, 'Edema': 0.1}, {'Mass': 1.0, 'Edema': 1.0}),
        classified('both', {'Mass': 0.8, 'Edema': 0.4}, {'Mass': 1.0, 'Edema': 1.0}),
        classified('none', {'Mass': 0.1, 'Edema': 0.2}, {'Mass': 0.0, 'Edema': 0.0}),
    ]
    best = classified_cases(films)['Best']
    assert names(best) == ['both', 'half']
    assert 'Every finding higher than on 50 % of the films.' in best.cases[0].text


def test_rare_findings_are_ranked_among_their_own():
    films = [
        classified(str(i), {'Mass': 0.5 + i / 100, 'Hernia': i / 1000}, truth)
        for i, truth in enumerate(
            [{'Mass': 1.0, 'Hernia': 0.0}]
            + [{'Mass': 0.0, 'Hernia': 0.0}] * 8
            + [{'Mass': 0.0, 'Hernia': 1.0}]
        )
    ]
    # Hernia's 0.009 is low, but the highest of its own: the missed one is the mass.
    assert classified_cases(films)['Missed'].cases[0].title == 'Mass missed'


def detected(image, predicted, true):
    return ImageResult(image, (100, 100), tuple(predicted), tuple(true))


def test_outcomes_and_galleries():
    films = [
        detected('exact', [Finding('Mass', 0.9, BOX)], [Finding('Mass', 1.0, BOX)]),
        detected('near', [Finding('Mass', 0.4, NEAR)], [Finding('Mass', 1.0, BOX)]),
        detected('low', [Finding('Mass', 0.2, BOX)], [Finding('Mass', 1.0, BOX)]),
        detected('healthy', [Finding('Mass', 0.7, AWAY)], []),
        ImageResult('unlabelled', (9, 9), ()),
    ]
    found = outcomes(films, ['Mass'], 0.3)
    assert [film.all_iou for film in found] == [[1.0], [0.8], [0.0], []]
    galleries = detected_cases(found)
    assert names(galleries['Best']) == ['exact', 'near']
    assert names(galleries['Worst']) == ['low', 'near', 'exact']
    assert names(galleries['Missed']) == ['low']
    assert names(galleries['False positive']) == ['healthy']
    assert galleries['False positive'].cases[0].region is not None


def test_a_box_that_another_true_box_took():
    wide, inner = (0.0, 0, 20, 10), (0.0, 0, 18, 10)
    film = detected(
        'a',
        [Finding('Mass', 0.9, inner)],
        [Finding('Mass', 1.0, wide), Finding('Mass', 1.0, inner)],
    )
    missed = detected_cases(outcomes([film], ['Mass'], 0.3))['Missed'].cases[0]
    assert missed.text == 'A box of score 0.900 lies here, but hits another true box.'


def test_overlaps_are_those_of_the_test():
    rng = np.random.default_rng(0)

    def boxes(n, scored):
        corners = rng.integers(0, 60, (n, 2))
        return [
            Finding(
                NAMES[rng.integers(2)],
                round(float(rng.random()), 6) if scored else 1.0,
                (float(x), float(y), x + 30.0, y + 30.0),
            )
            for x, y in corners
        ]

    films = [detected(str(i), boxes(4, True), boxes(i % 3, False)) for i in range(30)]
    limits = {'Mass': 0.25, 'Edema': 0.5}
    report = mean_iou(recorded_detections(films, NAMES), NAMES, limits)
    found = outcomes(films, NAMES, limits)
    pooled = [value for film in found for value in film.all_iou]
    assert np.mean(pooled) == pytest.approx(report['mIoU'])
    for name in NAMES:
        own = [value for film in found for value in film.iou[name]]
        assert np.mean(own) == pytest.approx(report[f'mIoU/{name}'])
        assert len(own) == report[f'mIoU_boxes/{name}']


def test_thresholds_per_finding():
    films = [detected('a', [Finding('Mass', 0.2, BOX)], [Finding('Mass', 1.0, BOX)])]
    assert outcomes(films, ['Mass'], {'Mass': 0.1})[0].all_iou == [1.0]
    assert outcomes(films, ['Mass'], {})[0].all_iou == [0.0]
    assert outcomes(films, ['Mass'], None)[0].missed


def test_one_finding_does_not_crowd_out_the_others():
    big = [detected(str(i), [], [Finding('Mass', 1.0, BOX)]) for i in range(8)]
    small = detected('small', [], [Finding('Nodule', 1.0, (0.0, 0, 2, 2))])
    cases = detected_cases(outcomes([*big, small], ['Mass', 'Nodule'], 0.3))['Missed']
    assert names(cases) == ['0', '1', 'small', '2', '3', '4']
