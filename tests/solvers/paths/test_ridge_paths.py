"""The ridge path against scikit-learn's Ridge, and its limits."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from fearless.solvers import min_norm_path, ridge_path

WIDTHS = [1, 7, 20, 25, 60]


def problem(seed, n=20, p=60, m=15, k=3):
    rng = np.random.default_rng(seed)
    return (
        rng.standard_normal((n, p)),
        np.eye(k)[rng.integers(k, size=n)],
        rng.standard_normal((m, p)),
        np.eye(k)[rng.integers(k, size=m)],
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("lam", [1e-3, 1.0, 100.0])
def test_agrees_with_scikit_learn(seed, lam):
    phi, y, phi_test, y_test = problem(seed)
    path = ridge_path(phi, y, phi_test, y_test, WIDTHS, [lam]).paths[0]
    for j, width in enumerate(WIDTHS):
        a = phi[:, :width]
        alpha = lam * np.linalg.norm(a) ** 2 / len(a)
        model = Ridge(alpha=alpha, fit_intercept=False, solver="svd").fit(a, y)
        residual = model.predict(phi_test[:, :width]) - y_test
        assert path.norm[j] == pytest.approx(np.linalg.norm(model.coef_), rel=1e-9)
        assert path.test_mse[j] == pytest.approx(np.mean(np.sum(residual**2, axis=1)), rel=1e-9)


def test_small_penalty_is_the_min_norm_path():
    data = problem(0)
    ridge = ridge_path(*data, [7, 60], [1e-10]).paths[0]
    ridgeless = min_norm_path(*data, [7, 60])
    np.testing.assert_allclose(ridge.test_mse, ridgeless.test_mse, rtol=1e-6)


def test_larger_penalties_shrink_the_norm_and_fit_worse():
    result = ridge_path(*problem(1), WIDTHS, np.geomspace(1e-4, 1e2, 7))
    assert np.all(np.diff(result.column("norm"), axis=0) < 0)
    assert np.all(np.diff(result.column("train_mse"), axis=0) > 0)


@pytest.mark.parametrize("penalty", [0.0, -1.0])
def test_penalties_must_be_positive(penalty):
    with pytest.raises(ValueError, match="penalties"):
        ridge_path(*problem(0), WIDTHS, [1.0, penalty])


def test_bad_arrays():
    phi, y, phi_test, y_test = problem(0)
    with pytest.raises(ValueError, match="y has 19 rows"):
        ridge_path(phi, y[:-1], phi_test, y_test, WIDTHS, [1.0])
    with pytest.raises(ValueError, match="widths"):
        ridge_path(phi, y, phi_test, y_test, [61], [1.0])
