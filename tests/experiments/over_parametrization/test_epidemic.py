"""The epidemic of *Under-specification*: its equations, its fits, and the claims of the page."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import minimize

from fearless.book.claims import check_claim
from fearless.experiments.over_parametrization.epidemic import (
    early_cases,
    fit_sir,
    simulate_sir,
)
from fearless.theory.epidemics import final_size, peak_prevalence

DISEASE = {"contact_rate": 1 / 6 + 0.17, "period": 6.0, "initial": 2e-5}
PERIODS = np.array([2.0, 4.0, 6.0, 10.0, 14.0])


@pytest.mark.parametrize(
    ("beta", "period", "start"), [(0.34, 6, 1e-5), (0.7, 2, 1e-3), (0.3, 14, 0.2)]
)
def test_courses_solve_the_equations(beta, period, start):
    course = simulate_sir(beta, period, start, 80)
    oracle = solve_ivp(
        lambda t, x: [-beta * x[0] * x[1], beta * x[0] * x[1] - x[1] / period],
        (0, 80),
        [1 - start, start],
        method="DOP853",
        rtol=1e-12,
        atol=1e-15,
        t_eval=np.arange(81),
    )
    np.testing.assert_allclose(course.infected, oracle.y[1], rtol=1e-6)
    np.testing.assert_allclose(course.ever_infected, 1 - oracle.y[0], rtol=1e-6)
    np.testing.assert_allclose(course.new_cases, -np.diff(oracle.y[0]), rtol=1e-4, atol=1e-12)


def test_peak_and_final_size_are_the_closed_forms():
    ratio = np.array([1.4, 2.3, 3.7])
    course = simulate_sir(ratio / 9, 9.0, 3e-5, 1000)
    check_claim(
        "sir-peak-and-final-size",
        [course.peak, course.ever_infected[:, -1]],
        [peak_prevalence(ratio, 3e-5), final_size(ratio, 3e-5)],
    )


def test_the_peak_of_a_dying_epidemic_is_its_start():
    assert simulate_sir(0.05, 10, 0.1, 30).peak == pytest.approx(0.1)


def test_cases_are_nested_in_time_and_follow_their_mean():
    short, long = (early_cases(days, **DISEASE, random_state=5) for days in (10, 30))
    np.testing.assert_array_equal(short, long[:10])
    mean = 1e6 * simulate_sir(**DISEASE, days=30).new_cases
    chi_squared = np.sum((long - mean) ** 2 / mean)
    assert abs(chi_squared - 30) < 4 * np.sqrt(60 + np.sum(1 / mean))


def test_fits_are_the_maximum_of_the_likelihood():
    cases = early_cases(30, **DISEASE, random_state=6)
    fit = fit_sir(cases, [3.0, 9.0])
    for k, period in enumerate([3.0, 9.0]):

        def loss(parameters, period=period):
            beta, start = np.exp(parameters)
            mean = 1e6 * simulate_sir(beta, period, start, 30).new_cases
            return np.sum(mean - cases * np.log(mean))

        found = np.log([fit.contact_rate[k], fit.initial[k]])
        oracle = minimize(
            loss,
            found + np.array([0.01, -0.02]),
            method="Nelder-Mead",
            options={"xatol": 1e-6, "fatol": 1e-8},
        )
        np.testing.assert_allclose(found, oracle.x, atol=1e-5)
        assert loss(found) <= oracle.fun + 1e-7


def test_a_fit_to_exact_counts_finds_the_truth():
    exact = 1e9 * simulate_sir(**DISEASE, days=60).new_cases
    fit = fit_sir(exact, [6.0], population=1e9)
    assert fit.contact_rate[0] == pytest.approx(DISEASE["contact_rate"], rel=1e-8)
    assert fit.initial[0] == pytest.approx(2e-5, rel=1e-6)
    assert fit.deviance[0] < 1e-6
    assert fit.reproduction_number[0] == pytest.approx(1 + 6 * 0.17, rel=1e-8)
    assert fit.growth_rate[0] == pytest.approx(0.17, rel=1e-7)


def test_several_series_are_fitted_as_each_alone():
    series = np.array([early_cases(25, **DISEASE, random_state=k) for k in (7, 8)])
    together = fit_sir(series, PERIODS)
    for row, cases in enumerate(series):
        alone = fit_sir(cases, PERIODS)
        np.testing.assert_allclose(together.contact_rate[row], alone.contact_rate, rtol=1e-9)
        np.testing.assert_allclose(together.deviance[row], alone.deviance, atol=1e-8)


@pytest.mark.parametrize("seed", [21, 22, 23])
def test_early_cases_leave_period_and_peak_open(seed):
    fits = fit_sir(early_cases(25, **DISEASE, random_state=seed), PERIODS)
    accepted = fits.peak[fits.deviance < fits.deviance.min() + 3.84]
    check_claim("early-cases-leave-the-peak-open", accepted.max() / accepted.min(), 5)
    assert fits.course(30).infected.shape == (5, 31)


def test_later_cases_do_not():
    series = [early_cases(50, **DISEASE, random_state=seed) for seed in range(30, 38)]
    deviance = fit_sir(series, PERIODS).deviance
    late = deviance - deviance.min(axis=1, keepdims=True)
    check_claim("more-cases-close-the-period", np.median(late[:, [0, -1]], axis=0), 10.8)
    assert np.all(late[:, 2] < 15)  # the truth itself is not rejected: chi-squared, 1 degree


def test_fast_epidemics_take_smaller_steps():
    course = simulate_sir(20.0, 0.25, 1e-3, 5)
    assert course.ever_infected[-1] == pytest.approx(final_size(5.0, 1e-3), rel=1e-6)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"contact_rate or 1 / period is 1e\+03 a day"):
        simulate_sir(0.3, 1e-3, 0.1, 10)
    with pytest.raises(TypeError, match="cases has dtype"):
        fit_sir(["a", "b", "c"], [5.0])
    with pytest.raises(ValueError, match=r"cases has shape \(2,\)"):
        fit_sir([1, 2], [5.0])
    with pytest.raises(ValueError, match="cases contains a series of zeros"):
        fit_sir(np.zeros(10), [5.0])
    with pytest.raises(ValueError, match=r"periods contains -5\.0; expected finite numbers > 0"):
        fit_sir(np.ones(10), [-5.0])
    with pytest.raises(ValueError, match=r"initial contains 1\.5; expected shares in \(0, 1\)"):
        simulate_sir(0.3, 5, 1.5, 10)
    with pytest.raises(TypeError, match="days is float"):
        simulate_sir(0.3, 5, 0.1, 10.0)
