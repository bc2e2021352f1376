"""Stored values of a DICOM film to display values: modality, VOI, inversion.

Each rule is one function over the values that can be stored (at most 65,536), so a
film takes one look-up a pixel.
"""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset

_PERCENTILES = (0.5, 99.5)


def display_values(pixels: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Display value in [0, 1] of each bit pattern a pixel can have.

    Args:
        pixels: (H, W) stored values, 8 or 16 bits, signed or not. The values matter
            only to a film without window and LUT.
        dataset: its header.

    Returns:
        (256,) or (65536,) float64, indexed by the unsigned view of ``pixels``.
    """
    unsigned = np.dtype(f'u{pixels.dtype.itemsize}')
    stored = np.arange(2 ** (8 * unsigned.itemsize)).astype(unsigned)
    stored = stored.view(pixels.dtype)
    values = rescale(stored, dataset)
    shown = window(values, dataset)
    if shown is None:
        shown = without_window(values, pixels.view(unsigned), dataset)
    return 1 - shown if is_inverted(dataset) else shown


def rescale(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Stored values to modality values, float64; unchanged without the tags.

    Source: DICOM PS3.3 C.11.1.
    """
    if dataset.get('ModalityLUTSequence'):
        values, _ = _look_up(stored, dataset.ModalityLUTSequence[0], dataset)
        return values
    slope, intercept = dataset.get('RescaleSlope'), dataset.get('RescaleIntercept')
    if slope is None or intercept is None:
        return stored.astype(np.float64)
    return stored * float(slope) + float(intercept)


def window(values: np.ndarray, dataset: Dataset) -> np.ndarray | None:
    """Modality values to the display range [0, 1]; None without LUT and window.

    A VOI LUT sequence goes before a window; of several windows the first counts.
    Differs from pydicom 3.0 where that departs from the standard: a negative rescale
    slope does not turn the window over, and a LUT of 8-bit entries may have more than
    256 of them.

    Raises:
        ValueError: half a window, a width the function does not allow, or an unknown
            function.

    Source: DICOM PS3.3 C.11.2.1.1 to C.11.2.1.3.
    """
    if dataset.get('VOILUTSequence'):
        lut, bits = _look_up(np.rint(values), dataset.VOILUTSequence[0], dataset)
        return np.clip(lut / (2**bits - 1), 0, 1)
    center, width = (_first(dataset, f'Window{part}') for part in ('Center', 'Width'))
    if center is None and width is None:
        return None
    if center is None or width is None:
        raise ValueError(
            '(0028,1050) WindowCenter and (0028,1051) WindowWidth go together, got '
            f'center {center} and width {width}'
        )
    return _apply_window(values, center, width, dataset.get('VOILUTFunction'))


def _apply_window(
    values: np.ndarray, center: float, width: float, function: str | None
) -> np.ndarray:
    function = (function or 'LINEAR').upper()
    if function not in ('LINEAR', 'LINEAR_EXACT', 'SIGMOID'):
        raise ValueError(
            '(0028,1056) VOILUTFunction must be LINEAR, LINEAR_EXACT or SIGMOID, got '
            f'{function!r}'
        )
    if not (width >= 1 if function == 'LINEAR' else width > 0):
        limit = 'at least 1' if function == 'LINEAR' else 'above 0'
        raise ValueError(
            f'(0028,1051) WindowWidth must be {limit} for {function}, got {width}'
        )
    if function == 'SIGMOID':
        exponent = np.clip(-4 * (values - center) / width, -700, 700)
        return 1 / (1 + np.exp(exponent))
    if function == 'LINEAR':
        center, width = center - 0.5, width - 1
    if width == 0:
        return (values > center).astype(np.float64)
    return np.clip((values - center) / width + 0.5, 0, 1)


def without_window(
    values: np.ndarray, codes: np.ndarray, dataset: Dataset
) -> np.ndarray:
    """Display range of a film that names none.

    Eight stored bits are display values already and stay as they are. Above, the 0.5
    and 99.5 percentiles bound the range: lead markers, collimator edges and dead pixels
    would own the range between minimum and maximum. Padding does not count.

    Raises:
        ValueError: nothing but one value.
    """
    identity = np.array_equal(values, np.arange(len(values)))
    if int(dataset.BitsStored) <= 8 and identity:
        return np.clip(values / (2 ** int(dataset.BitsStored) - 1), 0, 1)
    counts = np.bincount(codes.ravel(), minlength=len(values))
    padding = dataset.get('PixelPaddingValue')
    if padding is not None:
        counts[int(padding) % len(values)] = 0
    order = np.argsort(values, kind='stable')
    cumulative = np.cumsum(counts[order])
    ranks = [cumulative[-1] * percent / 100 for percent in _PERCENTILES]
    low, high = values[order][np.searchsorted(cumulative, ranks)]
    if low == high and counts.any():  # nearly all is one value: keep what stands out
        low, high = (f(values[counts > 0]) for f in (np.min, np.max))
    if low == high:
        raise ValueError(f'the image is constant: nothing but {low} beside padding')
    return np.clip((values - low) / (high - low), 0, 1)


def is_inverted(dataset: Dataset) -> bool:
    """Whether the display is to be turned over: both tags together still mean once.

    Source: DICOM PS3.3 C.7.6.3.1.2 and C.11.6.
    """
    return (
        dataset.PhotometricInterpretation == 'MONOCHROME1'
        or dataset.get('PresentationLUTShape') == 'INVERSE'
    )


def _first(dataset: Dataset, keyword: str) -> float | None:
    """First value of a tag that may have several, None where it is absent or empty."""
    value = dataset.get(keyword)
    if value is None or isinstance(value, str):
        return None
    if hasattr(value, '__len__'):
        return float(value[0]) if len(value) else None
    return float(value)


def _look_up(
    values: np.ndarray, item: Dataset, dataset: Dataset
) -> tuple[np.ndarray, int]:
    """Values through one LUT item (float64), and the bits of its entries."""
    if 'LUTDescriptor' not in item or 'LUTData' not in item:
        raise ValueError(
            'a LUT needs (0028,3002) LUTDescriptor and (0028,3006) LUTData'
        )
    entries, first, bits = (int(number) for number in item.LUTDescriptor)
    entries = entries or 2**16
    data = item['LUTData'].value
    if isinstance(data, bytes):
        little = dataset.original_encoding[1] is not False
        words = np.dtype('<u2' if little else '>u2')
        kind = words if len(data) >= 2 * entries else np.dtype('u1')
        data = np.frombuffer(data, kind, count=min(entries, len(data) // kind.itemsize))
    lut = np.atleast_1d(np.asarray(data, dtype=np.float64))
    if len(lut) < entries:
        raise ValueError(
            f'(0028,3006) LUTData must have {entries} entries as (0028,3002) '
            f'LUTDescriptor says, got {len(lut)}'
        )
    index = np.clip(values - float(first), 0, entries - 1).astype(np.intp)
    return lut[index], bits
