"""Iterations predicted from a spectrum against iterations counted in small dense runs."""

import numpy as np
import pytest

from fearless.theory.rates.iterations import (
    conjugate_gradient_iterations,
    gradient_descent_iterations,
    gradient_descent_residuals,
)


def dense(seed, values):
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.standard_normal((len(values), len(values))))[0]
    return (Q * values) @ Q.T, Q, rng


@pytest.mark.parametrize("seed", [0, 1])
def test_gradient_descent_is_predicted_to_the_step(seed):
    values = np.geomspace(1, 0.02, 30)
    H, Q, rng = dense(seed, values)
    Y = rng.standard_normal((30, 3))
    weights = np.sum((Q.T @ Y) ** 2, axis=1)
    eta = 2 / (values[0] + values[-1])
    R, steps, history = Y.copy(), 0, [1.0]
    while history[-1] > 1e-3:
        R, steps = R - eta * H @ R, steps + 1
        history.append(np.linalg.norm(R) / np.linalg.norm(Y))
    assert gradient_descent_iterations(values, 1e-3, weights) == steps
    assert steps <= gradient_descent_iterations(values, 1e-3)
    found = gradient_descent_residuals(values, weights, np.arange(steps + 1))
    np.testing.assert_allclose(found, history, rtol=1e-9)


def test_worst_case_is_attained():
    values = np.array([1.0, 0.1])
    count = gradient_descent_iterations(values, 1e-4)
    assert count == gradient_descent_iterations(values, 1e-4, [0.0, 1.0])
    kappa = 10
    assert count == np.ceil(np.log(1e4) / np.log((kappa + 1) / (kappa - 1)))


def test_a_step_that_solves_at_once():
    assert gradient_descent_iterations([2.0, 2.0], 1e-8) == 1
    np.testing.assert_array_equal(gradient_descent_residuals([2.0], [1.0], [0, 1]), [1, 0])


@pytest.mark.parametrize("outliers", [0, 3])
def test_conjugate_gradients_keep_the_bound(outliers):
    values = np.r_[np.geomspace(1e5, 1e3, outliers), np.linspace(4, 1, 80 - outliers)]
    H, _, rng = dense(outliers, values)
    y = rng.standard_normal(80)
    solution = np.linalg.solve(H, y)

    def energy(e):
        return np.sqrt(e @ H @ e)

    # The best point of each Krylov space: rounding errors do not delay it as they do the recurrence
    basis, steps, best = (y / np.linalg.norm(y))[:, None], 0, np.zeros(80)
    while energy(best - solution) > 1e-6 * energy(solution):
        best = basis @ np.linalg.solve(basis.T @ H @ basis, basis.T @ y)
        steps += 1
        new = H @ basis[:, -1]
        for _ in range(2):
            new -= basis @ (basis.T @ new)
        basis = np.c_[basis, new / np.linalg.norm(new)]
    bound = conjugate_gradient_iterations(values, 1e-6)
    assert steps <= bound <= 2 * steps
    if outliers:  # the classical bound would be useless
        assert bound < np.log(2e6) * np.sqrt(values[0] / values[-1]) / 10


def test_equal_eigenvalues_need_one_iteration():
    assert conjugate_gradient_iterations([3.0] * 10, 1e-12) == 1
    assert conjugate_gradient_iterations([9.0, 3.0], 1e-12) == 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gradient_descent_iterations([1.0], 1.0), r"tol is 1\.0; expected less than 1"),
        (lambda: gradient_descent_iterations([1.0, 0.0], 0.1), r"expected positive numbers"),
        (lambda: gradient_descent_iterations([1.0], 0.1, step_size=2.0), r"less than 2 / lambda_1"),
        (lambda: gradient_descent_residuals([1.0], [0.0], [1]), r"not all zero"),
        (lambda: gradient_descent_residuals([1.0], [1.0], [-1]), r"steps is -1"),
        (lambda: conjugate_gradient_iterations([], 0.1), r"eigenvalues is empty"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_fractions_of_steps_are_refused():
    with pytest.raises(TypeError, match="steps is"):
        gradient_descent_residuals([1.0], [1.0], [0.5])
