"""Logistic regression on separable data: runs step by step, exact solutions, the max margin."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from sklearn.svm import SVC

from fearless.optimization import logistic_descent, logistic_flow, max_margin


def clouds(n, p, seed=0):
    """Two classes separated along the first axis."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    labels = np.sign(X[:, 0])
    X[:, 0] += 0.3 * labels
    return X, labels


@pytest.mark.parametrize(("n", "p"), [(20, 2), (60, 5), (30, 100)])
def test_max_margin_is_the_support_vector_machine(n, p):
    X, labels = clouds(n, p)
    w = max_margin(X, labels)
    products = labels * (X @ w)
    assert products.min() == pytest.approx(1, abs=1e-9)
    # Optimality: w is a non-negative combination of the samples at the margin.
    support = products < 1 + 1e-7
    Z = (labels[:, None] * X)[support]
    weights = np.linalg.lstsq(Z.T, w, rcond=None)[0]
    np.testing.assert_allclose(weights @ Z, w, atol=1e-9)
    assert np.all(weights > -1e-9)
    # scikit-learn's machine has a free bias: with both x and -x, of opposite labels, it is zero.
    peer = SVC(kernel="linear", C=1e8, tol=1e-8).fit(np.r_[X, -X], np.r_[labels, -labels])
    np.testing.assert_allclose(peer.coef_[0], w, rtol=1e-4, atol=1e-4 * np.linalg.norm(w))


def test_max_margin_does_not_depend_on_units():
    X, labels = clouds(20, 3)
    w = max_margin(X, labels)
    for scale in (1e-8, 1e8):
        np.testing.assert_allclose(max_margin(scale * X, labels) * scale, w, rtol=1e-9)


@pytest.mark.parametrize("margin", [1e-4, 1e-7, 1e-9])
def test_small_margins_keep_their_digits(margin):
    w = max_margin([[1.0, margin], [-1.0, margin]], [1, 1])
    np.testing.assert_allclose(w, [0, 1 / margin], rtol=1e-6, atol=1e-6)


def test_inseparable_data_are_refused():
    X, labels = clouds(20, 2)
    with pytest.raises(ValueError, match="no w separates the classes"):
        max_margin(np.r_[X, X[:1]], np.r_[labels, -labels[:1]])
    with pytest.raises(ValueError, match="X is zero"):
        max_margin(np.zeros((2, 2)), [1, -1])


@pytest.mark.parametrize("loss", ["logistic", "exponential"])
def test_descent_by_finite_differences(loss):
    X, labels = clouds(10, 3)
    ell = {"logistic": lambda m: np.log1p(np.exp(-m)), "exponential": lambda m: np.exp(-m)}[loss]

    def L(w):
        return ell(labels * (X @ w)).mean()

    w, h = np.array([0.1, -0.2, 0.3]), 1e-6
    start = w.copy()
    for _ in range(3):
        w = w - 0.5 * np.array([(L(w + h * e) - L(w - h * e)) / (2 * h) for e in np.eye(3)])
    run = logistic_descent(X, labels, [0, 3], step_size=0.5, loss=loss, start=start)
    np.testing.assert_array_equal(run.coef[0], start)
    np.testing.assert_allclose(run.coef[1], w, atol=1e-8)
    assert run.losses[1] == pytest.approx(L(w), rel=1e-8)
    assert run.margins[1] == pytest.approx((labels * (X @ w)).min() / np.linalg.norm(w), rel=1e-8)
    assert run.norms[1] == pytest.approx(np.linalg.norm(w), rel=1e-8)


def test_flow_in_ordinary_time():
    """Against an implicit solver in t itself, where that can still go."""
    X, labels = clouds(15, 4)
    Z, times = labels[:, None] * X, [0.5, 20.0, 2000.0]
    peer = solve_ivp(
        lambda _, w: (1 / (1 + np.exp(Z @ w))) @ Z / 15,
        (0, 2000),
        np.zeros(4),
        method="LSODA",
        t_eval=times,
        rtol=1e-10,
        atol=1e-12,
    )
    np.testing.assert_allclose(logistic_flow(X, labels, times).coef, peer.y.T, rtol=1e-6)


def test_flow_of_orthogonal_samples_is_known():
    """Exponential loss, rows of length r: each coordinate is log(1 + r^2 t / n) / r."""
    times = np.array([0.0, 1.0, 1e6, 1e12])
    r = np.array([1.0, 2.0, 0.5])
    run = logistic_flow(np.diag(r), [1, 1, 1], times, loss="exponential")
    np.testing.assert_allclose(
        run.coef, np.log1p(r**2 * times[:, None] / 3) / r, rtol=1e-8, atol=1e-9
    )
    np.testing.assert_allclose(
        run.losses, np.mean(1 / (1 + r**2 * times[:, None] / 3), axis=1), rtol=1e-7
    )
    assert run.margins[0] == 0  # by convention at w = 0


def test_small_steps_follow_the_flow():
    X, labels = clouds(15, 4, seed=1)
    steps = np.array([100, 1000, 10_000])
    run = logistic_descent(X, labels, steps, step_size=0.01)
    flow = logistic_flow(X, labels, 0.01 * steps)
    np.testing.assert_allclose(run.coef, flow.coef, rtol=0.02)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: max_margin([[1.0]], [2]), ValueError, r"labels has entry 2\.0; expected -1 or 1"),
        (lambda: max_margin([[1.0]], [1, 1]), ValueError, "mismatched lengths"),
        (lambda: logistic_flow([[1.0]], [1], [2.0, 1.0]), ValueError, "times is"),
        (lambda: logistic_flow([[1.0]], [1], [-1.0]), ValueError, "times is"),
        (lambda: logistic_flow([[1.0]], [1], [1.0], loss="hinge"), ValueError, "loss is 'hinge'"),
        (
            lambda: logistic_descent([[1.0]], [1], [1], step_size=0.0),
            ValueError,
            r"step_size is 0\.0",
        ),
        (
            lambda: logistic_descent(
                [[1.0], [-1.0]], [1, 1], [9], step_size=1e3, loss="exponential", start=[1.0]
            ),
            FloatingPointError,
            "overflow",
        ),
        (
            lambda: logistic_descent([[1.0]], [1], [1], step_size=1.0, start=[1.0, 2.0]),
            ValueError,
            "start has length 2",
        ),
    ],
)
def test_bad_input_is_named(call, error, match):
    with pytest.raises(error, match=match):
        call()
