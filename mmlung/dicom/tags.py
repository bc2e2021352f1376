"""Values of a data set's tags, or an error that names the tag."""

from __future__ import annotations

import math
from typing import Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

_LARGEST = 1e12
"""No window or slope of a film of 16 bits comes near."""


def tag_name(keyword: str) -> str:
    """Tag and keyword as every message gives them.

    >>> tag_name('Rows')
    '(0028,0010) Rows'
    """
    tag = tag_for_keyword(keyword) or 0
    return f'({tag >> 16:04X},{tag & 0xFFFF:04X}) {keyword}'


def read_tag(dataset: Dataset, keyword: str) -> Any:
    """Value of a tag, None where it is absent or empty.

    Raises:
        ValueError: bytes that are no such value; pydicom decodes a tag when it is asked
            for, and raises much.
    """
    try:
        value = dataset.get(keyword)
    except Exception as error:
        raise ValueError(f'{tag_name(keyword)} is damaged: {error}') from error
    return None if isinstance(value, str | bytes) and not value else value


def read_numbers(dataset: Dataset, keyword: str) -> list[float]:
    """Every value of a numeric tag, none where it is absent or empty.

    Raises:
        ValueError: something that is no finite number of usual size.
    """
    value = read_tag(dataset, keyword)
    if value is None:
        return []
    values = value if _is_list(value) else [value]
    try:
        numbers = [float(number) for number in values]
    except (TypeError, ValueError) as error:
        raise ValueError(
            f'{tag_name(keyword)} must be a number, got {_short(value)}'
        ) from error
    if not all(math.isfinite(number) and abs(number) <= _LARGEST for number in numbers):
        raise ValueError(f'{tag_name(keyword)} is no usable number: {_short(value)}')
    return numbers


def read_number(dataset: Dataset, keyword: str, default: float | None = None) -> float:
    """The one value of a numeric tag.

    Raises:
        ValueError: absent without a default, several values, or no number.
    """
    numbers = read_numbers(dataset, keyword)
    if not numbers and default is not None:
        return default
    if not numbers:
        raise ValueError(
            f'{tag_name(keyword)} is missing: not an image, or an incomplete download'
        )
    if len(numbers) > 1:
        raise ValueError(
            f'{tag_name(keyword)} must be one number, got {len(numbers)} of them'
        )
    return numbers[0]


def read_items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Items of a sequence, none where it is absent or empty.

    Raises:
        ValueError: not a sequence of items.
    """
    value = read_tag(dataset, keyword)
    items = list(value) if _is_list(value) else [] if value is None else [value]
    if not all(isinstance(item, Dataset) for item in items):
        raise ValueError(f'{tag_name(keyword)} must be a sequence, got {_short(value)}')
    return items


def _is_list(value: Any) -> bool:
    return hasattr(value, '__iter__') and not isinstance(value, str | bytes | Dataset)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f'{text[:57]}...'
