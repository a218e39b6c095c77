"""PL constants, condition numbers and curvature of systems."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fearless.optimization.landscape import (
    descent_path,
    pl_constant,
    smoothness_estimate,
    tangent_condition,
)
from fearless.optimization.methods import GradientDescent
from fearless.optimization.objective import minimize
from fearless.optimization.systems import LinearSystem, ProductSystem
from fearless.theory.rates.pl import descent_length, pl_rate

HYPERBOLA = ProductSystem([[1.0]], [1.0])


@given(st.integers(0, 20))
def test_a_linear_path_is_the_power_of_a_matrix(seed):
    rng = np.random.default_rng(seed)
    X, y, start = rng.standard_normal((4, 9)), rng.standard_normal(4), rng.standard_normal(9)
    path = descent_path(LinearSystem(X, y), start, step_size=0.02, n_steps=12, every=5)
    np.testing.assert_array_equal(path.steps, [0, 5, 10, 12])
    step = np.eye(4) - 0.02 * X @ X.T / 4
    for t, loss in zip(path.steps, path.loss, strict=True):
        r = np.linalg.matrix_power(step, t) @ (X @ start - y)
        assert loss == pytest.approx(r @ r / 8)
    values = np.linalg.eigvalsh(X @ X.T / 4)
    np.testing.assert_allclose(path.smallest, values[0])
    assert path.condition == pytest.approx(np.linalg.cond(X) ** 2)
    assert np.all(path.ratio >= values[0] * (1 - 1e-9))
    assert np.all(path.ratio <= values[-1] * (1 + 1e-9))
    assert np.all(path.distance <= path.length + 1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_the_theorem_with_constants_of_the_path(seed):
    rng = np.random.default_rng(seed)
    system = ProductSystem(rng.standard_normal((3, 6)), rng.standard_normal(3))
    start = rng.standard_normal(12)
    path = descent_path(system, start, step_size=0.01, n_steps=150)
    gradients = np.array([system.gradient(w) for w in path.weights])
    mu = pl_constant(path.loss, gradients)
    assert mu == pytest.approx(path.ratio.min(), rel=1e-6)
    assert mu >= path.smallest.min() * (1 - 1e-9)
    beta = max(np.linalg.norm(system.hessian(w), 2) for w in path.weights)
    assert smoothness_estimate(path.weights, gradients) <= 1.05 * beta
    assert beta <= 100  # so that the step is no longer than 1 / beta
    bound = pl_rate(mu, beta, 0.01) ** path.steps
    assert np.all(path.loss <= bound * path.loss[0] * (1 + 1e-6))
    assert path.length[-1] <= descent_length(path.loss[0], mu)


def test_the_path_is_that_of_the_common_minimiser():
    rng = np.random.default_rng(4)
    system = ProductSystem(rng.standard_normal((3, 5)), rng.standard_normal(3))
    start = rng.standard_normal(10)
    path = descent_path(system, start, step_size=0.05, n_steps=40)
    trace = minimize(system, GradientDescent(0.05), start, n_steps=40)
    np.testing.assert_allclose(path.weights[-1], trace.coef[0], rtol=1e-12)


def test_divergence_is_reported_with_its_step():
    path = descent_path(LinearSystem([[1.0]], [1.0]), [0.0], step_size=3.0, n_steps=100)
    # The residual doubles, the loss is four times as large each step: 4^20 > 1e12.
    assert path.diverged_at == 20
    assert path.steps[-1] == 19
    assert np.isfinite(path.loss).all()
    wild = descent_path(HYPERBOLA, [30.0, 30.0], step_size=10.0, n_steps=100)
    assert wild.diverged_at > 0
    assert np.isfinite(wild.weights).all()


def test_a_run_stops_at_its_tolerance():
    path = descent_path(HYPERBOLA, [2.0, 1.0], step_size=0.1, n_steps=1000, tol=1e-3, every=7)
    assert path.loss[-1] <= 1e-3 * path.loss[0] < path.loss[-2]
    assert path.steps[-1] < 1000


def test_a_run_that_starts_at_a_solution():
    path = descent_path(HYPERBOLA, [2.0, 0.5], step_size=0.1, n_steps=10)
    assert path.steps.tolist() == [0]
    assert path.ratio.tolist() == [np.inf]
    assert path.length.tolist() == [0.0]


def test_singular_systems_have_no_finite_condition():
    rng = np.random.default_rng(6)
    tall = LinearSystem(rng.standard_normal((6, 3)), rng.standard_normal(6))
    path = descent_path(tall, np.zeros(3), step_size=0.1, n_steps=5)
    assert np.all(path.smallest >= 0)
    assert path.condition == np.inf
    twins = LinearSystem(np.ones((2, 5)), np.ones(2))
    assert descent_path(twins, np.zeros(5), step_size=0.1, n_steps=2).condition == np.inf


def test_the_smallest_sets_of_points():
    assert pl_constant([0.0, 0.0], np.zeros((2, 3))) == np.inf
    assert pl_constant([0.0, 1.0], [[0.0], [0.0]]) == 0
    assert smoothness_estimate([[1.0], [1.0]], [[0.0], [0.0]]) == 0


@given(st.integers(0, 30))
def test_the_smoothness_of_a_quadratic_is_estimated_from_below(seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((5, 3))
    w = rng.standard_normal((20, 3))
    system = LinearSystem(X, np.zeros(5))
    estimate = smoothness_estimate(w, [system.gradient(row) for row in w])
    top = np.linalg.norm(X, 2) ** 2 / 5
    assert 0.3 * top < estimate <= top * (1 + 1e-9)


def test_the_condition_of_a_system():
    rng = np.random.default_rng(0)
    jacobians = rng.standard_normal((4, 3, 7))
    values = np.array([np.linalg.eigvalsh(J @ J.T) for J in jacobians])
    assert tangent_condition(jacobians) == pytest.approx(values[:, -1].max() / values[:, 0].min())
    assert tangent_condition(jacobians[:1]) == pytest.approx(np.linalg.cond(jacobians[0]) ** 2)
    assert tangent_condition([np.ones((3, 2))]) == np.inf
    assert tangent_condition([np.ones((2, 3)), np.eye(2, 3)]) == np.inf


def test_bad_input():
    with pytest.raises(ValueError, match=r"losses has the entry -1"):
        pl_constant([-1.0], [[1.0]])
    with pytest.raises(ValueError, match=r"mismatched lengths: losses has 2, gradients has 1"):
        pl_constant([1.0, 1.0], [[1.0]])
    with pytest.raises(ValueError, match=r"weights has 1 row; expected two points"):
        smoothness_estimate([[1.0]], [[1.0]])
    with pytest.raises(ValueError, match=r"jacobians is empty"):
        tangent_condition([])
    with pytest.raises(ValueError, match=r"start has length 3; expected 2"):
        descent_path(HYPERBOLA, np.ones(3), step_size=0.1, n_steps=1)
    with pytest.raises(ValueError, match=r"start has the loss inf; expected a start whose loss"):
        descent_path(HYPERBOLA, [1e100, 1e100], step_size=0.1, n_steps=1)
