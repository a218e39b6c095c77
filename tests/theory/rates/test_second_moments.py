"""Second moments against enumeration of all batches, Kronecker products and published radii."""

import itertools

import numpy as np
import pytest

from fearless.optimization.methods import GradientDescent, HeavyBall, MaSS, Nesterov
from fearless.theory.rates.momentum import mass_time
from fearless.theory.rates.recursions import Recursion
from fearless.theory.rates.sample_moments import SampleMoments
from fearless.theory.rates.second_moments import DecoupledMoments, MomentumMoments

METHODS = [GradientDescent(0.05), HeavyBall(0.05, 0.7), Nesterov(0.05, 0.6), MaSS(0.05, 0.6, 0.02)]
NAMES = [type(method).__name__ for method in METHODS]


def enumerate_losses(gram, recursion, residual, n_steps, batches):
    """Average over all batches, one step after another, by dense algebra."""
    n, size = len(residual), len(recursion.push)
    z = np.tile(residual, size)
    Z, losses = np.outer(z, z), []
    for _ in range(n_steps + 1):
        losses.append(np.trace(Z[:n, :n]) / (2 * n))
        total = 0
        for batch in batches:
            D = np.diag(np.bincount(batch, minlength=n) / len(batch))
            A = np.kron(recursion.keep, np.eye(n)) + np.kron(recursion.response, gram @ D)
            total = total + A @ Z @ A.T
        Z = total / len(batches)
    return losses


@pytest.mark.parametrize("method", METHODS, ids=NAMES)
@pytest.mark.parametrize("replacement", [True, False])
def test_losses_are_means_over_all_batches(method, replacement):
    rng = np.random.default_rng(3)
    X = rng.standard_normal((4, 6))
    gram, residual = X @ X.T, rng.standard_normal(4)
    recursion = Recursion.of(method)
    pairs = itertools.product(range(4), repeat=2)
    if not replacement:
        pairs = itertools.permutations(range(4), 2)
    expected = enumerate_losses(gram, recursion, residual, 6, list(pairs))
    moments = MomentumMoments(gram, replacement=replacement)
    np.testing.assert_allclose(moments.path(recursion, residual, 6, 2), expected, rtol=1e-10)


def test_without_momentum_it_is_the_recursion_of_sgd():
    rng = np.random.default_rng(4)
    X = rng.standard_normal((12, 20))
    residual = rng.standard_normal(12)
    plain = SampleMoments(X @ X.T).losses(residual, np.arange(31), 0.03, 3)
    moments = MomentumMoments(X @ X.T)
    ours = moments.path(Recursion.of(GradientDescent(0.03)), residual, 30, 3)
    np.testing.assert_allclose(ours, plain, rtol=1e-10)


@pytest.mark.parametrize("method", METHODS, ids=NAMES)
@pytest.mark.parametrize("b", [1, 5])
def test_orthogonal_samples_decouple(method, b):
    squares = np.array([2.0, 1.0, 0.3])
    start = np.array([1.0, -2.0, 0.5])
    recursion = Recursion.of(method)
    whole = MomentumMoments(np.diag(squares)).path(recursion, start * squares**0.5, 25, b)
    axes = DecoupledMoments(squares / 3, 3.0)
    np.testing.assert_allclose(axes.path(recursion, start, 25, b) @ (squares / 6), whole)
    rate = axes.radius(recursion, b)
    late = axes.path(recursion, start, 2001, b).sum(axis=1)
    # Complex pairs make the error oscillate: compare over many steps.
    assert np.log(late[2000] / late[1000]) / 1000 == pytest.approx(np.log(rate), abs=2e-3)


@pytest.mark.parametrize(
    ("gamma", "radius"), [(0.6, 1.0307), (0.8, 1.246), (0.9, 1.377), (0.99, 1.507)]
)
def test_nesterov_diverges_on_the_data_of_liu_and_belkin(gamma, radius):
    axes = DecoupledMoments([1.0, 0.01], 6.0)
    assert axes.radius(Recursion.of(Nesterov(1 / 6, gamma))) == pytest.approx(radius, abs=6e-4)


