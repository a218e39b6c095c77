r"""Gaussian teachers: data y = f(x) + sigma eps with x ~ N(0, Sigma), whose risk is known exactly.

Against a linear teacher f(x) = <x, beta> the risk of any linear predictor is a quadratic form, so
an experiment can report the true test error instead of an estimate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import (
    RandomState,
    as_generator,
    check_int,
    check_matrix,
    check_option,
    check_positive,
    check_vector,
)

__all__ = ["GaussianTeacher", "gaussian_linear_model"]

Function = Callable[[NDArray[np.float64]], ArrayLike]


@dataclass(frozen=True, eq=False)
class GaussianTeacher:
    r"""Draw samples y = f(x) + sigma eps with x ~ N(0, Sigma) and eps ~ N(0, 1).

    Parameters
    ----------
    teacher : array-like of shape (d,), or callable
        The coefficients beta of f(x) = <x, beta>, or f itself as a function of an (n, d) array
        with values of shape (n,).
    noise : float
        The standard deviation sigma >= 0.
    covariance : array-like of shape (d,) or (d, d), optional
        Sigma, or its diagonal; None means the identity. Symmetric positive semi-definite.
    n_dims : int, optional
        The dimension d; needed only when neither the teacher nor the covariance gives it.

    Raises
    ------
    TypeError, ValueError
        A parameter is not as described, or two of them disagree about the dimension.

    Notes
    -----
    Used in the section "The double descent curve" and wherever a theorem needs a known
    distribution.

    Examples
    --------
    >>> model = GaussianTeacher([3.0, 4.0], noise=0.5)
    >>> X, y = model.sample(100, random_state=0)
    >>> X.shape, y.shape
    ((100, 2), (100,))
    >>> model.risk([3.0, 0.0])  # 4^2 + 0.5^2
    16.25
    """

    teacher: ArrayLike | Function
    noise: float = 0.0
    covariance: ArrayLike | None = None
    n_dims: int | None = None
    _root: NDArray | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        def put(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        put("noise", check_positive(self.noise, "noise", allow_zero=True))
        sizes: dict[str, int] = {}
        if not callable(self.teacher):
            put("teacher", _frozen(check_vector(self.teacher, "teacher")))
            sizes["teacher"] = len(self.teacher)
        if self.covariance is not None:
            covariance, root = _check_covariance(self.covariance)
            put("covariance", covariance)
            put("_root", root)
            sizes["covariance"] = len(covariance)
        if self.n_dims is not None:
            sizes["n_dims"] = check_int(self.n_dims, "n_dims")
        if not sizes:
            raise ValueError("n_dims is None; expected the dimension, which a function cannot give")
        if len(set(sizes.values())) > 1:
            given = ", ".join(f"{name} has {size}" for name, size in sizes.items())
            raise ValueError(f"mismatched dimensions: {given}; expected the same")
        put("n_dims", next(iter(sizes.values())))

    def sample(
        self, n: int, random_state: RandomState = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Draw n independent samples.

        Parameters
        ----------
        n : int
            How many.
        random_state : None, int or numpy.random.Generator
            The source of randomness.

        Returns
        -------
        X : ndarray of shape (n, d)
            The inputs.
        y : ndarray of shape (n,)
            The noisy outputs.

        Raises
        ------
        TypeError, ValueError
            n is no positive integer, or the teacher returns values of a wrong shape.
        """
        n = check_int(n, "n")
        rng = as_generator(random_state)
        X = rng.standard_normal((n, self.n_dims))
        if self._root is not None:
            X = X * self._root if self._root.ndim == 1 else X @ self._root
        # The noise is drawn even when sigma = 0: changing sigma changes neither X nor eps.
        noise = rng.standard_normal(n)
        return X, self.bayes(X) + self.noise * noise

    def bayes(self, X: ArrayLike) -> NDArray[np.float64]:
        """Compute f(x) = E[y | x], the best predictor; its risk is sigma^2.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Inputs.

        Returns
        -------
        ndarray of shape (n,)
            The noise-free outputs.

        Raises
        ------
        TypeError, ValueError
            X is not as described, or the teacher returns values of a wrong shape.
        """
        X = check_matrix(X, "X", n_columns=self.n_dims)
        if not callable(self.teacher):
            return X @ self.teacher
        values = check_vector(self.teacher(X), "the value of teacher")
        if len(values) != len(X):
            raise ValueError(
                f"teacher returned {len(values)} values for {len(X)} rows; expected one a row"
            )
        return values

    def risk(self, coef: ArrayLike) -> float:
        r"""Compute the exact risk E (y - <x, w>)^2 = (w - beta)^T Sigma (w - beta) + sigma^2.

        Parameters
        ----------
        coef : array-like of shape (d,)
            The coefficients w of a linear predictor.

        Returns
        -------
        float
            The risk, noise included.

        Raises
        ------
        TypeError
            The teacher is not linear.
        ValueError
            coef is not as described.
        """
        if callable(self.teacher):
            raise TypeError("teacher is a function; expected coefficients: estimate the risk")
        error = check_vector(coef, "coef", length=self.n_dims) - self.teacher
        if self._root is not None:
            error = error * self._root if self._root.ndim == 1 else self._root @ error
        return float(error @ error) + self.noise**2


