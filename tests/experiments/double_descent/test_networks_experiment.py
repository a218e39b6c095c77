"""Networks of growing width: counts, samples, and the claims on another training set."""

import numpy as np
import pytest
import torch

from fearless.book.claims import check_claim
from fearless.data import load_mnist, one_hot
from fearless.experiments.double_descent.networks import (
    Protocol,
    centred_sample,
    coarse_digits,
    network_curve,
    parameter_count,
    threshold_width,
)
from fearless.networks import predict_numpy, train, two_layer_relu


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Products this small only lose by being shared out."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def digits():
    return coarse_digits(load_mnist(None, 1000, dtype=np.float32))


def test_parameters_are_those_of_the_module_and_meet_the_numbers_to_fit_at_the_threshold():
    module = two_layer_relu(9, 6, 4)
    assert parameter_count(6, 9, 4) == sum(p.numel() for p in module.parameters())
    width = threshold_width(200, 9, 4)
    assert parameter_count([width, 2 * width], 9, 4)[0] == pytest.approx(200 * 4)


def test_coarse_digits_are_block_means():
    data = load_mnist(5, 3)
    coarse = coarse_digits(data, 7)
    image = data.X_test[2].reshape(28, 28)
    assert coarse.shape == (4, 4)
    assert coarse.X_test[2, 6] == pytest.approx(image[7:14, 14:21].mean())
    np.testing.assert_allclose(coarse.X_train.mean(axis=1), data.X_train.mean(axis=1))
    np.testing.assert_array_equal(coarse.y_train, data.y_train)
    with pytest.raises(ValueError, match=r"block is 5; expected a divisor .* \(28, 28\)"):
        coarse_digits(data, 5)


@pytest.mark.parametrize(("n", "d", "k"), [(300, 49, 10), (4000, 784, 10), (960, 192, 1)])
def test_the_threshold_solves_its_equation(n, d, k):
    H = threshold_width(n, d, k)
    assert (d + 1) * H + (H + 1) * k == pytest.approx(n * k)


def test_a_sample_is_centred_noisy_and_reproducible(digits):
    X, y, X_test = centred_sample(digits, 4000, 0.5, 3)
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-6)
    again = centred_sample(digits, 4000, 0.5, 3)
    np.testing.assert_array_equal(X, again[0])
    np.testing.assert_array_equal(y, again[1])
    clean = centred_sample(digits, 4000, 0.0, 3)
    np.testing.assert_array_equal(X, clean[0])
    # 45 % of the labels are wrong on average: z < 4.
    assert abs(np.mean(y != clean[1]) - 0.45) < 4 * (0.45 * 0.55 / 4000) ** 0.5
    np.testing.assert_allclose(X_test - digits.X_test, (X_test - digits.X_test)[:1].repeat(1000, 0),
                               atol=1e-6)  # fmt: skip


def test_a_curve_is_made_of_single_runs(digits):
    protocol = Protocol(max_epochs=20, stop=None)
    curve = network_curve(
        digits, [3, 9], n_train=100, label_noise=0.2, seeds=[4, 6], protocol=protocol, sample=1
    )
    assert curve.test_mse.shape == (2, 2)
    assert curve.n_parameters.tolist() == [50 * 3 + 4 * 10, 50 * 9 + 10 * 10]
    np.testing.assert_allclose(curve.ratio, [0.19, 0.55])
    X, y, X_test = centred_sample(digits, 100, 0.2, 1)
    run = train(
        two_layer_relu(49, 9, 10, 6, init="glorot"), X, y, optimizer="sgd", momentum=0.95,
        learning_rate=0.05, max_epochs=20, stop=None, random_state=1,
    )  # fmt: skip
    outputs = predict_numpy(run.model, X_test)
    targets = one_hot(digits.y_test, digits.classes)
    loss = np.mean(np.sum((outputs - targets) ** 2, axis=1))
    assert curve.test_mse[1, 1] == pytest.approx(loss, rel=1e-3)
    assert curve.train_error[1, 1] == pytest.approx(run.error, abs=0.021)
    norm = sum(float(p.detach().square().sum()) for p in run.model.parameters()) ** 0.5
    assert curve.norm[1, 1] == pytest.approx(norm, rel=1e-4)
    assert np.all(curve.epochs == 20)


def test_bad_input_is_named(digits):
    with pytest.raises(ValueError, match=r"n_train is 8; expected more: no sample of class"):
        network_curve(digits, [3], n_train=8)
    protocol = Protocol(max_epochs=1, stop=None)
    wide = network_curve(digits, [30], n_train=60, seeds=[0], protocol=protocol)
    assert wide.ratio > 1
    with pytest.raises(ValueError, match=r"widths starts with 30; expected .* than the 600"):
        _ = wide.valley


def test_training_takes_one_thread_and_gives_the_others_back(digits):
    torch.set_num_threads(2)
    seen = []

    def look(epoch, loss, error):
        seen.append(torch.get_num_threads())
        return True

    network_curve(digits, [3], n_train=60, seeds=[0], protocol=Protocol(stop=look))
    assert seen == [1]
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)


def test_reuse_starts_where_the_narrower_network_ended(digits):
    options = dict(n_train=80, seeds=[0], sample=2, protocol=Protocol(max_epochs=150, stop=None))
    fresh = network_curve(digits, [2, 6], **options)
    carried = network_curve(digits, [2, 6], reuse=True, **options)
    np.testing.assert_allclose(carried.train_mse[0, 0], fresh.train_mse[0, 0], rtol=1e-4)
    assert abs(carried.train_mse[0, 1] / fresh.train_mse[0, 1] - 1) > 1e-3


@pytest.mark.slow
def test_networks_descend_twice_unless_weights_are_carried_along(digits):
    """Another training set and other initial weights than on the page; fewer widths."""
    options = dict(n_train=300, label_noise=0.1, seeds=[10, 11], sample=3)
    fresh = network_curve(digits, [6, 10, 15, 50, 159, 399], **options)
    loss = np.median(fresh.test_mse, axis=0)
    valley = loss[:3].min()
    check_claim("network-peak-at-the-count", loss[3] / max(valley, loss[-1]), 1)
    below = fresh.test_mse[:, :3].min(axis=1)
    check_claim("network-largest-wins", np.max(fresh.test_mse[:, -1] - below), 0)
    carried = network_curve(digits, [6, 10, 15, 22, 30, 40, 50, 80, 159], reuse=True, **options)
    check_claim(
        "carried-weights-never-descend", np.min(carried.test_mse[:, -1] / fresh.test_mse[:, 4]), 2
    )
    np.testing.assert_allclose(carried.train_mse[:, -1], fresh.train_mse[:, 4], atol=3e-3)
