"""The stored run of networks of *Every model does it*: by its script, repeated in a thin slice."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from fearless.book.claims import check_claim
from fearless.experiments.stored import load_run, networks_mnist
from fearless.experiments.stored.networks_mnist import COLUMNS


def test_it_is_the_full_protocol_and_made_by_this_script():
    run = load_run("networks_mnist")
    assert run.settings == networks_mnist.SETTINGS
    source = Path(networks_mnist.__file__).read_bytes()
    assert run.provenance["script_sha256"] == hashlib.sha256(source).hexdigest()


def test_there_is_one_entry_a_seed_and_width():
    run = load_run("networks_mnist")
    seeds, widths = len(run.settings["seeds"]), len(run.settings["widths"])
    for name in COLUMNS:
        assert run.results[f"fresh_{name}"].shape == (seeds, widths)
        assert run.results[f"reuse_{name}"].shape == (seeds, 15)
    assert run.settings["widths"][14] == 50  # 39,760 parameters: the last one below 40,000


@pytest.mark.slow
def test_a_thin_slice_agrees():
    run = load_run("networks_mnist")
    again = networks_mnist.first_epochs(run.settings)
    # Single precision, and another number of threads adds in another order.
    np.testing.assert_allclose(again, run.results["first_epochs_train_mse"], rtol=1e-3)


def test_the_largest_network_is_the_best():
    results = load_run("networks_mnist").results
    fresh, reuse = results["fresh_test_mse"], results["reuse_test_mse"]
    smaller = np.concatenate([fresh[:, : reuse.shape[1]], reuse], axis=1).min(axis=1)
    check_claim("full-networks-descend-twice", np.max(fresh[:, -1] - smaller), 0)


def test_next_to_the_threshold_reuse_makes_the_peak():
    run = load_run("networks_mnist").results
    fresh, reuse = run["fresh_test_mse"][:, 14], run["reuse_test_mse"][:, 14]
    check_claim("full-reuse-makes-the-peak", np.min(reuse / fresh), 2)
    # Both fit: the difference is not one of training.
    assert max(run["fresh_train_mse"][:, 14].max(), run["reuse_train_mse"][:, 14].max()) < 0.01
