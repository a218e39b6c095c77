"""Hessian control: the bounds against functions where they are sharp, and against brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import erf

from fearless.theory.rates.hessian_control import (
    ERF_CURVATURE,
    control_width,
    hessian_control,
    nearby_pl_constant,
    smoothness_bound,
)

POSITIVE = st.floats(0.01, 10)


def test_the_curvature_of_erf():
    def second(x):
        return -abs(4 * x / np.sqrt(np.pi) * np.exp(-(x**2)))

    best = minimize_scalar(second, bounds=(0, 3), method="bounded", options={"xatol": 1e-10})
    assert -best.fun == pytest.approx(ERF_CURVATURE, rel=1e-12)
    h, x = 1e-4, 0.7
    by_differences = (erf(x + h) - 2 * erf(x) + erf(x - h)) / h**2
    assert abs(by_differences) == pytest.approx(-second(x), rel=1e-5)


def test_the_bound_from_the_distance_is_sharp_in_one_dimension():
    # F(w) = a w - h w^2 / 2 has F' = a - h w and |F''| = h.
    a, h, w = 0.7, 0.2, np.linspace(0, 5, 11)
    exact = np.maximum(a - h * w, 0) ** 2
    np.testing.assert_allclose(nearby_pl_constant(a**2, h, w), exact, atol=1e-15)


def test_the_bound_from_the_distance_on_random_quadratic_maps():
    rng = np.random.default_rng(3)
    n, p = 4, 9
    J = rng.standard_normal((n, p))
    A = rng.standard_normal((n, p, p))
    A = A + A.transpose(0, 2, 1)
    h = np.sqrt(np.mean(np.linalg.norm(A, ord=2, axis=(1, 2)) ** 2))
    start = np.linalg.svd(J, compute_uv=False)[-1] ** 2 / n
    ratios = []
    for scale in np.geomspace(1e-4, 0.1, 20):
        step = rng.standard_normal(p) * scale
        value = np.linalg.svd(J + A @ step, compute_uv=False)[-1] ** 2 / n
        ratios.append(nearby_pl_constant(start, h, np.linalg.norm(step)) / value)
    assert max(ratios) <= 1
    assert max(ratios) > 0.9  # the short steps: the bound is not empty


@settings(max_examples=20)
@given(POSITIVE, POSITIVE, st.floats(0.001, 0.499))
def test_gradient_flow_in_closed_form(constant, error, share):
    # 2 h e / mu = 2 share < 1: the radius solves sqrt(mu) R - h R^2 / 2 = e.
    hessian = share * constant / error
    found = hessian_control(constant, 2 * constant, error, hessian)
    assert found.applies
    assert found.constant == pytest.approx(constant - 2 * hessian * error, rel=1e-6)
    radius = (constant**0.5 - found.constant**0.5) / hessian
    assert found.radius == pytest.approx(radius, rel=1e-6)
    assert found.radius <= 2 * error / constant**0.5
    assert not hessian_control(constant, 2 * constant, error, 0.501 * constant / error).applies


@settings(max_examples=20)
@given(POSITIVE, st.floats(1, 50), POSITIVE, st.floats(0.001, 1), st.floats(0, 1.5))
def test_descent_solves_its_equation(constant, condition, error, share, step):
    largest = condition * constant
    hessian, step_size = share * constant / error, step / largest
    found = hessian_control(constant, largest, error, hessian, step_size=step_size)
    if not found.applies:
        assert found == (False, np.inf, 0.0, 1.0)
        return
    beta = smoothness_bound(largest, hessian, found.radius, error)
    c = 1 - step_size * beta / 2
    gain = c * (constant**0.5 * found.radius - hessian * found.radius**2 / 2)
    assert 0 < c <= 1
    assert gain == pytest.approx(error, rel=1e-5)
    assert found.constant == pytest.approx((constant**0.5 - hessian * found.radius) ** 2, abs=1e-9)
    assert found.factor == pytest.approx(1 - 2 * step_size * c * found.constant)
    assert 0 <= found.factor <= 1


def test_linear_systems_keep_everything():
    found = hessian_control(0.1, 1.0, error=2.0, hessian=0.0, step_size=1.0)
    assert found == (True, pytest.approx(2 / (0.5 * 0.1**0.5)), 0.1, pytest.approx(0.9))
    small = hessian_control(0.1, 1.0, error=2.0, hessian=1e-7, step_size=1.0)
    np.testing.assert_allclose(small, found, rtol=1e-4)
    # Curvatures so small that the root of the equation is below every tolerance, or underflows.
    for hessian in (1e-25, 1e-250):
        tiny = hessian_control(0.1, 1.0, error=2.0, hessian=hessian, step_size=1.0)
        np.testing.assert_allclose(tiny, found, rtol=1e-12)
    assert not hessian_control(0.1, 1.0, error=2.0, hessian=0.0, step_size=2.0).applies


def test_descent_keeps_the_promises_where_they_are_sharp():
    # One equation a w - h w^2 / 2 = e, just below what can be solved.
    mu, h = 0.5, 0.3
    error = 0.9 * mu / (2 * h)
    step_size = 5e-3
    promised = hessian_control(mu, mu, error, h, step_size=step_size)
    w, path, losses = 0.0, [], []
    for _ in range(20000):
        residual = mu**0.5 * w - h * w**2 / 2 - error
        losses.append(residual**2 / 2)
        path.append(w)
        w -= step_size * residual * (mu**0.5 - h * w)
    constants = (mu**0.5 - h * np.array(path)) ** 2
    assert max(path) <= promised.radius < 1.02 * max(path)
    assert promised.constant <= constants.min() < 1.2 * promised.constant
    bound = losses[0] * promised.factor ** np.arange(len(losses))
    assert np.all(np.array(losses[1:]) <= bound[1:])


@settings(max_examples=20)
@given(POSITIVE, st.floats(1, 50), POSITIVE, st.floats(0.05, 0.95), st.floats(0, 0.5))
def test_the_width_keeps_the_share(constant, condition, error, keep, step):
    largest = condition * constant
    options = {"step_size": step / largest}
    width = control_width(constant, largest, error, ERF_CURVATURE, keep=keep, **options)
    enough = hessian_control(constant, largest, error, ERF_CURVATURE / width**0.5, **options)
    assert enough.applies
    assert enough.constant >= keep * constant * (1 - 1e-5)
    fewer = hessian_control(
        constant, largest, error, ERF_CURVATURE / (0.9 * width) ** 0.5, **options
    )
    assert fewer.constant < keep * constant


def test_smoothness_of_a_linear_system_is_its_largest_eigenvalue():
    assert smoothness_bound(2.0, 0.0, 5.0, 3.0) == pytest.approx(2.0)


def test_smoothness_bounds_the_hessian_of_a_loss():
    rng = np.random.default_rng(4)
    n, p = 3, 6
    J, A = rng.standard_normal((n, p)), 0.1 * rng.standard_normal((n, p, p))
    A = A + A.transpose(0, 2, 1)
    residual = rng.standard_normal(n)
    h = np.sqrt(np.mean(np.linalg.norm(A, ord=2, axis=(1, 2)) ** 2))
    hessian = (J.T @ J + np.einsum("i,ijk->jk", residual, A)) / n
    top = np.linalg.svd(J, compute_uv=False)[0] ** 2 / n
    bound = smoothness_bound(top, h, 0.0, np.sqrt(np.mean(residual**2)))
    assert np.linalg.norm(hessian, 2) <= bound


def test_no_width_helps_a_step_that_is_too_large():
    assert control_width(0.1, 1.0, 1.0, 1.0, step_size=2.0) == np.inf


def test_numbers_beyond_the_range_of_floats_give_the_trivial_bounds():
    assert control_width(1e-200, 1.0, 1.0, 1.0) == np.inf
    assert hessian_control(0.1, 1.0, 1e200, 1e200) == (False, np.inf, 0.0, 1.0)
    assert nearby_pl_constant(1.0, 1e200, 1e200) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 1.0, 1.0, 1.0), "constant is 0"),
        ((2.0, 1.0, 1.0, 1.0), "largest is 1; expected at least constant = 2"),
        ((0.1, 1.0, -1.0, 1.0), "error is -1"),
        ((0.1, 1.0, 1.0, np.nan), "hessian is nan"),
    ],
)
def test_bad_numbers_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        hessian_control(*arguments)


def test_bad_options_are_named():
    with pytest.raises(ValueError, match="keep is 1"):
        control_width(0.1, 1.0, 1.0, 1.0, keep=1.0)
    with pytest.raises(ValueError, match="distance has the entry -1"):
        nearby_pl_constant(0.1, 1.0, [0.0, -1.0])
    with pytest.raises(ValueError, match="hessian has the entry inf"):
        nearby_pl_constant(0.1, np.inf, [0.0, 1.0])
    with pytest.raises(ValueError, match="step_size is -1"):
        hessian_control(0.1, 1.0, 1.0, 1.0, step_size=-1.0)
