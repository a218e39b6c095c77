"""All there is to say about one spectrum: ranks, effective penalty, exact and simulated noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import RandomState, check_int
from fearless.experiments.over_parametrization.spectrum_runs import SpectrumRuns, spectrum_runs
from fearless.theory.effective_ranks import benign_index, benign_order, effective_ranks
from fearless.theory.proportional import effective_penalty, general_risk
from fearless.theory.spectra import power_law_spectrum, power_law_tail

__all__ = ["SpectrumStudy", "direction_costs", "rank_ratios", "spectrum_study"]


@dataclass(frozen=True)
class SpectrumStudy:
    """A spectrum, seen by n samples and by more and more.

    Attributes
    ----------
    eigenvalues, r, R : ndarray of shape (p,)
        The spectrum and its effective ranks beyond k = 0, ..., p - 1.
    n : int
        The number of samples that ``index`` and ``kappa`` are for.
    index : float
        The index k*, with b = 2.
    kappa : float
        The effective penalty.
    runs : SpectrumRuns
        Simulations.
    exact, order : ndarray
        The exact excess risk due to noise of variance one, and k*/n + n/R, at the samples of the
        runs.
    """

    eigenvalues: NDArray[np.float64]
    r: NDArray[np.float64]
    R: NDArray[np.float64]
    n: int
    index: float
    kappa: float
    runs: SpectrumRuns
    exact: NDArray[np.float64]
    order: NDArray[np.float64]


def spectrum_study(
    eigenvalues: ArrayLike,
    samples: ArrayLike,
    *,
    tail: float = 0.0,
    n: int = 100,
    n_seeds: int = 6,
    random_state: RandomState = 0,
) -> SpectrumStudy:
    """Compute what the effective ranks, the exact formula and a simulation say about a spectrum.

    Parameters
    ----------
    eigenvalues : array-like of shape (p,)
        Positive, not increasing.
    samples : array-like of int
        Numbers of samples, increasing.
    tail : float
        The sum of infinitely many further, infinitely small eigenvalues.
    n : int
        The number of samples for the effective penalty.
    n_seeds : int
    random_state : None, int or Generator

    Returns
    -------
    SpectrumStudy
    """
    n = check_int(n, "n")
    r, R = effective_ranks(eigenvalues, tail=tail)
    runs = spectrum_runs(
        eigenvalues, samples, tail=tail, n_seeds=n_seeds, random_state=random_state
    )
    exact = general_risk(eigenvalues, runs.samples, noise=1.0, penalty=tail / runs.samples)
    return SpectrumStudy(
        np.asarray(eigenvalues, dtype=float),
        r,
        R,
        n,
        benign_index(eigenvalues, n, tail=tail),
        float(effective_penalty(eigenvalues, n, penalty=tail / n)),
        runs,
        exact.variance,
        benign_order(eigenvalues, runs.samples, tail=tail),
    )


def direction_costs(eigenvalues: ArrayLike, n: int, *, tail: float = 0.0) -> NDArray[np.float64]:
    r"""Compute the excess risk that fitted noise of variance one adds along each direction.

    .. math:: V_i = \frac{1}{n - \mathrm{df}_2}
        \Bigl( \frac{\lambda_i}{\lambda_i + \kappa} \Bigr)^2

    Parameters
    ----------
    eigenvalues : array-like of shape (p,)
        The variances of the inputs.
    n : int
        The number of samples.
    tail : float
        The sum of infinitely many further, infinitely small eigenvalues.

    Returns
    -------
    ndarray of shape (p,)
        It sums to the variance of `fearless.theory.proportional.general_risk`.
    """
    values = np.asarray(eigenvalues, dtype=float)
    kappa = effective_penalty(values, n, penalty=tail / n)
    shares = (values / (values + kappa)) ** 2
    return shares / (n - shares.sum())


def rank_ratios(exponents: ArrayLike, samples: ArrayLike) -> NDArray[np.float64]:
    """Compute how far k*/n + n/R is from df_2 / n, for infinite power laws.

    Parameters
    ----------
    exponents : array-like
        Exponents above 1.
    samples : array-like of int
        Numbers of samples, increasing.

    Returns
    -------
    ndarray
        The ratios of df_2 / n to k*/n + n/R, with b = 2, wherever k* <= n/2.
    """
    n = np.asarray(samples)
    ratios = []
    for exponent in np.asarray(exponents, dtype=float):
        values = power_law_spectrum(20_000, exponent)
        tail = power_law_tail(20_000, exponent)
        variance = general_risk(values, n, noise=1.0, penalty=tail / n).variance
        ratio = variance / (1 + variance) / benign_order(values, n, tail=tail)
        ratios.append(ratio[benign_index(values, n, tail=tail) <= n / 2])
    return np.concatenate(ratios)
