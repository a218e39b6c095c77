"""The width path against independent least-squares problems, width by width."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fearless.exceptions import IllConditionedWarning
from fearless.solvers import min_norm_path
from fearless.solvers.paths.min_norm import scan


def problem(seed, n=40, p=260, m=30, k=3, dtype=np.float64):
    rng = np.random.default_rng(seed)
    phi, phi_test = rng.standard_normal((n, p)), rng.standard_normal((m, p))
    if np.dtype(dtype).kind == "c":
        phi = phi + 1j * rng.standard_normal((n, p))
        phi_test = phi_test + 1j * rng.standard_normal((m, p))
    y, y_test = np.eye(k)[rng.integers(k, size=n)], np.eye(k)[rng.integers(k, size=m)]
    return phi.astype(dtype), y, phi_test.astype(dtype), y_test


def brute_force(phi, y, phi_test, y_test, widths):
    """One SVD solution a width: the textbook definition, nothing shared."""
    rows = []
    for width in widths:
        a = phi[:, :width]
        beta = np.linalg.pinv(a, rcond=0) @ y
        fit, prediction = (a @ beta).real, (phi_test[:, :width] @ beta).real
        s = np.linalg.svd(a, compute_uv=False)
        rows.append(
            {
                "train_mse": np.mean(np.sum((fit - y) ** 2, axis=1)),
                "test_mse": np.mean(np.sum((prediction - y_test) ** 2, axis=1)),
                "train_error": np.mean(fit.argmax(1) != y.argmax(1)),
                "test_error": np.mean(prediction.argmax(1) != y_test.argmax(1)),
                "norm": np.linalg.norm(beta),
                "singular_min": s[-1],
                "singular_max": s[0],
                "condition": np.sqrt(np.sum(s**2) * np.sum(s**-2.0)),
            }
        )
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


WIDTHS = [1, 2, 17, 39, 40, 41, 42, 60, 100, 260]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_every_width_agrees_with_its_own_svd_solution(seed, dtype):
    data = problem(seed, dtype=dtype)
    path = min_norm_path(*data, WIDTHS, singular_values=True)
    truth = brute_force(*data, WIDTHS)
    for name in ("test_mse", "norm", "singular_max"):
        np.testing.assert_allclose(getattr(path, name), truth[name], rtol=1e-9, err_msg=name)
    np.testing.assert_allclose(path.singular_min, truth["singular_min"], rtol=1e-5)
    np.testing.assert_array_equal(path.train_error, truth["train_error"])
    np.testing.assert_array_equal(path.test_error, truth["test_error"])
    np.testing.assert_allclose(path.train_mse, truth["train_mse"], rtol=1e-9, atol=1e-18)
    below = path.n_features <= 40
    np.testing.assert_allclose(path.condition[below], truth["condition"][below], rtol=1e-8)
    # Beyond the threshold the condition is a Hutchinson estimate with 16 probes.
    ratio = path.condition[~below] / truth["condition"][~below]
    assert np.abs(np.log(ratio)).max() < 4 * 0.5 * np.sqrt(2 / 16)


def test_all_widths_at_once_agree_with_a_few_of_them():
    data = problem(0)
    dense = min_norm_path(*data, range(1, 41))
    few = min_norm_path(*data, [3, 40])
    for name in ("train_mse", "test_mse", "norm", "condition", "train_error"):
        np.testing.assert_allclose(
            getattr(dense, name)[[2, 39]], getattr(few, name), rtol=1e-10, atol=1e-20
        )


def test_every_phase_of_the_solver_is_reached():
    path = min_norm_path(*problem(0), WIDTHS)
    assert set(path.method) == {"qr", "qr-update", "gram"}
    assert set(path.precision) == {"float64"}


@pytest.mark.parametrize("widths", [[5], [40], [41], [260], [41, 42], [3, 200]])
def test_any_subset_of_widths_will_do(widths):
    data = problem(1)
    path = min_norm_path(*data, widths)
    truth = brute_force(*data, widths)
    np.testing.assert_allclose(path.test_mse, truth["test_mse"], rtol=1e-9)
    np.testing.assert_array_equal(path.n_features, widths)
    np.testing.assert_array_equal(path.n_samples, 40)


def test_columns_computed_on_demand_give_the_same_path(monkeypatch):
    phi, y, phi_test, y_test = problem(2)
    monkeypatch.setattr("fearless.solvers.paths.feature_columns._BLOCK", 16)
    asked = []

    def source(start, stop):
        asked.append(stop - start)
        return phi[:, start:stop]

    stored = min_norm_path(phi, y, phi_test, y_test, WIDTHS)
    called = min_norm_path(source, y, lambda a, b: phi_test[:, a:b], y_test, WIDTHS)
    np.testing.assert_allclose(called.test_mse, stored.test_mse, rtol=1e-10)
    assert max(asked) <= 16


def test_the_norm_is_that_of_the_scaled_coefficients():
    data = problem(0)
    plain = min_norm_path(*data, WIDTHS)
    scaled = min_norm_path(*data, WIDTHS, scale=lambda width: width**-0.5)
    np.testing.assert_allclose(scaled.norm, plain.norm * np.sqrt(WIDTHS), rtol=1e-13)
    np.testing.assert_array_equal(scaled.test_mse, plain.test_mse)


@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_order_does_not_matter_and_inputs_survive(order):
    phi, y, phi_test, y_test = problem(0)
    phi, phi_test = np.asarray(phi, order=order), np.asarray(phi_test, order=order)
    copies = [a.copy() for a in (phi, y, phi_test, y_test)]
    path = min_norm_path(phi, y, phi_test, y_test, WIDTHS)
    for array, copy in zip((phi, y, phi_test, y_test), copies, strict=True):
        np.testing.assert_array_equal(array, copy)
    np.testing.assert_allclose(path.test_mse, min_norm_path(*problem(0), WIDTHS).test_mse)


def test_one_output_has_no_zero_one_loss():
    phi, y, phi_test, y_test = problem(0)
    path = min_norm_path(phi, y[:, 0], phi_test, y_test[:, 0], WIDTHS)
    assert np.all(np.isnan(path.test_error))
    assert np.all(np.isfinite(path.test_mse))


def test_float32_where_it_is_enough():
    phi, y, phi_test, y_test = problem(0)
    exact = min_norm_path(phi, y, phi_test, y_test, [10, 20, 80, 160])
    single = min_norm_path(
        phi.astype(np.float32), y, phi_test.astype(np.float32), y_test, [10, 20, 80, 160]
    )
    assert set(single.precision) == {"float32"}
    np.testing.assert_allclose(single.test_mse, exact.test_mse, rtol=1e-3)


def test_float32_gives_way_to_float64_where_it_is_not():
    phi, y, phi_test, y_test = problem(0)
    decay = np.geomspace(1, 1e-5, 41)
    phi = (phi[:, :41] * decay).astype(np.float32)
    phi_test = (phi_test[:, :41] * decay).astype(np.float32)
    path = min_norm_path(phi, y, phi_test, y_test, [10, 39, 40, 41])
    truth = brute_force(phi.astype(float), y, phi_test.astype(float), y_test, [10, 39, 40, 41])
    assert set(path.precision) == {"float64"}
    np.testing.assert_allclose(path.test_mse, truth["test_mse"], rtol=1e-6)


def test_numerically_singular_models_are_announced():
    phi, y, phi_test, y_test = problem(0)
    phi[:, 1] = phi[:, 0] * (1 + 1e-17)
    phi[:, 1] += 1e-16 * phi[:, 2]
    with pytest.warns(IllConditionedWarning, match="numerically singular"):
        min_norm_path(phi, y, phi_test, y_test, [2, 3])


def test_well_conditioned_paths_are_silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        min_norm_path(*problem(0), WIDTHS)


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(2, 25),
    p=st.integers(1, 60),
    seed=st.integers(0, 10_000),
    scale=st.floats(1e-3, 1e3),
)
def test_properties_of_the_path(n, p, seed, scale):
    data = problem(seed, n=n, p=p, m=5)
    path = min_norm_path(*data, range(1, p + 1))
    phi, y, phi_test, y_test = data
    # Below the threshold more features never fit worse; beyond it the fit is exact and the
    # norm of the interpolant never grows.
    below, beyond = path.n_features <= n, path.n_features >= n
    tol = (path.condition * np.finfo(float).eps * 100) ** 2 * k_norm(y)
    assert np.all(np.diff(path.train_mse[below]) <= 1e-9)
    assert np.all(path.train_mse[beyond] <= np.maximum(tol[beyond], 1e-20))
    assert np.all(np.diff(path.norm[beyond]) <= 1e-6 * path.norm[beyond][:-1])
    # Scaling all features scales the coefficients inversely and changes nothing else.
    scaled = min_norm_path(phi * scale, y, phi_test * scale, y_test, range(1, p + 1))
    rtol = 1e-13 * path.condition.max() + 1e-9
    np.testing.assert_allclose(scaled.norm * scale, path.norm, rtol=rtol)
    np.testing.assert_allclose(scaled.test_mse, path.test_mse, rtol=rtol)


def k_norm(y):
    return np.mean(np.sum(y**2, axis=1))


def test_scan_is_a_running_product():
    rng = np.random.default_rng(0)
    columns, weights = rng.standard_normal((7, 20)), rng.standard_normal((20, 2))
    widths = np.array([1, 4, 20])
    for j, total in scan(columns, weights, widths):
        np.testing.assert_allclose(total, columns[:, : widths[j]] @ weights[: widths[j]])


class TestBadInput:
    def test_non_finite_features(self):
        phi, y, phi_test, y_test = problem(0)
        phi[3, 4] = np.nan
        with pytest.raises(ValueError, match=r"features contains .*non-finite"):
            min_norm_path(phi, y, phi_test, y_test, WIDTHS)

    def test_non_finite_column_computed_on_demand(self):
        phi, y, phi_test, y_test = problem(0)
        phi[3, 50] = np.inf
        with pytest.raises(ValueError, match=r"features\(.*non-finite"):
            min_norm_path(lambda a, b: phi[:, a:b], y, phi_test, y_test, WIDTHS)

    def test_columns_of_the_wrong_shape(self):
        phi, y, phi_test, y_test = problem(0)
        with pytest.raises(ValueError, match=r"features.*shape"):
            min_norm_path(lambda a, b: phi[:10, a:b], y, phi_test, y_test, WIDTHS)

    def test_empty_features(self):
        _, y, phi_test, y_test = problem(0)
        with pytest.raises(ValueError, match="features is empty"):
            min_norm_path(np.zeros((0, 5)), y, phi_test, y_test, [1])

    @pytest.mark.parametrize("which", ["train", "test"])
    def test_mismatched_lengths(self, which):
        phi, y, phi_test, y_test = problem(0)
        if which == "train":
            y = y[:-1]
        else:
            y_test = y_test[:-1]
        with pytest.raises(ValueError, match="y"):
            min_norm_path(phi, y, phi_test, y_test, WIDTHS)

    def test_different_numbers_of_outputs(self):
        phi, y, phi_test, y_test = problem(0)
        with pytest.raises(ValueError, match="y_test has 2 outputs; expected 3"):
            min_norm_path(phi, y, phi_test, y_test[:, :2], WIDTHS)

    @pytest.mark.parametrize(
        ("widths", "message"),
        [
            ([0, 1], "widths"),
            ([3, 2], "not sorted"),
            ([2, 2], "duplicate"),
            ([], "widths"),
            ([1, 261], "widths go up to 261, but features has 260 columns"),
        ],
    )
    def test_bad_widths(self, widths, message):
        with pytest.raises(ValueError, match=message):
            min_norm_path(*problem(0), widths)

    def test_fractional_widths(self):
        with pytest.raises(TypeError, match="widths"):
            min_norm_path(*problem(0), [1.5, 2.0])

    def test_unknown_precision(self):
        with pytest.raises(TypeError, match="dtype"):
            min_norm_path(*problem(0), WIDTHS, dtype=np.float16)


DEAD_WIDTHS = [3, 4, 5, 17, 38, 40, 43, 44, 46, 60, 260]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("called", [False, True])
@pytest.mark.parametrize("widths", [DEAD_WIDTHS, [17, 46], [44, 260], [200]])
def test_features_that_are_zero_on_the_training_set_have_weight_zero(seed, called, widths):
    """As random ReLU features often are; they shift the threshold from 40 to 44."""
    phi, y, phi_test, y_test = problem(seed)
    phi[:, [1, 3, 4, 30, 41, 45, 150, 151]] = 0
    sources = (phi, phi_test)
    if called:
        sources = tuple(lambda a, b, array=array: array[:, a:b] for array in sources)
    path = min_norm_path(sources[0], y, sources[1], y_test, widths, singular_values=True)
    for j, width in enumerate(widths):
        beta = np.linalg.pinv(phi[:, :width]) @ y  # its cut-off finds the zeros
        prediction = phi_test[:, :width] @ beta
        assert path.norm[j] == pytest.approx(np.linalg.norm(beta), rel=1e-8)
        assert path.test_mse[j] == pytest.approx(
            np.mean(np.sum((prediction - y_test) ** 2, axis=1)), rel=1e-8
        )
        assert path.n_features[j] == width
    live = phi[:, np.any(phi[:, : widths[-1]], axis=0).nonzero()[0]]
    assert path.singular_max[-1] == pytest.approx(np.linalg.svd(live, compute_uv=False)[0])


def test_a_model_of_dead_features_alone_is_an_error():
    phi, y, phi_test, y_test = problem(0)
    phi[:, :2] = 0
    with pytest.raises(ValueError, match="the first 2 features are zero on all samples"):
        min_norm_path(phi, y, phi_test, y_test, [2, 50])
