r"""Rademacher complexity of a ball of a kernel's space: how well it follows random signs.

The complexity of a class of functions on given points is E sup_f (1/n) sum_i s_i f(x_i), the mean
over fair random signs s_i, as in the textbook of Mohri, Rostamizadeh and Talwalkar.

References
----------
P. Bartlett, S. Mendelson (2002), Rademacher and Gaussian complexities: risk bounds and structural
results, Journal of Machine Learning Research 3, 463-482.

M. Mohri, A. Rostamizadeh, A. Talwalkar (2018), Foundations of Machine Learning, 2nd edition, MIT
Press, chapters 3 and 6.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from fearless._validation import (
    RandomState,
    as_generator,
    check_int,
    check_matrix,
    check_positive,
    check_vector,
)

__all__ = ["ball_rademacher", "ball_rademacher_bound"]

_MAX_EXACT = 16
_BLOCK = 256


def ball_rademacher_bound(diagonal: ArrayLike, radius: float = 1.0) -> float:
    r"""Bound the empirical Rademacher complexity of a ball of a kernel's space by a trace.

    .. math::
        \hat{\mathfrak R}_S\bigl(\{ \norm{f} \le B \}\bigr)
        \le \frac{B}{n} \sqrt{\operatorname{tr} K_{XX}}

    It is at most sqrt(2) times the truth, by the inequality of Khintchine and Kahane with the best
    constant of Latala and Oleszkiewicz.

    Parameters
    ----------
    diagonal : array-like of shape (n,)
        The values K(x_i, x_i) >= 0.
    radius : float
        The radius B of the ball.

    Returns
    -------
    float
        The bound, ``B / sqrt(n)`` for a kernel with ``K(x, x) = 1``.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(n). Used in the section "What you see is not what you get".

    References
    ----------
    Mohri, Rostamizadeh and Talwalkar (2018), chapter 6; Bartlett and Mendelson (2002).

    Examples
    --------
    >>> ball_rademacher_bound([1.0] * 100, radius=2.0)
    0.2
    """
    values = check_vector(diagonal, "diagonal")
    if values.min() < 0:
        raise ValueError(f"diagonal has the entry {values.min()}; expected all >= 0")
    largest = float(values.max()) or 1.0  # the trace may overflow
    root = math.sqrt(largest) * math.sqrt((values / largest).sum(dtype=float))
    return check_positive(radius, "radius") * root / len(values)


def ball_rademacher(
    gram: ArrayLike,
    radius: float = 1.0,
    *,
    n_draws: int | None = 1000,
    random_state: RandomState = None,
) -> tuple[float, float]:
    r"""Compute the empirical Rademacher complexity of a ball of a kernel's space.

    By the reproducing property the supremum over the ball is a norm,

    .. math::
        \hat{\mathfrak R}_S = \E_s \sup_{\norm{f} \le B} \frac1n \sum_i s_i f(x_i)
        = \frac{B}{n} \, \E_s \sqrt{s^\top K_{XX} s},

    and only the mean over the signs s is left to sampling.

    Parameters
    ----------
    gram : array-like of shape (n, n)
        The kernel matrix K_XX, symmetric and positive semi-definite.
    radius : float
        The radius B of the ball.
    n_draws : int or None
        How many sign vectors to average over; None means all 2^n, for n <= 16.
    random_state : None, int or numpy.random.Generator
        The source of the signs.

    Returns
    -------
    value : float
        The mean.
    stderr : float
        Its standard error; 0 for the mean over all signs.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described, or gram has a negative quadratic form.

    Notes
    -----
    Cost O(n^2) a draw. Used in the section "What you see is not what you get".

    Examples
    --------
    >>> ball_rademacher([[1.0, 0.0], [0.0, 1.0]], n_draws=None)  # sqrt(2) / 2 for every sign
    (0.7071067811865476, 0.0)
    """
    gram = check_matrix(gram, "gram")
    n = len(gram)
    scale = float(np.abs(gram).max())
    if gram.shape != (n, n) or not np.allclose(gram, gram.T, rtol=0, atol=1e-6 * scale):
        raise ValueError(f"gram has shape {gram.shape}; expected a symmetric square matrix")
    radius = check_positive(radius, "radius")
    if n_draws is None:
        if n > _MAX_EXACT:
            raise ValueError(
                f"n_draws is None for n = {n}; expected a number when n > {_MAX_EXACT}"
            )
        # s and -s give the same: half of the sign vectors are enough.
        signs = 2.0 * ((np.arange(2 ** (n - 1))[:, None] >> np.arange(n)) & 1) - 1
        return radius * float(np.mean(_sign_norms(gram, signs))) / n, 0.0
    n_draws = check_int(n_draws, "n_draws", minimum=2)
    rng = as_generator(random_state)
    norms = np.concatenate(
        [
            _sign_norms(gram, 2.0 * rng.integers(2, size=(min(_BLOCK, n_draws - i), n)) - 1)
            for i in range(0, n_draws, _BLOCK)
        ]
    )
    factor = radius / n
    return factor * float(norms.mean()), factor * float(norms.std(ddof=1) / math.sqrt(n_draws))


def _sign_norms(gram: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """Return sqrt(s^T K s) for the rows s of signs."""
    largest = max(float(np.abs(gram).max()), 1e-300)  # divided out, so that no form overflows
    forms = np.einsum("ij,ij->i", (signs / largest) @ gram, signs)
    if forms.min() < -1e-6 * len(gram):
        raise ValueError(
            "gram has a negative quadratic form; expected a positive semi-definite one"
        )
    return math.sqrt(largest) * np.sqrt(np.maximum(forms, 0))
