"""Stored words of a DICOM film to its picture: modality, VOI, inversion.

Each rule is one function over the words that can be stored (at most 65,536), so a film
takes one look-up a pixel.
"""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset

from mmlung.dicom.tags import read_items
from mmlung.dicom.tags import read_number
from mmlung.dicom.tags import read_numbers
from mmlung.dicom.tags import read_tag
from mmlung.dicom.tags import tag_name

_PERCENTILES = (0.5, 99.5)
_ROWS_AT_ONCE = 64  # what the processor's cache holds
_LUT_BITS = range(1, 17)


def look_up(words: np.ndarray, table: np.ndarray) -> np.ndarray:
    """``table[words]``, twice as fast for two dimensions.

    Args:
        words: (H, W) uint8 or uint16.
        table: (256,) or (65536,), an entry for each word there can be.
    """
    found = np.empty(words.shape, table.dtype)
    for top in range(0, len(words), _ROWS_AT_ONCE):
        rows = slice(top, top + _ROWS_AT_ONCE)
        # No word is outside: 'wrap' only spares the check and the buffer it needs.
        np.take(table, words[rows], out=found[rows], mode='wrap')
    return found


def display_values(words: np.ndarray, dataset: Dataset, index: int = 0) -> np.ndarray:
    """Display value in [0, 1] of each word a pixel can have.

    Args:
        words: (H, W) uint8 or uint16 as stored. They matter only to a film without
            window and LUT.
        dataset: its header.
        index: which window, or VOI LUT, of several.

    Returns:
        (256,) or (65536,) float64, indexed by ``words``.
    """
    stored = stored_values(words.dtype, dataset)
    values = rescale(stored, dataset)
    shown = window(values, dataset, index)
    if shown is None:
        shown = without_window(values, stored, words, dataset)
    return 1 - shown if is_inverted(dataset) else shown


def stored_values(dtype: np.dtype, dataset: Dataset) -> np.ndarray:
    """Value of each word: the lowest BitsStored bits count, signed or not.

    Source: DICOM PS3.5 8.1.1.
    """
    bits = int(read_number(dataset, 'BitsStored'))
    values = np.arange(2 ** (8 * dtype.itemsize)) & (2**bits - 1)
    if read_number(dataset, 'PixelRepresentation', 0):
        values[values >= 2 ** (bits - 1)] -= 2**bits
    return values


