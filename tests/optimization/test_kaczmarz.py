"""Randomised Kaczmarz: exact means by enumeration, the bound, and where it ends."""

import itertools

import numpy as np
import pytest

from fearless.linear import GradientPath
from fearless.optimization import kaczmarz, kaczmarz_rate


def system(n, p, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) * rng.uniform(0.5, 2, (n, 1))
    return X, X @ rng.standard_normal(p), rng.standard_normal(p)


@pytest.mark.parametrize(("n", "p"), [(4, 10), (10, 4), (5, 5)])
@pytest.mark.parametrize("relaxation", [1.0, 0.4])
def test_ends_at_the_solution_nearest_to_the_start(n, p, relaxation):
    X, y, start = system(n, p)
    w = kaczmarz(X, y, [30_000], start=start, relaxation=relaxation, random_state=0)[0, 0]
    np.testing.assert_allclose(w, GradientPath(X, y, start=start).limit, atol=1e-9)


def test_a_full_step_fits_its_sample():
    X, y, start = system(4, 10)
    runs = kaczmarz(X, y, [1], start=start, n_runs=50, random_state=1)[0]
    fitted = np.isclose(runs @ X.T, y, rtol=1e-12).sum(axis=1)
    np.testing.assert_array_equal(fitted, 1)


def test_a_step_by_enumeration():
    """Mean and mean square after two steps over all pairs of samples, and by many runs."""
    X, y, start = system(3, 4, seed=2)
    squares = np.sum(X**2, axis=1)
    probabilities = squares / squares.sum()
    limit = GradientPath(X, y, start=start).limit
    mean, second = np.zeros(4), 0.0
    for pair in itertools.product(range(3), repeat=2):
        w = start.copy()
        for i in pair:
            w += (y[i] - X[i] @ w) / squares[i] * X[i]
        chance = np.prod(probabilities[list(pair)])
        mean += chance * w
        second += chance * np.sum((w - limit) ** 2)
    # The mean is gradient descent, exactly.
    step = 3 / squares.sum()
    np.testing.assert_allclose(mean, GradientPath(X, y, start=start).descent([2], step)[0])
    # The bound holds for the exact mean square.
    assert second <= kaczmarz_rate(X) ** 2 * np.sum((start - limit) ** 2) * (1 + 1e-12)
    runs = kaczmarz(X, y, [2], start=start, n_runs=4000, random_state=3)[0]
    for values, exact in ((runs, mean), (np.sum((runs - limit) ** 2, axis=1), second)):
        stderr = values.std(axis=0, ddof=1) / len(values) ** 0.5
        assert np.all(np.abs(values.mean(axis=0) - exact) <= 4 * stderr)


def test_rate_of_orthogonal_rows_is_attained():
    """With n orthonormal rows each step removes one of n equal parts: exact in the mean."""
    assert kaczmarz_rate(np.eye(5)) == pytest.approx(0.8)
    errors = np.sum(
        (kaczmarz(np.eye(5), np.ones(5), [3], n_runs=5000, random_state=4)[0] - 1) ** 2, axis=1
    )
    stderr = errors.std(ddof=1) / 5000**0.5
    assert abs(errors.mean() - 5 * 0.8**3) <= 4 * stderr
    # A direction that no sample has does not enter.
    assert kaczmarz_rate(np.eye(5)[:3]) == pytest.approx(2 / 3)
    assert kaczmarz_rate(np.ones((3, 4))) == pytest.approx(0.0)


def test_runs_can_be_recorded_at_any_step():
    X, y, _ = system(4, 6)
    long = kaczmarz(X, y, range(600), n_runs=2, random_state=5)
    short = kaczmarz(X, y, [0, 1, 255, 256, 257, 599], n_runs=2, random_state=5)
    np.testing.assert_array_equal(short, long[[0, 1, 255, 256, 257, 599]])
    np.testing.assert_array_equal(long[0], 0)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        (dict(X=[[0.0, 0.0], [1.0, 1.0]]), ValueError, "row 0 of X is zero"),
        (dict(relaxation=2.0), ValueError, r"relaxation is 2\.0; expected a number below 2"),
        (dict(relaxation=0.0), ValueError, r"relaxation is 0\.0"),
        (dict(steps=[2, 1]), ValueError, "steps is not sorted"),
        (dict(steps=[1.5]), TypeError, "steps has dtype float64"),
        (dict(start=[1.0]), ValueError, "start has length 1; expected 2"),
        (dict(y=[1.0]), ValueError, "mismatched lengths"),
        (dict(n_runs=0), ValueError, "n_runs is 0"),
        (dict(random_state="x"), TypeError, "random_state is str"),
    ],
)
def test_bad_input_is_named(arguments, error, match):
    good = dict(X=[[1.0, 0.0], [0.0, 1.0]], y=[1.0, 2.0], steps=[1])
    with pytest.raises(error, match=match):
        kaczmarz(**{**good, **arguments})
