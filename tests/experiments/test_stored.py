"""Stored runs: untouched since their script wrote them, and reproducible in a thin slice."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from fearless.book.claims import check_claim
from fearless.experiments import stored
from fearless.experiments.stored import fourier_mnist, load_run, save_run


@pytest.fixture
def run():
    return load_run("fourier_mnist")


def test_it_is_the_full_protocol(run):
    assert run.settings == fourier_mnist.SETTINGS
    assert run.settings["n_train"] == 10_000
    assert max(run.settings["widths"]) == 60_000
    assert all(len(v) == len(run.settings["widths"]) for v in run.results.values() if v.ndim)


def test_it_was_made_by_this_script(run):
    script = Path(fourier_mnist.__file__).read_bytes()
    assert run.provenance["script_sha256"] == hashlib.sha256(script).hexdigest()


@pytest.mark.slow
def test_a_thin_slice_agrees(run):
    widths = [100, 500, 1000]
    again = fourier_mnist.run(**{**run.settings, "widths": widths}, limit=False)
    at = [run.settings["widths"].index(w) for w in widths]
    for name in ("test_mse", "train_mse", "norm", "condition"):
        np.testing.assert_allclose(again[name], run.results[name][at], rtol=1e-8, err_msg=name)
    for name in ("test_error", "train_error"):
        # A tie decided by the last bit may flip one digit.
        np.testing.assert_allclose(again[name], run.results[name][at], atol=1.5 / 2000)


def test_its_peak_is_at_the_threshold(run):
    widths = np.array(run.settings["widths"])
    peak = widths[np.argmax(run.results["test_mse"])]
    check_claim("full-protocol-peaks-at-threshold", peak / run.settings["n_train"], 1)


def test_its_largest_model_is_the_best(run):
    below = np.array(run.settings["widths"]) < run.settings["n_train"]
    error = run.results["test_error"]
    check_claim("full-protocol-largest-model-wins", error[-1], error[below].min())


def test_its_norm_approaches_the_kernel_machine_from_above(run):
    norm, limit = run.results["norm"], float(run.results["limit_norm"])
    beyond = np.array(run.settings["widths"]) > run.settings["n_train"]
    assert np.all(np.diff(norm[beyond]) < 0)
    assert limit < norm[-1] < 1.15 * limit


def test_what_is_saved_is_what_is_loaded(tmp_path):
    save_run("toy", {"n": 3}, {"a": np.array([1.5, 2.0])}, {"seconds": 120}, folder=tmp_path)
    run = load_run("toy", folder=tmp_path)
    np.testing.assert_array_equal(run.results["a"], [1.5, 2.0])
    assert run.minutes == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["toy.json"]


def test_an_edited_result_is_refused(tmp_path):
    path = save_run("toy", {"n": 3}, {"a": np.array([1.5])}, {"seconds": 1}, folder=tmp_path)
    content = json.loads(path.read_text())
    content["results"]["a"] = [1.6]
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"toy\.json is damaged or was edited"):
        load_run("toy", folder=tmp_path)


def test_an_unknown_run_is_refused():
    with pytest.raises(ValueError, match=r"expected one of the stored runs .*fourier_mnist"):
        load_run("nothing")
    assert (stored.FOLDER / "fourier_mnist.json").is_file()
