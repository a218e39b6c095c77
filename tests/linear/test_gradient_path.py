"""Gradient paths: step-by-step runs, an ODE solver, ridge solutions, risks by brute force."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.optimize import minimize_scalar
from sklearn.linear_model import Ridge

from fearless.exceptions import IllConditionedWarning
from fearless.linear import GradientPath, MinNormRegressor

SHAPES = [(12, 5), (5, 12), (8, 8)]


def problem(n, p, k=None, seed=0):
    rng = np.random.default_rng(seed)
    outputs = () if k is None else (k,)
    return (
        rng.standard_normal((n, p)),
        rng.standard_normal((n, *outputs)),
        rng.standard_normal((p, *outputs)),
    )


@pytest.mark.parametrize("k", [None, 3])
@pytest.mark.parametrize(("n", "p"), SHAPES)
@pytest.mark.parametrize("relative_step", [0.3, 1.0, 1.9, 2.0])
def test_descent_is_the_run(n, p, k, relative_step):
    """O11: every iterate of the closed form against taking the steps."""
    X, y, start = problem(n, p, k)
    path = GradientPath(X, y, start=start)
    step = relative_step / path.curvatures[0]
    w, steps = start.copy(), [0, 1, 2, 10, 117]
    by_hand = []
    for i in range(max(steps) + 1):
        if i in steps:
            by_hand.append(w.copy())
        w -= step * X.T @ (X @ w - y) / n
    closed = path.descent(steps, step)
    assert closed.shape == (5, p) if k is None else (5, p, k)
    np.testing.assert_allclose(closed, by_hand, rtol=0, atol=1e-11)


@pytest.mark.parametrize(("n", "p"), SHAPES)
def test_flow_solves_its_differential_equation(n, p):
    X, y, start = problem(n, p, seed=1)
    times = [0.0, 0.1, 1.0, 7.0]
    solution = solve_ivp(
        lambda _, w: X.T @ (y - X @ w) / n, (0, 7), start, t_eval=times, rtol=1e-10, atol=1e-12
    )
    path = GradientPath(X, y, start=start)
    np.testing.assert_allclose(path.flow(times), solution.y.T, atol=1e-8)


@pytest.mark.parametrize("k", [None, 2])
@pytest.mark.parametrize(("n", "p"), SHAPES)
def test_ridge_is_ridge(n, p, k):
    """The penalty is (1/n) ||y - X w||^2 + lambda ||w||^2: scikit-learn's alpha is n lambda."""
    X, y, start = problem(n, p, k, seed=2)
    path = GradientPath(X, y)
    for penalty in (1e-4, 0.1, 30.0):
        peer = Ridge(n * penalty, fit_intercept=False).fit(X, y).coef_.T
        np.testing.assert_allclose(path.ridge([penalty])[0], peer, atol=1e-10)
    # Towards a start: substitute w - w_0.
    peer = Ridge(n * 0.1, fit_intercept=False).fit(X, y - X @ start).coef_.T + start
    np.testing.assert_allclose(GradientPath(X, y, start=start).ridge([0.1])[0], peer, atol=1e-10)


@given(
    n=st.integers(1, 12),
    p=st.integers(1, 12),
    k=st.none() | st.integers(1, 3),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=50, deadline=None)
def test_limits(n, p, k, seed):
    """All three end at the solution nearest to the start, and begin at the start."""
    X, y, start = problem(n, p, k, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IllConditionedWarning)
        path = GradientPath(X, y, start=start)
    condition = path.singular_values[0] / path.singular_values[-1]
    pseudoinverse = np.linalg.pinv(X, rcond=1e-13)
    nearest = start + pseudoinverse @ (y - X @ start)
    tol = 1e-13 * condition**2 * (1 + np.abs(nearest).max())
    np.testing.assert_allclose(path.limit, nearest, atol=tol)
    np.testing.assert_array_equal(path.ridge([0.0])[0], path.limit)
    np.testing.assert_array_equal(path.flow([0.0])[0], start)
    np.testing.assert_array_equal(path.descent([0])[0], start)
    late = 50 / path.curvatures[-1]
    np.testing.assert_allclose(path.flow([late])[0], path.limit, atol=tol)
    # The part in the null space is never touched, at any time.
    null = start - pseudoinverse @ (X @ start)
    for w in path.flow([0.1, 1.0, 10.0]):
        np.testing.assert_allclose(w - pseudoinverse @ (X @ w), null, atol=tol)


def test_from_zero_the_limit_is_the_fit_of_minimum_norm():
    X, y, _ = problem(20, 50, 2, seed=3)
    fit = MinNormRegressor().fit(X, y)
    np.testing.assert_allclose(GradientPath(X, y).limit, fit.coef_.T, atol=1e-13)


