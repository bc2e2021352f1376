"""Chest radiographs for MMDetection and MMPretrain.

Importing this package loads neither torch nor any of the OpenMMLab packages; it only
leaves a finder that serves ``mmcv._ext`` when mmcv was installed without compiled ops.
"""

import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

__version__ = '0.1.0'


class _MmcvExtFallback:
    """Last-resort finder: ``mmlung._mmcv_ext`` stands in for ``mmcv._ext``."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != 'mmcv._ext':
            return None
        source = Path(__file__).with_name('_mmcv_ext') / '__init__.py'
        return importlib.util.spec_from_file_location(name, source)


# Once, whatever reloads this package; last, so that a compiled module always wins.
if not any(getattr(f, '__name__', '') == '_MmcvExtFallback' for f in sys.meta_path):
    sys.meta_path.append(_MmcvExtFallback)
