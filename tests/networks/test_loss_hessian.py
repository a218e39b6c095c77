"""The Hessian of a loss by products, its largest eigenvalue, and both along training."""

import numpy as np
import pytest
import torch
from torch import nn

from fearless.networks import FullyConnected, parameter_vector
from fearless.networks.loss_hessian import LossHessian, sharpness, sharpness_path
from fearless.optimization import Chebyshev, GradientDescent, HeavyBall, Nesterov


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Products this small only lose by being shared out."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((5, 3)), RNG.standard_normal((5, 2))


def network(seed=0, **options):
    options = {"activation": "tanh", "dtype": np.float64, "b_std": 0.2, **options}
    return FullyConnected(3, 4, 2, random_state=seed, **options)


def linear_model(w):
    model = nn.Linear(3, 2, bias=False).double()
    with torch.no_grad():
        model.weight.copy_(torch.as_tensor(w))
    return model


def test_a_linear_model_has_the_hessian_of_least_squares():
    hessian = LossHessian(linear_model(np.zeros((2, 3))), X, Y)
    np.testing.assert_allclose(hessian @ np.eye(6), np.kron(np.eye(2), X.T @ X / 5), atol=1e-14)
    np.testing.assert_allclose(hessian.gradient, -(Y.T @ X / 5).ravel())
    assert hessian.value == pytest.approx((Y**2).sum() / 10)
    top = np.linalg.eigvalsh(X.T @ X / 5)[-1]
    assert sharpness(linear_model(np.zeros((2, 3))), X, Y, random_state=1) == pytest.approx(top)


def test_products_are_differences_of_gradients():
    model, step = network(), 1e-6
    hessian = LossHessian(model, X, Y)
    v = RNG.standard_normal(hessian.shape[0])
    moved = network()
    with torch.no_grad():
        parts = torch.from_numpy(step * v).split([p.numel() for p in moved.parameters()])
        for p, part in zip(moved.parameters(), parts, strict=True):
            p += part.view_as(p)
    difference = (LossHessian(moved, X, Y).gradient - hessian.gradient) / step
    np.testing.assert_allclose(hessian @ v, difference, atol=1e-4 * np.abs(difference).max())


def test_the_sharpness_is_the_largest_eigenvalue_with_its_sign():
    model = network(seed=3)
    far = Y + 30  # far targets: the most negative eigenvalue is the largest in absolute value
    hessian = LossHessian(model, X, far)
    values = np.linalg.eigvalsh(hessian @ np.eye(hessian.shape[0]))
    assert -values[0] > values[-1] > 0
    assert sharpness(model, X, far, tol=1e-7, random_state=0) == pytest.approx(values[-1])
    top, u = hessian.top(tol=1e-7, signed=True, random_state=0)
    assert top == pytest.approx(values[-1])
    np.testing.assert_allclose(hessian @ u, top * u, atol=1e-5 * top)
    assert hessian.top(tol=1e-7, random_state=0)[0] == pytest.approx(values[0])


def test_another_loss():
    labels = np.eye(2)[[0, 1, 1, 0, 1]]
    entropy = nn.functional.cross_entropy
    hessian = LossHessian(linear_model(np.zeros((2, 3))), X, labels, loss=entropy)
    assert hessian.value == pytest.approx(np.log(2))
    expected = np.kron([[0.25, -0.25], [-0.25, 0.25]], X.T @ X / 5)
    np.testing.assert_allclose(hessian @ np.eye(6), expected, atol=1e-14)


