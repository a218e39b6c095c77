"""Empirical tangent kernels: the layerwise sum against Jacobians, contracts, cost."""

import numpy as np
import pytest
import torch
from torch import nn

from fearless.networks import FullyConnected, empirical_tangent_kernel, jacobian, two_layer_relu


def points(n, d, seed):
    return np.random.default_rng(seed).standard_normal((n, d))


def double(*args, **options):
    return FullyConnected(*args, **options, random_state=3, dtype=np.float64)


NETWORKS = {
    "one output": double(5, 20),
    "deep, biases": double(5, [7, 9, 4], 1, activation="tanh", w_std=1.2, b_std=0.5),
    "three outputs": double(5, 11, 3, 2, "erf", b_std=0.3),
    "standard": double(5, 11, 3, 2, "sigmoid", "standard", b_std=0.3),
    "standard, no biases": double(5, 11, 1, 2, "relu", "standard"),
    "bottleneck": double(5, 11, 2, 3, bottleneck=1, b_std=0.2),
    "function of the output": double(5, 11, 2, 2, "tanh", output=torch.sigmoid),
    "softmax, which mixes the outputs": double(5, 11, 3, 1, output=lambda f: f.softmax(dim=1)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_layerwise_sum_is_the_product_of_jacobians(name):
    model, X, Z = NETWORKS[name], points(6, 5, 0), points(4, 5, 1)
    J, G = jacobian(model, X), jacobian(model, Z)
    k = J.shape[1]
    assert J.shape == (6, k, sum(p.numel() for p in model.parameters()))
    full = np.einsum("icp,jdp->icjd", J, G)
    np.testing.assert_allclose(
        empirical_tangent_kernel(model, X, Z, trace=False),
        full,
        rtol=0,
        atol=1e-13 * np.abs(full).max(),
    )
    np.testing.assert_allclose(
        empirical_tangent_kernel(model, X, Z), np.einsum("icjc->ij", full) / k, rtol=1e-12
    )


def test_jacobian_against_differences():
    model, X = double(3, 6, 2, 2, "tanh", b_std=0.4), points(3, 3, 2)
    J = jacobian(model, X)
    x, gap, column = torch.from_numpy(X), 1e-6, 0
    with torch.no_grad():
        for p in model.parameters():
            flat = p.view(-1)
            for i in range(len(flat)):
                flat[i] += gap
                above = model(x)
                flat[i] -= 2 * gap
                difference = (above - model(x)) / (2 * gap)
                flat[i] += gap
                np.testing.assert_allclose(J[:, :, column], difference, atol=1e-8)
                column += 1


@pytest.mark.parametrize("trace", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_symmetric_to_the_last_bit_and_positive_semi_definite(trace, dtype):
    model = FullyConnected(12, 40, 2, 2, b_std=0.2, random_state=0, dtype=dtype)
    X = points(30, 12, 0)
    K = empirical_tangent_kernel(model, X, trace=trace)
    assert K.dtype == dtype
    flat = K if trace else K.reshape(60, 60)
    np.testing.assert_array_equal(flat, flat.T)
    eps = np.finfo(dtype).eps
    assert np.linalg.eigvalsh(flat.astype(float)).min() > -100 * eps * np.linalg.norm(flat, 2)
    np.testing.assert_allclose(
        K, empirical_tangent_kernel(model, X, X.copy(), trace=trace), rtol=0, atol=100 * eps
    )


@pytest.mark.parametrize("trace", [True, False])
def test_other_modules_go_through_their_jacobian(trace, monkeypatch):
    """The same function as a Sequential; blocks of 3 rows."""
    monkeypatch.setattr("fearless.networks.tangent._JACOBIAN_ENTRIES", 3 * 2 * 82 + 1)
    ours = FullyConnected(5, 10, 2, 1, "relu", "standard", b_std=0.3, random_state=0)
    theirs = two_layer_relu(5, 10, 2, random_state=0)
    with torch.no_grad():
        for i, layer in enumerate((theirs[0], theirs[2])):
            layer.weight.copy_(ours.weights[i])
            layer.bias.copy_(ours.biases[i])
    X, Z = points(7, 5, 0), points(4, 5, 1)
    for other in (Z, None):
        np.testing.assert_allclose(
            empirical_tangent_kernel(theirs, X, other, trace=trace),
            empirical_tangent_kernel(ours, X, other, trace=trace),
            rtol=1e-4, atol=1e-5,
        )  # fmt: skip


def test_a_subclass_is_what_it_computes():
    class Squared(FullyConnected):
        def forward(self, X):
            return super().forward(X) ** 2

    model = Squared(5, 8, 2, 2, random_state=0, dtype=np.float64)
    X = points(6, 5, 0)
    J = jacobian(model, X)
    np.testing.assert_allclose(
        empirical_tangent_kernel(model, X, trace=False), np.einsum("icp,jdp->icjd", J, J)
    )


def test_outputs_without_an_axis_are_named():
    model = nn.Sequential(nn.Linear(3, 1), nn.Flatten(0))
    for compute in (empirical_tangent_kernel, jacobian):
        with pytest.raises(ValueError, match=r"model maps X of shape \(1, 3\) to shape \(1,\)"):
            compute(model, points(4, 3, 0))


def test_weights_keep_their_gradients_and_values():
    model = double(5, 8, 2, output=torch.tanh)
    before = [p.detach().clone() for p in model.parameters()]
    empirical_tangent_kernel(model, points(4, 5, 0))
    jacobian(model, points(4, 5, 0))
    for p, q in zip(model.parameters(), before, strict=True):
        assert torch.equal(p, q)
        assert p.requires_grad
        assert p.grad is None


def test_many_times_fewer_operations_than_the_jacobian():
    """Operations counted, not timed: the bar of 50 for a 64-512-512-1 network at n = 300."""
    from torch.utils.flop_counter import FlopCounterMode

    model, X = FullyConnected(64, 512, depth=2, random_state=0), points(300, 64, 0)
    with FlopCounterMode(display=False) as ours:
        empirical_tangent_kernel(model, X)
    n_weights = sum(p.numel() for p in model.parameters())
    assert ours.get_total_flops() < 2 * 300**2 * n_weights / 50


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        (("model", [[1.0]]), TypeError, "model is 'model'"),
        ((nn.ReLU(), [[1.0]]), ValueError, "has no parameters"),
        ((double(5, 3), [[1.0]]), ValueError, r"X has shape \(1, 1\)"),
        ((double(5, 3), [1.0]), ValueError, "X has shape"),
        ((double(5, 3), np.full((2, 5), np.nan)), ValueError, "X contains 10 non-finite"),
        ((double(5, 3), np.ones((2, 5)), np.ones((2, 4))), ValueError, "Z has 4 columns"),
    ],
)
def test_bad_input_is_named(arguments, error, match):
    with pytest.raises(error, match=match):
        empirical_tangent_kernel(*arguments)
