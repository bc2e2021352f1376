"""What reading a DICOM film costs, beside the bare decode, pydicom and torchxrayvision.

Films are synthetic, of 3000 x 2500 pixels and 12 bits, uncompressed and as JPEG 2000,
with a linear window, a sigmoid, and a VOI LUT. Each reader goes from a path to a
picture:
- decode: pydicom's dcmread and pixel_array, nothing applied, by mmlung's decoder;
- mmlung: mmlung.dicom.read_image, uint8;
- pydicom: its apply_modality_lut and apply_voi_lut, then scaled to uint8;
- torchxrayvision: its read_xray_dcm with voi_lut=True, float32, no modality LUT.
The last two decode by whichever plug-in pydicom finds first.
The readers take turns, so that a busy machine is busy for all of them. Times are
medians of CPU time and, in brackets, of wall time; the factor is CPU time over that of
the decode.

Examples:
  OMP_NUM_THREADS=1 python benchmarks/dicom.py
  python benchmarks/dicom.py --repeats 15 --size-hw 4000 3500
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.pixels import apply_modality_lut
from pydicom.pixels import apply_voi_lut
from pydicom.pixels import pixel_array
from pydicom.uid import UID
from pydicom.uid import DigitalXRayImageStorageForPresentation
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.uid import JPEG2000Lossless
from pydicom.uid import generate_uid

from mmlung.cli import one_line_errors
from mmlung.dicom import read_image

SIZE_HW = (3000, 2500)
BITS = 12
CODINGS = {'uncompressed': ExplicitVRLittleEndian, 'JPEG 2000': JPEG2000Lossless}
PLUGINS = {'uncompressed': '', 'JPEG 2000': 'pylibjpeg'}
WINDOWS = ('linear', 'sigmoid', 'LUT')
Seconds = tuple[float, float]
"""CPU time and wall time."""


def draw_film(size_hw: tuple[int, int], seed: int = 0) -> np.ndarray:
    """Something of a film's spectrum: slow shapes and fine noise, (H, W) uint16."""
    rng = np.random.default_rng(seed)
    height, width = size_hw
    coarse = cv2.GaussianBlur(rng.normal(size=(60, 50)), (0, 0), 4)
    shapes = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    shapes = 2048 + 900 * shapes / np.abs(shapes).max()
    noise = rng.normal(scale=12, size=size_hw)
    return np.clip(np.rint(shapes + noise), 0, 2**BITS - 1).astype(np.uint16)


def make_dicom(stored: np.ndarray, window: str, syntax: UID) -> Dataset:
    """A film of 12 bits with a window of one of ``WINDOWS``."""
    ds = Dataset()
    ds.SOPClassUID = DigitalXRayImageStorageForPresentation
    ds.SOPInstanceUID = generate_uid(entropy_srcs=['benchmark'])
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, 'MONOCHROME2'
    ds.Rows, ds.Columns = stored.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, BITS, BITS - 1
    ds.PixelRepresentation = 0
    ds.RescaleSlope, ds.RescaleIntercept = 1, 0
    if window == 'LUT':
        ds.VOILUTSequence = [_curve()]
    else:
        ds.WindowCenter, ds.WindowWidth = 2048, 1800
        ds.VOILUTFunction = window.upper()
    ds.PixelData = stored.tobytes()
    ds['PixelData'].VR = 'OW'
    if syntax.is_compressed:
        ds.compress(syntax, generate_instance_uid=False)
    return ds


def _curve() -> Dataset:
    item = Dataset()
    item.LUTDescriptor = [2**BITS, 0, BITS]
    item['LUTDescriptor'].VR = 'US'
    largest = 2**BITS - 1
    entries = largest * np.sqrt(np.arange(2**BITS) / largest)
    item.LUTData = np.rint(entries).astype('<u2').tobytes()
    item['LUTData'].VR = 'OW'
    return item


