"""The PL* constant along training, against Jacobians and against linear systems."""

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning

from fearless.networks import FullyConnected, jacobian, parameter_vector
from fearless.networks.pl_run import pl_path


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return rng.standard_normal((4, 6)), rng.standard_normal((4, 2))


def network(n_outputs=2, width=50, **options):
    options = {"activation": "tanh", "w_std": 1.0, "random_state": 0, **options}
    return FullyConnected(6, width, n_outputs, dtype=np.float64, **options)


def test_the_entries_by_brute_force(data):
    X, Y = data
    model = network()
    seen = []

    def look(step):
        J = jacobian(model, X).reshape(8, -1)
        residual = (model(torch.tensor(X)) - torch.tensor(Y)).detach().numpy().ravel()
        values = np.linalg.svd(J, compute_uv=False) ** 2 / 4
        gradient = J.T @ residual / 4
        loss = residual @ residual / 8
        ratio = gradient @ gradient / (2 * loss)
        seen.append((step, values[-1], values[0], ratio, loss, parameter_vector(model)))

    path = pl_path(model, X, Y, tol=0.05, observe=look)
    steps, constant, largest, ratio, loss, weights = map(np.array, zip(*seen, strict=True))
    np.testing.assert_array_equal(path.steps, steps)
    np.testing.assert_allclose(path.constant, constant, rtol=1e-8)
    np.testing.assert_allclose(path.largest, largest)
    np.testing.assert_allclose(path.ratio, ratio)
    np.testing.assert_allclose(path.losses[steps], loss)
    np.testing.assert_allclose(path.distance, np.linalg.norm(weights - weights[0], axis=1))
    assert np.all(path.ratio >= path.constant)
    assert path.step_size == pytest.approx(1 / (2 * largest[0]))
    assert path.converged
    assert path.losses[-1] <= 0.025
    assert path.kept == pytest.approx(constant.min() / constant[0])


def test_a_linear_system_stands_still(data):
    X, Y = data
    model = network(activation="identity")
    model.weights[1].requires_grad_(False)
    path = pl_path(model, X, Y, tol=0.5, max_steps=5000)
    np.testing.assert_allclose(path.constant, path.constant[0])
    np.testing.assert_allclose(path.kernel_change, 0, atol=1e-12)
    factors = path.losses[1:] / path.losses[:-1]
    # The exact rate of a linear system with eta = 1 / (2 lambda_1).
    assert factors.max() <= (1 - path.step_size * path.constant[0]) ** 2 + 1e-12


def test_weights_that_are_not_trained_do_not_count(data):
    X, Y = data
    model = network(n_outputs=1)
    model.weights[1].requires_grad_(False)
    path = pl_path(model, X, Y[:, 0], max_steps=3, tol=10.0)
    J = jacobian(network(n_outputs=1), X)[:, 0, : 6 * 50]
    values = np.linalg.svd(J, compute_uv=False) ** 2 / 4
    assert path.constant[0] == pytest.approx(values[-1])


def test_the_kernel_may_be_given(data):
    X, Y = data
    path = pl_path(network(n_outputs=1), X, Y[:, 0], tol=10.0, kernel=lambda *_: 4 * np.eye(4))
    assert path.constant[0] == pytest.approx(1)
    assert path.ratio[0] == pytest.approx(1)


def test_too_few_weights_have_the_constant_zero(data):
    X, Y = data
    model = network(n_outputs=1, width=1, activation="identity")
    model.weights[1].requires_grad_(False)
    more = np.vstack([X, 2 * X])
    with pytest.warns(ConvergenceWarning, match="max_steps"):
        path = pl_path(model, more, np.tile(Y[:, 0], 2), max_steps=4, tol=1e-9)
    np.testing.assert_allclose(path.constant, 0, atol=1e-12)
    assert path.kept == 0  # not a ratio of two rounding errors
    assert not path.converged


def test_a_kernel_that_is_zero_at_the_start_has_not_changed(data):
    X, _ = data
    model = network(n_outputs=1)
    path = pl_path(model, np.zeros_like(X), np.zeros(4), step_size=0.1, tol=1.0)
    np.testing.assert_array_equal(path.kernel_change, 0)
    assert path.kept == 0


def test_bad_input_is_named(data):
    X, Y = data
    with pytest.raises(TypeError, match="model is 3"):
        pl_path(3, X, Y)
    with pytest.raises(ValueError, match="Y"):
        pl_path(network(), X, Y[:3])
    with pytest.raises(ValueError, match=r"kernel gave an array of shape \(4, 4\)"):
        pl_path(network(), X, Y, kernel=lambda *_: np.eye(4))
    with pytest.raises(ValueError, match="not finite"):
        pl_path(network(n_outputs=1), X, Y[:, 0], kernel=lambda *_: np.full((4, 4), np.nan))
    with pytest.raises(ValueError, match="tangent kernel of the model is zero"):
        pl_path(network(n_outputs=1), np.zeros((2, 6)), [1.0, 2.0])
