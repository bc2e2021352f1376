"""Reports of several kinds of maps as Markdown tables."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence

Report = Mapping[str, float]
"""Of :func:`mmlung.evaluation.cam_localization`."""

_COLUMNS = (
    ('pointing game', 'CAM_pointing'),
    ('gain over a random pixel', 'CAM_pointing_gain'),
    ('energy in box', 'CAM_energy'),
    ('IoU > 0.1', 'CAM_IoU@0.1'),
    ('by size alone', 'CAM_IoU_chance@0.1'),
    ('IoU > 0.3', 'CAM_IoU@0.3'),
    ('IoU > 0.5', 'CAM_IoU@0.5'),
    ('IoBB > 0.1', 'CAM_IoBB@0.1'),
    ('IoBB > 0.5', 'CAM_IoBB@0.5'),
)


def tables(reports: Mapping[str, Report], findings: Sequence[str]) -> str:
    """Tables of all maps, of the mean of findings, of each finding and each threshold.

    Args:
        reports: {kind of map: its report}, all of the same films.
        findings: those to list.
    """
    first = next(iter(reports.values()))
    maps = f'{first["CAM_maps"]:.0f} maps'
    return '\n\n'.join(
        [
            f'All {maps} pooled:\n\n{_overview(reports, "")}',
            f'Mean of the findings:\n\n{_overview(reports, "_macro")}',
            f'Pointing game per finding:\n\n{_per_finding(reports, findings)}',
            f'IoU accuracy over all {maps}:\n\n{_by_threshold(reports, "CAM_IoU")}',
            f'IoBB accuracy over all {maps}:\n\n{_by_threshold(reports, "CAM_IoBB")}',
        ]
    )


def value(report: Report, key: str) -> str:
    """A number with its interval where there is one; a dash where it is undefined.

    >>> value({'a': 0.5, 'a_low': 0.4, 'a_high': 0.61}, 'a'), value({'a': 0.5}, 'a')
    ('0.500 (0.400-0.610)', '0.500')
    """
    number = report[key]
    if number != number:
        return '-'
    if f'{key}_low' not in report:
        return f'{number:.3f}'
    low, high = report[f'{key}_low'], report[f'{key}_high']
    dash = ' to ' if low < 0 else '-'
    return f'{number:.3f} ({low:.3f}{dash}{high:.3f})'


def _overview(reports: Mapping[str, Report], suffix: str) -> str:
    rows = [
        [kind, *(value(report, key + suffix) for _, key in _COLUMNS)]
        for kind, report in reports.items()
    ]
    return _markdown(['map', *(title for title, _ in _COLUMNS)], rows)


def _per_finding(reports: Mapping[str, Report], findings: Sequence[str]) -> str:
    first = next(iter(reports.values()))
    rows = [
        [
            name,
            f'{first[f"CAM_maps/{name}"]:.0f}',
            value({'': first[f'CAM_random_pixel/{name}']}, ''),
            *(value(report, f'CAM_pointing/{name}') for report in reports.values()),
        ]
        for name in findings
    ]
    return _markdown(['finding', 'maps', 'random pixel', *reports], rows)


def _by_threshold(reports: Mapping[str, Report], key: str) -> str:
    from mmlung.evaluation.cam_score import THRESHOLDS

    rows = [
        [kind, *(f'{report[f"{key}@{t}"]:.3f}' for t in THRESHOLDS)]
        for kind, report in reports.items()
    ]
    return _markdown(['map', *(f'> {t}' for t in THRESHOLDS)], rows)


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ['---'] * len(head), *rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)
