"""The loop of recursive feature machines: a machine, its metric, the next machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from fearless._validation import (
    RandomState,
    as_generator,
    check_int,
    check_option,
    check_positive,
    check_probability,
)
from fearless.kernels import IsotropicKernel
from fearless.machines._agop import average_gradient_outer_product, slope
from fearless.machines._base import FLOATS
from fearless.machines.kernel_machine import KernelMachine

__all__ = ["RecursiveFeatureMachineBase", "Stage", "square_loss"]


@dataclass(frozen=True, eq=False)
class Stage:
    """A kernel machine on the way, and the metric of its kernel.

    Attributes
    ----------
    iteration : int
        0 for the machine that starts with the Euclidean metric.
    metric : ndarray of shape (d, d), or (d,) if it is diagonal
        M, float64.
    change : float
        One minus the cosine between this metric and the one before; nan at the start.
    loss : float
        Mean over the samples fitted of ``||f(x_i) - y_i||^2``.
    held_out_loss : float
        The same over the samples held out, or the share of them that is misclassified; nan where
        none were.
    machine : KernelMachine
        The machine, as a function of transformed samples.
    factor : ndarray of shape (d, r), or (d,) if it is diagonal
        B with M = B B^T: the machine sees the rows of X B.
    """

    iteration: int
    metric: NDArray[np.float64]
    change: float
    loss: float
    held_out_loss: float
    machine: KernelMachine
    factor: NDArray[np.float64]

    def evaluate(self, X: NDArray) -> NDArray:
        """Compute the outputs of the machine at the rows of X.

        Parameters
        ----------
        X : ndarray of shape (m, d)
            Samples, one a row.

        Returns
        -------
        ndarray of shape (m,) or (m, n_outputs)
            The outputs.
        """
        return self.machine.predict(_transformed(X, self.factor))


class RecursiveFeatureMachineBase(BaseEstimator):
    """Learn the metric and the machine, for a regressor and a classifier."""

    def __init__(
        self,
        kernel: IsotropicKernel | None = None,
        *,
        reg: float = 1e-3,
        max_iter: int = 5,
        tol: float = 1e-3,
        diagonal: bool = False,
        outputs: str = "exact",
        rescale: bool = True,
        max_points: int | None = None,
        held_out: float = 0.0,
        solver: str = "auto",
        n_centers: int | None = None,
        memory: int | None = None,
        device: str = "cpu",
        callback: Callable[[Stage], bool | None] | None = None,
        random_state: RandomState = None,
    ) -> None:
        self.kernel = kernel
        self.reg = reg
        self.max_iter = max_iter
        self.tol = tol
        self.diagonal = diagonal
        self.outputs = outputs
        self.rescale = rescale
        self.max_points = max_points
        self.held_out = held_out
        self.solver = solver
        self.n_centers = n_centers
        self.memory = memory
        self.device = device
        self.callback = callback
        self.random_state = random_state

    def _fit(self, X: NDArray, targets: NDArray) -> None:
        """Alternate between machine and metric; every attribute but the classes is set here."""
        check_positive(self.reg, "reg", allow_zero=True)
        check_int(self.max_iter, "max_iter", minimum=0)
        check_positive(self.tol, "tol", allow_zero=True)
        check_option(self.outputs, "outputs", ("exact", "signs"))
        if self.max_points is not None:
            check_int(self.max_points, "max_points")
        if self.kernel is not None:
            slope(self.kernel, X.dtype)  # an error now rather than after the first fit
        if not np.isfinite(square_loss(targets)):
            size = float(np.abs(targets).max())
            raise ValueError(
                f"y has entries up to {size:.2g}, whose square overflows; expected y on another "
                "scale"
            )
        share = check_probability(self.held_out, "held_out")
        rng = as_generator(self.random_state)
        n_held = max(int(share * len(X)), int(share > 0))
        if n_held and len(X) - n_held < 2:
            raise ValueError(f"held_out is {share}; expected to keep two of {len(X)} samples")
        order = rng.permutation(len(X)) if n_held else np.arange(len(X))
        held, used = order[:n_held], order[n_held:]
        test = (X[held], targets[held]) if n_held else None

        self.kernel_ = self.kernel
        factor = np.ones(X.shape[1]) if self.diagonal else np.eye(X.shape[1])
        stages: list[Stage] = []
        self.history_ = stages
        if n_held:
            samples, goals = X[used], targets[used]
        else:
            samples, goals = X, targets
        Z = samples  # the rows of samples B
        while True:
            stage = self._stage(stages, factor, Z, goals, test)
            stages.append(stage)
            stop = self.callback is not None and self.callback(stage)
            if stop or len(stages) > self.max_iter or stage.change <= self.tol:
                break
            new = self._next_factor(stage, samples, Z, rng)
            if new is None:
                break
            factor, Z = new
        chosen = stages[-1]
        if n_held:  # the first one of the best
            chosen = min(stages, key=lambda stage: stage.held_out_loss)
            machine = self._machine().fit(_transformed(X, chosen.factor), targets)
        else:
            machine = chosen.machine
        self.machine_ = machine
        self.metric_ = chosen.metric
        self.factor_ = chosen.factor
        self.best_iteration_ = chosen.iteration
        self.n_iter_ = len(stages) - 1

    def _machine(self) -> KernelMachine:
        return KernelMachine(
            self.kernel_,
            reg=self.reg,
            solver=self.solver,
            n_centers=self.n_centers,
            memory=self.memory,
            device=self.device,
            # The same centres and batches at every iteration, unless a generator is given.
            random_state=self.random_state,
        )

    def _stage(
        self,
        before: list[Stage],
        factor: NDArray[np.float64],
        Z: NDArray,
        targets: NDArray,
        test: tuple[NDArray, NDArray] | None,
    ) -> Stage:
        """Fit a machine in the metric given by its factor."""
        machine = self._machine().fit(Z, targets)
        self.kernel_ = machine.kernel_
        metric = factor**2 if factor.ndim == 1 else factor @ factor.T
        change = _distance(metric, before[-1].metric) if before else np.nan
        if machine.solver_report_.solver == "cholesky":
            # The equations say by how much the fit misses: y - K a = (reg + jitter) a.
            misfit = (self.reg + machine.jitter_) * machine.dual_coef_
        else:
            misfit = machine.predict(Z) - targets
        held = np.nan
        if test is not None:
            held = self._loss(machine.predict(_transformed(test[0], factor)), test[1])
        loss = square_loss(misfit)
        return Stage(len(before), metric, change, loss, held, machine, factor)

    def _next_factor(
        self, stage: Stage, X: NDArray, Z: NDArray, rng: np.random.Generator
    ) -> tuple[NDArray[np.float64], NDArray] | None:
        """Return B' with B' B'^T the AGOP of the machine, and X B'; None where gradients vanish."""
        machine, B = stage.machine, stage.factor
        centers, points = machine.X_fit_, None
        if self.max_points is not None and self.max_points < len(Z):
            points = Z[np.sort(rng.choice(len(Z), self.max_points, replace=False))]
        elif len(centers) < len(Z):  # centres only, or points that occur twice
            points = Z
        # Squares of large or small coefficients leave the range of float32: scale them to one.
        size = np.abs(machine.dual_coef_).max()
        if size == 0:
            return None
        agop = average_gradient_outer_product(
            self.kernel_,
            centers,
            machine.dual_coef_ / size,
            points,
            outputs=self.outputs,
            diagonal=self.diagonal,
            random_state=rng,
        )
        # f(x) = g(B^T x) has the gradient B grad g.
        if self.diagonal:
            new = B * np.sqrt(np.maximum(agop, 0))
        else:
            values, vectors = np.linalg.eigh(agop)
            kept = values > float(np.finfo(X.dtype).eps) * values[-1]
            new = B @ (vectors[:, kept] * np.sqrt(values[kept]))
        new_Z = _transformed(X, new)
        spread = _spread(new_Z)
        if not spread > 0:
            return None
        scale = float(np.sqrt(_spread(X) / spread)) if self.rescale else float(size)
        # No squared distance is more than 2 n times the spread.
        limits = np.finfo(X.dtype)
        if scale > np.sqrt(float(limits.max) / (2 * len(X) * spread)):
            raise ValueError(
                f"the metric overflows {X.dtype}, for the gradients of a target of the size of y "
                "are too large; expected rescale=True, or y on another scale"
            )
        if scale < np.sqrt(float(limits.tiny) / spread):
            return None
        return new * scale, new_Z * X.dtype.type(scale)

    def _evaluate(self, X: ArrayLike) -> NDArray:
        """Return f at the rows of X."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=FLOATS, reset=False)
        X = X.astype(self.machine_.X_fit_.dtype, copy=False)
        return self.machine_.predict(_transformed(X, self.factor_))


def _transformed(X: NDArray, factor: NDArray[np.float64]) -> NDArray:
    """Return the rows B^T x, in the precision of X."""
    factor = factor.astype(X.dtype)
    return X * factor if factor.ndim == 1 else X @ factor


def _spread(Z: NDArray) -> float:
    """Return the total variance of the rows: half of their mean squared distance."""
    return float(Z.var(axis=0, dtype=np.float64).sum())


def square_loss(misfit: NDArray) -> float:
    """Return the mean over rows of the squared norm, computed in float64; inf if it overflows."""
    misfit = misfit.reshape(len(misfit), -1).astype(np.float64, copy=False)
    with np.errstate(over="ignore"):
        return float(np.mean(np.sum(misfit * misfit, axis=1)))


def _distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return one minus the cosine of two metrics."""
    a, b = (M / np.abs(M).max() for M in (a, b))  # squares of the entries may overflow
    return max(0.0, 1 - float(np.sum(a * b) / (np.linalg.norm(a) * np.linalg.norm(b))))
