"""Films read and prepared in background processes while the network computes."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
from torch.utils.data import DataLoader
from torch.utils.data import Dataset

from mmlung.dicom import ChestImage
from mmlung.inferencer.sources import FilmSource
from mmlung.result import FailedImage

Prepare = Callable[[ChestImage, str], list[dict[str, Any]]]
"""Film and name to one packed sample a model."""


@dataclass(frozen=True)
class PreparedFilm:
    """A film as the networks take it, and what its result says of it."""

    name: str
    samples: list[dict[str, Any]]
    spacing_mm: tuple[float, float] | None
    file_sha256: str | None


def prepared_films(
    films: Iterable[FilmSource], prepare: Prepare, workers: int, ahead: int
) -> Iterator[PreparedFilm | FailedImage]:
    """Read and prepare films, in order; what cannot be read comes with its reason.

    Args:
        films: with workers they are listed at once, without they are taken lazily.
        prepare: what to do with each.
        workers: processes; 0: in this one, between the batches.
        ahead: films that the workers may prepare before they are asked for.
    """
    if workers == 0:
        for film in films:
            yield _prepared(film, prepare)
        return
    listed = list(films)
    if not listed:
        return
    workers = min(workers, len(listed))
    loader = DataLoader(
        _Films(listed, prepare),
        batch_size=None,
        num_workers=workers,
        prefetch_factor=max(2, -(-ahead // workers)),
        worker_init_fn=_single_threaded,
    )
    yield from loader


def reason_of(error: Exception) -> str:
    """What is wrong, in one line, without the path that an OSError would tell."""
    text = error.strerror if isinstance(error, OSError) else str(error)
    return ' '.join((text or '').split()) or type(error).__name__


class _Films(Dataset):
    def __init__(self, films: list[FilmSource], prepare: Prepare) -> None:
        self.films = films
        self.prepare = prepare

    def __len__(self) -> int:
        return len(self.films)

    def __getitem__(self, index: int) -> PreparedFilm | FailedImage:
        return _prepared(self.films[index], self.prepare)


def _single_threaded(worker: int) -> None:
    cv2.setNumThreads(0)


def _prepared(film: FilmSource, prepare: Prepare) -> PreparedFilm | FailedImage:
    try:
        picture, sha256 = film.read()
        samples = prepare(picture, film.name)
    except FileNotFoundError:
        return FailedImage(film.name, 'no such file')
    except (ValueError, OSError, MemoryError, cv2.error) as error:
        return FailedImage(film.name, reason_of(error))
    return PreparedFilm(film.name, samples, picture.pixel_spacing_mm, sha256)
