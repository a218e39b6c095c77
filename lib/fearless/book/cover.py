"""Draw the picture of the README: ``python -m fearless.book.cover``.

It writes ``assets/signature.svg``, the figure of the front page, on white, since a README
follows nobody's theme.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from fearless.book.figures.double_descent.curve import signature
from fearless.data import load_mnist
from fearless.experiments.double_descent import double_descent_curve, width_grid

__all__ = ["main"]


def main(target: Path = Path("assets/signature.svg")) -> None:
    """Compute the curve and write the picture.

    Parameters
    ----------
    target : Path
        Where to write.
    """
    widths = width_grid(1000, 32, resolution=0.005)
    data = load_mnist(dtype=np.float32)
    curve = double_descent_curve(data, widths, n_train=1000, n_seeds=5)
    signature(curve).savefig(target, metadata={"Date": None})


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
