"""The film's own header: what a report of the same study has to take over from it."""

from __future__ import annotations

import copy
import hashlib
import io
import logging
import warnings
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.multival import MultiValue
from pydicom.uid import UID
from pydicom.valuerep import DA
from pydicom.valuerep import TM
from pydicom.valuerep import PersonName

from mmlung.dicom.tags import read_number
from mmlung.dicom.tags import read_tag
from mmlung.dicom.tags import tag_name
from mmlung.result import ImageResult

Source = Dataset | Path | str

_UIDS = ('SOPClassUID', 'SOPInstanceUID', 'StudyInstanceUID', 'SeriesInstanceUID')
_TEXT = (
    *('PatientID', 'PatientName', 'AccessionNumber', 'StudyID'),
    'ReferringPhysicianName',
)
_FORMS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(('PatientBirthDate', 'StudyDate'), DA),
    'StudyTime': TM,
}
_SEXES = ('', 'M', 'F', 'O')


def read_header(source: Source, result: ImageResult) -> Dataset:
    """Header of the film that a result is of, checked, in UTF-8, without pixels.

    Attributes that every object of the study must have, possibly empty, are added
    empty where the film lacks them.

    Args:
        source: the film, as a file or as pydicom read it. It stays as it is.
        result: what was found in it.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no DICOM, several frames, a tag that is missing or unusable (the
            message names it, never its value: it may identify the patient), or another
            film than the one that was predicted.
    """
    with no_value_quoted():
        return _read_checked(source, result)


@contextmanager
def no_value_quoted() -> Iterator[None]:
    """No warning inside, be it logged: pydicom and highdicom quote unusual values."""
    loggers = [logging.getLogger(name) for name in ('pydicom', 'highdicom')]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', UserWarning)
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


@contextmanager
def taking_over_header() -> Iterator[None]:
    """For the constructors that copy a header: no value in a warning or an error.

    Raises:
        ValueError: highdicom cannot take over something in the header that was not
            checked before; what it says is the cause.
    """
    with no_value_quoted():
        try:
            yield
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                'the header cannot be taken over into a report of the same study '
                f'({type(error).__name__}); check its patient, study and series tags'
            ) from error


def file_bytes(source: Source) -> bytes:
    """The whole file, for whoever reads its pixels."""
    if not isinstance(source, Dataset):
        return Path(source).read_bytes()
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, source, enforce_file_format=True)
    return stream.getvalue()


def _read_checked(source: Source, result: ImageResult) -> Dataset:
    name = _name_of(source)
    try:
        header = _open(source)
        _check_film(header, result)
        if not isinstance(source, Dataset):
            _check_content(Path(source), result)
        _complete(header)
        return header
    except ValueError as error:
        raise ValueError(f'{name}: {error}') from error


def _name_of(source: Source) -> str:
    return 'the data set' if isinstance(source, Dataset) else str(source)


def _open(source: Source) -> Dataset:
    if isinstance(source, Dataset):
        header = Dataset()
        for element in source:
            if element.keyword != 'PixelData':
                header.add(copy.deepcopy(element))
        return header
    try:
        return pydicom.dcmread(source, stop_before_pixels=True)
    except InvalidDicomError:
        return _open_bare(Path(source))
    except OSError:
        raise
    except Exception as error:  # pydicom raises much
        raise ValueError(f'truncated or damaged DICOM file: {error}') from error


def _open_bare(path: Path) -> Dataset:
    """A data set without preamble, or the refusal of what is no DICOM."""
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        if 'SOPClassUID' in header:
            return header
    except Exception as error:  # of whatever the bytes happen to look like
        raise ValueError(_refusal()) from error
    raise ValueError(_refusal())


def _refusal() -> str:
    return (
        'not a DICOM file. A structured report refers to the study, series and '
        'instance of its film, which only DICOM has; use the JSON output instead.'
    )


def _check_film(header: Dataset, result: ImageResult) -> None:
    for keyword in _UIDS:
        value = read_tag(header, keyword)
        if value is None:
            raise ValueError(f'{tag_name(keyword)} is missing: nothing to refer to')
        if not UID(str(value)).is_valid:
            raise ValueError(f'{tag_name(keyword)} is no valid UID')
    if UID(str(header.SOPClassUID)).type != 'SOP Class':
        raise ValueError(f'{tag_name("SOPClassUID")} is no SOP class of the standard')
    frames = read_number(header, 'NumberOfFrames', 1)
    if frames > 1:
        raise ValueError(
            f'{tag_name("NumberOfFrames")} must be 1 for a radiograph, got {frames:g}'
        )
    size_hw = tuple(
        int(read_number(header, keyword)) for keyword in ('Rows', 'Columns')
    )
    if size_hw != tuple(result.size_hw):
        raise ValueError(
            f'the film has {size_hw[0]} rows and {size_hw[1]} columns, but the '
            f'prediction of {result.image} is of {result.size_hw[0]} rows and '
            f'{result.size_hw[1]} columns. Give the film that was predicted.'
        )


def _check_content(path: Path, result: ImageResult) -> None:
    if result.file_sha256 is None:
        return
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != result.file_sha256:
        raise ValueError(
            f'the file is not the one that was predicted: SHA-256 {digest[:12]}..., '
            f'the prediction of {result.image} says {result.file_sha256[:12]}...'
        )


def _complete(header: Dataset) -> None:
    """Empty what is missing, refuse what cannot be copied, decode text to UTF-8."""
    if 'Modality' not in header:
        raise ValueError(f'{tag_name("Modality")} is missing: every film must have it')
    _single(header, 'Modality')
    for keyword in (*_TEXT, *_FORMS):
        if _single(header, keyword) is None:
            setattr(header, keyword, '')
    for keyword, form in _FORMS.items():
        try:
            form(_single(header, keyword) or '')
        except Exception as error:
            raise ValueError(f'{tag_name(keyword)} is no valid value') from error
    sex = _single(header, 'PatientSex') or ''
    if sex not in _SEXES:
        raise ValueError(f'{tag_name("PatientSex")} must be M, F, O or empty')
    header.PatientSex = sex
    try:
        header.decode()
    except Exception as error:  # its text may quote the value
        raise ValueError(
            f'a value of the header cannot be read ({type(error).__name__})'
        ) from error
    header.SpecificCharacterSet = 'ISO_IR 192'


def _single(header: Dataset, keyword: str) -> Any:
    """The one text of a tag, None where it is absent or empty; no error quotes it."""
    try:
        value = header.get(keyword)
    except Exception as error:  # pydicom decodes a tag when it is asked for
        raise ValueError(f'{tag_name(keyword)} is damaged') from error
    if isinstance(value, MultiValue):
        raise ValueError(
            f'{tag_name(keyword)} must be one value, got {len(value)} of them'
        )
    if value is not None and not isinstance(value, str | PersonName):
        raise ValueError(f'{tag_name(keyword)} must be text')
    return value or None
