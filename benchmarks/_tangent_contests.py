"""The contests of ``kernel_solvers.py`` over tangent kernels, empirical and analytic."""

from __future__ import annotations

import atexit
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from _contest import Contest, Entry, Timed, Unavailable
from numpy.typing import NDArray


def empirical(n: int) -> Contest:
    """The tangent kernel of a network 64-512-512-1 at n points, float32."""
    import torch

    from fearless.networks.fully_connected import FullyConnected
    from fearless.networks.tangent import empirical_tangent_kernel

    model = FullyConnected(64, 512, depth=2, random_state=0, dtype="float32")
    X = np.random.default_rng(0).standard_normal((n, 64)).astype(np.float32)

    def jacobian_route() -> NDArray:
        weights = {name: p.detach() for name, p in model.named_parameters()}

        def output(w, x):
            return torch.func.functional_call(model, w, (x[None],))[0]

        gradients = torch.func.vmap(torch.func.jacrev(output), (None, 0))(
            weights, torch.from_numpy(X)
        )
        J = torch.cat([g.reshape(n, -1) for g in gradients.values()], dim=1)
        return (J @ J.T).numpy()

    first: list[NDArray] = []

    def check(kernel: NDArray) -> dict[str, Any]:
        first.append(np.asarray(kernel, dtype=float))
        gap = np.abs(first[-1] - first[0]).max() / np.abs(first[0]).max()
        return {"note": f"largest relative difference {gap:.0e}"}

    return Contest(
        "entk",
        f"tangent kernel of a network 64-512-512-1, float32, n = {n:,}",
        [
            Entry("empirical_tangent_kernel", lambda: empirical_tangent_kernel(model, X), True),
            Entry("torch.func, Jacobians", jacobian_route, bar=50),
        ],
        check,
    )


def analytic(n: int, X: NDArray) -> Contest:
    """The tangent kernel of infinitely wide ReLU networks of depth 3, float32."""
    from fearless.kernels.infinite_width import NTKernel

    kernel = NTKernel(depth=3)
    elsewhere: list[Elsewhere] = []

    def neural_tangents() -> Timed:
        if not elsewhere:
            elsewhere.append(Elsewhere(X, kernel.depth))
        return elsewhere[0].run()

    worst = _error_in_many_digits(kernel)

    first: list[NDArray] = []

    def check(values: NDArray) -> dict[str, Any]:
        first.append(values)
        if len(first) == 1:
            return {"note": f"float64 error against 50 digits {worst:.0e}"}
        gap = np.abs(values / values.max() - first[0] / first[0].max()).max()
        return {"note": f"largest difference {gap:.0e} ({elsewhere[0].versions})"}

    return Contest(
        "ntk",
        f"tangent kernel of infinite width, depth 3, float32, n = {n:,}",
        [
            Entry("NTKernel", lambda: kernel(X), ours=True),
            Entry("neural-tangents, jitted", neural_tangents, bar=3),
        ],
        check,
    )


class Elsewhere:
    """neural-tangents in a process of its own, on another interpreter.

    Parameters
    ----------
    X : ndarray
        The points.
    depth : int
        Of the network.

    Raises
    ------
    Unavailable
        NEURAL_TANGENTS_PYTHON names no interpreter that can run it.
    """

    def __init__(self, X: NDArray, depth: int) -> None:
        python = os.environ.get("NEURAL_TANGENTS_PYTHON")
        if not python:
            raise Unavailable("NEURAL_TANGENTS_PYTHON is not set (see requirements.txt)")
        self.folder = tempfile.TemporaryDirectory()
        points, self.result = (Path(self.folder.name) / name for name in ("X.npy", "ntk.npy"))
        np.save(points, X)
        script = Path(__file__).with_name("_neural_tangents.py")
        self.process = subprocess.Popen(
            [python, str(script), str(points), str(self.result), str(depth)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        ready, _, self.versions = self.process.stdout.readline().strip().partition(" ")
        if ready != "ready":
            raise Unavailable(f"{python} cannot run neural-tangents")
        atexit.register(self.process.kill)

    def run(self) -> Timed:
        """Compute the kernel matrix once."""
        self.process.stdin.write("run\n")
        self.process.stdin.flush()
        seconds = float(self.process.stdout.readline())
        return Timed(np.load(self.result), seconds)


def _error_in_many_digits(kernel: Any) -> float:
    """Largest relative error at ten points, some of them nearly equal."""
    import mpmath

    rng = np.random.default_rng(1)
    X = rng.standard_normal((10, 20))
    X[1], X[2], X[3] = X[0] + 1e-9 * X[5], X[0] + 1e-5 * X[6], -X[0]
    found = kernel(X)
    with mpmath.workdps(50):
        points = [[mpmath.mpf(float(v)) for v in row] for row in X]
        worst = max(
            abs(mpmath.mpf(float(found[i, j])) / _relu_ntk(mpmath, kernel, x, z) - 1)
            for i, x in enumerate(points)
            for j, z in enumerate(points)
            if i <= j and (i, j) != (0, 3)  # opposite points: the value is zero without biases
        )
    return float(worst)


def _relu_ntk(mpmath: Any, kernel: Any, x: list, z: list) -> Any:
    """The recursion over layers, as the books have it."""
    w, b = mpmath.mpf(kernel.w_std) ** 2, mpmath.mpf(kernel.b_std) ** 2
    xx, xz, zz = (w * mpmath.fdot(u, v) / len(x) + b for u, v in ((x, x), (x, z), (z, z)))
    tangent = xz
    for _ in range(kernel.depth):
        length = mpmath.sqrt(xx * zz)
        cosine = max(-1, min(1, xz / length))
        angle = mpmath.acos(cosine)
        rate = (mpmath.pi - angle) / (2 * mpmath.pi)
        mean = length * (mpmath.sin(angle) + (mpmath.pi - angle) * cosine) / (2 * mpmath.pi)
        xx, xz, zz = w * xx / 2 + b, w * mean + b, w * zz / 2 + b
        tangent = xz + w * rate * tangent
    return tangent
