"""What a test does not show, and what reporting guidelines ask for beyond it."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from mmlung.report.gaps import is_calibrated
from mmlung.report.markup import bullets
from mmlung.report.markup import paragraph
from mmlung.report.markup import section
from mmlung.report.markup import table
from mmlung.report.sources import Sources

FEW_POSITIVES = 20
INTENDED_USE = (
    'Intended use: research and teaching, by people who can judge a chest radiograph '
    'or work with those who can. Not for diagnosis, triage or any decision about a '
    'patient: neither the software nor the model is a medical device, and neither has '
    'been reviewed as one.'
)
_KINDS = {
    'text-mined': (
        'The ground truth was mined from the text of radiology reports, not read from '
        'the films: its errors count as errors of the model, and for it.'
    ),
    'reader': 'The ground truth is one reading of the films, without a consensus.',
}


def limits_section(sources: Sources) -> Markup:
    """Intended use, and limits that follow from the files."""
    return section(
        'Limits and intended use',
        paragraph(INTENDED_USE),
        bullets(_limits(sources)),
    )


def _limits(sources: Sources) -> Iterable[str]:
    metrics, data = sources.metrics, sources.data
    if data.get('synthetic'):
        yield (
            'The films are synthetic phantoms: no number here says anything about '
            'patients.'
        )
    if data.get('split_family') != 'official':
        yield (
            f'The split family is {data.get("split_family")!r}: the numbers compare '
            'with others on this very split only.'
        )
    yield _ground_truth(str(data.get('ground_truth')))
    if data.get('note'):
        yield data['note']
    rare = _rare(metrics['per_finding'])
    if rare:
        yield f'Fewer than {FEW_POSITIVES} positives, so largely chance: {rare}.'
    yield (
        'The intervals cover the choice of test patients, not that of the training: '
        'another seed or another training set gives other numbers.'
        if metrics.get('resampled') != 'images'
        else 'Films, not patients, were resampled, since the release names no '
        'patients: the intervals are too narrow where patients have several films, and '
        'they do not cover the choice of another seed or training set.'
    )
    yield 'One data source: other hospitals, scanners and patients may differ.'
    if not sources.is_detector:
        yield 'PPV, NPV and probabilities hold at the prevalence of these films only.'


def _ground_truth(kind: str) -> str:
    known = next((text for key, text in _KINDS.items() if kind.startswith(key)), None)
    return (
        known
        or f'The kind of ground truth is {kind!r}: numbers of another kind differ.'
    )


def _rare(per_finding: Mapping[str, Mapping[str, Any]]) -> str:
    def positives(row: Mapping[str, Any]) -> float | None:
        return row.get('n_positive', row.get('n_boxes'))

    counts = {name: positives(row) for name, row in per_finding.items()}
    return ', '.join(
        f'{name} ({n:.0f})'
        for name, n in counts.items()
        if n is not None and n < FEW_POSITIVES
    )


def checklist_section(sources: Sources) -> Markup:
    """What reporting guidelines ask for: answered here, in part, or missing."""
    rows = [(item, _STATES[state], where) for item, state, where in _items(sources)]
    answered = sum(state is True for _, state, _ in _items(sources))
    text = (
        'Themes of CLAIM 2024 and TRIPOD+AI in our words; the guidelines themselves '
        f'say more. {answered} of {len(rows)} follow from the files of this test. What '
        'is missing has to be written by those who know it.'
    )
    heads = ('Item', 'State', 'Where, or what is missing')
    return section(
        'Reporting checklist',
        paragraph(text),
        table('CLAIM 2024 and TRIPOD+AI', heads, rows, text_columns=(1, 2)),
    )


_STATES = {
    True: Markup('<span class="yes">✓ answered</span>'),
    None: Markup('<span class="partly">◐ in part</span>'),
    False: Markup('<span class="no">✗ missing</span>'),
}


def _items(sources: Sources) -> list[tuple[str, bool | None, str]]:
    metrics, data = sources.metrics, sources.data
    tested = 'What was tested'
    intervals = any(key.endswith('_low') for key in metrics['metrics'])
    calibrated = (metrics.get('calibration') or {}).get('after') is not None
    results = sources.predictions is not None
    return [
        ('Intended use and users', None, 'research; your own use has to be stated'),
        ('Data source and version', bool(data.get('release')), tested),
        ('Hash of labels and annotations', bool(data.get('sha256')), tested),
        ('Inclusion and exclusion of films', False, 'see conversion_report.json'),
        ('Setting, scanners, dates', False, "see the data set's own publication"),
        (
            'Kind of ground truth',
            None if data.get('ground_truth') else False,
            f'{tested}; who read the films, and how, is missing',
        ),
        (
            'Split, disjoint by patient',
            None if data.get('split_family') else False,
            f'{tested}; that no patient was trained on is not in these files',
        ),
        (
            'Size of the test',
            None,
            'Headline numbers: films and positives; why as many is missing',
        ),
        (
            'Who the patients are (sex, age)',
            None if metrics.get('subgroups') else False,
            'Subgroups' if metrics.get('subgroups') else 'not in these files',
        ),
        ('Preparation of the films', None, 'size in pixels; the rest is in the config'),
        ('Model and weights', bool(metrics['checkpoint'].get('sha256')), tested),
        (
            'Training',
            None if metrics.get('training_epochs') else False,
            'epochs and seed; training data and choice of epoch are in the work dir',
        ),
        ('Software and versions', bool(metrics.get('versions')), tested),
        ('Performance with uncertainty', intervals, 'Headline numbers'),
        ('Calibration', calibrated, 'Calibration'),
        (
            'Thresholds fixed before the test',
            is_calibrated(sources),
            'Operating points',
        ),
        ('Subgroups and fairness', bool(metrics.get('subgroups')), 'Subgroups'),
        ('Analysis of errors', None if results else False, 'Cases; no reader looked'),
        (
            'Explanation of predictions',
            sources.maps is not None,
            'What the model looked at',
        ),
        (
            'External validation',
            bool(data.get('findings_map')),
            'tested on the findings of another data set'
            if data.get('findings_map')
            else 'tested on its own data set',
        ),
        ('Comparison with readers or practice', False, 'not in these files'),
        ('Limits', True, 'Limits and intended use'),
        ('Ethics, protocol, registration', False, 'not in these files'),
        ('Funding and conflicts of interest', False, 'not in these files'),
        (
            'Access to code, data and model',
            None,
            'hashes; where to get them is missing',
        ),
    ]
