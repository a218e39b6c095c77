"""Kernel machines: interpolation and its norm, the precision they report, the contract."""

import tracemalloc
import warnings
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import cho_factor, cho_solve
from sklearn.base import clone
from sklearn.kernel_ridge import KernelRidge
from sklearn.utils.estimator_checks import parametrize_with_checks

from fearless.data import flip_labels, load_mnist, one_hot
from fearless.exceptions import IllConditionedWarning
from fearless.kernels import GaussianKernel, IsotropicKernel, LaplacianKernel
from fearless.linalg import NotPositiveDefiniteError
from fearless.machines import KernelMachine, KernelMachineClassifier, _fit

DTYPES = [np.float32, np.float64]
EPS = np.finfo(float).eps


def cloud(n, d=5, seed=0, dtype=float):
    return np.random.default_rng(seed).standard_normal((n, d)).astype(dtype)


@parametrize_with_checks([KernelMachine(), KernelMachine(reg=0.1), KernelMachineClassifier()])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@given(
    n=st.integers(1, 30),
    d=st.integers(1, 6),
    k=st.none() | st.integers(1, 4),
    reg=st.sampled_from([0.0, 1e-3, 1.0]),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=60)
def test_solves_the_system_whatever_the_shapes(n, d, k, reg, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    Y = rng.standard_normal(n if k is None else (n, k))
    kernel = LaplacianKernel(1.0)
    model = KernelMachine(kernel, reg=reg).fit(X, Y)
    K, a = kernel(X), model.dual_coef_
    assert a.shape == Y.shape == model.predict(X).shape
    tol = 100 * EPS * n * (1 + np.abs(a).max())
    np.testing.assert_allclose(K @ a + reg * a, Y, atol=tol)
    np.testing.assert_allclose(model.predict(X), K @ a, atol=tol)
    np.testing.assert_allclose(
        model.residual_, np.abs(reg * a).max() / np.abs(Y).max(), atol=tol / np.abs(Y).max()
    )
    np.testing.assert_allclose(
        model.norm_, np.sqrt(np.einsum("i...,ij,j...->...", a, K, a)), rtol=1e-8
    )
    assert np.shape(model.norm_) == (() if k is None else (k,))
    assert model.jitter_ == 0


@pytest.mark.parametrize("reg", [0.0, 0.3])
def test_equals_kernel_ridge(reg):
    X, Z = cloud(60), cloud(20, seed=1)
    Y = cloud(60, 3, seed=2)
    peer = KernelRidge(alpha=reg, kernel="rbf", gamma=0.5).fit(X, Y)
    model = KernelMachine(GaussianKernel(1.0), reg=reg).fit(X, Y)
    np.testing.assert_allclose(model.predict(Z), peer.predict(Z), rtol=1e-9, atol=1e-10)


def test_two_points_by_hand():
    """With K(x_1, x_2) = c: norm^2 = (y_1^2 - 2 c y_1 y_2 + y_2^2) / (1 - c^2), condition
    (1 + c) / (1 - c) (the 1-norm of a symmetric 2 x 2 matrix with equal diagonal)."""
    c = np.exp(-1.5)
    model = KernelMachine(LaplacianKernel(2.0)).fit([[0.0], [3.0]], [2.0, -1.0])
    assert model.norm_ == pytest.approx(np.sqrt((4 + 4 * c + 1) / (1 - c**2)), rel=1e-14)
    assert model.condition_ == pytest.approx((1 + c) / (1 - c), rel=1e-12)
    assert isinstance(model.norm_, float)


def test_laplacian_interpolant_on_the_line_is_local():
    """exp(-|x - z|) is a Green's function: between neighbours at distance h the interpolant is
    (sinh(b) f_0 + sinh(a) f_1) / sinh(h), and beyond the last point it decays like exp(-t)."""
    x, y = np.array([0.0, 0.7, 2.0]), np.array([1.0, -2.0, 0.5])
    model = KernelMachine(LaplacianKernel(1.0)).fit(x[:, None], y)
    t = np.linspace(0, 1.3, 9)
    between = (np.sinh(1.3 - t) * y[1] + np.sinh(t) * y[2]) / np.sinh(1.3)
    np.testing.assert_allclose(model.predict(0.7 + t[:, None]), between, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(model.predict(2 + t[:, None]), y[2] * np.exp(-t), rtol=1e-12)


def test_is_the_shortest_interpolant():
    """Any other interpolant in the space, here one of more points, is longer (Pythagoras)."""
    X, more = cloud(20), cloud(15, seed=3)
    y = cloud(20, 1, seed=1)[:, 0]
    kernel = GaussianKernel(1.5)
    short = KernelMachine(kernel).fit(X, y)
    bumps = cloud(15, 1, seed=4)[:, 0]
    all_points = np.vstack([X, more])
    detour = np.concatenate([y, short.predict(more) + bumps])
    long = KernelMachine(kernel).fit(all_points, detour)
    vanishing = KernelMachine(kernel).fit(all_points, np.concatenate([0 * y, bumps]))
    assert long.norm_ > short.norm_
    assert long.norm_**2 == pytest.approx(short.norm_**2 + vanishing.norm_**2, rel=1e-8)


@pytest.mark.parametrize("n", [3, 40])
@pytest.mark.parametrize("reg", [0.0, 0.5])
def test_condition_estimate(n, reg):
    X = cloud(n)
    model = KernelMachine(GaussianKernel(2.0), reg=reg).fit(X, X[:, 0])
    true = np.linalg.cond(GaussianKernel(2.0)(X) + reg * np.eye(n), 1)
    assert true / 3 < model.condition_ <= true * (1 + 1e-6)  # the estimate is a lower bound


@pytest.mark.parametrize("dtype", DTYPES)
def test_noise_levels_share_one_fit_and_interpolate_mnist(dtype):
    data = load_mnist(400, dtype=dtype)
    rates = (0.0, 0.4, 0.8)
    noisy = [flip_labels(data.y_train, rate, data.classes, random_state=7) for rate in rates]
    Y = np.hstack([one_hot(labels, data.classes, dtype) for labels in noisy])
    model = KernelMachine(LaplacianKernel(10.0)).fit(data.X_train, Y)
    assert model.dual_coef_.dtype == model.X_fit_.dtype == dtype
    outputs = model.predict(data.X_train)
    assert outputs.dtype == dtype
    assert outputs.shape == (400, 30)
    assert model.residual_ < 400 * np.finfo(dtype).eps * np.abs(model.dual_coef_).max()
    for i, labels in enumerate(noisy):
        columns = slice(10 * i, 10 * i + 10)
        np.testing.assert_array_equal(outputs[:, columns].argmax(1), labels)
        alone = KernelMachineClassifier(LaplacianKernel(10.0)).fit(data.X_train, labels)
        np.testing.assert_allclose(alone.norm_, model.norm_[columns], rtol=1e3 * model.residual_)
        np.testing.assert_array_equal(
            alone.predict(data.X_test), model.predict(data.X_test)[:, columns].argmax(1)
        )
    lengths = model.norm_.reshape(3, 10).mean(1)
    assert lengths[0] < lengths[1] < lengths[2]


@pytest.mark.parametrize("block", [1, 7 * 50, 2**22])
def test_prediction_does_not_depend_on_blocks(monkeypatch, block):
    X, Z = cloud(50), cloud(33, seed=1)
    model = KernelMachine(LaplacianKernel(1.0)).fit(X, cloud(50, 2, seed=2))
    expected = LaplacianKernel(1.0)(Z, X) @ model.dual_coef_
    monkeypatch.setattr(_fit, "_BLOCK_ENTRIES", block)
    np.testing.assert_allclose(model.predict(Z), expected, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(model.predict(Z.astype(np.float32)), expected, atol=1e-5)


def test_memory_is_one_matrix_to_fit_and_a_block_to_predict(monkeypatch):
    n = 1500
    X, y = cloud(n, 3), cloud(n, 1)[:, 0]
    model = KernelMachine(LaplacianKernel(1.0))
    tracemalloc.start()
    model.fit(X, y)
    assert tracemalloc.get_traced_memory()[1] < 1.6 * 8 * n**2  # a second copy would be 2
    monkeypatch.setattr(_fit, "_BLOCK_ENTRIES", 100 * n)
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    model.predict(cloud(n, 3, seed=1))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak - before < 0.5 * 8 * n**2


@pytest.mark.parametrize("n", [40, 600])  # one tile, several tiles
def test_a_singular_gaussian_matrix_is_reported_with_the_residual(n):
    """Interpolation on paper only: points on a line, a bandwidth far above their distance."""
    X = np.linspace(0, 1, n)[:, None]
    y = np.random.default_rng(0).choice([-1.0, 1.0], n)
    kernel = GaussianKernel(1.0)
    with pytest.warns(
        IllConditionedWarning, match=r"added to its diagonal, and the fit does not interpolate: the"
    ) as record:
        model = KernelMachine(kernel).fit(X, y)
    assert record[0].filename == __file__
    assert EPS <= model.jitter_ < 1e-8
    true = np.abs(model.predict(X) - y).max()
    assert model.residual_ == pytest.approx(true, rel=1e-3)
    assert f"{model.residual_:.1e} of" in str(record[0].message)
    assert model.residual_ > 0.1
    np.testing.assert_allclose(
        kernel(X) @ model.dual_coef_ + model.jitter_ * model.dual_coef_, y, atol=0.02
    )
    assert model.condition_ > 1e10
    # The smallest one, within the stated factor: a tenth of it does not solve its own system.
    matrix = kernel(X) + 0.1 * model.jitter_ * np.eye(n)
    try:
        a = cho_solve(cho_factor(matrix, lower=True), y)
    except np.linalg.LinAlgError:
        return
    assert np.abs(matrix @ a - y).max() > 0.005


def test_a_system_that_barely_factorises_is_reported():
    X = np.array([[0.0], [2e-8], [1.0]])
    with pytest.warns(IllConditionedWarning, match=r"condition number .* beyond 1 / eps"):
        model = KernelMachine(GaussianKernel(1.0)).fit(X, [1.0, 1.0, 0.0])
    assert (model.jitter_, model.condition_ > 1 / EPS) == (0.0, True)


def test_a_residual_above_the_tolerance_is_reported():
    X = cloud(30, 1, dtype=np.float32)
    y = np.random.default_rng(1).choice([-1.0, 1.0], 30)
    with pytest.warns(IllConditionedWarning, match="the fit does not interpolate: the largest"):
        model = KernelMachine(LaplacianKernel(1e4)).fit(X, y)
    assert model.residual_ > np.sqrt(np.finfo(np.float32).eps)


def test_reg_is_no_jitter():
    X = np.linspace(0, 1, 200)[:, None]
    model = KernelMachine(GaussianKernel(1.0), reg=1e-3).fit(X, np.sin(9 * X[:, 0]))
    assert model.jitter_ == 0
    assert model.residual_ > 1e-3  # by design, and without a warning


def test_duplicates():
    X = np.array([[0.0, 1.0], [2.0, 3.0], [-0.0, 1.0], [5.0, 5.0]])
    y = np.array([1.0, -1.0, 1.0, 0.5])
    kernel = LaplacianKernel(1.0)
    model = KernelMachine(kernel).fit(X, y)  # equal targets: counted once
    assert len(model.X_fit_) == len(model.dual_coef_) == 3
    np.testing.assert_allclose(model.predict(X), y, atol=1e-14)
    y[2] = 0.0
    with pytest.raises(ValueError, match=r"rows 0 and 2, and y differs .*no interpolant exists"):
        KernelMachine(kernel).fit(X, y)
    with pytest.raises(ValueError, match="no interpolant exists"):
        KernelMachine(kernel).fit(X, np.column_stack([np.ones(4), y]))
    with pytest.raises(ValueError, match="no interpolant exists"):
        KernelMachineClassifier(kernel).fit(X, [0, 1, 1, 1])
    # A penalty averages them: the value at the double point is that of two observations.
    smooth = KernelMachine(kernel, reg=1e-6).fit(X, y)
    np.testing.assert_allclose(smooth.predict(X), [0.5, -1, 0.5, 0.5], atol=1e-5)
    assert len(smooth.X_fit_) == 4


@pytest.mark.parametrize("size", [1e-300, 1e-200, 1e200, 1e300])
def test_norm_and_residual_do_not_depend_on_the_size_of_y(size):
    X, y = cloud(20), cloud(20, 2, seed=1)
    unit = KernelMachine(LaplacianKernel(1.0)).fit(X, y)
    model = KernelMachine(LaplacianKernel(1.0)).fit(X, size * y)
    np.testing.assert_allclose(model.norm_, size * unit.norm_, rtol=1e-12)
    np.testing.assert_allclose(model.predict(X), size * y, rtol=1e-10)
    assert model.residual_ < 1e-13
    # Columns of sizes that no product of theirs survives.
    mixed = KernelMachine(LaplacianKernel(1.0)).fit(X, y * [size, 1 / size])
    np.testing.assert_allclose(mixed.norm_, unit.norm_ * [size, 1 / size], rtol=1e-12)


def test_a_huge_penalty_leaves_a_norm():
    X, y = cloud(20), cloud(20, 1, seed=1)[:, 0]
    model = KernelMachine(LaplacianKernel(1.0), reg=1e300).fit(X, y)
    norm = np.sqrt(y @ LaplacianKernel(1.0)(X) @ y)  # alpha = y / reg
    assert model.norm_ == pytest.approx(1e-300 * norm, rel=1e-10)


@pytest.mark.parametrize(
    ("reg", "y", "match"),
    [
        (0.0, [1e39, 0, 1], "y has the largest entry 1e.39; expected a number in the range of X"),
        (0.0, [1e-50, 0, 2e-50], "y has the largest entry 2e-50; expected a number in the range"),
        (1e39, [1, 0, 1], "reg is 1e.39; expected a number in the range of X, float32"),
        (1e-50, [1, 0, 1], "reg is 1e-50; expected a number in the range of X, float32"),
    ],
)
def test_what_float32_cannot_hold_is_named(reg, y, match):
    with pytest.raises(ValueError, match=match):
        KernelMachine(reg=reg).fit(cloud(3, dtype=np.float32), y)


def test_coefficients_that_overflow_are_named():
    with pytest.raises(ValueError, match="y is too large: coefficients or norm overflow float64"):
        KernelMachine().fit([[0.0], [1.0], [2.0]], [1.7e308, 0.0, -1.7e308])


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_norm_of_a_fit_lost_to_rounding_is_never_zero(dtype):
    """alpha^T K alpha came out negative for some of these, and was reported as 0."""
    clipped = 0
    for seed in range(12):
        X = np.linspace(0, 1, 100 + seed, dtype=dtype)[:, None]
        y = np.random.default_rng(seed).choice([-1.0, 1.0], len(X))
        with pytest.warns(IllConditionedWarning):
            model = KernelMachine(GaussianKernel(20.0)).fit(X, y)
        a = model.dual_coef_.astype(float)
        rounding = np.sqrt(np.finfo(dtype).eps) * np.linalg.norm(a)
        assert model.norm_ >= rounding * (1 - 1e-6)
        clipped += model.norm_ <= rounding * (1 + 1e-6)
    assert clipped > 0


@dataclass(frozen=True)
class Indefinite(IsotropicKernel):
    """-1 off the diagonal, 1 on it: no kernel for more than two points."""

    def _profile(self, dtype):
        def fill(squared):
            squared[...] = np.where(squared > 0, -1, 1)

        return fill


def test_an_indefinite_kernel_is_refused():
    with pytest.raises(NotPositiveDefiniteError):
        KernelMachine(Indefinite()).fit(cloud(5), np.ones(5))


def test_default_kernel_is_the_root_mean_square_distance():
    X = cloud(30)
    model = KernelMachine().fit(X, X[:, 0])
    squared = ((X[:, None] - X[None]) ** 2).sum(2)
    assert model.kernel_.bandwidth == pytest.approx(np.sqrt(squared.mean()))
    np.testing.assert_allclose(clone(model).fit(3 * X, X[:, 0]).dual_coef_, model.dual_coef_)
    assert KernelMachine().fit([[7.0]], [2.0]).predict([[7.0]]) == [2.0]
    same = np.full((4, 2), 0.1, np.float32)  # the mean of equal numbers may be rounded
    assert KernelMachine().fit(same, np.ones(4)).kernel_.bandwidth == 1


def test_default_kernel_of_data_on_extreme_scales():
    X, y = cloud(30), cloud(30, 1, seed=1)[:, 0]
    unit = KernelMachine().fit(X, y)
    for scale in (2.0**-480, 2.0**480):
        model = KernelMachine().fit(scale * X, y)
        assert model.kernel_.bandwidth == scale * unit.kernel_.bandwidth
        np.testing.assert_allclose(model.dual_coef_, unit.dual_coef_, rtol=1e-9)
    for scale in (1e-310, 1e-200, 1e160, 1e307):
        with pytest.raises(ValueError, match="X has points at a root mean square distance of"):
            KernelMachine().fit(scale * X, y)
    with pytest.raises(ValueError, match="X has points at a root mean square distance of"):
        KernelMachine().fit((1e20 * X).astype(np.float32), y)


def test_classifier_with_two_and_more_classes():
    X, Z = cloud(40), cloud(25, seed=1)
    signs = np.random.default_rng(2).choice([-1.0, 1.0], 40)
    machine = KernelMachine(LaplacianKernel(1.0)).fit(X, signs)
    names = np.where(signs > 0, "yes", "no")
    two = KernelMachineClassifier(LaplacianKernel(1.0)).fit(X, names)
    assert two.classes_.tolist() == ["no", "yes"]
    np.testing.assert_array_equal(two.decision_function(Z), machine.predict(Z))
    np.testing.assert_array_equal(two.predict(Z), np.where(machine.predict(Z) > 0, "yes", "no"))
    assert (two.score(X, names), two.norm_) == (1.0, machine.norm_)
    labels = np.random.default_rng(3).choice([3, 5, 9], 40)
    three = KernelMachineClassifier(LaplacianKernel(1.0)).fit(X, labels)
    values = three.decision_function(Z)
    targets = (labels[:, None] == [3, 5, 9]).astype(float)
    np.testing.assert_array_equal(
        values, KernelMachine(LaplacianKernel(1.0)).fit(X, targets).predict(Z)
    )
    np.testing.assert_array_equal(three.predict(Z), np.array([3, 5, 9])[values.argmax(1)])


def test_no_warning_where_all_is_well():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = KernelMachine(LaplacianKernel(1.0)).fit(cloud(50), np.zeros(50))
    assert (model.norm_, model.residual_) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("parameters", "X", "y", "error", "match"),
    [
        ({"kernel": "rbf"}, [[1.0]], [1.0], TypeError, "kernel is 'rbf'; expected a Kernel"),
        ({"reg": -1}, [[1.0]], [1.0], ValueError, "reg is -1"),
        ({"reg": None}, [[1.0]], [1.0], TypeError, "reg is None"),
        ({}, [[np.nan]], [1.0], ValueError, "Input X contains NaN"),
        ({}, [[1.0]], [np.inf], ValueError, "Input y contains infinity"),
        ({}, [[1.0], [2.0]], [1.0], ValueError, "inconsistent numbers of samples"),
    ],
)
def test_bad_input_is_named(parameters, X, y, error, match):
    with pytest.raises(error, match=match):
        KernelMachine(**parameters).fit(X, y)


def test_bad_labels_are_named():
    with pytest.raises(ValueError, match="y has 1 class; expected labels of at least two"):
        KernelMachineClassifier().fit([[1.0], [2.0]], [1, 1])
    with pytest.raises(ValueError, match="Unknown label type"):
        KernelMachineClassifier().fit([[1.0], [2.0]], [0.5, 1.7])
