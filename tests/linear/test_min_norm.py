"""Min-norm least squares: identities of the pseudo-inverse, rank decisions, the contract."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.utils.estimator_checks import parametrize_with_checks

from fearless.data import load_mnist, one_hot
from fearless.exceptions import IllConditionedWarning
from fearless.features import RandomFourierFeatures
from fearless.linear import MinNormRegressor

DTYPES = [np.float32, np.float64]
EPS = np.finfo(float).eps


@parametrize_with_checks([MinNormRegressor(), MinNormRegressor(fit_intercept=True)])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@given(
    n=st.integers(1, 15),
    p=st.integers(1, 15),
    k=st.none() | st.integers(1, 3),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=60, deadline=None)
def test_moore_penrose(n, p, k, seed):
    """X^T (X w - y) = 0 (a least-squares solution), and w in the row space (the shortest one)."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    y = rng.standard_normal(n if k is None else (n, k))
    with warnings.catch_warnings():  # a square Gaussian matrix may be arbitrarily near singular
        warnings.simplefilter("ignore", IllConditionedWarning)
        model = MinNormRegressor().fit(X, y)
    w = model.coef_.T
    assert w.shape == (p,) if k is None else (p, k)
    tol = 100 * EPS * model.condition_ * (1 + np.abs(w).max()) * model.singular_values_[0]
    np.testing.assert_allclose(X.T @ (X @ w - y), 0, atol=tol * model.singular_values_[0])
    rows = np.linalg.svd(X, full_matrices=False)[2]
    np.testing.assert_allclose(rows.T @ (rows @ w), w, atol=tol)
    assert model.rank_ == min(n, p)
    np.testing.assert_allclose(
        model.condition_, np.linalg.cond(X), rtol=100 * EPS * model.condition_
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("n", "p"), [(30, 10), (10, 30), (20, 20)])
def test_equals_the_pseudo_inverse_and_linear_regression(seed, n, p):
    rng = np.random.default_rng(seed)
    X, Y = rng.standard_normal((n, p)), rng.standard_normal((n, 3))
    model = MinNormRegressor().fit(X, Y)
    rtol = 50 * EPS * model.condition_
    np.testing.assert_allclose(model.coef_.T, np.linalg.pinv(X) @ Y, rtol=rtol, atol=rtol)
    peer = LinearRegression(fit_intercept=False).fit(X, Y)
    np.testing.assert_allclose(model.coef_, peer.coef_, rtol=rtol, atol=rtol)
    assert np.all(model.intercept_ == 0)


def test_is_the_limit_of_ridge_and_of_gradient_descent():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((8, 20)), rng.standard_normal(8)
    w = MinNormRegressor().fit(X, y).coef_
    # Ridge: w_lam - w = -lam X^T (X X^T)^-2 y + O(lam^2).
    lam = 1e-6
    ridge = Ridge(lam, fit_intercept=False, solver="svd").fit(X, y).coef_
    K = X @ X.T
    first_order = -lam * X.T @ np.linalg.solve(K, np.linalg.solve(K, y))
    np.testing.assert_allclose(ridge - w, first_order, rtol=1e-4, atol=1e-13)
    # Gradient descent from zero (O11); the slowest mode decays like (1 - 1 / cond^2)^t.
    step, descent = 1 / np.linalg.norm(K, 2), np.zeros(20)
    for _ in range(4000):
        descent -= step * X.T @ (X @ descent - y)
    np.testing.assert_allclose(descent, w, atol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_interpolates_from_the_threshold_on(dtype):
    data = load_mnist(150, dtype=dtype)
    Y = one_hot(data.y_train, data.classes, dtype)
    for n_features in (150, 160, 400):
        Phi = RandomFourierFeatures(n_features, random_state=0).fit_transform(data.X_train)
        model = MinNormRegressor().fit(Phi, Y)
        assert model.coef_.dtype == model.predict(Phi).dtype == dtype
        assert model.coef_.shape == (10, n_features)
        # Backward stability: the residual is of the order eps ||Phi|| ||w||, whatever the
        # condition; 150 terms.
        size = model.singular_values_[0] * np.linalg.norm(model.coef_)
        residual = np.linalg.norm(model.predict(Phi) - Y)
        assert residual < 150 * np.finfo(dtype).eps * size
    assert model.score(Phi, Y) > 0.999


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("n", "p"), [(30, 5), (6, 12), (12, 12), (12, 11)])
@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_intercept_is_free_of_the_norm(dtype, n, p, offset):
    """Equals the pseudo-inverse of the centred problem: n samples lose one degree of freedom."""
    rng = np.random.default_rng(n + p)
    X = (rng.standard_normal((n, p)) + offset).astype(dtype)
    y = (rng.standard_normal(n) + 5).astype(dtype)
    model = MinNormRegressor(fit_intercept=True).fit(X, y)
    assert model.rank_ == min(n - 1, p)
    exact = X.astype(float)
    centred = exact - exact.mean(0)
    w = np.linalg.pinv(centred, rcond=1e-9) @ (y - y.mean(dtype=float))
    # Centring in the working precision perturbs the matrix by eps times the uncentred entries.
    rtol = 40 * np.finfo(dtype).eps * model.condition_ * (1 + offset)
    np.testing.assert_allclose(model.coef_, w, rtol=0, atol=rtol * np.linalg.norm(w))
    if p >= n - 1:
        np.testing.assert_allclose(
            model.predict(X), y, atol=rtol * (1 + np.linalg.norm(w) * (1 + offset))
        )


