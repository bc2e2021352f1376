from pathlib import Path

import pytest

from benchmarks import classifier_cost as cost

CONFIGS = Path(__file__).parents[2] / 'configs'


@pytest.mark.parametrize(
    ('name', 'img_size', 'giga_macs', 'millions'),
    [
        ('convnext_chestxray14', 224, 4.46, 28.59),
        ('convnextv2-b_chestxray14_512px', 384, 45.21, 88.72),
    ],
)
def test_flops_are_those_of_mmpretrains_model_zoo(name, img_size, giga_macs, millions):
    """Two a multiply-add, three passes; theirs count the head of 1,000 classes."""
    one = cost.cost_of(CONFIGS / f'{name}.py', img_size, batch_size=1)
    assert one.plain.step_flops == pytest.approx(6e9 * giga_macs, rel=0.02)
    assert one.checkpointed.step_flops == pytest.approx(8e9 * giga_macs, rel=0.02)
    assert one.plain.parameters == pytest.approx(1e6 * millions, rel=0.04)
    assert one.checkpointed.kept_bytes < 0.5 * one.plain.kept_bytes


def test_a_table_by_hand():
    plain = cost.Cost('x', 2, 10**9, step_flops=4 * 10**12, kept_bytes=2**31)
    less = cost.Cost('x', 2, 10**9, step_flops=5 * 10**12, kept_bytes=2**30)
    one = cost.ClassifierCost(plain, less, 512, films=36_000, seconds=1.5)
    text = cost.table([one], tflops=10, overhead_gib=0.5)
    row = '| `x.py` | 512 | 1000 | 2 | 2000 | 21.1 | 20.1 | 36,000 | 120 | 1.50 |'
    assert text.splitlines()[-1] == row
    assert len({line.count('|') for line in text.splitlines()}) == 1


def test_every_full_size_classifier_is_in_the_table():
    names = {path.stem for path in cost.full_size_classifiers()}
    assert {'convnext_mimic', 'convnextv2-b_chestxray14_512px'} <= names
    assert not any('demo' in name for name in names)


def test_a_small_classifier_is_timed(capsys):
    config = str(CONFIGS / 'convnext_chestxray14_demo.py')
    assert cost.main([config, '--img-size', '64', '--time']) == 0
    header, _, row = capsys.readouterr().out.splitlines()
    assert header.endswith('| s a film on this CPU |')
    assert row.startswith('| `convnext_chestxray14_demo.py` | 64 |')


def test_a_detector_is_refused(capsys):
    assert cost.main([str(CONFIGS / 'swin_vindr.py')]) == 2
    assert 'swin_vindr.py is no classifier' in capsys.readouterr().err
