"""Methods read off as matrices: against steps that are really made."""

import numpy as np
import pytest

from fearless.optimization.methods import Chebyshev, GradientDescent, HeavyBall, MaSS, Nesterov
from fearless.theory.rates.momentum import tuned_momentum
from fearless.theory.rates.recursions import Recursion

METHODS = [
    GradientDescent(0.3),
    HeavyBall(0.2, 0.7),
    Nesterov(0.3, 0.6),
    MaSS(0.3, 0.6, 0.1),
]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
def test_steps_are_products_with_the_matrix(method):
    recursion = Recursion.of(method)
    eigenvalue = 0.8
    state = method.start(1.7)
    z = np.full(len(recursion.push), 1.7)
    for t in range(7):
        np.testing.assert_allclose(recursion.ask @ z, method.query(state, t), rtol=1e-13)
        state = method.step(state, eigenvalue * method.query(state, t), t)
        z = recursion.matrix(eigenvalue) @ z
        np.testing.assert_allclose(z, state, rtol=1e-12)
    assert z[0] == pytest.approx(state[0])


def test_radius_is_that_of_the_worst_eigenvalue():
    values = [1.0, 0.5, 0.01]
    recursion = Recursion.of(Nesterov(0.4, 0.5))
    each = [np.abs(np.linalg.eigvals(recursion.matrix(v))).max() for v in values]
    assert recursion.radius(values) == pytest.approx(max(each))
    assert Recursion.of(GradientDescent(0.5)).radius([1.0, 0.1]) == pytest.approx(0.95)


def test_chebyshev_is_taken_in_its_limit():
    limit = Recursion.of(Chebyshev(1.0, 0.04))
    ball = Recursion.of(HeavyBall(*tuned_momentum("heavy ball", 1.0, 0.04)))
    np.testing.assert_allclose(limit.keep, ball.keep, atol=1e-14)
    np.testing.assert_allclose(limit.push, ball.push, atol=1e-14)


def test_several_methods_at_once_are_refused():
    with pytest.raises(ValueError, match=r"step_size of the method has shape \(2,\)"):
        Recursion.of(Nesterov(np.array([0.1, 0.2]), 0.5))


def test_bad_eigenvalues_are_named():
    with pytest.raises(ValueError, match="eigenvalues"):
        Recursion.of(GradientDescent(0.5)).radius([[1.0]])
