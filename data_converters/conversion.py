"""What a reader hands over, and how it reaches the disk: all files or none."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from pathlib import Path
from typing import Any
from typing import Literal

import mmlung

from .classification import classification_object
from .coco import coco_object
from .collecting import without_collection
from .records import AnnotationError
from .records import ImageRecord
from .report import Report
from .tables import Source
from .writing import Target
from .writing import boxes_only_files

REPORT_NAME = 'conversion_report.json'


@dataclass(frozen=True)
class Part:
    """One annotation file to write.

    Args:
        name: of the file without ``.json``.
        task: decides the format: COCO or MMEngine's.
        split: train, val or test.
        split_family: where the split comes from: official, official-incomplete, subset,
            random (by patient, as asked for) or random-image.
        ground_truth: consensus, fused(wbf>0.5), reader(R8), ...; None: unlabelled.
        records: the films.
        extra: more facts about this file, for its ``info`` or ``metainfo``.
    """

    name: str
    task: Literal['detection', 'classification']
    split: str
    split_family: str
    ground_truth: str | None
    records: Sequence[ImageRecord]
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def file_name(self) -> str:
        """Name of the file inside OUT."""
        return f'{self.name}.json'


@dataclass(frozen=True)
class Conversion:
    """A whole release, ready to be written.

    Args:
        dataset: such as vindr-cxr.
        release: which edition of it.
        findings: box categories in official order.
        image_classes: names of the image-level label vector.
        images_root: folder that all file names are relative to.
        label_source: the file the ground truth was read from.
        seed: of the split.
        parts: the annotation files.
        lists: name of a list without ``.txt`` -> image names.
        synthetic: the films were drawn; every file then says so.
    """

    dataset: str
    release: str
    findings: tuple[str, ...]
    image_classes: tuple[str, ...]
    images_root: Path
    label_source: Source
    seed: int
    parts: Sequence[Part]
    lists: dict[str, list[str]] = field(default_factory=dict)
    synthetic: bool = False

    def info(self, part: Part, out: Path) -> dict[str, Any]:
        """Head of an annotation file: where the labels come from and what they are."""
        return {
            'dataset': self.dataset,
            'release': self.release,
            'images_root': images_root_text(
                self.images_root, out, (out / part.file_name).parent
            ),
            'split': part.split,
            'split_family': part.split_family,
            'ground_truth': part.ground_truth,
            'label_file': self.label_source.path.name,
            'label_sha256': self.label_source.content_sha256,
            'mmlung_version': mmlung.__version__,
            'seed': self.seed,
            'image_classes': list(self.image_classes),
            **({'synthetic': True} if self.synthetic else {}),
            **part.extra,
        }


@without_collection
def write_conversion(
    conversion: Conversion, report: Report, out: Path, target: Target | None = None
) -> dict[str, Any]:
    """Write every file of a conversion into ``out``, or none; gives the report.

    An earlier conversion in ``out`` is replaced, its files that are not written again
    are removed; anything else there is left alone. ``target`` is COCO by default.

    Raises:
        AnnotationError: no film is left, or ``out`` holds a file of the same name that
            no conversion wrote.
    """
    if not any(part.records for part in conversion.parts):
        raise AnnotationError('no film is left to convert')
    target = target or Target()
    if target.format == 'coco':
        files: dict[str, str | Path] = {
            part.file_name: _part_text(conversion, part, out)
            for part in conversion.parts
        }
    else:
        files = boxes_only_files(conversion, target, report)
        parts = [part for part in conversion.parts if part.task == 'detection']
        conversion = replace(conversion, parts=parts)
    for name, names in conversion.lists.items():
        files[f'{name}.txt'] = ''.join(f'{line}\n' for line in names)
    written = report.as_json(conversion)
    written['format'] = target.format
    if target.format != 'coco':
        for part in written['parts']:
            folder, slash, _ = part['file'].rpartition('/')
            part['file'] = folder + slash + part['split']
    written['mmlung_version'] = mmlung.__version__
    written['files'] = [*files, REPORT_NAME]
    files[REPORT_NAME] = json.dumps(written, indent=2, allow_nan=False) + '\n'
    replace_files(out, files, link=target.images_as == 'link')
    return written


def images_root_text(images_root: Path, out: Path, folder: Path | None = None) -> str:
    """Images root as annotation files record it.

    Relative to the file's ``folder`` (``out`` or one inside it) when it lies inside the
    parent folder of ``out``, so that both can be moved together; absolute otherwise.
    """
    folder = (folder or out).resolve()
    out = out.resolve()
    for root in (images_root.absolute(), images_root.resolve()):
        if root.is_relative_to(out.parent):
            return Path(os.path.relpath(root, folder)).as_posix()
    return images_root.absolute().as_posix()


def replace_files(
    out: Path, files: Mapping[str, str | Path], link: bool = False
) -> None:
    """Put files into a folder, all complete before the first is visible.

    Args:
        out: the folder.
        files: name, which may have folders -> text, or a file to put there.
        link: files are put there as links, else as copies.
    """
    stale = _stale_files(out, files)
    out.parent.mkdir(parents=True, exist_ok=True)
    parent = out if out.is_dir() else out.parent
    temporary = parent / f'.{out.name}.{os.getpid()}.tmp'
    temporary.mkdir()
    try:
        for name, content in files.items():
            _put(temporary / name, content, link)
        if parent is out:
            for name in files:
                (out / name).parent.mkdir(parents=True, exist_ok=True)
                (temporary / name).replace(out / name)
            for name in stale:
                _remove(out, name)
        else:
            temporary.replace(out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def written_files(folder: Path) -> set[str]:
    """Names of the files that an earlier conversion wrote into a folder."""
    try:
        return set(json.loads((folder / REPORT_NAME).read_text('utf-8'))['files'])
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _put(path: Path, content: str | Path, link: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, str):
        path.write_text(content, encoding='utf-8', newline='\n')
    elif link:
        path.symlink_to(content.absolute())
    else:
        shutil.copyfile(content, path)


def _remove(out: Path, name: str) -> None:
    """A file of an earlier conversion, and the folders that become empty."""
    (out / name).unlink(missing_ok=True)
    for folder in (out / name).parents:
        if folder == out or not folder.is_dir() or any(folder.iterdir()):
            return
        folder.rmdir()


def _stale_files(out: Path, files: Iterable[str]) -> set[str]:
    """Files of an earlier conversion that the new one does not write again."""
    if out.exists() and not out.is_dir():
        raise AnnotationError('is a file; --out must be a folder', out)
    earlier = written_files(out)
    for name in files:
        there = os.path.lexists(out / name)
        if there and name not in earlier:
            raise AnnotationError(
                'exists and was not written by a conversion. '
                'Choose another --out, or move it away.',
                out / name,
            )
    return {
        name
        for name in earlier - set(files)
        if not Path(name).is_absolute() and '..' not in Path(name).parts
    }


def _part_text(conversion: Conversion, part: Part, out: Path) -> str:
    """Annotation file as JSON text; NaN would be an error."""
    info = conversion.info(part, out)
    if part.task == 'detection':
        content = coco_object(part.records, conversion.findings, info)
    else:
        content = classification_object(part.records, conversion.image_classes, info)
    return json.dumps(content, allow_nan=False, separators=(',', ':')) + '\n'
