"""Mirror descent: limits against a convex solver and linear programmes, runs against limits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad, solve_ivp
from scipy.optimize import linprog, minimize
from sklearn.exceptions import ConvergenceWarning

from fearless.linear import GradientPath
from fearless.optimization import (
    HypentropyPotential,
    PowerPotential,
    bregman_projection,
    mirror_descent,
)

POTENTIALS = [
    PowerPotential(1.3),
    PowerPotential(2.0),
    PowerPotential(3.0),
    HypentropyPotential(1e-2),
    HypentropyPotential(1.0),
]


def system(n=8, p=20, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, p)), rng.standard_normal(n), 0.3 * rng.standard_normal(p)


@pytest.mark.parametrize("potential", POTENTIALS)
def test_potentials_are_consistent(potential):
    """mirror is the derivative of value, inverse its inverse, inverse_slope the slope of that."""
    for w in (-2.0, -0.3, 0.7, 3.0):
        integral = quad(lambda t: float(potential.mirror(np.array([t]))[0]), 0, w)[0]
        rise = potential.value(np.array([w])) - potential.value(np.zeros(1))
        assert rise == pytest.approx(integral, rel=1e-9)
        z = potential.mirror(np.array([w]))
        assert potential.inverse(z)[0] == pytest.approx(w, rel=1e-12)
        h = 1e-5
        slope = (potential.inverse(z + h) - potential.inverse(z - h)) / (2 * h)
        assert potential.inverse_slope(z)[0] == pytest.approx(slope[0], rel=1e-5)


@given(
    w=st.lists(st.floats(-5, 5), min_size=2, max_size=2),
    v=st.lists(st.floats(-5, 5), min_size=2, max_size=2),
)
@settings(max_examples=60, deadline=None)
def test_divergences_are_distances_of_a_kind(w, v):
    for potential in POTENTIALS:
        assert potential.divergence(w, v) >= -1e-12
        assert potential.divergence(w, w) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("from_zero", [True, False])
@pytest.mark.parametrize("potential", [*POTENTIALS, PowerPotential(10.0), PowerPotential(1.05)])
def test_projection_solves_its_convex_problem(potential, from_zero):
    X, y, start = system(seed=1)
    start = np.zeros(20) if from_zero else start
    run = bregman_projection(X, y, potential, start=start)
    assert run.converged
    np.testing.assert_allclose(X @ run.coef, y, atol=1e-8)
    # A general solver over the same affine space finds nothing better.
    nearest = GradientPath(X, y, start=start).limit
    null = np.linalg.svd(X)[2][8:]
    peer = minimize(
        lambda c: potential.divergence(nearest + c @ null, start),
        np.zeros(12),
        method="BFGS",
        options={"gtol": 1e-9},
    )
    assert potential.divergence(run.coef, start) <= peer.fun * (1 + 1e-7)
    if potential in POTENTIALS:  # the others are too flat for that solver to find the place
        np.testing.assert_allclose(run.coef, nearest + peer.x @ null, atol=2e-3)


@pytest.mark.parametrize("from_zero", [True, False])
@pytest.mark.parametrize("potential", POTENTIALS)
def test_the_run_ends_at_the_projection(potential, from_zero):
    X, y, start = system(seed=2)
    start = np.zeros(20) if from_zero else start
    run = mirror_descent(X, y, potential, start=start)
    limit = bregman_projection(X, y, potential, start=start)
    assert run.converged
    np.testing.assert_allclose(run.coef, limit.coef, atol=1e-6)
    # The invariant: in the mirror, no step leaves the row space.
    np.testing.assert_allclose(
        potential.mirror(run.coef), potential.mirror(start) + run.dual @ X, atol=1e-8
    )


def test_exponent_two_is_gradient_descent():
    X, y, start = system(seed=3)
    limit = GradientPath(X, y, start=start).limit
    run = bregman_projection(X, y, PowerPotential(2.0), start=start)
    np.testing.assert_allclose(run.coef, limit, atol=1e-12)
    # So is hypentropy of a scale far above the weights.
    run = bregman_projection(X, y, HypentropyPotential(1e4), start=start)
    np.testing.assert_allclose(run.coef, limit, atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_small_scales_and_exponents_pursue_a_basis(seed):
    """Against the linear programme: the interpolant of least l1 norm."""
    X, y, _ = system(seed=seed)
    programme = linprog(np.ones(40), A_eq=np.hstack([X, -X]), b_eq=y)
    best = programme.x[:20] - programme.x[20:]
    for potential in (HypentropyPotential(1e-12), PowerPotential(1.02)):
        run = bregman_projection(X, y, potential)
        assert run.converged
        assert np.abs(run.coef).sum() == pytest.approx(programme.fun, rel=1e-3)
        np.testing.assert_allclose(run.coef, best, atol=0.05)


def test_large_exponents_make_entries_equal():
    """Against the linear programme of least l-infinity norm: between it and p^(1/q) times it."""
    X, y, _ = system(seed=4)
    identity, ones = np.eye(20), np.ones((20, 1))
    programme = linprog(
        np.r_[np.zeros(20), 1],
        A_ub=np.block([[identity, -ones], [-identity, -ones]]),
        b_ub=np.zeros(40),
        A_eq=np.c_[X, np.zeros(8)],
        b_eq=y,
        bounds=(None, None),
    )
    for q in (4.0, 10.0, 20.0):
        w = bregman_projection(X, y, PowerPotential(q)).coef
        assert programme.fun * (1 - 1e-8) <= np.abs(w).max() <= programme.fun * 20 ** (1 / q)


def test_hypentropy_is_a_linear_network_of_depth_two():
    """Gradient flow on u and v in w = u^2 - v^2 ends where mirror descent does."""
    X, y, _ = system(5, 12, seed=5)
    beta, p = 0.1, 12

    def flow(_, uv):
        u, v = uv[:p], uv[p:]
        g = X.T @ (X @ (u**2 - v**2) - y) / 5
        return np.r_[-2 * u * g, 2 * v * g]

    end = solve_ivp(flow, (0, 500), np.full(2 * p, (beta / 2) ** 0.5), rtol=1e-10, atol=1e-12)
    w = end.y[:p, -1] ** 2 - end.y[p:, -1] ** 2
    limit = bregman_projection(X, y, HypentropyPotential(beta)).coef
    np.testing.assert_allclose(w, limit, atol=1e-6)


@pytest.mark.parametrize("q", [2.5, 3.0, 4.0])
def test_flat_potentials_are_solved_to_rounding(q):
    """By Lagrange the mirrored limit is in the row space."""
    X, y, start = system(seed=7)
    psi = PowerPotential(q)
    for w0 in (np.zeros(20), start):
        run = bregman_projection(X, y, psi, start=w0)
        assert run.residual < 1e-10
        pull = psi.mirror(run.coef) - psi.mirror(w0)
        outside = pull - np.linalg.pinv(X) @ (X @ pull)
        assert np.linalg.norm(outside) < 1e-11 * np.linalg.norm(pull)


def test_a_matrix_of_zeros_is_no_endless_loop():
    for method in (mirror_descent, bregman_projection):
        for potential in (PowerPotential(1.5), PowerPotential(4.0)):
            with pytest.warns(ConvergenceWarning, match="after 0 steps the residual is 1"):
                run = method(np.zeros((1, 2)), [3.0], potential, start=[1.0, 2.0], max_steps=5000)
            np.testing.assert_array_equal(run.coef, [1, 2])
        # A gradient of zero that no step can improve: the least-squares solution is found.
    with pytest.warns(ConvergenceWarning, match="X w = y has no solution"):
        run = mirror_descent([[1.0], [1.0]], [1.0, 2.0], PowerPotential(2.0), max_steps=5000)
    np.testing.assert_allclose(run.coef, 1.5)


def test_underflow_in_a_potential_is_said():
    X, y, _ = system(seed=8)
    for scale in (1e-150, 1e150):
        with pytest.raises(ValueError, match="the potential over- or underflows at weights of"):
            bregman_projection(scale * X, y, PowerPotential(4.0))


def test_no_solution_is_said():
    X, y, _ = system(20, 5)
    with pytest.warns(ConvergenceWarning, match=r"residual is .* X w = y has no solution"):
        assert not mirror_descent(X, y, PowerPotential(2.0), max_steps=50).converged
    with pytest.warns(ConvergenceWarning, match=r"residual is .* X w = y has no solution"):
        assert not bregman_projection(X, y, HypentropyPotential(1.0), max_steps=50).converged


def test_nothing_to_do():
    X, _, start = system(seed=6)
    for method in (mirror_descent, bregman_projection):
        run = method(X, X @ start, HypentropyPotential(1.0), start=start)
        np.testing.assert_allclose(run.coef, start, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: PowerPotential(1.0), ValueError, r"exponent is 1\.0; expected .* above 1"),
        (lambda: PowerPotential("2"), TypeError, "exponent is str"),
        (lambda: HypentropyPotential(0.0), ValueError, r"scale is 0\.0"),
        (lambda: mirror_descent([[1.0]], [1.0, 2.0], POTENTIALS[0]), ValueError, "mismatched"),
        (lambda: mirror_descent([[1.0]], [1.0], POTENTIALS[0], tol=-1), ValueError, "tol is -1"),
        (
            lambda: bregman_projection([[1.0]], [1.0], POTENTIALS[0], start=[1.0, 2.0]),
            ValueError,
            "start has length 2; expected 1",
        ),
    ],
)
def test_bad_input_is_named(call, error, match):
    with pytest.raises(error, match=match):
        call()
