"""Full protocol: square loss against cross-entropy on three sets of pictures.

After Hui and Belkin (2021), at the size of a laptop: one architecture, both losses tuned over the
same step sizes on validation samples, ten draws of data and weights; once with the usual initial
weights, once with an output layer a tenth of that. Run it with ::

    python -m fearless.experiments.stored.two_losses
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from fearless.experiments.optimization.losses import STEP_SIZES, LossComparison, compare_losses
from fearless.experiments.stored import StoredRun, provenance, save_run

__all__ = ["SETTINGS", "comparisons", "run"]

SETTINGS = {
    "tasks": {
        "mnist": {"n_train": 2000, "n_validation": 1000, "n_test": 2000},
        "fashion_mnist": {"n_train": 2000, "n_validation": 1000, "n_test": 2000},
        "digits": {"n_train": 1000, "n_validation": 300, "n_test": 497},
    },
    "n_draws": 10,
    "width": 128,
    "epochs": 20,
    "step_sizes": list(STEP_SIZES),
    "output_scales": [1.0, 0.1],
    "random_state": 0,
}

_COLUMNS = ("train_error", "validation_error", "test_error")


def run(
    *, tasks: dict[str, dict[str, int]], output_scales: list[float], **options: Any
) -> dict[str, np.ndarray]:
    """Compare both losses on every task, for every scale of the output layer.

    Parameters
    ----------
    tasks : dict
        Sizes of training, validation and test samples of each task.
    output_scales : list of float
    **options
        Further arguments of `compare_losses`.

    Returns
    -------
    dict of str to ndarray
        ``step_sizes`` and, for each task, its errors, ``mnist_test_error`` and so on, the scales
        of the output layer along their first axis.
    """
    results = {"step_sizes": np.array(options["step_sizes"], float)}
    for task, sizes in tasks.items():
        found = [
            compare_losses(task, **sizes, **options, output_scale=scale) for scale in output_scales
        ]
        results |= {f"{task}_{name}": [getattr(c, name) for c in found] for name in _COLUMNS}
    return results


def comparisons(stored: StoredRun, output_scale: float = 1.0) -> dict[str, LossComparison]:
    """Return the stored results task by task.

    Parameters
    ----------
    stored : StoredRun
        ``load_run("two_losses")``.
    output_scale : float
        One of those that were run.

    Returns
    -------
    dict of str to LossComparison
    """
    i = stored.settings["output_scales"].index(output_scale)
    return {
        task: LossComparison(
            task,
            stored.results["step_sizes"],
            *(stored.results[f"{task}_{name}"][i] for name in _COLUMNS),
        )
        for task in stored.settings["tasks"]
    }


def main() -> None:
    """Run the full protocol and store it."""
    start = time.perf_counter()
    results = run(**SETTINGS)
    facts = provenance(__file__, time.perf_counter() - start)
    print(save_run(Path(__file__).stem, SETTINGS, results, facts))


if __name__ == "__main__":
    main()
