"""Annotations of a generic format -> a conversion: find, clip, split, and count."""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from data_converters.clipping import boxes_on_file
from data_converters.conversion import Conversion
from data_converters.conversion import Part
from data_converters.records import AnnotationError
from data_converters.records import Box
from data_converters.records import ImageRecord
from data_converters.report import Report
from data_converters.splits import split_records

from .annotated import SPLITS
from .annotated import Annotations
from .annotated import Film
from .annotated import on_border
from .films import Located
from .films import check_sizes
from .films import locate
from .renaming import rename
from .renaming import wanted_findings


def finish(
    annotations: Annotations, args: argparse.Namespace, report: Report
) -> Conversion:
    """The conversion of what a reader of a generic format found.

    Raises:
        AnnotationError: the data are wrong or incomplete.
    """
    _check_ids(annotations)
    annotations = rename(
        annotations, args.rename, wanted_findings(args.findings), report
    )
    films = _with_patients(annotations, args.patient_pattern)
    located = locate(annotations, args, report)
    check_sizes(films, located, annotations.source.path, report)
    boxes = _boxes(annotations, located, args, report)
    lost = report.boxes_in - sum(map(len, boxes.values()))
    if lost:
        report.warn(
            f'{lost:,} boxes were left out (see dropped in the report): a film that '
            'had no other looks like one without a finding'
        )
    records = [
        _record(film, located, boxes[i])
        for i, film in enumerate(films)
        if film.image_id in located.sizes
    ]
    report.count('films without a box', sum(not record.boxes for record in records))
    split_of = {film.image_id: film.split for film in films}
    parts = _parts(records, split_of, annotations, args, report)
    return Conversion(
        dataset=args.dataset_name or annotations.dataset or 'custom',
        release=annotations.source.path.name,
        findings=annotations.findings,
        image_classes=annotations.image_classes,
        images_root=located.root,
        label_source=annotations.source,
        seed=args.seed,
        parts=parts,
        synthetic=annotations.synthetic,
    )


def _check_ids(annotations: Annotations) -> None:
    """Films are distinct by id."""
    counts = Counter(film.image_id for film in annotations.films)
    repeated = [image_id for image_id, n in counts.items() if n > 1]
    if repeated:
        raise AnnotationError(
            f'{len(repeated):,} images are there more than once (first: '
            f'{repeated[0]!r}). Give each image one entry with all its boxes, in one '
            'split.',
            annotations.source.path,
            details=[f'more than once: {name}' for name in repeated],
        )


def _with_patients(
    annotations: Annotations, pattern: re.Pattern[str] | None
) -> Sequence[Film]:
    """Films with the patient that their file name tells."""
    if pattern is None:
        return annotations.films
    found = [pattern.search(film.name.rpartition('/')[2]) for film in annotations.films]
    missing = [
        film.name
        for film, match in zip(annotations.films, found, strict=True)
        if match is None or match[1] is None
    ]
    if missing:
        raise AnnotationError(
            f'--patient-pattern {pattern.pattern!r} does not fit {len(missing):,} of '
            f'{len(found):,} file names (first: {missing[0]}).',
            annotations.source.path,
        )
    return [
        replace(film, facts={**film.facts, 'patient_id': match[1]})
        for film, match in zip(annotations.films, found, strict=True)
        if match is not None
    ]


def _boxes(
    annotations: Annotations,
    located: Located,
    args: argparse.Namespace,
    report: Report,
) -> dict[int, list[Box]]:
    """Index of a film -> its boxes, clipped, in pixels of the file."""
    films = annotations.films
    there = np.array([f.image_id in located.sizes for f in films], dtype=bool)
    known = there[annotations.boxes.film]
    rows = annotations.boxes.where(known)
    if not known.all():
        report.count('boxes of films left out', int((~known).sum()))
    report.boxes_in += len(rows.film)
    file_hw = _sizes(rows.film, [located.sizes.get(f.image_id) for f in films])
    declared = [f.declared_hw or located.sizes.get(f.image_id) for f in films]
    original_hw = file_hw if rows.fractions else _sizes(rows.film, declared)
    pixels = rows.xyxy
    if rows.fractions:
        pixels = pixels * np.tile(file_hw[:, ::-1], 2)
    scaled, keep = boxes_on_file(
        on_border(pixels, original_hw),
        original_hw,
        file_hw,
        rows.line,
        rows.file.tolist(),
        report,
        args.max_outside,
        args.drop_invalid,
    )
    rows, corners = rows.where(keep), scaled[keep].tolist()
    boxes: dict[int, list[Box]] = defaultdict(list)
    for film, finding, xyxy, readers, crowd in zip(
        rows.film.tolist(),
        rows.finding.tolist(),
        map(tuple, corners),
        rows.readers.tolist(),
        rows.crowd.tolist(),
        strict=True,
    ):
        boxes[film].append(Box(finding, xyxy, readers, crowd))
    repeats = sum(len(own) - len(set(own)) for own in boxes.values())
    if repeats:
        report.warn(f'{repeats:,} boxes repeat another box of their film exactly; kept')
    return boxes


