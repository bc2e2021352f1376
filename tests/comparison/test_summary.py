import json
from pathlib import Path

import numpy as np
import pytest

from mmlung.comparison.summary import Run
from mmlung.comparison.summary import read_run
from mmlung.comparison.summary import spread
from mmlung.comparison.summary import summarize
from mmlung.comparison.summary_table import summary_table


def run(seed, auc=0.5, name=None, **changes):
    content = {
        'schema': 'mmlung.metrics/1',
        'config': {'file': 'x.py', 'img_size': 128},
        'checkpoint': {'sha256': f'weights {seed}'},
        'data': {
            'sha256': 'films',
            'ground_truth': 'text-mined',
            'dataset': 'chestxray14',
            'split': 'test',
            'split_family': 'official',
        },
        'evaluators': [{'type': 'mmlung.MeanAUC', 'bootstrap': 1000}],
        'tta': False,
        'training_seed': seed,
        'metrics': {'mAUC': auc, 'mAUC_low': 0.1, 'mAUC_high': 0.9, 'mAUC_findings': 2},
        'per_finding': {
            'Mass': {'AUC': auc, 'AUC_low': 0.1, 'AUC_high': 0.9},
            'Hernia': {'AUC': None if seed == 0 else auc},
        },
    }
    for key, value in changes.items():
        content[key] = value if key == 'tta' else content[key] | value
    return Run(Path(name or f'seed{seed}/metrics.json'), content)


RUNS = [run(0, 0.5), run(1, 0.7), run(2, 0.6)]


def test_mean_sample_deviation_and_range():
    report = summarize(RUNS)
    found = report['metrics']['mAUC']
    assert found['n'] == 3
    assert found['mean'] == pytest.approx(0.6)
    assert found['sd'] == pytest.approx(np.std([0.5, 0.7, 0.6], ddof=1))
    assert (found['min'], found['max']) == (0.5, 0.7)
    assert set(report['metrics']) == {'mAUC', 'mAUC_findings'}  # no interval's ends
    assert set(report['per_finding']['Mass']) == {'AUC'}
    assert report['across'] == []
    assert [r['training_seed'] for r in report['runs']] == [0, 1, 2]
    json.dumps(report, allow_nan=False)


def test_an_undefined_value_does_not_count():
    found = summarize(RUNS)['per_finding']['Hernia']['AUC']
    assert found['n'] == 2
    assert found['mean'] == pytest.approx(0.65)


def test_the_order_of_the_runs_does_not_matter():
    one, other = summarize(RUNS), summarize(RUNS[::-1])
    assert one['metrics'] == other['metrics']


@pytest.mark.parametrize(
    ('values', 'expected'),
    [
        ([], (0, None, None, None, None)),
        ([0.5], (1, 0.5, None, 0.5, 0.5)),
        ([1, 3], (2, 2, 2**0.5, 1, 3)),
    ],
    ids=['none', 'one', 'two'],
)
def test_spread(values, expected):
    assert tuple(spread(values).values()) == pytest.approx(expected)


DIFFERENT = {
    'data': {'data': {'sha256': 'others'}},
    'ground-truth': {'data': {'ground_truth': 'consensus'}},
    'split': {'data': {'split_family': 'subset'}},
    'config': {'config': {'img_size': 256}},
    'config-tta': {'tta': True},
}


@pytest.mark.parametrize('kind', DIFFERENT)
def test_other_experiments_are_refused_unless_asked_for(kind):
    odd = run(9, name='odd/metrics.json', **DIFFERENT[kind])
    across = kind.removesuffix('-tta')
    with pytest.raises(
        ValueError,
        match=rf'differ in {across} \(.* in seed0/metrics\.json, .* in '
        rf'odd/metrics\.json\).*--across {across} if that is meant',
    ):
        summarize([*RUNS, odd])
    assert summarize([*RUNS, odd], [across])['across'] == [across]


def test_other_settings_of_a_metric_are_refused_but_not_the_resamples():
    odd = run(9)
    odd.content['evaluators'] = [{'type': 'mmlung.MeanAUC', 'bootstrap': 7}]
    assert summarize([*RUNS, odd])['across'] == []
    odd.content['evaluators'] = [{'type': 'mmlung.MeanAUC', 'min_positives': 20}]
    with pytest.raises(ValueError, match='--across metrics'):
        summarize([*RUNS, odd])


def test_one_run_twice_is_refused():
    with pytest.raises(ValueError, match='a run counts once'):
        summarize([*RUNS, run(1, name='copy/metrics.json')])


def test_no_run():
    with pytest.raises(ValueError, match='at least one run'):
        summarize([])


def test_the_table_says_mean_and_spread():
    lines = summary_table(summarize(RUNS)).splitlines()
    assert lines[0] == '3 runs:'
    assert lines[1].split() == ['seed0/metrics.json', 'seed', '0']
    rows = {line.split()[0]: line.split()[1:] for line in lines if line.strip()}
    assert rows['Mass'] == ['0.600', '±', '0.100']
    assert rows['Hernia'] == ['0.650', '±', '0.071', '(n=2)']
    assert rows['mAUC'] == ['0.600', '±', '0.100', '0.500', '0.700']


def test_one_run_has_no_spread():
    text = summary_table(summarize([run(1, 0.7)]))
    assert text.startswith('1 run:')
    assert '0.700 ± -' in text
    assert '± 0.000' not in text


def test_folds_are_said_to_be_folds():
    fold = run(9, data={'sha256': 'others'})
    text = summary_table(summarize([*RUNS, fold], ['data']))
    assert 'differing between the runs: data' in text
    assert 'spread over test films as well as over trainings (folds)' in text


@pytest.mark.parametrize('by_folder', [False, True], ids=['file', 'work-dir'])
def test_a_run_is_read(tmp_path, by_folder):
    path = tmp_path / 'metrics.json'
    path.write_text(json.dumps(RUNS[0].content))
    read = read_run(tmp_path if by_folder else path)
    assert read == Run(path, RUNS[0].content)


def test_what_is_no_run(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'metrics\.json does not exist'):
        read_run(tmp_path)
    path = tmp_path / 'metrics.json'
    path.write_text('{')
    with pytest.raises(ValueError, match=r'is no metrics\.json'):
        read_run(path)
    path.write_text('{"schema": "mmlung.predictions/1"}')
    with pytest.raises(ValueError, match=r"got 'mmlung\.predictions/1'"):
        read_run(path)