def test_filter_factors_of_flow_and_ridge():
    """At penalty 1 / t flow fits every direction more, by at most the factor 1.2984."""
    X, y, _ = problem(40, 60, seed=4)
    path = GradientPath(X, y)
    times = np.geomspace(1e-6, 1e6, 101)
    ratio = path.flow_filter(times) / path.ridge_filter(1 / times)
    best = minimize_scalar(lambda x: np.expm1(-x) * (1 + x) / x, bounds=(1, 3), method="bounded")
    assert -best.fun == pytest.approx(1.298426, abs=1e-6)
    assert np.all(ratio >= 1 - 1e-15)
    assert ratio.max() <= -best.fun + 1e-12
    assert ratio.max() > 1.29  # attained near t h = 1.79
    # Small steps follow the flow: step k is time eta k, up to O(eta).
    step = 1e-4 / path.curvatures[0]
    flow, descent = path.flow([step * 10**5]), path.descent([10**5], step)
    np.testing.assert_allclose(flow, descent, rtol=1e-3)


def test_filters_keep_their_digits_where_they_are_tiny():
    X = np.diag([1.0, 1e-6])
    path = GradientPath(X, [1.0, 1.0])
    h = path.curvatures[1]
    assert path.flow_filter([1e-3])[0, 1] == pytest.approx(1e-3 * h, rel=1e-12)
    assert path.descent_filter([1])[0, 1] == pytest.approx(h / path.curvatures[0], rel=1e-12)
    assert path.flow([1e-3])[0, 1] == pytest.approx(1e-3 * 1e-6 / 2, rel=1e-12)


@pytest.mark.parametrize("k", [None, 2])
@pytest.mark.parametrize(("n", "p"), SHAPES)
def test_predictions_norms_and_errors_without_forming_coefficients(n, p, k):
    X, y, start = problem(n, p, k, seed=5)
    X_new = np.random.default_rng(6).standard_normal((7, p))
    path = GradientPath(X, y, start=start)
    filters = path.flow_filter([0.0, 0.3, 5.0])
    coef = path.coef(filters)
    predictions = path.predict(X_new, filters)
    norms, errors = path.norm(filters), path.train_mse(filters)
    for i, w in enumerate(coef):
        np.testing.assert_allclose(predictions[i], X_new @ w, atol=1e-12)
        assert norms[i] == pytest.approx(np.linalg.norm(w), rel=1e-12)
        assert errors[i] == pytest.approx(np.sum((y - X @ w) ** 2) / n, rel=1e-12)


@pytest.mark.parametrize("k", [None, 2])
@pytest.mark.parametrize("kind", ["identity", "diagonal", "matrix"])
def test_risk_of_these_targets(kind, k):
    X, y, truth = problem(6, 9, k, seed=7)
    covariance, matrix = covariances(9)[kind]
    path = GradientPath(X, y)
    filters = path.ridge_filter([0.0, 0.2])
    for value, w in zip(
        path.risk(filters, truth, covariance), path.coef(filters) - truth, strict=True
    ):
        expected = np.einsum("p...,pq,q...->...", w, matrix, w)
        np.testing.assert_allclose(value, expected, rtol=1e-12)


@pytest.mark.parametrize("kind", ["identity", "diagonal", "matrix"])
def test_expected_risk_by_enumerating_the_noise(kind):
    """Noise +-sigma on each sample, all 2^n patterns: the mean of the risk is exact."""
    n, p, sigma = 6, 9, 0.7
    X, _, truth = problem(n, p, seed=8)
    start = np.linspace(-1, 1, p)
    covariance, _ = covariances(p)[kind]
    signs = 2.0 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1) - 1
    path = GradientPath(X, (X @ truth)[:, None] + sigma * signs.T, start=start[:, None])
    filters = path.flow_filter([0.0, 0.5, 20.0])
    risks = path.risk(filters, truth[:, None], covariance).mean(axis=1)
    path = GradientPath(X, np.zeros(n), start=start)  # whose own targets do not enter
    expected = path.expected_risk(filters, truth, noise=sigma**2, covariance=covariance)
    np.testing.assert_allclose(expected.excess, risks, rtol=1e-11)
    np.testing.assert_allclose(expected.total, risks + sigma**2, rtol=1e-11)
    # At time zero all is bias.
    assert expected.variance[0] == 0


def test_expected_risk_of_several_outputs_is_that_of_each():
    X, Y, truth = problem(6, 9, 3, seed=12)
    path = GradientPath(X, Y)
    filters = path.flow_filter([0.5, 2.0])
    together = path.expected_risk(filters, truth, noise=0.3)
    assert together.bias.shape == together.variance.shape == together.noise.shape == (2, 3)
    for j in range(3):
        alone = GradientPath(X, Y[:, j]).expected_risk(filters, truth[:, j], noise=0.3)
        np.testing.assert_allclose(together.excess[:, j], alone.excess, rtol=1e-12)


def covariances(p):
    rng = np.random.default_rng(9)
    A = rng.standard_normal((p, p))
    d = rng.uniform(0.1, 2, p)
    return {
        "identity": (None, np.eye(p)),
        "diagonal": (d, np.diag(d)),
        "matrix": (A @ A.T, A @ A.T),
    }


def test_single_precision_stays_single():
    X, y, _ = problem(10, 30, seed=10)
    single, double = GradientPath(X.astype(np.float32), y), GradientPath(X, y)
    assert single.flow([1.0]).dtype == single.limit.dtype == np.float32
    np.testing.assert_allclose(single.flow([1.0]), double.flow([1.0]), atol=1e-5)


