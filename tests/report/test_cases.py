from mmlung.report.box_cases import detected_cases
from mmlung.report.box_cases import outcomes
from mmlung.report.cases import classified_cases
from mmlung.result import Finding
from mmlung.result import ImageResult

BOX, NEAR, AWAY = (0.0, 0, 10, 10), (0.0, 0, 10, 8), (50.0, 50, 60, 60)


def classified(image, scores, truth):
    found = tuple(Finding(name, value) for name, value in scores.items())
    true = tuple(Finding(name, value) for name, value in truth.items())
    return ImageResult(image, (9, 9), found, true)


def names(cases):
    return [case.result.image for case in cases]


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
    assert names(found['Missed'])[0] == 'missed'
    assert names(found['False positive']) == ['false', 'healthy']
    assert 'higher than on 30 % of the films' in found['Missed'][0].text
    assert found['Missed'][0].title == 'Mass missed'


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
    assert classified_cases(films)['Missed'][0].title == 'Mass missed'


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
    assert galleries['False positive'][0].region is not None


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
