"""Networks with and without scale on digits: several schedules, and training without noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fearless._validation import check_int
from fearless.experiments._threads import one_thread
from fearless.experiments.statistics import mean_and_error
from fearless.theory.rates.scale_invariant import equilibrium_norm

__all__ = ["RATE", "SCHEDULES", "NoiselessRun", "ScheduleRuns", "noiseless_run", "schedule_runs"]

#: The product eta lambda with which all schedules end.
RATE = 1e-3

#: Each a list of phases: the share of all steps at which it ends, eta, and lambda.
SCHEDULES: Mapping[str, Sequence[tuple[float, float, float]]] = {
    "constant": [(1.0, 0.4, RATE / 0.4)],
    "small steps": [(1.0, 0.1, RATE / 0.1)],
    "hot start": [(0.25, 1.6, 1e-2 / 1.6), (1.0, 0.4, RATE / 0.4)],
    "cold start": [(0.25, 0.2, 1e-4 / 0.2), (1.0, 0.8, RATE / 0.8)],
}

_WIDTH = 32
_N_TRAIN = 1000


@dataclass(frozen=True, eq=False)
class ScheduleRuns:
    """Networks trained on digits, some seeds for each schedule.

    Attributes
    ----------
    names : tuple of str
        The P schedules.
    end_step, end_decay : ndarray of shape (P,)
        Step size and weight decay of the last phase.
    steps : ndarray of shape (t,), int
    loss, error : ndarray of shape (P, S, t)
        Training loss and test error.
    norm : ndarray of shape (2, P, S, t)
        Length of the weights of the hidden and of the outer layer.
    log_cosine, late_noise : ndarray of shape (2, P, S)
        As in `fearless.networks.scale_invariant.DecayRun`.
    log_decay : ndarray of shape (P,)
        Mean of ``log(1 - eta lambda)`` over all steps.
    late : float
        The share of the steps, at the end, over which `late_mean` averages.
    """

    names: tuple[str, ...]
    end_step: NDArray[np.float64]
    end_decay: NDArray[np.float64]
    steps: NDArray[np.int64]
    loss: NDArray[np.float64]
    error: NDArray[np.float64]
    norm: NDArray[np.float64]
    log_cosine: NDArray[np.float64]
    late_noise: NDArray[np.float64]
    log_decay: NDArray[np.float64]
    late: float = 0.375

    @property
    def turning(self) -> NDArray[np.float64]:
        """``log_cosine`` less ``log(|w_0| / |w_T|) / T``, of shape (2, P, S)."""
        return self.log_cosine - np.log(self.norm[..., 0] / self.norm[..., -1]) / self.steps[-1]

    @property
    def predicted_norm(self) -> NDArray[np.float64]:
        """The length in equilibrium from the noise of each run, of shape (2, P, S)."""
        return equilibrium_norm(self.end_step[:, None], self.end_decay[:, None], self.late_noise)

    @property
    def settled_norm(self) -> NDArray[np.float64]:
        """Fourth root of the mean of |w|^4 over the end of training, of shape (2, P, S)."""
        return self.late_mean(self.norm**4) ** 0.25

    def late_mean(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Average records over the end of training.

        Parameters
        ----------
        values : ndarray of shape (..., t)

        Returns
        -------
        ndarray of shape (...)
        """
        return values[..., self.steps >= (1 - self.late) * self.steps[-1]].mean(axis=-1)

    def differences(
        self, values: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Compare each two schedules: differences of the means over seeds, and standard errors.

        Parameters
        ----------
        values : ndarray of shape (P, S)

        Returns
        -------
        difference, error : ndarray of shape (P (P - 1) / 2,)
        """
        mean, error = mean_and_error(values.T)
        i, j = np.triu_indices(len(mean), 1)
        return mean[i] - mean[j], np.hypot(error[i], error[j])


def schedule_runs(
    schedules: Mapping[str, Sequence[tuple[float, float, float]]] = SCHEDULES,
    *,
    normalize: bool = True,
    n_steps: int = 3600,
    n_seeds: int = 6,
    random_state: int = 0,
) -> ScheduleRuns:
    """Train networks of 32 hidden units on 1,000 digits with each schedule, several seeds each.

    Parameters
    ----------
    schedules : mapping of str to phases
        As `SCHEDULES`.
    normalize : bool
        Whether the networks are scale-invariant, or ordinary ones.
    n_steps : int
    n_seeds : int
        Runs of each schedule, each with its own weights and batches.
    random_state : int

    Returns
    -------
    ScheduleRuns
    """
    from fearless.networks.scale_invariant import NormalizedNetworks, train_with_decay

    n_steps, n_seeds = check_int(n_steps, "n_steps"), check_int(n_seeds, "n_seeds")
    P = len(schedules)
    values = np.empty((2, n_steps, P, n_seeds))
    for p, (name, phases) in enumerate(schedules.items()):
        if phases[-1][0] != 1:
            raise ValueError(f"schedules[{name!r}] ends at {phases[-1][0]:g}; expected 1")
        first = 0
        for share, eta, decay in phases:
            last = round(share * n_steps)
            values[:, first:last, p] = np.array([eta, decay])[:, None, None]
            first = last
    flat = values.reshape(2, n_steps, P * n_seeds)
    rng = np.random.default_rng((random_state, 0))
    networks = NormalizedNetworks(
        64, _WIDTH, 10, P * n_seeds, normalize=normalize, norm=2.0, random_state=rng,
        scale=30.0 if normalize else 1.0,
    )  # fmt: skip
    with one_thread():
        run = train_with_decay(
            networks,
            *_digits(_N_TRAIN),
            step_size=flat[0],
            weight_decay=flat[1],
            n_steps=n_steps,
            random_state=rng,
        )
    shape = (P, n_seeds)
    return ScheduleRuns(
        names=tuple(schedules),
        end_step=values[0, -1, :, 0],
        end_decay=values[1, -1, :, 0],
        steps=run.steps,
        loss=run.loss.reshape(*shape, -1),
        error=run.error.reshape(*shape, -1),
        norm=run.norm.reshape(2, *shape, -1),
        log_cosine=run.log_cosine.reshape(2, *shape),
        late_noise=run.late_noise.reshape(2, *shape),
        log_decay=np.log1p(-values[0, :, :, 0] * values[1, :, :, 0]).mean(axis=0),
    )


@dataclass(frozen=True, eq=False)
class NoiselessRun:
    """Gradient descent with weight decay on all samples at once, without noise.

    Attributes
    ----------
    steps : ndarray of shape (t,), int
    loss : ndarray of shape (S, t)
        Training loss.
    norm : ndarray of shape (2, S, t)
        Length of the weights of the hidden and of the outer layer.
    log_cosine : ndarray of shape (2, S)
        Mean logarithm of the cosine of the angle of a step.
    rate : float
        eta lambda.
    """

    steps: NDArray[np.int64]
    loss: NDArray[np.float64]
    norm: NDArray[np.float64]
    log_cosine: NDArray[np.float64]
    rate: float

    @property
    def leap(self) -> NDArray[np.float64]:
        """The largest ratio of a loss to the smallest one before it, once that is below 0.01."""
        least = np.minimum.accumulate(self.loss, axis=1)
        return np.where(least < 0.01, self.loss / least, 0).max(axis=1)

    @property
    def turning(self) -> NDArray[np.float64]:
        """``log_cosine`` less ``log(|w_0| / |w_T|) / T``, of shape (2, S)."""
        return self.log_cosine - np.log(self.norm[..., 0] / self.norm[..., -1]) / self.steps[-1]


def noiseless_run(
    *,
    rate: float = RATE,
    step_size: float = 0.4,
    n_train: int = 100,
    n_steps: int = 4000,
    n_seeds: int = 2,
    random_state: int = 0,
) -> NoiselessRun:
    """Train scale-invariant networks on few digits, always on all of them.

    Parameters
    ----------
    rate : float
        eta lambda.
    step_size : float
        eta.
    n_train, n_steps, n_seeds : int
    random_state : int

    Returns
    -------
    NoiselessRun
        Recorded every 5 steps.
    """
    from fearless.networks.scale_invariant import NormalizedNetworks, train_with_decay

    rng = np.random.default_rng((random_state, 1))
    networks = NormalizedNetworks(64, _WIDTH, 10, n_seeds, norm=2.0, random_state=rng)
    X, y, X_test, y_test = _digits(n_train)
    with one_thread():
        run = train_with_decay(
            networks,
            X,
            y,
            X_test[:10],
            y_test[:10],
            step_size=step_size,
            weight_decay=rate / step_size,
            n_steps=n_steps,
            batch_size=None,
            record=5,
        )
    return NoiselessRun(run.steps, run.loss, run.norm, run.log_cosine, rate)


def _digits(n_train: int) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Return digits of 8 x 8 pixels, centred, of mean squared length one, in two parts."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(X))
    X = X - X[rows[:n_train]].mean(axis=0)
    X /= np.sqrt((X[rows[:n_train]] ** 2).sum(axis=1).mean())
    train, test = rows[:n_train], rows[n_train:]
    return X[train], y[train], X[test], y[test]
