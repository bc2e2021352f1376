"""A VinDr-CXR release as records: every reader's boxes, labels and votes, checked."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from data_converters.records import AnnotationError
from data_converters.records import ImageRecord
from data_converters.report import Report
from data_converters.tables import Source
from mmlung.findings import NO_FINDING

from .files import find_files
from .films import Film
from .films import boxes_of_films
from .films import sizes_beside_boxes
from .labels import ALL_LABELS
from .labels import ReaderLabels
from .labels import labels_from_boxes
from .labels import read_labels
from .lookup import Wanted
from .lookup import check_apart
from .lookup import find_films
from .tables import FINDINGS
from .tables import BoxTable
from .tables import read_boxes
from .tables import read_sizes_table


@dataclass(frozen=True)
class Release:
    """What was read.

    Args:
        name: physionet or kaggle.
        image_classes: of the label vectors.
        images_root: folder that all file names are relative to.
        train: films with every reader's boxes.
        train_labels: what each reader said of them.
        train_source: the table of boxes.
        test: films with the consensus, or without labels when ``test_source`` is None.
        test_source: the table of consensus boxes.
        test_complete: no test film is left out.
    """

    name: str
    image_classes: tuple[str, ...]
    images_root: Path
    train: list[ImageRecord]
    train_labels: ReaderLabels
    train_source: Source
    test: list[ImageRecord]
    test_source: Source | None
    test_complete: bool


@dataclass(frozen=True)
class _Tables:
    """Boxes and labels of an official part."""

    boxes: BoxTable
    labels: ReaderLabels

    @property
    def image_ids(self) -> list[str]:
        """Every film that one of the tables speaks of, in the order of the ids."""
        both = {*self.boxes.rows.image_id.tolist(), *self.labels.image_id.tolist()}
        return sorted(both)

    def wanted(self, found: Mapping[str, Path] | None) -> Wanted:
        """The films to look for among those found."""
        return Wanted(self.image_ids, found, self.boxes.name, self.boxes)


def read_release(
    args: argparse.Namespace, report: Report, min_votes: int = 1
) -> Release:
    """Read and check everything that the command line names.

    Args:
        args: files and what to do with broken rows.
        report: gets what was read and left out.
        min_votes: readers who must say so before an image label is present.

    Raises:
        AnnotationError: the data are wrong or incomplete.
    """
    files = find_files(args)
    drop = args.drop_invalid
    train = _read_tables(files.annotations, files.image_labels, None, report, drop)
    wanted = {'train': train.wanted(files.train_films)}
    test = None
    if files.test_annotations is not None:
        test = _read_tables(
            files.test_annotations, files.test_image_labels, train, report, drop
        )
        wanted['test'] = test.wanted(files.test_films)
    elif files.test_films:
        wanted['test'] = Wanted(sorted(files.test_films), files.test_films, 'test')
    check_apart(wanted)
    originals = sizes_beside_boxes(train.boxes)
    for path in files.image_sizes:
        originals.update(read_sizes_table(path, report))
    films, root = find_films(wanted, originals, files.annotations.parent, args, report)
    test_films = films.get('test', {})
    return Release(
        name=train.boxes.release,
        image_classes=train.labels.classes,
        images_root=root,
        train=_records(train, films['train'], args, report, min_votes),
        train_labels=train.labels,
        train_source=train.boxes.source,
        test=_records(test, test_films, args, report) if test else _bare(test_films),
        test_source=None if test is None else test.boxes.source,
        test_complete='test' in wanted
        and len(test_films) == len(wanted['test'].image_ids),
    )


def _read_tables(
    boxes: Path,
    labels: Path | None,
    train: _Tables | None,
    report: Report,
    drop_invalid: bool,
) -> _Tables:
    """Boxes and labels of the training part, or of the test part beside ``train``."""
    release = None if train is None else train.boxes.release
    table = read_boxes(boxes, report, release, drop_invalid)
    if labels is not None:
        read = read_labels(labels, report, train is not None, drop_invalid)
        _check_overlap(table, read, labels, report)
        if train is not None and train.labels.classes != read.classes:
            read = read.only(train.labels.classes)
        return _Tables(table, read)
    findings = FINDINGS[table.release]
    if train is not None:
        classes = train.labels.classes
    else:
        classes = (*findings, NO_FINDING) if table.release == 'kaggle' else ALL_LABELS
    return _Tables(table, labels_from_boxes(table.rows, classes, findings))


def _check_overlap(
    table: BoxTable, labels: ReaderLabels, path: Path, report: Report
) -> None:
    """The label file speaks of the films of the box file."""
    with_boxes = set(table.rows.image_id.tolist())
    unknown = with_boxes - set(labels.image_id.tolist())
    if len(unknown) == len(with_boxes):
        raise AnnotationError(f'has no film in common with {table.name}', path)
    if unknown:
        report.warn(
            f'{path.name} has no row for {len(unknown):,} films of {table.name} '
            f'(first: {min(unknown)}): their image labels are unknown'
        )


def _records(
    tables: _Tables,
    films: Mapping[str, Film],
    args: argparse.Namespace,
    report: Report,
    min_votes: int = 1,
) -> list[ImageRecord]:
    """Films with every box and label of the tables."""
    boxes = boxes_of_films(
        tables.boxes, films, report, args.max_outside, args.drop_invalid
    )
    labels = tables.labels.fields(list(films), min_votes)
    return [
        _record(image_id, film, boxes=tuple(boxes.get(image_id, ())), **known)
        for (image_id, film), known in zip(films.items(), labels, strict=True)
    ]


def _bare(films: Mapping[str, Film]) -> list[ImageRecord]:
    """Films of which nothing is known."""
    return [_record(image_id, film) for image_id, film in films.items()]


def _record(image_id: str, film: Film, **known: object) -> ImageRecord:
    resized = film.original_size_hw != film.size_hw
    return ImageRecord(
        image_id,
        film.file_name,
        film.size_hw,
        original_size_hw=film.original_size_hw if resized else None,
        **known,  # type: ignore[arg-type]
    )
