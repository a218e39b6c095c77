"""The page on infinitely wide networks: its claims with other seeds, and its shortcuts."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from fearless.book.claims import check_claim
from fearless.data import load_mnist
from fearless.experiments.kernel_regimes.pooling import pooled_digits
from fearless.experiments.kernel_regimes.random_networks import (
    kernel_profiles,
    kurtosis,
    log_scales,
    output_draws,
    random_functions,
)
from fearless.experiments.kernel_regimes.wide_kernels import (
    one_layer_constant,
    tangent_deviation,
)
from fearless.experiments.kernel_regimes.wide_training import wide_training
from fearless.kernels import NNGPKernel
from fearless.networks import FullyConnected, predict_numpy


def networks_at_a_point(n, width, depth):
    X = np.array([[1.0, -0.5, 2.0]])
    scale = NNGPKernel(depth).diag(X)[0] ** 0.5
    return (
        np.array(
            [
                predict_numpy(FullyConnected(3, width, depth=depth, random_state=10_000 + s), X)[
                    0, 0
                ]
                for s in range(n)
            ]
        )
        / scale
    )


def test_outputs_are_drawn_as_networks_give_them():
    """Width 6, three layers: far from normal. The same law, by a two-sample test."""
    drawn = output_draws(6, depth=3, n_draws=50_000, random_state=1)
    real = networks_at_a_point(300, 6, 3)
    assert ks_2samp(real, drawn).pvalue > 1e-4
    assert ks_2samp(np.random.default_rng(0).standard_normal(50_000), drawn).pvalue < 1e-10


def test_kurtosis():
    shapes = [(5, 1), (12, 3), (40, 4), (200, 10)]
    runs = [kurtosis(m, L, n_draws=50_000, random_state=77 + m) for m, L in shapes]
    check_claim(
        "infinite-width-kurtosis",
        [run.estimate for run in runs],
        [run.exact for run in runs],
        stderr=[run.stderr for run in runs],
    )


def test_a_layer_without_positive_units_is_zero():
    draws = output_draws(1, depth=2, n_draws=4000, random_state=0)
    share = np.mean(draws == 0)  # 1 - 1/4, z < 4
    assert abs(share - 0.75) < 4 * (0.75 * 0.25 / 4000) ** 0.5


def test_random_functions_have_the_scale_of_the_limit():
    functions = random_functions(200, depth=1, n_functions=40, n_points=5, random_state=500)
    squares = functions.values[:, 0] ** 2 / functions.scale**2
    assert abs(squares.mean() - 1) < 4 * squares.std(ddof=1) / 40**0.5
    np.testing.assert_allclose(functions.values[:, 0], functions.values[:, -1], atol=1e-4)


@pytest.mark.slow
def test_covariance():
    X = np.random.default_rng(5).standard_normal((3, 6))
    means = []
    for seed in range(60):
        net = FullyConnected(6, 500, 50, 3, b_std=0.5, random_state=5000 + seed)
        f = predict_numpy(net, X)
        means.append(f @ f.T / 50)
    check_claim(
        "infinite-width-covariance",
        np.mean(means, axis=0),
        NNGPKernel(3, b_std=0.5)(X),
        stderr=np.std(means, axis=0, ddof=1) / 60**0.5,
    )


def test_kink():
    depths = np.array([1, 4, 6, 10])
    drop = [np.diff(kernel_profiles(np.array([0, 3e-7]), L)[1])[0] / 3e-7 for L in depths]
    check_claim("infinite-width-kink", drop, -depths / (2 * np.pi))
    nngp = [np.diff(kernel_profiles(np.array([0, 1e-3]), L)[0])[0] for L in depths]
    np.testing.assert_allclose(nngp, -0.5e-6 + depths / (3 * np.pi) * 1e-9, rtol=1e-4)


def test_forgetting():
    depths = [3000, 6000]
    cosines = [NNGPKernel(k)([[1.0, 0.0]], [[-0.8, 0.6]])[0, 0] for k in depths]
    check_claim("infinite-width-forgets", (1 - cosines[-1]) * 6000**2, 4.5 * np.pi**2)


@pytest.mark.slow
def test_deep_is_not_wide():
    sides = [
        [log_scales(m, [m], n_draws=2000, random_state=100 + s)[:, 0] for s in range(8)]
        for m in (128, 256)
    ]
    spread = np.diff(np.array(sides)[:, :, [0, 2]], axis=2)[:, :, 0] / 2
    check_claim(
        "infinite-width-deep-is-not-wide",
        spread.mean(axis=1),
        5**0.5,
        stderr=spread.std(axis=1, ddof=1) / 8**0.5,
    )


def test_one_layer_constant():
    X = np.random.default_rng(8).standard_normal((10, 6))
    assert one_layer_constant(X[:1]) == pytest.approx(3)
    study = tangent_deviation(X, [4, 32], depth=1, n_seeds=40, random_state=99_000)
    squares = study.widths * study.distance**2
    check_claim(
        "infinite-width-tangent-constant",
        squares.mean(axis=0),
        one_layer_constant(X),
        stderr=squares.std(axis=0, ddof=1) / 40**0.5,
    )


@pytest.mark.slow
def test_tangent_rate():
    X = pooled_digits(load_mnist().X_train[300:330]).astype(float)
    study = tangent_deviation(
        X - X.mean(axis=0), [32, 128, 512], depth=3, n_seeds=24, random_state=7_000_000
    )
    slopes = study.slopes
    check_claim(
        "infinite-width-tangent-rate", slopes.mean(), -0.5, stderr=slopes.std(ddof=1) / 24**0.5
    )


@pytest.mark.slow
def test_trained_networks():
    run = wide_training(load_mnist(), [256, 4096], n_seeds=1, random_state=9)
    assert run.train_loss.max() < 1e-4
    assert np.all(run.disagreement[:, -1] < 0.06)
    check_claim("infinite-width-trained-rate", run.slopes(since=256), -0.5)
    check_claim(
        "infinite-width-trained-error", np.mean(run.test_error[:, -1] - run.kernel_error), 0
    )


def test_training_is_reproducible_and_starts_from_other_weights_each_time():
    options = {"n_train": 30, "n_test": 20, "n_steps": 5, "n_seeds": 2}
    run, again, other = (
        wide_training(load_mnist(), [8, 16], random_state=s, **options) for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(run.distance, again.distance)
    assert not np.any(run.distance == other.distance)
    assert np.all(run.train_loss < 0.9)
