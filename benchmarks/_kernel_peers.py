"""The peers of ``kernel_solvers.py``: what a reader would otherwise call, each at its best.

All start from raw points and targets; kernel exp(-||x - z|| / s). A peer that is not installed
raises `Unavailable`.
"""

from __future__ import annotations

import contextlib
import io
import time
from types import ModuleType

import numpy as np
from _contest import Unavailable
from numpy.typing import NDArray

from fearless.kernels import LaplacianKernel


def module(name: str) -> ModuleType:
    """Import an optional peer."""
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise Unavailable(f"{name} is not installed ({error})") from None


def xrfm_machine(bandwidth: float):
    """The least-squares solver of xRFM, with its Cholesky option (its default is LU)."""
    torch, source = module("torch"), module("xrfm.rfm_src")
    model = source.RFM(
        kernel="l2",
        bandwidth=bandwidth,
        device=torch.device("cpu"),
        solver="cholesky",
        verbose=False,
    )
    model.reg, model.center_grads = 0.0, False
    return torch, model


def xrfm_solve(X: NDArray, Y: NDArray, bandwidth: float) -> NDArray:
    """Kernel matrix, Cholesky and solve of xRFM."""
    torch, model = xrfm_machine(bandwidth)
    with torch.no_grad(), contextlib.redirect_stdout(io.StringIO()):
        return model.fit_predictor_lstsq(torch.from_numpy(X), torch.from_numpy(Y)).numpy()


def xrfm_iteration(X: NDArray, Y: NDArray, bandwidth: float) -> NDArray:
    """One solve and one average gradient outer product of xRFM, over all samples and outputs."""
    torch, model = xrfm_machine(bandwidth)
    points, targets = torch.from_numpy(X), torch.from_numpy(Y)
    with torch.no_grad(), contextlib.redirect_stdout(io.StringIO()):
        model.centers = points
        model.weights = model.fit_predictor_lstsq(points, targets)
        model.total_points_to_sample = len(X)
        model.fit_M(points, targets.shape[1])
    return model.M.numpy()


def torch_solve(X: NDArray, Y: NDArray, bandwidth: float) -> NDArray:
    """cdist, exp and Cholesky in torch, in place where torch allows it."""
    torch = module("torch")
    with torch.no_grad():
        points = torch.from_numpy(X)
        K = torch.cdist(points, points)
        K.mul_(-1 / bandwidth).exp_()
        factor = torch.linalg.cholesky(K)
        return torch.cholesky_solve(torch.from_numpy(Y), factor).numpy()


def sklearn_solve(X: NDArray, Y: NDArray, bandwidth: float) -> NDArray:
    """KernelRidge with a precomputed kernel; its own ``laplacian`` is the l1 kernel."""
    from sklearn.kernel_ridge import KernelRidge
    from sklearn.metrics.pairwise import euclidean_distances

    K = euclidean_distances(X)
    K *= -1 / bandwidth
    np.exp(K, out=K)
    return KernelRidge(alpha=0.0, kernel="precomputed").fit(K, Y).dual_coef_


def scipy_solve(X: NDArray, Y: NDArray, bandwidth: float) -> NDArray:
    """cho_factor and cho_solve as the documentation shows them."""
    from scipy.linalg import cho_factor, cho_solve
    from sklearn.metrics.pairwise import euclidean_distances

    K = euclidean_distances(X)
    K *= -1 / bandwidth
    np.exp(K, out=K)
    return cho_solve(cho_factor(K, lower=True), Y)


def torch_cg(
    X: NDArray, Y: NDArray, bandwidth: float, tol: float, max_iter: int = 2000
) -> tuple[NDArray, int]:
    """Plain conjugate gradients in torch with the stored kernel, all outputs side by side."""
    torch = module("torch")
    with torch.no_grad():
        points = torch.from_numpy(X)
        K = torch.cdist(points, points)
        K.mul_(-1 / bandwidth).exp_()
        K.fill_diagonal_(1.0)  # cdist leaves errors of 1e-3 there
        return _cg(lambda P: K @ P, torch.from_numpy(Y), tol, max_iter)


def _cg(product, Y, tol, max_iter):
    coef, R = Y * 0, Y.clone()
    P, squares = R.clone(), (R * R).sum(0)
    goal = tol * float(Y.norm())
    iterations = 0
    while float(R.norm()) > goal and iterations < max_iter:
        Q = product(P)
        step = squares / (P * Q).sum(0)
        coef += step * P
        R -= step * Q
        new = (R * R).sum(0)
        P = R + (new / squares) * P
        squares = new
        iterations += 1
    return coef.numpy(), iterations


def matrix_free_cg(
    X: NDArray, Y: NDArray, bandwidth: float, tols: tuple[float, ...], budget: float
) -> list[tuple[float, float, NDArray]]:
    """Plain conjugate gradients with kernel blocks computed anew in every iteration.

    The blocks are this library's (they are faster than torch's), so that only the method differs.
    Returns for each tolerance (residual, seconds, coefficients); ends when the budget of seconds
    is spent, with the residual of that moment.
    """
    kernel = LaplacianKernel(bandwidth)
    X = np.asarray(X)
    start = time.perf_counter()
    coef, R = np.zeros_like(Y), Y.copy()
    P, squares = R.copy(), np.sum(R * R, axis=0)
    norm = float(np.linalg.norm(Y))
    reached: list[tuple[float, float, NDArray]] = []
    rows = 1000
    while True:
        Q = np.empty_like(P)
        for i in range(0, len(X), rows):
            Q[i : i + rows] = kernel(X[i : i + rows], X) @ P
        step = squares / np.sum(P * Q, axis=0)
        coef += step * P
        R -= step * Q
        new = np.sum(R * R, axis=0)
        P = R + (new / squares) * P
        squares = new
        residual, seconds = float(np.linalg.norm(R)) / norm, time.perf_counter() - start
        while len(reached) < len(tols) and residual <= tols[len(reached)]:
            reached.append((residual, seconds, coef.copy()))
        if len(reached) == len(tols):
            return reached
        if seconds > budget:
            return [*reached, (residual, seconds, coef)]


def preload() -> None:
    """Import what is installed, so that no clock and no memory counts an import."""
    for name in ("torch", "sklearn.kernel_ridge", "scipy.linalg", "xrfm.rfm_src"):
        with contextlib.suppress(Unavailable):
            module(name)


def versions() -> dict[str, str]:
    """Versions of the peers that are installed."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in ("scikit-learn", "scipy", "torch", "xrfm"):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
