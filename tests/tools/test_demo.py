import json

import pytest

from tools import demo


def write_metrics(folder, **metrics):
    folder.mkdir(parents=True)
    (folder / 'metrics.json').write_text(json.dumps({'metrics': metrics}))


@pytest.fixture
def finished(tmp_path):
    write_metrics(tmp_path / 'detector', AP40=0.6, AP40_findings=8.0, mIoU=0.5, AP=0.2)
    write_metrics(
        tmp_path / 'detector/untrained', AP40=0.001, AP40_findings=8.0, mIoU=0.0
    )
    write_metrics(tmp_path / 'classifier', mAUC=0.9, mAUC_findings=9.0)
    write_metrics(tmp_path / 'classifier/untrained', mAUC=0.5, mAUC_findings=9.0)
    return tmp_path


def test_the_headlines_are_joined(finished):
    joined = demo.join_metrics(finished)
    assert joined == {
        'synthetic': True,
        'detector': {'AP40': 0.6, 'AP40_findings': 8.0, 'mIoU': 0.5},
        'classifier': {'mAUC': 0.9, 'mAUC_findings': 9.0},
        'untrained': {
            'detector': {'AP40': 0.001, 'AP40_findings': 8.0, 'mIoU': 0.0},
            'classifier': {'mAUC': 0.5, 'mAUC_findings': 9.0},
        },
    }
    assert json.loads((finished / 'metrics.json').read_text()) == joined
    assert demo.shortfalls(joined) == []


@pytest.mark.parametrize(
    ('kind', 'key', 'value'),
    [('detector', 'AP40', 0.49), ('classifier', 'mAUC', 0.84)],
)
def test_a_shortfall_is_named(finished, kind, key, value):
    joined = demo.join_metrics(finished)
    joined[kind][key] = value
    assert len(demo.shortfalls(joined)) == 1
    assert f'{key} {value:.3f}' in demo.shortfalls(joined)[0]


def test_ten_times_the_untrained_network_is_asked_for(finished):
    joined = demo.join_metrics(finished)
    joined['untrained']['detector']['AP40'] = 0.07
    assert 'ten times' in demo.shortfalls(joined)[0]


def test_every_tool_and_config_of_the_plan_exists(tmp_path):
    steps = demo.data_steps(tmp_path, 'smoke')
    for kind in demo.KINDS:
        steps += demo.model_steps(kind, tmp_path, 'smoke')
        steps += demo.reading_steps(kind, tmp_path)
    steps.append(demo.new_films_step(tmp_path, 'smoke'))
    named = {part for step in steps for part in step.argv if part.endswith('.py')}
    assert named
    for path in named:
        assert (demo.REPO / path).is_file()
    assert len({step.name for step in steps}) == len(steps)


def test_six_findings_are_asked_for(finished):
    joined = demo.join_metrics(finished)
    joined['detector']['AP40_findings'] = 5.0
    assert 'AP40 over 5 findings (goal 6)' in demo.shortfalls(joined)


def test_an_undefined_number_is_a_shortfall(finished):
    joined = demo.join_metrics(finished)
    joined['classifier']['mAUC'] = None
    assert 'mAUC 0.000' in demo.shortfalls(joined)[0]