def rescale(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Stored values to modality values, float64; unchanged without the tags.

    Source: DICOM PS3.3 C.11.1.
    """
    luts = read_items(dataset, 'ModalityLUTSequence')
    if luts:
        values, _ = _through_lut(stored, luts[0], dataset)
        return values
    slope, intercept = (
        read_numbers(dataset, f'Rescale{part}') for part in ('Slope', 'Intercept')
    )
    if not slope or not intercept:
        return stored.astype(np.float64)
    return stored * slope[0] + intercept[0]


def window(values: np.ndarray, dataset: Dataset, index: int = 0) -> np.ndarray | None:
    """Modality values to the display range [0, 1]; None without LUT and window.

    A VOI LUT sequence goes before a window. Differs from pydicom 3.0 where that departs
    from the standard: a negative rescale slope does not turn the window over, and a LUT
    of 8-bit entries may have more than 256 of them.

    Raises:
        ValueError: half a window, fewer windows than ``index`` asks for, a width the
            function does not allow, or an unknown function.

    Source: DICOM PS3.3 C.11.2.1.1 to C.11.2.1.3.
    """
    luts = read_items(dataset, 'VOILUTSequence')
    if luts:
        _check_index(index, len(luts), 'VOILUTSequence')
        lut, bits = _through_lut(np.rint(values), luts[index], dataset)
        return np.clip(lut / (2**bits - 1), 0, 1)
    centers, widths = (
        read_numbers(dataset, f'Window{part}') for part in ('Center', 'Width')
    )
    if not centers and not widths:
        return None
    if not centers or not widths:
        raise ValueError(
            f'{tag_name("WindowCenter")} and {tag_name("WindowWidth")} go together, '
            f'got {_listed(centers)} and {_listed(widths)}'
        )
    _check_index(index, min(len(centers), len(widths)), 'WindowCenter')
    function = read_tag(dataset, 'VOILUTFunction')
    with np.errstate(over='ignore'):  # a tiny width: beyond either end
        return _apply_window(values, centers[index], widths[index], function)


def _apply_window(
    values: np.ndarray, center: float, width: float, function: object
) -> np.ndarray:
    function = str(function or 'LINEAR').upper()
    if function not in ('LINEAR', 'LINEAR_EXACT', 'SIGMOID'):
        raise ValueError(
            f'{tag_name("VOILUTFunction")} must be LINEAR, LINEAR_EXACT or SIGMOID, '
            f'got {function!r}'
        )
    if not (width >= 1 if function == 'LINEAR' else width > 0):
        limit = 'at least 1' if function == 'LINEAR' else 'above 0'
        raise ValueError(
            f'{tag_name("WindowWidth")} must be {limit} for {function}, got {width}'
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
    values: np.ndarray, stored: np.ndarray, words: np.ndarray, dataset: Dataset
) -> np.ndarray:
    """Display range of a film that names none.

    Eight stored bits are display values already and stay as they are. Above, the 0.5
    and 99.5 percentiles bound the range: lead markers, collimator edges and dead pixels
    would own the range between minimum and maximum. Padding does not count.

    Raises:
        ValueError: nothing but one value.
    """
    bits = int(read_number(dataset, 'BitsStored'))
    if bits <= 8 and np.array_equal(values, stored) and stored.min() >= 0:
        return np.clip(values / (2**bits - 1), 0, 1)
    counts = np.bincount(words.ravel(), minlength=len(values))
    for padding in read_numbers(dataset, 'PixelPaddingValue'):
        counts[stored == padding] = 0
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
        read_tag(dataset, 'PhotometricInterpretation') == 'MONOCHROME1'
        or read_tag(dataset, 'PresentationLUTShape') == 'INVERSE'
    )


def _check_index(index: int, count: int, keyword: str) -> None:
    if not 0 <= index < count:
        raise ValueError(
            f'{tag_name(keyword)} has {count} to choose from, number 0 to {count - 1}, '
            f'got window={index}'
        )


def _listed(numbers: list[float]) -> str:
    return ', '.join(f'{number:g}' for number in numbers) or 'none'


def _through_lut(
    values: np.ndarray, item: Dataset, dataset: Dataset
) -> tuple[np.ndarray, int]:
    """Values through one LUT item (float64), and the bits of its entries."""
    entries, first, bits = _lut_descriptor(item)
    data = read_tag(item, 'LUTData')
    if data is None:
        raise ValueError(f'a LUT needs {tag_name("LUTData")}')
    if isinstance(data, bytes):
        little = dataset.original_encoding[1] is not False
        words = np.dtype('<u2' if little else '>u2')
        kind = words if len(data) >= 2 * entries else np.dtype('u1')
        lut = np.frombuffer(data, kind, count=min(entries, len(data) // kind.itemsize))
    else:
        lut = np.array(read_numbers(item, 'LUTData'))
    if len(lut) < entries:
        raise ValueError(
            f'{tag_name("LUTData")} must have {entries} entries as '
            f'{tag_name("LUTDescriptor")} says, got {len(lut)}'
        )
    index = np.clip(values - first, 0, entries - 1).astype(np.intp)
    return lut[index].astype(np.float64), bits


def _lut_descriptor(item: Dataset) -> tuple[int, int, int]:
    """Entries, first value that they map, bits of an entry."""
    descriptor = read_numbers(item, 'LUTDescriptor')
    if len(descriptor) != 3 or descriptor[2] not in _LUT_BITS or descriptor[0] < 0:
        raise ValueError(
            f'{tag_name("LUTDescriptor")} must be entries, first value and bits (1 to '
            f'16), got {_listed(descriptor)}'
        )
    entries, first, bits = (int(number) for number in descriptor)
    return entries or 2**16, first, bits
