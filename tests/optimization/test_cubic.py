"""The cubic step: conditions of a global minimum, brute force, the hard case; and its runs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from fearless.optimization.cubic import cubic_model, cubic_newton, cubic_step
from fearless.optimization.saddles import QuadraticNetwork


def model(seed, p, hard=False):
    rng = np.random.default_rng(seed)
    B = rng.standard_normal((p, p))
    B = B + B.T
    g = rng.standard_normal(p) * 10.0 ** rng.uniform(-6, 2)
    if hard:
        lowest = np.linalg.eigh(B)[1][:, 0]
        g = g - lowest * (lowest @ g)
    return g, B, 10.0 ** rng.uniform(-2, 2)


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 6), st.booleans())
def test_the_conditions_of_a_global_minimum(seed, p, hard):
    g, B, M = model(seed, p, hard)
    h = cubic_step(g, B, M)
    shift = M / 2 * np.linalg.norm(h)
    scale = np.abs(g).max() + np.abs(B).max() * np.linalg.norm(h) + shift * np.linalg.norm(h)
    np.testing.assert_allclose(B @ h + shift * h, -g, atol=1e-9 * scale + 1e-300)
    assert np.linalg.eigvalsh(B)[0] + shift >= -1e-9 * (np.abs(B).max() + shift)


@pytest.mark.parametrize("hard", [False, True])
def test_no_other_minimiser_is_lower(hard):
    for seed in range(3):
        g, B, M = model(seed, 1 + 2 * seed, hard)
        h = cubic_step(g, B, M)
        lowest = np.linalg.eigh(B)[1][:, 0] * max(np.linalg.norm(h), 0.1)
        starts = [lowest, -lowest, *np.random.default_rng(seed).standard_normal((2, len(g)))]
        found = [
            minimize(lambda h: float(cubic_model(h, g, B, M)), start, tol=1e-9).fun  # noqa: B023
            for start in starts
        ]
        value = float(cubic_model(h, g, B, M))
        assert value <= min(found) + 1e-7 * abs(value)


def test_two_dimensions_by_a_grid():
    g, B, M = np.array([0.3, -0.2]), np.array([[-1.0, 0.4], [0.4, 0.5]]), 2.0
    axis = np.linspace(-3, 3, 401)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    best = grid[np.argmin(cubic_model(grid, g, B, M))]
    np.testing.assert_allclose(cubic_step(g, B, M), best, atol=0.015)


def test_the_hard_case_and_its_neighbourhood():
    B = np.diag([-1.0, 3.0])
    # With M = 2, |h| >= 1; a gradient (0, c) gives h_2 = -c / 4 there and h_1 fills up.
    h = cubic_step([0.0, 2.0], B, 2.0)
    np.testing.assert_allclose([abs(h[0]), h[1]], [np.sqrt(0.75), -0.5], atol=1e-14)
    for small in (1e-8, 1e-16, 1e-200):
        np.testing.assert_allclose(
            cubic_step([small, 2.0], B, 2.0), [-np.sqrt(0.75), -0.5], atol=3e-8
        )
    # Beyond c = 4 the case is easy: the equation 3 h + h^2 = c has its own root above 1.
    np.testing.assert_allclose(cubic_step([0.0, 10.0], B, 2.0), [0.0, -2.0], atol=1e-12)


def test_many_models_at_once_and_nothing_to_do():
    rng = np.random.default_rng(3)
    G, Bs = rng.standard_normal((7, 4)), rng.standard_normal((7, 4, 4))
    Bs = Bs + np.swapaxes(Bs, 1, 2)
    alone = [cubic_step(g, B, 1.5) for g, B in zip(G, Bs, strict=True)]
    np.testing.assert_allclose(cubic_step(G, Bs, 1.5), alone, atol=1e-12)
    np.testing.assert_array_equal(cubic_step([0.0, 0.0], np.eye(2), 1.0), 0)
    np.testing.assert_array_equal(cubic_step([0.0], [[0.0]], 1.0), 0)
    # Where B is zero, M |h| h / 2 = -g.
    np.testing.assert_allclose(cubic_step([3.0, 4.0], np.zeros((2, 2)), 0.4), [-3.0, -4.0])


def test_the_step_scales_as_it_must():
    g, B, M = model(5, 4)
    np.testing.assert_allclose(cubic_step(7 * g, 7 * B, 7 * M), cubic_step(g, B, M), rtol=1e-9)
    np.testing.assert_allclose(cubic_step(g, B / 3, M / 9), 3 * cubic_step(g, B, M), rtol=1e-9)


def test_lengths_whose_squares_overflow():
    with np.errstate(all="raise", under="ignore"):
        for c in (1e-200, 1e-30, 1e200):
            # |h| h = -c where B is zero, and h = -c where it is one and c is small.
            np.testing.assert_allclose(cubic_step([c], [[0.0]], 2.0), [-np.sqrt(c)])
            due = -c if c < 1 else -np.sqrt(c)
            np.testing.assert_allclose(cubic_step([c], [[1.0]], 2.0), [due])
        for size in (1e-200, 1e200):
            B = np.diag([-size, 1.0])
            np.testing.assert_allclose(np.abs(cubic_step([0.0, 0.0], B, 2.0)), [size, 0.0])


def fitting():
    rng = np.random.default_rng(0)
    return QuadraticNetwork(rng.standard_normal((4, 6)), rng.uniform(0.5, 1.5, 4))


def test_full_batches_lower_the_loss_and_count_what_they_use():
    objective = fitting()
    run = cubic_newton(objective, np.zeros(6), cubic=200.0, n_steps=60, record=60)
    assert np.all(np.diff(run.loss[0]) <= 1e-15)
    assert run.loss[0, -1] < 1e-12
    np.testing.assert_array_equal(run.oracle_calls[0], 4 * run.steps)
    np.testing.assert_array_equal(run.hessian_calls[0], 4 * run.steps)


def test_a_stochastic_run_is_reproducible_in_any_company():
    objective = fitting()
    options = {"cubic": 100.0, "n_steps": 70, "record": [70], "random_state": 3}
    two = cubic_newton(objective, np.zeros(6), batch_size=[5, 2], hessian_batch_size=3, **options)
    one = cubic_newton(objective, np.zeros(6), batch_size=5, hessian_batch_size=3, **options)
    np.testing.assert_array_equal(two.coef[0], one.coef[0])
    np.testing.assert_array_equal(two.oracle_calls[:, -1], [350, 140])
    np.testing.assert_array_equal(two.hessian_calls[:, -1], [210, 210])


def test_bad_input():
    with pytest.raises(ValueError, match="cubic is"):
        cubic_step([1.0], [[1.0]], 0.0)
    with pytest.raises(ValueError, match="have shapes"):
        cubic_step([1.0, 2.0], [[1.0]], 1.0)
    with pytest.raises(ValueError, match="step has shape"):
        cubic_model([1.0, 2.0], [1.0], [[1.0]], 1.0)
    with pytest.raises(ValueError, match="not symmetric"):
        cubic_step([1.0, 2.0], [[1.0, 1.0], [0.0, 1.0]], 1.0)
    # A small model beside a large one is looked at by its own scale.
    Bs = np.array([1e10 * np.eye(2), [[0.0, 1.0], [0.0, 1.0]]])
    with pytest.raises(ValueError, match="not symmetric"):
        cubic_step(np.ones((2, 2)), Bs, 1.0)
    with pytest.raises(ValueError, match="gradient has entries beyond"):
        cubic_step([1e301], [[1.0]], 1.0)
    with pytest.raises(ValueError, match="too small for this model"):
        cubic_step([0.0, 0.0], np.diag([-1e200, 1.0]), 1e-150)
    with pytest.raises(ValueError, match="have shapes"):
        cubic_step(np.zeros(0), np.zeros((0, 0)), 1.0)
    with pytest.raises(ValueError, match="gradient contains non-finite"):
        cubic_step([np.nan], [[1.0]], 1.0)
    with pytest.raises(ValueError, match="hessian_batch_size is"):
        cubic_newton(fitting(), np.zeros(6), cubic=1.0, n_steps=1, hessian_batch_size=0)