def gaussian_linear_model(
    n_dims: int = 100,
    *,
    noise: float = 0.2,
    norm: float = 1.0,
    profile: str = "equal",
    random_state: RandomState = None,
) -> GaussianTeacher:
    """Build the Gaussian model y = <x, beta> + sigma eps, x ~ N(0, I_D), of Belkin, Hsu and Xu.

    A learner sees p of the D coordinates only; what it does not see acts as further noise, and
    the exact risk of the min-norm solution descends twice in p.

    Parameters
    ----------
    n_dims : int
        The number D of coordinates.
    noise : float
        The standard deviation sigma >= 0.
    norm : float
        The norm of beta, > 0.
    profile : {"equal", "random", "decaying"}
        All beta_j equal; a uniformly random direction; beta_j proportional to 1 / j, so that the
        coordinates are given in the order of importance.
    random_state : None, int or numpy.random.Generator
        The source of randomness of the profile "random".

    Returns
    -------
    GaussianTeacher
        The model.

    Raises
    ------
    TypeError, ValueError
        A parameter is not as described.

    Notes
    -----
    Used in the section "The double descent curve".

    References
    ----------
    M. Belkin, D. Hsu, J. Xu (2020), Two models of double descent for weak features, SIAM Journal
    on Mathematics of Data Science 2(4).
    """
    n_dims = check_int(n_dims, "n_dims")
    norm = check_positive(norm, "norm")
    check_option(profile, "profile", ("equal", "random", "decaying"))
    if profile == "equal":
        beta = np.ones(n_dims)
    elif profile == "decaying":
        beta = 1 / np.arange(1.0, n_dims + 1)
    else:
        beta = as_generator(random_state).standard_normal(n_dims)
    return GaussianTeacher(beta * (norm / np.linalg.norm(beta)), noise=noise)


def _frozen(array: NDArray) -> NDArray[np.float64]:
    copy = np.array(array, dtype=np.float64)
    copy.flags.writeable = False
    return copy


def _check_covariance(covariance: ArrayLike) -> tuple[NDArray, NDArray]:
    """Return Sigma (or its diagonal) and its symmetric square root (or the root's diagonal)."""
    if np.ndim(covariance) == 1:
        variances = _frozen(check_vector(covariance, "covariance"))
        if variances.min() < 0:
            raise ValueError(f"covariance has the variance {variances.min()}; expected all >= 0")
        return variances, np.sqrt(variances)
    sigma = _frozen(check_matrix(covariance, "covariance"))
    if sigma.shape[0] != sigma.shape[1] or not np.allclose(sigma, sigma.T, rtol=1e-12, atol=0):
        raise ValueError(
            f"covariance has shape {sigma.shape}; expected a symmetric matrix or its diagonal"
        )
    values, vectors = np.linalg.eigh(sigma)
    tolerance = len(sigma) * np.finfo(float).eps * np.abs(values).max()
    if values.min() < -tolerance:
        raise ValueError(f"covariance has the eigenvalue {values.min():.3g}; expected all >= 0")
    return sigma, (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
