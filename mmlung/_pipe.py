"""Output that nobody reads to its end, as `| head` does not: end quietly."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

UNREAD = 141
"""Exit code of a program that SIGPIPE ends, as a shell reports it."""

_P = ParamSpec('_P')


def quiet_when_unread(main: Callable[_P, int]) -> Callable[_P, int]:
    """Let a tool whose standard output was closed end without a message.

    A broken pipe of another kind, to a worker say, is raised as it is.
    """

    @wraps(main)
    def guarded(*args: _P.args, **kwargs: _P.kwargs) -> int:
        try:
            try:
                return main(*args, **kwargs)
            finally:
                sys.stdout.flush()  # at exit it would be too late to be quiet
        except BrokenPipeError:
            if not _stdout_is_closed():
                raise
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return UNREAD

    return guarded


def _stdout_is_closed() -> bool:
    """Whether standard output is a pipe without a reader."""
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)  # errors are reported unasked
    except (AttributeError, OSError):  # no poll on Windows; not a file
        return False
    return any(event & select.POLLERR for _, event in poll.poll(0))
