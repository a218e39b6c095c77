"""Points of the set of solutions, and the curvature of the loss beside them."""

import numpy as np
import pytest

from fearless.optimization.solution_set import nearby_solution, tangent_curvature
from fearless.optimization.systems import LinearSystem, ProductSystem

HYPERBOLA = ProductSystem([[1.0]], [1.0])


def test_solutions_of_systems_on_any_scale():
    rng = np.random.default_rng(3)
    X, y = rng.standard_normal((3, 5)), rng.standard_normal(3)
    start = rng.standard_normal(10)
    w = nearby_solution(ProductSystem(X, 1e8 * y), 1e4 * start)
    np.testing.assert_allclose(ProductSystem(X, 1e8 * y).outputs(w), 1e8 * y, rtol=1e-9)


def test_solutions_are_solutions():
    rng = np.random.default_rng(1)
    system = ProductSystem(rng.standard_normal((3, 5)), rng.standard_normal(3))
    w = nearby_solution(system, rng.standard_normal(10))
    assert np.abs(system.residual(w)).max() <= 1e-12


def test_curvature_next_to_a_solution_by_eigenvalues_nearby():
    rng = np.random.default_rng(2)
    system = ProductSystem(rng.standard_normal((2, 4)), rng.standard_normal(2))
    w = nearby_solution(system, rng.standard_normal(8))
    v = rng.standard_normal(8)
    rates = tangent_curvature(system, w, v)
    assert rates.shape == (6,)
    # The other two eigenvalues are of order one.
    near = np.linalg.eigvalsh(system.hessian(w + 1e-6 * v))[:6] / 1e-6
    np.testing.assert_allclose(near, rates, atol=1e-4 * np.abs(rates).max())
    np.testing.assert_allclose(tangent_curvature(system, w, -v), -rates[::-1], atol=1e-12)


def test_bad_input():
    with pytest.raises(ValueError, match=r"expected n < p and full rank"):
        tangent_curvature(LinearSystem(np.eye(2), np.ones(2)), np.ones(2), np.ones(2))
    with pytest.raises(ValueError, match=r"expected n < p and full rank"):
        tangent_curvature(ProductSystem([[1.0]], [0.0]), np.zeros(2), np.ones(2))
    with pytest.raises(ValueError, match=r"solution has a residual of 0.44; expected a point"):
        tangent_curvature(HYPERBOLA, [1.2, 1.2], np.ones(2))
    with pytest.raises(ValueError, match=r"no solution within 5 Gauss-Newton steps"):
        nearby_solution(LinearSystem(np.ones((2, 1)), [0.0, 1.0]), [0.0], max_steps=5)
