"""Final size and peak of the SIR epidemic: roots, limits, and the differential equation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from fearless.theory.epidemics import final_size, peak_prevalence


@given(ratio=st.floats(0, 50), start=st.floats(0, 1))
def test_final_size_solves_its_equation(ratio, start):
    z = final_size(ratio, start)
    assert start <= z <= 1
    # The root is badly conditioned where it is double, at R_0 = 1 and no start.
    assert abs(1 - z - (1 - start) * np.exp(-ratio * z)) < 1e-12
    assert ratio * (1 - z) < 1 + 1e-6


@pytest.mark.parametrize("ratio", [1.05, 1.5, 2.0, 4.0, 12.0])
def test_final_size_agrees_with_a_root_finder(ratio):
    root = brentq(lambda z: 1 - z - np.exp(-ratio * z), 1e-3, 1, xtol=1e-15)
    assert final_size(ratio) == pytest.approx(root, abs=1e-12)


@pytest.mark.parametrize(
    ("beta", "period", "start"), [(0.5, 4, 1e-3), (0.9, 10, 0.05), (1, 0.8, 0.2)]
)
def test_both_agree_with_the_differential_equation(beta, period, start):
    def slope(t, state):
        s, i = state
        return [-beta * s * i, beta * s * i - i / period]

    def turning(t, state):
        return beta * state[0] - 1 / period

    run = solve_ivp(
        slope,
        (0, 3000),
        [1 - start, start],
        method="DOP853",
        rtol=1e-11,
        atol=1e-14,
        events=turning,
    )
    assert 1 - run.y[0, -1] == pytest.approx(final_size(beta * period, start), abs=1e-8)
    # The last event found may be in the tail, where nobody is infectious any more.
    peak = run.y_events[0][0, 1] if beta * period * (1 - start) > 1 else start
    assert peak == pytest.approx(peak_prevalence(beta * period, start), abs=1e-8)


@given(ratio=st.floats(0, 20), more=st.floats(0, 5), start=st.floats(0, 1))
def test_more_contacts_infect_more(ratio, more, start):
    assert final_size(ratio + more, start) >= final_size(ratio, start) - 1e-12
    assert peak_prevalence(ratio + more, start) >= peak_prevalence(ratio, start) - 1e-12
    assert peak_prevalence(ratio, start) <= final_size(ratio, start) + 1e-12


def test_digits_survive_near_the_double_root():
    # z = 2 e (1 - 4 e / 3) + O(e^3) for R_0 = 1 + e, from the expansion of the logarithm.
    for excess in (1e-3, 1e-4, 1e-5):
        size = final_size(1 + excess)
        assert size == pytest.approx(2 * excess * (1 - 4 * excess / 3), rel=10 * excess**2 + 1e-7)
    assert np.isfinite(final_size(1.0, 5e-324))


def test_low_peaks_keep_their_digits():
    # e^2 / 2 - 2 e^3 / 3 + O(e^4) for R_0 = 1 + e.
    for excess in (2.0**-14, 2.0**-30):
        expected = excess**2 / 2 * (1 - 4 * excess / 3)
        assert peak_prevalence(1 + excess) == pytest.approx(expected, rel=1e-6)


def test_nothing_grows_below_one():
    assert np.all(final_size([0, 0.3, 1.0]) == 0)
    assert np.all(peak_prevalence([0, 0.3, 1.0]) == 0)
    assert peak_prevalence(0.9, 0.3) == 0.3
    assert final_size(0, 0.3) == 0.3


def test_shapes_broadcast():
    assert final_size(np.ones((3, 1)), np.zeros(4)).shape == (3, 4)
    assert peak_prevalence(2.0, [0.0, 0.1]).shape == (2,)


def test_bad_input_is_named():
    for function in (final_size, peak_prevalence):
        with pytest.raises(ValueError, match=r"reproduction_number contains -1\.0"):
            function([2.0, -1.0])
        with pytest.raises(
            ValueError, match=r"initial contains 2\.0; expected numbers in \[0, 1\]"
        ):
            function(2.0, 2.0)
        with pytest.raises(ValueError, match="reproduction_number contains nan"):
            function(np.nan)
        with pytest.raises(TypeError, match="reproduction_number has dtype"):
            function("two")
