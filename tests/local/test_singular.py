"""Singular kernels: the exact variance of the Hilbert kernel, limits, both searches, bad input."""

import numpy as np
import pytest

from fearless.local import SingularKernelClassifier, SingularKernelRegressor, singular
from fearless.theory.local import hilbert_variance, singular_variance


def ball(n, d, rng):
    """Uniform points of the unit ball."""
    direction = rng.standard_normal((n, d))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return direction * rng.random((n, 1)) ** (1 / d)


@pytest.mark.parametrize(
    ("n", "d", "model"),
    [
        (60, 1, SingularKernelRegressor()),
        (60, 4, SingularKernelRegressor()),
        (60, 12, SingularKernelRegressor()),
        (40, 2, SingularKernelRegressor(exponent=5.0)),
        (50, 3, SingularKernelRegressor("power", exponent=0.6, bandwidth=1.0)),
        (50, 1, SingularKernelRegressor("power", exponent=0.75, bandwidth=1.0)),
    ],
)
def test_variance_is_the_oracle(n, d, model):  # O19, O20
    rng = np.random.default_rng(100 * n + d)
    shares = []
    for _ in range(1200):
        weights = model.fit(ball(n, d, rng), np.eye(n)).predict(np.zeros((1, d)))
        shares.append(np.sum(weights**2))
    error = np.std(shares, ddof=1) / len(shares) ** 0.5
    expected = singular_variance(n, d, model.exponent_)
    assert abs(np.mean(shares) - expected) < 4 * error
    if model.kernel == "hilbert" and model.exponent is None:
        assert expected == hilbert_variance(n)


