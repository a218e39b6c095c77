"""Kernel systems by Cholesky: the dense truth, the jitter, and what is left in the matrix."""

import numpy as np
import pytest

from fearless.linalg import NotPositiveDefiniteError
from fearless.solvers.cholesky import solve_by_cholesky


def problem(n, dtype, seed, outputs=3):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((n, n + 5))
    return np.asfortranarray(A @ A.T, dtype=dtype), rng.standard_normal((n, outputs)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n", [1, 7, 300])  # more than one block of rows
@pytest.mark.parametrize("reg", [0.0, 2.5])
def test_agrees_with_the_dense_solution(dtype, n, reg):
    K, Y = problem(n, dtype, n)
    truth = np.linalg.solve(K.astype(float) + reg * np.eye(n), Y)
    condition = np.linalg.cond(K.astype(float) + reg * np.eye(n), 1)
    solution = solve_by_cholesky(K.copy(order="F"), Y, reg)
    tolerance = 10 * n * np.finfo(dtype).eps * condition
    np.testing.assert_allclose(solution.coef, truth, atol=tolerance * np.abs(truth).max())
    np.testing.assert_allclose(
        solution.values, K.astype(float) @ solution.coef, atol=tolerance * np.abs(Y).max()
    )
    assert solution.jitter == 0
    assert solution.coef.dtype == dtype
    assert condition / 3 <= solution.condition <= condition * (1 + 1e-3)  # an estimate from below


def test_a_singular_matrix_gets_the_smallest_jitter_that_solves():
    rng = np.random.default_rng(0)
    B = rng.standard_normal((40, 5))
    K = np.asfortranarray(B @ B.T)
    Y = B @ rng.standard_normal((5, 2))  # in the range: nearly solvable
    solution = solve_by_cholesky(K.copy(order="F"), Y)
    eps = np.finfo(float).eps * K.diagonal().mean()
    assert eps * 0.99 <= solution.jitter <= 1e4 * eps
    np.testing.assert_allclose(solution.values, Y, atol=0.01 * np.abs(Y).max())
    np.testing.assert_allclose(solution.values, K @ solution.coef, atol=1e-8)


def test_shares_say_which_columns_matter():
    K, Y = problem(30, np.float64, 3, outputs=2)
    alone = solve_by_cholesky(K.copy(order="F"), Y)
    shared = solve_by_cholesky(K.copy(order="F"), Y, shares=np.array([1.0, 1e-200]))
    np.testing.assert_array_equal(alone.coef, shared.coef)


def test_bad_input():
    K = np.asfortranarray(np.diag([1.0, -5.0, 1.0]))
    with pytest.raises(NotPositiveDefiniteError):
        solve_by_cholesky(K, np.ones((3, 1)))
    with pytest.raises(ValueError, match="reg is -1"):
        solve_by_cholesky(np.eye(2, order="F"), np.ones((2, 1)), -1.0)
