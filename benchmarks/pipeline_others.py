"""Films of the pipeline's benchmark, and how others read them."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pydicom
import torch
from PIL import Image
from pydicom.pixels import apply_modality_lut
from pydicom.pixels import apply_voi_lut

from mmlung.phantom import draw_case
from mmlung.phantom.dicom_film import encode_dicom
from mmlung.phantom.lesions import DRAW

SIZES_HW = {'PNG': (1024, 1024), 'DICOM': (3000, 2500)}
_DRAWN_PX = 512
_NOISE = 2.0  # grey levels, as scaled films have none of their own
_SEED = 0


def write_films(
    folder: Path, kind: str, number: int, source: Path | None = None
) -> list[Path]:
    """Films of one kind, as Pillow writes PNG and the phantom DICOM.

    Args:
        folder: gets them.
        kind: of ``SIZES_HW``.
        number: how many.
        source: folder of grey pictures, to be scaled to size; None: phantoms.

    Raises:
        ValueError: ``source`` has too few pictures.
    """
    rng = np.random.default_rng(_SEED)
    height, width = SIZES_HW[kind]
    paths = []
    for i, film in enumerate(_originals(number, source, rng)):
        film = cv2.resize(film, (width, height), interpolation=cv2.INTER_CUBIC)
        film += rng.normal(scale=_NOISE / 255, size=film.shape).astype(np.float32)
        film = film.clip(0, 1)
        path = folder / f'{i:08}_000.{"png" if kind == "PNG" else "dcm"}'
        if kind == 'PNG':
            Image.fromarray(np.rint(255 * film).astype(np.uint8)).save(path)
        else:
            path.write_bytes(_dicom(film, i))
        paths.append(path)
    return paths


def _originals(
    number: int, source: Path | None, rng: np.random.Generator
) -> list[np.ndarray]:
    """Films in [0, 1], float32."""
    if source is None:
        size = (_DRAWN_PX, _DRAWN_PX)
        return [draw_case(rng, size, list(DRAW)).film for _ in range(number)]
    found = sorted(p for p in source.iterdir() if p.suffix in ('.png', '.jpg'))
    if len(found) < number:
        raise ValueError(
            f'{source} has {len(found)} .png or .jpg, --number is {number}'
        )
    chosen = found[:: len(found) // number][:number]
    pictures = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in chosen]
    return [picture.astype(np.float32) / 255 for picture in pictures]


def _dicom(film: np.ndarray, seed: int) -> bytes:
    """12 bits, MONOCHROME2, one window, whatever the phantom's lot would have been."""
    for lot in itertools.count(1000 * seed):
        data = encode_dicom(film, np.random.default_rng(lot), f'benchmark-{lot}')
        head = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)
        kind = head.BitsStored, head.PhotometricInterpretation
        if kind == (12, 'MONOCHROME2'):
            return data
    raise AssertionError('the lots are without end')


def read_by_pydicom(results: dict) -> dict:
    """The step that MMPretrain's user writes: pydicom's way, to (H, W, 3) uint8."""
    ds = pydicom.dcmread(results['img_path'])
    values = apply_voi_lut(apply_modality_lut(ds.pixel_array, ds), ds)
    grey = np.rint(values / (2**ds.BitsStored - 1) * 255).astype(np.uint8)
    results['img'] = np.repeat(grey[..., None], 3, axis=2)
    results['img_shape'] = results['ori_shape'] = grey.shape
    return results


def open_torchxrayvision(
    kind: str, films: Sequence[Path], size: int
) -> list[tuple[str, Callable[[Any], Any]]] | None:
    """Its steps from a path to a tensor; None where it is not installed."""
    try:
        from torchxrayvision.datasets import XRayCenterCrop
        from torchxrayvision.datasets import XRayResizer
        from torchxrayvision.utils import read_xray_dcm
    except ImportError:
        return None

    if kind == 'PNG':
        dataset = _nih_dataset(films)

        def decode(sample: dict) -> np.ndarray:
            return dataset[sample['sample_idx']]['img']
    else:

        def decode(sample: dict) -> np.ndarray:
            return read_xray_dcm(sample['img_path'], voi_lut=True)[None]

    crop, resize = XRayCenterCrop(), XRayResizer(size)
    return [
        ('decode', decode),
        ('crop, resize', lambda film: resize(crop(film))),
        ('pack', torch.from_numpy),
    ]


def _nih_dataset(films: Sequence[Path]) -> Any:
    """Torchxrayvision's own data set over the films."""
    from torchxrayvision.datasets import NIH_Dataset

    table = films[0].with_name('Data_Entry_2017_v2020.csv')
    columns = ('Image Index', 'Finding Labels', 'Patient ID', 'Patient Age')
    with table.open('w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file)
        writer.writerow([*columns, 'Patient Sex', 'View Position'])
        for number, path in enumerate(films):
            writer.writerow([path.name, 'Mass', number, 50, 'F', 'PA'])
    return NIH_Dataset(str(films[0].parent), str(table), unique_patients=False)
