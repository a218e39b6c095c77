r"""Uniform bounds on the risk: what the training error promises, with every constant.

All are of one form: with probability at least 1 - delta over n independent samples, for *all*
functions f of a class at once,

    risk(f) <= training risk(f) + complexity of the class + confidence term.

The complexity of a ball of a kernel's space, on which the margin bound rests, is in
`fearless.theory.rademacher`.

References
----------
P. Bartlett, S. Mendelson (2002), Rademacher and Gaussian complexities: risk bounds and structural
results, Journal of Machine Learning Research 3, 463-482.

M. Mohri, A. Rostamizadeh, A. Talwalkar (2018), Foundations of Machine Learning, 2nd edition, MIT
Press, chapters 3, 5, 6 and 9.

A. Maurer (2016), A vector-contraction inequality for Rademacher complexities, Algorithmic Learning
Theory.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from fearless._validation import check_int, check_positive, check_probability

__all__ = [
    "RiskBound",
    "interpolant_norm_floor",
    "margin_bound",
    "vc_bound",
]

# Ratio of consecutive radii in `margin_bound`: the bound is at most this much larger than for
# the norm itself, and the confidence term hardly notices the number of balls.
_RADIUS_RATIO = 1.1


@dataclass(frozen=True)
class RiskBound:
    """A bound on the risk and what it is made of.

    Attributes
    ----------
    training : float
        The training risk that enters: zero-one, or at a margin.
    complexity : float
        The term of the class.
    confidence : float
        The term of the probability delta.
    """

    training: float
    complexity: float
    confidence: float

    @property
    def value(self) -> float:
        """The bound: the sum of the three. From 1 on it says nothing about an error rate."""
        return self.training + self.complexity + self.confidence

    @property
    def vacuous(self) -> bool:
        """Whether it promises nothing, because no error rate exceeds 1."""
        return self.value >= 1


def margin_bound(
    n_samples: int,
    norm: float,
    *,
    margin: float = 1.0,
    margin_error: float = 0.0,
    n_classes: int = 2,
    sup_kernel: float = 1.0,
    delta: float = 0.05,
) -> RiskBound:
    r"""Bound the zero-one risk of a function in a kernel's space by its margin and its norm.

    Let K(x, x) <= kappa^2 for all x, and fix the margin gamma > 0 before the data are seen. With
    probability at least 1 - delta over n independent samples, for *every* f in the space, with
    j = 0, 1, 2, ... the least exponent for which B_f = 1.1^j is not below the norm of f,

    .. math::
        R(f) \le \hat R_\gamma(f) + \frac{c_k \, \kappa B_f}{\gamma \sqrt n}
        + \sqrt{\frac{\log\bigl((j+1)(j+2) / \delta\bigr)}{2 n}},
        \qquad c_2 = 2, \quad c_k = 4 \sqrt k .

    For two classes f is real, the rule its sign and the margin of a sample y f(x), y = +-1. For
    k classes f has k entries, the rule takes the largest, the margin is f_y - max of the others,
    and the norm the root of the sum of the squared norms of the entries.

    Parameters
    ----------
    n_samples : int
        The number n of samples.
    norm : float
        The norm of f; it may depend on the data.
    margin : float
        The margin gamma.
    margin_error : float
        The training risk at the margin, the mean of min(1, max(0, 1 - margin of sample i / gamma))
        or anything larger, such as the share of margins below gamma. It is 0 for an interpolant of
        labels +-1 or one-hot at gamma = 1.
    n_classes : int
        The number k of classes; 2 means one real function and labels +-1.
    sup_kernel : float
        The supremum kappa^2 of K(x, x).
    delta : float
        The probability that the statement fails, in (0, 1).

    Returns
    -------
    RiskBound
        Its value may exceed 1.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    For two classes and a fixed ball this is in chapter 6 of Mohri, Rostamizadeh and Talwalkar
    (2018). Here balls of radius 1.1^j, j = 0, 1, 2, ..., share delta in parts
    delta / ((j + 1) (j + 2)), which sum up to delta. For k classes the margin is a
    sqrt(2)-Lipschitz function of f(x) in the Euclidean norm, and the vector contraction of Maurer
    (2016) costs another sqrt(2). Used in the section "What you see is not what you get".

    Examples
    --------
    >>> bound = margin_bound(10_000, norm=1.1**2)
    >>> round(bound.complexity, 4), round(bound.confidence, 4)
    (0.0242, 0.0166)
    """
    n = check_int(n_samples, "n_samples")
    norm = check_positive(norm, "norm", allow_zero=True)
    k = check_int(n_classes, "n_classes", minimum=2)
    level = max(0, math.ceil(math.log(norm, _RADIUS_RATIO) - 1e-9)) if norm > 0 else 0
    try:
        while norm > _RADIUS_RATIO**level:  # the logarithm was rounded
            level += 1
        radius = _RADIUS_RATIO**level
    except OverflowError as error:
        raise ValueError(f"norm is {norm}; expected a smaller one: its ball overflows") from error
    constant = 2.0 if k == 2 else 4 * math.sqrt(k)
    kappa = math.sqrt(check_positive(sup_kernel, "sup_kernel"))
    complexity = constant * kappa * radius / (check_positive(margin, "margin") * math.sqrt(n))
    shares = math.log((level + 1) * (level + 2))
    return RiskBound(
        training=check_probability(margin_error, "margin_error"),
        complexity=complexity,
        confidence=_hoeffding(n, shares - math.log(_check_delta(delta))),
    )


def vc_bound(
    n_samples: int, vc_dimension: int, *, training_error: float = 0.0, delta: float = 0.05
) -> RiskBound:
    r"""Bound the zero-one risk of all classifiers of a class by its VC dimension.

    .. math::
        R(f) \le \hat R(f) + \sqrt{\frac{2 \log \Pi(n)}{n}} + \sqrt{\frac{\log(1/\delta)}{2n}},
        \qquad \log \Pi(n) \le \min\Bigl(n \log 2, \; D \log \frac{e n}{D}\Bigr)

    where Pi(n), the growth function, is the largest number of labellings of n points; the second
    entry of the minimum, Sauer's lemma, is for n >= D.

    Parameters
    ----------
    n_samples : int
        The number n of samples.
    vc_dimension : int
        The dimension D. From D = n on the class can label n points in all 2^n ways, and the bound
        exceeds 1 whatever the training error.
    training_error : float
        The share of training samples that f gets wrong.
    delta : float
        The probability that the statement fails, in (0, 1).

    Returns
    -------
    RiskBound
        Its value may exceed 1.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Used in the section "What you see is not what you get".

    References
    ----------
    Mohri, Rostamizadeh and Talwalkar (2018), chapter 3.

    Examples
    --------
    >>> vc_bound(1000, 1000).vacuous, round(vc_bound(100_000, 100).value, 3)
    (True, 0.13)
    """
    n = check_int(n_samples, "n_samples")
    dimension = check_int(vc_dimension, "vc_dimension")
    labellings = n * math.log(2)
    if dimension <= n:
        labellings = min(labellings, dimension * math.log(math.e * n / dimension))
    return RiskBound(
        training=check_probability(training_error, "training_error"),
        complexity=math.sqrt(2 * labellings / n),
        confidence=_hoeffding(n, -math.log(_check_delta(delta))),
    )


def interpolant_norm_floor(n_samples: int, variance: float, *, delta: float | None = None) -> float:
    r"""Compute the least norm that interpolating noisy labels +-1 costs, in any kernel's space.

    Let K(x, x) <= 1 and let the labels have noise, sigma^2 = E Var(y | x). Whatever the kernel,
    the dimension and the distribution of x, every f in the space with f(x_i) = y_i for all i has

    .. math::
        \E \norm{f}^2 \ge n \sigma^2
        \qquad\text{and}\qquad
        \norm{f}^2 \ge n \sigma^2 - \sqrt{8 n \log(1 / \delta)}

    the second for labels +-1 and with probability at least 1 - delta. (If no f interpolates, its
    norm counts as infinite.)

    Parameters
    ----------
    n_samples : int
        The number n of samples.
    variance : float
        The mean conditional variance sigma^2 of the labels, in [0, 1]; of several outputs, the
        sum of theirs (the first formula holds for the sum of their squared norms).
    delta : float, optional
        The probability that the statement fails; None means the root mean square.

    Returns
    -------
    float
        The floor of the norm (not squared); 0 where the second formula is negative.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Adding a sample to a min-norm interpolant adds (y - f(x))^2 / P(x)^2 to the squared norm, where
    P(x)^2 <= K(x, x) is the squared distance of K(x, .) to the span of the others. The sample is
    independent of f, so that the numerator is at least sigma^2 in the mean; clipping f to [-1, 1]
    keeps that and bounds it by 4, and the inequality of Azuma and Hoeffding gives the second form.
    Used in the section "What you see is not what you get".

    Examples
    --------
    >>> interpolant_norm_floor(100, 0.36)
    6.0
    """
    n = check_int(n_samples, "n_samples")
    variance = check_probability(variance, "variance")
    loss = 0.0 if delta is None else math.sqrt(-8 * n * math.log(_check_delta(delta)))
    return math.sqrt(max(n * variance - loss, 0.0))


def _check_delta(delta: float) -> float:
    delta = check_probability(delta, "delta")
    if not 0 < delta < 1:
        raise ValueError(f"delta is {delta}; expected a probability above 0 and below 1")
    return delta


def _hoeffding(n: int, log_inverse: float) -> float:
    """Return the term for log(1 / delta), which is finite also where 1 / delta is not."""
    return math.sqrt(log_inverse / (2 * n))
