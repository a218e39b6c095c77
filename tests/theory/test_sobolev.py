"""The Laplacian kernel on a line: the kernel's own formulas, the energy, the two limits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fearless.kernels import LaplacianKernel
from fearless.theory.sobolev import sobolev_interpolant, sobolev_norm

RNG = np.random.default_rng(0)
X, Y = np.sort(RNG.uniform(size=9)), RNG.standard_normal(9)


@pytest.mark.parametrize("length", [0.01, 0.3, 20.0])
def test_equals_the_formulas_of_the_kernel(length):
    kernel = LaplacianKernel(length)
    at = np.linspace(-0.5, 1.5, 41)
    dual = np.linalg.solve(kernel(X[:, None]), Y)
    np.testing.assert_allclose(sobolev_norm(X, Y, length) ** 2, Y @ dual, rtol=1e-8)
    np.testing.assert_allclose(
        sobolev_interpolant(X, Y, length, at), kernel(at[:, None], X[:, None]) @ dual, atol=1e-9
    )


def test_the_norm_is_the_energy_of_the_interpolant():
    length = 0.2
    # Fine enough that the kinks at the points do not matter; the tails beyond are exact.
    grid = np.union1d(np.linspace(X[0], X[-1], 200_001), X)
    f = sobolev_interpolant(X, Y, length, grid)
    gaps, slopes = np.diff(grid), np.diff(f) / np.diff(grid)
    inside = 0.5 * np.sum(gaps * ((f[1:] ** 2 + f[:-1] ** 2) / 2 / length + length * slopes**2))
    energy = inside + 0.5 * (Y[0] ** 2 + Y[-1] ** 2)
    assert sobolev_norm(X, Y, length) ** 2 == pytest.approx(energy, rel=1e-6)


def test_long_kernels_join_the_dots_and_short_ones_forget():
    inside = np.linspace(X[0], X[-1], 50)
    joined = sobolev_interpolant(X, Y, 1e5, inside)
    np.testing.assert_allclose(joined, np.interp(inside, X, Y), atol=1e-8)
    between = (X[1:] + X[:-1]) / 2
    np.testing.assert_allclose(sobolev_interpolant(X, Y, 1e-5, between), 0, atol=1e-10)
    assert sobolev_norm(X, Y, 1e-5) == pytest.approx(np.linalg.norm(Y), rel=1e-9)


@given(
    gaps=arrays(float, 5, elements=st.floats(1e-3, 10)),
    y=arrays(float, 6, elements=st.floats(-10, 10)),
    length=st.floats(0.1, 100),
    shift=st.floats(-5, 5),
)
def test_order_place_and_unit_of_length_do_not_matter(gaps, y, length, shift):
    x = np.concatenate([[0.0], np.cumsum(gaps)])
    norm = sobolev_norm(x, y, length)
    order = np.array([3, 0, 5, 1, 4, 2])
    # Rounding of the shifted points moves a gap of 1e-3 by 1e-15: a share of 1e-12 of it.
    assert sobolev_norm(x[order], y[order], length) == norm
    assert sobolev_norm(2 * x, y, 2 * length) == pytest.approx(norm, rel=1e-12)
    assert sobolev_norm(x + shift, y, length) == pytest.approx(norm, rel=1e-9, abs=1e-12)
    # Read from right to left it is the same function.
    assert sobolev_norm(-x, y, length) == pytest.approx(norm, rel=1e-9, abs=1e-12)
    assert norm >= np.abs(y).max() * (1 - 1e-12)
    np.testing.assert_allclose(sobolev_interpolant(x, y, length, x), y, atol=1e-12)


def test_extreme_lengths_stay_finite():
    for length in (1e-300, 1e-3, 1e3, 1e90):
        assert np.isfinite(sobolev_norm([0.0, 1.0], [1.0, 2.0], length))
        assert np.all(np.isfinite(sobolev_interpolant([0.0, 1.0], [1.0, 2.0], length, [-1, 0.3])))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.0, 0.0], [1.0, 2.0], 1.0), "twice"),
        (([0.0, 1.0], [1.0], 1.0), "lengths"),
        (([0.0, 1.0], [1.0, np.nan], 1.0), "y contains"),
        (([0.0, 1.0], [1.0, 2.0], 0.0), "length"),
        (([0.0, 1.0], [1.0, 2.0], 1e200), "shortest gap"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        sobolev_norm(*arguments)
