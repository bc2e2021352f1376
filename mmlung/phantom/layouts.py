"""What the phantom downloads share: a folder of their own, films drawn in parallel."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import cv2

from mmlung.phantom.case import DRAWING_VERSION

MARKER = 'SYNTHETIC.txt'
_TEXT = """\
SYNTHETIC PHANTOM: drawn by mmlung.phantom, not a radiograph of anybody.

The folder has the layout of {dataset}; the films, the findings, the readers
and the identifiers are made up. No number measured on it says anything about patients.
"""

Job = TypeVar('Job')
Result = TypeVar('Result')


class PhantomFolder:
    """A folder that holds one phantom download and nothing else.

    Its marker file says synthetic, with what arguments, and whether all of it is there.

    Raises:
        ValueError: the folder holds something else, or another phantom.
    """

    def __init__(self, out: str | Path, dataset: str, arguments: dict) -> None:
        self.path = Path(out)
        self._text = _TEXT.format(dataset=dataset)
        self._arguments = {**arguments, 'drawing': DRAWING_VERSION}
        marker = self.path / MARKER
        self.finished = False
        if marker.is_file():
            found = json.loads(marker.read_text().rstrip().rsplit('\n', 1)[-1])
            self.finished = found.pop('finished')
            wanted = json.loads(json.dumps(self._arguments))
            if found != wanted:
                here, asked = (
                    {
                        key: one.get(key)
                        for key in wanted
                        if one.get(key) != two.get(key)
                    }
                    for one, two in ((found, wanted), (wanted, found))
                )
                raise ValueError(
                    f'{self.path} holds a phantom made with other arguments: {here}, '
                    f'not {asked}. Choose another folder or remove that one.'
                )
        elif self.path.exists() and (
            not self.path.is_dir() or any(self.path.iterdir())
        ):
            raise ValueError(
                f'{self.path} exists and is no phantom ({MARKER} is missing). Choose '
                'a new or empty folder, so that nothing real is overwritten.'
            )
        else:
            self._mark()

    def finish(self) -> None:
        """Say that everything is there."""
        self.finished = True
        self._mark()

    def write(self, name: str, data: str | bytes) -> None:
        """Write a file under the folder, whole or not at all."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f'.{path.name}.part')
        part.write_bytes(data.encode() if isinstance(data, str) else data)
        part.replace(path)

    def _mark(self) -> None:
        state = json.dumps({**self._arguments, 'finished': self.finished})
        self.write(MARKER, f'{self._text}\n{state}\n')


def draw_all(
    draw: Callable[[Job], Result],
    jobs: Sequence[Job],
    workers: int = 1,
    progress: str | None = None,
) -> list[Result]:
    """Results of every job in order, over processes, with a bar of this title."""
    from joblib import Parallel
    from joblib import delayed
    from tqdm import tqdm

    if workers < 1:
        raise ValueError(f'workers must be at least 1, got {workers}')
    parallel = Parallel(n_jobs=workers, return_as='generator')
    drawn = parallel(delayed(_single_threaded)(draw, job) for job in jobs)
    bar = tqdm(
        drawn, total=len(jobs), desc=progress, unit='film', disable=progress is None
    )
    return list(bar)


def csv_text(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Rows as a CSV file with LF line ends."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator='\n')
    writer.writerow(header)
    writer.writerows(rows)
    return stream.getvalue()


def _single_threaded(draw: Callable[[Job], Result], job: Job) -> Result:
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        return draw(job)
    finally:
        cv2.setNumThreads(threads)
