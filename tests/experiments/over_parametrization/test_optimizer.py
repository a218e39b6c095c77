"""The claims of *The optimiser picks for you*, with other seeds and sizes."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from fearless.book.claims import check_claim
from fearless.data import load_mnist
from fearless.experiments.double_descent.line import line_points
from fearless.experiments.over_parametrization.margins import (
    margin_runs,
    plane_margin,
    separable_data,
)
from fearless.experiments.over_parametrization.optimizer import (
    geometry_errors,
    kaczmarz_errors,
    linear_problem,
    plane_path,
)
from fearless.experiments.over_parametrization.stopping import early_stopping, line_path
from fearless.linear import GradientPath
from fearless.optimization import (
    HypentropyPotential,
    PowerPotential,
    bregman_projection,
    mirror_descent,
    steepest_descent,
)

EXPONENTS = [1.05, 1.1, 1.5, 2.0, 4.0]


@pytest.fixture(scope="module")
def sparse():
    return geometry_errors(EXPONENTS, n_nonzero=4, n_seeds=20, random_state=11)


@pytest.fixture(scope="module")
def dense():
    return geometry_errors(EXPONENTS, n_seeds=20, random_state=12)


@pytest.mark.parametrize("seed", [21, 22])
def test_the_run_is_the_closed_form(seed):
    X, y, _ = linear_problem(30, 150, random_state=seed)
    path = GradientPath(X, y)
    step, w, gaps = 1.5 / path.curvatures[0], np.zeros(150), []
    closed = path.descent(range(501), step)
    for k in range(501):
        gaps.append(np.abs(w - closed[k]).max())
        w = w + step / 30 * X.T @ (y - X @ w)
    limit = np.linalg.pinv(X) @ y
    size = np.abs(limit).max()
    measured = [max(gaps) / size, np.abs(closed[-1] - limit).max() / size]
    check_claim("optimiser-descent-path", measured, 1e-12)


@pytest.mark.parametrize(("n", "p"), [(20, 60), (60, 20)])
def test_stopping_against_penalising(n, p):
    best = -minimize_scalar(
        lambda x: np.expm1(-x) * (1 + x) / x, bounds=(1, 3), method="bounded"
    ).fun
    times = np.geomspace(1e-3, 1e5, 200)
    for seed in range(3):
        X, y, truth = linear_problem(n, p, random_state=30 + seed)
        X = X * np.geomspace(1, 0.01, p)
        path = GradientPath(X, y)
        for noise in (0.0, 0.1, 10.0):
            flow = path.expected_risk(path.flow_filter(times), truth, noise=noise)
            ridge = path.expected_risk(path.ridge_filter(1 / times), truth, noise=noise)
            check_claim("optimiser-flow-against-ridge", np.max(flow.excess / ridge.excess), best**2)


def test_the_best_stop_and_the_best_penalty_on_digits():
    times = np.geomspace(1, 1e6, 37)
    result = early_stopping(
        load_mnist(n_test=1000), times, n_train=300, n_features=1200, random_state=41
    )
    stop, penalty = result.flow.min(axis=1), result.ridge.min(axis=1)
    check_claim("optimiser-best-stop-against-best-penalty", stop / penalty, 1)
    assert np.all(stop < 0.85 * result.end)  # both are far better than the interpolant
    assert np.all(result.train[:, -1] < 1e-6)
    assert np.all(result.flow_error.min(axis=1) < 0.3)
    # At the ends of time: predicting zero for one-hot targets, and the interpolant.
    np.testing.assert_allclose(result.flow[:, -1], result.end, rtol=1e-2)
    assert np.all(np.abs(result.flow[:, 0] - 1) < 0.1)


def test_early_stopping_repeats():
    data = load_mnist(n_test=200)
    one, two, other = (
        early_stopping(data, [10.0], n_train=50, n_features=100, n_seeds=2, random_state=seed)
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one.flow, two.flow)
    assert np.all(one.flow != other.flow)


def test_one_sample_at_a_time():
    result = kaczmarz_errors(15, 40, steps=np.arange(0, 401, 20), n_runs=400, random_state=51)
    check_claim("optimiser-kaczmarz-bound", result.errors.mean(axis=0)[1:] / result.bound[1:], 1)
    # The mean iterate is gradient descent: 60 correlated z-scores.
    assert np.all(np.abs(result.means - result.exact)[1:] <= 4 * result.stderr[1:])
    np.testing.assert_array_equal(result.errors[:, 0], 1)
    # The mean iterate is nearer than the iterates are on average (Jensen).
    assert np.all(result.descent[1:] < result.errors.mean(axis=0)[1:])


def test_gradient_descent_misses_what_no_sample_sees(sparse, dense):
    at_two = EXPONENTS.index(2.0)
    both = np.r_[sparse.mirror[:, at_two], dense.mirror[:, at_two]]
    stderr = both.std(ddof=1) / len(both) ** 0.5
    check_claim("optimiser-descent-misses", both.mean(), 0.8, stderr=stderr)


def test_a_sparse_truth_is_found_near_l1(sparse, dense):
    gain = sparse.mirror[:, EXPONENTS.index(1.1)] / sparse.mirror[:, EXPONENTS.index(2.0)]
    check_claim("optimiser-sparse-truth", gain, 0.2)
    # With a dense truth it is the other way round.
    assert np.all(dense.mirror[:, 0] > dense.mirror[:, EXPONENTS.index(2.0)])


def test_sign_descent_leaves_the_row_space(sparse):
    worse = sparse.signs - sparse.mirror[:, EXPONENTS.index(2.0)]
    above_one = sparse.signs - 1
    lowest = above_one.mean() - 4 * above_one.std(ddof=1) / len(above_one) ** 0.5
    check_claim("optimiser-signs-leave-the-row-space", [*worse, lowest], 0)
    X, y, _ = linear_problem(40, 200, random_state=61)
    w = steepest_descent(X, y, "linf").coef
    seen = np.linalg.pinv(X) @ (X @ w)
    assert np.linalg.norm(w - seen) > 0.1
    np.testing.assert_allclose(seen, GradientPath(X, y).limit, atol=1e-10)


@pytest.mark.parametrize(
    "potential", [PowerPotential(1.4), PowerPotential(2.5), HypentropyPotential(0.1)]
)
def test_mirror_descent_ends_at_the_least_divergence(potential):
    X, y, _ = linear_problem(20, 80, random_state=71)
    gaps = []
    for start in (np.zeros(80), 0.1 * np.random.default_rng(72).standard_normal(80)):
        end = mirror_descent(X, y, potential, start=start).coef
        best = bregman_projection(X, y, potential, start=start).coef
        gaps.append(np.abs(end - best).max() / np.abs(best).max())
    check_claim("optimiser-mirror-limit", gaps, 1e-5)


@pytest.mark.parametrize("seed", [81, 82])
def test_the_start_is_remembered(seed):
    X, y, _ = linear_problem(25, 70, random_state=seed)
    start = np.random.default_rng(seed).standard_normal(70)
    limit = GradientPath(X, y, start=start).limit
    unseen = np.eye(70) - np.linalg.pinv(X) @ X
    assert np.abs(unseen @ (limit - start)).max() < 1e-12
    # By the run, which knows nothing of the null space.
    w, step = start.copy(), 1 / np.linalg.norm(X, 2) ** 2
    for _ in range(3000):
        w += step * X.T @ (y - X @ w)
    np.testing.assert_allclose(w, limit, atol=1e-10)


def test_the_logarithmic_clock():
    runs = margin_runs(np.geomspace(1, 1e12, 37), n_seeds=10, random_state=91)
    check_claim("optimiser-log-time", runs.scaled_losses[:, -1], 1)
    # Twice the logarithm, about half the gap: from 1e6 to 1e12.
    short = 1 - np.median(runs.margins, axis=0)
    assert 0.35 < short[36] / short[18] < 0.65
    assert np.all(runs.margins <= 1 + 1e-9)
    # The angle bounds the margin from below: none is zero, none grows late.
    assert np.all(np.diff(runs.angles[:, 18:], axis=1) < 0)


def test_plane_boundaries_turn_towards_the_largest_margin():
    plane = plane_margin([10.0, 1e3, 1e6, 1e12], n=12, gap=0.3, random_state=322)
    assert np.all(np.diff(plane.angles) < 0)
    assert (plane.labels * (plane.X @ plane.best)).min() == pytest.approx(1)
    X, labels = separable_data(30, 2, gap=0.5, random_state=1)
    assert np.all(labels * X[:, 0] > 0.5)


@pytest.mark.parametrize("q", [1.05, 1.5, 2.0, 4.0, 10.0])
def test_plane_paths_solve_their_equation(q):
    for start in ((0.0, 0.0), (0.2, 0.9)):
        picture = plane_path(q, start)
        np.testing.assert_allclose(picture.path[0], start, atol=1e-12)
        assert 2 * picture.end[0] + picture.end[1] == pytest.approx(2, abs=1e-6)
    from_zero = plane_path(q)
    # The ball has the limit on its boundary and no solution inside.
    assert np.max(from_zero.ball @ [2.0, 1.0]) == pytest.approx(2, abs=0.01)
    # By Lagrange: |w_2 / w_1|^(q - 1) = x_2 / x_1.
    w = from_zero.end
    assert (w[1] / w[0]) ** (q - 1) == pytest.approx(0.5, rel=1e-4)


def test_line_paths_begin_flat_and_end_at_the_points():
    points = line_points(n=8, noise=0.2, seed=7)
    wide = line_path(points, 300)
    flow, ridge = wide.curves(1e-6)
    np.testing.assert_allclose([flow, ridge], 0, atol=1e-4)
    flow, ridge = wide.curves(1e12)
    np.testing.assert_allclose(flow, ridge, atol=1e-4)
    np.testing.assert_allclose(
        np.interp(points.x, points.grid, flow), points.y, atol=5e-3 * np.ptp(points.y)
    )
