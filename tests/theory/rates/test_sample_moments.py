"""The exact mean loss of mini-batch SGD: enumeration of all batches, and the limits of it."""

from itertools import combinations, product

import numpy as np
import pytest

from fearless.theory.rates.batch_size import optimal_step_size, sgd_rate
from fearless.theory.rates.sample_moments import SampleMoments


def _data(n, d, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)) / d**0.5, rng.standard_normal(n)


def _enumerate(X, y, eta, m, steps, replacement):
    """Average over all sequences of batches."""
    n = len(X)
    batches = product(range(n), repeat=m) if replacement else combinations(range(n), m)
    batches = [list(batch) for batch in batches]
    iterates = [np.zeros(X.shape[1])]
    losses = []
    for _ in range(steps + 1):
        losses.append(np.mean([((X @ w - y) ** 2).sum() / (2 * n) for w in iterates]))
        iterates = [
            w - eta / m * X[batch].T @ (X[batch] @ w - y[batch])
            for w in iterates
            for batch in batches
        ]
    return losses


@pytest.mark.parametrize("d", [2, 5])  # one problem that cannot be fitted, one that can
@pytest.mark.parametrize(("m", "replacement"), [(1, True), (2, True), (2, False), (3, False)])
def test_enumeration(d, m, replacement):
    X, y = _data(3, d)
    moments = SampleMoments.from_data(X, replacement=replacement)
    found = moments.losses(-y, range(4), 0.7, m)
    assert np.allclose(found, _enumerate(X, y, 0.7, m, 3, replacement), rtol=1e-12)


def test_all_samples_without_replacement_is_gradient_descent():
    X, y = _data(20, 30)
    w, losses = np.zeros(30), []
    for _ in range(8):
        losses.append(((X @ w - y) ** 2).sum() / 40)
        w -= X.T @ (X @ w - y) / 20
    moments = SampleMoments.from_data(X, replacement=False)
    assert np.allclose(moments.losses(-y, range(8), 1.0, 20), losses, rtol=1e-12)
    smallest = moments.eigenvalues[-1]
    assert np.isclose(moments.rate(1.0, 20), (1 - smallest) ** 2, atol=1e-9)
    assert np.isclose(moments.stability_limit(20), 2 / moments.eigenvalues[0])


@pytest.mark.parametrize("m", [1, 3, 12])
def test_rate_is_what_the_losses_do_in_the_end(m):
    X, y = _data(12, 20)
    moments = SampleMoments.from_data(X)
    eta = 0.7 * moments.stability_limit(m)
    late = moments.losses(-y, [400, 401], eta, m)
    assert np.isclose(moments.rate(eta, m), late[1] / late[0], rtol=1e-5)


@pytest.mark.parametrize("m", [1, 4, 30])
def test_the_limit_separates_growth_from_decay(m):
    X, _ = _data(10, 15, seed=1)
    moments = SampleMoments.from_data(X)
    limit = moments.stability_limit(m)
    assert moments.rate(0.99 * limit, m) < 1 < moments.rate(1.01 * limit, m)
    # A step that at most fits each sample of the batch twice over is stable.
    assert limit >= 2 / moments.norm * 0.999


@pytest.mark.parametrize("m", [1, 5])
def test_floor_is_the_limit_and_zero_under_interpolation(m):
    X, y = _data(30, 8)
    moments = SampleMoments.from_data(X)
    eta = 0.3 * moments.stability_limit(m)
    late = moments.losses(-y, [3000], eta, m)[0]
    assert np.isclose(moments.floor(-y, eta, m), late, rtol=1e-9)
    best = np.linalg.lstsq(X, y, rcond=None)[1][0] / 60
    assert late > best
    assert np.isclose(moments.floor(-y, 1e-9, m), best, rtol=1e-6)
    wide, y = _data(8, 30)
    assert SampleMoments.from_data(wide).floor(-y, 0.1, m) < 1e-25


