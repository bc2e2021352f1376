"""What is installed, what is missing, and the command that brings it."""

import argparse
import importlib.metadata
import importlib.util
import os
import platform
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mmlung
from mmlung._quiet import quiet_imports

# What to call it, and the distributions that may bring it, the usual one first.
_PACKAGES = {
    'torch': ('torch',),
    'torchvision': ('torchvision',),
    'mmengine': ('onedl-mmengine', 'mmengine'),
    'mmcv': ('onedl-mmcv', 'mmcv', 'mmcv-lite', 'mmcv-full'),
    'mmdet': ('onedl-mmdetection', 'mmdet'),
    'mmpretrain': ('onedl-mmpretrain', 'mmpretrain'),
    'numpy': ('numpy',),
    'opencv': ('opencv-python', 'opencv-python-headless', 'opencv-contrib-python'),
    'pydicom': ('pydicom',),
    'pandas': ('pandas',),
    'pycocotools': ('pycocotools',),
    'grad-cam': ('grad-cam',),
}
# Coding of pixels, its name in pydicom.uid, what brings it.
_CODINGS = (
    ('uncompressed', 'ExplicitVRLittleEndian', 'pydicom'),
    ('RLE', 'RLELossless', 'pydicom'),
    ('JPEG', 'JPEGBaseline8Bit', 'pillow'),
    ('JPEG lossless', 'JPEGLosslessSV1', 'python-gdcm'),
    ('JPEG-LS', 'JPEGLSLossless', 'python-gdcm'),
    ('JPEG 2000', 'JPEG2000Lossless', 'pylibjpeg pylibjpeg-openjpeg'),
)


@dataclass(frozen=True)
class Line:
    """One line of the report; ``problem`` is something mmlung cannot do without."""

    section: str
    name: str
    value: str
    problem: bool = False


def examine() -> list[Line]:
    """Look at everything; nothing that is missing or broken stops it."""
    return [
        *_versions(),
        *_guarded('versions', 'requirements', _requirements),
        *_guarded('ops', 'mmcv ops', _ops),
        *_guarded('hardware', 'torch', _hardware),
        *_guarded('DICOM', 'pydicom', _decoders),
        *_guarded('extras', 'extras', _extras),
    ]


def report(lines: list[Line] | None = None) -> str:
    """The findings as text, for people.

    Args:
        lines: what :func:`examine` found; looked at now when left out.
    """
    lines = examine() if lines is None else lines
    width = max(len(line.name) for line in lines)
    text, section = [], ''
    for line in lines:
        if line.section != section:
            section = line.section
            text += ['', section]
        mark = '!' if line.problem else ' '
        text.append(f'{mark} {line.name:{width}}  {line.value}')
    n_problems = sum(line.problem for line in lines)
    verdict = f'{n_problems} to repair, marked with !' if n_problems else 'ready'
    return '\n'.join([*text[1:], '', f'mmlung {mmlung.__version__}: {verdict}'])


def main(argv: list[str] | None = None) -> int:
    """Print the report; 1 when something that mmlung needs is missing or broken."""
    argparse.ArgumentParser(prog='mmlung doctor', description=__doc__).parse_args(argv)
    lines = examine()
    print(report(lines))
    return int(any(line.problem for line in lines))


def _guarded(
    section: str, name: str, look: Callable[[], Iterator[Line]]
) -> Iterator[Line]:
    """The lines of ``look``; whatever stops it becomes the last line."""
    try:
        yield from look()
    except Exception as error:  # a broken installation can fail in any way
        message = ' '.join(str(error).split())
        yield Line(section, name, f'{type(error).__name__}: {message}', problem=True)


def _versions() -> Iterator[Line]:
    yield Line('versions', 'mmlung', f'{mmlung.__version__} in {Path(__file__).parent}')
    yield Line('versions', 'python', platform.python_version())
    for name, distributions in _PACKAGES.items():
        found = [f'{v} ({d})' for d in distributions if (v := _version(d)) is not None]
        if found:
            yield Line('versions', name, ', '.join(found))
        else:
            fix = f'missing: pip install {distributions[0]}'
            yield Line('versions', name, fix, problem=True)


