"""Simulations beside the limits in which samples, inputs and features grow together.

Linear regression with any covariance and penalty, noisy views of hidden variables
(`fearless.theory.proportional`), and random features (`fearless.theory.random_features`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fearless._validation import as_generator, check_int, check_positive, check_vector, check_widths
from fearless.experiments.double_descent.exact_curves import min_norm_stack
from fearless.solvers import min_norm_path

__all__ = [
    "RidgeSample",
    "isotropic_samples",
    "latent_risk",
    "mean_shares",
    "random_features_excess",
    "ridge_sample",
]


@dataclass(frozen=True)
class RidgeSample:
    """Bias and variance of ridge regression given the inputs, exact for each draw of these.

    Attributes
    ----------
    penalties : ndarray of shape (l,)
    bias : ndarray of shape (draws, l)
        Excess risk of the fit to targets without noise.
    amplification : ndarray of shape (draws, l)
        Excess risk per unit of noise variance.
    """

    penalties: np.ndarray
    bias: np.ndarray
    amplification: np.ndarray

    def excess(self, noise: float) -> np.ndarray:
        """Excess risk, mean over the noise.

        Parameters
        ----------
        noise : float
            The variance of the noise.

        Returns
        -------
        ndarray of shape (draws, l)
        """
        return self.bias + check_positive(noise, "noise", allow_zero=True) * self.amplification


def ridge_sample(
    eigenvalues: Sequence[float] | np.ndarray,
    n: int,
    *,
    signal: Sequence[float] | np.ndarray | None = None,
    penalties: Sequence[float] | np.ndarray = (0.0,),
    n_draws: int = 20,
    random_state: int | np.random.Generator | None = 0,
) -> RidgeSample:
    r"""Bias and variance of ridge regression on Gaussian inputs of a given covariance.

    One singular value decomposition a draw serves all penalties. A zero stands for the solution of
    minimum norm.

    Parameters
    ----------
    eigenvalues : sequence of p floats
        Of the covariance, all > 0.
    n : int
        Samples.
    signal : sequence of p floats, optional
        Squares of the coefficients, whose signs are drawn at random; by default a random direction
        of length one.
    penalties : sequence of float
        lambda >= 0 in (1/n) ||y - X b||^2 + lambda ||b||^2.
    n_draws : int
    random_state : int, Generator or None

    Returns
    -------
    RidgeSample

    Raises
    ------
    TypeError, ValueError
        A bad argument, named.
    """
    eigenvalues = _check_spectrum(eigenvalues)
    n, n_draws = check_int(n, "n"), check_int(n_draws, "n_draws")
    penalties = check_vector(penalties, "penalties")
    p = len(eigenvalues)
    energy = np.zeros(p) if signal is None else check_vector(signal, "signal", length=p)
    for values, name in ((penalties, "penalties"), (energy, "signal")):
        if values.min() < 0:
            raise ValueError(f"{name} contains {values.min():g}; expected numbers >= 0")
    size = None if signal is None else np.sqrt(energy)
    rng = as_generator(random_state)
    bias, amplification = np.empty((2, n_draws, len(penalties)))
    for draw in range(n_draws):
        X = rng.standard_normal((n, p)) * np.sqrt(eigenvalues)
        beta = rng.standard_normal(p)
        beta = beta / np.linalg.norm(beta) if size is None else np.copysign(size, beta)
        _, s, right = np.linalg.svd(X, full_matrices=False)
        kept = s[:, None] ** 2 / (s[:, None] ** 2 + n * penalties)
        errors = right.T @ (kept * (right @ beta)[:, None]) - beta[:, None]
        bias[draw] = eigenvalues @ errors**2
        amplification[draw] = (right**2 @ eigenvalues) @ (kept / s[:, None]) ** 2
    return RidgeSample(penalties, bias, amplification)


def isotropic_samples(
    n: int,
    sizes: Sequence[int] | np.ndarray,
    *,
    penalties: Sequence[float] | np.ndarray = (0.0,),
    n_draws: int = 20,
    random_state: int | np.random.Generator | None = 0,
) -> tuple[RidgeSample, ...]:
    """`ridge_sample` with the identity as covariance, for several numbers p of inputs.

    Parameters
    ----------
    n : int
        Samples.
    sizes : sequence of int
        Numbers p of inputs, increasing.
    penalties, n_draws, random_state
        As in `ridge_sample`.

    Returns
    -------
    tuple of RidgeSample, one a size
    """
    rng = as_generator(random_state)
    return tuple(
        ridge_sample(np.ones(p), n, penalties=penalties, n_draws=n_draws, random_state=rng)
        for p in check_widths(sizes, "sizes")
    )


def mean_shares(
    eigenvalues: Sequence[float] | np.ndarray,
    n: int,
    *,
    n_draws: int = 40,
    random_state: int | np.random.Generator | None = 0,
) -> np.ndarray:
    """Share of each coefficient that a minimum-norm fit keeps, without noise.

    The diagonal of the projection ``X^+ X`` on the row space of Gaussian inputs, in the
    eigenvectors of their covariance: the fitted coefficient over the true one, in the mean over
    the signs of the others.

    Parameters
    ----------
    eigenvalues : sequence of p floats
        Of the covariance, all > 0.
    n : int
        Samples.
    n_draws : int
    random_state : int, Generator or None

    Returns
    -------
    ndarray of shape (draws, p)

    Raises
    ------
    TypeError, ValueError
        A bad argument, named.
    """
    eigenvalues, n = _check_spectrum(eigenvalues), check_int(n, "n")
    rng = as_generator(random_state)
    shares = np.empty((check_int(n_draws, "n_draws"), len(eigenvalues)))
    for row in shares:
        X = rng.standard_normal((n, len(eigenvalues))) * np.sqrt(eigenvalues)
        _, _, right = np.linalg.svd(X, full_matrices=False)
        row[:] = np.sum(right**2, axis=0)
    return shares


def latent_risk(
    n: int,
    sizes: Sequence[int] | np.ndarray,
    n_hidden: int,
    *,
    strength: float = 1.0,
    noise: float = 0.0,
    n_draws: int = 40,
    random_state: int | np.random.Generator | None = 0,
) -> np.ndarray:
    """Risk of minimum-norm least squares on noisy views of hidden variables.

    Targets are a linear function of the hidden variables with coefficients of length one, plus
    noise; see `fearless.theory.proportional.latent_space_risk`.

    Parameters
    ----------
    n : int
        Samples.
    sizes : sequence of int
        Numbers p >= h of inputs, increasing.
    n_hidden : int
        Hidden variables, h.
    strength : float
        mu: the hidden variables have mean variance mu in an input, its own noise has 1.
    noise : float
        The variance of the noise in the targets.
    n_draws : int
    random_state : int, Generator or None

    Returns
    -------
    ndarray of shape (draws, sizes)
        Mean squared error on new samples, noise included, exact for each training set.

    Raises
    ------
    TypeError, ValueError
        A bad argument, named.
    """
    n, h = check_int(n, "n"), check_int(n_hidden, "n_hidden")
    n_draws = check_int(n_draws, "n_draws")
    sizes = check_widths(sizes, "sizes", minimum=h)
    strength = check_positive(strength, "strength")
    noise = check_positive(noise, "noise", allow_zero=True)
    rng = as_generator(random_state)
    risks = np.empty((n_draws, len(sizes)))
    for j, p in enumerate(sizes):
        # By rotational invariance of the views' noise W may be any matrix with these columns.
        W = np.sqrt(p * strength / h) * np.eye(p, h)
        theta = rng.standard_normal((n_draws, h, 1))
        theta /= np.linalg.norm(theta, axis=1, keepdims=True)
        z = rng.standard_normal((n_draws, n, h))
        x = z @ W.T + rng.standard_normal((n_draws, n, p))
        y = z @ theta + np.sqrt(noise) * rng.standard_normal((n_draws, n, 1))
        b = min_norm_stack(x, y)
        missed = np.sum((theta - W.T @ b) ** 2, axis=(1, 2))
        risks[:, j] = noise + missed + np.sum(b**2, axis=(1, 2))
    return risks


def random_features_excess(
    d: int,
    n: int,
    widths: Sequence[int] | np.ndarray,
    *,
    activation: Callable[[np.ndarray], np.ndarray] | None = None,
    noise: float = 0.0,
    n_test: int = 1000,
    n_draws: int = 30,
    random_state: int | np.random.Generator | None = 0,
) -> np.ndarray:
    """Squared error of the interpolant with random features of inputs on a sphere.

    Inputs and weights are uniform on the sphere of radius sqrt(d), targets linear with
    coefficients of length one, plus noise; see `fearless.theory.random_features`.

    Parameters
    ----------
    d : int
        Dimension of the inputs.
    n : int
        Samples.
    widths : sequence of int
        Numbers N of features, increasing; nested in each draw.
    activation : callable, optional
        Applied to an array, entry by entry; by default max(0, x).
    noise : float
        The variance of the noise in the training targets.
    n_test : int
        New inputs on which the distance to the noise-free target is measured.
    n_draws : int
    random_state : int, Generator or None

    Returns
    -------
    ndarray of shape (draws, widths)

    Raises
    ------
    TypeError, ValueError
        A bad argument, named.
    """
    d, n = check_int(d, "d"), check_int(n, "n")
    widths = check_widths(widths)
    noise = check_positive(noise, "noise", allow_zero=True)
    activation = activation or (lambda u: np.maximum(u, 0.0))
    rng = as_generator(random_state)

    def sphere(size: int) -> np.ndarray:
        points = rng.standard_normal((size, d))
        return points * (np.sqrt(d) / np.linalg.norm(points, axis=1, keepdims=True))

    risks = []
    for _ in range(check_int(n_draws, "n_draws")):
        X, X_test, V = sphere(n), sphere(check_int(n_test, "n_test")), sphere(int(widths[-1]))
        beta = sphere(1)[0] / np.sqrt(d)
        y = X @ beta + np.sqrt(noise) * rng.standard_normal(n)
        path = min_norm_path(
            activation(X @ V.T / np.sqrt(d)),
            y,
            activation(X_test @ V.T / np.sqrt(d)),
            X_test @ beta,
            widths,
        )
        risks.append(path.test_mse)
    return np.array(risks)


def _check_spectrum(eigenvalues: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return eigenvalues as an array; with a zero among them X may lack full rank."""
    values = check_vector(eigenvalues, "eigenvalues")
    if values.min() <= 0:
        raise ValueError(f"eigenvalues contains {values.min():g}; expected numbers > 0")
    return values
