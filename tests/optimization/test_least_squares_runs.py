"""Hundreds of runs at once: equal to loops, independent of company, honest when they diverge."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fearless.optimization import (
    Chebyshev,
    GradientDescent,
    HeavyBall,
    MaSS,
    Nesterov,
    least_squares_runs,
)
from fearless.theory.rates.batch_size import optimal_step_size, sgd_rate


def problem(n=12, p=30, seed=0, noise=0.0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) / p**0.5
    return X, X @ rng.standard_normal(p) + noise * rng.standard_normal(n), rng.standard_normal(p)


def same(a, b, runs=slice(None), **tolerance):
    """Whether some runs of a are those of b."""
    tolerance = {"rtol": 1e-10, "atol": 1e-12, **tolerance}
    for name in ("loss", "distance", "norm", "coef", "oracle_calls", "diverged_at"):
        np.testing.assert_allclose(getattr(a, name)[runs], getattr(b, name), **tolerance)


def batches(n, b, seed, epochs):
    """Reshuffled epochs as documented: permutations cut into batches, the last one short."""
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        order = rng.permutation(n)
        yield from (order[i : i + b] for i in range(0, n, b))


SHAPES = [(12, 30), (12, 8), (30, 8)]  # row space with p > n and p < n, singular vectors


@pytest.mark.parametrize(("n", "p"), SHAPES)
@pytest.mark.parametrize("b", [1, 5, 11])
def test_epochs_equal_a_loop_with_short_last_batches(n, p, b):
    """Beyond 256 steps, when the next samples are drawn, in the middle of an epoch."""
    X, y, w = problem(n, p)
    run = least_squares_runs(
        X,
        y,
        GradientDescent(0.5),
        n_steps=270,
        batch_size=b,
        replacement=False,
        start=w,
        record=270,
        random_state=[3],
    )
    losses, calls, w = [], [0], w.copy()
    for t, drawn in enumerate(batches(n, b, 3, 270)):
        losses.append(np.mean((X @ w - y) ** 2) / 2)
        if t == 270:
            break
        size = len(drawn)
        calls.append(calls[-1] + size)
        w -= 0.5 / size * X[drawn].T @ (X[drawn] @ w - y[drawn])
    np.testing.assert_allclose(run.loss[0], losses, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(run.coef[0], w, rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(run.oracle_calls[0], calls)


@pytest.mark.parametrize(("n", "p"), SHAPES)
@pytest.mark.parametrize("replacement", [True, False])
def test_a_run_does_not_depend_on_its_company(n, p, replacement):
    X, y, w = problem(n, p, seed=1)
    etas, sizes = np.linspace(0.1, 0.6, 6), np.array([3, 1, n, 7, 2, 11])
    starts = w + np.arange(6)[:, None]
    options = dict(n_steps=300, record=7, replacement=replacement)
    for method in (GradientDescent(etas), MaSS(etas, 0.3, 0.2 * etas)):
        together = least_squares_runs(
            X, y, method, batch_size=sizes, start=starts, random_state=4, **options
        )
        assert not together.diverged.any()
        some = least_squares_runs(
            X, y, method.take(np.arange(3)), batch_size=sizes[:3], start=starts[:3],
            random_state=4, **options,
        )  # fmt: skip
        same(together, some, slice(3))
        seeded = least_squares_runs(
            X, y, method, batch_size=sizes, start=starts, random_state=np.arange(10, 16), **options
        )
        alone = least_squares_runs(
            X, y, method.take(4), batch_size=sizes[4], start=starts[4], random_state=14, **options
        )
        assert not np.allclose(seeded.coef[4], together.coef[4])
        # A single seed is a parent, a list of one the seed of the run.
        assert not np.allclose(seeded.coef[4], alone.coef[0])
        alone = least_squares_runs(
            X, y, method.take(4), batch_size=sizes[4], start=starts[4], random_state=[14],
            **options,
        )  # fmt: skip
        same(seeded, alone, slice(4, 5))


def test_seeds_reproduce_and_generators_go_on():
    X, y, _ = problem()
    options = dict(n_steps=20, batch_size=2, n_runs=3)
    a, b = (least_squares_runs(X, y, GradientDescent(0.5), random_state=7, **options) for _ in "ab")
    np.testing.assert_array_equal(a.coef, b.coef)
    assert not np.allclose(a.coef[0], a.coef[1])
    rng = np.random.default_rng(0)
    a, b = (
        least_squares_runs(X, y, GradientDescent(0.5), random_state=rng, **options) for _ in "ab"
    )
    assert not np.allclose(a.coef, b.coef)


@pytest.mark.parametrize(("n", "p"), SHAPES)
def test_a_batch_of_all_samples_without_replacement_is_the_full_gradient(n, p):
    X, y, w = problem(n, p, seed=2)
    method = Nesterov(np.array([0.5, 0.2]), 0.4)
    full = least_squares_runs(X, y, method, n_steps=30, start=w)
    # Together with a run of single samples, so that the space is the same as for batches.
    mixed = least_squares_runs(
        X, y, Nesterov(np.array([0.5, 0.2, 0.1]), 0.4), n_steps=30, start=w,
        batch_size=[n, n, 1], replacement=False,
    )  # fmt: skip
    same(mixed, full, slice(2))


@settings(max_examples=12, deadline=None)
@given(
    n=st.integers(1, 9),
    p=st.integers(1, 9),
    seed=st.integers(0, 10_000),
    unit=st.sampled_from([2.0**-20, 0.5, 8.0, 2.0**20]),
)
def test_units_and_translations(n, p, seed, unit):
    """Scaled samples: weights shrink, step sizes by the square. A moved start moves the targets."""
    X, y, w = problem(n, p, seed=seed)
    options = dict(n_steps=12, record=3, random_state=seed, n_runs=3, batch_size=min(2, n))
    run = least_squares_runs(X, y, HeavyBall(0.3, 0.3), start=w, **options)
    far = least_squares_runs(unit * X, y, HeavyBall(0.3 / unit**2, 0.3), start=w / unit, **options)
    np.testing.assert_allclose(far.coef * unit, run.coef, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(far.loss, run.loss, rtol=1e-7, atol=1e-12)
    v = np.linspace(-1, 1, p)
    moved = least_squares_runs(X, y + X @ v, HeavyBall(0.3, 0.3), start=w + v, **options)
    np.testing.assert_allclose(moved.coef, run.coef + v, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(moved.distance, run.distance, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("n", "p"), SHAPES)
@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_distances_are_to_the_nearest_solution_or_the_one_given(n, p, noise):
    X, y, w = problem(n, p, seed=3, noise=noise)
    nearest = w + np.linalg.pinv(X) @ (y - X @ w)
    other = nearest + (np.eye(p) - np.linalg.pinv(X) @ X) @ np.ones(p)
    for batch_size in (None, 3):
        options = dict(n_steps=9, batch_size=batch_size, random_state=0, record=9)
        for solution, expected in ((None, nearest), (other, other)):
            run = least_squares_runs(
                X, y, GradientDescent(0.4), start=w, solution=solution, **options
            )
            assert run.distance[0, 0] == pytest.approx(np.linalg.norm(w - expected))
            assert run.distance[0, -1] == pytest.approx(np.linalg.norm(run.coef[0] - expected))
            assert run.norm[0, -1] == pytest.approx(np.linalg.norm(run.coef[0]))


def test_exponential_convergence_ends_at_rounding_errors():
    """Residuals that only shrink would go to 1e-300, which no loop can reach."""
    X, y, w = problem(8, 40, seed=4)
    run = least_squares_runs(
        X, y, GradientDescent(1.0), n_steps=2000, batch_size=4, start=w, n_runs=5, random_state=0
    )
    assert np.all(run.distance[:, -1] < 1e-13)
    assert np.all((run.loss[:, -1] < 1e-28) & (run.loss[:, -1] > 1e-38))


@pytest.mark.parametrize(("targets", "distance"), [(0.0, 1.0), (1.0, 1e7)])
@pytest.mark.parametrize("method", [GradientDescent(2.0), Nesterov(1.0, 0.3)])
def test_recorded_losses_are_those_of_the_weights(targets, distance, method):
    """Rounding errors are in units of the largest residuals, not of the targets."""
    X, y, w = problem(8, 40, seed=12)
    y, w = targets * y, distance * w
    floor = np.finfo(np.float64).eps ** 2 * np.mean((X @ w - y) ** 2)
    for n_steps in (400, 700, 1500):
        run = least_squares_runs(
            X, y, method, n_steps=n_steps, batch_size=3, start=w, random_state=0, record=30
        )
        true = np.mean((X @ run.coef[0] - y) ** 2) / 2
        assert abs(run.loss[0, -1] - true) < 0.1 * true + 100 * floor
        assert run.loss.min() > 0.001 * floor
    assert run.loss[0, -1] < 100 * floor


@pytest.mark.parametrize(
    "options", [{}, {"replacement": False}, {"probabilities": np.arange(1, 13)}]
)
def test_so_many_runs_that_few_steps_are_drawn_at_once(monkeypatch, options):
    X, y, w = problem(seed=13)
    options = dict(n_steps=300, batch_size=[5, 1, 2], start=w, random_state=0, record=3, **options)
    expected = least_squares_runs(X, y, GradientDescent(0.2), **options)
    for entries in (1, 60, 1000):
        monkeypatch.setattr("fearless.optimization._sampling._BLOCK_ENTRIES", entries)
        same(least_squares_runs(X, y, GradientDescent(0.2), **options), expected, rtol=1e-13)


def test_the_mean_square_of_a_step_is_the_closed_form():
    """Samples of one norm, begun off the solution along eigenvectors: the rate is attained."""
    rng = np.random.default_rng(5)
    X = rng.standard_normal((10, 20))
    X /= np.linalg.norm(X, axis=1)[:, None]
    values, vectors = np.linalg.eigh(X.T @ X / 10)
    w_star = rng.standard_normal(20)
    values = values[-10:]  # the others are zeros
    for b in (1, 3, 8):
        eta = optimal_step_size(b, 1.0, values[-1], values[0])
        run = least_squares_runs(
            X, X @ w_star, GradientDescent(eta), n_steps=1, batch_size=b, n_runs=2000,
            start=w_star + vectors[:, 10], random_state=b, solution=w_star,
        )  # fmt: skip
        square = run.distance[:, -1] ** 2
        stderr = square.std(ddof=1) / 2000**0.5
        expected = sgd_rate(b, 1.0, values[-1], values[0])
        assert abs(square.mean() - expected) < 4 * stderr + 1e-12


def test_weighted_draws_are_kaczmarz():
    """A step of size n / ||X||^2 fits the drawn sample; drawn in proportion to its square."""
    X, y, w = problem(6, 15, seed=6)
    X *= np.arange(1, 7)[:, None]
    y *= np.arange(1, 7)
    squares = np.sum(X**2, axis=1)
    run = least_squares_runs(
        X, y, GradientDescent(6 / squares.sum()), n_steps=1, batch_size=1, n_runs=3000,
        probabilities=squares, start=w, random_state=0,
    )  # fmt: skip
    fitted = np.abs(run.coef @ X.T - y) < 1e-10
    assert np.all(fitted.sum(axis=1) == 1)
    chance = squares / squares.sum()
    error = (chance * (1 - chance) / 3000) ** 0.5
    assert np.all(np.abs(fitted.mean(axis=0) - chance) < 4 * error)
    # The same in the coordinates of singular vectors, n > 2 p.
    Z = np.vstack([X[:, :2]] * 2)
    z = Z @ [1.0, 2.0]
    squares = np.sum(Z**2, axis=1)
    run = least_squares_runs(
        Z, z, GradientDescent(12 / squares.sum()), n_steps=1, batch_size=1, n_runs=20,
        probabilities=squares, random_state=0,
    )  # fmt: skip
    assert np.all(np.sum(np.abs(run.coef @ Z.T - z) < 1e-10, axis=1) == 2)


@pytest.mark.parametrize(("n", "p"), SHAPES)
@pytest.mark.parametrize("batch_size", [None, 2])
def test_divergence_is_told_with_its_step_and_never_a_nan(n, p, batch_size):
    X, y, w = problem(n, p, seed=7)
    largest = np.linalg.norm(X, 2) ** 2 / n
    etas = np.array([0.1, 2.05, 30.0, 1e200]) / largest
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = least_squares_runs(
            X, y, GradientDescent(etas), n_steps=2000, start=w, record=2000, random_state=0,
            batch_size=batch_size,
        )  # fmt: skip
    assert list(run.diverged) == [False, True, True, True]
    for i in (1, 2, 3):
        at = run.diverged_at[i]
        assert np.all(np.isfinite(run.loss[i, :at]))
        assert np.all(run.loss[i, :at] <= 1e12 * run.loss[i, 0])
        for values in (run.loss, run.distance, run.norm):
            assert np.all(values[i, at:] == np.inf)
        assert np.all(run.coef[i] == np.inf)
    assert run.diverged_at[1] > run.diverged_at[2] > run.diverged_at[3] == 1
    assert not np.isnan(run.loss).any()
    assert np.isfinite(run.loss[0]).all()
    norms = np.sum(X**2, axis=1).max()
    limit = 2 / largest if batch_size is None else 4 / (norms + largest)
    np.testing.assert_allclose(run.stable_step_size, limit)
    text = run.explain()
    assert text.startswith("3 of 4 run(s) diverged")
    assert f"diverged at step {run.diverged_at[1]}; stable below step size {limit:.4g}" in text
    assert f"lambda_1 = {largest:.4g}" in text


def test_divergence_found_at_the_step_of_the_plain_loop():
    X, y, w = problem(seed=8)
    run = least_squares_runs(
        X, y, Nesterov(6.0, 0.9), n_steps=400, start=w, batch_size=1, random_state=[1], record=1
    )
    drawn = np.random.default_rng(1).integers(len(X), size=400, dtype=np.int32)
    first, u = np.mean((X @ w - y) ** 2), w
    for t in range(401):
        if np.mean((X @ w - y) ** 2) > 1e12 * first:
            break
        x = X[drawn[t]]
        new = u - 6.0 * (x @ u - y[drawn[t]]) * x
        u, w = new + 0.9 * (new - w), new
    assert run.diverged_at[0] == t < 400
    assert "no limit is known" in run.explain()
    assert np.isnan(run.stable_step_size[0])


def test_a_stated_limit_of_batches_is_stable():
    """On the bound itself, for every batch size, runs shrink; that is its promise in the mean."""
    X, y, w = problem(seed=9)
    largest, norm = np.linalg.norm(X, 2) ** 2 / 12, np.sum(X**2, axis=1).max()
    b = np.repeat([1, 2, 4, 8], 20)
    eta = 0.9 * 2 * b / (norm + (b - 1) * largest)
    run = least_squares_runs(
        X, y, GradientDescent(eta), n_steps=400, batch_size=b, start=w, random_state=0
    )
    assert np.all(run.distance[:, -1] < 0.1 * run.distance[:, 0])


def test_the_stated_limit_of_epochs_holds_for_every_batch():
    """Their batches depend on each other: no step may move away from the solution."""
    X, y, w = problem(n=10, seed=14)
    beta = np.sum(X**2, axis=1).max()
    options = dict(batch_size=4, replacement=False, start=w, random_state=0, record=400)
    run = least_squares_runs(X, y, GradientDescent([1.99 / beta, 99.0]), n_steps=400, **options)
    assert np.all(np.diff(run.distance[0]) <= 1e-12)
    np.testing.assert_allclose(run.stable_step_size, 2 / beta)
    assert f"below 2 / beta, beta = {beta:.4g}" in run.explain()


@pytest.mark.parametrize("batch_size", [None, 2])
def test_losses_that_overflow_have_diverged(batch_size):
    """Also where the limit, a multiple of the first loss, overflows itself."""
    X, y, _ = problem(seed=15)
    run = least_squares_runs(
        X, 1e150 * y, GradientDescent(100.0), n_steps=60, batch_size=batch_size, record=60
    )
    at = run.diverged_at[0]
    assert at > 0
    assert np.all(np.isfinite(run.loss[0, :at]))
    assert np.all(run.loss[0, at:] == np.inf)


def test_chebyshev_with_too_short_an_interval_says_so():
    X, y, w = problem(seed=9)
    largest = np.linalg.norm(X, 2) ** 2 / 12
    run = least_squares_runs(X, y, Chebyshev(largest / 3, largest / 30), n_steps=500, start=w)
    assert run.diverged.all()
    assert "its interval has to reach up to lambda_1" in run.explain()


@pytest.mark.parametrize("batch_size", [None, 3])
@pytest.mark.parametrize(("n", "p"), SHAPES)
def test_deficient_rank_zero_rows_and_duplicates(n, p, batch_size):
    """They converge on the row space, to the solution nearest to the start."""
    X, _, w = problem(n, p, seed=10)
    U, _, V = np.linalg.svd(X, full_matrices=False)  # well-conditioned: few steps will do
    X = n**0.5 * U @ V
    X[1], X[2], X[:, -1] = 0, X[0], X[:, 0]
    y = X @ np.ones(p)
    nearest = w + np.linalg.pinv(X) @ (y - X @ w)
    options = dict(n_steps=1200, start=w, batch_size=batch_size, random_state=0, record=2)
    run = least_squares_runs(X, y, GradientDescent(0.2), **options)
    np.testing.assert_allclose(run.coef[0], nearest, atol=1e-7)
    assert run.distance[0, -1] < 1e-7
    # A row of zeros with a target that is not zero: no weight can help, the rest is fitted.
    y[1] = 2.0
    run = least_squares_runs(X, y, GradientDescent(0.2), **options)
    np.testing.assert_allclose(run.coef[0], nearest, atol=1e-7)
    assert run.loss[0, -1] == pytest.approx(2.0**2 / (2 * n))


def test_distances_with_duplicated_samples():
    """A triangular factor that is singular up to rounding errors only."""
    X, _, w = problem(6, 20, seed=11)
    X = np.vstack([X, X[:3], X[0] + X[1]])
    y = X @ np.ones(20)
    nearest = w + np.linalg.pinv(X, rcond=1e-10) @ (y - X @ w)
    run = least_squares_runs(
        X, y, GradientDescent(0.3), n_steps=3, start=w, batch_size=1, random_state=0, record=3
    )
    assert run.distance[0, 0] == pytest.approx(np.linalg.norm(w - nearest), rel=1e-9)
    assert run.distance[0, -1] == pytest.approx(np.linalg.norm(run.coef[0] - nearest), rel=1e-9)


def test_only_zeros():
    run = least_squares_runs(np.zeros((3, 2)), np.ones(3), GradientDescent(1.0), n_steps=5)
    np.testing.assert_allclose(run.loss, 0.5)
    np.testing.assert_array_equal(run.coef, [[0, 0]])
    with_batches = least_squares_runs(
        np.zeros((3, 2)), np.ones(3), GradientDescent(1.0), n_steps=5, batch_size=1
    )
    np.testing.assert_array_equal(with_batches.coef, [[0, 0]])


def test_begun_at_the_solution_nothing_happens():
    X, _, w = problem()
    for batch_size in (None, 1, 12):
        run = least_squares_runs(
            X, X @ w, HeavyBall(0.5, 0.5), n_steps=500, start=w, batch_size=batch_size
        )
        assert not run.diverged.any()
        np.testing.assert_allclose(run.coef[0], w, atol=1e-12)


def test_no_steps_and_records():
    X, y, w = problem()
    run = least_squares_runs(X, y, GradientDescent(0.5), n_steps=0, start=w)
    assert run.loss.shape == (1, 1)
    np.testing.assert_allclose(run.coef[0], w)
    run = least_squares_runs(X, y, GradientDescent(0.5), n_steps=9, start=w, record=[0, 2, 7])
    every = least_squares_runs(X, y, GradientDescent(0.5), n_steps=9, start=w)
    np.testing.assert_array_equal(every.steps, np.arange(10))
    np.testing.assert_allclose(run.loss, every.loss[:, [0, 2, 7]])
    np.testing.assert_allclose(run.coef, every.coef)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        (dict(batch_size=5, replacement=False), ValueError, "batch_size is 5, but there are 3 sam"),
        (dict(batch_size=0), ValueError, "batch_size is 0; expected an integer >= 1"),
        (dict(batch_size=1.5), TypeError, r"batch_size is 1\.5; expected integers or None"),
        (dict(batch_size=[1, 2], n_runs=3), ValueError, "mismatched numbers of runs: 2 of batch_s"),
        (dict(random_state=[1, 2], n_runs=3), ValueError, "mismatched numbers of runs: 2 of rand"),
        (dict(random_state="x"), TypeError, "random_state"),
        (dict(X=[[np.nan, 0]] * 3), ValueError, "X contains 3 non-finite value"),
        (dict(y=[1.0, np.inf, 0.0]), ValueError, "y contains 1 non-finite value"),
        (dict(y=[1.0]), ValueError, "mismatched lengths"),
        (dict(start=[1.0]), ValueError, "start has length 1; expected 2"),
        (dict(start=[[1.0]]), ValueError, "start has 1 columns; expected 2"),
        (dict(start=[np.nan, 0.0]), ValueError, "start contains 1 non-finite"),
        (dict(solution=[1.0]), ValueError, "solution has length 1; expected 2"),
        (dict(method=0.1), TypeError, "method is float; expected a Method"),
        (dict(n_steps=-1), ValueError, "n_steps is -1"),
        (dict(record=0), ValueError, "record is 0"),
        (dict(record=[0, 99]), ValueError, "an entry of record is 99"),
        (dict(divergence=0.0), ValueError, r"divergence is 0\.0"),
        (dict(probabilities=[1, 1, 1]), ValueError, "batch_size is None: nothing is drawn"),
        (
            dict(probabilities=[1, 1, 1], batch_size=1, replacement=False),
            ValueError,
            "replacement is False; expected True",
        ),
        (dict(probabilities=[1, -1, 1], batch_size=1), ValueError, "negative entries"),
        (
            dict(probabilities=[1, 0, 1], batch_size=1),
            ValueError,
            "probabilities is 0 at index 1; expected chances > 0",
        ),
        (dict(batch_size=[[1, 2]]), ValueError, r"batch_size has shape \(1, 2\); expected one"),
        (dict(batch_size=np.array([], int)), ValueError, r"batch_size has shape \(0,\)"),
        (dict(random_state=[]), ValueError, r"random_state has shape \(0,\)"),
        (
            dict(random_state=[1], n_runs=3),
            ValueError,
            r"random_state lists 1 seed\(s\); expected a",
        ),
        (dict(random_state=1.5), TypeError, r"random_state is float 1\.5; expected None"),
        (dict(X=1e160 * np.eye(3, 2)), ValueError, r"X has entries up to 1e\+160, whose squares"),
        (dict(X=1e-160 * np.eye(3, 2)), ValueError, "X has entries up to 1e-160, whose squares"),
        (dict(y=[1e160, 0, 0]), ValueError, "the loss at the start overflows"),
        (dict(y=[1e160, 0, 0], batch_size=1), ValueError, "the loss at the start overflows"),
        (dict(probabilities=[1, 1], batch_size=1), ValueError, "has length 2; expected 3"),
    ],
)
def test_bad_input_is_named(arguments, error, match):
    good = dict(X=np.eye(3, 2), y=np.ones(3), method=GradientDescent(0.1), n_steps=4)
    with pytest.raises(error, match=match):
        least_squares_runs(**{**good, **arguments})
