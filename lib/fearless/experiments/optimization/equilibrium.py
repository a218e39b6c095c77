"""A loss without scale whose equilibrium has a closed form: the Rayleigh quotient under noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fearless._validation import RandomState, as_generator, check_int, check_positive
from fearless.theory.rates.scale_invariant import (
    equilibrium_norm,
    norm_path,
    rayleigh_equilibrium_loss,
    relaxation_time,
)

__all__ = [
    "DIMENSION",
    "EquilibriumSweep",
    "SphereRuns",
    "equilibrium_sweep",
    "relaxation_times",
    "sphere_runs",
]

DIMENSION = 50
_NOISE = DIMENSION - 1.0  # of standard normal noise on the sphere; the mean gradient adds < 1/4


@dataclass(frozen=True, eq=False)
class SphereRuns:
    """SGD with weight decay on a noisy Rayleigh quotient: P pairs of settings, S seeds each.

    Attributes
    ----------
    step_sizes, weight_decays : ndarray of shape (P,)
        eta and lambda.
    steps : ndarray of shape (t,), int
        The steps that were recorded; step 0 is the start.
    norm : ndarray of shape (P, S, t)
        |w_t|.
    loss : ndarray of shape (P, S, t)
        The loss without the noise, (1 - <u, e>^2) / 2 for the direction u of w_t.
    mean_fourth : ndarray of shape (P, S)
        |w_t|^4, averaged over the second half of the steps.
    mean_loss : ndarray of shape (P, S)
        The loss, averaged in the same way.
    """

    step_sizes: NDArray[np.float64]
    weight_decays: NDArray[np.float64]
    steps: NDArray[np.int64]
    norm: NDArray[np.float64]
    loss: NDArray[np.float64]
    mean_fourth: NDArray[np.float64]
    mean_loss: NDArray[np.float64]

    @property
    def rate(self) -> float:
        """The product eta lambda of the first pair."""
        return float(self.step_sizes[0] * self.weight_decays[0])

    @property
    def time_constant(self) -> float:
        """In how many steps the length comes e times closer to its limit."""
        return float(relaxation_time(self.rate))

    @property
    def predicted_norm(self) -> NDArray[np.float64]:
        """What the recursion for a gradient of constant length makes of |w_t|, shape (P, t)."""
        path = norm_path(
            self.norm[:, 0, 0], self.step_sizes, self.weight_decays, _NOISE, int(self.steps[-1])
        )
        return path[:, self.steps]

    @property
    def predicted_loss(self) -> float:
        """The loss in equilibrium."""
        return float(rayleigh_equilibrium_loss(self.rate, DIMENSION))


def sphere_runs(
    step_sizes: Sequence[float],
    weight_decays: Sequence[float],
    *,
    n_steps: int = 10_000,
    n_seeds: int = 8,
    start: float | Sequence[float] = 1.0,
    same_noise: bool = False,
    random_state: RandomState = 0,
) -> SphereRuns:
    r"""Run SGD with weight decay on a loss without scale, in dimension 50.

    .. math:: \ell(w; \xi) = \frac12 \Bigl( 1 - \frac{\langle w, e\rangle^2}{|w|^2} \Bigr)
        + \frac{\langle \xi, w \rangle}{|w|}, \qquad \xi \sim N(0, I)

    Parameters
    ----------
    step_sizes, weight_decays : sequences of P floats
        eta > 0 and lambda > 0.
    n_steps : int
    n_seeds : int
        Runs of each pair.
    start : float or sequence of P floats
        |w_0|; the directions are random.
    same_noise : bool
        Whether run s of all pairs has the same start and the same noise.
    random_state : None, int or numpy.random.Generator

    Returns
    -------
    SphereRuns
        Recorded at about 120 steps, evenly on a log scale.
    """
    n_steps, n_seeds = check_int(n_steps, "n_steps"), check_int(n_seeds, "n_seeds")
    pairs = [
        (check_positive(eta, "step_sizes"), check_positive(decay, "weight_decays"))
        for eta, decay in zip(step_sizes, weight_decays, strict=True)
    ]
    P, D = len(pairs), DIMENSION
    shape = (1 if same_noise else P, n_seeds, D)
    rng = as_generator(random_state)
    eta, decay = np.array(pairs).T[:, :, None, None]
    w = np.broadcast_to(rng.standard_normal(shape), (P, n_seeds, D)).copy()
    starts = [check_positive(float(value), "start") for value in np.broadcast_to(start, P)]
    w *= np.array(starts)[:, None, None] / np.linalg.norm(w, axis=2, keepdims=True)
    times = np.unique(np.geomspace(1, n_steps, 120).astype(int))
    times = np.concatenate([[0], times])
    recorded = set(times.tolist())
    norms, losses = [], []
    half = n_steps // 2
    sums = np.zeros((2, P, n_seeds))
    for t in range(n_steps + 1):
        length = np.sqrt(np.einsum("psd,psd->ps", w, w))[:, :, None]
        u = w / length
        loss = (1 - u[:, :, 0] ** 2) / 2
        if t in recorded:
            norms.append(length[:, :, 0])
            losses.append(loss)
        if t == n_steps:
            break
        gradient = np.broadcast_to(rng.standard_normal(shape), w.shape).copy()
        gradient[:, :, 0] -= u[:, :, 0]
        gradient -= np.einsum("psd,psd->ps", gradient, u)[:, :, None] * u
        w = (1 - eta * decay) * w - (eta / length) * gradient
        if t >= half:
            sums += length[:, :, 0] ** 4, loss
    mean_fourth, mean_loss = sums / (n_steps - half)
    return SphereRuns(
        step_sizes=eta.ravel(),
        weight_decays=decay.ravel(),
        steps=times,
        norm=np.stack(norms, axis=2),
        loss=np.stack(losses, axis=2),
        mean_fourth=mean_fourth,
        mean_loss=mean_loss,
    )


def relaxation_times(
    rates: Sequence[float],
    *,
    step_size: float = 1.0,
    n_seeds: int = 20,
    excess: float = 2.0,
    random_state: RandomState = 0,
) -> NDArray[np.float64]:
    """Measure in how many steps |w|^4 comes e times closer to its equilibrium, from above.

    Every run starts at ``excess`` times the squared length of the equilibrium, and the fourth
    powers are averaged over seeds before the distance is taken.

    Parameters
    ----------
    rates : sequence of floats
        eta lambda, at most 0.1: beyond that the length arrives within a step or two.
    step_size : float
        eta.
    n_seeds : int
    excess : float
        Above 1.
    random_state : None, int or numpy.random.Generator

    Returns
    -------
    ndarray of shape (len(rates),)
        Interpolated between steps.

    Raises
    ------
    ValueError
        A rate or the excess is not as described.
    """
    if not (np.asarray(rates, float) <= 0.1).all():
        raise ValueError(f"rates: expected at most 0.1, found {np.max(rates):g}")
    if not excess > 1:
        raise ValueError(f"excess is {excess:g}; expected more than 1")
    rng = as_generator(random_state)
    times = []
    for rate in rates:
        limit = float(equilibrium_norm(step_size, rate / step_size, _NOISE))
        runs = sphere_runs(
            [step_size],
            [rate / step_size],
            n_steps=int(np.ceil(3 * relaxation_time(rate))) + 2,
            n_seeds=n_seeds,
            start=np.sqrt(excess) * limit,
            random_state=rng,
        )
        gap = (runs.norm[0] ** 4).mean(axis=0) / limit**4 - 1
        first = int(np.argmax(gap < gap[0] / np.e))
        ends = np.log(gap[first - 1 : first + 1])
        part = (ends[0] - np.log(gap[0]) + 1) / (ends[0] - ends[1])
        times.append(runs.steps[first - 1] + part * np.diff(runs.steps[first - 1 : first + 1])[0])
    return np.array(times)


@dataclass(frozen=True, eq=False)
class EquilibriumSweep:
    """What the runs settle at, for several products and several step sizes.

    Attributes
    ----------
    rates : ndarray of shape (g,)
        eta lambda.
    step_sizes : ndarray of shape (P,)
        eta.
    loss : ndarray of shape (P, S, g)
        Mean loss in equilibrium, of each seed.
    norm : ndarray of shape (P, S, g)
        Fourth root of the mean of |w|^4.
    """

    rates: NDArray[np.float64]
    step_sizes: NDArray[np.float64]
    loss: NDArray[np.float64]
    norm: NDArray[np.float64]

    @property
    def grid(self) -> NDArray[np.float64]:
        """Rates for a smooth curve."""
        return np.geomspace(self.rates[0], self.rates[-1], 50)

    def time_constant(self, rates: NDArray) -> NDArray[np.float64]:
        """Return in how many steps the length comes e times closer to its limit.

        Parameters
        ----------
        rates : ndarray

        Returns
        -------
        ndarray
        """
        return relaxation_time(rates)

    def predicted_loss(self, rates: NDArray) -> NDArray[np.float64]:
        """Return the closed form of the loss in equilibrium.

        Parameters
        ----------
        rates : ndarray

        Returns
        -------
        ndarray
        """
        return rayleigh_equilibrium_loss(rates, DIMENSION)

    @property
    def predicted_norm(self) -> NDArray[np.float64]:
        """The closed form at every step size and rate, shape (P, g)."""
        eta = self.step_sizes[:, None]
        return equilibrium_norm(eta, self.rates / eta, _NOISE)


def equilibrium_sweep(
    rates: Sequence[float],
    step_sizes: Sequence[float] = (0.1, 1.0, 10.0),
    *,
    n_seeds: int = 10,
    random_state: RandomState = 0,
) -> EquilibriumSweep:
    """Run SGD with weight decay for 10 / (eta lambda) steps and average over their second half.

    Parameters
    ----------
    rates : sequence of g floats
        eta lambda.
    step_sizes : sequence of P floats
    n_seeds : int
        Runs of each pair.
    random_state : None, int or numpy.random.Generator

    Returns
    -------
    EquilibriumSweep
    """
    rng = as_generator(random_state)
    eta = np.array(step_sizes, float)
    runs = [
        sphere_runs(
            step_sizes,
            rate / eta,
            n_steps=max(int(10 / rate), 1000),
            n_seeds=n_seeds,
            start=equilibrium_norm(eta, rate / eta, _NOISE),
            random_state=rng,
        )
        for rate in rates
    ]
    return EquilibriumSweep(
        rates=np.array(rates, float),
        step_sizes=eta,
        loss=np.stack([run.mean_loss for run in runs], axis=2),
        norm=np.stack([run.mean_fourth for run in runs], axis=2) ** 0.25,
    )
