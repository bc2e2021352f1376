import json

import pytest

from mmlung.cli import main


def write(folder, seed, sha256='films'):
    """metrics.json and predictions.json of one fold with four films."""
    folder.mkdir()
    metrics = {
        'schema': 'mmlung.metrics/1',
        'config': {'file': 'x.py'},
        'checkpoint': {'sha256': f'w{seed}'},
        'data': {'sha256': sha256},
        'training_seed': seed,
        'metrics': {'mAUC': 0.5 + seed / 10},
        'per_finding': {'Mass': {'AUC': 0.5 + seed / 10}},
    }
    images = [
        {
            'image': f'{seed}-{i}.png',
            'size_hw': [9, 9],
            'findings': [{'name': 'Mass', 'score': i / 4, 'box_xyxy': None}],
            'truth': [{'name': 'Mass', 'score': i % 2, 'box_xyxy': None}],
            'patient_id': f'{seed}-{i}',
        }
        for i in range(4)
    ]
    predictions = {'schema': 'mmlung.predictions/1', 'findings': ['Mass']}
    (folder / 'metrics.json').write_text(json.dumps(metrics))
    (folder / 'predictions.json').write_text(
        json.dumps(predictions | {'images': images})
    )
    return str(folder)


def test_seeds(tmp_path, capsys):
    runs = [write(tmp_path / str(seed), seed) for seed in range(3)]
    assert main(['summarize', *runs, '--out', str(tmp_path / 's.json')]) == 0
    report = json.loads((tmp_path / 's.json').read_text())
    assert report['schema'] == 'mmlung.summary/1'
    assert report['metrics']['mAUC']['mean'] == pytest.approx(0.6)
    assert 'pooled' not in report
    assert '0.600 ± 0.100' in capsys.readouterr().out


def test_folds_are_pooled(tmp_path, capsys):
    runs = [write(tmp_path / str(seed), seed, f'films {seed}') for seed in range(2)]
    assert main(['summarize', *runs]) == 2
    assert '--across data if that is meant' in capsys.readouterr().err
    pooled = tmp_path / 'pooled.json'
    options = ['--across', 'data', '--pool', str(pooled), '--bootstrap', '20']
    assert main(['summarize', *runs, *options, '--out', str(tmp_path / 's.json')]) == 0
    assert len(json.loads(pooled.read_text())['images']) == 8
    report = json.loads((tmp_path / 's.json').read_text())
    assert report['pooled']['AUC/Mass'] == 0.75
    out = capsys.readouterr().out
    assert 'note: the pooled AUC ranks scores of different models' in out
    assert f'pooled predictions: {pooled}' in out


def test_pooling_without_a_file(tmp_path, capsys):
    run = write(tmp_path / '0', 0)
    assert main(['summarize', run, '--pool', '--bootstrap', '0']) == 0
    assert 'pooled films of all folds' in capsys.readouterr().out
    assert sorted(p.name for p in tmp_path.rglob('*.json')) == [
        'metrics.json',
        'predictions.json',
    ]


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--bootstrap', '-1'], '--bootstrap must not be negative, got -1'),
        (['--out', 'a.txt'], '--out must end in .json, got a.txt'),
        (['--pool', 'a.txt'], '--pool must end in .json, got a.txt'),
        (['--across', 'all'], 'invalid choice'),
    ],
    ids=['bootstrap', 'out', 'pool', 'across'],
)
def test_bad_options(options, message, capsys):
    with pytest.raises(SystemExit, match='2'):
        main(['summarize', 'a', *options])
    assert message in capsys.readouterr().err
