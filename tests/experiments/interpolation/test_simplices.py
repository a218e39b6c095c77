"""The claims of *Simplicial interpolation and the blessing of dimensionality*, other seeds."""

import numpy as np
import pytest
from scipy.optimize import linprog

from fearless.book.claims import check_claim
from fearless.experiments.interpolation.simplices import (
    count_simplices,
    dimension_sweep,
    hull_coverage,
    simplex_sample,
)
from fearless.local import SimplicialInterpolator
from fearless.theory.simplices import simplicial_flip_error

DIMS = np.array([1, 2, 3, 5, 8, 13, 20])


@pytest.fixture(scope="module")
def sweep():
    return dimension_sweep(DIMS, 300, n_queries=100, flip_rate=0.3, random_state=101)


@pytest.mark.slow
def test_noise_share(sweep):
    check_claim(
        "simplicial-noise-share",
        sweep.noise_share.mean(axis=0),
        2 / (DIMS + 2),
        stderr=sweep.stderr("noise_share"),
    )


@pytest.mark.slow
def test_one_corner(sweep):
    few = DIMS <= 5
    check_claim(
        "simplicial-one-corner",
        sweep.alone[:, few].mean(axis=0),
        2.0 ** -DIMS[few],
        stderr=sweep.stderr("alone")[few],
    )


@pytest.mark.slow
def test_the_blessing_and_its_size(sweep):
    excess = sweep.excess.mean(axis=0)
    check_claim("simplicial-blessing", np.max(excess[1:] / excess[:-1]), 1)
    assert np.all(np.abs(excess - 2 / (DIMS + 2)) < 4 * sweep.stderr("excess"))
    # One nearest neighbour keeps the noise, and adds a bias that grows with the distance.
    nearest, stderr = sweep.nearest_excess.mean(axis=0), sweep.stderr("nearest_excess")
    assert np.all(nearest > 1 - 4 * stderr)
    assert nearest[-1] > 1 + 4 * stderr[-1]


@pytest.mark.slow
def test_flip_law(sweep):
    check_claim(
        "simplicial-flip-law",
        sweep.flip_error.mean(axis=0),
        [simplicial_flip_error(int(d), 0.3) for d in DIMS],
        stderr=sweep.stderr("flip_error"),
    )
    nearest = sweep.nearest_flip_error.mean(axis=0)
    assert np.all(np.abs(nearest - 0.3) < 4 * sweep.stderr("nearest_flip_error"))


@pytest.mark.parametrize("seed", [102, 103])
def test_direct_method_equals_the_triangulation(seed):
    rng = np.random.default_rng(seed)
    gaps = []
    for d in (2, 3, 4):
        X, Z = rng.standard_normal((200, d)), 0.5 * rng.standard_normal((100, d))
        y = rng.standard_normal(200)
        fits = [SimplicialInterpolator(m).fit(X, y).predict(Z) for m in ("delaunay", "direct")]
        gaps.append(np.abs(fits[0] - fits[1]).max())
    check_claim("simplicial-equals-triangulation", gaps, 1e-8)


def test_direct_method_equals_the_linear_programme():
    rng = np.random.default_rng(104)
    X, Z = simplex_sample(400, 20, rng), simplex_sample(4, 20, rng)[:4]
    found = SimplicialInterpolator("direct").fit(X, X[:, 0]).simplices(Z)
    gaps = []
    for x, indices, weights in zip(Z, found.indices, found.weights, strict=True):
        constraints = np.vstack([X.T, np.ones(len(X))])
        peer = linprog(np.sum((X - x) ** 2, axis=1), A_eq=constraints, b_eq=np.append(x, 1)).x
        peer[indices] -= weights
        gaps.append(np.abs(peer).max())
    check_claim("simplicial-equals-linear-programme", gaps, 1e-8)


@pytest.mark.parametrize("n", [50, 2000])
def test_on_a_line_the_noise_stays(n):
    line = dimension_sweep([1], n, n_queries=100, random_state=105)
    check_claim(
        "simplicial-line-stays-noisy",
        line.excess.mean(),
        2 / 3,
        stderr=line.stderr("excess")[0],
    )


def test_a_curved_truth_is_missed_in_many_dimensions():
    sweep = dimension_sweep([1, 20], 500, n_queries=200, n_seeds=4, random_state=106)
    check_claim("simplicial-curvature", sweep.bias.mean(axis=0)[1], 0.5)
    assert sweep.bias[:, 0].max() < 1e-3


def test_the_hull_empties():
    coverage = hull_coverage([1, 2, 20], 1000, n_queries=400, random_state=107)
    check_claim("simplicial-hull-empties", coverage[:, 2].mean(), 0.01)
    # On a line the hull of n points misses 2 in n + 1 of the next ones.
    assert abs(coverage[:, 0].mean() - (1 - 2 / 1001)) < 4 * (2 / 1001 / 2000) ** 0.5


def test_sample_has_its_corners_and_seeds_matter():
    X = simplex_sample(50, 3, random_state=1)
    assert X.shape == (54, 3)
    assert X.min() >= 0
    assert X.sum(axis=1).max() <= 1 + 1e-12
    np.testing.assert_array_equal(X[-4:], [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]])
    np.testing.assert_array_equal(X, simplex_sample(50, 3, random_state=1))
    one = dimension_sweep([2], 30, n_queries=10, n_seeds=2, random_state=5)
    same = dimension_sweep([2], 30, n_queries=10, n_seeds=2, random_state=5)
    np.testing.assert_array_equal(one.excess, same.excess)
    assert one.excess[0, 0] != one.excess[1, 0]


def test_counts_of_simplices():
    # Euler: n points, h of them on the hull, have 2n - h - 2 triangles.
    assert count_simplices(2, 3, random_state=0) == 1
    assert 100 < count_simplices(2, 100, random_state=0) < 198
    with pytest.raises(ValueError, match="d is 1; expected an integer >= 2"):
        count_simplices(1, 10)


def test_bad_arguments():
    with pytest.raises(ValueError, match="dims is not sorted"):
        dimension_sweep([3, 2], 10)
    with pytest.raises(ValueError, match="flip_rate is 2"):
        dimension_sweep([2], 10, flip_rate=2)
    with pytest.raises(ValueError, match="method is 'fast'"):
        dimension_sweep([2], 10, method="fast")
