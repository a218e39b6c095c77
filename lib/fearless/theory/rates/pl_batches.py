r"""Mini-batch SGD under PL* and interpolation: the guarantee without convexity.

The loss L = (1/n) sum_i l_i is mu-PL*, |grad L|^2 / 2 >= mu L, and L_1-smooth; no single loss is
negative, and |grad l_i|^2 <= 2 beta l_i, which holds if l_i is beta-smooth. A step against the mean
gradient of m samples, drawn with replacement, then has E L(w') <= q L(w) with

    q = 1 - 2 mu eta + eta^2 L_1 (beta + (m - 1) mu) / m       for eta <= 2 m / ((m - 1) L_1).

References
----------
R. Bassily, M. Belkin, S. Ma (2018), On exponential convergence of SGD in non-convex
over-parametrized learning, arXiv:1811.02564.
"""

from __future__ import annotations

from fearless._validation import check_int, check_positive

__all__ = ["pl_sgd_rate", "pl_sgd_step_size"]


def pl_sgd_step_size(batch_size: int, mu: float, smoothness: float, sample_bound: float) -> float:
    r"""Compute the step size with the best guarantee.

    .. math:: \eta^* = \frac{m\, \mu}{L_1 (\beta + (m - 1) \mu)}

    Parameters
    ----------
    batch_size : int
        m.
    mu : float
        The PL* constant.
    smoothness : float
        L_1 of the mean loss, at least mu.
    sample_bound : float
        beta, at least mu.

    Returns
    -------
    float
        eta*; for large batches the 1 / L_1 of gradient descent.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(1). Used in the section "SGD under interpolation".

    Examples
    --------
    >>> pl_sgd_step_size(1, 0.1, 0.5, 2.0)
    0.1
    """
    m, mu, smoothness, beta = _check(batch_size, mu, smoothness, sample_bound)
    return m * mu / (smoothness * (beta + (m - 1) * mu))


def pl_sgd_rate(
    batch_size: int,
    mu: float,
    smoothness: float,
    sample_bound: float,
    step_size: float | None = None,
) -> float:
    r"""Compute the factor by which a step shrinks the mean loss at least.

    .. math:: q = 1 - 2 \mu \eta + \frac{\eta^2 L_1}{m} (\beta + (m - 1) \mu),
        \qquad q^* = 1 - \mu\, \eta^*

    Parameters
    ----------
    batch_size : int
        m.
    mu, smoothness, sample_bound : float
        mu, L_1 and beta.
    step_size : float, optional
        eta, at most 2 m / ((m - 1) L_1); by default eta*.

    Returns
    -------
    float
        q; above 1 it guarantees nothing.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described, or the step is too long for the formula to hold.

    Notes
    -----
    Cost O(1). Used in the section "SGD under interpolation".

    Examples
    --------
    >>> round(pl_sgd_rate(1, 0.1, 0.5, 2.0), 6)
    0.99
    """
    m, mu, smoothness, beta = _check(batch_size, mu, smoothness, sample_bound)
    if step_size is None:
        return 1 - mu * pl_sgd_step_size(m, mu, smoothness, beta)
    eta = check_positive(step_size, "step_size")
    if eta * (m - 1) * smoothness > 2 * m:
        raise ValueError(
            f"step_size is {eta!r}; expected at most 2 m / ((m - 1) L_1) = "
            f"{2 * m / ((m - 1) * smoothness):.6g}"
        )
    return 1 - 2 * mu * eta + eta**2 * smoothness * (beta + (m - 1) * mu) / m


def _check(
    batch_size: int, mu: float, smoothness: float, sample_bound: float
) -> tuple[int, float, float, float]:
    m = check_int(batch_size, "batch_size")
    mu = check_positive(mu, "mu")
    smoothness = check_positive(smoothness, "smoothness")
    beta = check_positive(sample_bound, "sample_bound")
    for name, value in (("smoothness", smoothness), ("sample_bound", beta)):
        if mu > value * (1 + 1e-12):
            raise ValueError(f"mu is {mu!r} and {name} {value!r}; expected mu <= {name}")
    return m, mu, smoothness, beta
