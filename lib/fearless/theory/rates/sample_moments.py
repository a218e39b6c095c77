r"""Mini-batch SGD on a given least-squares problem, exactly in the mean square.

The loss is L(w) = (1/2n) sum_i (<w, x_i> - y_i)^2. A step draws a batch of m samples and goes
against its mean gradient, so that the residuals r = X w - y follow a linear recursion,

    r <- r - (eta/m) K D r,      K = X X^T,

with a diagonal matrix D that counts how often each sample is in the batch. Hence the second moment
Q = E r r^T follows one as well, since E[D Q D] / m^2 = a Q + b diag(Q) with two numbers a and b. In
an eigenbasis of K the first term multiplies the entries of Q one by one; only the second couples
them, through the n numbers on the diagonal. Whether the targets can be fitted does not matter: what
cannot be is the part of r that K annuls, and it stays.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from fearless._validation import check_int, check_matrix, check_positive, check_vector, check_widths

__all__ = ["SampleMoments"]

# Eigenvalues below this share of the largest are rounding errors of zero.
_RANK_TOL = 1e-11
# A mean loss above this is reported as infinite.
_OVERFLOW = 1e150


class SampleMoments:
    r"""Predict the mean loss of mini-batch SGD on given data, with a constant step.

    .. math::
        Q_{t+1} = Q_t - \frac{\eta}{n} (K Q_t + Q_t K)
        + \eta^2 K \Bigl[ \frac{m - 1}{m n^2} Q_t + \frac{1}{m n} \mathrm{diag}(Q_t) \Bigr] K,
        \qquad \mathbb{E} L(w_t) = \frac{1}{2n} \mathrm{tr}\, Q_t ,

    for samples drawn with replacement. Nothing is approximated.

    Parameters
    ----------
    gram : array-like of shape (n, n)
        The symmetric matrix K = X X^T: inner products of the samples, a kernel matrix, or the
        tangent kernel of a network.
    replacement : bool
        Whether a batch may hold a sample twice. If not, every batch is a fresh random subset; with
        m = n that is gradient descent.

    Attributes
    ----------
    n_samples : int
    eigenvalues : ndarray of shape (r,)
        Of K / n, those above zero, descending: lambda_1 >= ... >= lambda_r.
    norm : float
        beta, the largest squared norm of a sample.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(n^3) for the eigenvectors. Used in the section "SGD under interpolation".

    References
    ----------
    S. Ma, R. Bassily, M. Belkin (2018), The power of interpolation: understanding the effectiveness
    of SGD in modern over-parametrized learning, ICML.

    Examples
    --------
    >>> moments = SampleMoments([[1.0, 0.0], [0.0, 1.0]])
    >>> moments.losses([1.0, 1.0], [0, 1, 2], step_size=1.0)
    array([0.5  , 0.25 , 0.125])
    """

    def __init__(self, gram: ArrayLike, *, replacement: bool = True) -> None:
        K = check_matrix(gram, "gram").astype(np.float64)
        if K.shape[0] != K.shape[1]:
            raise ValueError(f"gram has shape {K.shape}; expected a square matrix")
        if not np.allclose(K, K.T, rtol=1e-6, atol=1e-9 * np.abs(K).max()):
            raise ValueError("gram is not symmetric; expected X X^T")
        if not isinstance(replacement, bool | np.bool_):
            raise TypeError(f"replacement is {replacement!r}; expected True or False")
        values, vectors = np.linalg.eigh((K + K.T) / 2)
        keep = values > _RANK_TOL * max(values[-1], 0)
        if values[-1] <= 0 or values[0] < -1e-6 * values[-1]:
            raise ValueError(
                f"gram has the eigenvalues {values[0]:.3g} to {values[-1]:.3g}; expected a matrix "
                "of inner products, with none below zero and not all of them zero"
            )
        self.n_samples: int = len(K)
        self.replacement = bool(replacement)
        self.eigenvalues = values[keep][::-1] / self.n_samples
        self.norm = float(np.diag(K).max())
        self._U = np.ascontiguousarray(vectors[:, keep][:, ::-1])

    @classmethod
    def from_data(cls, X: ArrayLike, *, replacement: bool = True) -> Self:
        """Build the moments from the samples themselves.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Samples, one a row.
        replacement : bool
            See the class.

        Returns
        -------
        SampleMoments
            The moments.
        """
        X = check_matrix(X, "X").astype(np.float64)
        return cls(X @ X.T, replacement=replacement)

    def losses(
        self, residual: ArrayLike, steps: ArrayLike, step_size: float, batch_size: int = 1
    ) -> NDArray[np.float64]:
        """Compute the mean loss after some numbers of steps.

        Parameters
        ----------
        residual : array-like of shape (n,)
            X w_0 - y at the start.
        steps : array-like of shape (j,)
            Strictly increasing integers >= 0.
        step_size : float
            eta > 0.
        batch_size : int
            m.

        Returns
        -------
        ndarray of shape (j,)
            E L(w_t); it grows without bound when the step is too long, and is inf above 1e150.

        Notes
        -----
        Cost O(n^3) a step.
        """
        times = check_widths(steps, "steps", minimum=0)
        path = self._path(residual, step_size, batch_size)
        out, now, loss = np.empty(len(times)), -1, np.nan
        for j, t in enumerate(times):
            while now < t:
                loss, now = next(path), now + 1
            out[j] = loss
        return out

    def steps_to(
        self,
        residual: ArrayLike,
        target: float,
        step_size: float,
        batch_size: int = 1,
        *,
        max_steps: int = 100_000,
    ) -> int:
        """Count the steps until the mean loss has fallen to a share of the first.

        Parameters
        ----------
        residual : array-like of shape (n,)
            X w_0 - y at the start.
        target : float
            The share of the loss at the start.
        step_size : float
            eta > 0.
        batch_size : int
            m.
        max_steps : int
            Give up there.

        Returns
        -------
        int
            The first t with E L(w_t) <= target * L(w_0).

        Raises
        ------
        ValueError
            The loss does not get there within ``max_steps``.
        """
        target = check_positive(target, "target")
        limit = check_int(max_steps, "max_steps")
        path = self._path(residual, step_size, batch_size)
        first = loss = next(path)
        for t in range(1, limit + 1):
            if loss <= target * first:
                return t - 1
            loss = next(path)
            if not loss <= 1e12 * first:
                break
        if loss <= target * first:
            return limit
        raise ValueError(
            f"max_steps is {max_steps}, and the mean loss is still {loss / first:.3g} of the first "
            f"instead of {target!r}; expected more steps, or a step size other than {step_size!r}"
        )

    def rate(self, step_size: float, batch_size: int = 1) -> float:
        """Compute the factor by which the mean loss shrinks per step, after many steps.

        Parameters
        ----------
        step_size : float
            eta > 0.
        batch_size : int
            m.

        Returns
        -------
        float
            The spectral radius of the recursion on the row space; below 1 if SGD is stable in the
            mean square.

        Notes
        -----
        Cost O(n^2 r^2) for each of about 15 evaluations, and O(n r^2) memory.
        """
        eta, m = self._check(step_size, batch_size)
        gap = self._gap(eta, m)

        def excess(log_gap: float) -> float:
            return np.log(self._feedback(1 / (gap - least + np.exp(log_gap)), eta, m))

        least = float(gap.min())
        top = 1 - least
        if self._weights(m)[1] == 0:  # gradient descent: nothing is fed back
            return top
        # The feedback falls as rho grows: the root is unique. On log scales it is nearly a line.
        low = high = np.log(1e-12)
        while excess(high) > 0:
            low, high = high, high + 3.0
        return top + float(np.exp(brentq(excess, low, high, xtol=1e-10)) if high > low else 0)

    def is_stable(self, step_size: float, batch_size: int = 1) -> bool:
        """Tell whether the mean loss stays bounded: whether the largest eigenvalue of S is below 1.

        Parameters
        ----------
        step_size : float
            eta > 0.
        batch_size : int
            m.

        Returns
        -------
        bool
            Whether eta is below the stability limit.

        Notes
        -----
        Cost O(n^2 r^2), one evaluation; O(n r^2) memory.
        """
        eta, m = self._check(step_size, batch_size)
        gap = self._gap(eta, m)
        return bool(gap.min() > 0 and self._feedback(1 / gap, eta, m) < 1)

    def stability_limit(self, batch_size: int = 1) -> float:
        """Compute the step size beyond which the mean loss grows without bound.

        Parameters
        ----------
        batch_size : int
            m.

        Returns
        -------
        float
            The largest eta that is stable in the mean square; at most the 2 / lambda_1 of gradient
            descent.

        Notes
        -----
        Cost O(n^2 r^2) for each of about 15 evaluations.
        """
        _, m = self._check(1.0, batch_size)
        top = 2 / float(self.eigenvalues[0])

        def excess(share: float) -> float:
            gap = self._gap(share * top, m)
            if gap.min() <= 0:
                return 1.0
            # Bounded, so that the search does not meet the pole at the limit of gradient descent.
            return 1 - 2 / (1 + self._feedback(1 / gap, share * top, m))

        if excess(1 - 1e-9) < 0:
            return top
        return top * float(brentq(excess, 1e-9, 1 - 1e-9, xtol=1e-12))

    def floor(self, residual: ArrayLike, step_size: float, batch_size: int = 1) -> float:
        """Compute the mean loss at which SGD with a constant step stalls.

        Parameters
        ----------
        residual : array-like of shape (n,)
            X w - y for any w: only the part that no w can remove matters.
        step_size : float
            eta, below the stability limit.
        batch_size : int
            m.

        Returns
        -------
        float
            The limit of E L(w_t); 0 when the targets can be fitted.

        Raises
        ------
        ValueError
            The step is too long for a limit to exist.

        Notes
        -----
        In the limit the mean squared residuals q_i solve q = e^2 + S q, one linear equation a
        sample, with e the residuals of the best fit. Cost O(n^2 r^2 + n^3).
        """
        eta, m = self._check(step_size, batch_size)
        r = check_vector(residual, "residual", length=self.n_samples).astype(np.float64)
        if not self.is_stable(eta, m):
            raise ValueError(
                f"step_size is {eta!r} with batches of {m}; expected less than "
                f"{self.stability_limit(m):.6g}: from there on the mean loss grows without bound"
            )
        e = r - self._U @ (self._U.T @ r)
        S = self._feedback_matrix(1 / self._gap(eta, m), eta, m)
        q = np.linalg.solve(np.eye(self.n_samples) - S, e**2)
        return float(q.sum() / (2 * self.n_samples))

    def _path(self, residual: ArrayLike, step_size: float, batch_size: int):
        """Yield E L(w_t) for t = 0, 1, ..."""
        eta, m = self._check(step_size, batch_size)
        r = check_vector(residual, "residual", length=self.n_samples).astype(np.float64)
        U, n = self._U, self.n_samples
        lam = n * self.eigenvalues
        mean = U.T @ r
        fixed = r - U @ mean
        Q = np.outer(mean, mean)
        keep = 1 - self._gap(eta, m)
        # Both sides of diag(Q) are multiplied by the root of what stands before it.
        weighted = U * (lam * (eta * self._weights(m)[1] ** 0.5))
        while True:
            # E r_i^2: of what moves, of what does not, and twice their product.
            squares = np.einsum("ia,ia->i", U @ Q, U) + fixed * (2 * (U @ mean) + fixed)
            loss = float(squares.sum() / (2 * n))
            # Far beyond the limit of stability the numbers end, and inf - inf would be nan.
            if not loss < _OVERFLOW:
                break
            yield loss
            Q = Q * keep + weighted.T @ (squares[:, None] * weighted)
            mean = mean * (1 - eta * self.eigenvalues)
        while True:
            yield np.inf

    def _weights(self, m: int) -> tuple[float, float]:
        """Return (a, b) with E[D Q D] / m^2 = a Q + b diag(Q)."""
        n = self.n_samples
        if self.replacement:
            return (m - 1) / (m * n**2), 1 / (m * n)
        if n == 1:
            return 0.0, 1.0
        return (m - 1) / (m * n * (n - 1)), (n - m) / (m * n * (n - 1))

    def _gap(self, eta: float, m: int) -> NDArray:
        """Return the share that a step takes off each entry of Q in the eigenbasis."""
        step = eta * self.eigenvalues
        pairs = self._weights(m)[0] * self.n_samples**2
        return step[:, None] + step - pairs * step[:, None] * step

    def _feedback_matrix(self, weights: NDArray, eta: float, m: int) -> NDArray:
        """Return S: how strongly the squared residual of a sample feeds that of another."""
        z = self._U * (eta * self.n_samples * self.eigenvalues) ** 0.5
        rows, columns = np.triu_indices(z.shape[1])  # the pairs (a, b) and (b, a) are alike
        pairs = z[:, rows] * z[:, columns]
        twice = weights[rows, columns] * np.where(rows == columns, 1, 2)
        return self._weights(m)[1] * (pairs * twice) @ pairs.T

    def _feedback(self, weights: NDArray, eta: float, m: int) -> float:
        """Return the largest eigenvalue of S; the matrix is symmetric, with no entry below 0."""
        return float(np.linalg.eigvalsh(self._feedback_matrix(weights, eta, m))[-1])

    def _check(self, step_size: float, batch_size: int) -> tuple[float, int]:
        eta = check_positive(step_size, "step_size")
        most = None if self.replacement else self.n_samples
        return eta, check_int(batch_size, "batch_size", maximum=most)
