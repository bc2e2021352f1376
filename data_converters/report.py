"""What a conversion read, wrote, clipped, dropped and found odd: JSON and a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from functools import cache
from typing import TYPE_CHECKING
from typing import Any

from mmlung.findings import CHESTXRAY14_NO_FINDING
from mmlung.findings import NO_FINDING

from .records import ImageRecord
from .tables import Source

if TYPE_CHECKING:
    from .conversion import Conversion
    from .conversion import Part

_NO_FINDING = (NO_FINDING, CHESTXRAY14_NO_FINDING)


@dataclass
class Report:
    """Filled while a conversion runs; ``as_json`` is the conversion_report.json."""

    options: dict[str, Any] = field(default_factory=dict)
    inputs: list[dict[str, Any]] = field(default_factory=list)
    rows_read: int = 0
    boxes_in: int = 0
    clipped: list[dict[str, Any]] = field(default_factory=list)
    dropped: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    reader_agreement: dict[str, Any] | None = None
    label_policy: dict[str, Any] | None = None

    def add_input(self, source: Source, role: str, annotations: bool = True) -> None:
        """An input file, what it was taken for, its rows and sha256.

        Rows of a file without ``annotations`` (sizes, names) are not in ``rows_read``.
        """
        entry = {
            'name': source.path.name,
            'role': role,
            'rows': source.n_rows,
            'sha256': source.sha256,
        }
        if source.content_sha256 != source.sha256:
            entry['content_sha256'] = source.content_sha256
        self.inputs.append(entry)
        self.rows_read += source.n_rows if annotations else 0

    def clip(self, file: str, line: int, reason: str) -> None:
        """A box that was cut at the border of its image."""
        self.clipped.append({'file': file, 'line': line, 'reason': reason})

    def drop(self, file: str, line: int | None, reason: str) -> None:
        """A row, or with ``line`` None a whole image file, that was left out."""
        self.dropped.append({'file': file, 'line': line, 'reason': reason})

    def warn(self, text: str) -> None:
        """Something odd that the user should know."""
        self.warnings.append(text)

    def count(self, name: str, number: int) -> None:
        """A further number worth keeping, such as 'films without annotation'."""
        self.counts[name] = self.counts.get(name, 0) + int(number)

    def as_json(self, conversion: Conversion) -> dict[str, Any]:
        """The whole report; ``healthy`` is a film whose known labels are all absent."""
        films = _distinct(r for part in conversion.parts for r in part.records)
        healthy = _healthy(conversion)
        return {
            'dataset': conversion.dataset,
            'release': conversion.release,
            **({'synthetic': True} if conversion.synthetic else {}),
            'options': self.options,
            'inputs': self.inputs,
            'rows_read': self.rows_read,
            'images': len(films),
            'healthy_images': sum(id(film) in healthy for film in films),
            'boxes_in': self.boxes_in,
            'boxes_out': _boxes(r for part in conversion.parts for r in part.records),
            'n_clipped': len(self.clipped),
            'n_dropped': len(self.dropped),
            'counts': self.counts,
            'warnings': self.warnings,
            **(
                {}
                if self.reader_agreement is None
                else {'reader_agreement': self.reader_agreement}
            ),
            **(
                {} if self.label_policy is None else {'label_policy': self.label_policy}
            ),
            'parts': [
                _part_json(part, conversion, healthy) for part in conversion.parts
            ],
            'clipped': self.clipped,
            'dropped': self.dropped,
        }


def is_healthy(record: ImageRecord, image_classes: Sequence[str]) -> bool:
    """No box, and no finding among the known labels; unlabelled films are not healthy.

    Nor are films that are not called free of findings while one of them is unknown.

    >>> is_healthy(ImageRecord('a', 'a.png', labels=(0.0, 1.0)), ['ILD', 'No finding'])
    True
    """
    if record.boxes or not any(label == label for label in record.labels):
        return False
    nothing = [record.labels[i] for i in _places_of_nothing(tuple(image_classes))]
    if 0 in nothing and any(label != label for label in record.labels):
        return False
    return record.labels.count(1) == nothing.count(1)


@cache
def _places_of_nothing(image_classes: tuple[str, ...]) -> list[int]:
    """Where 'No finding', or what the data set calls it, stands among the labels."""
    return [i for i, name in enumerate(image_classes) if name in _NO_FINDING]


def summary(report: dict[str, Any]) -> str:
    """The report as a table to print."""
    parts = report['parts']
    head = f'{"file":<24}{"images":>9}{"healthy":>9}{"boxes":>9}  ground truth'
    lines = [f'{report["dataset"]} ({report["release"]})', head]
    if report.get('synthetic'):
        lines.insert(0, 'SYNTHETIC films: no number here says anything about patients')
    lines += [
        f'{part["file"]:<24}{part["images"]:>9,}{part["healthy_images"]:>9,}'
        + (f'{part["boxes"]:>9,}' if part['task'] == 'detection' else f'{"-":>9}')
        + f'  {part["ground_truth"] or "none"}'
        for part in parts
    ]
    for task, unit in (('classification', 'films with'), ('detection', 'boxes of')):
        lines += _finding_lines([p for p in parts if p['task'] == task], unit)
    lines.append(
        f'{report["rows_read"]:,} rows read; {report["boxes_in"]:,} boxes in, '
        f'{report["boxes_out"]:,} out; {report["n_clipped"]:,} clipped, '
        f'{report["n_dropped"]:,} dropped'
    )
    lines += [f'{name}: {number:,}' for name, number in report['counts'].items()]
    if 'reader_agreement' in report:
        from .vindr.agreement import agreement_lines

        lines += agreement_lines(report['reader_agreement'])
    if 'label_policy' in report:
        from .label_cells import policy_lines

        lines += policy_lines(report['label_policy'])
    lines += [f'warning: {text}' for text in report['warnings']]
    return '\n'.join(lines)


def _finding_lines(parts: list[dict[str, Any]], unit: str) -> list[str]:
    """How many of the unit, films or boxes, each finding has in each file."""
    parts = [part for part in parts if part['per_finding']]
    if not parts or len(parts) > 4:  # one file a reader: too wide to print
        return []
    names = list(dict.fromkeys(name for part in parts for name in part['per_finding']))
    heads = [f'{part["file"].removesuffix(".json")[:12]:>13}' for part in parts]
    rows = [
        f'{name:<24}'
        + ''.join(f'{part["per_finding"].get(name, 0):>13,}' for part in parts)
        for name in names
    ]
    return [f'{unit:<24}' + ''.join(heads), *rows]


def _part_json(part: Part, conversion: Conversion, healthy: set[int]) -> dict[str, Any]:
    """Counts of one file; ``healthy`` has the ids of the objects that are."""
    classes = conversion.image_classes
    if part.task == 'detection':
        found = Counter(box.finding for r in part.records for box in r.boxes)
        names = conversion.findings
    else:
        found = Counter(
            name
            for r in part.records
            for name, label in zip(classes, r.labels, strict=False)
            if label == 1
        )
        names = classes
    return {
        'file': part.file_name,
        'task': part.task,
        'split': part.split,
        'split_family': part.split_family,
        'ground_truth': part.ground_truth,
        'images': len(part.records),
        'patients': len({r.patient_id for r in part.records} - {None}) or None,
        'healthy_images': sum(id(r) in healthy for r in part.records),
        'boxes': _boxes(part.records),
        'per_finding': {name: found[name] for name in names} if found else {},
    }


def _healthy(conversion: Conversion) -> set[int]:
    """``id`` of every record object that is a healthy film."""
    records = {id(r): r for part in conversion.parts for r in part.records}
    classes = conversion.image_classes
    return {key for key, r in records.items() if is_healthy(r, classes)}


def _distinct(records: Iterable[ImageRecord]) -> list[ImageRecord]:
    """One record for each film, however many files it is in."""
    return list({r.image_id: r for r in records}.values())


def _boxes(records: Iterable[ImageRecord]) -> int:
    """Boxes of films; one that is in several files, as folds have it, counts once."""
    return sum(len(r.boxes) for r in {id(r): r for r in records}.values())
