"""The page *From convexity to PL\\**: its claims, with other seeds, and its closed forms."""

import numpy as np
import pytest
from scipy import stats

from fearless.book.claims import check_claim
from fearless.experiments.optimization.conditioning import (
    condition_runs,
    linear_conditions,
    singular_exponent,
)
from fearless.experiments.optimization.hyperbola import (
    HYPERBOLA,
    certified,
    certified_radius,
    cut,
    fan,
    least_curvature,
    random_starts,
)
from fearless.experiments.optimization.pl_bounds import (
    guaranteed_radius,
    linear_runs,
    noisy_ratio,
    product_smoothness,
    scale_runs,
)
from fearless.experiments.optimization.quadratics import bends
from fearless.optimization.systems import ProductSystem
from fearless.theory.rates.pl import descent_length, pl_radius
from fearless.theory.rates.random_systems import condition_mean


def test_curvature_next_to_solutions():
    measured, predicted = bends(n=5, p=12, epsilon=1e-4, n_systems=10, random_state=7)
    check_claim("pl-condition-negative-curvature", measured / predicted, 1)
    # The difference is of second order.
    coarse, rough = bends(n=5, p=12, epsilon=1e-3, n_systems=10, random_state=7)
    ratio = np.abs(coarse - rough) / np.abs(measured - predicted)
    assert np.median(ratio) == pytest.approx(100, rel=0.3)


def test_linear_systems_are_the_equality_case():
    runs = linear_runs(n=8, p=20, n_systems=3, random_state=5)
    check_claim("pl-condition-linear-exact", [runs.ratio / runs.constant, runs.worst_travelled], 1)
    kappa = runs.smoothness / runs.constant
    np.testing.assert_allclose(runs.radius, 2 * np.sqrt(kappa))
    due = 2 * runs.times[None] * kappa[:, None] * np.log1p(-1 / kappa)[:, None]
    np.testing.assert_allclose(np.log(runs.worst), due, atol=1e-6)
    assert np.all(runs.travelled <= 1)


def test_no_run_exceeds_its_bounds():
    runs = scale_runs([0.3, 2.0, 6.0, 12.0], n=10, d=40, n_systems=3, random_state=11)
    linear = linear_runs(n=8, p=20, n_systems=3, random_state=5)
    worst = [runs.used.max(), runs.curvature.max(), linear.excess.max()]
    check_claim("pl-condition-bounds", worst, 1)
    assert np.isfinite(runs.radius[:, -1]).all()
    # Gradient flow keeps a^2 - b^2, steps of finite length nearly so.
    assert np.all(runs.dip > 0.99)
    assert np.all(runs.top_growth[:, 0] > 1)


def test_the_ball_of_a_product_system():
    rng = np.random.default_rng(3)
    system = ProductSystem(rng.standard_normal((4, 9)), rng.standard_normal(4))
    smallest = np.linalg.eigvalsh(system.X @ system.X.T)[0]
    edge = np.sqrt(8 * np.linalg.norm(system.y) / np.sqrt(smallest))
    assert np.isnan(guaranteed_radius(system, 0.99 * edge)).all()
    scale = 1.5 * edge
    radius, mu, beta = guaranteed_radius(system, scale)
    closed = (scale - np.sqrt(scale**2 - edge**2)) / 2
    assert radius == pytest.approx(closed)
    loss = system.loss(np.zeros(18))
    assert radius == pytest.approx(descent_length(loss, mu))
    start = np.concatenate([np.full(9, scale), np.zeros(9)])
    for _ in range(20):
        move = rng.standard_normal(18)
        w = start + radius * move / np.linalg.norm(move)
        assert np.linalg.eigvalsh(system.tangent_kernel(w))[0] / 4 >= mu
        if system.loss(w) <= loss:
            assert np.linalg.norm(system.hessian(w), 2) <= beta
    large, mu, beta = guaranteed_radius(system, 10 * edge, classical=True)
    assert large == pytest.approx(pl_radius(loss, beta, mu))
    assert beta == pytest.approx(product_smoothness(system, 10 * edge + large))


