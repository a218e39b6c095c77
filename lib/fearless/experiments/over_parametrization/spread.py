"""How far apart predictors are: spreads over seeds, free of the noise of a finite test set."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from fearless._validation import (
    RandomState,
    as_generator,
    check_matrix,
    check_probability,
    check_vector,
)

__all__ = [
    "SeedSpread",
    "bootstrap_ratio_interval",
    "deviation_ratio_interval",
    "paired_spread",
]


@dataclass(frozen=True)
class SeedSpread:
    """The spread of accuracies over predictors that are tested on the same samples.

    Attributes
    ----------
    mean : float
        Mean accuracy.
    measured : float
        Standard deviation of the measured accuracies.
    sampling : float
        The part of it that comes from the finite number of test samples.
    """

    mean: float
    measured: float
    sampling: float

    @property
    def true(self) -> float:
        """Estimated standard deviation of the accuracies on infinitely many samples."""
        return float(np.sqrt(max(self.measured**2 - self.sampling**2, 0.0)))


def paired_spread(correct: ArrayLike) -> SeedSpread:
    r"""Split the spread of measured accuracies into that of the true ones and sampling noise.

    With c_si = 1 where predictor s is right on sample i, the two-way analysis of variance gives

    .. math::
        \operatorname{Var}_s(\bar c_s) = \sigma^2 + \frac{M}{m}, \qquad
        M = \frac{1}{(S-1)(m-1)} \sum_{s,i} (c_{si} - \bar c_s - \bar c_i + \bar c)^2

    in expectation, where sigma is the standard deviation of the accuracies on infinitely many
    samples. What all predictors share, such as hard samples, cancels.

    Parameters
    ----------
    correct : array-like of bool, shape (S, m)
        One row a predictor, one column a test sample; at least two of each.

    Returns
    -------
    SeedSpread

    Raises
    ------
    TypeError, ValueError
        No such matrix.

    Notes
    -----
    Cost O(S m). The estimate of sigma squared is unbiased, for predictors drawn independently of
    each other and test samples drawn independently of both. Used in the section
    "Under-specification".
    """
    hits = check_matrix(np.asarray(correct), "correct").astype(np.float64)
    n_seeds, n_samples = hits.shape
    if n_seeds < 2 or n_samples < 2:
        raise ValueError(f"correct has shape {hits.shape}; expected two rows and columns or more")
    by_seed, by_sample = hits.mean(axis=1), hits.mean(axis=0)
    rest = hits - by_seed[:, None] - by_sample + hits.mean()
    noise = np.sum(rest**2) / ((n_seeds - 1) * (n_samples - 1))
    return SeedSpread(
        float(hits.mean()), float(by_seed.std(ddof=1)), float(np.sqrt(noise / n_samples))
    )


def deviation_ratio_interval(
    x: ArrayLike, y: ArrayLike, confidence: float = 0.95
) -> tuple[float, float, float]:
    r"""Compute a confidence interval of the ratio of two standard deviations, from paired samples.

    For pairs from a bivariate normal law the interval of Pitman and Morgan is exact, whatever
    the correlation. With the sample ratio F = s_x^2 / s_y^2, sample correlation r and t the
    quantile of Student's law with S - 2 degrees of freedom, it is

    .. math::
        \frac{s_x}{s_y} \left( K \mp \sqrt{K^2 - 1} \right)^{1/2}, \qquad
        K = 1 + \frac{2 (1 - r^2) \, t^2}{S - 2} .

    Parameters
    ----------
    x, y : array-like of shape (S,)
        Paired values, S at least 3, neither constant.
    confidence : float
        Probability, in (0, 1), that the interval covers the true ratio.

    Returns
    -------
    ratio, low, high : float
        s_x / s_y and the ends of the interval.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Used in the section "Under-specification".

    References
    ----------
    E. Pitman (1939), A note on normal correlation, Biometrika 31. W. Morgan (1939), A test for the
    significance of the difference between the two variances in a sample from a normal bivariate
    population, Biometrika 31.
    """
    x, y, confidence = _check_pairs(x, y, confidence)
    ratio = float(x.std() / y.std())
    r = float(np.corrcoef(x, y)[0, 1])
    quantile = float(stats.t.ppf((1 + confidence) / 2, len(x) - 2))
    # K - 1, kept by itself: K^2 - 1 would lose it for nearly perfect correlation.
    excess = 2 * max(1 - r * r, 0.0) * quantile**2 / (len(x) - 2)
    stretch = float(np.sqrt(1 + excess + np.sqrt(excess * (excess + 2))))
    return ratio, ratio / stretch, ratio * stretch


def bootstrap_ratio_interval(
    x: ArrayLike,
    y: ArrayLike,
    confidence: float = 0.95,
    *,
    random_state: RandomState = None,
) -> tuple[float, float, float]:
    """Compute a bootstrap interval of the ratio of two standard deviations, from paired samples.

    For laws that are not normal, where `deviation_ratio_interval` is too short. Pairs are resampled
    together; the interval is bias-corrected and accelerated.

    Parameters
    ----------
    x, y : array-like of shape (S,)
        Paired values, S at least 3, neither constant.
    confidence : float
        Probability, in (0, 1), that the interval covers the true ratio, as S grows.
    random_state : None, int or numpy.random.Generator
        Of the resampling.

    Returns
    -------
    ratio, low, high : float
        s_x / s_y and the ends of the interval.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described, or has so few distinct values that resampling fails.

    Notes
    -----
    Cost O(10^4 S). Used in the section "Under-specification".
    """
    x, y, confidence = _check_pairs(x, y, confidence)
    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        interval = stats.bootstrap(
            (x, y),
            lambda a, b, axis=-1: a.std(axis=axis) / b.std(axis=axis),
            paired=True,
            confidence_level=confidence,
            random_state=as_generator(random_state),
        ).confidence_interval
    if not (np.isfinite(interval.low) and np.isfinite(interval.high)):
        raise ValueError(
            "x and y: the bootstrap fails, since resamples are constant or all ratios are equal; "
            "expected more pairs with distinct values"
        )
    return float(x.std() / y.std()), float(interval.low), float(interval.high)


def _check_pairs(
    x: ArrayLike, y: ArrayLike, confidence: float
) -> tuple[np.ndarray, np.ndarray, float]:
    x = check_vector(x, "x").astype(np.float64)
    y = check_vector(y, "y", length=len(x)).astype(np.float64)
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        raise ValueError("x and y: expected three pairs or more, neither constant")
    confidence = check_probability(confidence, "confidence")
    if confidence in (0.0, 1.0):
        raise ValueError(f"confidence is {confidence}; expected a number strictly between 0 and 1")
    return x, y, confidence
