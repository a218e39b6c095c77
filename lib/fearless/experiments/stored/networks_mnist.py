"""Full protocol: two-layer networks of 5 to 1006 hidden units on 4,000 MNIST digits.

The setting of Belkin, Hsu, Ma and Mandal (2019): square loss on ten outputs, stochastic gradient
descent with momentum 0.95, widths through the threshold of n K = 40,000 parameters. Below it
weights are reused, the learning rate loses 10 % every 500 epochs, and training stops at zero
classification error or after 6,000 epochs. Networks drawn afresh are trained at all widths, with
a fixed rate, for 6,000 epochs or until the training loss is below 1e-4. Learning rate, batch size
and centring are ours. Run it with ::

    python -m fearless.experiments.stored.networks_mnist --jobs 2 --checkpoint FOLDER

An interrupted run goes on where it stopped when the folder is the same.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from fearless.data import load_mnist
from fearless.experiments.double_descent.networks import Protocol, network_curve, threshold_width
from fearless.experiments.stored import provenance, save_run
from fearless.experiments.sweeps import sweep

__all__ = ["SETTINGS", "first_epochs", "run", "task"]

SETTINGS = {
    "n_train": 4_000,
    "n_test": 2_000,
    "seeds": [0, 1],
    "sample": 0,
    # The paper's numbers of parameters, 4,000 to 800,000, as hidden units: N = 795 H + 10.
    "widths": [
        *(5, 6, 9, 13, 15, 25, 30, 34, 38, 41, 44, 47, 48, 49, 50),
        *(57, 63, 88, 107, 252, 314, 1006),
    ],
    "learning_rate": 0.01,
    "momentum": 0.95,
    "batch_size": 250,
    "max_epochs": 6_000,
    "tolerance": 1e-4,
    "decay": [0.9, 500],
}

COLUMNS = ("train_mse", "test_mse", "train_error", "test_error", "norm", "epochs")

# Networks of these widths are trained together; the wide ones are a task each.
_TOGETHER = 128


def task(
    *, n_train: int, n_test: int, sample: int, seed: int, widths: list[int], reuse: bool,
    protocol: dict[str, Any],
) -> tuple[dict[str, np.ndarray], float]:  # fmt: skip
    """Train the networks of one seed and some widths.

    Parameters
    ----------
    n_train, n_test, sample
        The training set, drawn by ``sample`` from the first 10,000 digits; the first test digits.
    seed : int
        Of the initial weights.
    widths : list of int
    reuse : bool
    protocol : dict
        Arguments of `Protocol`.

    Returns
    -------
    dict of str to ndarray of shape (w,)
    float
        Seconds.
    """
    start = time.perf_counter()
    data = load_mnist(None, n_test, dtype=np.float32)
    curve = network_curve(
        data, widths, n_train=n_train, seeds=[seed], reuse=reuse, protocol=Protocol(**protocol),
        sample=sample,
    )  # fmt: skip
    return {name: getattr(curve, name)[0] for name in COLUMNS}, time.perf_counter() - start


def first_epochs(settings: dict[str, Any], epochs: int = 2) -> np.ndarray:
    """Compute what a test can repeat: the training loss of some networks after a few epochs.

    Parameters
    ----------
    settings : dict
        As `SETTINGS`.
    epochs : int

    Returns
    -------
    ndarray of shape (w,)
        For the networks of at most 63 hidden units, drawn afresh from the first seed.
    """
    names = ("learning_rate", "momentum", "batch_size")
    protocol = {name: settings[name] for name in names} | {"max_epochs": epochs, "stop": None}
    columns, _ = task(
        **{name: settings[name] for name in ("n_train", "n_test", "sample")},
        seed=settings["seeds"][0], widths=[w for w in settings["widths"] if w <= 63], reuse=False,
        protocol=protocol,
    )  # fmt: skip
    return columns["train_mse"]


def run(
    *, n_train: int, n_test: int, seeds: list[int], sample: int, widths: list[int],
    learning_rate: float, momentum: float, batch_size: int, max_epochs: int, tolerance: float,
    decay: list, n_jobs: int | None = None, checkpoint: str | None = None, progress: bool = False,
) -> tuple[dict[str, np.ndarray], float]:  # fmt: skip
    """Train all networks.

    Parameters
    ----------
    n_train, n_test, sample, widths
        As in `task`.
    seeds : list of int
        Of the initial weights.
    learning_rate, momentum, batch_size, max_epochs
        As in `Protocol`.
    tolerance : float
        Training loss at which networks drawn afresh stop.
    decay : list
        As in `Protocol`, for weight reuse.
    n_jobs, checkpoint, progress
        As in `fearless.experiments.sweeps.sweep`.

    Returns
    -------
    dict of str to ndarray
        ``fresh_*`` of shape (seeds, widths), ``reuse_*`` of shape (seeds, widths below the
        threshold).
    float
        Seconds of all tasks together.
    """
    protocol = {
        "learning_rate": learning_rate, "momentum": momentum, "batch_size": batch_size,
        "max_epochs": max_epochs,
    }  # fmt: skip
    data = load_mnist(10, 10)
    limit = threshold_width(n_train, data.X_train.shape[1], len(data.classes))
    below = [w for w in widths if w < limit]
    narrow = [[w for w in widths if w <= limit], [w for w in widths if limit < w <= _TOGETHER]]
    groups = [g for g in narrow if g] + [[w] for w in widths if w > max(limit, _TOGETHER)]
    grid = [
        {
            "n_train": n_train, "n_test": n_test, "sample": sample, "seed": seed, "widths": group,
            "reuse": reuse,
            "protocol": protocol | ({"stop": "fitted", "decay": tuple(decay)} if reuse
                                    else {"stop": tolerance, "decay": None}),
        }
        for seed in seeds
        for reuse, group in [(True, below), *((False, g) for g in groups)]
        if group
    ]  # fmt: skip
    done = sweep(
        task, grid, n_jobs=n_jobs, checkpoint=checkpoint, progress=progress,
        cost=lambda p: sum(p["widths"]),
    )  # fmt: skip
    results: dict[str, np.ndarray] = {}
    for reuse, prefix in ((True, "reuse"), (False, "fresh")):
        for name in COLUMNS:
            rows = [
                np.concatenate(
                    [
                        columns[name]
                        for p, (columns, _) in zip(grid, done, strict=True)
                        if p["reuse"] == reuse and p["seed"] == seed
                    ]
                    or [np.empty(0)]
                )
                for seed in seeds
            ]
            results[f"{prefix}_{name}"] = np.array(rows)
    return results, sum(seconds for _, seconds in done)


def main() -> None:
    """Run the full protocol and store it."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--checkpoint", help="folder for what is done, to resume from")
    arguments = parser.parse_args()
    slice_of_it = first_epochs(SETTINGS)
    results, seconds = run(
        **SETTINGS, n_jobs=arguments.jobs, checkpoint=arguments.checkpoint, progress=True
    )
    facts = provenance(
        __file__, seconds / arguments.jobs, jobs=arguments.jobs, torch=torch.__version__
    )
    results["first_epochs_train_mse"] = slice_of_it
    print(save_run(Path(__file__).stem, SETTINGS, results, facts))


if __name__ == "__main__":
    main()