def test_rank_deficiency_is_reported_and_cut():
    rng = np.random.default_rng(11)
    X = rng.standard_normal((10, 3)) @ rng.standard_normal((3, 6))
    y = rng.standard_normal(10)
    with pytest.warns(IllConditionedWarning, match="X has numerical rank 3 of at most 6"):
        path = GradientPath(X, y)
    assert path.singular_values.shape == (3,)
    np.testing.assert_allclose(path.limit, np.linalg.pinv(X, rcond=1e-10) @ y, rtol=1e-10)
    # Who sets the tolerance has decided, and is not warned.
    np.testing.assert_allclose(GradientPath(X, y, rank_tol=1e-10).limit, path.limit)


def test_a_zero_matrix_moves_nothing():
    with pytest.warns(IllConditionedWarning, match="X has numerical rank 0"):
        path = GradientPath(np.zeros((3, 2)), [1.0, 2.0, 3.0], start=[5.0, 6.0])
    np.testing.assert_array_equal(path.flow([0.0, 1.0]), [[5, 6], [5, 6]])
    np.testing.assert_array_equal(path.descent([3], 1.0), [[5, 6]])
    np.testing.assert_allclose(path.train_mse(path.flow_filter([1.0])), 14 / 3)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: GradientPath([1.0], [1.0]), ValueError, "X has shape"),
        (lambda: GradientPath([[1.0]], [1.0, 2.0]), ValueError, "mismatched lengths"),
        (lambda: GradientPath([[np.nan]], [1.0]), ValueError, "X contains 1 non-finite"),
        (lambda: GradientPath([[1.0]], [1.0], start=[1.0, 2.0]), ValueError, "start has 2 rows"),
        (
            lambda: GradientPath([[1.0]], [[1.0, 2.0]], start=[[1.0, 2.0, 3.0]]),
            ValueError,
            r"start has shape \(1, 3\); expected \(1, 2\)",
        ),
        (lambda: GradientPath([[1e200]], [1.0]), ValueError, "whose square overflows"),
        (lambda: GradientPath([[1.0]], [1.0], rank_tol=1.0), ValueError, "rank_tol is 1.0"),
        (lambda: path_1().flow([-1.0]), ValueError, "times has entry -1"),
        (lambda: path_1().flow(1.0), ValueError, "times has shape"),
        (lambda: path_1().flow([np.inf]), ValueError, "times contains 1 non-finite"),
        (lambda: path_1().descent([0.5]), ValueError, "steps has entry 0.5; not a count"),
        (
            lambda: path_1().descent([1], 2.1),
            ValueError,
            r"step_size is 2\.1, with which descent diverges; .* 2 / h_1 = 2,",
        ),
        (lambda: path_1().descent([1], 0.0), ValueError, "step_size is 0"),
        (lambda: path_1().ridge([-1.0]), ValueError, "penalties has entry -1"),
        (lambda: path_1().coef(np.ones((2, 3))), ValueError, "filters has 3 columns; expected 1"),
        (lambda: path_1().predict([[1.0, 2.0]], [[1.0]]), ValueError, "X has 2 columns"),
        (lambda: path_1().risk([[1.0]], [1.0, 2.0]), ValueError, "truth has 2 rows"),
        (
            lambda: path_1().risk([[1.0]], [1.0], np.ones((2, 1))),
            ValueError,
            r"covariance has shape \(2, 1\)",
        ),
        (
            lambda: path_1().expected_risk([[1.0]], [1.0], noise=-1.0),
            ValueError,
            "noise is -1",
        ),
    ],
)
def test_bad_input_is_named(call, error, match):
    with pytest.raises(error, match=match):
        call()


def path_1():
    return GradientPath([[1.0]], [1.0])


def test_extreme_sizes():
    """A time that overflows means fitted; what a precision cannot hold is refused."""
    path = GradientPath(np.diag([1e100, 1e90]), [1.0, 1.0])
    np.testing.assert_array_equal(path.flow_filter([1e300]), 1)
    with pytest.raises(ValueError, match=r"X has norm 1\.0e-200, whose square underflows"):
        GradientPath([[1e-200]], [1.0])
    single = np.ones((1, 1), np.float32)
    with pytest.raises(ValueError, match=r"y has entry of size 1\.0e\+300, too large for float32"):
        GradientPath(single, [1e300])
    with pytest.raises(
        ValueError, match=r"start has entry of size 1\.0e\+300, too large for float32"
    ):
        GradientPath(single, [1.0], start=[1e300])


@pytest.mark.parametrize("covariance", [[1.0, -2.0], [[1.0, 0.0], [0.0, -2.0]]])
def test_variances_are_not_negative(covariance):
    path = GradientPath([[1.0, 1.0]], [2.0])
    with pytest.raises(ValueError, match=r"covariance has variance -2\.0; expected numbers >= 0"):
        path.risk([[1.0]], [0.0, 0.0], covariance)