@pytest.mark.parametrize("kernel", ["power", "smooth-power", "log"])
@pytest.mark.parametrize("d", [1, 2, 5])
def test_tree_and_brute_force_agree(kernel, d, monkeypatch):
    rng = np.random.default_rng(d)
    X, Y = rng.random((300, d)), rng.standard_normal((300, 2))
    Q = np.vstack([1.4 * rng.random((100, d)) - 0.2, X[:20]])
    model = SingularKernelRegressor(kernel, bandwidth=0.2).fit(X, Y)
    results = []
    for share in (-1.0, 2.0):
        monkeypatch.setattr(singular, "_DENSE_SHARE", share)
        results.append(model.predict(Q))
    np.testing.assert_allclose(results[0], results[1], rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("share", [-1.0, 2.0])
def test_outside_the_bandwidth(share, monkeypatch):
    monkeypatch.setattr(singular, "_DENSE_SHARE", share)
    X, y = np.array([[0.0], [1.0]]), np.array([3.0, 5.0])
    model = SingularKernelRegressor("power", bandwidth=0.25)
    np.testing.assert_array_equal(model.fit(X, y).predict([[0.4], [0.6], [7.0]]), [3, 5, 5])
    model.set_params(outside="error")
    with pytest.raises(ValueError, match=r"2 row\(s\) with no training point .* 0.25.* row 1"):
        model.fit(X, y).predict([[0.1], [0.5], [7.0]])
    np.testing.assert_array_equal(model.predict([[0.1], [1.0]]), [3, 5])
    # At the very edge these two kernels vanish: 0/0 counts as outside.
    for kernel in ("smooth-power", "log"):
        model.set_params(kernel=kernel, bandwidth=0.5)
        with pytest.raises(ValueError, match="no training point"):
            model.fit(X, y).predict([[0.5]])


@pytest.mark.parametrize("exponent", [1, 2, 3, 7, 8, 64, 65, 0.5, 2.5])
def test_powers(exponent):
    squared = np.array([1.0, 1.5, 4.0, 81.0])
    found = singular._negative_power(squared.copy(), np.float64(1), exponent)
    np.testing.assert_allclose(found, squared ** (-exponent / 2), rtol=1e-13)


def test_powers_never_vanish():
    found = singular._negative_power(
        np.array([0.0, 1e-30, 1.0], np.float32), np.float32(1e-30), 784.0
    )
    np.testing.assert_array_equal(found[:2], 1)
    assert 0 < found[2] < 1e-37


def test_no_ratio_of_distances_overflows():
    """In float32 (10 / 1e-19)^2 is infinite, and 0 * (-exponent) must not become NaN."""
    X, q = np.array([[0.0], [10.0]], np.float32), np.array([[1e-25]], np.float32)
    for exponent in (1.0, 1e300):
        model = SingularKernelRegressor(exponent=exponent).fit(X, [2.0, 3.0])
        assert model.predict(q) == 2.0


@pytest.mark.parametrize("d", [1, 6])
def test_targets_of_higher_precision_than_samples(d):
    """Samples in float32, targets in float64: neither range nor digits of the targets are lost."""
    rng = np.random.default_rng(6)
    X, Q = (rng.random((60, d)).astype(np.float32) for _ in range(2))
    y = 1.0 + 1e-9 * rng.random(60)
    for model in (SingularKernelRegressor(), SingularKernelRegressor("log", bandwidth=3.0)):
        found = model.fit(X, y).predict(Q)
        assert found.dtype == np.float64
        weights = model.fit(X, np.eye(60)).predict(Q)
        weights /= weights.sum(axis=1, keepdims=True)
        # The weights have seven digits, what they average varies by 1e-9.
        np.testing.assert_allclose(model.fit(X, y - 1.0).predict(Q), weights @ (y - 1), rtol=1e-5)
        np.testing.assert_allclose(found, 1.0, atol=2e-7)
        np.testing.assert_allclose(model.fit(X, 1e39 * y).predict(Q), 1e39 * found, rtol=1e-9)


@pytest.mark.parametrize("share", [-1.0, 2.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_bandwidths(dtype, share, monkeypatch):
    """Weights ln(h / r) for any h in range, and no warning; a tiny h is the nearest point."""
    monkeypatch.setattr(singular, "_DENSE_SHARE", share)
    X, y = np.array([[0.0], [1.0], [3.0]], dtype), np.array([0.0, 1.0, 4.0])
    Q = np.array([[0.0], [0.25], [2.5], [1e-15], [1e4]], dtype)
    for h in (1e-300, 1e-200, 1e-19, 1e17, 1e20, 1e38, 1e155, 1e300):
        with np.errstate(divide="ignore"):
            weights = np.log(h) - np.log(np.abs(Q.astype(float) - X[:, 0]))
        weights[0] = [1, 0, 0]
        log = SingularKernelRegressor("log", bandwidth=h).fit(X, y).predict(Q)
        flat = SingularKernelRegressor("smooth-power", bandwidth=h).fit(X, y).predict(Q)
        rtol = 1e-12 if dtype == np.float64 or h > 1e18 else 1e-6
        if h < 1:
            nearest = np.array([0, 0, 4, 0, 4])
            np.testing.assert_array_equal(log, nearest)
            np.testing.assert_array_equal(flat, nearest)
            continue
        np.testing.assert_allclose(log, weights @ y / weights.sum(axis=1), rtol=rtol)
        power = SingularKernelRegressor("power", bandwidth=h).fit(X, y).predict(Q)
        np.testing.assert_allclose(flat, power, rtol=rtol)
    # In units so small that even h times their scale is infinite.
    unit = 2.0**-120 if dtype == np.float32 else 2.0**-900
    log = SingularKernelRegressor("log", bandwidth=1e300).fit(X * dtype(unit), y)
    with np.errstate(divide="ignore"):
        weights = np.log(1e300) - np.log(unit) - np.log(np.abs(Q[1:3].astype(float) - X[:, 0]))
    expected = weights @ y / weights.sum(axis=1)
    np.testing.assert_allclose(log.predict(Q[1:3] * dtype(unit)), expected, rtol=1e-6)


@pytest.mark.parametrize("share", [-1.0, 2.0])
@pytest.mark.parametrize("kernel", ["power", "smooth-power", "log"])
def test_squares_that_underflow_within_the_bandwidth(kernel, share, monkeypatch):
    monkeypatch.setattr(singular, "_DENSE_SHARE", share)
    X, y = np.arange(200.0)[:, None], np.arange(200.0) + 7
    model = SingularKernelRegressor(kernel, bandwidth=0.5, outside="error").fit(X, y)
    np.testing.assert_allclose(model.predict([[1e-170], [0.0], [1e-300]]), 7.0, rtol=1e-14)


def test_predictions_use_the_parameters_of_the_fit():
    X, y = np.arange(10.0)[:, None], np.arange(10.0) ** 2
    model = SingularKernelRegressor("power", bandwidth=1.5).fit(X, y)
    before = model.predict([[2.3], [40.0]])
    model.set_params(kernel="log", bandwidth=3.0, outside="error")
    np.testing.assert_array_equal(model.predict([[2.3], [40.0]]), before)
    assert (model.kernel_, model.bandwidth_, model.outside_) == ("power", 1.5, "nearest")
    model.set_params(kernel="hilbert", bandwidth=None)
    np.testing.assert_array_equal(model.predict([[2.3], [40.0]]), before)
    assert model.fit(X, y).bandwidth_ is None


def test_large_exponent_is_the_nearest_neighbor():
    rng = np.random.default_rng(4)
    X, y, Q = rng.random((50, 2)), rng.standard_normal(50), rng.random((20, 2))
    nearest = y[np.argmin(np.linalg.norm(Q[:, None] - X, axis=2), axis=1)]
    found = SingularKernelRegressor(exponent=1e5).fit(X, y).predict(Q)
    np.testing.assert_allclose(found, nearest, atol=1e-6)


def test_blocks_do_not_matter(monkeypatch):
    from fearless.local import _search

    rng = np.random.default_rng(5)
    X, y, Q = rng.random((120, 3)), rng.integers(3, size=120), rng.random((70, 3))
    for model in (
        SingularKernelClassifier(),
        SingularKernelClassifier("power", bandwidth=0.1),
        SingularKernelClassifier("log", bandwidth=2.0),
    ):
        whole = model.fit(X, y).predict_proba(Q)
        with monkeypatch.context() as patch:
            patch.setattr(_search, "_BLOCK_ENTRIES", 1000)
            patch.setattr(singular, "_BLOCK_PAIRS", 20)
            np.testing.assert_allclose(model.predict_proba(Q), whole, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"kernel": "gauss"}, ValueError, "kernel is 'gauss'; expected one of 'hilbert'"),
        ({"kernel": "power"}, ValueError, "bandwidth is None; expected a number > 0 with"),
        ({"bandwidth": 1.0}, ValueError, "bandwidth is 1.0; expected None: the Hilbert"),
        ({"kernel": "log", "bandwidth": 0.0}, ValueError, "bandwidth is 0.0"),
        ({"kernel": "log", "bandwidth": 1.0, "exponent": 1.0}, ValueError, "exponent is 1.0"),
        ({"exponent": 0.0}, ValueError, "exponent is 0.0"),
        ({"exponent": "d"}, TypeError, "exponent is str 'd'"),
        ({"outside": "nan"}, ValueError, "outside is 'nan'; expected one of"),
    ],
)
def test_bad_parameters(parameters, error, message):
    X = np.arange(10.0)[:, None]
    for model in (SingularKernelRegressor(), SingularKernelClassifier()):
        with pytest.raises(error, match=message):
            model.set_params(**parameters).fit(X, np.arange(10) % 2)
