"""Systems of equations: derivatives against differences, and against each other."""

import numpy as np
import pytest

from fearless.optimization.systems import (
    FunctionSystem,
    LinearSystem,
    ProductSystem,
    QuadraticSystem,
)


def make(kind, rng):
    X, y = rng.standard_normal((3, 4)), rng.standard_normal(3)
    if kind == "linear":
        return LinearSystem(X, y)
    if kind == "product":
        return ProductSystem(X, y)
    A = rng.standard_normal((3, 5, 5))
    A = A + A.transpose(0, 2, 1)
    if kind == "quadratic":
        return QuadraticSystem(A, y)
    return FunctionSystem(
        lambda w: np.tanh(X @ w),
        lambda w: (1 - np.tanh(X @ w) ** 2)[:, None] * X,
        y,
        4,
        lambda w, v: (X.T * (-2 * v * np.tanh(X @ w) * (1 - np.tanh(X @ w) ** 2))) @ X,
    )


@pytest.fixture(params=["linear", "product", "quadratic", "function"])
def system(request):
    return make(request.param, np.random.default_rng(3))


def differences(function, w, h=1e-6):
    steps = h * np.eye(len(w))
    return np.array([(function(w + e) - function(w - e)) / (2 * h) for e in steps]).T


def test_derivatives_are_limits_of_differences(system):
    w = np.random.default_rng(4).standard_normal(system.n_parameters)
    np.testing.assert_allclose(system.jacobian(w), differences(system.outputs, w), atol=1e-7)
    np.testing.assert_allclose(system.gradient(w), differences(system.loss, w), atol=1e-7)
    np.testing.assert_allclose(system.hessian(w), differences(system.gradient, w), atol=1e-6)


def test_gradient_and_kernel_come_from_the_jacobian(system):
    w = np.random.default_rng(5).standard_normal(system.n_parameters)
    J, r = system.jacobian(w), system.outputs(w) - system.y
    assert J.shape == (system.n_samples, system.n_parameters)
    np.testing.assert_allclose(system.gradient(w), J.T @ r / 3, atol=1e-12)
    np.testing.assert_allclose(system.tangent_kernel(w), J @ J.T, atol=1e-12)
    assert system.loss(w) == pytest.approx(r @ r / 6)


def test_batches_are_means_over_their_samples(system):
    w = np.random.default_rng(6).standard_normal(system.n_parameters)
    batches = [np.array([i]) for i in range(3)]
    for method in (system.gradient, system.hessian):
        singles = [method(w, batch) for batch in batches]
        np.testing.assert_allclose(np.mean(singles, axis=0), method(w), atol=1e-12)
        repeated = (2 * singles[1] + singles[0]) / 3
        np.testing.assert_allclose(method(w, np.array([1, 0, 1])), repeated, atol=1e-12)


def test_samples_are_indices(system):
    w = np.ones(system.n_parameters)
    for method in (system.gradient, system.hessian):
        with pytest.raises(TypeError, match=r"samples has dtype bool; expected integer indices"):
            method(w, np.array([True, False, True]))
        with pytest.raises(ValueError, match=r"samples has shape \(0,\); expected one index"):
            method(w, np.array([], dtype=int))


def test_halves_do_not_broadcast():
    system = make("product", np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"w has shape \(5,\); expected \(8,\)"):
        system.loss(np.ones(5))


def test_small_matrices_must_be_symmetric_too():
    with pytest.raises(ValueError, match=r"not finite and symmetric"):
        QuadraticSystem([[[0.0, 1e-10], [0.0, 0.0]]], [1.0])
    assert QuadraticSystem([np.zeros((2, 2))], [0.0]).loss(np.ones(2)) == 0


def test_bad_input():
    with pytest.raises(ValueError, match=r"X has 2, y has 1"):
        LinearSystem(np.eye(2), [1.0])
    with pytest.raises(ValueError, match=r"A has shape \(2, 2\); expected \(n, p, p\)"):
        QuadraticSystem(np.eye(2), [1.0])
    with pytest.raises(ValueError, match=r"not finite and symmetric"):
        QuadraticSystem([[[0.0, 1.0], [0.0, 0.0]]], [1.0])
    with pytest.raises(TypeError, match=r"jacobian is a int; expected a function"):
        FunctionSystem(np.sin, 3, [1.0], 1)
    with pytest.raises(TypeError, match=r"curvature is a int; expected a function"):
        FunctionSystem(np.sin, np.cos, [1.0], 1, 3)
    plain = FunctionSystem(lambda w: w, lambda w: np.eye(2), [1.0, 1.0], 2)
    with pytest.raises(NotImplementedError, match="no second derivatives"):
        plain.hessian(np.ones(2))
    wrong = FunctionSystem(lambda w: w[:1], lambda w: np.ones((2, 3)), [1.0, 1.0], 2)
    with pytest.raises(ValueError, match=r"the value of outputs has length 1; expected 2"):
        wrong.loss(np.ones(2))
    with pytest.raises(ValueError, match=r"the value of jacobian has 3 columns; expected 2"):
        wrong.jacobian(np.ones(2))
