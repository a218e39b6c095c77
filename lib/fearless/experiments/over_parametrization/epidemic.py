"""An epidemic seen early: case numbers that fix the growth rate and leave the rest open.

The SIR model as an example of under-specification is that of A. D'Amour et al. (2022),
*Underspecification presents challenges for credibility in modern machine learning*, JMLR 23(226).
The numbers and the statistical model are our own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlogy

from fearless._validation import (
    RandomState,
    as_generator,
    check_int,
    check_positive,
)
from fearless.theory.epidemics import final_size, peak_prevalence

__all__ = ["Course", "SIRFits", "early_cases", "fit_sir", "simulate_sir"]

# Classical Runge-Kutta steps a day, while all rates are below one a day: relative errors of about
# 1e-8. Faster epidemics take more steps, up to the fastest rate allowed.
_STEPS_A_DAY = 20
_FASTEST = 50.0

# From values at -2, ..., 2 to the coefficients of the polynomial through them.
_NEARBY = np.arange(-2, 3)
_TO_COEFFICIENTS = np.linalg.inv(np.vander(_NEARBY, increasing=True).astype(float))


@dataclass(frozen=True, eq=False)
class Course:
    """Epidemics day by day, one a row.

    Attributes
    ----------
    days : ndarray of shape (t,)
        0, 1, 2, ...
    infected : ndarray of shape (..., t)
        The share i(t) of people who are infectious.
    ever_infected : ndarray of shape (..., t)
        The share 1 - s(t) of people who have been infected by that day.
    """

    days: np.ndarray
    infected: np.ndarray
    ever_infected: np.ndarray

    @property
    def new_cases(self) -> np.ndarray:
        """The share infected on each day, of shape (..., t - 1)."""
        return np.diff(self.ever_infected, axis=-1)

    @property
    def peak(self) -> np.ndarray:
        """The largest share infectious at one time, between days too, of shape (...,).

        The top of the polynomial through the logarithms on the five days about the largest value;
        the value itself where that is within two days of the first or the last.
        """
        log = np.log(np.atleast_2d(self.infected))
        day = np.argmax(log, axis=-1)[..., None]
        inside = (day >= 2) & (day < log.shape[-1] - 2)
        near = np.clip(day + _NEARBY, 0, log.shape[-1] - 1)
        coefficients = np.take_along_axis(log, near, axis=-1) @ _TO_COEFFICIENTS.T
        power = np.arange(5)
        t = np.zeros(day.shape)
        for _ in range(6):  # Newton's method for the zero of the derivative
            slope = np.sum(coefficients[..., 1:] * power[1:] * t ** power[:-1], axis=-1)
            bend = np.sum(
                coefficients[..., 2:] * power[2:] * power[1:-1] * t ** power[:-2], axis=-1
            )
            t = np.clip(t - (slope / np.where(bend < 0, bend, -np.inf))[..., None], -1, 1)
        top = np.sum(coefficients * t**power, axis=-1)
        peak = np.exp(np.where(inside[..., 0], top, log.max(axis=-1)))
        return peak.reshape(self.infected.shape[:-1])


@dataclass(frozen=True, eq=False)
class SIRFits:
    """Maximum-likelihood fits of case numbers, one for each infectious period assumed.

    Attributes
    ----------
    period : ndarray of shape (k,)
        The infectious periods D assumed, in days.
    contact_rate : ndarray of shape (..., k)
        The fitted beta.
    initial : ndarray of shape (..., k)
        The fitted share of people who are infectious on day 0.
    deviance : ndarray of shape (..., k)
        Twice the log-likelihood that is missing to a perfect fit; small is good.
    """

    period: np.ndarray
    contact_rate: np.ndarray
    initial: np.ndarray
    deviance: np.ndarray

    @property
    def growth_rate(self) -> np.ndarray:
        """r = beta - 1 / D, the rate at which the epidemic grows at first."""
        return self.contact_rate - 1 / self.period

    @property
    def reproduction_number(self) -> np.ndarray:
        """R_0 = beta D = 1 + r D."""
        return self.contact_rate * self.period

    @property
    def peak(self) -> np.ndarray:
        """The largest share of people who will be infectious at one time."""
        return peak_prevalence(self.reproduction_number, self.initial)

    @property
    def final_size(self) -> np.ndarray:
        """The share of people who will have been infected in the end."""
        return final_size(self.reproduction_number, self.initial)

    def course(self, days: int) -> Course:
        """Simulate all fits.

        Parameters
        ----------
        days : int

        Returns
        -------
        Course
        """
        return simulate_sir(self.contact_rate, self.period, self.initial, days)


def simulate_sir(
    contact_rate: ArrayLike, period: ArrayLike, initial: ArrayLike, days: int
) -> Course:
    """Solve the SIR equations ``s' = -beta s i``, ``i' = beta s i - i / D``, ``s(0) = 1 - i(0)``.

    Parameters
    ----------
    contact_rate, period, initial : array-like
        beta a day, D in days, i(0) as a share; all above zero, broadcast against each other.
    days : int
        The last day.

    Returns
    -------
    Course
        The solution on days 0, 1, ..., ``days``.

    Raises
    ------
    TypeError, ValueError
        A bad argument, named; also rates ``beta`` or ``1 / D`` above 50 a day.
    """
    beta, period, initial = _parameters(contact_rate, period, initial)
    fastest = max(np.max(beta), np.max(1 / period))
    if fastest > _FASTEST:
        raise ValueError(
            f"contact_rate or 1 / period is {fastest:.3g} a day; expected at most {_FASTEST:g}"
        )
    states = _integrate(beta, period, np.log(initial), check_int(days, "days"), sensitive=False)
    ever, log_infected = np.moveaxis(states, (0, 1), (-1, 0))
    return Course(np.arange(days + 1), np.exp(log_infected), ever)


def early_cases(
    days: int,
    *,
    contact_rate: float,
    period: float,
    initial: float,
    population: float = 1e6,
    random_state: RandomState = 0,
) -> np.ndarray:
    """Draw the number of new cases on each of the first days of an epidemic.

    Parameters
    ----------
    days : int
    contact_rate, period, initial : float
        As of `simulate_sir`.
    population : float
        The number of people.
    random_state : None, int or Generator

    Returns
    -------
    ndarray of shape (days,), int
        Independent Poisson counts about ``population * Course.new_cases``. One seed gives the same
        counts on the first days whatever ``days`` is.
    """
    population = check_positive(population, "population")
    mean = population * simulate_sir(contact_rate, period, initial, days).new_cases
    return as_generator(random_state).poisson(mean)


def fit_sir(
    cases: ArrayLike, periods: ArrayLike, *, population: float = 1e6, tol: float = 1e-9
) -> SIRFits:
    """Fit the contact rate and the start of an epidemic to daily cases, for given periods D.

    Maximises the Poisson likelihood of the counts under the full model (no linearisation) by
    Fisher scoring, with exact derivatives from the variational equations.

    Parameters
    ----------
    cases : array-like of shape (..., days)
        New cases a day; several series are fitted side by side.
    periods : array-like of shape (k,)
        Infectious periods D to assume.
    population : float
    tol : float
        Stop when no step changes a logarithm of a parameter by more.

    Returns
    -------
    SIRFits

    Raises
    ------
    TypeError, ValueError
        A bad argument, named.
    RuntimeError
        The likelihood has no maximum that is found in 50 steps, as for counts that do not grow.
    """
    counts = np.asarray(cases)
    if counts.dtype.kind not in "fiu":
        raise TypeError(f"cases has dtype {counts.dtype}; expected counts")
    counts = counts.astype(float)
    if counts.ndim == 0 or counts.shape[-1] < 3 or not np.all(np.isfinite(counts) & (counts >= 0)):
        raise ValueError(f"cases has shape {counts.shape}; expected counts >= 0 on 3 days or more")
    if not np.all(counts.sum(axis=-1) > 0):
        raise ValueError("cases contains a series of zeros; expected at least one case")
    population = check_positive(population, "population")
    (period,) = _parameters(periods)
    period = np.atleast_1d(period)
    counts = counts[..., None, :]
    # Start from a straight line through the logarithms of the counts.
    day = np.arange(counts.shape[-1]) + 0.5
    weight = counts + 0.5
    centre = np.sum(weight * day, axis=-1) / weight.sum(axis=-1)
    offset = day - centre[..., None]
    log_counts = np.log(weight)
    growth = np.sum(weight * offset * log_counts, axis=-1) / np.sum(weight * offset**2, axis=-1)
    level = np.sum(weight * log_counts, axis=-1) / weight.sum(axis=-1) - growth * centre
    beta = np.maximum(growth + 1 / period, 0.05 / period)
    log_initial = np.broadcast_to(np.log(np.exp(level) / population / beta), beta.shape)
    log_initial = np.minimum(log_initial, np.log(0.5))

    log_beta, days = np.log(beta), counts.shape[-1]
    for _ in range(50):
        mean, by_log_beta, by_log_initial = _expected(
            log_beta, period, log_initial, days, population
        )
        residual = (counts - mean) / mean
        score = [np.sum(g * residual, axis=-1) for g in (by_log_beta, by_log_initial)]
        a, b, c = (
            np.sum(g * h / mean, axis=-1)
            for g, h in (
                (by_log_beta, by_log_beta),
                (by_log_beta, by_log_initial),
                (by_log_initial, by_log_initial),
            )
        )
        determinant = a * c - b * b
        step_beta = (c * score[0] - b * score[1]) / determinant
        step_initial = (a * score[1] - b * score[0]) / determinant
        # Damped where it is long: far from the maximum the quadratic model is poor.
        longest = np.maximum(np.abs(step_beta) / 0.3, np.abs(step_initial) / 1.5)
        damping = 1 / np.maximum(longest, 1)
        log_beta = log_beta + damping * step_beta
        log_initial = np.minimum(log_initial + damping * step_initial, np.log(0.9))
        if np.max(np.abs(step_beta)) < tol and np.max(np.abs(step_initial)) < tol:
            break
    else:
        raise RuntimeError(
            f"cases has no maximum of the likelihood near growth rates {growth.ravel()[:3]}; "
            "expected counts of an epidemic that grows"
        )
    mean, _, _ = _expected(log_beta, period, log_initial, days, population)
    deviance = 2 * np.sum(xlogy(counts, counts / mean) - (counts - mean), axis=-1)
    return SIRFits(period, np.exp(log_beta), np.exp(log_initial), deviance)


def _expected(
    log_beta: np.ndarray, period: np.ndarray, log_initial: np.ndarray, days: int, population: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Expected daily cases and their derivatives by log beta and log i(0)."""
    beta = np.exp(log_beta)
    states = _integrate(beta, *np.broadcast_arrays(period, log_initial), days, sensitive=True)
    daily = population * np.moveaxis(np.diff(states[:, [0, 2, 4]], axis=0), 0, -1)
    return daily[0], daily[1] * beta[..., None], daily[2]


