"""What the regressor and the classifier of kernel machines share: parameters, fit, evaluation."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from fearless._validation import check_option, check_positive
from fearless.exceptions import IllConditionedWarning
from fearless.kernels import Kernel
from fearless.machines._fit import SOLVERS, default_kernel, evaluate, fit_kernel
from fearless.machines.report import Fit
from fearless.solvers.system import check_range

__all__ = ["FLOATS", "KernelMachineBase"]

#: The precisions that a kernel machine computes in.
FLOATS = (np.float64, np.float32)


class KernelMachineBase(BaseEstimator):
    """Fit and evaluate f = sum_i a_i K(x_i, .), for a regressor and a classifier."""

    def __init__(
        self,
        kernel: Kernel | None = None,
        *,
        reg: float = 0.0,
        solver: str = "auto",
        tol: float | None = None,
        max_iter: int | None = None,
        n_centers: int | None = None,
        memory: int | None = None,
        device: str = "cpu",
        checkpoint: str | os.PathLike[str] | None = None,
        progress: bool = False,
        random_state: Any = None,
    ) -> None:
        self.kernel = kernel
        self.reg = reg
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.n_centers = n_centers
        self.memory = memory
        self.device = device
        self.checkpoint = checkpoint
        self.progress = progress
        self.random_state = random_state

    def _fit(self, X: NDArray, targets: NDArray) -> None:
        """Solve (K + reg I) a = targets; every attribute but the classes is set here."""
        reg = check_positive(self.reg, "reg", allow_zero=True)
        check_range(reg, "reg is", X.dtype)
        check_option(self.solver, "solver", SOLVERS)
        if self.kernel is not None and not isinstance(self.kernel, Kernel):
            raise TypeError(
                f"kernel is {self.kernel!r}; expected a Kernel of fearless.kernels, or None"
            )
        self.kernel_ = default_kernel(X) if self.kernel is None else self.kernel
        fit = fit_kernel(
            self.kernel_,
            X,
            targets,
            reg,
            solver=self.solver,
            tol=self.tol,
            max_iter=self.max_iter,
            n_centers=self.n_centers,
            memory=self.memory,
            device=self.device,
            checkpoint=self.checkpoint,
            progress=self.progress,
            random_state=self.random_state,
        )
        self.X_fit_ = fit.points
        self.dual_coef_ = np.ascontiguousarray(fit.coef).reshape(
            len(fit.points), *targets.shape[1:]
        )
        self.norm_ = fit.norms if targets.ndim == 2 else float(fit.norms[0])
        self.residual_ = fit.residual
        self.residuals_ = fit.solution.residuals
        self.n_iter_ = fit.solution.iterations
        self.jitter_ = fit.solution.jitter
        self.condition_ = fit.solution.condition
        self.solver_report_ = fit.report
        if fit.report.solver == "cholesky":  # the others have said what there is to say
            self._warn(fit, reg)

    def _warn(self, fit: Fit, reg: float) -> None:
        """Say so when the system was not solved, by the residual that was measured."""
        eps = float(np.finfo(self.dual_coef_.dtype).eps)
        goal = "(K + reg I) a = y is not solved" if reg else "the fit does not interpolate"
        matrix = "K + reg I" if reg else "the kernel matrix"
        condition = ""
        if self.condition_ is not None:
            condition = f"; {matrix} has condition number {self.condition_:.1e}"
        remedy = "use float64, a rougher kernel or a shorter bandwidth, or set reg"
        if self.jitter_ > 0:
            message = (
                f"{matrix} is singular to {self.dual_coef_.dtype} precision: {self.jitter_:.1e} "
                f"was added to its diagonal, and {goal}: the largest residual is {fit.misfit:.1e} "
                f"of the largest target; {remedy}"
            )
        elif fit.misfit > np.sqrt(eps):
            message = (
                f"{goal}: the largest residual is {fit.misfit:.1e} of the largest target, more "
                f"than sqrt(eps) = {np.sqrt(eps):.1e}"
                f"{condition}; {remedy}"
            )
        elif self.condition_ is not None and self.condition_ > 1 / eps:
            message = (
                f"{matrix} has condition number {self.condition_:.1e}, beyond 1 / eps = "
                f"{1 / eps:.1e}: coefficients and norm may have no correct digit; {remedy}"
            )
        else:
            return
        warnings.warn(message, IllConditionedWarning, stacklevel=4)

    def _evaluate(self, X: ArrayLike) -> NDArray:
        """Return f at the rows of X, a block of rows at a time."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=FLOATS, reset=False)
        dtype = self.X_fit_.dtype
        if X.dtype != dtype:
            peak = float(np.abs(X).max())
            if peak > float(np.finfo(dtype).max):
                raise ValueError(
                    f"X has entries up to {peak:.1e}; expected numbers in the range of {dtype}, "
                    "the precision of the training points"
                )
            with np.errstate(under="ignore"):
                X = X.astype(dtype)
        coef = self.dual_coef_.reshape(len(self.X_fit_), -1)
        values = evaluate(self.kernel_, X, self.X_fit_, coef, self.device)
        return values.reshape(len(X), *self.dual_coef_.shape[1:])
