"""Perturbed stochastic gradient descent, which cannot stay at a saddle point."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import RandomState, as_seed_sequence
from fearless.optimization.escape import (
    Draws,
    EscapeTrace,
    batch_weights,
    check_batch,
    check_runs,
    escape_runs,
)
from fearless.optimization.saddles import UnitLosses

__all__ = ["perturbed_descent"]


def perturbed_descent(
    objective: UnitLosses,
    start: ArrayLike,
    *,
    step_size: ArrayLike,
    radius: ArrayLike,
    n_steps: int,
    batch_size: ArrayLike | None = None,
    accuracy: ArrayLike | None = None,
    hessian_lipschitz: float | None = None,
    record: int | ArrayLike = 100,
    n_runs: int = 1,
    random_state: RandomState = None,
) -> EscapeTrace:
    r"""Run stochastic gradient descent with a little noise of our own in every step.

    .. math:: w_{t+1} = w_t - \eta \bigl( g_t + \theta_t \bigr), \qquad
        \theta_t \sim N\bigl(0, \tfrac{\tau^2}{p} I\bigr),

    where g_t is the mean gradient of a batch. With tau = 0 that is SGD itself. Settings may be
    numbers or arrays with one entry a run.

    Parameters
    ----------
    objective : UnitLosses
        The loss.
    start : array-like of shape (p,) or (R, p)
        Where to start.
    step_size : float or array-like of shape (R,)
        eta > 0.
    radius : float or array-like of shape (R,)
        tau >= 0, the root mean square length of a perturbation.
    n_steps : int
        Steps, at most.
    batch_size : int or array-like of shape (R,), optional
        Samples in a batch, drawn with replacement; more than n are allowed. All samples, and no
        noise but our own, by default.
    accuracy : float or array-like of shape (R,), optional
        epsilon: a run stops at the first epsilon-local minimum that it comes to, see
        `at_local_minimum`.
    hessian_lipschitz : float, optional
        M, needed with `accuracy`.
    record : int or array-like of int
        How many steps to record, besides the start, or which.
    n_runs : int
        R, where no setting says so.
    random_state : int, Generator or None
        Draws batches and perturbations; a run does not depend on those beside it.

    Returns
    -------
    EscapeTrace
        A run that diverges is reported as such, with +inf from there on.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(n p) a step and run, whatever the batch: a batch is drawn as counts of all samples. Used
    in the section "Escaping saddle points".

    References
    ----------
    C. Jin, P. Netrapalli, R. Ge, S. M. Kakade, M. I. Jordan (2021), On nonconvex optimization for
    machine learning: gradients, stochasticity, and saddle points, Journal of the ACM 68(2).

    Examples
    --------
    >>> import numpy as np
    >>> from fearless.optimization.saddles import QuadraticNetwork
    >>> objective = QuadraticNetwork(np.eye(2), [1.0, 1.0])
    >>> settings = dict(step_size=0.2, n_steps=300, batch_size=1, random_state=0)
    >>> perturbed_descent(objective, [0.0, 0.0], radius=[0.0, 1e-6], **settings).loss[:, -1] < 1e-9
    array([False,  True])
    """
    w, settings = check_runs(
        objective,
        start,
        n_runs,
        step_size=step_size,
        radius=radius,
        batch_size=batch_size,
        accuracy=accuracy,
    )
    runs, p = w.shape
    eta, tau = settings["step_size"], settings["radius"] / np.sqrt(p)
    if eta.min() <= 0:
        raise ValueError(f"step_size has the entry {eta.min()}; expected numbers > 0")
    batch = check_batch(settings.get("batch_size"), "batch_size")
    shake_seed, batch_seed = as_seed_sequence(random_state).spawn(2)
    shake = Draws(runs, shake_seed, p, lambda rng, i, k: rng.standard_normal((k, p)))
    if batch is None:
        sample = None
    else:
        n = objective.n_samples
        sample = Draws(runs, batch_seed, n, batch_weights(n, batch))

    def advance(w: NDArray, t: int, active: NDArray) -> NDArray:
        weights = None if sample is None else sample(active)
        noise = tau[active, None] * shake(active)
        return w - eta[active, None] * (objective.gradient(w, weights=weights) + noise)

    return escape_runs(
        objective,
        advance,
        w,
        n_steps=n_steps,
        record=record,
        calls=np.full(runs, objective.n_samples) if batch is None else batch,
        hessian_calls=None,
        accuracy=settings.get("accuracy"),
        hessian_lipschitz=hessian_lipschitz,
        settings=settings,
    )
