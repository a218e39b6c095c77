"""Rademacher complexity of balls: brute force over all signs, direct maximisation, sampling."""

import itertools

import numpy as np
import pytest
from scipy.optimize import minimize

from fearless.book.claims import check_claim
from fearless.data import gaussian_pair
from fearless.kernels import GaussianKernel, LaplacianKernel
from fearless.theory.rademacher import ball_rademacher, ball_rademacher_bound

KERNELS = [LaplacianKernel(10.0), GaussianKernel(5.0), GaussianKernel(0.5)]


def gram_matrix(n, kernel=KERNELS[0], seed=31):
    return kernel(gaussian_pair(n, d=10, random_state=seed)[0])


def test_all_signs_one_by_one():
    gram = gram_matrix(7)
    norms = [np.sqrt(s @ gram @ s) for s in itertools.product([-1.0, 1.0], repeat=7)]
    value, stderr = ball_rademacher(gram, 3.0, n_draws=None)
    assert value == pytest.approx(3.0 * np.mean(norms) / 7, rel=1e-12)
    assert stderr == 0


def test_the_norm_is_the_supremum_over_the_ball():
    """Maximise the correlation with one sign vector over f = sum a_i K(x_i, .) directly."""
    gram, rng = gram_matrix(6), np.random.default_rng(32)
    for _ in range(3):
        s = rng.choice([-1.0, 1.0], 6)
        found = minimize(
            lambda a, s=s: -(s @ gram @ a) / 6,
            rng.standard_normal(6) * 0.1,
            jac=lambda a, s=s: -(gram @ s) / 6,
            constraints={"type": "ineq", "fun": lambda a: 4.0 - a @ gram @ a},
            options={"ftol": 1e-12, "maxiter": 500},
        )
        assert -found.fun == pytest.approx(2.0 * np.sqrt(s @ gram @ s) / 6, rel=1e-5)


def test_sampling_agrees_with_all_signs():
    gram = gram_matrix(12)
    exact, _ = ball_rademacher(gram, n_draws=None)
    value, stderr = ball_rademacher(gram, n_draws=4000, random_state=33)
    assert abs(value - exact) < 4.5 * stderr


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("seed", [34, 35])
def test_trace_bound_is_tight(kernel, seed):
    gram = gram_matrix(300, kernel, seed)
    value, stderr = ball_rademacher(gram, n_draws=500, random_state=seed)
    ratio = value / ball_rademacher_bound(np.diag(gram))
    check_claim("trace-bound-is-tight", ratio, 1 / np.sqrt(2))
    assert ratio <= 1 + 4.5 * stderr / value


def test_trace_bound_loses_exactly_the_constant_at_worst():
    """Two equal points: the signs add up or cancel."""
    value, _ = ball_rademacher(np.ones((2, 2)), n_draws=None)
    assert value / ball_rademacher_bound([1.0, 1.0]) == pytest.approx(1 / np.sqrt(2))


@pytest.mark.parametrize("size", [1e-310, 1e-200, 1e200, 1e308])
def test_extreme_sizes(size):
    value, _ = ball_rademacher(size * np.eye(3), n_draws=None)
    assert value == pytest.approx(np.sqrt(size / 3), rel=1e-10)
    assert ball_rademacher_bound([size] * 3) == pytest.approx(np.sqrt(size / 3), rel=1e-10)
    assert ball_rademacher_bound([0.0, 0.0]) == 0


def test_random_state():
    gram = gram_matrix(20)
    a, b, c = (ball_rademacher(gram, n_draws=50, random_state=s) for s in (1, 1, 2))
    assert a == b != c


def test_bad_input():
    with pytest.raises(ValueError, match="gram"):
        ball_rademacher([[1.0, 0.5], [0.1, 1.0]])
    with pytest.raises(ValueError, match="gram"):
        ball_rademacher(np.ones((2, 3)))
    with pytest.raises(ValueError, match="negative quadratic form"):
        ball_rademacher([[0.0, 1.0], [1.0, 0.0]], n_draws=None)
    with pytest.raises(ValueError, match="n_draws"):
        ball_rademacher(np.eye(30), n_draws=None)
    with pytest.raises(ValueError, match="radius"):
        ball_rademacher(np.eye(2), 0.0)
    with pytest.raises(ValueError, match="diagonal"):
        ball_rademacher_bound([1.0, -1.0])
    with pytest.raises(ValueError, match=r"diagonal has shape \(3, 3\); expected a vector"):
        ball_rademacher_bound(np.eye(3))
    with pytest.raises(ValueError, match="diagonal cannot be read as an array"):
        ball_rademacher_bound([[1.0], [1.0, 2.0]])
