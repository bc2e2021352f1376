"""CSV files and lists of names as text, plain or gzipped, columns found by name."""

from __future__ import annotations

import gzip
import hashlib
import io
import warnings
import zlib
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmlung.findings import canonical_finding

from .records import AnnotationError

if TYPE_CHECKING:
    import pandas as pd

_GZIP_MAGIC = b'\x1f\x8b'
_ZIP_MAGIC = b'PK\x03\x04'
_MISSING = ('', 'nan', 'NaN')
_RARE_BLANKS = tuple(bytes([code]) for code in (9, 11, 12, 28, 29, 30, 31))
_BLANK_EDGES = (b', ', b' ,', b'\n ', b' \n', b' \r', b'" ', b' "')
_FEW = 12  # columns that an error shows
_HEADER_BYTES = 1 << 16
_TAIL_BYTES = 1 << 14  # the last rows of a table


@dataclass(frozen=True)
class Source:
    """An input file: its path, number of data rows and sha256.

    ``sha256`` is of the bytes on disk, ``content_sha256`` of the unpacked text: they
    differ for a ``.gz`` only.
    """

    path: Path
    n_rows: int
    sha256: str
    content_sha256: str


@dataclass(frozen=True)
class Table:
    """A CSV of text cells, blanks around them removed; the index is the file's line."""

    source: Source
    frame: pd.DataFrame

    @property
    def name(self) -> str:
        """File name without its folder."""
        return self.source.path.name

    def error(self, message: str, row: int | None = None) -> AnnotationError:
        """An error that says where in this file."""
        return AnnotationError(message, file=self.source.path, row=row)

    def line_of(self, column: str, text: str) -> int:
        """Line of the first row that has this cell in a column."""
        at = int((self.frame[column] == text).to_numpy().argmax())
        return int(self.frame.index[at])

    def numbers(self, column: str) -> np.ndarray:
        """(N,) float64 of a column, NaN for a blank cell.

        Raises:
            AnnotationError: a cell is neither blank nor a finite number.
        """
        values, bad = self.numbers_or_bad(column)
        if bad.any():
            at = int(bad.argmax())
            raise self.error(self.no_number(column, at), row=int(self.frame.index[at]))
        return values

    def numbers_or_bad(self, column: str) -> tuple[np.ndarray, np.ndarray]:
        """(N,) float64 of a column, and an (N,) mask of cells that are no numbers."""
        import pandas as pd

        cells = self.frame[column]
        values = pd.to_numeric(cells, errors='coerce').to_numpy(float, na_value=np.nan)
        bad = ~np.isfinite(values)
        bad[bad] = ~cells[bad].isin(_MISSING).to_numpy()
        return values, bad

    def no_number(self, column: str, place: int) -> str:
        """What is wrong with such a cell."""
        return f'{column} must be a number, got {self.frame[column].iloc[place]!r}'


def read_table(path: Path, wanted: Iterable[str] = ()) -> Table:
    """Read a CSV, plain or gzipped (known by its bytes, not by its suffix).

    Every cell is text: an id of digits alone keeps its leading zeros, and one like
    ``1e10`` is no number. A byte order mark, CRLF, blanks around names and cells, empty
    header names and blank lines are taken care of.

    Args:
        path: the file.
        wanted: columns that must be there.

    Raises:
        FileNotFoundError: there is no such file.
        AnnotationError: a wanted column is missing or the file is no CSV.
    """
    import pandas as pd

    raw = read_bytes(path)
    text = _unpack(raw, path)
    frame = _parse(text, path)
    _check_last_row(text, path)
    frame.index = pd.RangeIndex(2, 2 + len(frame))
    frame.columns = [str(name).strip() for name in frame.columns]
    if _may_have_blanks(text):
        for name in frame.columns:
            frame[name] = frame[name].str.strip()
    frame = frame[(frame != '').any(axis=1)]
    _require_columns(frame, wanted, path)
    return Table(_source(path, len(frame), raw, text), frame)


def canonical_cell(
    table: Table,
    column: str,
    name: str,
    vocabulary: Sequence[str],
    dataset: str,
    text: str | None = None,
) -> str:
    """Finding as the vocabulary spells it.

    Args:
        table: where it stands.
        column: in which column.
        name: the finding.
        vocabulary: findings that may stand there.
        dataset: whose vocabulary it is, for the error.
        text: the whole cell, when ``name`` is a piece of it.

    Raises:
        AnnotationError: the vocabulary does not have it; says in which row.
    """
    try:
        return canonical_finding(name, vocabulary, dataset)
    except ValueError as error:
        cell = name if text is None else text
        raise table.error(str(error), table.line_of(column, cell)) from error


