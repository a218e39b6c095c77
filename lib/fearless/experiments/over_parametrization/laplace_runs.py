"""The Laplace kernel's interpolant of noise on a line, simulated at many bandwidths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import RandomState, as_seed_sequence, check_int, check_positive
from fearless.experiments.statistics import mean_and_error
from fearless.theory.laplace_line import laplace_gap

__all__ = ["LaplaceRuns", "laplace_runs"]


@dataclass(frozen=True)
class LaplaceRuns:
    """Excess risks of the interpolant, one row a sample.

    Attributes
    ----------
    n_samples : int
        The number n of points on the line.
    kappas : ndarray of shape (m,)
        The inverse length c of the kernel exp(-c |x - z|), over n.
    excess : ndarray of shape (seeds, m)
        The mean over the interval of the squared distance to the truth.
    """

    n_samples: int
    kappas: NDArray[np.float64]
    excess: NDArray[np.float64]

    @property
    def stderr(self) -> NDArray[np.float64]:
        """Standard errors of the means over seeds, of which there must be two."""
        return mean_and_error(self.excess)[1]


def laplace_runs(
    n: int,
    kappas: ArrayLike,
    *,
    signal: float = 1.0,
    noise: float = 1.0,
    n_seeds: int = 10,
    random_state: RandomState = 0,
) -> LaplaceRuns:
    """Draw n uniform points of [0, 1] with noisy labels of a constant, and interpolate them.

    Parameters
    ----------
    n : int
        The number of samples.
    kappas : array-like
        Inverse lengths of the kernel over n, above 0.
    signal : float
        The square of the constant.
    noise : float
        The variance of the Gaussian noise.
    n_seeds : int
    random_state : None, int or Generator

    Returns
    -------
    LaplaceRuns

    Notes
    -----
    Between neighbours the interpolant is known (`fearless.theory.laplace_line.laplace_gap`), beyond
    the outermost samples it decays exponentially: the risk of each sample is exact, in O(n) a
    bandwidth instead of the O(n^3) of a linear system.
    """
    n = check_int(n, "n", minimum=2)
    kappas = np.atleast_1d(np.asarray(kappas, dtype=float))
    for kappa in kappas:
        check_positive(float(kappa), "an entry of kappas")
    level = np.sqrt(check_positive(signal, "signal", allow_zero=True))
    sigma = np.sqrt(check_positive(noise, "noise", allow_zero=True))
    rows = []
    for seed in as_seed_sequence(random_state).spawn(check_int(n_seeds, "n_seeds")):
        rng = np.random.default_rng(seed)
        x = np.sort(rng.random(n))
        errors = sigma * rng.standard_normal(n)
        rows.append([_risk(x, level, errors, kappa * n) for kappa in kappas])
    return LaplaceRuns(n, kappas, np.array(rows))


def _risk(x: NDArray, level: float, errors: NDArray, c: float) -> float:
    lengths = np.diff(x)
    gap = laplace_gap(c * lengths)
    left, right = errors[:-1], errors[1:]
    # (e_1 a + e_2 b - f_0 (1 - a - b))^2, averaged over the gap
    means = (
        gap.square * (left**2 + right**2)
        + 2 * gap.cross * left * right
        - 2 * level * gap.deficit * (left + right)
        + level**2 * gap.bias
    )
    total = float(means @ lengths)
    for length, error in ((x[0], errors[0]), (1 - x[-1], errors[-1])):
        # f_0 - y e^{-c t} from the sample to the end of the interval
        label = level + error
        once, twice = -np.expm1(-c * length) / c, -np.expm1(-2 * c * length) / (2 * c)
        total += level**2 * length - 2 * level * label * once + label**2 * twice
    return float(total)
