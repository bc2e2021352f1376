from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from benchmarks import fold_auc as folds


def films(seed=0, n=60, findings=('Mass', 'Nodule')):
    rng = np.random.default_rng(seed)
    target = rng.integers(2, size=(n, len(findings))).astype(float)
    return folds.Films(
        findings=findings,
        name=np.array([f'{i}.png' for i in range(n)]),
        fold=np.arange(n) % 3,
        patient=np.array([f'p{i // 2}' for i in range(n)]),
        score=rng.normal(size=target.shape) + 0.7 * target,
        target=target,
        groups={},
    )


def test_films_of_different_folds_are_never_ranked_together():
    all_films = films()
    expected = np.mean(
        [
            roc_auc_score(
                all_films.target[all_films.fold == k, 0],
                all_films.score[all_films.fold == k, 0],
            )
            for k in range(3)
        ]
    )
    got = folds.fold_auc(all_films)['AUC/Mass']
    assert got == pytest.approx(expected)
    shifted = replace(all_films, score=all_films.score + 10 * all_films.fold[:, None])
    assert folds.fold_auc(shifted)['AUC/Mass'] == pytest.approx(expected)


def test_a_part_of_the_films_and_of_the_findings():
    all_films = films()
    chosen = np.arange(60) < 30
    numbers = folds.fold_auc(all_films, chosen, ['Nodule'])
    assert numbers['mAUC'] == numbers['AUC/Nodule']
    assert numbers['mAUC_low'] < numbers['mAUC'] < numbers['mAUC_high']
    none = folds.fold_auc(all_films, np.zeros(60, bool))
    assert np.isnan(none['AUC/Mass'])


def test_the_same_runs_do_not_differ_and_better_ones_do():
    run = films(n=200)
    same = folds.mean_difference([run, run], [run, run])
    assert same['difference'] == same['difference_low'] == 0
    better = replace(run, score=run.score + 0.5 * run.target)
    numbers = folds.mean_difference([run], [better])
    assert 0 < numbers['difference_low'] < numbers['difference']
    with pytest.raises(ValueError, match='different films'):
        folds.mean_difference([run], [films(n=198)])
