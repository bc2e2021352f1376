"""Write a table between two marks of a Markdown file, and leave the rest alone."""

from __future__ import annotations

from pathlib import Path


def marks_of(name: str) -> tuple[str, str]:
    """The two lines that stand around the table of this name."""
    return f'<!-- {name}: begin, written by a benchmark -->', f'<!-- {name}: end -->'


def check_marks(path: Path, name: str) -> str:
    """Text of a Markdown file that has the marks.

    Raises:
        ValueError: it has not.
    """
    text = path.read_text(encoding='utf-8')
    begin, end = marks_of(name)
    if begin not in text or end not in text:
        raise ValueError(f'{path} has no lines "{begin}" and "{end}"')
    return text


def write_between_marks(text: str, path: Path, name: str) -> None:
    """Replace what stands between the marks of a Markdown file."""
    old, (begin, end) = check_marks(path, name), marks_of(name)
    head, tail = old.split(begin)[0], old.split(end)[1]
    path.write_text(f'{head}{begin}\n\n{text}\n\n{end}{tail}', encoding='utf-8')