@pytest.mark.slow
def test_conditioning():
    ratios = [2, 4, 8]
    kappas = linear_conditions(200, ratios, n_systems=10, random_state=3)
    error = kappas.std(axis=0, ddof=1) / 10**0.5
    due = [condition_mean(200, 200 * ratio) for ratio in ratios]
    check_claim("pl-condition-random-matrix", kappas.mean(axis=0), due, stderr=error)
    runs = condition_runs([2.0, 10.0], n=15, scale=0.5, n_systems=3, random_state=4)
    assert np.all(runs.path >= runs.start * (1 - 1e-9))
    assert np.all(runs.steps[:, 1] < runs.steps[:, 0])


def test_the_codimension_of_singular_matrices():
    fits = [
        singular_exponent(3, p, share=5e-3, n_draws=40_000, random_state=9) for p in (3, 4, 5, 6)
    ]
    exponents, error = np.transpose(fits)
    check_claim("pl-condition-singular-set", exponents, [1, 2, 3, 4], stderr=error)


def test_the_exact_law_of_edelman():
    J = np.random.default_rng(5).standard_normal((4000, 4, 5))
    least = np.linalg.eigvalsh(J @ J.transpose(0, 2, 1))[:, 0]
    assert stats.kstest(least, stats.expon(scale=1 / 2).cdf).pvalue > 1e-4


def test_where_it_fails():
    noisy, least = noisy_ratio(n=30, p=10, random_state=6)
    check_claim("pl-condition-noise", noisy.ratio[-1], 1e-6 * noisy.ratio[0])
    assert noisy.loss[-1] == pytest.approx(least)
    assert least > 0
    lost = [fan([[c, -c]])[0].loss[-1] for c in (0.3, 0.9, 1.7)]
    check_claim("pl-condition-saddle", lost, 0.5)


@pytest.mark.parametrize("angle", [0, 7, 20, 45, 60, 90])
def test_the_cut_is_the_loss_on_a_line(angle):
    c = cut(angle, n_points=301)
    psi = np.deg2rad(angle)
    line = np.array([np.cos(psi) + np.sin(psi), np.sin(psi) - np.cos(psi)]) / 2**0.5
    w = 1 + c.s[:, None] * line
    np.testing.assert_allclose(c.loss, [HYPERBOLA.loss(row) for row in w], atol=1e-12)
    bend = np.array([line @ HYPERBOLA.hessian(row) @ line for row in w])
    assert np.array_equal(c.convex[np.abs(bend) > 1e-9], (bend > 0)[np.abs(bend) > 1e-9])
    assert c.curvature == pytest.approx(line @ HYPERBOLA.hessian(np.ones(2)) @ line)
    if np.isfinite(c.second):
        assert HYPERBOLA.loss(1 + c.second * line) == pytest.approx(0, abs=1e-20)
        assert HYPERBOLA.loss(1 + c.second / 2 * line) == pytest.approx(c.top, abs=1e-15)
    for patch, bowl in zip(c.patches, c.bowl, strict=True):
        back = np.array([-np.sin(psi) + np.cos(psi), np.cos(psi) + np.sin(psi)]) / 2**0.5
        middle = 1 + patch[:, :2].mean(axis=0) @ np.array([line, back])
        if abs(least_curvature(middle)) > 0.05:
            assert bowl == (least_curvature(middle) > 0)


def test_the_least_curvature_is_an_eigenvalue():
    w = np.random.default_rng(0).standard_normal((50, 2)) * 1.5
    due = [np.linalg.eigvalsh(HYPERBOLA.hessian(row))[0] for row in w]
    np.testing.assert_allclose(least_curvature(w), due, atol=1e-12)


def test_certified_starts_converge_within_their_balls():
    rng = np.random.default_rng(8)
    starts = rng.uniform(-3, 3, (80, 2))
    starts = starts[certified(starts)]
    assert len(starts) >= 5
    for start in starts:
        radius, mu = certified_radius(start)
        assert radius == pytest.approx(descent_length(HYPERBOLA.loss(start), mu))
        (run,) = fan([start], step_size=0.02, n_steps=600)
        assert run.loss[-1] < 1e-6
        assert run.distance.max() <= radius
    with pytest.raises(ValueError, match=r"w is \[1.0, -1.0\]; expected"):
        certified_radius([1.0, -1.0])
    loss, safe = random_starts(50, random_state=3)
    assert loss.shape == safe.shape == (50,)
    assert np.all(loss[safe] < 1e-6)
