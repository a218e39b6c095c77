"""Momentum and preconditioning on a kernel machine for digits: expected losses and runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from fearless._validation import check_int
from fearless.data.real import Dataset
from fearless.experiments.statistics import mean_and_error
from fearless.kernels.base import Kernel
from fearless.optimization.least_squares import least_squares_runs
from fearless.optimization.methods import GradientDescent, MaSS, Method, Nesterov
from fearless.theory.rates.recursions import Recursion
from fearless.theory.rates.second_moments import MomentumMoments

__all__ = [
    "DigitRun",
    "DigitTask",
    "digit_methods",
    "digit_task",
    "expected_ends",
    "run_digits",
]

# Thousands of small products: threads would spend their time waiting for each other.
_one_thread = threadpool_limits.wrap(limits=1)


@dataclass(frozen=True, eq=False)
class DigitTask:
    """Even digits against odd ones, by a kernel machine.

    Attributes
    ----------
    gram, corrected : ndarray of shape (n, n)
        The kernel matrix, and that of EigenPro's kernel: its ``rank`` largest eigenvalues are cut
        down to the next one.
    y : ndarray of shape (n,)
        1 for even digits and -1 for odd ones.
    eigenvalues : ndarray of shape (n,)
        Of ``gram / n``, descending.
    norm : float
        The largest diagonal entry of ``corrected``; that of ``gram`` is 1.
    rank : int
    """

    gram: NDArray
    corrected: NDArray
    y: NDArray
    eigenvalues: NDArray
    norm: float
    rank: int


def digit_task(data: Dataset, kernel: Kernel, n: int, rank: int, *, seed: int = 0) -> DigitTask:
    """Draw n digits, and compute the two kernel matrices.

    Parameters
    ----------
    data : Dataset
        Its labels are digits.
    kernel : Kernel
        With K(x, x) = 1.
    n : int
        How many training images.
    rank : int
        Corrected directions.
    seed : int
        Of the choice of images.

    Returns
    -------
    DigitTask
    """
    n = check_int(n, "n", maximum=len(data.X_train))
    rank = check_int(rank, "rank", maximum=n - 1)
    chosen = np.random.default_rng(seed).permutation(len(data.X_train))[:n]
    images = data.X_train[chosen].astype(np.float64)
    K = kernel(images, images)
    values, vectors = np.linalg.eigh((K + K.T) / 2)
    shrunk = np.minimum(values, values[-1 - rank])
    corrected = (vectors * shrunk) @ vectors.T
    return DigitTask(
        K,
        corrected,
        np.where(data.y_train[chosen] % 2 == 0, 1.0, -1.0),
        values[::-1] / n,
        float(np.diag(corrected).max()),
        rank,
    )


def digit_methods(
    task: DigitTask, batch_size: int, momentum: float = 0.9
) -> dict[str, tuple[NDArray, Method]]:
    """Choose the parameters of all methods, from the spectrum alone.

    Parameters
    ----------
    task : DigitTask
    batch_size : int
        b.
    momentum : float
        That of Nesterov's method.

    Returns
    -------
    dict of str to (ndarray, Method)
        The matrix that a method sees, and the method. SGD, Nesterov's method and MaSS have the same
        step size.
    """
    n, values = len(task.y), task.eigenvalues
    smallest = float(values[-1])
    mass = MaSS.tuned(1.0, float(values[0]), smallest, n, batch_size)
    both = MaSS.tuned(task.norm, float(values[task.rank]), smallest, n, batch_size)
    return {
        "SGD": (task.gram, GradientDescent(mass.step_size)),
        "Nesterov": (task.gram, Nesterov(mass.step_size, momentum)),
        "MaSS": (task.gram, mass),
        "EigenPro": (task.corrected, GradientDescent(both.step_size)),
        "EigenPro + MaSS": (task.corrected, both),
    }


@dataclass(frozen=True, eq=False)
class DigitRun:
    """Runs of one method on a kernel machine, and their expectation.

    Attributes
    ----------
    passes : ndarray of shape (T,)
        Samples seen, over n.
    loss : ndarray of shape (runs, T)
        Their losses, over that at the start.
    expected : ndarray of shape (T,)
        Their mean, exactly.
    """

    passes: NDArray
    loss: NDArray
    expected: NDArray

    def z_scores(self) -> NDArray[np.float64]:
        """Compare the mean of the runs with the expectation, in standard errors; shape (T - 1,)."""
        mean, stderr = mean_and_error(self.loss[:, 1:])
        return (mean - self.expected[1:]) / stderr


@_one_thread
def run_digits(
    task: DigitTask,
    methods: dict[str, tuple[NDArray, Method]],
    batch_size: int,
    *,
    n_passes: int = 20,
    n_runs: int = 400,
    seed: int = 0,
) -> dict[str, DigitRun]:
    """Predict and run all methods from zero.

    Parameters
    ----------
    task : DigitTask
    methods : dict of str to (ndarray, Method)
        See `digit_methods`.
    batch_size : int
        b, drawn with replacement.
    n_passes : int
        So many times n samples are drawn.
    n_runs : int
        Of each method; all see the same batches.
    seed : int
        Of the batches.

    Returns
    -------
    dict of str to DigitRun
        Looked at once a pass.
    """
    n = len(task.y)
    n_steps = n_passes * n // batch_size
    steps = np.linspace(0, n_steps, n_passes + 1).round().astype(int)
    runs = {}
    for name, (gram, method) in methods.items():
        expected = _expected(task, gram, method, n_steps, batch_size)
        trace = least_squares_runs(
            np.linalg.cholesky(gram),  # features whose inner products are the kernel
            task.y,
            method,
            n_steps=n_steps,
            batch_size=batch_size,
            record=steps,
            random_state=seed,
            n_runs=n_runs,
            divergence=1e100,
        )
        loss = trace.loss / trace.loss[:, :1]
        runs[name] = DigitRun(steps * batch_size / n, loss, expected[steps])
    return runs


def _expected(
    task: DigitTask, gram: NDArray, method: Method, n_steps: int, batch_size: int
) -> NDArray:
    """Return the expected loss after each step, from zero, over that at the start."""
    path = MomentumMoments(gram).path(Recursion.of(method), -task.y, n_steps, batch_size)
    return path / path[0]


@_one_thread
def expected_ends(
    data: Dataset,
    kernel: Kernel,
    n: int,
    rank: int,
    batch_size: int,
    *,
    draws: Sequence[int],
    n_passes: int = 20,
) -> dict[str, NDArray[np.float64]]:
    """Compute the expected losses after some passes, for several draws of the digits.

    Parameters
    ----------
    data, kernel, n, rank : Dataset, Kernel, int, int
        See `digit_task`.
    batch_size : int
        b, drawn with replacement.
    draws : sequence of int
        Seeds of the choices of images.
    n_passes : int
        So many times n samples are seen.

    Returns
    -------
    dict of str to ndarray of shape (draws,)
        Over the loss at the start, for all methods of `digit_methods` but Nesterov's.
    """
    ends: dict[str, list[float]] = {}
    for seed in draws:
        task = digit_task(data, kernel, n, rank, seed=seed)
        methods = digit_methods(task, batch_size)
        del methods["Nesterov"]
        for name, (gram, method) in methods.items():
            path = _expected(task, gram, method, n_passes * n // batch_size, batch_size)
            ends.setdefault(name, []).append(float(path[-1]))
    return {name: np.array(losses) for name, losses in ends.items()}
