"""The guarantee for mini-batches under PL*: its limits, and that it holds on least squares."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fearless.theory.rates.pl_batches import pl_sgd_rate, pl_sgd_step_size
from fearless.theory.rates.sample_moments import SampleMoments


@given(st.integers(1, 1000), st.floats(0.01, 1), st.floats(1, 10), st.floats(1, 100))
def test_the_best_step_is_best(b, mu, ratio, more):
    smooth, beta = mu * ratio, mu * ratio * more
    eta = pl_sgd_step_size(b, mu, smooth, beta)
    best = pl_sgd_rate(b, mu, smooth, beta)
    assert np.isclose(best, pl_sgd_rate(b, mu, smooth, beta, eta))
    for c in (0.9, 1.05):
        assert pl_sgd_rate(b, mu, smooth, beta, c * eta) >= best - 1e-12
    assert -1e-12 < best < 1


def test_large_batches_are_gradient_descent():
    assert np.isclose(pl_sgd_step_size(10**9, 0.1, 0.5, 2.0), 2, rtol=1e-6)
    assert np.isclose(pl_sgd_rate(10**9, 0.1, 0.5, 2.0), 0.8, rtol=1e-6)


@pytest.mark.parametrize("b", [1, 3, 20])
def test_it_holds_on_least_squares(b):
    rng = np.random.default_rng(3)
    X, y = rng.standard_normal((8, 40)) / 40**0.5, rng.standard_normal(8)
    moments = SampleMoments.from_data(X)
    mu, smooth = moments.eigenvalues[[-1, 0]]
    eta = pl_sgd_step_size(b, mu, smooth, moments.norm)
    steps = np.arange(0, 400, 20)
    losses = moments.losses(-y, steps, eta, b)
    q = pl_sgd_rate(b, mu, smooth, moments.norm)
    assert np.all(losses <= losses[0] * q**steps * (1 + 1e-12))


def test_errors():
    with pytest.raises(ValueError, match="expected mu <= smoothness"):
        pl_sgd_rate(1, 2.0, 1.0, 3.0)
    with pytest.raises(ValueError, match="expected mu <= sample_bound"):
        pl_sgd_step_size(1, 2.0, 3.0, 1.0)
    with pytest.raises(ValueError, match=r"expected at most 2 m / \(\(m - 1\) L_1\) = 4"):
        pl_sgd_rate(2, 0.1, 1.0, 3.0, 5.0)
    with pytest.raises(TypeError, match="batch_size"):
        pl_sgd_rate(1.5, 0.1, 1.0, 3.0)
