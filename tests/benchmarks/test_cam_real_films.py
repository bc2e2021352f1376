"""The command asks each fold's model for its own test films; the report says it all."""

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent.parent / 'benchmarks'


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.delitem(sys.modules, 'cam_real_films', raising=False)
    import cam_real_films

    return cam_real_films


def test_every_fold_is_asked_for_its_own_films(benchmark):
    words = benchmark.command(benchmark.parse_args(['--classifiers', 'runs']))
    boxes = words.index('--boxes')
    assert words[2:boxes] == [f'runs/bce-fold{k}-seed0/best.pth' for k in range(5)]
    assert words[boxes + 1 : boxes + 6] == [
        f'runs/data/fold_{k}/boxes_test.json' for k in range(5)
    ]
    assert '--show' not in words


def test_report(benchmark):
    from mmlung.evaluation import MapScore
    from mmlung.evaluation import cam_localization
    from mmlung.result import without_nan

    scores = [
        MapScore('Mass', f'p{i}', i % 2, 0.1, 0.2, 0.3, 0.4, (0.2,) * 7)
        for i in range(4)
    ]
    numbers = cam_localization(scores, ['Mass', 'Hernia'], bootstrap=10)
    fold = {
        'boxes': 'boxes_test.json',
        'checked_unseen': True,
        'films': 2,
        'split_family': 'subset',
        'ground_truth': 'reader',
        'label_file': 'BBox.csv',
    }
    content = {
        'data': [fold, fold],
        'settings': {
            'findings': ['Mass', 'Hernia'],
            'rule': {'share': 0.2, 'regions': 'largest'},
            'bootstrap': 10,
        },
        'reports': {benchmark.METHODS[0]: numbers, 'place': numbers},
        'randomisation': {
            'method': 'gradcam',
            'rows': [
                {'shuffled': 'head.fc', 'spearman': None, 'maps': 0.0, 'zero': 2.0}
            ],
        },
    }
    text = benchmark.report(without_nan(content))
    assert '4 films with boxes, pooled over 2 folds; unseen: checked' in text
    assert '| Hernia | 0 | - | - | - |' in text
    assert '| head.fc | nan | 0 | 2 |' in text
    assert '**not comparable**' in text
    fold['checked_unseen'] = False
    assert 'unseen: not all checked' in benchmark.report(without_nan(content))


def test_missing_marks_stop_before_the_work(benchmark, tmp_path, capsys):
    docs = tmp_path / 'results.md'
    docs.write_text('# Results\n')
    assert benchmark.main(['--docs', str(docs)]) == 2
    assert 'has no lines "<!-- cam: begin' in capsys.readouterr().err