@pytest.mark.parametrize(
    ("kappa", "radius", "bound"),
    [(10, 0.9278, 0.9473), (100, 0.97472, 0.98333), (1000, 0.99132, 0.99473)],
)
def test_mass_on_the_data_of_liu_and_belkin(kappa, radius, bound):
    axes = DecoupledMoments([1.0, 1 / kappa], 6.0)
    found = axes.radius(Recursion.of(MaSS.tuned(6.0, 1.0, 1 / kappa, 6.0)))
    assert found == pytest.approx(radius, abs=6e-5)
    S = mass_time(6.0, 1.0, 1 / kappa, 6.0)
    assert 1 - 1 / S == pytest.approx(bound, abs=6e-5)
    assert found <= 1 - 1 / S


def test_lyapunov_function_of_mass_shrinks_on_any_samples():
    """The theorem on correlated data: E F_1 <= (1 - 1/S) F_0 for every start, by its matrix."""
    rng = np.random.default_rng(8)
    n, p, b = 5, 5, 2
    X = rng.standard_normal((n, p)) * rng.uniform(0.5, 2, (n, 1))
    H = X.T @ X / n
    values = np.linalg.eigvalsh(H)
    beta = np.sum(X**2, axis=1).max()
    method = MaSS.tuned(beta, values[-1], values[0], n, b)
    S = mass_time(beta, values[-1], values[0], n, b)
    recursion = Recursion.of(method)
    # F = ||v||^2 in H^-1 + ||w||^2 / lambda_n with v = (1 + S) u - S w, as a form in (w, u).
    v = np.kron([-S, 1 + S], np.eye(p))
    first = np.kron([1.0, 0.0], np.eye(p))
    F = v.T @ np.linalg.solve(H, v) + first.T @ first / values[0]
    after = 0
    for batch in itertools.product(range(n), repeat=b):
        rows = X[list(batch)]
        A = np.kron(recursion.keep, np.eye(p)) + np.kron(recursion.response, rows.T @ rows / b)
        after = after + A.T @ F @ A / n**b
    slack = (1 - 1 / S) * F - after
    assert np.linalg.eigvalsh((slack + slack.T) / 2).min() > -1e-9 * np.abs(F).max()


def test_statistical_condition_number_of_independent_samples_is_n():
    X = np.random.default_rng(0).standard_normal((6, 9))
    H = X.T @ X / 6
    leverage = np.einsum("ij,jk,ik->i", X, np.linalg.pinv(H), X)
    np.testing.assert_allclose(leverage, 6)


def test_what_is_beyond_all_numbers_is_infinite():
    recursion = Recursion.of(Nesterov(0.9, 0.9))
    path = DecoupledMoments([1.0, 0.01], 8.0).path(recursion, [1.0, 1.0], 900)
    first = int(np.argmax(np.isinf(path[:, 0])))
    assert 0 < first < 900
    assert np.all(path[first:, 0] == np.inf)
    assert np.all(np.isfinite(path[:, 1]))
    losses = MomentumMoments(8 * np.eye(8)).path(recursion, np.ones(8), 900)
    end = int(np.argmax(np.isinf(losses)))
    assert end == pytest.approx(first, abs=3)
    assert np.all(losses[end:] == np.inf)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: MomentumMoments(np.eye(3), replacement=False).path(
                Recursion.of(GradientDescent(0.1)), np.ones(3), 1, 4
            ),
            r"batch_size",
        ),
        (
            lambda: MomentumMoments(np.eye(3)).path(
                Recursion.of(GradientDescent(0.1)), np.ones(3), 1, 0
            ),
            r"batch_size",
        ),
        (lambda: DecoupledMoments([1.0, 0.0], 2.0), r"eigenvalues contains 0\.0"),
        (lambda: DecoupledMoments([1.0, 2.0], 0.5), r"noise contains 0\.5"),
        (lambda: DecoupledMoments([1.0, 2.0], [2.0]), r"noise has length 1; expected 2"),
        (lambda: MomentumMoments(np.ones((2, 3))), r"expected a square matrix"),
        (
            lambda: MomentumMoments(np.ones((2, 2))).path(
                Recursion.of(GradientDescent(0.1)), [1.0, 0.0], 1
            ),
            r"residual has a part of 0\.71 times its norm",
        ),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
