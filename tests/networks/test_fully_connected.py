"""Fully connected networks: the formula, the draw, the two parametrisations, bad input."""

import numpy as np
import pytest
import torch

from fearless.networks import FullyConnected, predict_numpy
from fearless.networks.fully_connected import ACTIVATIONS


def points(n=7, d=4, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d))


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("parametrization", ["ntk", "standard"])
def test_is_the_formula(activation, parametrization):
    model = FullyConnected(
        4, [6, 5], 3, activation=activation, parametrization=parametrization,
        w_std=1.3, b_std=0.4, output=torch.sin, random_state=2, dtype=np.float64,
    )  # fmt: skip
    phi = ACTIVATIONS[activation].function
    a = torch.from_numpy(points())
    for layer, (W, b) in enumerate(zip(model.weights, model.biases, strict=True)):
        scale, bias_scale = 1.0, 1.0
        if parametrization == "ntk":
            scale, bias_scale = 1.3 / W.shape[1] ** 0.5, 0.4
        h = scale * a @ W.T + bias_scale * b
        a = phi(h) if layer < 2 else torch.sin(h)
    np.testing.assert_allclose(predict_numpy(model, points()), a.detach().numpy(), rtol=1e-13)


def test_layers_are_what_the_network_computes():
    model = FullyConnected(4, 6, 2, depth=3, activation="tanh", random_state=1)
    X = torch.from_numpy(points().astype("f4"))
    h, a = model.forward_layers(X)
    assert [tuple(t.shape) for t in h] == [(7, 6), (7, 6), (7, 6), (7, 2)]
    assert a[0] is X
    for before, after in zip(h[:-1], a[1:], strict=True):
        assert torch.equal(torch.tanh(before), after)
    assert torch.equal(h[-1], model(X))


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_derivatives_of_activations(activation):
    function, derivative = ACTIVATIONS[activation]
    h = torch.linspace(-3, 3, 20, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(function(h).sum(), h)
    np.testing.assert_allclose(derivative(h.detach()), expected, rtol=1e-13)
    zero = torch.zeros(1, requires_grad=True)
    (at_zero,) = torch.autograd.grad(function(zero).sum(), zero)
    assert derivative(zero.detach()) == pytest.approx(float(at_zero), abs=1e-7)


def test_both_parametrizations_are_one_function_at_the_start():
    ntk, standard = (
        FullyConnected(4, 50, 2, 3, "relu", p, b_std=0.3, random_state=5)
        for p in ("ntk", "standard")
    )
    a, b = predict_numpy(ntk, points()), predict_numpy(standard, points())
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-5 * np.abs(a).max())


def test_the_draw_comes_from_its_seed_alone():
    state = torch.get_rng_state()
    first, again, other = (FullyConnected(4, 5, b_std=1, random_state=s) for s in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), state)
    for p, q, r in zip(*(m.parameters() for m in (first, again, other)), strict=True):
        assert torch.equal(p, q)
        assert not torch.equal(p, r)
    double = FullyConnected(4, 5, b_std=1, random_state=3, dtype=np.float64)
    assert torch.equal(double.weights[0].float(), first.weights[0])
    assert double.weights[0].dtype == torch.float64


@pytest.mark.parametrize(("parametrization", "std"), [("ntk", (1, 1)), ("standard", (0.25, 0.7))])
def test_weights_have_the_variances_they_should(parametrization, std):
    """W: 400 x 64 entries of variance w_std^2 / 64 or 1; b: 400 of b_std^2 or 1; z < 5."""
    model = FullyConnected(
        64, 400, 1, parametrization=parametrization, w_std=2.0, b_std=0.7, random_state=0
    )
    for p, s in ((model.weights[0], std[0]), (model.biases[0], std[1])):
        ratio = p.detach().numpy().astype(float).var() / s**2
        assert abs(ratio - 1) < 5 * np.sqrt(2 / p.numel())


def test_shapes_and_options():
    model = FullyConnected(3, 8, 2, depth=3, bottleneck=1)
    assert model.widths == (3, 8, 1, 8, 2)
    assert FullyConnected(3, 8, depth=2, bottleneck=2).widths == (3, 8, 2, 1)
    assert FullyConnected(3, np.array([4, 5]), 2).widths == (3, 4, 5, 2)
    assert (model.depth, len(model.weights), len(model.biases)) == (3, 4, 0)
    assert "widths=(3, 8, 1, 8, 2)" in repr(model)
    squashed = FullyConnected(3, 8, output=torch.sigmoid, random_state=0)
    plain = FullyConnected(3, 8, random_state=0)
    X = points(d=3)
    np.testing.assert_allclose(
        predict_numpy(squashed, X), 1 / (1 + np.exp(-predict_numpy(plain, X))), rtol=1e-5
    )


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"n_inputs": 0}, ValueError, "n_inputs is 0"),
        ({"width": 0}, ValueError, "width is 0"),
        ({"width": 2.5}, TypeError, "width is float"),
        ({"width": "8"}, TypeError, "width is str"),
        ({"width": []}, ValueError, "width is empty"),
        ({"width": [3, 0]}, ValueError, "an entry of width is 0"),
        ({"width": [3, 4], "depth": 3}, ValueError, "depth is 3, but width has 2"),
        ({"depth": 0}, ValueError, "depth is 0"),
        ({"n_outputs": -1}, ValueError, "n_outputs is -1"),
        ({"activation": "gelu"}, ValueError, "activation is 'gelu'"),
        ({"parametrization": "mean-field"}, ValueError, "parametrization is 'mean-field'"),
        ({"w_std": 0.0}, ValueError, "w_std is 0"),
        ({"b_std": -1.0}, ValueError, "b_std is -1"),
        ({"bottleneck": 1}, ValueError, "bottleneck needs at least 2"),
        ({"depth": 2, "bottleneck": 0}, ValueError, "bottleneck is 0"),
        ({"output": 3}, TypeError, "output is 3"),
        ({"dtype": np.int64}, TypeError, "dtype is"),
        ({"random_state": "a"}, TypeError, "random_state is"),
    ],
)
def test_bad_input_is_named(arguments, error, match):
    with pytest.raises(error, match=match):
        FullyConnected(**{"n_inputs": 3, "width": 5} | arguments)


def test_wrong_number_of_columns_is_named():
    with pytest.raises(ValueError, match=r"X has shape \(2, 4\); expected \(n_samples, 3\)"):
        FullyConnected(3, 5)(torch.zeros(2, 4))