def test_intercept_shifts_outputs_only():
    rng = np.random.default_rng(1)
    X, Y = rng.standard_normal((10, 4)), rng.standard_normal((10, 2))
    model = MinNormRegressor(fit_intercept=True).fit(X, Y)
    shifted = clone(model).fit(X + 3.0, Y + np.array([10.0, -10.0]))
    np.testing.assert_allclose(shifted.coef_, model.coef_, rtol=1e-12, atol=1e-13)
    assert shifted.intercept_.shape == (2,)
    np.testing.assert_allclose(
        shifted.predict(X + 3.0), model.predict(X) + np.array([10, -10]), atol=1e-12
    )


def test_one_sample_and_an_intercept():
    model = MinNormRegressor(fit_intercept=True).fit([[1.0, 2.0]], [3.0])
    np.testing.assert_array_equal(model.coef_, 0)
    assert model.intercept_ == 3
    assert (model.rank_, model.condition_) == (0, 1.0)


def test_a_rank_deficiency_is_reported_never_cut_in_silence():
    rng = np.random.default_rng(2)
    X = rng.standard_normal((10, 3)) @ rng.standard_normal((3, 6))
    y = rng.standard_normal(10)
    with pytest.warns(
        IllConditionedWarning, match=r"X has numerical rank 3 of at most 6.*rank_tol"
    ):
        model = MinNormRegressor().fit(X, y)
    assert model.rank_ == 3
    assert model.condition_ > 1e14
    assert len(model.singular_values_) == 6
    np.testing.assert_allclose(model.coef_, np.linalg.pinv(X, rcond=1e-10) @ y, rtol=1e-10)
    # Who sets the tolerance has decided, and is not warned.
    decided = MinNormRegressor(rank_tol=1e-10).fit(X, y)
    np.testing.assert_allclose(decided.coef_, model.coef_, rtol=1e-10)
    # Who keeps everything is warned about the condition number.
    with pytest.warns(IllConditionedWarning, match="X has condition number .* beyond 1 / eps"):
        kept = MinNormRegressor(rank_tol=0).fit(X, y)
    assert kept.rank_ == 6


def test_a_zero_matrix():
    with pytest.warns(IllConditionedWarning, match="X has numerical rank 0"):
        model = MinNormRegressor().fit(np.zeros((3, 2)), [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(model.coef_, 0)
    assert model.condition_ == np.inf


@pytest.mark.parametrize("dtype", DTYPES)
def test_rank_tol_is_relative_and_documented(dtype):
    """Singular values just above eps max(n, p) are kept, just below are cut."""
    n, p = 40, 6
    rng = np.random.default_rng(3)
    U = np.linalg.qr(rng.standard_normal((n, p)))[0]
    V = np.linalg.qr(rng.standard_normal((p, p)))[0]
    cut = 40 * np.finfo(dtype).eps
    for factor, rank in ((4, 6), (0.01, 5)):
        for scale in (1.0, 1e-6, 1e6):
            s = scale * np.array([1, 0.9, 0.8, 0.7, 0.6, factor * cut])
            X = ((U * s) @ V).astype(dtype)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", IllConditionedWarning)
                assert MinNormRegressor().fit(X, np.ones(n)).rank_ == rank
    assert MinNormRegressor(rank_tol=0.65).fit(X, np.ones(n)).rank_ == 4


@pytest.mark.parametrize(
    ("parameters", "X", "y", "error", "match"),
    [
        ({}, [[np.nan]], [1.0], ValueError, "Input X contains NaN"),
        ({}, [[1.0]], [np.inf], ValueError, "Input y contains infinity"),
        ({}, [[1.0], [2.0]], [1.0], ValueError, "inconsistent numbers of samples"),
        ({}, np.zeros((0, 2)), [], ValueError, "0 sample"),
        ({}, [1.0, 2.0], [1.0, 2.0], ValueError, "Expected 2D array"),
        ({"rank_tol": 1.0}, [[1.0]], [1.0], ValueError, r"rank_tol is 1.0; expected .* below 1"),
        ({"rank_tol": -1}, [[1.0]], [1.0], ValueError, "rank_tol is -1"),
        ({"rank_tol": "none"}, [[1.0]], [1.0], TypeError, "rank_tol is str"),
    ],
)
def test_bad_input_is_named(parameters, X, y, error, match):
    with pytest.raises(error, match=match):
        MinNormRegressor(**parameters).fit(X, y)
