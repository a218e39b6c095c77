"""Noisy training sets and the losses that judge them."""

import numpy as np

from fearless.data import load_mnist, one_hot
from fearless.experiments._samples import noisy_sample, squared_loss, zero_one_loss


def test_samples_are_distinct_and_keep_their_labels_without_noise():
    data = load_mnist(n_test=10)
    X, labels = noisy_sample(data, 200, 0.0, np.random.default_rng(5))
    chosen = np.random.default_rng(5).permutation(len(data.X_train))[:200]
    np.testing.assert_array_equal(X, data.X_train[chosen])
    np.testing.assert_array_equal(labels, data.y_train[chosen])


def test_the_noise_replaces_the_share_of_labels_asked_for():
    data = load_mnist(n_test=10)
    X, labels = noisy_sample(data, 5000, 0.3, np.random.default_rng(6))
    clean = noisy_sample(data, 5000, 0.0, np.random.default_rng(6))
    np.testing.assert_array_equal(X, clean[0])
    # A replaced label is right again with probability 1/10.
    rate = 0.3 * 0.9
    assert abs(np.mean(labels != clean[1]) - rate) < 4 * (rate * (1 - rate) / 5000) ** 0.5


def test_losses_by_hand():
    targets = one_hot(np.array([0, 1, 1]), (0, 1))
    outputs = np.array([[0.5, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert squared_loss(outputs, targets) == (0.25 + 2) / 3
    assert zero_one_loss(outputs, targets) == 1 / 3
