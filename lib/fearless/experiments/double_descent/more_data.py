"""More data can hurt: the risk of a model of fixed size against the number of samples.

The sample-wise curve on real digits, and on Gaussian data, where theory predicts it. After Nakkiran
et al. (2020), *Deep double descent*, and Belkin, Hsu and Xu (2020), *Two models of double descent
for weak features*, whose formula is read along ``n`` instead of ``p``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import (
    RandomState,
    as_generator,
    check_int,
    check_positive,
    check_vector,
    check_widths,
)
from fearless.data import Dataset, one_hot
from fearless.experiments._samples import noisy_sample
from fearless.features import RandomFourierFeatures
from fearless.kernels import GaussianKernel, Kernel
from fearless.solvers import RiskPath, sample_path
from fearless.solvers.paths.penalties import penalty_path

__all__ = [
    "SampleCurves",
    "digit_sample_curves",
    "first_harmful_sample",
    "gaussian_sample_risks",
]


@dataclass(frozen=True)
class SampleCurves:
    """Risks against the number of training samples, one row a seed.

    Attributes
    ----------
    sizes : ndarray of shape (m,), int
        Sample counts ``n``.
    n_features : int
        Features ``P``: the interpolation threshold is ``n = P``.
    paths : tuple of RiskPath
        Minimum-norm least squares, one path a seed; a seed draws the samples, their order and the
        features.
    ridge_sizes : ndarray of shape (r,), int
        Sample counts at which a penalty was tuned; may be empty.
    ridge_mse, ridge_error : ndarray of shape (seeds, r)
        Squared (summed over outputs) and zero-one loss on the test set of ridge regression.
    """

    sizes: NDArray[np.intp]
    n_features: int
    paths: tuple[RiskPath, ...]
    ridge_sizes: NDArray[np.intp]
    ridge_mse: NDArray[np.float64]
    ridge_error: NDArray[np.float64]

    def column(self, name: str) -> NDArray[np.float64]:
        """Stack one attribute of every path.

        Parameters
        ----------
        name : str
            An attribute of `RiskPath`.

        Returns
        -------
        ndarray of shape (seeds, sizes)
        """
        return np.array([getattr(path, name) for path in self.paths])

    def at(self, size: int) -> int:
        """Index of the sample count closest to ``size``, measured in ratios.

        Parameters
        ----------
        size : int

        Returns
        -------
        int
        """
        return int(np.argmin(np.abs(np.log(self.sizes / size))))


def digit_sample_curves(
    data: Dataset,
    sizes: Sequence[int] | NDArray,
    *,
    n_features: int,
    kernel: Kernel | None = None,
    label_noise: float = 0.0,
    ridge_sizes: Sequence[int] | NDArray = (),
    penalties: Sequence[float] | NDArray = (),
    n_seeds: int = 3,
    random_state: RandomState = 0,
) -> SampleCurves:
    """Risks of least squares on a fixed set of random features as training samples arrive.

    Parameters
    ----------
    data : Dataset
    sizes : sequence of int
        Sample counts ``n``, strictly increasing; the first ``n`` samples of one random order are
        used for each.
    n_features : int
        Random Fourier features ``P``.
    kernel : Kernel, optional
        Of the features; default ``GaussianKernel(5.0)``.
    label_noise : float
        Probability that a training label is replaced by a uniformly random one.
    ridge_sizes : sequence of int
        Sample counts for which ridge regression is fitted too, the penalty chosen by the leave-one-
        out error on the training samples.
    penalties : sequence of float
        Penalties lambda of (1/n) ||y - Phi b||^2 + lambda ||b||^2 to choose from.
    n_seeds : int
    random_state : None, int or Generator

    Returns
    -------
    SampleCurves

    Raises
    ------
    TypeError, ValueError
        A bad argument, named.

    Notes
    -----
    Cost: one `sample_path` a seed, and one `penalty_path` a seed and ridge size. Used in the
    section "More data can hurt; more training can hurt".
    """
    kernel = GaussianKernel(5.0) if kernel is None else kernel
    n_available = len(data.X_train)
    sizes = check_widths(sizes, "sizes", maximum=n_available)
    tunes = np.size(ridge_sizes) > 0
    if tunes:
        ridge_sizes = check_widths(ridge_sizes, "ridge_sizes", maximum=n_available)
        penalties = check_vector(penalties, "penalties")
    ridge_sizes = np.asarray(ridge_sizes, dtype=np.intp)
    n_max = int(max(sizes[-1], ridge_sizes[-1] if tunes else 0))
    y_test = one_hot(data.y_test, data.classes)
    paths, tuned = [], []
    for seed in as_generator(random_state).integers(2**31, size=check_int(n_seeds, "n_seeds")):
        rng = np.random.default_rng(seed)
        X, labels = noisy_sample(data, n_max, label_noise, rng)
        y = one_hot(labels, data.classes)
        phi = RandomFourierFeatures(kernel=kernel, random_state=int(seed)).fit(X)
        # Double precision: at n = P the condition number leaves none of single precision's digits.
        scale = phi.scale(n_features)
        features = scale * phi.block(X, 0, n_features).astype(np.float64)
        test = scale * phi.block(data.X_test, 0, n_features).astype(np.float64)
        paths.append(sample_path(features, y, test, y_test, sizes))
        for n in ridge_sizes:
            path = penalty_path(features[:n], y[:n], penalties, test, y_test)
            tuned.append((path.test_mse[path.best()], path.test_error[path.best()]))
    losses = np.array(tuned, dtype=float).reshape(len(paths), len(ridge_sizes), 2)
    return SampleCurves(
        sizes, n_features, tuple(paths), ridge_sizes, losses[..., 0], losses[..., 1]
    )


def gaussian_sample_risks(
    sizes: Sequence[int] | NDArray,
    eigenvalues: ArrayLike,
    coef: ArrayLike,
    *,
    noise: float,
    n_repeats: int = 20,
    random_state: RandomState = 0,
) -> NDArray[np.float64]:
    r"""Simulate the excess risk of minimum-norm least squares on Gaussian data, for many n.

    The samples are x ~ N(0, diag(eigenvalues)), y = <x, coef> + noise^{1/2} eps. The excess risk
    :math:`\sum_i \lambda_i (\hat\beta_i - \beta_i)^2` of every fit is exact: no test set is drawn.

    Parameters
    ----------
    sizes : sequence of int
        Sample counts n, strictly increasing; nested, so that one more sample is one more sample.
    eigenvalues : array-like of shape (p,)
        Variances of the coordinates, > 0.
    coef : array-like of shape (p,)
        The coefficients beta.
    noise : float
        The variance sigma^2 >= 0 of the noise.
    n_repeats : int
        Independent data sets.
    random_state : None, int or Generator

    Returns
    -------
    ndarray of shape (n_repeats, len(sizes))
        Excess risks.

    Raises
    ------
    TypeError, ValueError
        A bad argument, named.

    Notes
    -----
    Cost: ``n_repeats`` times that of `sample_path`. Used in the section "More data can hurt; more
    training can hurt".
    """
    eigenvalues = check_vector(eigenvalues, "eigenvalues").astype(np.float64)
    if eigenvalues.min() <= 0:
        raise ValueError(f"eigenvalues contains {eigenvalues.min()}; expected numbers > 0")
    p = len(eigenvalues)
    coef = check_vector(coef, "coef", length=p)
    noise = check_positive(noise, "noise", allow_zero=True)
    sizes = check_widths(sizes, "sizes")
    n_max = int(sizes[-1])
    rng = as_generator(random_state)
    root = np.sqrt(eigenvalues)
    # The p "test points" root_i e_i with targets root_i beta_i: their mean squared error is the
    # excess risk divided by p.
    test = np.diag(root)
    risks = []
    for _ in range(check_int(n_repeats, "n_repeats")):
        X = rng.standard_normal((n_max, p)) * root
        y = X @ coef + noise**0.5 * rng.standard_normal(n_max)
        risks.append(p * sample_path(X, y, test, root * coef, sizes).test_mse)
    return np.array(risks)


def first_harmful_sample(p: int, *, signal: float, noise: float) -> int | None:
    r"""Compute from which sample on more data hurts minimum-norm least squares.

    For isotropic Gaussian inputs and n <= p - 3 the step from n to n + 1 samples raises the
    expected risk exactly if

    .. math:: (p - n - 1)(p - n - 2) < \frac{\sigma^2}{r^2} \, p (p - 1) ,

    hence from the first such n up to the threshold.

    Parameters
    ----------
    p : int
        Coefficients, >= 3.
    signal : float
        r^2 = ||beta||^2 > 0.
    noise : float
        The variance sigma^2 >= 0.

    Returns
    -------
    int or None
        The smallest n for which n + 1 samples are worse than n; 0 when the very first sample hurts;
        None if none does up to n = p - 3.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(p). Used in the section "More data can hurt; more training can hurt".

    Examples
    --------
    >>> first_harmful_sample(100, signal=1.0, noise=0.1)
    68
    >>> first_harmful_sample(100, signal=1.0, noise=1.0)
    0
    """
    p = check_int(p, "p", minimum=3)
    ratio = check_positive(noise, "noise", allow_zero=True) / check_positive(signal, "signal")
    n = np.arange(p - 2)
    harmful = (p - n - 1.0) * (p - n - 2.0) < ratio * p * (p - 1.0)
    return int(np.argmax(harmful)) if harmful.any() else None
