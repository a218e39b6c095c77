"""Interpolants of the same data that agree where the data are, and fan out where they are not.

The setting, random features tested on inputs whose mean has moved, is one of the examples of
A. D'Amour et al. (2022), *Underspecification presents challenges for credibility in modern machine
learning*, JMLR 23(226). Sizes and the linear model are our own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fearless._validation import (
    RandomState,
    as_generator,
    as_seed_sequence,
    check_int,
    check_positive,
    check_vector,
)
from fearless.features import RandomReLUFeatures
from fearless.linalg import as_fortran, cholesky_in_place, cholesky_solve
from fearless.linear import MinNormRegressor
from fearless.theory.starts import off_span, risk_over_starts

__all__ = ["Fan", "LinearProblem", "feature_fan", "linear_fan", "linear_problem", "start_weights"]


@dataclass(frozen=True, eq=False)
class LinearProblem:
    """Fewer samples than weights: what is known, and what is true.

    Attributes
    ----------
    X, y : ndarray of shape (n, p) and (n,)
        Training samples and their targets, without noise.
    truth : ndarray of shape (p,)
        The weights that made the targets.
    eigenvalues : ndarray of shape (p,)
        Variances of the inputs along the coordinates.
    """

    X: np.ndarray
    y: np.ndarray
    truth: np.ndarray
    eigenvalues: np.ndarray

    @property
    def null_risk(self) -> float:
        """The risk of predicting zero for everything."""
        return float(self.truth**2 @ self.eigenvalues)


@dataclass(frozen=True, eq=False)
class Fan:
    """Risks of several interpolants as the test inputs move away: one row an interpolant.

    Attributes
    ----------
    shifts : ndarray of shape (k,)
        Distance moved, in lengths of a typical input; 0 is the law of the training data.
    risks : ndarray of shape (seeds, k)
        Mean squared error, over that of predicting zero on inputs that have not moved.
    mean, deviation : ndarray of shape (k,) or None
        The exact mean and standard deviation over starts, where theory has them.
    """

    shifts: np.ndarray
    risks: np.ndarray
    mean: np.ndarray | None = None
    deviation: np.ndarray | None = None

    @property
    def spread(self) -> np.ndarray:
        """The standard deviation over interpolants at each shift."""
        return self.risks.std(axis=0, ddof=1)


def linear_problem(
    n: int = 100, p: int = 400, *, exponent: float = 2.0, random_state: RandomState = 0
) -> LinearProblem:
    """Draw inputs N(0, diag(1, 2^-a, 3^-a, ...)) and targets of a random linear function.

    Parameters
    ----------
    n, p : int
        Samples and weights.
    exponent : float
        a, at least 0; 0 gives isotropic inputs.
    random_state : None, int or Generator

    Returns
    -------
    LinearProblem
        Its weights are N(0, I / p).
    """
    p = check_int(p, "p", minimum=2)
    n = check_int(n, "n", maximum=p - 1)
    rng = as_generator(random_state)
    eigenvalues = np.arange(1, p + 1.0) ** -check_positive(exponent, "exponent", allow_zero=True)
    truth = rng.standard_normal(p) / np.sqrt(p)
    X = rng.standard_normal((n, p)) * np.sqrt(eigenvalues)
    return LinearProblem(X, X @ truth, truth, eigenvalues)


def start_weights(
    problem: LinearProblem, n_starts: int, *, random_state: int | None = 0
) -> np.ndarray:
    """Interpolants that gradient descent reaches from starts N(0, I / p), as long as the truth.

    Parameters
    ----------
    problem : LinearProblem
    n_starts : int
    random_state : None or int
        Independent of the problem, whatever its seed.

    Returns
    -------
    ndarray of shape (n_starts, p)
        The limits ``X^+ y + (I - P) w_0``: the smallest interpolant, plus what the data cannot
        change of the start.
    """
    p = problem.X.shape[1]
    n_starts = check_int(n_starts, "n_starts")
    starts = _stream(random_state, 0).standard_normal((n_starts, p)) / np.sqrt(p)
    return _min_norm(problem) + off_span(problem.X, starts)


def linear_fan(
    problem: LinearProblem,
    shifts: ArrayLike,
    *,
    n_starts: int = 40,
    random_state: int | None = 0,
) -> Fan:
    """Exact risks of interpolants on inputs ``x + t v``, for a random direction ``v``.

    Parameters
    ----------
    problem : LinearProblem
    shifts : array-like of shape (k,)
        ``t`` over the root mean square length of the inputs.
    n_starts : int
    random_state : None or int
        Of the direction and of the starts; independent of the problem, whatever its seed.

    Returns
    -------
    Fan
        With the theory of `fearless.theory.starts.risk_over_starts`.
    """
    shifts = check_vector(shifts, "shifts").astype(float)
    p = len(problem.truth)
    direction = _stream(random_state, 1).standard_normal(p)
    direction /= np.linalg.norm(direction)
    length = np.sqrt(problem.eigenvalues.sum())
    errors = start_weights(problem, n_starts, random_state=random_state) - problem.truth
    held_out = errors**2 @ problem.eigenvalues
    risks = held_out[:, None] + np.outer((errors @ direction) ** 2, (length * shifts) ** 2)

    minimum_norm = _min_norm(problem)
    moments = [
        risk_over_starts(
            problem.X,
            minimum_norm - problem.truth,
            np.diag(problem.eigenvalues) + (t * length) ** 2 * np.outer(direction, direction),
            p**-0.5,
        )[:2]
        for t in shifts
    ]
    mean, variance = np.transpose(moments)
    null = problem.null_risk
    return Fan(shifts, risks / null, mean / null, np.sqrt(variance) / null)


def feature_fan(
    shifts: ArrayLike,
    *,
    n: int = 200,
    d: int = 50,
    n_features: int = 800,
    n_seeds: int = 40,
    n_test: int = 1000,
    random_state: RandomState = 0,
) -> Fan:
    """Risks of min-norm interpolants on random ReLU features; each seed has its own features.

    Inputs are N(0, I) in ``d`` dimensions, targets a linear function without noise; all seeds have
    the same training and test samples. Test inputs move in one random direction.

    Parameters
    ----------
    shifts : array-like of shape (k,)
        Distance moved over ``sqrt(d)``, the length of a typical input.
    n, d, n_features : int
        Training samples, input dimension, features; ``n_features >= 2 n``, so that the fit is
        well conditioned.
    n_seeds, n_test : int
    random_state : None, int or Generator

    Returns
    -------
    Fan
    """
    shifts = check_vector(shifts, "shifts").astype(float)
    n, d = check_int(n, "n"), check_int(d, "d")
    n_features = check_int(n_features, "n_features", minimum=2 * n)
    rng = as_generator(random_state)
    truth = rng.standard_normal(d)
    truth /= np.linalg.norm(truth)
    direction = rng.standard_normal(d)
    direction /= np.linalg.norm(direction)
    X = rng.standard_normal((n, d))
    X_test = rng.standard_normal((check_int(n_test, "n_test"), d))
    moved = [X_test + t * np.sqrt(d) * direction for t in shifts]
    risks = []
    for seed in map(int, rng.integers(2**31, size=check_int(n_seeds, "n_seeds"))):
        phi = RandomReLUFeatures(n_features, random_state=seed).fit(X)
        features = phi.transform(X)
        # With several features a sample the Gram matrix is well conditioned, and much cheaper
        # than the singular values.
        factor = cholesky_in_place(as_fortran(features @ features.T))
        coefficients = features.T @ cholesky_solve(factor, X @ truth)
        risks.append([np.mean((phi.transform(Z) @ coefficients - Z @ truth) ** 2) for Z in moved])
    return Fan(shifts, np.array(risks))


def _min_norm(problem: LinearProblem) -> np.ndarray:
    return MinNormRegressor().fit(problem.X, problem.y).coef_


def _stream(random_state: int | None, key: int) -> np.random.Generator:
    """A stream of its own for each use: equal seeds of problem and starts stay independent."""
    return np.random.default_rng(as_seed_sequence(random_state).spawn(key + 1)[key])
