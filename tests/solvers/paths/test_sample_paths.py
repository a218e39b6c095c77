"""The sample-wise path against independent least-squares problems, size by size."""

import numpy as np
import pytest

from fearless.solvers import min_norm_path, sample_path

SIZES = [1, 2, 11, 29, 30, 31, 33, 60, 150]


def problem(seed, dtype=np.float64, n=150, p=30, m=40, k=3):
    rng = np.random.default_rng(seed)
    phi, phi_test = rng.standard_normal((n, p)), rng.standard_normal((m, p))
    if np.dtype(dtype).kind == "c":
        phi = phi + 1j * rng.standard_normal((n, p))
        phi_test = phi_test + 1j * rng.standard_normal((m, p))
    y, y_test = np.eye(k)[rng.integers(k, size=n)], np.eye(k)[rng.integers(k, size=m)]
    return phi.astype(dtype), y, phi_test.astype(dtype), y_test


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_every_size_agrees_with_its_own_svd_solution(seed, dtype):
    phi, y, phi_test, y_test = problem(seed, dtype)
    path = sample_path(phi, y, phi_test, y_test, SIZES)
    for j, n in enumerate(SIZES):
        beta = np.linalg.pinv(phi[:n], rcond=0) @ y[:n]
        fit, prediction = (phi[:n] @ beta).real, (phi_test @ beta).real
        assert path.norm[j] == pytest.approx(np.linalg.norm(beta), rel=1e-9)
        assert path.test_mse[j] == pytest.approx(
            np.mean(np.sum((prediction - y_test) ** 2, axis=1)), rel=1e-9
        )
        assert path.train_mse[j] == pytest.approx(
            np.mean(np.sum((fit - y[:n]) ** 2, axis=1)), rel=1e-9, abs=1e-18
        )
        assert path.test_error[j] == np.mean(prediction.argmax(1) != y_test.argmax(1))
        assert path.train_error[j] == np.mean(fit.argmax(1) != y[:n].argmax(1))
    assert set(path.method) == {"qr", "qr-update", "gram"}


def test_both_paths_meet_where_they_cross():
    phi, y, phi_test, y_test = problem(5)
    by_size = sample_path(phi, y, phi_test, y_test, [20])
    by_width = min_norm_path(phi[:20], y[:20], phi_test, y_test, [30])
    for name in ("test_mse", "norm", "test_error", "n_features", "n_samples"):
        np.testing.assert_allclose(getattr(by_size, name), getattr(by_width, name), rtol=1e-10)


def test_all_sizes_at_once_agree_with_a_few():
    data = problem(1)
    dense, few = sample_path(*data, range(1, 151)), sample_path(*data, SIZES)
    np.testing.assert_allclose(dense.test_mse[np.array(SIZES) - 1], few.test_mse, rtol=1e-9)


def test_more_data_hurts_up_to_the_threshold():
    # Pure noise, y ~ N(0, 1) independent of x: E||beta||^2 = n / (P - n - 1), inverse Wishart.
    n, p = 20, 30
    ratios = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        phi, y = rng.standard_normal((n, p)), rng.standard_normal(n)
        ratios.append(sample_path(phi, y, phi, y, [n]).norm[0] ** 2 / (n / (p - n - 1)))
    assert abs(np.mean(ratios) - 1) < 4 * np.std(ratios) / np.sqrt(len(ratios))


@pytest.mark.parametrize(
    ("sizes", "message"),
    [([0], "sizes"), ([151], "sizes"), ([2, 1], "not sorted"), ([3, 3], "duplicate")],
)
def test_bad_sizes(sizes, message):
    with pytest.raises(ValueError, match=message):
        sample_path(*problem(0), sizes)


def test_bad_arrays():
    phi, y, phi_test, y_test = problem(0)
    with pytest.raises(ValueError, match="features_test has 29 columns; expected 30"):
        sample_path(phi, y, phi_test[:, :29], y_test, SIZES)
    with pytest.raises(ValueError, match="y has 149 rows; expected 150"):
        sample_path(phi, y[:-1], phi_test, y_test, SIZES)
    phi[0, 0] = np.inf
    with pytest.raises(ValueError, match="non-finite"):
        sample_path(phi, y, phi_test, y_test, SIZES)


def test_features_that_are_zero_on_all_samples_have_weight_zero():
    phi, y, phi_test, y_test = problem(5)
    phi[:, [0, 7]] = 0
    path = sample_path(phi, y, phi_test, y_test, SIZES)
    for j, n in enumerate(SIZES):
        beta = np.linalg.pinv(phi[:n]) @ y[:n]
        assert path.norm[j] == pytest.approx(np.linalg.norm(beta), rel=1e-8)
    assert set(path.n_features) == {30}
    with pytest.raises(ValueError, match="features is zero on all samples"):
        sample_path(0 * phi, y, phi_test, y_test, SIZES)
