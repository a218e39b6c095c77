"""Command lines that make something: they report as they go, and say so when nothing was made."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

__all__ = ["run", "say"]


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


def run(
    make: Callable[[Callable[[str], None]], str],
    failures: tuple[type[Exception], ...],
    nothing: str,
) -> int:
    """Make something and report; returns the exit status, 1 when it could not be made.

    Parameters
    ----------
    make : callable
        Is given `say`, for its progress; returns what the last line ends with.
    failures : tuple of exception types
        What a user can mend: shown without a traceback.
    nothing : str
        The last line after a failure.
    """
    start = time.perf_counter()
    try:
        done = make(say)
    except failures as failure:
        print(f"\n{failure}\n\n{nothing}", file=sys.stderr, flush=True)
        return 1
    say(f"Done in {time.perf_counter() - start:.0f} s{done}")
    return 0