def read_header(path: Path) -> list[str]:
    """Column names of a CSV, plain or gzipped, as ``read_table`` would give them."""
    raw = read_bytes(path)
    if raw.startswith(_GZIP_MAGIC):  # the whole of it is unpacked when it is read
        raw = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(raw, _HEADER_BYTES)
    line = _unpack(raw, path).lstrip(b'\xef\xbb\xbf').splitlines()[:1]
    names = line[0].decode('utf-8', 'replace').split(',') if line else []
    return [name.strip().strip('"').strip() for name in names]


def read_names(path: Path) -> tuple[list[str], Source]:
    """Names of a text file, one a line, plain or gzipped, blank lines left out."""
    raw = read_bytes(path)
    text = _unpack(raw, path)
    try:
        lines = text.decode('utf-8-sig').splitlines()
    except UnicodeError as error:
        raise AnnotationError(f'is not a list of names: {error}', path) from error
    names = [line.strip() for line in lines if line.strip()]
    return names, _source(path, len(names), raw, text)


def read_bytes(path: Path) -> bytes:
    """Bytes of a file, with an error that says what was looked for."""
    if path.is_dir():
        raise AnnotationError('is a folder, a file was expected', path)
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such file')
    return path.read_bytes()


def _parse(text: bytes, path: Path) -> pd.DataFrame:
    """Text cells; a row longer than the header is an error, not a loss."""
    import pandas as pd

    try:
        with warnings.catch_warnings():
            warnings.simplefilter('error', pd.errors.ParserWarning)
            return pd.read_csv(
                io.BytesIO(text),
                dtype=str,
                na_filter=False,
                index_col=False,
                skip_blank_lines=False,
                encoding='utf-8-sig',
            ).fillna('')
    except pd.errors.ParserWarning as error:
        raise AnnotationError('rows have more fields than the header', path) from error
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeError) as error:
        reason = ' '.join(str(error).split())
        raise AnnotationError(f'is not a readable CSV file: {reason}', path) from error


def _may_have_blanks(text: bytes) -> bool:
    """Whether a cell may begin or end with a blank; other alphabets have more kinds."""
    return (
        not text.isascii()
        or text.startswith(b' ')
        or text.endswith(b' ')
        or any(blank in text for blank in (*_BLANK_EDGES, *_RARE_BLANKS))
        or text.count(b'\r') != text.count(b'\r\n')
    )


def _check_last_row(text: bytes, path: Path) -> None:
    """A download that broke off ends in the middle of a row.

    Header names beyond the fields of every row are usual, so rows are compared.
    """
    tail = text[-_TAIL_BYTES:].split(b'\n')[1:]
    commas = [line.count(b',') for line in tail if line.strip() and b'"' not in line]
    if len(commas) > 1 and commas[-1] < min(commas[:-1]):
        raise AnnotationError(
            'the last row has fewer fields than those before it: an incomplete '
            'download? Fetch the file again, or remove the row.',
            path,
        )


def _unpack(raw: bytes, path: Path) -> bytes:
    """The text behind a gzip, or the bytes as they are."""
    if raw.startswith(_ZIP_MAGIC):
        raise AnnotationError('is a ZIP archive. Unpack it first.', path)
    if not raw.startswith(_GZIP_MAGIC):
        return raw
    try:
        return gzip.decompress(raw)
    except (EOFError, OSError, zlib.error) as error:
        raise AnnotationError(f'is not a complete gzip file: {error}', path) from error


def bytes_source(path: Path, n_rows: int, raw: bytes) -> Source:
    """Source of a file that is no archive."""
    return _source(path, n_rows, raw, raw)


def joint_source(sources: Sequence[Source]) -> Source:
    """Several files as one: path of the first, rows and hashes of all."""
    if len(sources) == 1:
        return sources[0]
    digests = [
        hashlib.sha256('\n'.join(hashes).encode()).hexdigest()
        for hashes in zip(*((s.sha256, s.content_sha256) for s in sources), strict=True)
    ]
    return Source(sources[0].path, sum(s.n_rows for s in sources), *digests)


def _source(path: Path, n_rows: int, raw: bytes, text: bytes) -> Source:
    sha256 = hashlib.sha256(raw).hexdigest()
    content = sha256 if raw is text else hashlib.sha256(text).hexdigest()
    return Source(path, n_rows, sha256, content)


def _require_columns(frame: pd.DataFrame, wanted: Iterable[str], path: Path) -> None:
    """Stop when a wanted column is missing."""
    wanted, found = list(wanted), list(frame.columns)
    missing = [name for name in wanted if name not in found]
    if not missing:
        return
    more = f' and {len(found) - _FEW:,} more' if len(found) > _FEW else ''
    advice = ' Is it a table of another data set?' if missing == wanted else ''
    if len(found) == 1:
        advice = ' The fields of a row must be separated by commas.'
    raise AnnotationError(
        f'columns {missing} are missing. Wanted: {wanted}; found: {found[:_FEW]}{more}.'
        f'{advice}',
        path,
    )
