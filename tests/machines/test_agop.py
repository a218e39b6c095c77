"""The average gradient outer product against finite differences, closed forms and itself."""

import numpy as np
import pytest

from fearless.data import load_mnist, one_hot
from fearless.kernels import ArcCosineKernel, GaussianKernel, LaplacianKernel
from fearless.kernels.matern import MaternKernel
from fearless.machines import KernelMachine
from fearless.machines._agop import average_gradient_outer_product as agop
from fearless.machines._agop import slope

KERNELS = [
    LaplacianKernel(1.3),
    GaussianKernel(1.3),
    MaternKernel(1.3, 0.5),
    MaternKernel(1.3, 1.5),
    MaternKernel(1.3, 2.2),
    MaternKernel(1.3, np.inf),
]


def problem(n=40, m=30, d=4, k=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), rng.standard_normal((n, k)), rng.standard_normal((m, d))


def by_differences(kernel, Z, a, X, h=1e-5):
    steps = h * np.eye(X.shape[1])
    columns = [(kernel(X + e, Z) @ a - kernel(X - e, Z) @ a) / (2 * h) for e in steps]
    return np.einsum("imc,jmc->ij", columns, columns) / len(X)


def by_outputs(kernel, Z, a, X=None):
    return sum(agop(kernel, Z, a[:, [c]], X) for c in range(a.shape[1]))


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_equals_finite_differences(kernel):
    Z, a, X = problem()
    truth = by_differences(kernel, Z, a, X)
    size = np.abs(truth).max()
    np.testing.assert_allclose(agop(kernel, Z, a, X), truth, atol=1e-7 * size)
    np.testing.assert_allclose(agop(kernel, Z, a[:, 0], X), by_differences(kernel, Z, a[:, :1], X))
    diagonal = agop(kernel, Z, a, X, diagonal=True)
    np.testing.assert_allclose(diagonal, np.diag(truth), atol=1e-7 * size)


@pytest.mark.parametrize("kernel", KERNELS[:4], ids=str)
@pytest.mark.parametrize("shape", [(50, 20, 60, 7), (50, 70, 3, 2), (20, 20, 30, 2)], ids=str)
def test_all_outputs_at_once_equals_one_by_one(kernel, shape):
    # The shapes take either way of computing: the sum of single outputs is the reference.
    Z, a, X = problem(*shape)
    for points in (None, X):
        expected = by_outputs(kernel, Z, a, points)
        tol = 1e-11 * np.abs(expected).max()
        found = agop(kernel, Z, a, points)
        np.testing.assert_allclose(found, expected, atol=tol)
        np.testing.assert_array_equal(found, found.T)
        diagonal = agop(kernel, Z, a, points, diagonal=True)
        np.testing.assert_allclose(diagonal, np.diag(expected), atol=tol)
    np.testing.assert_allclose(agop(kernel, Z, a), agop(kernel, Z, a, Z), atol=1e-10)


@pytest.mark.parametrize("k", [1, 6])
def test_does_not_depend_on_blocks(monkeypatch, k):
    Z, a, X = problem(50, 37, 9, k)
    whole = agop(LaplacianKernel(2.0), Z, a, X)
    monkeypatch.setattr("fearless.machines._agop._BLOCK", 16)
    np.testing.assert_allclose(agop(LaplacianKernel(2.0), Z, a, X), whole, rtol=1e-10)


def test_a_linear_function_has_the_outer_product_of_its_coefficients():
    """O31. The Gaussian kernel of a great bandwidth interpolates a linear function by itself."""
    rng = np.random.default_rng(1)
    X, w = rng.standard_normal((60, 5)), rng.standard_normal(5)
    machine = KernelMachine(GaussianKernel(300.0), reg=1e-8).fit(X, X @ w)
    found = agop(machine.kernel_, X, machine.dual_coef_)
    np.testing.assert_allclose(found, np.outer(w, w), atol=0.01 * w @ w)


def test_a_function_of_a_projection_has_its_range_in_the_row_space():
    """O31: f(x) = g(Ux). The kernel on Ux is a function of x through centers in that plane."""
    rng = np.random.default_rng(2)
    U = rng.standard_normal((2, 6))
    Z, a = rng.standard_normal((30, 2)), rng.standard_normal(30)
    inner = agop(LaplacianKernel(1.0), Z, a)
    X = Z @ np.linalg.pinv(U).T  # U x = z
    np.testing.assert_allclose(X @ U.T, Z, atol=1e-12)
    h = 1e-5
    points = X + 0.1 * rng.standard_normal(X.shape)
    f = [
        (LaplacianKernel(1.0)((points + e) @ U.T, Z) - LaplacianKernel(1.0)((points - e) @ U.T, Z))
        @ a
        / (2 * h)
        for e in h * np.eye(6)
    ]
    outer = np.array(f) @ np.array(f).T / len(points)
    np.testing.assert_allclose(
        outer, U.T @ agop(LaplacianKernel(1.0), Z, a, points @ U.T) @ U, atol=1e-6
    )
    assert inner.shape == (2, 2)
    null = np.linalg.svd(U)[2][2:]
    np.testing.assert_allclose(null @ outer, 0, atol=1e-8)