def _requirements() -> Iterator[Line]:
    """What the installed distribution of mmlung declares, against what is there."""
    try:
        declared = importlib.metadata.requires('mmlung') or []
    except importlib.metadata.PackageNotFoundError:
        text = 'not checked: mmlung runs from its folder; pip install it to check them'
        yield Line('versions', 'requirements', text)
        return
    unmet = [text for text in declared if not _is_met(text, extra='')]
    if unmet:
        fix = f'not met: pip install {" ".join(_quoted(text) for text in unmet)}'
        yield Line('versions', 'requirements', fix, problem=True)
    else:
        yield Line('versions', 'requirements', 'all met')


def _ops() -> Iterator[Line]:
    """Who computes mmcv's ops, and whether they compute."""
    with quiet_imports():
        import mmcv.ops
        import torch
    spec = importlib.util.find_spec('mmcv._ext')
    origin = Path(spec.origin) if spec and spec.origin else Path()
    if Path(__file__).parent in origin.parents:
        by = f'served by torchvision {_version("torchvision")}, no compiler needed'
    else:
        by = f'compiled: {origin}'
    yield Line('ops', 'mmcv ops', by)
    boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 9.0]])
    _, kept = mmcv.ops.nms(boxes, torch.tensor([0.2, 0.9]), iou_threshold=0.5)
    works = kept.tolist() == [1]
    answer = 'works' if works else f'wrong: kept {kept.tolist()} where [1] is right'
    yield Line('ops', 'nms', answer, problem=not works)


def _hardware() -> Iterator[Line]:
    import torch

    for i in range(torch.cuda.device_count()):
        gpu = torch.cuda.get_device_properties(i)
        memory = f'{gpu.total_memory / 2**30:.0f} GiB, CUDA {torch.version.cuda}'
        yield Line('hardware', f'GPU {i}', f'{gpu.name}, {memory}')
    if not torch.cuda.is_available():
        yield Line('hardware', 'GPU', 'none: runs on the CPU')
    threads = f'{torch.get_num_threads()} threads of {os.cpu_count()} CPUs'
    yield Line('hardware', 'CPU', threads)
    from mmlung.training.amp import cpu_has_fast_bfloat16

    fast = 'fast: --amp saves time' if cpu_has_fast_bfloat16() else 'slow: leave --amp'
    yield Line('hardware', 'CPU bfloat16', fast)


def _decoders() -> Iterator[Line]:
    import pydicom.uid
    from pydicom.pixels import get_decoder

    for coding, uid, brings in _CODINGS:
        decoder = get_decoder(getattr(pydicom.uid, uid))
        if decoder.is_available:
            by = ', '.join(decoder.available_plugins) or 'pydicom'
            yield Line('DICOM', coding, f'read by {by}')
        else:
            fix = f'not read: pip install {brings}'
            yield Line('DICOM', coding, fix, problem=True)


def _extras() -> Iterator[Line]:
    """Optional packages by extra; a missing one is no problem."""
    try:
        metadata = importlib.metadata.metadata('mmlung')
    except importlib.metadata.PackageNotFoundError:
        yield Line('extras', 'extras', 'unknown: mmlung runs from its folder')
        return
    for extra in metadata.get_all('Provides-Extra') or []:
        declared = importlib.metadata.requires('mmlung') or []
        missing = [t for t in declared if not _is_met(t, extra) and _is_met(t, '')]
        names = ', '.join(text.partition(';')[0].strip() for text in missing)
        fix = f'missing {names}: pip install "mmlung[{extra}]"'
        yield Line('extras', extra, fix if missing else 'present')


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _is_met(requirement: str, extra: str) -> bool:
    """Whether a requirement asks nothing here, or what it asks for is installed."""
    from packaging.requirements import Requirement

    wanted = Requirement(requirement)
    if wanted.marker is not None and not wanted.marker.evaluate({'extra': extra}):
        return True
    version = _version(wanted.name)
    return version is not None and wanted.specifier.contains(version, prereleases=True)


def _quoted(requirement: str) -> str:
    return f'"{requirement.partition(";")[0].strip()}"'
