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
    found = singular._negative_power(squared.copy(), exponent)
    np.testing.assert_allclose(found, squared ** (-exponent / 2), rtol=1e-13)


def test_powers_never_vanish():
    found = singular._negative_power(np.array([0.0, 1.0, 1e30], np.float32), 784.0)
    np.testing.assert_array_equal(found[:2], 1)
    assert 0 < found[2] < 1e-37


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
