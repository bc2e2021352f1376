"""What was tested on what, and which published numbers may stand beside it."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from mmlung.report.anchors import MARKS
from mmlung.report.anchors import Anchors
from mmlung.report.anchors import anchors_for
from mmlung.report.markup import DASH
from mmlung.report.markup import count
from mmlung.report.markup import listed
from mmlung.report.markup import number
from mmlung.report.markup import paragraph
from mmlung.report.markup import section
from mmlung.report.markup import table
from mmlung.report.markup import undefined_note
from mmlung.report.markup import with_interval
from mmlung.report.sources import Sources

_IMAGES, _HEALTHY = 'n_images', 'n_healthy_images'
METRICS = {
    'mAUC': ('mean area under the ROC curve', 'mAUC_findings'),
    'mAUPRC': ('mean area under the precision-recall curve', 'mAUC_findings'),
    'AP40': ('mean average precision, hits from IoU 0.4', 'AP40_findings'),
    'AP50': ('mean average precision, hits from IoU 0.5', 'AP40_findings'),
    'AP75': ('mean average precision, hits from IoU 0.75', 'AP40_findings'),
    'AP': ('mean average precision, IoU 0.5 to 0.95 (COCO)', 'AP40_findings'),
    'mIoU': ('mean IoU of all true boxes, a missed one counts 0', 'mIoU_boxes'),
    'mIoU_macro': ('the same, averaged over findings', 'mIoU_findings'),
    'PQ': ('panoptic quality: IoU of hits over hits and half the errors', 'mIoU_boxes'),
    'fp_per_image': ('false positives per film at the thresholds', _IMAGES),
    'fp_per_healthy_image': ('false positives per film without true boxes', _HEALTHY),
    'mIoU_TP50': ('mean IoU of the hits from IoU 0.5 alone', 'mIoU_boxes'),
    'precision50': ('precision at IoU 0.5 and the thresholds', _IMAGES),
    'recall50': ('recall at IoU 0.5 and the thresholds', 'mIoU_boxes'),
    'CPM': ('mean of the seven FROC sensitivities', 'FROC_boxes'),
    'sensitivity@1': ('sensitivity at one false positive per film', 'FROC_boxes'),
    'mIoU_mask': (
        'IoU of the united boxes, over films and findings with true boxes',
        'n_masks',
    ),
    'mIoU_mask_macro': ('the same, averaged over findings', 'n_masks'),
    'mask_specificity': ('share without any box, where there is no true box', None),
    'healthy_specificity': ('share of healthy films without any box', _HEALTHY),
    'best_IoU': ('best IoU of each true box, whatever the score', 'best_IoU_boxes'),
    'best_IoU_macro': ('the same, averaged over findings', 'best_IoU_boxes'),
}
"""Metric to what it means, and the key of the number that it rests on."""
_UNITS = {
    _IMAGES: 'films',
    _HEALTHY: 'healthy films',
    'n_masks': 'films and findings',
    'findings': 'findings',
    'boxes': 'true boxes',
}
_COUNTED = ('findings', 'boxes', 'images', 'studies', 'conflicts')
_PER_FINDING = ('AUC', 'AUPRC', 'AP40', 'AP50', 'AP', 'mIoU', 'CPM')
_COUNTS = {
    'n_positive': 'Positive films',
    'n_known': 'Labelled films',
    'n_boxes': 'True boxes',
}


def tested_section(sources: Sources) -> Markup:
    """Model, data and software, with the hashes that tell them from others."""
    metrics, data = sources.metrics, sources.data
    checkpoint, config = metrics['checkpoint'], metrics['config']
    weights = (
        'none: an untrained network'
        if checkpoint.get('untrained')
        else (checkpoint.get('file'))
    )
    rows = [
        ('Data set', f'{data.get("dataset")}, {_known(data.get("release"))}'),
        ('Part', f'{data.get("split")}, {count(data.get("images"))} films'),
        ('Split family', data.get('split_family')),
        ('Ground truth', data.get('ground_truth')),
        ('Labels', _file(data.get('label_file'), data.get('label_sha256'))),
        ('Annotations', _file(data.get('file'), data.get('sha256'))),
        ('Patients', _patients(sources)),
        ('Synthetic', 'yes: phantoms' if data.get('synthetic') else 'no'),
        ('Findings mapped', data.get('findings_map') and 'yes, see metrics.json'),
        ('Note on the data', data.get('note')),
        ('Config', f'{config.get("file")}, {config.get("img_size")} px'),
        ('Checkpoint', _file(weights, checkpoint.get('sha256'))),
        ('Training', _training(metrics)),
        ('Test-time augmentation', 'yes' if metrics.get('tta') else 'no'),
        ('Intervals', _intervals(metrics)),
        ('Software', f'mmlung {metrics.get("mmlung")}; {_versions(metrics)}'),
    ]
    shown = [row for row in rows if row[1] not in (None, '')]
    return section('What was tested', listed(shown))


def _file(name: Any, sha256: str | None) -> Markup:
    if sha256 is None:
        return Markup('{}').format(_known(name))
    return Markup('{} <code>{}</code>').format(_known(name), f'sha256 {sha256}')


def _known(value: Any) -> Any:
    return 'not recorded' if value is None else value


def _patients(sources: Sources) -> str | None:
    if sources.predictions is None:
        return None
    ids = [result.patient_id for result in sources.predictions.results]
    unknown = sum(patient is None for patient in ids)
    known = len(set(ids) - {None})
    return f'{known:,}' + (f', and {unknown:,} films without one' if unknown else '')


def _training(metrics: Mapping[str, Any]) -> str | None:
    epochs, seed = metrics.get('training_epochs'), metrics.get('training_seed')
    return None if epochs is None else f'{epochs} epochs, seed {_known(seed)}'


def _intervals(metrics: Mapping[str, Any]) -> str:
    """How they came about; several metrics may resample differently."""
    resamples = {e.get('bootstrap', 0) for e in metrics.get('evaluators') or ()}
    times = ' or '.join(count(n) for n in sorted(resamples)) or 'not recorded'
    drawn = _known(metrics.get('resampled'))
    return f'95 %, percentiles of a bootstrap over {drawn}; resamples: {times}'


def _versions(metrics: Mapping[str, Any]) -> str:
    versions = (metrics.get('versions') or {}).items()
    return ', '.join(f'{name} {value}' for name, value in versions if value)


def headline_section(sources: Sources) -> Markup:
    """The means, the findings, and published numbers where they may be compared."""
    metrics = sources.metrics
    overall = metrics['metrics']
    rows = [
        (key, with_interval(overall, key), *_meaning(key, overall))
        for key in _main_keys(overall)
    ]
    anchors, sentence = anchors_for(metrics)
    pieces = [
        table(
            'All findings [95 % interval]',
            ('Metric', 'Value', 'Over', 'Meaning'),
            rows,
            text_columns=(3,),
        ),
        *_finding_table(metrics['per_finding']),
        paragraph(sentence),
    ]
    if anchors is not None:
        pieces.append(_anchor_table(anchors, overall))
        marks = '; '.join(f'[{mark}] {text}' for mark, text in MARKS.items())
        pieces.append(paragraph(f'Marks: {marks}.', 'small'))
    return section('Headline numbers', *pieces)


def _main_keys(overall: Mapping[str, Any]) -> Iterable[str]:
    """Metrics, the well-known ones first; counts and other FROC points elsewhere."""
    others = [
        key
        for key in overall
        if not key.endswith(('_low', '_high', *(f'_{c}' for c in _COUNTED)))
        and not key.startswith(('n_', 'sensitivity@'))
        and not key.endswith('score_thr')
        and key not in METRICS
    ]
    return [key for key in (*METRICS, *others) if key in overall]


def _meaning(key: str, overall: Mapping[str, Any]) -> tuple[str, str]:
    """What a metric rests on, and what it means."""
    meaning, counted = METRICS.get(key, ('', None))
    if counted is None or overall.get(counted) is None:
        return '', meaning
    unit = _UNITS.get(counted) or _UNITS[counted.rpartition('_')[2]]
    return f'{count(overall[counted])} {unit}', meaning


def _finding_table(per_finding: Mapping[str, Mapping[str, Any]]) -> list[Markup]:
    present = {key for row in per_finding.values() for key in row}
    keys = [key for key in _PER_FINDING if key in present]
    counts = [key for key in _COUNTS if key in present]
    if not keys:
        reason = 'There are no numbers per finding in metrics.json.'
        return [paragraph(reason, 'missing')]
    rows = [
        (
            name,
            *(count(row.get(key)) for key in counts),
            *(with_interval(row, key) for key in keys),
        )
        for name, row in per_finding.items()
    ]
    heads = ['Finding', *(_COUNTS[key] for key in counts), *keys]
    return [table('Each finding [95 % interval]', heads, rows), undefined_note(rows)]


def _anchor_table(anchors: Anchors, overall: Mapping[str, Any]) -> Markup:
    rows = [
        (f'{row.name} [{row.mark}]', number(row.value, 4), row.note or DASH)
        for row in anchors.rows
    ]
    ours = Markup('<strong>this test</strong>')
    value = with_interval(overall, anchors.metric, 4)
    rows.append((ours, value, 'the numbers of this report'))
    heads = ('Model', anchors.metric, 'Note')
    caption = f'Published: {anchors.what}'
    return table(caption, heads, rows, text_columns=(2,))
