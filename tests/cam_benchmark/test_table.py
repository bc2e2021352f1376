"""Tables show what was measured, and a dash where nothing was."""

from mmlung.cam_benchmark.table import tables
from mmlung.cam_benchmark.table import value
from mmlung.evaluation.cam_localization import cam_localization
from mmlung.evaluation.cam_score import MapScore

SCORES = [
    MapScore('Mass', f'p{i}', float(i % 2), 0.1, 0.25, 0.35, 0.55, (0.2,) * 7)
    for i in range(4)
]


def test_tables_of_two_kinds_of_map():
    report = cam_localization(SCORES, ['Mass', 'Nodule'], bootstrap=10)
    text = tables({'gradcam': report, 'place': report}, ['Mass', 'Nodule'])
    assert 'All 4 maps pooled' in text
    assert text.count('| gradcam |') == 5
    pointing = value(report, 'CAM_pointing')
    assert f'| gradcam | {pointing} |' in text
    assert '| Nodule | 0 | - | - | - |' in text
    assert '| place | 1.000 | 1.000 | 1.000 | 0.000 | 0.000 | 0.000 | 0.000 |' in text
    widths = {line.count('|') for line in text.splitlines() if '| gradcam |' in line}
    assert widths == {11, 9, 6}


def test_a_gain_below_zero_is_readable():
    assert value({'a': -0.1, 'a_low': -0.2, 'a_high': 0.3}, 'a') == (
        '-0.100 (-0.200 to 0.300)'
    )
