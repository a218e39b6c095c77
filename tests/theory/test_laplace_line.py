"""The risk of the Laplace interpolant on a line, against quadrature and a simulated machine."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import dblquad

from fearless.theory.laplace_line import laplace_gap, laplace_line_minimum, laplace_line_risk


@pytest.mark.parametrize("h", [0.0, 1e-6, 0.01, 0.999999, 1.0, 1.000001, 5.0, 40.0])
def test_gap_is_the_quadrature(h):
    s, w = np.polynomial.legendre.leggauss(120)
    s, w = (s + 1) / 2, w / 2
    x = max(h, 1e-9)
    a, b = np.sinh(x * (1 - s)) / np.sinh(x), np.sinh(x * s) / np.sinh(x)
    gap = laplace_gap(h)
    assert float(gap.square) == pytest.approx(w @ a**2, rel=1e-9)
    assert float(gap.cross) == pytest.approx(w @ (a * b), rel=1e-9)
    assert float(gap.bias) == pytest.approx(w @ (1 - a - b) ** 2, rel=1e-9, abs=1e-15)
    assert float(gap.deficit) == pytest.approx(w @ (a * (1 - a - b)), rel=1e-9, abs=1e-15)


def test_the_two_ways_meet():
    below, above = laplace_gap([1 - 1e-12, 1 + 1e-12]).bias
    assert below == pytest.approx(above, rel=1e-10)


def test_small_gaps_keep_their_digits():
    assert laplace_gap(1e-4).bias == pytest.approx(1e-16 / 120, rel=1e-7)
    assert laplace_line_risk(1e-3, noise=0.0) == pytest.approx(1e-12, rel=1e-4)  # 5! / 120 kappa^4


@pytest.mark.parametrize(("kappa", "signal", "noise"), [(0.3, 1.0, 1.0), (4.0, 2.0, 0.1)])
def test_risk_is_the_double_integral(kappa, signal, noise):
    def integrand(s, u):
        h = kappa * u
        a, b = np.sinh(h * (1 - s)) / np.sinh(h), np.sinh(h * s) / np.sinh(h)
        return u * np.exp(-u) * (signal * (1 - a - b) ** 2 + noise * (a**2 + b**2))

    found = dblquad(integrand, 1e-9, 60, 0, 1, epsabs=1e-9)[0]
    assert laplace_line_risk(kappa, signal=signal, noise=noise) == pytest.approx(found, rel=1e-7)


def test_values_of_the_notes():  # O22
    np.testing.assert_allclose(
        laplace_line_risk([0.1, 0.5, 2.0]), [0.6616, 0.6010, 0.5992], atol=6e-5
    )
    for options, least in (({}, 0.5667), ({"noise": 0.25}, 0.1615), ({"signal": 4.0}, 0.6462)):
        assert laplace_line_minimum(**options)[1] == pytest.approx(least, abs=6e-5 + 5e-5)


def test_limits():
    assert laplace_line_risk(0.0, noise=0.7) == pytest.approx(0.7 * 2 / 3, rel=1e-12)
    assert laplace_line_risk(1e-6) == pytest.approx(2 / 3, rel=1e-9)
    assert laplace_line_risk(1e6, signal=3.0) == pytest.approx(3.0, rel=1e-5)
    assert laplace_line_risk(1e300) == pytest.approx(1.0, rel=1e-12)
    # 1 + (noise - 3) / kappa for large kappa
    assert 1e4 * (laplace_line_risk(1e4, noise=2.0) - 1) == pytest.approx(-1, abs=2e-3)


@given(st.floats(-6, 6), st.floats(1e-3, 1e3))
@settings(max_examples=40, deadline=None)
def test_homogeneous_and_never_below_the_minimum(log_kappa, noise):
    kappa = 10.0**log_kappa
    risk = laplace_line_risk(kappa, noise=noise)
    assert laplace_line_risk(kappa, signal=7.0, noise=7 * noise) == pytest.approx(7 * risk)
    best, least = laplace_line_minimum(noise=noise)
    assert least <= risk * (1 + 1e-9)
    assert least >= min(noise, 1) / 2
    if np.isfinite(best):
        assert laplace_line_risk(best, noise=noise) == pytest.approx(least)


def test_too_much_noise_for_any_bandwidth():
    assert laplace_line_minimum(signal=2.0, noise=6.0) == (np.inf, 2.0)
    kappa, risk = laplace_line_minimum(signal=1.0, noise=2.9)
    assert 10 < kappa < 1e3
    assert 0.99 < risk < 1


def test_shapes():
    assert isinstance(laplace_line_risk(1.0), float)
    assert laplace_line_risk(np.ones((2, 3))).shape == (2, 3)
    assert laplace_gap(np.ones((2, 3))).cross.shape == (2, 3)


class TestBadInput:
    def test_negative(self):
        with pytest.raises(ValueError, match="kappa is -1"):
            laplace_line_risk(-1.0)
        with pytest.raises(ValueError, match="h is -1"):
            laplace_gap([-1.0, 2.0])
        with pytest.raises(ValueError, match="noise"):
            laplace_line_risk(1.0, noise=-1.0)
        with pytest.raises(ValueError, match="signal"):
            laplace_line_minimum(signal=0.0)

    def test_not_finite(self):
        with pytest.raises(ValueError, match="kappa"):
            laplace_line_risk([1.0, np.nan])
