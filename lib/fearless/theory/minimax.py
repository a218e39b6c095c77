r"""Minimax rates of nonparametric regression: the best that any estimator can promise."""

from __future__ import annotations

from fearless._validation import check_int, check_positive

__all__ = ["minimax_bandwidth", "minimax_exponent"]


def minimax_exponent(smoothness: float, d: int) -> float:
    r"""Compute the exponent r of the minimax rate n^{-r} of the squared error.

    .. math:: r = \frac{2 \beta}{2 \beta + d}

    Over the regression functions of Hölder smoothness beta in d dimensions, no estimator has a
    smaller worst-case squared error than a constant times n^{-r}.

    Parameters
    ----------
    smoothness : float
        The smoothness beta > 0: 1 for Lipschitz functions, 2 for a Lipschitz derivative.
    d : int
        The dimension.

    Returns
    -------
    float
        The exponent, between 0 and 1.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(1). Used in the section "Nearest neighbours and singular kernels".

    References
    ----------
    C. J. Stone (1982), Optimal global rates of convergence for nonparametric regression, Annals of
    Statistics 10(4).

    Examples
    --------
    >>> minimax_exponent(2, 1)
    0.8
    """
    smoothness = check_positive(smoothness, "smoothness")
    return smoothness / (smoothness + check_int(d, "d") / 2)  # 2 beta may overflow


def minimax_bandwidth(n: int, smoothness: float, d: int, *, scale: float = 1.0) -> float:
    r"""Compute the bandwidth at which a kernel smoother attains the minimax rate.

    .. math:: h = c \, n^{-1/(2 \beta + d)}

    It makes the squared bias h^{2 beta} and the variance 1 / (n h^d) fall at the same rate.

    Parameters
    ----------
    n : int
        The number of samples.
    smoothness : float
        The smoothness beta > 0.
    d : int
        The dimension.
    scale : float, default 1
        The factor c, which the rate leaves open.

    Returns
    -------
    float
        The bandwidth.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(1). Used in the section "Nearest neighbours and singular kernels".

    References
    ----------
    M. Belkin, A. Rakhlin, A. B. Tsybakov (2019), Does data interpolation contradict statistical
    optimality?, AISTATS.

    Examples
    --------
    >>> minimax_bandwidth(32, 2, 1)
    0.5
    """
    n, d = check_int(n, "n"), check_int(d, "d")
    smoothness = check_positive(smoothness, "smoothness")
    return check_positive(scale, "scale") * n ** (-1 / (2 * smoothness + d))
