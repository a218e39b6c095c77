"""One line on stderr that says how far a long solve is, and how long it still takes."""

from __future__ import annotations

import math
import sys
import time
from typing import TextIO

__all__ = ["ProgressLine", "time_left"]

_PAUSE = 0.2  # seconds between two drawings


def time_left(residuals: list[float], tol: float, max_iter: int, seconds: float) -> float:
    """Estimate the seconds until the residual reaches tol, or max_iter is reached.

    Parameters
    ----------
    residuals : list of float
        So far, the one at the start first.
    tol : float
        Where the solver stops.
    max_iter : int
        How many iterations it may take.
    seconds : float
        What the iterations so far took.

    Returns
    -------
    float
        From the mean logarithmic slope of the later half: iterative solvers converge linearly
        once they have settled.
    """
    done = len(residuals) - 1
    if done < 1:
        return math.nan
    first = done // 2
    left: float = max_iter - done
    if residuals[-1] > 0 and residuals[first] > residuals[-1] and tol > 0:
        slope = math.log(residuals[first] / residuals[-1]) / (done - first)
        left = min(left, max(0.0, math.log(residuals[-1] / tol) / slope))
    return left * seconds / done


class ProgressLine:
    """Draw one line again and again; the last state stays, with a line break.

    Parameters
    ----------
    title : str
        What is running.
    stream : text stream, optional
        Default: ``sys.stderr`` at the time of drawing.
    """

    def __init__(self, title: str, stream: TextIO | None = None) -> None:
        self.title = title
        self._stream = stream
        self._drawn = -math.inf
        self._width = 0

    def update(self, text: str, *, force: bool = False) -> None:
        """Draw the line, at most five times a second unless forced."""
        now = time.monotonic()
        if not force and now - self._drawn < _PAUSE:
            return
        line = f"{self.title}: {text}"
        stream = self._stream or sys.stderr
        stream.write("\r" + line.ljust(self._width))
        stream.flush()
        self._drawn, self._width = now, len(line)

    def close(self) -> None:
        """End the line, if it was ever drawn."""
        if self._width:
            stream = self._stream or sys.stderr
            stream.write("\n")
            stream.flush()
            self._width = 0
