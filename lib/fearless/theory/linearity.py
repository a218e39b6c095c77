r"""The Hessian of a one-hidden-layer network in its weights, in closed form.

No two hidden units appear in one product, so that the Hessian falls into one small block a unit.
Its norm is the *largest* of the m blocks, each of order m^(-1/2), while the squared length of the
gradient is the *sum* of m terms of order 1/m.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_matrix, check_positive, check_vector

__all__ = [
    "TANH_CURVATURE",
    "LowRankHessian",
    "bordered_norm",
    "linearization_bound",
    "two_layer_hessian_bound",
    "two_layer_hessian_norm",
]

#: max |tanh''| = 4 / (3 sqrt 3), where tanh^2 = 1/3.
TANH_CURVATURE = 4 / 27**0.5


class LowRankHessian(NamedTuple):
    """Hold the part of a Hessian that does not vanish with the width.

    Attributes
    ----------
    curved : float
        The entry A of the symmetric matrix with rows (A, B) and (B, 0).
    crossed : float
        The entry B.
    """

    curved: float
    crossed: float

    @property
    def norm(self) -> float:
        """The spectral norm of the matrix."""
        return float(bordered_norm(self.curved, self.crossed))


def bordered_norm(curved: ArrayLike, crossed: ArrayLike) -> NDArray[np.float64]:
    r"""Compute the spectral norm of a symmetric matrix with rows (A, B) and (B, 0).

    .. math::
        \left\| \begin{pmatrix} A & B \\ B & 0 \end{pmatrix} \right\|
        = \frac{|A|}{2} + \sqrt{\frac{A^2}{4} + B^2} .

    Parameters
    ----------
    curved, crossed : array-like
        A and B; they are broadcast.

    Returns
    -------
    ndarray
        The norms.
    """
    half = np.abs(np.asarray(curved, float)) / 2
    return half + np.hypot(half, np.asarray(crossed, float))


def two_layer_hessian_norm(
    inner: ArrayLike,
    outer: ArrayLike,
    X: ArrayLike,
    *,
    w_std: float = 2**0.5,
    train_outer: bool = True,
) -> NDArray[np.float64]:
    r"""Compute the norm of the Hessian in the weights of a tanh network with one hidden layer.

    For :math:`f(x) = \frac{\sigma_w}{\sqrt m} \sum_i v_i \tanh h_i` with
    :math:`h_i = \frac{\sigma_w}{\sqrt d} \langle w_i, x \rangle` and
    :math:`s = \sigma_w \|x\| / \sqrt d`,

    .. math::
        \|H\| = \frac{\sigma_w}{\sqrt m} \max_i \left\| \begin{pmatrix}
        v_i s^2 \tanh'' h_i & s \tanh' h_i \\ s \tanh' h_i & 0 \end{pmatrix} \right\| ,

    or only the first entries when the v_i are not trained.

    Parameters
    ----------
    inner : array-like of shape (m, d)
        The rows w_i.
    outer : array-like of shape (m,)
        The v_i.
    X : array-like of shape (n, d)
        Inputs, one a row.
    w_std : float
        The factor sigma_w of both layers.
    train_outer : bool
        Whether the v_i are among the weights.

    Returns
    -------
    ndarray of shape (n,)
        The norm at each input.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(n m d). Used in the section "The transition to linearity".

    References
    ----------
    C. Liu, L. Zhu, M. Belkin (2020), On the linearity of large non-linear models: when and why
    the tangent kernel is constant, NeurIPS.

    Examples
    --------
    >>> w = np.linspace(-2, 2, 401)[:, None]
    >>> norm = two_layer_hessian_norm(w, np.ones(401), [[1.0]], w_std=1.0, train_outer=False)
    >>> float(norm[0] * 401**0.5).__round__(4), round(TANH_CURVATURE, 4)
    (0.7698, 0.7698)
    """
    inner = check_matrix(inner, "inner").astype(np.float64)
    m, d = inner.shape
    outer = check_vector(outer, "outer").astype(np.float64)
    if len(outer) != m:
        raise ValueError(f"outer has {len(outer)} entries; expected {m}, one a row of inner")
    X = check_matrix(X, "X", n_columns=d).astype(np.float64)
    w_std = check_positive(w_std, "w_std")
    t = np.tanh(X @ inner.T * (w_std / d**0.5))
    slope = (w_std / d**0.5) * np.linalg.norm(X, axis=1)[:, None]
    curved = outer * slope**2 * (-2 * t * (1 - t**2))
    crossed = slope * (1 - t**2) if train_outer else 0.0
    return (w_std / m**0.5) * bordered_norm(curved, crossed).max(axis=1)


def two_layer_hessian_bound(
    outer: ArrayLike, X: ArrayLike, radius: float, *, w_std: float = 2**0.5
) -> NDArray[np.float64]:
    r"""Bound the norm of that Hessian for all weights within a distance of those given.

    No :math:`|v_i|` exceeds :math:`\max_i |v_i| + R` in the ball of radius R, and
    :math:`|\tanh''| \le 4/(3\sqrt 3)`, :math:`\tanh' \le 1`, wherever the :math:`w_i` are.

    Parameters
    ----------
    outer : array-like of shape (m,)
        The v_i at the centre of the ball.
    X : array-like of shape (n, d)
        Inputs, one a row.
    radius : float
        R >= 0.
    w_std : float
        The factor sigma_w of both layers.

    Returns
    -------
    ndarray of shape (n,)
        The bound at each input.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Used in the section "The transition to linearity".

    Examples
    --------
    >>> few, many = (two_layer_hessian_bound(np.ones(m), [[1.0]], 2.0) for m in (100, 10000))
    >>> float((few / many)[0]).__round__(6)
    10.0
    """
    outer = check_vector(outer, "outer").astype(np.float64)
    X = check_matrix(X, "X").astype(np.float64)
    radius = check_positive(radius, "radius", allow_zero=True)
    w_std = check_positive(w_std, "w_std")
    slope = (w_std / X.shape[1] ** 0.5) * np.linalg.norm(X, axis=1)
    largest = np.abs(outer).max() + radius
    norms = bordered_norm(largest * slope**2 * TANH_CURVATURE, slope)
    return (w_std / len(outer) ** 0.5) * norms


def linearization_bound(hessian: ArrayLike, radius: float) -> NDArray[np.float64]:
    r"""Bound the distance of a function of the weights from its tangent.

    .. math::
        |f(w) - f_{\mathrm{lin}}(w)| \le \tfrac12 \sup \|H\| \, R^2
        \qquad \text{for } \|w - w_0\| \le R .

    Parameters
    ----------
    hessian : array-like
        Bounds on ||H|| over the ball.
    radius : float
        R >= 0.

    Returns
    -------
    ndarray
        The bound, in the shape of ``hessian``.

    Raises
    ------
    ValueError
        ``hessian`` is not a number >= 0 everywhere, or the radius is not finite and >= 0.

    Notes
    -----
    Taylor's theorem. Used in the section "The transition to linearity".

    Examples
    --------
    >>> float(linearization_bound(0.1, 2.0))
    0.2
    """
    radius = check_positive(radius, "radius", allow_zero=True)
    norms = np.asarray(hessian, float)
    if not np.all(norms >= 0):
        raise ValueError(f"hessian has the least entry {norms.min():.3g}; expected norms >= 0")
    return norms * radius**2 / 2
