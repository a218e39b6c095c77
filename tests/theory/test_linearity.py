"""Closed forms for the curvature of a network with one hidden layer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fearless.theory.linearity import (
    TANH_CURVATURE,
    LowRankHessian,
    bordered_norm,
    linearization_bound,
    two_layer_hessian_bound,
    two_layer_hessian_norm,
)

numbers = st.floats(-100, 100)


def test_the_curvature_of_tanh():
    t = np.tanh(np.linspace(-3, 3, 200001))
    assert np.abs(2 * t * (1 - t**2)).max() == pytest.approx(TANH_CURVATURE, rel=1e-9)


@given(numbers, numbers)
def test_bordered_norm_is_the_spectral_norm(a, b):
    due = np.linalg.norm([[a, b], [b, 0]], 2)
    assert bordered_norm(a, b) == pytest.approx(due, abs=1e-9)
    assert LowRankHessian(a, b).norm == pytest.approx(due, abs=1e-9)


@given(st.integers(0, 50), st.floats(0, 5))
def test_the_bound_holds_within_the_ball(seed, radius):
    rng = np.random.default_rng(seed)
    W, v, X = rng.standard_normal((20, 3)), rng.standard_normal(20), rng.standard_normal((4, 3))
    bound = two_layer_hessian_bound(v, X, radius, w_std=1.2)
    move = rng.standard_normal(80)
    move *= radius / np.linalg.norm(move)
    moved = two_layer_hessian_norm(W + move[:60].reshape(20, 3), v + move[60:], X, w_std=1.2)
    assert np.all(moved <= bound * (1 + 1e-12))


def test_the_taylor_bound():
    np.testing.assert_allclose(linearization_bound([0.5, 2.0], 3.0), [2.25, 9.0])


def test_bad_input():
    with pytest.raises(ValueError, match="outer has 3 entries; expected 2"):
        two_layer_hessian_norm(np.eye(2), np.ones(3), np.eye(2))
    with pytest.raises(ValueError, match="radius"):
        two_layer_hessian_bound(np.ones(3), np.eye(2), -1.0)
    with pytest.raises(ValueError, match="radius"):
        linearization_bound(1.0, -1.0)
    for hessian in (-1.0, [1.0, np.nan]):
        with pytest.raises(ValueError, match=r"hessian has the least entry (-1|nan); expected"):
            linearization_bound(hessian, 1.0)
