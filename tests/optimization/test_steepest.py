"""Steepest descent in three norms: descent directions, limits, hand-made examples."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from fearless.linear import GradientPath
from fearless.optimization import steepest_descent

NORMS = ("l1", "l2", "linf")


def system(n=15, p=40, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    return X, rng.standard_normal(n), rng.standard_normal(p)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("relaxation", [1.0, 0.2])
def test_all_norms_interpolate(norm, relaxation):
    X, y, start = system()
    run = steepest_descent(X, y, norm, start=start, relaxation=relaxation, max_steps=100_000)
    assert run.converged
    assert run.residual <= 1e-12
    np.testing.assert_allclose(X @ run.coef, y, atol=1e-10)


@pytest.mark.parametrize("norm", NORMS)
def test_a_step_is_the_best_of_all_unit_directions(norm):
    """To first order: the slope along d is the dual norm of the gradient, and no d has more."""
    X, y, start = system(seed=1)
    g = X.T @ (X @ start - y) / len(y)
    run = steepest_descent(X, y, norm, start=start, max_steps=1, tol=1.0 - 1e-9, record=1)
    d = run.iterates[1] - start
    order = {"l1": 1, "l2": 2, "linf": np.inf}[norm]
    slope = -g @ d / np.linalg.norm(d, order)
    assert slope == pytest.approx(np.linalg.norm(g, {1: np.inf, 2: 2, np.inf: 1}[order]))
    others = np.random.default_rng(2).standard_normal((500, len(d)))
    assert np.all(-(others @ g) / np.linalg.norm(others, order, axis=1) <= slope)
    # And it ends at the minimum along d.
    gradient = X.T @ (X @ run.coef - y)
    assert abs(gradient @ d) <= 1e-10 * np.linalg.norm(gradient) * np.linalg.norm(d)


def test_gradient_descent_ends_nearest_to_the_start_and_the_others_do_not():
    X, y, start = system(seed=3)
    limit = GradientPath(X, y, start=start).limit
    np.testing.assert_allclose(steepest_descent(X, y, start=start).coef, limit, atol=1e-10)
    for norm in ("l1", "linf"):
        run = steepest_descent(X, y, norm, start=start, max_steps=100_000)
        assert np.linalg.norm(run.coef - start) > 1.02 * np.linalg.norm(limit - start)


def test_sign_descent_gives_equal_weights():
    """Wilson et al. (2017): when X sign(X^T y) = c y, one step from zero fits; weights +-1/c."""
    # Samples with a private feature each, and a shared one: +-1, in the proportion of the labels.
    y = np.array([1.0, -1.0, 1.0, 1.0, -1.0])
    X = np.c_[2 * y, np.diag(y)]
    run = steepest_descent(X, y, "linf")
    assert run.n_steps == 1
    np.testing.assert_allclose(run.coef, [1 / 3] * 6)
    # The fit of least norm leans on the shared feature instead.
    np.testing.assert_allclose(steepest_descent(X, y).coef, np.linalg.pinv(X) @ y, atol=1e-12)
    assert steepest_descent(X, y).coef[0] > 1.9 * steepest_descent(X, y).coef[1]


def test_coordinate_descent_finds_a_sparse_truth():
    X, _, _ = system(60, 100, seed=4)
    truth = np.zeros(100)
    truth[[3, 50, 51]] = [1.0, -2.0, 1.5]
    run = steepest_descent(X, X @ truth, "l1")
    np.testing.assert_allclose(run.coef, truth, atol=1e-10)


def test_recording():
    X, y, start = system(seed=5)
    run = steepest_descent(X, y, start=start, record=3)
    assert run.iterates.shape == (4, 40)
    np.testing.assert_array_equal(run.iterates[0], start)
    losses = np.sum((y - run.iterates @ X.T) ** 2, axis=1)
    assert np.all(np.diff(losses) < 0)
    done = steepest_descent(X, X @ start, start=start)
    assert (done.n_steps, done.residual, done.converged) == (0, 0.0, True)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("exponent", [-500, 500])
def test_units_of_the_samples_do_not_matter(norm, exponent):
    """A power of two: the same steps, digit by digit, where squares would under- or overflow."""
    X, y, start = system(seed=6)
    unit = 2.0**exponent
    run = steepest_descent(X, y, norm, start=start, max_steps=100_000)
    far = steepest_descent(X * unit, y, norm, start=start / unit, max_steps=100_000)
    assert far.converged
    np.testing.assert_array_equal(far.coef * unit, run.coef)


def test_no_solution_is_said():
    X, y, _ = system(20, 5)
    with pytest.warns(ConvergenceWarning, match=r"residual is .* X w = y has no solution"):
        run = steepest_descent(X, y, max_steps=500)
    assert not run.converged
    np.testing.assert_allclose(run.coef, np.linalg.pinv(X) @ y, atol=1e-10)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        (dict(norm="l3"), ValueError, "norm is 'l3'; expected one of 'l1', 'l2', 'linf'"),
        (dict(relaxation=2.0), ValueError, r"relaxation is 2\.0; expected a number below 2"),
        (dict(max_steps=-1), ValueError, "max_steps is -1"),
        (dict(tol=-1.0), ValueError, r"tol is -1\.0"),
        (dict(record=1.5), TypeError, "record is float"),
        (dict(y=[[1.0]]), ValueError, "y has shape"),
    ],
)
def test_bad_input_is_named(arguments, error, match):
    good = dict(X=[[1.0, 0.0]], y=[1.0])
    with pytest.raises(error, match=match):
        steepest_descent(**{**good, **arguments})
