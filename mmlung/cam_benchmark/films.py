"""Films with boxes, from a COCO file, and whether a model was trained on them."""

from __future__ import annotations

import ast
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmlung.checkpoint import load_checkpoint

_TRAINING_FILES = ('train.json', 'val.json')
"""Of a model's data folder; the best epoch is chosen on the second."""


@dataclass(frozen=True)
class BoxedFilm:
    """One film and the boxes of each finding that is boxed on it."""

    name: str
    """File name relative to the images folder."""
    path: Path
    size_hw: tuple[int, int]
    patient_id: str | None
    boxes: dict[str, np.ndarray]
    """{finding: (M, 4) xyxy in pixels of the film}, M >= 1."""

    @property
    def cluster(self) -> str:
        """What is resampled as one: the patient, or the film where none is known."""
        return f'patient {self.patient_id}' if self.patient_id else f'image {self.name}'


def read_boxed_films(
    path: Path, images_root: Path | None = None
) -> tuple[list[BoxedFilm], dict[str, Any]]:
    """Films of a COCO file that carry a box, and the file's ``info``.

    Args:
        path: of the COCO file; boxes in pixels of the film.
        images_root: folder of the films; None: the one that the file names, or the
            file's own.

    Raises:
        FileNotFoundError: the file, or the first film, does not exist.
        ValueError: the file is no COCO file, has no box, or an image has no size.
    """
    content = _read_json(path, 'converted boxes, such as boxes_test.json')
    try:
        names = {c['id']: c['name'] for c in content['categories']}
        boxes: dict[Any, dict[str, list]] = {}
        for item in content['annotations']:
            x, y, w, h = item['bbox']
            of_film = boxes.setdefault(item['image_id'], {})
            of_film.setdefault(names[item['category_id']], []).append(
                (x, y, x + w, y + h)
            )
        images = [image for image in content['images'] if image['id'] in boxes]
    except (KeyError, TypeError, ValueError) as error:
        reason = f'it lacks {error}' if isinstance(error, KeyError) else str(error)
        raise ValueError(
            f'{path} is no COCO file of boxes: {reason}. `mmlung convert` writes '
            'boxes_test.json.'
        ) from error
    if not images:
        raise ValueError(f'{path} has no box, so there is nothing to point at')
    info = content.get('info', {})
    root = images_root or Path(info.get('images_root') or path.parent)
    films = [
        BoxedFilm(
            name=_field(path, image, 'file_name'),
            path=root / _field(path, image, 'file_name'),
            size_hw=(_field(path, image, 'height'), _field(path, image, 'width')),
            patient_id=image.get('patient_id'),
            boxes={k: np.array(v, dtype=float) for k, v in boxes[image['id']].items()},
        )
        for image in images
    ]
    if not films[0].path.is_file():
        raise FileNotFoundError(
            f'{films[0].path} does not exist; --images-root names the folder of the '
            f'films of {path}'
        )
    return films, info


def check_size(film: BoxedFilm, size_hw: tuple[int, int]) -> None:
    """Refuse boxes that were made for a film of another size.

    Raises:
        ValueError: ``size_hw``, of the file, is not that of the boxes.
    """
    if size_hw != film.size_hw:
        raise ValueError(
            f'{film.path} has {size_hw[0]} x {size_hw[1]} pixels (height x width), '
            f'but its boxes were made for {film.size_hw[0]} x {film.size_hw[1]}. '
            'Convert the boxes for these films.'
        )


def trained_on(checkpoint: str | Path) -> list[Path]:
    """Annotation files that a model of ours was trained and selected on.

    They are read from the ``data_root`` of the config that the checkpoint carries; the
    config is read, not run.

    Returns:
        Those that exist; none where the checkpoint does not say, or its data are gone.
    """
    text = load_checkpoint(checkpoint).get('meta', {}).get('cfg', '')
    try:
        statements = ast.parse(text).body
    except (SyntaxError, TypeError, ValueError):
        return []
    for node in statements:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            target = node.targets[0]
            if isinstance(target, ast.Name) and target.id == 'data_root':
                folder = Path(str(node.value.value))
                files = [folder / name for name in _TRAINING_FILES]
                return [file for file in files if file.is_file()]
    return []


def check_unseen(films: Sequence[BoxedFilm], training_files: Sequence[Path]) -> None:
    """Refuse films that a model has seen, or another film of the same patient.

    Args:
        films: with boxes.
        training_files: of a classifier (``data_list``) or a detector (COCO).

    Raises:
        ValueError: a film or a patient is in one of the files, or a file is neither.
    """
    for file in training_files:
        entries = _training_films(file)
        names = {Path(_path_of(file, entry)).stem for entry in entries}
        patients = {entry.get('patient_id') for entry in entries} - {None, ''}
        seen = [film.name for film in films if Path(film.name).stem in names]
        if seen:
            raise ValueError(
                f'{len(seen)} films with boxes are in {file}, on which the model was '
                f'trained or selected, the first {seen[0]}. Give boxes of unseen films.'
            )
        known = [film.name for film in films if film.patient_id in patients]
        if known:
            raise ValueError(
                f'{len(known)} films with boxes are of patients in {file}, on which '
                f'the model was trained or selected, the first {known[0]}.'
            )


def _training_films(file: Path) -> list[dict[str, Any]]:
    content = _read_json(file, 'a file that training reads')
    for key in ('data_list', 'images'):
        if key in content:
            return content[key]
    raise ValueError(
        f'{file} lists no films: expected data_list or, of COCO, images; found '
        f'{", ".join(content) or "nothing"}. Convert the training data anew.'
    )


def _path_of(file: Path, entry: dict[str, Any]) -> str:
    path = entry.get('img_path') or entry.get('file_name')
    if path is None:
        raise ValueError(
            f'{file} has a film without img_path or file_name, with only '
            f'{", ".join(sorted(entry)) or "nothing"}. Convert the training data anew.'
        )
    return path


def _field(path: Path, image: dict[str, Any], key: str) -> Any:
    if key not in image:
        raise ValueError(
            f'{path}: image {image.get("file_name", image["id"])} has no {key}, which '
            'COCO files of boxes give. `mmlung convert` writes it.'
        )
    return image[key]


def _read_json(path: Path, what: str) -> dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(f'{path} does not exist; expected {what}')
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise ValueError(f'{path} is no JSON: {error}') from error
    if not isinstance(content, dict):
        raise ValueError(
            f'{path} must hold a JSON object, got {type(content).__name__}'
        )
    return content
