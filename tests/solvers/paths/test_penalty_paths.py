"""The penalty path against separate fits, refits without each sample, and its own limits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge, RidgeCV

from fearless.linear import GradientPath
from fearless.solvers import min_norm_path, penalty_path

PENALTIES = np.array([1e-4, 0.03, 5.0])
SHAPES = [(12, 30), (30, 12), (20, 20), (13, 12), (12, 13), (5, 1), (2, 5)]


def problem(seed, n, p, k=3, m=9):
    rng = np.random.default_rng(seed)
    labels, labels_test = rng.integers(k, size=n), rng.integers(k, size=m)
    X, X_test = rng.standard_normal((n, p)) + 2.0, rng.standard_normal((m, p)) + 2.0
    return X, np.eye(k)[labels], X_test, np.eye(k)[labels_test]


def fit_alone(X, y, shift, fit_intercept=False):
    """Coefficients and intercept of one penalised problem, by least squares on an augmented one."""
    p, columns = X.shape[1], [X]
    if fit_intercept:
        columns.append(np.ones((len(X), 1)))
    a = np.hstack(columns)
    if shift == 0 and not fit_intercept:
        return np.linalg.pinv(a, rcond=1e-13) @ y, np.zeros(y.shape[1:])
    if shift == 0:
        coef = np.linalg.pinv(X - X.mean(axis=0), rcond=1e-13) @ (y - y.mean(axis=0))
        return coef, y.mean(axis=0) - X.mean(axis=0) @ coef
    penalty = np.sqrt(shift) * np.eye(p, a.shape[1])
    solution = np.linalg.lstsq(
        np.vstack([a, penalty]), np.vstack([y, np.zeros((p, y.shape[1]))]), rcond=None
    )[0]
    return solution[:p], solution[p] if fit_intercept else np.zeros(y.shape[1])


def leave_one_out(X, y, shift, fit_intercept=False):
    residuals = []
    for i in range(len(X)):
        kept = np.arange(len(X)) != i
        coef, intercept = fit_alone(X[kept], y[kept], shift, fit_intercept)
        residuals.append(y[i] - X[i] @ coef - intercept)
    return np.array(residuals)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_every_penalty_agrees_with_its_own_fit(shape, fit_intercept):
    X, y, X_test, y_test = problem(0, *shape)
    path = penalty_path(X, y, PENALTIES, X_test, y_test, fit_intercept=fit_intercept)
    n = len(X)
    for j, penalty in enumerate(PENALTIES):
        coef, intercept = fit_alone(X, y, n * penalty, fit_intercept)
        np.testing.assert_allclose(path.coef[j], coef, rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(path.intercept[j], intercept, rtol=1e-8, atol=1e-10)
        fitted, predicted = X @ coef + intercept, X_test @ coef + intercept
        expected = {
            "norm": np.linalg.norm(coef),
            "train_mse": np.mean(np.sum((fitted - y) ** 2, axis=1)),
            "test_mse": np.mean(np.sum((predicted - y_test) ** 2, axis=1)),
            "train_error": np.mean(fitted.argmax(axis=1) != y.argmax(axis=1)),
            "test_error": np.mean(predicted.argmax(axis=1) != y_test.argmax(axis=1)),
        }
        for name, value in expected.items():
            assert getattr(path, name)[j] == pytest.approx(value, rel=1e-9, abs=1e-14), name
    np.testing.assert_allclose(
        path.predict(X_test), X_test @ path.coef + path.intercept[:, None], rtol=1e-12
    )


@pytest.mark.parametrize("shape", [(12, 30), (30, 12), (20, 20), (16, 12), (12, 13)])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("penalty", [0.0, 1e-3, 1.0])
def test_leave_one_out_is_what_refitting_gives(shape, fit_intercept, penalty):
    X, y, _, _ = problem(1, *shape)
    path = penalty_path(X, y, [penalty], fit_intercept=fit_intercept)
    left_out = leave_one_out(X, y, len(X) * penalty, fit_intercept)
    assert path.loo[0] == pytest.approx(np.mean(np.sum(left_out**2, axis=1)), rel=1e-9)
    wrong = (y - left_out).argmax(axis=1) != y.argmax(axis=1)
    assert path.loo_error[0] == wrong.mean()


@pytest.mark.parametrize("shape", SHAPES[:3])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_degrees_of_freedom_and_gcv_from_the_smoother_matrix(shape, fit_intercept):
    X, y, _, _ = problem(2, *shape)
    n = len(X)
    path = penalty_path(X, y, PENALTIES, fit_intercept=fit_intercept)
    for j, penalty in enumerate(PENALTIES):
        coef, intercept = fit_alone(X, np.eye(n), n * penalty, fit_intercept)
        smoother = X @ coef + intercept
        assert path.df[j] == pytest.approx(np.trace(smoother), rel=1e-9)
        square = np.mean(np.sum((y - smoother @ y) ** 2, axis=1))
        gcv = square / (1 - np.trace(smoother) / n) ** 2
        assert path.gcv[j] == pytest.approx(gcv, rel=1e-8)


def test_agrees_with_scikit_learn():
    X, y, _, _ = problem(3, 25, 40)
    target = y[:, 0] + 0.1 * X[:, 1]
    path = penalty_path(X, target, PENALTIES, fit_intercept=True)
    for j, penalty in enumerate(PENALTIES):
        peer = Ridge(alpha=25 * penalty, solver="svd").fit(X, target)
        np.testing.assert_allclose(path.coef[j], peer.coef_, rtol=1e-8, atol=1e-11)
        assert path.intercept[j] == pytest.approx(peer.intercept_, rel=1e-9)
    peer = RidgeCV(alphas=25 * PENALTIES, store_cv_results=True, fit_intercept=False).fit(X, target)
    path = penalty_path(X, target, PENALTIES)
    np.testing.assert_allclose(path.loo, peer.cv_results_.mean(axis=0), rtol=1e-8)
    assert PENALTIES[path.best()] == pytest.approx(peer.alpha_ / 25)


@pytest.mark.parametrize("shape", [(15, 40), (40, 15), (20, 20)])
def test_penalty_zero_is_the_min_norm_fit(shape):
    X, y, X_test, y_test = problem(4, *shape)
    path = penalty_path(X, y, [0.0, 1e-11], X_test, y_test)
    limit = min_norm_path(X, y, X_test, y_test, [shape[1]])
    assert path.test_mse[0] == pytest.approx(limit.test_mse[0], rel=1e-9)
    assert path.norm[0] == pytest.approx(limit.norm[0], rel=1e-9)
    assert path.df[0] == pytest.approx(min(shape))
    assert path.train_mse[0] == pytest.approx(limit.train_mse[0], rel=1e-9, abs=1e-20)
    for name in ("loo", "gcv", "test_mse"):  # continuous in the penalty
        values = getattr(path, name)
        assert values[1] == pytest.approx(values[0], rel=1e-6), name


def test_agrees_with_the_ridge_path_of_the_linear_floor():
    X, y, _, _ = problem(5, 30, 20)
    path = penalty_path(X, y, PENALTIES)
    np.testing.assert_allclose(
        path.coef, GradientPath(X, y).ridge(PENALTIES), rtol=1e-8, atol=1e-12
    )


@pytest.mark.parametrize("shape", [(30, 60), (60, 30)])
def test_small_penalties_on_badly_conditioned_data_do_not_square_the_condition(shape):
    rng = np.random.default_rng(6)
    a = min(shape)
    u = np.linalg.qr(rng.standard_normal((shape[0], a)))[0]
    v = np.linalg.qr(rng.standard_normal((shape[1], a)))[0]
    s = np.geomspace(1, 1e-7, a)
    X, y = (u * s) @ v.T, rng.standard_normal((shape[0], 2))
    path = penalty_path(X, y, [0.0, 1e-15, 1e-3])
    assert path.method == "svd"
    for j, penalty in enumerate(path.penalties):
        exact = (v * (s / (s**2 + shape[0] * penalty))) @ (u.T @ y)
        np.testing.assert_allclose(path.coef[j], exact, atol=1e-7 * np.abs(exact).max())
    leverage = np.sum(u**2, axis=1) if shape[0] > a else None
    if leverage is None:
        gram = (u * s**-2.0) @ u.T
        left_out = gram @ y / np.diag(gram)[:, None]
    else:
        left_out = (y - u @ (u.T @ y)) / (1 - leverage)[:, None]
    assert path.loo[0] == pytest.approx(np.mean(np.sum(left_out**2, axis=1)), rel=1e-6)
    assert penalty_path(X, y, [1e-3]).method == "gram"


@pytest.mark.parametrize("shape", [(20, 45), (45, 20)])
def test_both_factorisations_give_the_same(shape, monkeypatch):
    X, y, X_test, y_test = problem(7, *shape)
    for fit_intercept in (False, True):
        gram = penalty_path(X, y, PENALTIES, X_test, y_test, fit_intercept=fit_intercept)
        with monkeypatch.context() as patch:
            patch.setattr("fearless.solvers.paths._penalty_factors._GRAM_CONDITION_LIMIT", 1.0)
            other = penalty_path(X, y, PENALTIES, X_test, y_test, fit_intercept=fit_intercept)
        assert (gram.method, other.method) == ("gram", "svd")
        for name in ("coef", "intercept", "norm", "df", "train_mse", "loo", "gcv", "test_mse"):
            np.testing.assert_allclose(
                getattr(gram, name), getattr(other, name), rtol=1e-9, atol=1e-12, err_msg=name
            )


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(2, 15),
    p=st.integers(1, 15),
    seed=st.integers(0, 10**6),
    exponent=st.floats(-8, 4),
    scale=st.sampled_from([1e-6, 1.0, 1e6]),
)
def test_properties(n, p, seed, exponent, scale):
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((n, p)), rng.standard_normal(n)
    penalties = 10.0**exponent * np.array([1.0, 2.0, 10.0])
    path = penalty_path(X, y, penalties)
    assert path.coef.shape == (3, p)
    assert np.all(np.diff(path.norm) <= 1e-12 * path.norm[0])
    assert np.all(np.diff(path.train_mse) >= -1e-12 * np.mean(y**2))
    assert np.all(np.diff(path.df) < 0)
    assert np.all((path.df > 0) & (path.df < min(n, p)))
    assert np.all(path.loo >= path.train_mse)
    # Rescaling the features changes the unit of the penalty only.
    other = penalty_path(scale * X, y, scale**2 * penalties)
    np.testing.assert_allclose(other.loo, path.loo, rtol=1e-6)
    np.testing.assert_allclose(other.coef * scale, path.coef, rtol=1e-6, atol=1e-9)


def test_orthonormal_columns_in_closed_form():
    # H = U U^T / (1 + n lam).
    rng = np.random.default_rng(8)
    u = np.linalg.qr(rng.standard_normal((50, 4)))[0]
    y = rng.standard_normal(50)
    path = penalty_path(u, y, [0.02])
    np.testing.assert_allclose(path.coef[0], u.T @ y / 2, rtol=1e-12)
    leverage = np.sum(u**2, axis=1) / 2
    np.testing.assert_allclose(
        path.loo[0], np.mean(((y - u @ (u.T @ y) / 2) / (1 - leverage)) ** 2), rtol=1e-12
    )
    assert path.df[0] == pytest.approx(2)


@pytest.mark.parametrize("shape", [(5, 8), (8, 5)])
def test_huge_penalties_and_tiny_inputs(shape):
    X, y, _, _ = problem(10, *shape)
    huge = penalty_path(X, y, [1e160, 1e305])  # nothing is fitted
    for name in ("loo", "gcv", "train_mse"):
        np.testing.assert_allclose(getattr(huge, name), 1.0, rtol=1e-12, err_msg=name)
    path, tiny = penalty_path(X, y, [0.0]), penalty_path(1e-100 * X, y, [0.0])
    for name in ("loo", "gcv", "df"):
        np.testing.assert_allclose(getattr(tiny, name), getattr(path, name), rtol=1e-8)
    with pytest.raises(ValueError, match="overflows"):
        penalty_path(X, y, [1e308])
    with pytest.raises(ValueError, match="numerical rank 0"):
        penalty_path(1e-160 * X, y, [0.0])
    with pytest.raises(ValueError, match="rescale X"):
        penalty_path(1e-160 * X, y, [1e-310])


def test_shapes_without_outputs_and_repr():
    X, y, X_test, _ = problem(9, 10, 4)
    path = penalty_path(X, y[:, 0], PENALTIES)
    assert path.coef.shape == (3, 4)
    assert path.intercept.shape == (3,)
    assert path.predict(X_test).shape == (3, 9)
    assert path.test_mse is None
    assert np.all(np.isnan(path.loo_error))
    assert "3 penalties" in repr(path)
    assert path.best("gcv") in range(3)
    with pytest.raises(ValueError, match="more than one output"):
        path.best("loo_error")
    with pytest.raises(ValueError, match="criterion"):
        path.best("aic")


class TestBadInput:
    def test_penalties(self):
        X, y, _, _ = problem(0, 8, 5)
        for penalties, message in (([-1.0], ">= 0"), ([], "empty"), ([np.nan], "non-finite")):
            with pytest.raises(ValueError, match=message):
                penalty_path(X, y, penalties)

    def test_penalty_zero_without_full_rank(self):
        X, y, _, _ = problem(0, 8, 20)
        X[3] = X[2]
        with pytest.raises(ValueError, match="numerical rank 7 of at most 8"):
            penalty_path(X, y, [0.0, 1.0])
        with pytest.raises(ValueError, match="numerical rank 7 of at most 8"):
            penalty_path(X.T, np.ones(20), [0.0])
        with pytest.raises(ValueError, match="numerical rank 0"):
            penalty_path(np.zeros((3, 3)), np.ones(3), [0.0])
        assert np.all(np.isfinite(penalty_path(X, y, [1e-3]).loo))
        assert penalty_path(np.zeros((3, 3)), np.ones(3), [1.0]).norm[0] == 0

    def test_a_sample_that_alone_carries_a_feature(self):
        X = np.vstack([np.eye(2), np.zeros((3, 2))])
        X[1:] += np.array([[0.0, 1.0]])
        with pytest.raises(ValueError, match="leverage 1"):
            penalty_path(X, np.ones(5), [0.0])
        assert np.isfinite(penalty_path(X, np.ones(5), [1.0]).loo[0])

    def test_arrays(self):
        X, y, X_test, y_test = problem(0, 8, 5)
        with pytest.raises(ValueError, match="y_test is missing"):
            penalty_path(X, y, [1.0], X_test)
        with pytest.raises(ValueError, match="X_test has 4 columns; expected 5"):
            penalty_path(X, y, [1.0], X_test[:, :4], y_test)
        with pytest.raises(ValueError, match="y has 7 rows; expected 8"):
            penalty_path(X, y[:7], [1.0])
        with pytest.raises(ValueError, match="outputs"):
            penalty_path(X, y, [1.0], X_test, y_test[:, :2])
        with pytest.raises(ValueError, match="at least 2"):
            penalty_path(X[:1], y[:1], [1.0], fit_intercept=True)
        with pytest.raises(ValueError, match="overflow"):
            penalty_path(1e200 * X, y, [1.0])
