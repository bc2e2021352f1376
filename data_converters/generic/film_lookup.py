"""Image files by the names that annotations give them: paths, names or stems."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from pathlib import PurePosixPath

from data_converters.image_index import is_image
from data_converters.image_index import name_below
from data_converters.records import AnnotationError
from data_converters.release_files import walk


class FilmLookup:
    """Images below a folder.

    A name is first a path below the folder. Else it is the file that shares the most
    of its last folders: of ``train/b/7.png`` first ``b/7.png``, then ``7.png``. Else
    the same without endings, for resaved films. Accents may be composed or not.

    Raises:
        FileNotFoundError: there is no such folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths: dict[str, Path] = {}
        self._by_name: dict[str, list[str]] = defaultdict(list)
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        for parent, names in walk(folder):
            for name in filter(is_image, names):
                path = parent / name
                self.paths[name_below(folder, path)] = path
                self._by_name[_plain(name)].append(name_below(folder, path))
                self._by_stem[_stem(_plain(name))].append(name_below(folder, path))

    def find(self, name: str) -> Path | None:
        """The image of this name, None where there is none.

        Raises:
            AnnotationError: several images fit equally well.
        """
        if name in self.paths:
            return self.paths[name]
        wanted = PurePosixPath(_plain(name).replace('\\', '/'))
        found = self._nearest(wanted, self._by_name[wanted.name])
        if found is None:
            found = self._nearest(wanted, self._by_stem[_stem(wanted.name)])
        return found

    def _nearest(self, wanted: PurePosixPath, names: list[str]) -> Path | None:
        if not names:
            return None
        shared = [_shared_folders(wanted, PurePosixPath(_plain(n))) for n in names]
        best = [n for n, s in zip(names, shared, strict=True) if s == max(shared)]
        if len(best) > 1:
            raise AnnotationError(
                f'{str(wanted)!r} may be {best[0]!r} or {best[1]!r} in {self.folder}. '
                'Write file names with their folders in the annotations, or name the '
                'folder to use with --images.'
            )
        return self.paths[best[0]]


def check_distinct(paths: dict[str, Path]) -> None:
    """No two films of the annotations are the same file.

    Raises:
        AnnotationError: names both.
    """
    owner: dict[Path, str] = {}
    for image_id, path in paths.items():
        other = owner.setdefault(path, image_id)
        if other != image_id:
            raise AnnotationError(
                f'{other!r} and {image_id!r} are both the image {path}. Is a file '
                'missing, or annotated twice under two names?'
            )


def strangers(paths: Iterable[Path], lookup: FilmLookup) -> int:
    """How many images of the folder no annotation speaks of."""
    return len(set(lookup.paths.values()) - set(paths))


def _shared_folders(first: PurePosixPath, second: PurePosixPath) -> int:
    pairs = zip(reversed(first.parts[:-1]), reversed(second.parts[:-1]), strict=False)
    for n, (a, b) in enumerate(pairs):
        if a != b:
            return n
    return min(len(first.parts), len(second.parts)) - 1


def _plain(name: str) -> str:
    return unicodedata.normalize('NFC', name).strip()


def _stem(name: str) -> str:
    return name.rpartition('.')[0] if is_image(name) else name
