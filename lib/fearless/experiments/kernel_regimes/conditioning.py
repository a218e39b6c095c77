"""One kernel matrix of digits and what each solver makes of its spectrum: counts of iterations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular
from threadpoolctl import threadpool_limits

from fearless._validation import check_int, check_positive
from fearless.data import Dataset, one_hot
from fearless.kernels import Kernel
from fearless.solvers._corrected_kernel import CorrectedKernel
from fearless.solvers.cg import solve_cg
from fearless.solvers.eigenpro import solve_eigenpro
from fearless.solvers.preconditioners import low_rank_preconditioner
from fearless.solvers.system import KernelSystem
from fearless.theory.rates.iterations import (
    conjugate_gradient_iterations,
    gradient_descent_iterations,
)

__all__ = [
    "CorrectedSpectrum",
    "IterationCounts",
    "corrected_spectrum",
    "count_iterations",
    "digit_system",
    "effective_condition",
    "falkon_spectra",
    "nystrom_spectrum",
]

# Thousands of small products: threads would spend their time waiting for each other.
_one_thread = threadpool_limits.wrap(limits=1)


def digit_system(
    data: Dataset,
    kernel: Kernel,
    n: int,
    *,
    seed: int = 0,
    outputs: int | None = None,
    store: bool = True,
) -> KernelSystem:
    """Draw n training images and set up the system of their kernel machine.

    Parameters
    ----------
    data : Dataset
    kernel : Kernel
    n : int
        Number of images.
    seed : int
        Of the choice.
    outputs : int, optional
        Use the first so many of the one-hot targets; default all.
    store : bool
        Compute the kernel matrix now.

    Returns
    -------
    KernelSystem
        In the dtype of the images.
    """
    n = check_int(n, "n", maximum=len(data.X_train))
    chosen = np.random.default_rng(seed).permutation(len(data.X_train))[:n]
    Y = one_hot(data.y_train[chosen], data.classes)[:, :outputs]
    system = KernelSystem(kernel, data.X_train[chosen], Y)
    if store:
        system.matrix()
    return system


@dataclass(frozen=True)
class CorrectedSpectrum:
    """The spectrum of K_q / n, and what it predicts.

    Attributes
    ----------
    rank : int
        The number q of corrected directions.
    eigenvalues : ndarray of shape (n,)
        In descending order.
    weights : ndarray of shape (n,)
        Squared components of the targets along the eigenvectors, summed over the outputs.
    norm : float
        beta(K_q), the largest diagonal entry.
    """

    rank: int
    eigenvalues: NDArray
    weights: NDArray
    norm: float

    @property
    def condition(self) -> float:
        """The largest eigenvalue over the smallest one."""
        return float(self.eigenvalues[0] / self.eigenvalues[-1])

    @property
    def critical_batch(self) -> float:
        """The critical batch size m*."""
        return self.norm / float(self.eigenvalues[0]) + 1

    def steps(self, tol: float) -> int:
        """Predict the steps of full-batch gradient descent to a relative residual, exactly.

        Parameters
        ----------
        tol : float
            The relative residual.

        Returns
        -------
        int
        """
        return gradient_descent_iterations(self.eigenvalues, tol, self.weights)


def corrected_spectrum(
    system: KernelSystem, rank: int, *, subsample: int | None = None, seed: int = 0
) -> CorrectedSpectrum:
    """Compute the spectrum of EigenPro's kernel K_q by dense algebra.

    Parameters
    ----------
    system : KernelSystem
        The problem, of at most a few thousand points.
    rank : int
        The number q of corrected directions; 0 leaves the kernel as it is.
    subsample : int, optional
        Points that the eigenvectors are computed from; default all.
    seed : int
        The subsample is the one that ``solve_eigenpro(random_state=seed)`` draws.

    Returns
    -------
    CorrectedSpectrum
    """
    K_q, kernel = _corrected_matrix(system, rank, subsample, seed)
    values, vectors = np.linalg.eigh(K_q)
    weights = np.sum((vectors.T @ system.Y.astype(np.float64)) ** 2, axis=1)
    return CorrectedSpectrum(
        kernel.rank, values[::-1] / system.n_samples, weights[::-1], kernel.norm
    )


def nystrom_spectrum(system: KernelSystem, rank: int, *, seed: int = 0) -> NDArray[np.float64]:
    """Compute the eigenvalues of P^{-1} K for the Nystrom preconditioner of a random subset.

    Parameters
    ----------
    system : KernelSystem
        The problem, of at most a few thousand points.
    rank : int
        Columns of the preconditioner.
    seed : int
        Of their choice.

    Returns
    -------
    ndarray of shape (n,)
        In descending order.
    """
    preconditioner = low_rank_preconditioner(system, rank, random_state=seed)
    return np.sort(preconditioner.eigenvalues(system))[::-1]


def falkon_spectra(
    system: KernelSystem, centers: int, reg: float, *, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Compute the spectra of FALKON's normal equations, as they are and preconditioned.

    .. math:: H = K_{nM}^\top K_{nM} + \lambda K_{MM} \quad \text{and} \quad B^\top H B

    Parameters
    ----------
    system : KernelSystem
        The problem, of at most a few thousand points; its own penalty is not used.
    centers : int
        M, chosen at random.
    reg : float
        lambda.
    seed : int
        Of the choice.

    Returns
    -------
    before, after : ndarray of shape (M,)
        In descending order.
    """
    reg, n = check_positive(reg, "reg"), system.n_samples
    index = np.random.default_rng(seed).permutation(n)[: check_int(centers, "centers", maximum=n)]
    K = system.matrix().astype(np.float64)[:, index]
    square = K[index]
    H = K.T @ K + reg * square
    T = cholesky(square)
    A = cholesky(T @ T.T / len(index) + reg / n * np.eye(len(index)))
    B = solve_triangular(T, solve_triangular(A, np.eye(len(index)))) / np.sqrt(n)
    return np.linalg.eigvalsh(H)[::-1], np.linalg.eigvalsh(B.T @ H @ B)[::-1]


