"""The image and the box that readers give and writers take, self-checking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


class AnnotationError(ValueError):
    """Something in the data to convert is wrong; the user can mend it.

    Args:
        message: what was expected, what was found, what to do; one line.
        file: where it was found.
        row: line of ``file``, counted from 1, the header being line 1.
        details: further lines (a list of names, say) that do not fit into one line.
    """

    def __init__(
        self,
        message: str,
        file: Path | str | None = None,
        row: int | None = None,
        details: Sequence[str] = (),
    ) -> None:
        where = '' if file is None else str(file)
        where += '' if row is None else f' row {row}'
        super().__init__(f'{where.strip()}: {message}' if where else message)
        self.file = None if file is None else Path(file)
        self.row = row
        self.details = tuple(details)


def one_line(error: Exception) -> str:
    """What an error says, without the number that the system gives it.

    >>> one_line(PermissionError(13, 'Permission denied', 'a.dicom'))
    'a.dicom: Permission denied'
    """
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f'{error.filename}: {error.strerror}'
    return ' '.join(str(error).split())


@dataclass(frozen=True, slots=True)
class Box:
    """One lesion, in pixels of the image file: x right, y down, far corner exclusive.

    ``readers`` are the radiologists who drew it, distinct; empty where the data set
    does not say (a consensus). ``crowd`` is COCO's ``iscrowd``: a region to leave out
    of training and scoring, not one lesion.
    """

    finding: str
    xyxy: tuple[float, float, float, float]
    readers: tuple[str, ...] = ()
    crowd: bool = False

    def __post_init__(self) -> None:
        x1, y1, x2, y2 = self.xyxy
        if not (x1 < x2 and y1 < y2):
            raise AnnotationError(f'box must have x1 < x2 and y1 < y2, got {self.xyxy}')
        if len(set(self.readers)) != len(self.readers):
            raise AnnotationError(f'readers must be distinct, got {self.readers}')

    @property
    def votes(self) -> int:
        """Number of distinct readers who drew it; 0 when the data set does not say."""
        return len(self.readers)


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One film and everything known of it.

    Args:
        image_id: the release's own name, pseudonymous.
        file_name: POSIX path relative to the conversion's images root.
        size_hw: pixels of the file on disk, where the boxes live; None: not looked at.
        boxes: empty for a film without any.
        labels: over the conversion's image classes, 1 present, 0 absent, NaN unknown;
            empty when nothing is known (an unlabelled test set).
        votes: how many of ``n_readers`` said present, None for an unknown label.
        original_size_hw: pixels of the release's film when the file is a resized copy.
        view: PA, AP, LATERAL or LL.
        sex: F or M.
        age: completed years.
        spacing: mm per pixel of the file on disk, down and right.
        row: line in the table that its labels are from, the header being line 1.
    """

    image_id: str
    file_name: str
    size_hw: tuple[int, int] | None = None
    boxes: tuple[Box, ...] = ()
    labels: tuple[float, ...] = ()
    votes: tuple[int | None, ...] | None = None
    n_readers: int | None = None
    patient_id: str | None = None
    study_id: str | None = None
    view: str | None = None
    sex: str | None = None
    age: int | None = None
    original_size_hw: tuple[int, int] | None = None
    spacing: tuple[float, float] | None = None
    row: int | None = None

    def __post_init__(self) -> None:
        if not self.image_id or not self.file_name:
            raise AnnotationError(f'an image must have an id and a file name: {self}')
        if not all(label in (0, 1) or label != label for label in self.labels):
            raise AnnotationError(
                f'image {self.image_id}: labels must be 1, 0 or NaN, got {self.labels}'
            )
        if self.votes is not None and len(self.votes) != len(self.labels):
            raise AnnotationError(
                f'image {self.image_id}: votes must match labels, '
                f'got {len(self.votes)} for {len(self.labels)}'
            )
        if self.boxes:
            self._check_boxes()

    def _check_boxes(self) -> None:
        """Every box lies inside the file."""
        if self.size_hw is None:
            raise AnnotationError(f'image {self.image_id} has boxes but no size')
        height, width = self.size_hw
        for box in self.boxes:
            x1, y1, x2, y2 = box.xyxy
            if x1 < 0 or y1 < 0 or x2 > width or y2 > height:
                raise AnnotationError(
                    f'image {self.image_id}: box {box.xyxy} must lie inside its image '
                    f'of {width} x {height} (width x height)'
                )

    @property
    def group(self) -> str:
        """What must never be torn apart by a split: the patient, else the image."""
        return self.patient_id if self.patient_id is not None else self.image_id