@pytest.mark.parametrize("method", [GradientDescent(0.3), HeavyBall(0.2, 0.6), Nesterov(0.2, 0.6)])
def test_a_path_is_a_plain_loop(method):
    model = network(seed=1)
    path = sharpness_path(model, X, Y, method, n_steps=7, every=3, random_state=0)
    assert path.steps.tolist() == [0, 3, 6, 7]
    other = network(seed=1)
    weights = list(other.parameters())
    states = [method.start(p.detach().clone()) for p in weights]
    for t in range(8):
        with torch.no_grad():
            for p, state in zip(weights, states, strict=True):
                p.copy_(state[0])
        if t in path.steps:
            value = sharpness(other, X, Y, tol=1e-7, random_state=0)
            assert path.sharpness[path.steps.tolist().index(t)] == pytest.approx(value, rel=1e-4)
        with torch.no_grad():
            for p, state in zip(weights, states, strict=True):
                p.copy_(method.query(state, t))
        loss = (other(torch.from_numpy(X)) - torch.from_numpy(Y)).square().sum() / 10
        assert path.losses[t] == pytest.approx(float(loss.detach()), rel=1e-12)
        if t == 7:
            break
        gradients = torch.autograd.grad(loss, weights)
        states = [method.step(s, g, t) for s, g in zip(states, gradients, strict=True)]
    last = np.concatenate([s[0].numpy().ravel() for s in states])
    np.testing.assert_allclose(parameter_vector(model), last, rtol=1e-12)
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize(
    ("method", "limit"),
    [(GradientDescent(0.5), 4.0), (HeavyBall(0.5, 0.9), 7.6), (Nesterov(0.5, 0.9), 3.8 / 1.4)],
)
def test_on_a_quadratic_loss_the_limit_is_one(method, limit):
    # One weight, L = (1/2) s w^2 with s just below and just above the limit.
    for factor, stable in ((0.96, True), (1.04, False)):
        model = nn.Linear(1, 1, bias=False).double()
        x = [[(factor * limit) ** 0.5]]
        path = sharpness_path(model, x, [0.0], method, n_steps=500, every=None)
        assert path.limit == pytest.approx(limit)
        assert (path.losses[-1] < 1e-3 * path.losses[0]) == stable
        assert (path.diverged_at > 0) == (not stable)
        assert path.sharpness.size == path.steps.size == 0


def test_divergence_is_reported_and_not_raised():
    path = sharpness_path(network(), X, Y, GradientDescent(1e3), n_steps=50, every=10)
    assert 0 < path.diverged_at <= 50
    assert np.all(np.isinf(path.losses[path.diverged_at :]))
    assert np.all(np.isfinite(path.losses[: path.diverged_at]))
    assert np.all(np.isinf(path.sharpness[path.steps >= path.diverged_at]))


def test_a_start_without_a_finite_loss_has_diverged_at_once():
    model = network(activation="relu")
    with torch.no_grad():
        for p in model.parameters():
            p *= 1e100
    path = sharpness_path(model, X, Y, GradientDescent(0.1), n_steps=3, every=1)
    assert path.diverged_at == 0
    assert np.all(np.isinf(path.losses))
    assert np.all(np.isinf(path.sharpness))


def test_a_loss_that_is_nowhere_convex_has_sharpness_zero():
    # The largest eigenvalue is 0, and no error relative to it can be asked for.
    def concave(outputs, targets):
        return -(outputs - targets).square().sum() / 2

    rows = np.diag([0.0, 1.0, 2.0])
    model = nn.Linear(3, 1, bias=False).double()
    assert abs(sharpness(model, rows, np.zeros(3), loss=concave, random_state=0)) < 1e-12


def test_bad_input():
    model = network()
    with pytest.raises(ValueError, match=r"Y has shape \(5, 1\)"):
        LossHessian(model, X, Y[:, 0])
    with pytest.raises(TypeError, match="method"):
        sharpness_path(model, X, Y, 0.1, n_steps=3)
    with pytest.raises(ValueError, match="one step size"):
        sharpness_path(model, X, Y, GradientDescent([0.1, 0.2]), n_steps=3)
    with pytest.raises(ValueError, match="one step size"):
        sharpness_path(model, X, Y, Chebyshev(2.0, 1.0), n_steps=3)
    with pytest.raises(ValueError, match=r"a tensor of shape \(5, 2\); expected"):
        sharpness(model, X, Y, loss=lambda outputs, targets: outputs - targets)
    with pytest.raises(ValueError, match="loss returned"):
        LossHessian(model, X, Y, loss=lambda outputs, targets: targets.sum())
    with pytest.raises(ValueError, match="loss returned float"):
        LossHessian(model, X, Y, loss=lambda outputs, targets: 1.0)
    with pytest.raises(ValueError, match="tol"):
        sharpness(model, X, Y, tol=0.0)
    with pytest.raises(RuntimeError, match="max_iter"):
        sharpness(model, X, Y, tol=1e-9, max_iter=2)
