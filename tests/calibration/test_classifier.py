import numpy as np
import pytest
from scipy.special import expit

from mmlung.calibration.classifier import METHOD
from mmlung.calibration.classifier import calibration_table
from mmlung.calibration.classifier import fitted_findings
from mmlung.evaluation.cutoffs import RULES
from mmlung.evaluation.platt import fit_platt
from mmlung.evaluation.rates import at_threshold
from mmlung.result import Finding
from mmlung.result import ImageResult
from mmlung.result import without_nan

FINDINGS = ['Mass', 'Nodule/Mass', 'Hernia', 'Edema']


def films(n=200, seed=0):
    """An overconfident finding, a timid one, one with 1 present, one never known."""
    rng = np.random.default_rng(seed)
    z = rng.normal(-1, 2, (n, 4))
    target = (rng.random((n, 4)) < expit(z * [0.4, 2.0, 1.0, 1.0])).astype(float)
    target[:, 2] = 0
    target[5, 2] = 1
    target[:, 3] = np.nan
    score = expit(z).round(6)
    results = [
        ImageResult(
            f'{i}.png',
            (8, 8),
            tuple(
                Finding(f, float(s)) for f, s in zip(FINDINGS, score[i], strict=True)
            ),
            tuple(
                Finding(f, None if np.isnan(t) else float(t))
                for f, t in zip(FINDINGS, target[i], strict=True)
            ),
        )
        for i in range(n)
    ]
    return results, score, target


def test_each_finding_has_its_curve_thresholds_and_counts():
    results, score, target = films()
    rows = fitted_findings(results, FINDINGS, min_positives=2)
    assert [row['finding'] for row in rows] == FINDINGS
    assert [row['known'] for row in rows] == [200, 200, 200, 0]
    assert [row['positives'] for row in rows][2:] == [1, 0]
    assert [row['unscaled'] for row in rows] == [
        None,
        None,
        'only 1 present',
        'no present film',
    ]
    for c, row in enumerate(rows[:2]):
        curve = fit_platt(score[:, c], target[:, c])
        assert (row['slope'], row['intercept']) == (curve.slope, curve.intercept)
        assert row['ece_after'] < row['ece_before']
        assert row['brier_after'] < row['brier_before']
        probability = curve.probability(score[:, c])
        for entry in row['thresholds'].values():
            # The same films are positive on either scale.
            assert at_threshold(
                score[:, c], target[:, c], entry['score_thr']
            ) == at_threshold(probability, target[:, c], entry['probability_thr'])
        wanted = row['thresholds']['sensitivity90']['score_thr']
        assert at_threshold(score[:, c], target[:, c], wanted)['sensitivity'] >= 0.9
    for row in rows[2:]:
        assert (row['slope'], row['intercept']) == (1.0, 0.0)
        assert {t['score_thr'] for t in row['thresholds'].values()} == {None}
        assert all(t['reason'] for t in row['thresholds'].values())
    assert np.isnan(rows[3]['ece_before'])


def test_the_table_says_what_it_rests_on():
    results, *_ = films(40)
    content = {
        'method': METHOD,
        'findings': without_nan(fitted_findings(results, FINDINGS, 2)),
        'data': {
            'file': 'val.json',
            'split': 'val',
            'split_family': 'official',
            'images': 40,
            'dataset': 'chestxray14',
            'ground_truth': 'report-mined',
        },
    }
    content['findings'][1]['positives'] = 9
    lines = calibration_table(content).splitlines()
    assert lines[0].split() == [
        *['finding', 'positives', 'slope', 'intercept', *RULES, 'ECE', 'Brier']
    ]
    assert lines[1].split()[:2] == ['Mass', str(content['findings'][0]['positives'])]
    assert lines[4].split() == [
        *['Edema', '0', '1.000', '0.000', '-', '-', '-'],
        *['-', '->', '-', '-', '->', '-'],
    ]
    assert len({len(line) for line in lines[:5]}) == 1
    text = '\n'.join(lines[6:])
    assert "2 of 4 findings calibrated: Platt scaling of the score's logit" in text
    assert 'before -> after, on the very films of the fit' in text
    assert 'split: val (official), 40 images of chestxray14 (val.json)' in text
    assert 'PPV and NPV, holds at the prevalence of these films only' in text
    assert 'Hernia (only 1 present), Edema (no present film)' in text
    assert 'fewer than 10 present films, so largely chance: Nodule/Mass (--min-' in text


def test_films_without_truth_are_refused():
    film = ImageResult('a.png', (8, 8), (Finding('Mass', 0.5),))
    with pytest.raises(ValueError, match=r'a\.png has no truth'):
        fitted_findings([film], ['Mass'])
