r"""More training can hurt: the exact risk of gradient flow when features live on several scales.

After R. Heckel and F. F. Yilmaz (2021), *Early stopping in deep networks: double descent and how to
eliminate it*. Each scale is learned at its own time and has a U-shaped risk of its own; the risk is
the sum, and a sum of shifted U's need not be a U.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import RandomState, as_generator, check_int, check_vector
from fearless.experiments.double_descent.spectra_by_design import BlockModel
from fearless.linear import GradientPath

__all__ = ["block_us", "flow_risks", "matched_step_sizes"]


def block_us(
    model: BlockModel, n: int, times: ArrayLike, *, step_sizes: ArrayLike | None = None
) -> NDArray[np.float64]:
    r"""Compute the U-shaped risk of each block under gradient flow, for orthogonal inputs.

    If :math:`X^\top X / n = \Sigma = \mathrm{diag}(\lambda_i)`, gradient flow on
    :math:`\frac{1}{2n} \|y - X w\|^2` from 0, sped up by the factor eta_b in block b, has the
    expected excess risk :math:`\sum_b U_b(t)`,

    .. math::
        U_b(t) = \sum_{i \in b} \Bigl( \lambda_i \beta_i^2 \, e^{-2 \eta_b \lambda_i t}
        + \frac{\sigma^2}{n} \bigl(1 - e^{-\eta_b \lambda_i t}\bigr)^2 \Bigr) .

    Parameters
    ----------
    model : BlockModel
    n : int
        Samples, at least as many as coefficients.
    times : array-like of shape (t,)
        Times >= 0.
    step_sizes : array-like of shape (blocks,), optional
        The factors eta_b > 0; 1 by default.

    Returns
    -------
    ndarray of shape (blocks, t)

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(t) a block. For random inputs it is the limit of many samples a coefficient; see
    `flow_risks`. Used in the section "More data can hurt; more training can hurt".

    References
    ----------
    R. Heckel, F. F. Yilmaz (2021), Early stopping in deep networks: double descent and how to
    eliminate it, ICLR.
    """
    n = check_int(n, "n", minimum=int(np.sum(model.sizes)))
    times = _check_times(times)
    rates = np.asarray(model.scales) * _check_steps(model, step_sizes)
    left = np.exp(-np.multiply.outer(rates, times))
    signal = np.asarray(model.energies)[:, None]
    floor = np.asarray(model.sizes)[:, None] * (model.noise / n)
    return signal * left**2 + floor * (1 - left) ** 2


def matched_step_sizes(model: BlockModel, n: int) -> NDArray[np.float64]:
    r"""Compute the step size of each block that makes all U's reach their minimum at t = 1.

    With signal s and noise v = sigma^2 / n in each coordinate, U is smallest where
    :math:`e^{-\eta \lambda t} = v / (s + v)`, so that

    .. math:: \eta_b = \frac{1}{\lambda_b} \log\Bigl(1 + \frac{s_b}{v}\Bigr) ,

    and the risk at t = 1 is the sum of the minima, :math:`\sum_b p_b \frac{s_b v}{s_b + v}`.

    Parameters
    ----------
    model : BlockModel
        With noise > 0 and energies > 0.
    n : int
        Samples.

    Returns
    -------
    ndarray of shape (blocks,)

    Raises
    ------
    TypeError, ValueError
        n is not a count, or there is no noise (then no U ever rises), or a block has no signal
        (then its U only rises).

    Notes
    -----
    Used in the section "More data can hurt; more training can hurt".
    """
    n = check_int(n, "n")
    energies = np.asarray(model.energies, dtype=float)
    if model.noise == 0 or energies.min() == 0:
        raise ValueError(
            f"noise is {model.noise} and energies are {model.energies}; expected numbers > 0"
        )
    signal = energies / np.asarray(model.sizes)
    return np.log1p(signal * n / model.noise) / np.asarray(model.scales)


def flow_risks(
    model: BlockModel,
    n: int,
    times: ArrayLike,
    *,
    step_sizes: ArrayLike | None = None,
    n_repeats: int = 20,
    random_state: RandomState = 0,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Compute excess risks of gradient flow on Gaussian data, for many times.

    Every repetition draws its own inputs and targets.

    Parameters
    ----------
    model : BlockModel
    n : int
        Samples.
    times : array-like of shape (t,)
        Times >= 0.
    step_sizes : array-like of shape (blocks,), optional
        Factors eta_b > 0 by which the blocks are sped up.
    n_repeats : int
    random_state : None, int or Generator

    Returns
    -------
    expected : ndarray of shape (n_repeats, t)
        Given the inputs, the mean over the noise, in closed form.
    runs : ndarray of shape (n_repeats, t)
        The exact excess risk of the run on the targets drawn.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    One singular value decomposition a repetition, then O(t p^2). Step sizes for each coordinate are
    the plain flow in the coordinates eta_i^{-1/2} w_i. Used in the section "More data can hurt;
    more training can hurt".
    """
    times = _check_times(times)
    n = check_int(n, "n")
    stretch = np.sqrt(np.repeat(_check_steps(model, step_sizes), model.sizes))
    covariance, truth = model.eigenvalues * stretch**2, model.coef / stretch
    rng = as_generator(random_state)
    expected, runs = [], []
    for _ in range(check_int(n_repeats, "n_repeats")):
        X, y = model.sample(n, rng)
        path = GradientPath(X * stretch, y)
        filters = path.flow_filter(times)
        risk = path.expected_risk(filters, truth, noise=model.noise, covariance=covariance)
        expected.append(risk.excess)
        runs.append(path.risk(filters, truth, covariance))
    return np.array(expected), np.array(runs)


def _check_times(times: ArrayLike) -> NDArray[np.float64]:
    times = check_vector(times, "times").astype(np.float64)
    if times.min() < 0:
        raise ValueError(f"times contains {times.min()}; expected numbers >= 0")
    return times


def _check_steps(model: BlockModel, step_sizes: ArrayLike | None) -> NDArray[np.float64]:
    if step_sizes is None:
        return np.ones(len(model.sizes))
    steps = check_vector(step_sizes, "step_sizes", length=len(model.sizes)).astype(np.float64)
    if steps.min() <= 0:
        raise ValueError(f"step_sizes contains {steps.min()}; expected numbers > 0")
    return steps