def by_pydicom(path: Path) -> np.ndarray:
    """The way of pydicom's documentation, to (H, W) uint8."""
    ds = pydicom.dcmread(path)
    values = apply_modality_lut(ds.pixel_array, ds)
    if 'VOILUTSequence' in ds:  # entries are looked up by whole numbers
        values = values.astype(np.uint16)
    shown = apply_voi_lut(values, ds)
    return (shown / (2**ds.BitsStored - 1) * 255).astype(np.uint8)


def readers(coding: str) -> dict[str, Callable[[Path], np.ndarray]]:
    """Readers by name; torchxrayvision's where it is installed."""
    plugin = PLUGINS[coding]
    ways: dict[str, Callable[[Path], np.ndarray]] = {
        'decode': lambda path: pixel_array(path, decoding_plugin=plugin),
        'mmlung': lambda path: read_image(path).pixels,
        'pydicom': by_pydicom,
    }
    try:
        from torchxrayvision.utils import read_xray_dcm
    except ImportError:
        return ways
    ways['torchxrayvision'] = lambda path: read_xray_dcm(path, voi_lut=True)
    return ways


def measure(
    ways: dict[str, Callable[[Path], np.ndarray]], path: Path, repeats: int
) -> dict[str, Seconds]:
    """Median times of each reader, taking turns; one turn before does not count."""
    taken: dict[str, list[Seconds]] = {name: [] for name in ways}
    for _ in range(repeats + 1):
        for name, read in ways.items():
            cpu, wall = time.process_time(), time.perf_counter()
            read(path)
            times = time.process_time() - cpu, time.perf_counter() - wall
            taken[name].append(times)
    return {
        name: (median(t[0] for t in times[1:]), median(t[1] for t in times[1:]))
        for name, times in taken.items()
    }


def row(label: str, times: dict[str, Seconds]) -> str:
    """One film as a line of the table."""
    base = times['decode'][0]
    cells = [
        f'{1e3 * cpu:.0f} ({1e3 * wall:.0f}) ms'
        + ('' if name == 'decode' else f', x {cpu / base:.2f}')
        for name, (cpu, wall) in times.items()
    ]
    return f'| {label} | ' + ' | '.join(cells) + ' |'


def hardware() -> str:
    """Processor and versions, for the line above the table."""
    info = Path('/proc/cpuinfo')
    lines = info.read_text('utf-8').splitlines() if info.exists() else []
    names = [line.partition(':')[2].strip() for line in lines if 'model name' in line]
    name = names[0] if names else platform.processor()
    return (
        f'{name}, Python {platform.python_version()}, NumPy {np.__version__}, '
        f'pydicom {pydicom.__version__}'
    )


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--repeats', type=int, default=9, help='turns of each reader')
    parser.add_argument(
        '--size-hw', type=int, nargs=2, default=SIZE_HW, metavar=('H', 'W')
    )
    args = parser.parse_args(argv)
    if args.repeats < 1 or min(args.size_hw) < 64:
        parser.error('--repeats must be at least 1, --size-hw at least 64 64')
    return args


@one_line_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Write the films into a temporary folder, read them, print the table."""
    args = parse_args(argv)
    stored = draw_film(tuple(args.size_hw))
    print(f'{hardware()}; {args.repeats} repeats\n')
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, 'film.dcm')
        for coding, syntax in CODINGS.items():
            ways = readers(coding)
            if coding == 'uncompressed':
                print('| film | ' + ' | '.join(ways) + ' |')
                print('|---' * (len(ways) + 1) + '|')
            for window in WINDOWS:
                make_dicom(stored, window, syntax).save_as(
                    path, enforce_file_format=True
                )
                apart = np.abs(
                    ways['mmlung'](path).astype(int) - ways['pydicom'](path)
                ).max()
                label = f'{coding}, {window}, {path.stat().st_size / 1e6:.1f} MB'
                if apart > 1:
                    raise ValueError(f'{label}: mmlung and pydicom differ by {apart}')
                print(row(label, measure(ways, path, args.repeats)), flush=True)
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
