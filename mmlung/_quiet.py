"""Keep what the OpenMMLab packages print while they are imported out of our output."""

import importlib
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextlib import redirect_stdout
from typing import TextIO

# Printed to stdout although logged as DEBUG, since no logger exists yet.
_NOISE = (
    'Could not import OneDL. Skipping OneDL datasets.',
    'Could not import OneDL',
)
# The registries import these on first use, long after ``import mmdet``.
_TALKATIVE = ('mmdet.datasets', 'mmdet.evaluation', 'mmpretrain.datasets')


class _Without:
    """A text stream that passes every line on but the noise."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._line = ''

    def write(self, text: str) -> int:
        *lines, self._line = (self._line + text).split('\n')
        for line in lines:
            self._pass_on(line, end='\n')
        return len(text)

    def _pass_on(self, line: str, end: str) -> None:
        for noise in _NOISE:
            if line.endswith(noise):  # after what was printed without a line end
                self._stream.write(line.removesuffix(noise))
                return
        self._stream.write(line + end)

    def flush(self) -> None:
        self._stream.flush()

    def close_line(self) -> None:
        """Pass on a last line that has no end."""
        self._pass_on(self._line, end='')
        self._line = ''

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


@contextmanager
def quiet_imports() -> Iterator[None]:
    """Import mmdet or mmpretrain inside, without "Could not import OneDL" and the like.

    The noise comes from parts that the registries import later, so those parts of the
    packages imported inside are imported at the end of the block too::

        with quiet_imports():
            import mmdet

    Everything else that is printed or warned of passes.
    """
    without = _Without(sys.stdout)
    try:
        with redirect_stdout(without), warnings.catch_warnings():
            warnings.filterwarnings('ignore', 'faster_coco_eval is not installed')
            yield
            for name in _TALKATIVE:
                if name.partition('.')[0] in sys.modules:
                    importlib.import_module(name)
    finally:
        without.close_line()
