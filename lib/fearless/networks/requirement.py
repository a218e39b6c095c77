"""torch is optional: what needs it says so in one message instead of failing far inside."""

from __future__ import annotations

from importlib.util import find_spec

__all__ = ["TorchMissing", "require_torch"]

_MESSAGE = """\
Networks are trained here, which needs torch, and torch is not installed.
Install it (the CPU build, about 200 MB to download), restart the kernel, and run again:

    %pip install torch --index-url https://download.pytorch.org/whl/cpu

Pages of the book that train no network run without it."""


class TorchMissing(ImportError):
    """torch is needed and not installed; the message says how to get it.

    Jupyter shows the message alone, without the frames that lead to it.
    """

    def __init__(self, message: str = _MESSAGE) -> None:
        super().__init__(message, name="torch")

    def _render_traceback_(self, *args: object) -> list[str]:
        """Return what IPython prints in place of a traceback."""
        return [f"{type(self).__name__}: {self}"]


def require_torch() -> None:
    """Stop where torch is not installed; otherwise do nothing, and do not import it either.

    Pages that train networks call it in their first cell, so that nobody waits for half a page
    to run before it fails.

    Raises
    ------
    TorchMissing
        When torch cannot be found.
    """
    try:
        found = find_spec("torch") is not None
    except (ImportError, ValueError):  # kept out on purpose, or found by nobody
        found = False
    if not found:
        raise TorchMissing
