"""Hessians by products alone, against dense ones, closed forms and finite differences."""

import numpy as np
import pytest
import torch
from torch import nn

from fearless.networks import (
    FullyConnected,
    HessianOperator,
    hessian_norm,
    jacobian,
    parameter_vector,
)
from fearless.theory.linearity import two_layer_hessian_norm


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Products this small only lose by being shared out."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


X = np.random.default_rng(0).standard_normal((3, 4))


def network(width=6, **options):
    options = {"activation": "tanh", "dtype": np.float64, "random_state": 3, **options}
    return FullyConnected(4, width, **options)


def dense_hessian(model, x, output=0):
    """The Hessian by torch's own nested differentiation, of all parameters."""
    names = [name for name, _ in model.named_parameters()]
    values = tuple(p.detach() for p in model.parameters())

    def f(*weights):
        named = dict(zip(names, weights, strict=True))
        return torch.func.functional_call(model, named, (torch.tensor(x[None]),))[0, output]

    blocks = torch.autograd.functional.hessian(f, values)
    sizes = [v.numel() for v in values]
    rows = [
        torch.cat([b.reshape(p, q) for b, q in zip(row, sizes, strict=True)], dim=1)
        for row, p in zip(blocks, sizes, strict=True)
    ]
    return torch.cat(rows).numpy()


@pytest.mark.parametrize(
    "options",
    [{"depth": 2, "b_std": 0.3}, {"n_outputs": 2}, {"depth": 3, "bottleneck": 1}],
)
def test_products_and_norms_are_those_of_the_dense_matrix(options):
    model = network(**options)
    k = options.get("n_outputs", 1)
    norms = hessian_norm(model, X, tol=1e-8, random_state=1)
    for i, j in np.ndindex(3, k):
        H = dense_hessian(model, X[i], j)
        operator = HessianOperator(model, X[i], j)
        np.testing.assert_allclose(operator @ np.eye(len(H)), H, atol=1e-12)
        assert norms[i, j] == pytest.approx(np.linalg.norm(H, 2), rel=1e-8)


def test_the_top_direction_is_an_eigenvector():
    operator = HessianOperator(network(40, depth=2), X[0])
    value, u = operator.top(tol=1e-7, random_state=0)
    assert np.linalg.norm(u) == pytest.approx(1)
    assert np.linalg.norm(operator @ u - value * u) < 1e-6 * abs(value)
    assert operator.adjoint() is operator


def test_products_are_differences_of_gradients():
    model, step = network(15, depth=2), 1e-6
    v = np.random.default_rng(1).standard_normal(sum(p.numel() for p in model.parameters()))
    product = HessianOperator(model, X[1]) @ v
    before = jacobian(model, X[1:2])[0, 0]
    vector = nn.utils.parameters_to_vector(model.parameters()).detach()
    nn.utils.vector_to_parameters(vector + step * torch.tensor(v), model.parameters())
    after = jacobian(model, X[1:2])[0, 0]
    np.testing.assert_allclose(product, (after - before) / step, atol=1e-4)


@pytest.mark.parametrize("trained", [True, False])
def test_frozen_parameters_do_not_count(trained):
    model = network(50, w_std=1.3)
    model.weights[1].requires_grad_(trained)
    W, v = (p.detach().numpy() for p in model.weights)
    expected = two_layer_hessian_norm(W, v[0], X, w_std=1.3, train_outer=trained)
    np.testing.assert_allclose(hessian_norm(model, X, tol=1e-6)[:, 0], expected, rtol=1e-5)


def test_a_linear_model_has_no_hessian():
    model = nn.Linear(4, 2)
    np.testing.assert_array_equal(hessian_norm(model, X), np.zeros((3, 2)))
    relu = FullyConnected(4, 30, random_state=0)
    relu.weights[1].requires_grad_(False)
    assert hessian_norm(relu, X).max() == 0


def test_single_precision_is_single():
    small, double = (network(30, dtype=t) for t in (np.float32, np.float64))
    assert HessianOperator(small, X[0]).dtype == np.float32
    norms = [hessian_norm(model, X, tol=1e-4, random_state=0) for model in (small, double)]
    np.testing.assert_allclose(norms[0], norms[1], rtol=1e-3)


def test_both_ends_of_the_spectrum_are_looked_at():
    model = network(30)
    due = [np.linalg.norm(dense_hessian(model, x), 2) for x in X]
    for seed in range(10):
        norms = hessian_norm(model, X, random_state=seed)[:, 0]
        np.testing.assert_allclose(norms, due, rtol=1e-3)


@pytest.mark.parametrize("scale", [1e-250, 1e-170, 1e170, 1e250])
def test_norms_whose_squares_leave_the_range_of_floating_point_numbers(scale):
    plain = hessian_norm(network(), X, tol=1e-6, random_state=0)
    scaled = network(output=lambda f: scale * f)
    norms = hessian_norm(scaled, X, tol=1e-6, random_state=0)
    np.testing.assert_allclose(norms / scale, plain, rtol=1e-6)


def test_a_hessian_that_is_not_finite_is_an_error():
    edge = network(output=lambda f: (f - f.detach()).sqrt())
    with pytest.raises(ValueError, match="the Hessian is not finite"):
        hessian_norm(edge, X)


def test_parameters_as_one_vector():
    model = network(b_std=0.1)
    vector = parameter_vector(model)
    due = nn.utils.parameters_to_vector(model.parameters()).detach().numpy()
    np.testing.assert_array_equal(vector, due)
    vector[:] = 0  # a copy
    assert model.weights[0].detach().abs().min() > 0
    model.weights[0].requires_grad_(False)
    assert len(parameter_vector(model)) == len(vector) - 24
    with pytest.raises(TypeError, match="model is 'net'"):
        parameter_vector("net")


def test_bad_input():
    with pytest.raises(ValueError, match=r"outputs of shape \(1,\); expected \(n_samples, n_out"):
        hessian_norm(nn.Sequential(nn.Linear(4, 1), nn.Flatten(0)), X)
    model = network()
    with pytest.raises(TypeError, match=r"model is 3; expected a torch\.nn\.Module"):
        hessian_norm(3, X)
    with pytest.raises(ValueError, match="output"):
        HessianOperator(model, X[0], 1)
    with pytest.raises(ValueError, match="vector has 3 entries"):
        HessianOperator(model, X[0])._matvec(np.ones(3))
    with pytest.raises(RuntimeError, match="did not reach tol"):
        hessian_norm(model, X, tol=1e-12, max_iter=2)
    with pytest.raises(ValueError, match="tol"):
        hessian_norm(model, X, tol=0)
    with pytest.raises(ValueError, match=r"NaN|finite"):
        hessian_norm(model, X * np.nan)
    for p in model.parameters():
        p.requires_grad_(False)
    with pytest.raises(ValueError, match="requires a gradient"):
        hessian_norm(model, X)