def _integrate(
    beta: np.ndarray, period: np.ndarray, log_initial: np.ndarray, days: int, *, sensitive: bool
) -> np.ndarray:
    """Runge-Kutta for (1 - s, log i) and, if sensitive, their derivatives by beta and log i(0).

    Returns the states on days 0, ..., days: (days + 1, 2 or 6, ...). In 1 - s and log i early
    differences keep their digits and late ones do not underflow.
    """
    beta, period, log_initial = np.broadcast_arrays(beta, period, log_initial)
    zero, one = np.zeros(beta.shape), np.ones(beta.shape)
    initial = np.exp(log_initial)
    state = np.stack([initial, log_initial, zero, zero, initial, one][: 6 if sensitive else 2])

    def slope(state: np.ndarray) -> np.ndarray:
        susceptible = 1 - state[0]
        infected = np.exp(state[1])
        rate = beta * susceptible * infected
        out = np.empty_like(state)
        out[0], out[1] = rate, beta * susceptible - 1 / period
        if sensitive:
            for i, direct in ((2, 1.0), (4, 0.0)):
                ever, log_infected = state[i], state[i + 1]
                shared = direct * susceptible - beta * ever
                out[i] = infected * shared + rate * log_infected
                out[i + 1] = shared
        return out

    fastest = min(max(1.0, np.max(beta), np.max(1 / period)), _FASTEST)
    steps = _STEPS_A_DAY * int(np.ceil(fastest))
    h = 1 / steps
    states = [state]
    for _ in range(days):
        for _ in range(steps):
            k1 = slope(state)
            k2 = slope(state + h / 2 * k1)
            k3 = slope(state + h / 2 * k2)
            k4 = slope(state + h * k3)
            state = state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        states.append(state)
    return np.array(states)


def _parameters(*values: ArrayLike) -> list[np.ndarray]:
    names = ("contact_rate", "period", "initial") if len(values) == 3 else ("periods",)
    arrays = []
    for value, name in zip(values, names, strict=True):
        array = np.asarray(value)
        if array.dtype.kind not in "fiu":
            raise TypeError(f"{name} has dtype {array.dtype}; expected real numbers")
        array = array.astype(float)
        top = 1.0 if name == "initial" else np.inf
        bad = ~(np.isfinite(array) & (array > 0) & (array < top))
        if np.any(bad):
            expected = "shares in (0, 1)" if name == "initial" else "finite numbers > 0"
            raise ValueError(f"{name} contains {array[bad].flat[0]}; expected {expected}")
        arrays.append(array)
    return arrays