def _sizes(film: np.ndarray, sizes: Sequence[tuple[int, int] | None]) -> np.ndarray:
    """(N, 2) height and width of each box's film."""
    table = np.array([size or (0, 0) for size in sizes]).reshape(-1, 2)
    return table[film]


def _record(film: Film, located: Located, boxes: Sequence[Box]) -> ImageRecord:
    size_hw = located.sizes[film.image_id]
    facts = dict(film.facts)
    if film.declared_hw not in (None, size_hw):
        facts.setdefault('original_size_hw', film.declared_hw)
    return ImageRecord(
        image_id=film.image_id,
        file_name=located.names[film.image_id],
        size_hw=size_hw,
        boxes=tuple(boxes),
        **facts,
    )


def _parts(
    records: Sequence[ImageRecord],
    split_of: dict[str, str | None],
    annotations: Annotations,
    args: argparse.Namespace,
    report: Report,
) -> list[Part]:
    """Train, val and test: as the annotations give them, the rest by patient."""
    given = {
        split: [r for r in records if split_of[r.image_id] == split] for split in SPLITS
    }
    rest = [r for r in records if split_of[r.image_id] is None]
    drawn = _draw(rest, given, annotations.findings, args, report)
    place = {record.image_id: i for i, record in enumerate(records)}
    parts = []
    for split in SPLITS:
        films = sorted(given[split] + drawn[split], key=lambda r: place[r.image_id])
        families = ['given'] if given[split] else []
        if drawn[split]:
            patients = all(r.patient_id is not None for r in rest)
            families.append('random-patient' if patients else 'random-image')
        if films:
            parts.append(
                Part(
                    split,
                    'detection',
                    split,
                    '+'.join(families),
                    annotations.ground_truth.get(split, 'given'),
                    films,
                    annotations.extra,
                )
            )
    _check_patients(parts, report)
    return parts


def _draw(
    rest: Sequence[ImageRecord],
    given: dict[str, list[ImageRecord]],
    findings: Sequence[str],
    args: argparse.Namespace,
    report: Report,
) -> dict[str, list[ImageRecord]]:
    """Split the films that no annotation gives to a split."""
    val = 0.0 if given['val'] else args.val_fraction
    test = 0.0 if given['test'] else args.test_fraction
    shares = {'train': (1 - test) * (1 - val), 'val': (1 - test) * val, 'test': test}
    if rest and max(shares.values()) < 1 and any(r.patient_id is None for r in rest):
        report.warn(
            'no patients are known: films were split one by one, and a patient may be '
            'in training and validation. Name them with --patient-pattern or a column.'
        )
    column = {name: i for i, name in enumerate(findings)}
    strata = np.zeros((len(rest), len(findings) + 1), dtype=int)
    for row, record in zip(strata, rest, strict=True):
        row[[column[box.finding] for box in record.boxes]] = 1
        row[-1] = not record.boxes
    return split_records(rest, shares, args.seed, strata)


def _check_patients(parts: Sequence[Part], report: Report) -> None:
    """Warn of patients in several splits."""
    splits: dict[str, set[str]] = defaultdict(set)
    for part in parts:
        for record in part.records:
            if record.patient_id is not None:
                splits[record.patient_id].add(part.split)
    torn = [patient for patient, own in splits.items() if len(own) > 1]
    if torn:
        report.warn(
            f'{len(torn):,} patients are in several splits as given (first: {torn[0]})'
        )
