"""The claims of *The double-descent curve*, at a smaller size and with other seeds."""

import dataclasses

import numpy as np
import pytest

from fearless.book.claims import check_claim
from fearless.data import load_fashion_mnist, load_mnist, one_hot
from fearless.experiments.double_descent import (
    double_descent_curve,
    kernel_limit,
    noisy_curves,
    tuned_ridge_curves,
    width_grid,
)
from fearless.features import PairedFourierFeatures, RandomFourierFeatures, RandomReLUFeatures
from fearless.kernels import ArcCosineKernel, GaussianKernel
from fearless.solvers import min_norm_path

N = 400
WIDTHS = width_grid(N, 24, max_ratio=10, resolution=0.005)


@pytest.fixture(scope="module")
def digits():
    return load_mnist(n_test=1000)


@pytest.fixture(scope="module", params=[11, 12])
def curve(digits, request):
    return double_descent_curve(
        digits, WIDTHS, n_train=N, n_seeds=3, singular_values=True, random_state=request.param
    )


def test_peak_is_at_the_threshold(curve):
    check_claim("peak-at-threshold", curve.peak_width / N, 1)


def test_norm_peaks_at_the_threshold(curve):
    check_claim("norm-peaks-at-threshold", curve.argmax("norm") / N, 1)


def test_training_error_is_zero_beyond_the_threshold(curve):
    loss = curve.column("train_mse")[:, curve.interpolating]
    condition = curve.column("condition")[:, curve.interpolating]
    check_claim("interpolation-beyond-threshold", loss.max(), 1e-15)
    # The bound behind it, for targets of norm one: condition times eps, times sqrt(n) for the
    # accumulated rounding of inner products of length n.
    assert np.all(loss <= N * (condition * np.finfo(float).eps) ** 2)
    assert np.all(curve.column("train_error")[:, curve.interpolating] == 0)


def test_largest_model_is_the_best(curve):
    error = curve.column("test_error")
    best_below = error[:, ~curve.interpolating].min(axis=1)
    check_claim("largest-model-wins", np.max(error[:, -1] - best_below), 0)


def test_smallest_singular_value_dips_at_the_threshold(curve):
    smallest = np.median(curve.column("singular_min"), axis=0)
    check_claim("smallest-singular-value-dips", WIDTHS[np.argmin(smallest)] / N, 1)


def test_norm_of_the_unscaled_interpolant_decreases(curve):
    scale = np.array([RandomFourierFeatures(int(w)).scale(int(w)) for w in WIDTHS])
    beyond = (curve.column("norm") * scale)[:, curve.interpolating]
    check_claim("interpolant-norm-decreases", np.max(beyond[:, 1:] / beyond[:, :-1]), 1)


def test_norm_tends_to_that_of_the_kernel_machine(curve):
    check_claim("norm-tends-to-kernel-machine", curve.column("norm")[:, -1], curve.limit("norm"))


def test_the_second_descent_survives_label_noise(digits):
    gaps = []
    for result in noisy_curves(digits, WIDTHS, [0.0, 0.1, 0.2], n_train=N, random_state=13):
        median = np.median(result.column("test_error"), axis=0)
        gaps.append(median[-1] - median[~result.interpolating].min())
    check_claim("noise-leaves-the-second-descent", np.max(gaps), 0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [14, 15])
def test_the_second_descent_survives_label_noise_at_full_size(seed):
    levels = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    widths = width_grid(1000, 24)
    gaps = []
    for result in noisy_curves(load_mnist(), widths, levels, n_train=1000, random_state=seed):
        median = np.median(result.column("test_error"), axis=0)
        gaps.append(median[-1] - median[~result.interpolating].min())
    check_claim("noise-leaves-the-second-descent", np.max(gaps), 0)