def test_never_slower_than_the_worst_case():
    rng = np.random.default_rng(8)
    X = rng.standard_normal((24, 80)) * np.arange(1, 81) ** -0.5
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    moments = SampleMoments.from_data(X)
    largest, smallest = moments.eigenvalues[[0, -1]]
    for m in (1, 4, 24):
        eta = optimal_step_size(m, 1.0, largest, smallest)
        assert moments.rate(eta, m) <= sgd_rate(m, 1.0, largest, smallest) * (1 + 1e-9)


def test_steps_to():
    X, y = _data(10, 15)
    moments = SampleMoments.from_data(X)
    steps = moments.steps_to(-y, 0.1, 0.5, 2)
    losses = moments.losses(-y, [0, steps - 1, steps], 0.5, 2)
    assert losses[2] <= 0.1 * losses[0] < losses[1]
    assert moments.steps_to(-y, 1.0, 0.5, 2) == 0
    with pytest.raises(ValueError, match="max_steps is 3, and the mean loss is still"):
        moments.steps_to(-y, 1e-6, 0.5, 2, max_steps=3)
    with pytest.raises(ValueError, match=r"expected more steps, or a step size other than 50\.0"):
        moments.steps_to(-y, 0.1, 50.0, 2)


@pytest.mark.parametrize("m", [1, 3, 40])
def test_is_stable_below_the_limit_only(m):
    X, _ = _data(9, 14, seed=2)
    moments = SampleMoments.from_data(X)
    limit = moments.stability_limit(m)
    assert moments.is_stable(0.999 * limit, m)
    assert not moments.is_stable(1.001 * limit, m)
    # Beyond gradient descent nothing is stable, whatever the batch.
    assert not moments.is_stable(2.0001 / moments.eigenvalues[0], m)


def test_far_beyond_the_limit_the_loss_is_infinite_and_not_nan():
    X, y = _data(6, 9)
    losses = SampleMoments.from_data(X).losses(-y, [0, 10, 1000, 2000], 50.0)
    assert np.all(np.isfinite(losses[:2]))
    assert np.all(losses[2:] == np.inf)


def test_tiny_and_huge_units():
    X, y = _data(10, 4)
    moments = SampleMoments.from_data(X)
    best = np.linalg.lstsq(X, y, rcond=None)[1][0] / 20
    # Without cancellation in what a tiny step leaves.
    assert np.isclose(moments.floor(-y, 1e-100), best, rtol=1e-12)
    for unit in (1e-70, 1e70):
        scaled = SampleMoments.from_data(unit * X)
        eta = 0.4 * moments.stability_limit()
        assert np.isclose(scaled.stability_limit() * unit**2, moments.stability_limit())
        assert np.isclose(scaled.floor(-y, eta / unit**2), moments.floor(-y, eta))


def test_errors():
    with pytest.raises(ValueError, match="expected a square matrix"):
        SampleMoments(np.ones((2, 3)))
    with pytest.raises(ValueError, match="not symmetric"):
        SampleMoments([[1.0, 0.5], [0.0, 1.0]])
    with pytest.raises(ValueError, match="none below zero"):
        SampleMoments(-np.eye(2))
    with pytest.raises(ValueError, match="not all of them zero"):
        SampleMoments(np.zeros((2, 2)))
    with pytest.raises(TypeError, match="replacement"):
        SampleMoments(np.eye(2), replacement="yes")
    moments = SampleMoments(np.eye(3), replacement=False)
    with pytest.raises(ValueError, match="batch_size is 4; expected an integer >= 1 and <= 3"):
        moments.rate(0.1, 4)
    with pytest.raises(ValueError, match="residual has length 2; expected 3"):
        moments.losses([1.0, 2.0], [0], 0.1)
    with pytest.raises(ValueError, match="expected less than 6: from there on"):
        moments.floor(np.ones(3), 7.0, 3)
