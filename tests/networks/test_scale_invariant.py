"""Networks without scale: the invariance itself, gradients, and what weight decay does to them."""

import numpy as np
import pytest
import torch
from torch import nn

from fearless.networks.scale_invariant import NormalizedNetworks, train_with_decay

rng = np.random.default_rng(0)
X, y = rng.standard_normal((24, 6)), rng.integers(3, size=24)
X_test, y_test = rng.standard_normal((10, 6)), rng.integers(3, size=10)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Products this small only lose by being shared out."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def networks(n_members=2, seed=0, **options):
    return NormalizedNetworks(
        6, 16, 3, n_members, random_state=seed, dtype=torch.float64, **options
    )


def train(nets, **options):
    settings = {"step_size": 0.1, "weight_decay": 0.1, "n_steps": 60, "batch_size": 8}
    return train_with_decay(nets, X, y, X_test, y_test, random_state=1, **{**settings, **options})


def test_a_factor_on_a_layer_changes_nothing_and_gradients_are_orthogonal():
    nets, x = networks(), torch.from_numpy(X)
    before = nets(x)
    nets(x)[:, :, 0].sum().backward()
    for w in nets.layers:
        inner = (w.grad * w).sum(dim=(1, 2)) / (w.grad.norm() * w.norm())
        np.testing.assert_allclose(inner.detach(), 0, atol=1e-14)
        with torch.no_grad():
            w.mul_(7.3)
    np.testing.assert_allclose(nets(x).detach(), before.detach(), rtol=1e-12)


def test_one_step_is_sgd_with_weight_decay_by_autograd():
    nets, other = networks(norm=[1.0, 3.0]), networks(norm=[1.0, 3.0])
    train(nets, n_steps=1, batch_size=None)
    x, labels = torch.from_numpy(X), torch.from_numpy(y)
    outputs = other(x)
    sum(nn.functional.cross_entropy(outputs[i], labels) for i in range(2)).backward()
    for new, old in zip(nets.layers, other.layers, strict=True):
        expected = 0.99 * old - 0.1 * old.grad
        np.testing.assert_allclose(new.detach(), expected.detach(), rtol=1e-12)


def test_unnormalized_networks_are_ordinary_ones():
    nets, x = networks(normalize=False, scale=2.0), torch.from_numpy(X)
    expected = 2 * torch.relu(x @ nets.hidden[0].T) @ nets.outer[0].T
    np.testing.assert_allclose(nets(x)[0].detach(), expected.detach(), rtol=1e-12)


def test_what_is_recorded():
    nets = networks()
    run = train(nets, n_steps=60, record=25)
    assert run.steps.tolist() == [0, 25, 50, 60]
    with torch.no_grad():
        outputs = nets(torch.from_numpy(X))
        loss = nn.functional.cross_entropy(outputs[1], torch.from_numpy(y))
        wrong = nets(torch.from_numpy(X_test))[1].argmax(1) != torch.from_numpy(y_test)
    np.testing.assert_allclose(run.loss[1, -1], loss, rtol=1e-12)
    np.testing.assert_allclose(run.error[1, -1], wrong.double().mean(), rtol=1e-12)
    np.testing.assert_allclose(run.norm[0, 1, -1], nets.hidden[1].detach().norm(), rtol=1e-12)


def test_the_mean_log_cosine_is_the_telescoped_one():
    run = train(networks(), n_steps=200)
    for layer in range(2):
        turned = np.log(run.norm[layer, :, 0] / run.norm[layer, :, -1]) / 200
        np.testing.assert_allclose(
            run.log_cosine[layer], np.log(1 - 0.01) + turned, rtol=1e-10, atol=1e-14
        )


def test_a_step_by_more_than_a_right_angle_is_no_failure():
    nets = networks(normalize=False)
    run = train(nets, step_size=1e3, weight_decay=0.0, n_steps=1)
    assert np.isneginf(run.log_cosine).any()
    assert np.isfinite(run.norm).all()


def test_the_noise_is_that_of_the_gradients_on_the_sphere():
    nets, x, labels = networks(1, norm=3.0), torch.from_numpy(X), torch.from_numpy(y)
    nn.functional.cross_entropy(nets(x)[0], labels).backward()
    expected = [((w.grad.norm() * w.detach().norm()) ** 2).item() for w in nets.layers]
    run = train(nets, n_steps=1, batch_size=None)
    np.testing.assert_allclose(run.late_noise[:, 0], expected, rtol=1e-12)


def test_equal_products_from_equal_starts_are_the_same_functions():
    one, two = networks(1), networks(1, norm=2.0)
    a = train(one, step_size=0.1, weight_decay=0.1)
    b = train(two, step_size=0.4, weight_decay=0.025)
    np.testing.assert_allclose(a.loss, b.loss, rtol=1e-9)


def test_a_schedule_is_followed_step_by_step():
    constant = train(networks(), step_size=0.1)
    listed = train(networks(), step_size=np.full((60, 2), 0.1))
    np.testing.assert_array_equal(constant.loss, listed.loss)


def test_bad_input():
    nets = networks()
    with pytest.raises(ValueError, match="step_size has shape"):
        train(nets, step_size=[0.1, 0.1, 0.1])
    with pytest.raises(ValueError, match="weight_decay: expected finite numbers >= 0"):
        train(nets, weight_decay=-1.0)
    with pytest.raises(ValueError, match="step_size times weight_decay is 2; expected less"):
        train(nets, step_size=2.0, weight_decay=1.0)
    with pytest.raises(ValueError, match="batch_size"):
        train(nets, batch_size=100)
    with pytest.raises(ValueError, match="X has 5 columns; expected 6"):
        train_with_decay(
            nets, X[:, :5], y, X_test, y_test, step_size=0.1, weight_decay=0.1, n_steps=3
        )
    with pytest.raises(ValueError, match="y contains the label"):
        train_with_decay(nets, X, y + 1, X_test, y_test, step_size=1, weight_decay=0.1, n_steps=3)
    with pytest.raises(ValueError, match="norm"):
        networks(norm=0.0)
    with pytest.raises(FloatingPointError, match="smaller step_size"):
        train(networks(normalize=False), step_size=1e200, weight_decay=0.0, n_steps=5)
