"""The stored runs of *Every model does it*: by their scripts, repeated in thin slices."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from fearless.book.claims import check_claim
from fearless.experiments.stored import load_run, trees_mnist


def test_it_is_the_full_protocol_and_made_by_this_script():
    run = load_run("trees_mnist")
    assert run.settings == trees_mnist.SETTINGS
    source = Path(trees_mnist.__file__).read_bytes()
    assert run.provenance["script_sha256"] == hashlib.sha256(source).hexdigest()


@pytest.mark.slow
def test_a_thin_slice_of_the_trees_agrees():
    run = load_run("trees_mnist")
    settings = {
        **run.settings,
        "n_seeds": 1,
        "forest": {"leaves": run.settings["forest"]["leaves"][:6], "counts": [1]},
        "boosting": {**run.settings["boosting"], "rounds": [1, 2, 3, 5, 7], "counts": [1]},
    }
    again = trees_mnist.run(**settings)
    for name, size in (("forest", 6), ("boosting", 5)):
        for column in ("test_mse", "train_mse"):
            np.testing.assert_allclose(
                again[f"{name}_{column}"][0, :size],
                run.results[f"{name}_{column}"][0, :size],
                rtol=1e-6,
            )


@pytest.mark.parametrize("name", ["forest", "boosting"])
def test_trees_peak_where_one_fits(name):
    results = load_run("trees_mnist").results
    loss, at = results[f"{name}_test_mse"], len(results[f"{name}_sizes"]) - 1
    best = np.maximum(loss[:, :at].min(axis=1), loss[:, -1])
    check_claim("full-trees-peak-where-one-fits", loss[:, at] / best, 1)
