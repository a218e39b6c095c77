"""A small network that descends twice along its epochs, by one optimiser and not by another."""

from __future__ import annotations

import numpy as np
import pytest

from fearless.book.claims import check_claim
from fearless.data import load_mnist
from fearless.experiments.double_descent.network_epochs import EpochCurves, epoch_curves

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def digits():
    return load_mnist(n_test=1000)


@pytest.mark.slow
def test_adam_descends_twice(digits):
    curves = epoch_curves(digits, n_seeds=2, random_state=71)
    first, peak, last = curves.landmarks("test_mse").T
    check_claim("more-can-hurt-network", np.minimum(peak / first, peak / last), 1.05)
    assert np.all(curves.moved > 0.15)


@pytest.mark.slow
def test_gradient_descent_descends_once(digits):
    curves = epoch_curves(digits, optimizer="sgd", learning_rate=0.01, n_seeds=2, random_state=72)
    first, peak, last = curves.landmarks("test_mse").T
    check_claim("more-can-hurt-network-descent", peak / last, 1.05)
    assert np.all(peak / first > 1.1)
    assert np.all(curves.moved < 0.15)


def test_a_short_run_is_complete_and_repeatable(digits):
    a, b = (
        epoch_curves(
            digits, n_train=60, width=30, max_epochs=8, n_looks=5, n_seeds=2, random_state=3
        )
        for _ in range(2)
    )
    assert a.epochs[0] == 1
    assert a.epochs[-1] == 8
    assert a.test_mse.shape == a.train_error.shape == (2, len(a.epochs))
    np.testing.assert_array_equal(a.test_mse, b.test_mse)
    assert a.test_mse[:, -1].max() < a.test_mse[:, 0].min()
    assert np.isnan(a.moved).all()


def test_landmarks_are_those_of_the_curve():
    train = np.array([[0.5, 0.2, 0.0, 0.0, 0.0], [0.5, 0.4, 0.3, 0.2, 0.1]])
    test = np.array([[0.9, 0.5, 0.6, 0.8, 0.4], [0.9, 0.5, 0.6, 0.8, 0.4]])
    curves = EpochCurves(np.arange(1, 6), train, test, train, test, np.array([0.1, np.nan]))
    np.testing.assert_array_equal(curves.fitted, [2, -1])
    np.testing.assert_allclose(curves.landmarks(), [[0.5, 0.8, 0.4], [0.4, 0.4, 0.4]])


class TestBadInput:
    def test_more_samples_than_there_are(self, digits):
        with pytest.raises(ValueError, match="n_train"):
            epoch_curves(digits, n_train=20_000)

    def test_an_unknown_optimizer(self, digits):
        with pytest.raises(ValueError, match="optimizer"):
            epoch_curves(digits, optimizer="newton", max_epochs=2, n_seeds=1)