def test_rotates_with_the_inputs():
    Z, a, X = problem(d=6)
    Q = np.linalg.qr(np.random.default_rng(3).standard_normal((6, 6)))[0]
    straight = agop(LaplacianKernel(1.0), Z, a, X)
    turned = agop(LaplacianKernel(1.0), Z @ Q.T + 5, a, X @ Q.T + 5)
    np.testing.assert_allclose(turned, Q @ straight @ Q.T, atol=1e-10)


def test_signs_are_right_in_the_mean():
    Z, a, X = problem(k=4)
    exact = agop(LaplacianKernel(1.0), Z, a, X)
    draws = np.array(
        [agop(LaplacianKernel(1.0), Z, a, X, outputs="signs", random_state=s) for s in range(400)]
    )
    error = draws.std(axis=0, ddof=1) / 20
    assert np.all(np.abs(draws.mean(axis=0) - exact) < 4.5 * error)
    same = agop(LaplacianKernel(1.0), Z, a, X, outputs="signs", random_state=7)
    np.testing.assert_array_equal(same, draws[7])
    one = agop(LaplacianKernel(1.0), Z, a[:, 0], X, outputs="signs")
    np.testing.assert_array_equal(one, agop(LaplacianKernel(1.0), Z, a[:, 0], X))


def test_single_precision_on_digits():
    data = load_mnist(n_train=150)
    X, y = data.X_train, one_hot(data.y_train, data.classes)
    a = KernelMachine(LaplacianKernel(10.0)).fit(X, y).dual_coef_
    truth = agop(LaplacianKernel(10.0), X, a)
    single = agop(LaplacianKernel(10.0), X.astype(np.float32), a)
    assert single.dtype == np.float64
    assert np.linalg.norm(single - truth) < 1e-5 * np.linalg.norm(truth)
    signs = agop(LaplacianKernel(10.0), X, a, outputs="signs", random_state=0)
    assert np.corrcoef(signs.ravel(), truth.ravel())[0, 1] > 0.9


@pytest.mark.slow
def test_random_signs_correlate_with_the_exact_matrix():
    data = load_mnist(n_train=2000, dtype=np.float32)
    X, y = data.X_train, one_hot(data.y_train, data.classes, np.float32)
    a = KernelMachine(LaplacianKernel(10.0), reg=1e-3).fit(X, y).dual_coef_
    exact = agop(LaplacianKernel(10.0), X, a)
    signs = agop(LaplacianKernel(10.0), X, a, outputs="signs", random_state=1)
    assert np.corrcoef(exact.ravel(), signs.ravel())[0, 1] >= 0.995


def test_a_sample_on_a_kink_adds_nothing():
    Z = np.array([[0.0, 0.0], [3.0, 4.0]])
    gradient = np.exp(-1) / 5 * np.array([3.0, 4.0]) / 5
    found = agop(LaplacianKernel(5.0), Z, [0.0, 1.0])
    np.testing.assert_allclose(found, np.outer(gradient, gradient) / 2)
    np.testing.assert_array_equal(agop(LaplacianKernel(5.0), Z[:1], [1.0]), 0)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((LaplacianKernel(1.0), [[1.0, 2.0]], [1.0, 2.0]), {}, "coef has 2 rows; expected 1"),
        ((LaplacianKernel(1.0), [[1.0]], [np.nan]), {}, "coef contains 1 non-finite"),
        ((LaplacianKernel(1.0), [[1.0]], [1.0], [[1.0, 2.0]]), {}, "points has 2 columns"),
        ((LaplacianKernel(1.0), [[1.0]], [1.0]), {"outputs": "all"}, "outputs is 'all'"),
        ((MaternKernel(1.0, 0.9), [[1.0]], [1.0]), {}, "gradient is unbounded"),
    ],
)
def test_bad_values(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        agop(*arguments, **options)


def test_other_kernels_are_refused():
    with pytest.raises(TypeError, match="expected a LaplacianKernel, GaussianKernel or MaternKern"):
        slope(ArcCosineKernel(), np.dtype(float))
