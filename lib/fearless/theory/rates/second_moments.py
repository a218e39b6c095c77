r"""Mean squared errors of stochastic methods on least squares, exactly, from moments of the data.

All samples can be fitted, so that a step is a random *linear* map of the error: z' = A z with
A = B + c a^T (x) H_b, see `fearless.theory.rates.recursions`, where H_b is the mean of x x^T over
a batch. So the second moments Z = E z z^T follow a linear recurrence, Z' = E[A Z A^T], which needs
no more than E[x x^T] and E[x x^T M x x^T]. Two kinds of data are at hand.

``DecoupledMoments``
    Every sample lies on one of the axes: each axis has a recurrence of its own.
``MomentumMoments``
    A given set of samples, by its Gram matrix.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_int, check_positive, check_vector
from fearless.theory.rates.recursions import Recursion
from fearless.theory.rates.sample_moments import SampleMoments

__all__ = ["DecoupledMoments", "MomentumMoments"]


@dataclass(frozen=True, eq=False)
class DecoupledMoments:
    r"""Moments of samples that lie on the axes: x is h^{1/2} e_i, on a random axis i.

    Along axis i the gradient is that of one random number h_i with E h_i = lambda_i and
    E h_i^2 = q_i lambda_i^2. With n orthogonal equations, each drawn with probability 1/n, q = n;
    the data of Liu and Belkin, x = sigma_i z e_i with probability 1/2 and z ~ N(0, 2), have q = 6.

    Parameters
    ----------
    eigenvalues : array-like of shape (k,)
        lambda_i > 0.
    noise : float or array-like of shape (k,)
        q_i >= 1.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Errors along different axes are correlated, which does not change their mean squares. Used in
    the section "Acceleration, and how momentum can fail".

    Examples
    --------
    >>> from fearless.optimization.methods import Nesterov
    >>> data = DecoupledMoments([1.0, 0.01], 6.0)
    >>> round(data.radius(Recursion.of(Nesterov(1 / 6, 0.9))), 3)
    1.377
    """

    eigenvalues: ArrayLike
    noise: ArrayLike

    def __post_init__(self) -> None:
        values = check_vector(self.eigenvalues, "eigenvalues").astype(float)
        noise = np.asarray(self.noise, dtype=float)
        if noise.ndim == 0:
            noise = np.full(len(values), check_positive(float(noise), "noise"))
        noise = check_vector(noise, "noise", length=len(values))
        if values.min() <= 0:
            raise ValueError(f"eigenvalues contains {values.min()}; expected numbers > 0")
        if noise.min() < 1:
            raise ValueError(f"noise contains {noise.min()}; expected E h^2 / (E h)^2, at least 1")
        object.__setattr__(self, "eigenvalues", values)
        object.__setattr__(self, "noise", noise)

    def matrices(self, recursion: Recursion, batch_size: int = 1) -> NDArray[np.float64]:
        r"""Return what a step multiplies the second moments of each axis by.

        .. math:: A \otimes A + \frac{(q - 1) \lambda^2}{b}\, C \otimes C, \qquad
            A = B + \lambda\, C, \quad C = c a^\top

        Parameters
        ----------
        recursion : Recursion
            The method.
        batch_size : int
            b, drawn with replacement.

        Returns
        -------
        ndarray of shape (k, s^2, s^2)
        """
        b = check_int(batch_size, "batch_size")
        size, C = len(recursion.push), recursion.response
        steps = recursion.keep + self.eigenvalues[:, None, None] * C
        both = np.einsum("kij,klm->kiljm", steps, steps).reshape(-1, size**2, size**2)
        extra = (self.noise - 1) * self.eigenvalues**2 / b
        return both + extra[:, None, None] * np.kron(C, C)

    def radius(self, recursion: Recursion, batch_size: int = 1) -> float:
        """Compute the factor a step of the mean squared error in the long run.

        Parameters
        ----------
        recursion : Recursion
            The method.
        batch_size : int
            b, drawn with replacement.

        Returns
        -------
        float
            Above 1 the mean squared error grows.

        Notes
        -----
        Cost O(k s^6).
        """
        size = len(recursion.push)
        rows, columns = np.triu_indices(size)
        # On symmetric moments alone: the other ones would have the same eigenvalues once more.
        steps = self.matrices(recursion, batch_size)[:, rows * size + columns]
        there, back = steps[:, :, rows * size + columns], steps[:, :, columns * size + rows]
        steps = there + np.where(rows == columns, 0.0, back)
        return float(np.abs(np.linalg.eigvals(steps)).max())

    def path(
        self, recursion: Recursion, start: ArrayLike, n_steps: int, batch_size: int = 1
    ) -> NDArray[np.float64]:
        """Compute the mean squared error along every axis, step by step.

        Parameters
        ----------
        recursion : Recursion
            The method.
        start : array-like of shape (k,)
            The error of the first iterate along the axes.
        n_steps : int
            How many steps.
        batch_size : int
            b, drawn with replacement.

        Returns
        -------
        ndarray of shape (n_steps + 1, k)
            E <w_t - w*, e_i>^2. The expected loss is half its product with the eigenvalues. An axis
            along which it is beyond all numbers is +inf from there on.

        Notes
        -----
        Cost O(k s^4) a step.
        """
        first = check_vector(start, "start", length=len(self.eigenvalues)).astype(float)
        n_steps = check_int(n_steps, "n_steps", minimum=0)
        size = len(recursion.push)
        steps = self.matrices(recursion, batch_size)
        moments = np.repeat(first[:, None] ** 2, size**2, axis=1)[..., None]
        errors = np.empty((n_steps + 1, len(first)))
        errors[0] = first**2
        for t in range(1, n_steps + 1):
            with np.errstate(over="ignore", invalid="ignore"):
                moments = steps @ moments
            lost = ~np.isfinite(moments).all(axis=(1, 2))
            errors[t] = np.where(lost, np.inf, moments[:, 0, 0])  # the iterate comes first
        return errors


class MomentumMoments(SampleMoments):
    r"""Moments of n given samples, for methods with momentum.

    Everything happens in the space of residuals r = X (w - w*). A batch moves them along K D r,
    where K = X X^T, and D counts how often each sample is in the batch. The second moments of the
    s points that a method remembers form s x s blocks, each of them like Q in `SampleMoments`.

    Parameters
    ----------
    gram : array-like of shape (n, n)
        K: inner products of the samples, or a kernel matrix.
    replacement : bool
        Whether a batch may hold a sample twice.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Used in the section "Acceleration, and how momentum can fail".

    Examples
    --------
    >>> from fearless.optimization.methods import GradientDescent, Nesterov
    >>> data = MomentumMoments([[1.0, 0.0], [0.0, 1.0]])
    >>> data.path(Recursion.of(GradientDescent(1.0)), [1.0, 1.0], 2)
    array([0.5  , 0.25 , 0.125])
    >>> data.path(Recursion.of(Nesterov(1.0, 0.5)), [1.0, 1.0], 3)
    array([0.5       , 0.25      , 0.15625   , 0.11328125])
    """

    def path(
        self, recursion: Recursion, residual: ArrayLike, n_steps: int, batch_size: int = 1
    ) -> NDArray[np.float64]:
        r"""Compute the expected loss (1/2n) E ||r_t||^2, step by step.

        Parameters
        ----------
        recursion : Recursion
            The method.
        residual : array-like of shape (n,)
            r at the start; all of it can be fitted.
        n_steps : int
            How many steps.
        batch_size : int
            b.

        Returns
        -------
        ndarray of shape (n_steps + 1,)
            From where it is beyond all numbers on, +inf.

        Raises
        ------
        TypeError, ValueError
            An argument is not as described.

        Notes
        -----
        Cost O(s^2 n^2 + n^3) a step.
        """
        first = check_vector(residual, "residual", length=self.n_samples)
        n_steps = check_int(n_steps, "n_steps", minimum=0)
        _, batch_size = self._check(1.0, batch_size)
        along = self._U.T @ first
        left = float(np.linalg.norm(first - self._U @ along) / (np.linalg.norm(first) or 1.0))
        if left > 1e-6:
            raise ValueError(
                f"residual has a part of {left:.2g} times its norm that no weights can fit; "
                "expected a problem that has a solution"
            )
        size = len(recursion.push)
        Z = np.broadcast_to(np.outer(along, along), (size, size, len(along), len(along))).copy()
        losses = np.full(n_steps + 1, np.inf)
        for t in range(n_steps + 1):
            if not np.isfinite(Z).all():
                break
            losses[t] = np.trace(Z[0, 0]) / (2 * self.n_samples)
            if t < n_steps:
                with np.errstate(over="ignore", invalid="ignore"):
                    Z = self._step(recursion, Z, batch_size)
        return losses

    def _step(self, recursion: Recursion, moments: NDArray, batch_size: int) -> NDArray:
        """Apply the recurrence to moments (s, s, r, r), in the basis of the eigenvectors."""
        lam, U, n = self.eigenvalues, self._U, self.n_samples
        B, c, a = recursion.keep, recursion.push, recursion.ask
        # Along eigenvectors x and y of K the mean map is B + lam_x c a^T, on either side.
        left = np.tensordot(B, moments, 1)
        left += np.multiply.outer(c, lam[:, None] * np.tensordot(a, moments, 1))
        asked = np.tensordot(left, a, (1, 0))  # (s, r, r)
        both = np.moveaxis(np.tensordot(B, left, (1, 1)), 0, 1)
        both += c[:, None, None] * (asked * lam)[:, None]
        # What is left is the variance of the gradient, E (K D r)(K D r)^T less its mean part.
        pairs, squares = self._weights(batch_size)
        point = np.tensordot(np.outer(a, a), moments, 2)
        diagonal = np.einsum("ix,ix->i", U @ point, U)
        spread = squares * n**2 * (U.T * diagonal) @ U + (pairs * n**2 - 1) * point
        spread *= np.outer(lam, lam)
        return both + np.outer(c, c)[:, :, None, None] * spread