@pytest.mark.parametrize("seed", [16, 17])
def test_tuned_ridge_has_no_peak(digits, seed):
    widths = np.array([N // 2, N])
    penalties = np.geomspace(1e-3, 10, 7)
    tuned = tuned_ridge_curves(digits, widths, penalties, n_train=N, n_seeds=3, random_state=seed)
    check_claim("tuned-ridge-has-no-peak", np.max(tuned.test_mse[:, 1] / tuned.test_mse[:, 0]), 1)
    assert np.all(np.isin(tuned.chosen, penalties))
    ridgeless = double_descent_curve(digits, widths, n_train=N, n_seeds=3, random_state=seed)
    assert np.all(ridgeless.column("test_mse")[:, 1] > 10 * tuned.test_mse[:, 1])


def test_path_agrees_with_the_svd_solution(digits):
    X, y = digits.X_train[500:700], one_hot(digits.y_train[500:700], digits.classes)
    y_test = one_hot(digits.y_test, digits.classes)
    phi = RandomFourierFeatures(random_state=18).fit(X)
    a, b = phi.block(X, 0, 1000), phi.block(digits.X_test, 0, 1000)
    widths = [10, 100, 199, 200, 201, 300, 1000]
    path = min_norm_path(a, y, b, y_test, widths)
    truth = [
        np.mean(np.sum((b[:, :w] @ np.linalg.pinv(a[:, :w], rcond=0) @ y - y_test) ** 2, axis=1))
        for w in widths
    ]
    check_claim("path-equals-svd", np.max(np.abs(path.test_mse / truth - 1)), 1e-10)


@pytest.mark.parametrize("shape", [(60, 40), (60, 60), (60, 90)])
def test_noise_through_the_pseudoinverse(shape):
    rng = np.random.default_rng(19)
    phi, y = rng.standard_normal(shape), rng.standard_normal(shape[0])
    noisy = y[:, None] + 0.3 * rng.standard_normal((shape[0], 4000))
    growth = np.sum((np.linalg.pinv(phi) @ noisy) ** 2, axis=0)
    growth -= np.sum((np.linalg.pinv(phi) @ y) ** 2)
    s = np.linalg.svd(phi, compute_uv=False)
    check_claim(
        "noise-is-amplified-by-the-pseudoinverse",
        growth.mean(),
        0.3**2 * np.sum(s**-2.0),
        stderr=growth.std(ddof=1) / np.sqrt(len(growth)),
    )


def test_single_precision_images_give_the_same_curve(digits):
    single = dataclasses.replace(
        digits,
        X_train=digits.X_train.astype(np.float32),
        X_test=digits.X_test.astype(np.float32),
    )
    a, b = (double_descent_curve(d, WIDTHS, n_train=N, n_seeds=1) for d in (digits, single))
    assert "float32" in b.paths[0].precision
    np.testing.assert_allclose(b.column("test_mse"), a.column("test_mse"), rtol=2e-2)
    away = np.abs(WIDTHS / N - 1) > 0.05
    np.testing.assert_allclose(
        b.column("test_mse")[:, away], a.column("test_mse")[:, away], rtol=1e-3
    )


def test_pairs_of_features_interpolate_at_the_same_number_of_columns(digits):
    widths = np.array([N // 2, N, 2 * N])
    curves = double_descent_curve(
        digits,
        widths,
        n_train=N,
        n_seeds=1,
        feature_map=lambda seed: PairedFourierFeatures(random_state=seed),
    )
    assert curves.peak_width == N


@pytest.mark.slow
@pytest.mark.parametrize("load", [load_mnist, load_fashion_mnist])
@pytest.mark.parametrize("kind", ["Fourier", "ReLU"])
def test_other_images_and_features_do_it_too(load, kind):
    options = {}
    if kind == "ReLU":
        options["kernel"] = ArcCosineKernel(1 / (2 * 784))
        options["feature_map"] = lambda seed: RandomReLUFeatures(random_state=seed)
    curve = double_descent_curve(
        load(n_test=1000), WIDTHS, n_train=N, n_seeds=3, random_state=21, **options
    )
    check_claim("peak-for-other-images-and-features", curve.peak_width / N, 1)
    error = curve.column("test_error")
    gap = error[:, -1] - error[:, ~curve.interpolating].min(axis=1)
    check_claim("second-descent-for-other-images-and-features", gap.max(), 0)
    # The limit is that of these features, not of the default ones.
    ratio = curve.column("norm")[:, -1] / curve.limit("norm")
    assert np.all((1 < ratio) & (ratio < 1.15))


def test_levels_of_noise_share_what_they_can(digits):
    widths = np.array([100, 300])
    together = noisy_curves(digits, widths, [0.0, 0.5], n_train=200, n_seeds=1, random_state=3)
    for level, curves in zip([0.0, 0.5], together, strict=True):
        alone = double_descent_curve(
            digits, widths, n_train=200, n_seeds=1, label_noise=level, random_state=3
        )
        np.testing.assert_allclose(curves.column("test_mse"), alone.column("test_mse"), rtol=1e-9)
        np.testing.assert_allclose(curves.column("norm"), alone.column("norm"), rtol=1e-9)
        np.testing.assert_allclose(curves.limit("norm"), alone.limit("norm"), rtol=1e-9)


def test_kernel_limit_is_kernel_ridge_without_ridge(digits):
    from sklearn.kernel_ridge import KernelRidge

    X, y = digits.X_train[:150], one_hot(digits.y_train[:150], digits.classes)
    X_test, y_test = digits.X_test[:100], one_hot(digits.y_test[:100], digits.classes)
    limit = kernel_limit(GaussianKernel(5.0), X, y, X_test, y_test)
    peer = KernelRidge(alpha=0, kernel="rbf", gamma=1 / 50).fit(X, y)
    residual = peer.predict(X_test) - y_test
    assert limit.test_mse == pytest.approx(np.mean(np.sum(residual**2, axis=1)), rel=1e-8)
    assert limit.norm == pytest.approx(np.sqrt(np.sum(y * peer.dual_coef_)), rel=1e-8)
    assert limit.train_mse < 1e-20


def test_the_curve_does_not_depend_on_hidden_state(digits):
    a, b = (
        double_descent_curve(digits, [50, 300], n_train=200, n_seeds=1, random_state=5)
        for _ in range(2)
    )
    np.testing.assert_array_equal(a.column("test_mse"), b.column("test_mse"))


@pytest.mark.parametrize("n", [10, 400, 2000])
@pytest.mark.parametrize("n_widths", [3, 12, 60])
def test_the_grid_surrounds_the_threshold(n, n_widths):
    grid = width_grid(n, n_widths, resolution=0.1)
    assert np.all(np.diff(grid) > 0)
    assert n in grid
    assert grid[0] >= 1
    assert grid[-1] <= 10 * n
    assert len(grid) <= n_widths


class TestBadInput:
    def test_more_samples_than_there_are(self, digits):
        with pytest.raises(ValueError, match="n_train"):
            double_descent_curve(digits, WIDTHS, n_train=20_000)
        with pytest.raises(ValueError, match="n_validation"):
            tuned_ridge_curves(digits, WIDTHS, [1.0], n_train=9_500)

    def test_noise_that_is_no_probability(self, digits):
        with pytest.raises(ValueError, match="rate"):
            double_descent_curve(digits, WIDTHS, n_train=N, label_noise=1.5)

    def test_no_features(self, digits):
        with pytest.raises(ValueError, match="widths"):
            double_descent_curve(digits, [0, 1], n_train=N)

    def test_ratios_out_of_order(self):
        with pytest.raises(ValueError, match="max_ratio"):
            width_grid(100, 10, max_ratio=1.0)
