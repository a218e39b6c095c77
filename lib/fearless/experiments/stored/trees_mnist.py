"""Full protocol: decision forests and L2-boosting on 10,000 MNIST digits.

After Belkin, Hsu, Ma and Mandal (2019): the single tree grows to full size, then up to 100 such
trees are averaged; boosting adds trees of ten leaves with shrinkage 0.85 until it fits, then up to
10 boosted predictors are averaged. Random pixels at every split, no bootstrap. Run it with ::

    python -m fearless.experiments.stored.trees_mnist
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from fearless.data import load_mnist
from fearless.experiments.double_descent.trees import boosting_curve, forest_curve
from fearless.experiments.stored import provenance, save_run

__all__ = ["SETTINGS", "run"]

SETTINGS = {
    "n_train": 10_000,
    "n_test": 2_000,
    "n_seeds": 3,
    "random_state": 0,
    "forest": {
        "leaves": [2, 5, 10, 20, 50, 100, 200, 300, 500, 700, 1000, 1300],
        "counts": [1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100],
    },
    "boosting": {
        "rounds": [1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 1000],
        "counts": [1, 2, 3, 5, 7, 10],
        "max_leaves": 10,
        "shrinkage": 0.85,
    },
}

COLUMNS = ("sizes", "counts", "train_mse", "test_mse", "train_error", "test_error")


def run(
    *, n_train: int, n_test: int, n_seeds: int, random_state: int, forest: dict[str, Any],
    boosting: dict[str, Any],
) -> dict[str, np.ndarray]:  # fmt: skip
    """Compute both curves.

    Parameters
    ----------
    n_train, n_test, n_seeds, random_state
        As in `forest_curve`; the first test digits in stored order.
    forest, boosting : dict
        Further arguments of `forest_curve` and `boosting_curve`.

    Returns
    -------
    dict of str to ndarray
        ``forest_*`` and ``boosting_*``: the attributes of `GrowthCurve`.
    """
    data = load_mnist(None, n_test, dtype=np.float32)
    common = {"n_train": n_train, "n_seeds": n_seeds, "random_state": random_state}
    curves = {
        "forest": forest_curve(data, **common, **forest),
        "boosting": boosting_curve(data, **common, **boosting),
    }
    return {
        f"{prefix}_{name}": getattr(curve, name)
        for prefix, curve in curves.items()
        for name in COLUMNS
    }


def main() -> None:
    """Run the full protocol and store it."""
    start = time.perf_counter()
    results = run(**SETTINGS)
    facts = provenance(__file__, time.perf_counter() - start)
    print(save_run(Path(__file__).stem, SETTINGS, results, facts))


if __name__ == "__main__":
    main()