def effective_condition(eigenvalues: NDArray) -> float:
    """Return the largest eigenvalue over the smallest one.

    Parameters
    ----------
    eigenvalues : ndarray of shape (n,)

    Returns
    -------
    float
    """
    return float(eigenvalues.max() / eigenvalues.min())


@dataclass(frozen=True)
class IterationCounts:
    """Iterations predicted from spectra and counted in runs, to one relative residual.

    Attributes
    ----------
    methods : tuple of str
        Names of the methods.
    condition : ndarray of shape (m,)
        Effective condition numbers.
    predicted, measured : ndarray of shape (m,)
        Numbers of iterations; those of gradient methods are predicted exactly, those of conjugate
        gradients bounded.
    """

    methods: tuple[str, ...]
    condition: NDArray
    predicted: NDArray
    measured: NDArray


@_one_thread
def count_iterations(
    system: KernelSystem, *, rank: int, columns: int, tol: float, seed: int = 0
) -> IterationCounts:
    """Solve one system by gradient descent and conjugate gradients, each with and without help.

    Parameters
    ----------
    system : KernelSystem
        The problem; several outputs are fine for the gradient methods, and conjugate gradients are
        run for the first output alone, since the bound is for one.
    rank : int
        Directions corrected by EigenPro, computed from all points.
    columns : int
        Columns of the Nystrom preconditioner.
    tol : float
        The relative residual.
    seed : int
        Of the Nystrom columns.

    Returns
    -------
    IterationCounts
        In the order gradient descent, EigenPro with a batch of all points, conjugate gradients,
        Nystrom-preconditioned conjugate gradients.

    Notes
    -----
    The bound for conjugate gradients is on the energy norm of the error. Residuals and that norm
    differ by at most the root of the largest over the smallest eigenvalue, which is added to the
    reduction that is asked for.
    """
    tol = check_positive(tol, "tol")
    n = system.n_samples
    single = KernelSystem(system.kernel, system.X, system.Y[:, :1])
    single.matrix()
    condition, predicted, measured = [], [], []
    plain = corrected_spectrum(system, 0)
    for spectrum in (plain, corrected_spectrum(system, rank)):
        step = 2 / (spectrum.eigenvalues[0] + spectrum.eigenvalues[-1])
        count = spectrum.steps(tol)
        run = solve_eigenpro(
            system,
            rank=spectrum.rank,
            subsample=n,
            batch_size=n,
            step_size=float(step),
            tol=tol,
            max_epochs=2 * count,
        )
        condition.append(spectrum.condition)
        predicted.append(count)
        measured.append(run.iterations)
    helped = nystrom_spectrum(system, columns, seed=seed)
    demand = tol / np.sqrt(plain.condition)
    for values, options in (
        (plain.eigenvalues, {"preconditioner": "none"}),
        (helped, {"preconditioner": "nystrom", "rank": columns, "random_state": seed}),
    ):
        condition.append(effective_condition(values))
        predicted.append(conjugate_gradient_iterations(values, demand))
        measured.append(solve_cg(single, tol=tol, **options).iterations)
    names = ("gradient descent", "EigenPro", "conjugate gradients", "Nyström + CG")
    return IterationCounts(names, np.array(condition), np.array(predicted), np.array(measured))


def _corrected_matrix(
    system: KernelSystem, rank: int, subsample: int | None, seed: int
) -> tuple[NDArray, CorrectedKernel]:
    """Return K_q in float64, and the object it came from."""
    n = system.n_samples
    s = n if subsample is None else check_int(subsample, "subsample", maximum=n)
    order = np.random.default_rng([seed, 0]).permutation(n)
    kernel = CorrectedKernel(system, np.sort(order[:s]), rank, n)
    psi = kernel.features.astype(np.float64)
    return system.matrix().astype(np.float64) - psi @ psi.T, kernel
