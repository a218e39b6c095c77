"""The tangent of a network: products with its Jacobian, and its training by linear algebra."""

import numpy as np
import pytest
import torch
from torch import nn

from fearless.networks import FullyConnected, Linearized, descend, jacobian


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Products this small only lose by being shared out."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


rng = np.random.default_rng(0)
X, Z = rng.standard_normal((6, 3)), rng.standard_normal((5, 3))
Y = rng.standard_normal((6, 2))


def network(seed=0, width=40, n_outputs=2, **options):
    options = {"activation": "tanh", "b_std": 0.3, "dtype": np.float64, **options}
    return FullyConnected(3, width, n_outputs, random_state=seed, **options)


@pytest.fixture
def tangent():
    return Linearized(network(depth=2))


def test_products_are_those_of_the_jacobian(tangent):
    J = jacobian(tangent.model, X).reshape(12, -1)
    v = rng.standard_normal(tangent.n_parameters)
    np.testing.assert_allclose(tangent.jvp(X, v).ravel(), J @ v, atol=1e-12)
    np.testing.assert_allclose(tangent.vjp(X, Y), J.T @ Y.ravel(), atol=1e-12)
    np.testing.assert_allclose(tangent.kernel(X).reshape(12, 12), J @ J.T, atol=1e-12)


def test_the_tangent_touches_to_first_order(tangent):
    v = rng.standard_normal(tangent.n_parameters)
    gaps = [np.abs(tangent.gap(X, step * v)).max() for step in (1e-2, 1e-3)]
    assert gaps[0] / gaps[1] == pytest.approx(100, rel=0.1)
    np.testing.assert_array_equal(tangent.value(X), tangent.model(torch.tensor(X)).detach())


@pytest.mark.parametrize("relative", [0.5, 1.7])
def test_descent_is_the_recurrence(tangent, relative):
    path = tangent.path(X, Y)
    J = jacobian(tangent.model, X).reshape(12, -1)
    step = relative / path.curvatures[0]
    w = np.zeros(tangent.n_parameters)
    for _ in range(30):
        w -= step / 6 * J.T @ (tangent.value(X).ravel() + J @ w - Y.ravel())
    filters = path.descent_filter([30], step)
    np.testing.assert_allclose(path.displacement(filters)[0], w, atol=1e-12)
    np.testing.assert_allclose(path.predict(Z, filters)[0], tangent.value(Z, w), atol=1e-12)
    assert path.distance(filters)[0] == pytest.approx(np.linalg.norm(w))
    mse = np.sum((tangent.value(X, w) - Y) ** 2) / 6
    assert path.train_mse(filters)[0] == pytest.approx(mse)


def test_the_limit_is_the_nearest_interpolant(tangent):
    path = tangent.path(X, Y)
    filters = path.flow_filter([1e9])
    J = jacobian(tangent.model, X).reshape(12, -1)
    residual = (Y - tangent.value(X)).ravel()
    np.testing.assert_allclose(
        path.displacement(filters)[0], np.linalg.pinv(J) @ residual, atol=1e-9
    )
    np.testing.assert_allclose(path.predict(X, filters)[0], Y, atol=1e-9)
    due = residual @ np.linalg.solve(J @ J.T, residual)
    assert path.distance(filters)[0] ** 2 == pytest.approx(due)


def test_duplicates_with_other_targets_leave_their_difference():
    twice, targets = np.vstack([X, X[:1]]), np.append(Y[:, 0], Y[0, 0] + 2.0)
    path = Linearized(network(n_outputs=1)).path(twice, targets)
    assert len(path.curvatures) == 6
    assert path.train_mse(path.flow_filter([1e9]))[0] == pytest.approx(2 / 7)


def test_training_the_network_leaves_its_tangent_alone():
    model = network(n_outputs=1)
    tangent = Linearized(model)
    before = tangent.value(Z)
    descend(model, X, Y[:, 0], step_size=0.3, tol=0.4)
    np.testing.assert_array_equal(tangent.value(Z), before)


def test_a_wide_network_trains_as_its_tangent():
    model = network(n_outputs=1, width=8000, w_std=1.0)
    tangent = Linearized(model)
    path = tangent.path(X, Y[:, 0])
    run = descend(model, X, Y[:, 0], step_size=0.3, tol=0.2)
    filters = path.descent_filter(np.arange(run.steps + 1), 0.3)
    np.testing.assert_allclose(run.losses, path.train_mse(filters), rtol=0.02)


def test_other_modules():
    torch.manual_seed(0)
    tangent = Linearized(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double())
    v = rng.standard_normal(tangent.n_parameters)
    J = jacobian(tangent.model, X).reshape(12, -1)
    np.testing.assert_allclose(tangent.jvp(X, v).ravel(), J @ v, atol=1e-12)


def test_a_kernel_of_which_nothing_is_left():
    nothing = Linearized(FullyConnected(3, 5, activation="tanh", random_state=0))
    with pytest.raises(ValueError, match="tangent kernel of X is zero"):
        nothing.path(np.zeros((6, 3)), Y[:, 0])
    linear = Linearized(nn.Linear(3, 1).double())
    with pytest.raises(ValueError, match="tangent kernel of X is not finite"):
        linear.path(X * 1e200, Y[:, 0])


def test_bad_input(tangent):
    with pytest.raises(ValueError, match=r"outputs of shape \(6,\); expected \(n_samples, n_out"):
        Linearized(nn.Sequential(nn.Linear(3, 1), nn.Flatten(0))).path(X, Y[:, 0])
    with pytest.raises(TypeError, match=r"expected a torch\.nn\.Module"):
        Linearized("net")
    frozen = network()
    frozen.weights[1].requires_grad_(False)
    with pytest.raises(ValueError, match=r"not trained, weights\.1; expected none"):
        Linearized(frozen)
    with pytest.raises(ValueError, match="displacement has 3 entries; expected"):
        tangent.jvp(X, np.ones(3))
    with pytest.raises(ValueError, match=r"coef has shape \(6, 1\); expected \(6, 2\)"):
        tangent.vjp(X, np.ones(6))
    with pytest.raises(ValueError, match="Y has 1 columns; expected 2"):
        tangent.path(X, Y[:, 0])
    with pytest.raises(ValueError, match=r"rows|samples|length"):
        tangent.path(X, Y[:4])
    path = tangent.path(X, Y)
    with pytest.raises(ValueError, match="with which descent diverges"):
        path.descent_filter([3], 2.1 / path.curvatures[0])
