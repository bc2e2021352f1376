"""A VinDr-CXR release as records: every reader's boxes, labels and votes, checked."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mmlung.findings import NO_FINDING

from .image_index import choose_films
from .image_index import images_root
from .image_index import require_sizes
from .records import AnnotationError
from .records import ImageRecord
from .report import Report
from .tables import Source
from .vindr_files import VindrFiles
from .vindr_files import find_files
from .vindr_films import Film
from .vindr_films import Sizes
from .vindr_films import boxes_of_films
from .vindr_films import films_in_table
from .vindr_films import films_on_disk
from .vindr_films import sizes_beside_boxes
from .vindr_labels import ALL_LABELS
from .vindr_labels import ReaderLabels
from .vindr_labels import labels_from_boxes
from .vindr_labels import read_labels
from .vindr_tables import FINDINGS
from .vindr_tables import BoxTable
from .vindr_tables import read_boxes
from .vindr_tables import read_sizes_table


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


@dataclass(frozen=True)
class _Wanted:
    """Films to look for: their ids, what was found, and which file asks for them."""

    image_ids: list[str]
    found: Mapping[str, Path] | None
    file: str


def read_release(args: argparse.Namespace, report: Report) -> Release:
    """Read and check everything that the command line names.

    Raises:
        AnnotationError: the data are wrong or incomplete.
    """
    files = find_files(args)
    train = _read_tables(files.annotations, files.image_labels, None, report)
    wanted = {'train': _Wanted(train.image_ids, files.train_films, train.boxes.name)}
    test = None
    if files.test_annotations is not None:
        test = _read_tables(
            files.test_annotations, files.test_image_labels, train, report
        )
        wanted['test'] = _Wanted(test.image_ids, files.test_films, test.boxes.name)
    elif files.test_films:
        wanted['test'] = _Wanted(sorted(files.test_films), files.test_films, 'test')
    _check_apart(wanted)
    originals = sizes_beside_boxes(train.boxes)
    for path in files.image_sizes:
        originals.update(read_sizes_table(path, report))
    films, root = _find_films(wanted, originals, files, args, report)
    test_films = films.get('test', {})
    return Release(
        name=train.boxes.release,
        image_classes=train.labels.classes,
        images_root=root,
        train=_records(train, films['train'], args, report),
        train_labels=train.labels,
        train_source=train.boxes.source,
        test=_records(test, test_films, args, report) if test else _bare(test_films),
        test_source=None if test is None else test.boxes.source,
        test_complete='test' in wanted
        and len(test_films) == len(wanted['test'].image_ids),
    )


def _read_tables(
    boxes: Path, labels: Path | None, train: _Tables | None, report: Report
) -> _Tables:
    """Boxes and labels of the training part, or of the test part beside ``train``."""
    table = read_boxes(boxes, report, None if train is None else train.boxes.release)
    if labels is not None:
        read = read_labels(labels, report, consensus=train is not None)
        _check_overlap(table, read, labels, report)
        if train is not None and train.labels.classes != read.classes:
            read = read.only(train.labels.classes)
        return _Tables(table, read)
    findings = FINDINGS[table.release]
    if train is not None:
        classes = train.labels.classes
    else:
        classes = (*findings, NO_FINDING) if table.release == 'kaggle' else ALL_LABELS
    return _Tables(table, labels_from_boxes(table.rows, classes, findings, report))


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


def _check_apart(wanted: Mapping[str, _Wanted]) -> None:
    """No test film is trained on."""
    if 'test' not in wanted:
        return
    both = set(wanted['train'].image_ids) & set(wanted['test'].image_ids)
    if both:
        raise AnnotationError(
            f'{len(both):,} films are in both the training and the test part (first: '
            f'{min(both)}). A test film must not be trained on.',
            wanted['test'].file,
        )


def _find_films(
    wanted: Mapping[str, _Wanted],
    originals: Sizes,
    files: VindrFiles,
    args: argparse.Namespace,
    report: Report,
) -> tuple[dict[str, dict[str, Film]], Path]:
    """Films of each part, and the folder that their names are relative to."""
    if all(part.found is None for part in wanted.values()):
        films = {
            name: films_in_table(part.image_ids[: args.limit], name, originals)
            for name, part in wanted.items()
        }
        folder = files.annotations.absolute().parent
        root = folder.parent if folder.name == 'annotations' else folder
        return films, args.images_root or root
    _count_strangers(wanted, report)
    chosen = {name: _choose(part, name, args, report) for name, part in wanted.items()}
    paths = {i: path for part in chosen.values() for i, path in part.items()}
    sizes = require_sizes(paths, report, args.workers, args.drop_invalid)
    root, base = images_root(
        [part.found[i] for part in wanted.values() for i in part.image_ids
         if part.found and i in part.found],
        args.images_root,
    )  # fmt: skip
    films = {
        name: films_on_disk(
            part, base, {i: sizes[i] for i in part if i in sizes}, originals
        )
        for name, part in chosen.items()
    }
    return films, root


def _count_strangers(wanted: Mapping[str, _Wanted], report: Report) -> None:
    """Images that no table speaks of are left out: nobody said they are healthy."""
    found = {i for part in wanted.values() for i in part.found or ()}
    strangers = found - {i for part in wanted.values() for i in part.image_ids}
    if strangers:
        report.count('images without annotation, left out', len(strangers))


def _choose(
    part: _Wanted, name: str, args: argparse.Namespace, report: Report
) -> dict[str, Path]:
    """Id -> file of the films of a part that are there."""
    if part.found is None or not any(i in part.found for i in part.image_ids):
        message = (
            f'none of the {len(part.image_ids):,} films of the {name} part (first: '
            f'{part.image_ids[0]}) is among the {len(part.found or ()):,} images found'
        )
        if name == 'test' and (args.limit or args.drop_invalid):
            report.warn(f'{part.file}: {message}; the part was left out')
            return {}
        raise AnnotationError(
            f'{message}. Name their folder (--images, --test-images), or leave the '
            'part out by naming the files of the other one instead of --root.',
            part.file,
        )
    ids = choose_films(
        part.image_ids, part.found, report, part.file, args.limit, args.drop_invalid
    )
    return {i: part.found[i] for i in ids}


def _records(
    tables: _Tables, films: Mapping[str, Film], args: argparse.Namespace, report: Report
) -> list[ImageRecord]:
    """Films with every box and label of the tables."""
    boxes = boxes_of_films(
        tables.boxes, films, report, args.max_outside, args.drop_invalid
    )
    labels = tables.labels.fields(list(films), args.min_votes)
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
