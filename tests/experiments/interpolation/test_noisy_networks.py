"""Networks on noisy labels: the claims of *What you see is not what you get*, with other seeds."""

import numpy as np
import pytest

from fearless.book.claims import check_claim
from fearless.data import gaussian_pair, noisy_error
from fearless.experiments.interpolation.noisy_networks import fit_networks
from fearless.experiments.interpolation.tasks import gaussian_task, mnist_task
from fearless.networks import ReLUMemorizer


@pytest.fixture(scope="module")
def networks():
    task = mnist_task(200, n_test=500)
    return fit_networks(task, [0.0, 0.4, 1.0], width=256, n_seeds=2, random_state=81)


@pytest.mark.slow
def test_random_labels_are_fitted(networks):
    check_claim("random-labels-are-fitted", networks.train_error, 0)


@pytest.mark.slow
@pytest.mark.parametrize("distance", [2, 10])
def test_random_labels_of_gaussians_are_fitted(distance):
    task = gaussian_task(distance, 300, n_test=500)
    result = fit_networks(task, [0.0, 0.4, 1.0], width=256, n_seeds=2, random_state=82)
    check_claim("random-labels-are-fitted", result.train_error, 0)


@pytest.mark.slow
def test_nothing_is_learnt_from_random_labels_and_much_from_true_ones(networks):
    guess = networks.clean_error[:, -1].mean()
    assert abs(guess - 0.9) < 0.1  # the classes of one test set are not quite balanced
    assert np.all(networks.clean_error[:, 0] < 0.4)


@pytest.mark.slow
def test_error_against_noisy_labels(networks):
    expected = [noisy_error(e, 0.4, 10) for e in networks.clean_error[:, 1]]
    np.testing.assert_allclose(networks.test_error[:, 1], expected)


@pytest.mark.slow
def test_weights_are_counted(networks):
    assert networks.n_weights == 784 * 256 + 256 + 256 * 10 + 10
    assert np.all(networks.epochs >= 1)


def test_one_seed_gives_one_result():
    task = mnist_task(60, n_test=50)
    a, b = (fit_networks(task, [0.5], width=64, n_seeds=1, random_state=82) for _ in range(2))
    np.testing.assert_array_equal(a.clean_error, b.clean_error)
    np.testing.assert_array_equal(a.epochs, b.epochs)


@pytest.mark.parametrize("seed", [83, 84])
@pytest.mark.parametrize(("n", "d"), [(500, 50), (200, 2)])
def test_the_memorizer_fits_coin_tosses(n, d, seed):
    rng = np.random.default_rng(seed)
    X, _ = gaussian_pair(n, d=d, random_state=rng)
    coins = rng.choice([-1.0, 1.0], size=n)
    network = ReLUMemorizer(random_state=seed).fit(X, coins)
    assert network.n_parameters_ == 2 * n + d
    check_claim("memorizer-fits-anything", np.abs(network.predict(X) - coins).max(), 1e-10)
