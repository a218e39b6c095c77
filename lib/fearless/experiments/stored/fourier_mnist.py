"""Full protocol: complex random Fourier features on 10,000 MNIST digits, up to 60,000 features.

The setting of Belkin, Hsu, Ma and Mandal (2019): ``f(x) = sum_k a_k e^{i<v_k, x>}`` with Gaussian
``v_k``, ten one-hot outputs, least squares of minimum norm; the threshold lies at ``N = n``
complex features. Run it with ``python -m fearless.experiments.stored.fourier_mnist``.
"""

from __future__ import annotations

import hashlib
import os
import platform
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import scipy
from threadpoolctl import threadpool_info

from fearless.data import load_mnist, one_hot
from fearless.experiments.double_descent import kernel_limit
from fearless.experiments.stored import save_run
from fearless.features import ComplexFourierFeatures
from fearless.kernels import GaussianKernel
from fearless.solvers import min_norm_path

__all__ = ["SETTINGS", "run"]

SETTINGS = {
    "n_train": 10_000,
    "n_test": 2_000,
    "bandwidth": 5.0,
    "seed": 0,
    "widths": [
        *(100, 200, 500, 1_000, 1_500, 2_000, 2_500, 3_000, 4_000, 5_000, 6_000, 7_000, 8_000),
        *(9_000, 9_500, 9_900, 10_000, 10_100, 10_500, 11_000, 12_000, 13_000, 14_000),
        *(20_000, 40_000, 60_000),
    ],
}

COLUMNS = ("train_mse", "test_mse", "train_error", "test_error", "norm", "condition")


def run(
    *, n_train: int, n_test: int, bandwidth: float, seed: int, widths: list[int], limit: bool = True
) -> dict[str, np.ndarray]:
    """Compute the curve.

    Parameters
    ----------
    n_train, n_test : int
        The first samples in stored order.
    bandwidth : float
        Of the Gaussian kernel; frequencies are ``N(0, bandwidth^-2 I)``.
    seed : int
        Of the frequencies.
    widths : list of int
        Numbers of complex features.
    limit : bool
        Also solve the kernel machine, the limit of infinitely many features.

    Returns
    -------
    dict of str to ndarray
        One entry a width: the columns of `RiskPath`; scalars ``limit_*`` for the kernel machine.
    """
    data = load_mnist(n_train, n_test)
    y, y_test = one_hot(data.y_train, data.classes), one_hot(data.y_test, data.classes)
    kernel = GaussianKernel(bandwidth)
    phi = ComplexFourierFeatures(kernel=kernel, random_state=seed).fit(data.X_train)
    path = min_norm_path(
        lambda a, b: phi.block(data.X_train, a, b),
        y,
        lambda a, b: phi.block(data.X_test, a, b),
        y_test,
        widths,
        scale=phi.scale,
    )
    results = {name: getattr(path, name) for name in COLUMNS}
    results["method"] = path.method
    if limit:
        machine = kernel_limit(kernel, data.X_train, y, data.X_test, y_test)
        for name in ("train_mse", "test_mse", "train_error", "test_error", "norm"):
            results[f"limit_{name}"] = np.array(getattr(machine, name))
    return results


def main() -> None:
    """Run the full protocol and store it."""
    start = time.perf_counter()
    results = run(**SETTINGS)
    provenance = {
        "command": f"python -m fearless.experiments.stored.{Path(__file__).stem}",
        "script_sha256": hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
        "seconds": round(time.perf_counter() - start, 1),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "blas_threads": max(pool["num_threads"] for pool in threadpool_info()),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
    }
    print(save_run(Path(__file__).stem, SETTINGS, results, provenance))


if __name__ == "__main__":
    main()
