"""The growing factor against least squares solved afresh after every append."""

import numpy as np
import pytest

from fearless.solvers.paths.growing import GrowingFactor


def pieces(rng, n, dtype=np.float64, n_pieces=4):
    rows = rng.standard_normal((8 * n, n))
    if np.dtype(dtype).kind == "c":
        rows = rows + 1j * rng.standard_normal(rows.shape)
    return np.split(rows.astype(dtype), n_pieces)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
@pytest.mark.parametrize("gram", [False, True])
def test_solve_is_the_solution_of_the_normal_equations(seed, dtype, gram):
    rng = np.random.default_rng(seed)
    first, *others = pieces(rng, 20, dtype)
    b = rng.standard_normal((20, 3)).astype(dtype)
    factor = GrowingFactor(first)
    if gram:
        assert factor.try_gram([(first,)], factor.solve(b)[0], b)
    rows = first
    for block in others:
        factor.append(block)
        rows = np.vstack([rows, block])
        x, square_norms = factor.solve(b)
        expected = np.linalg.solve(rows.conj().T @ rows, b)
        tol = 1e3 * np.finfo(dtype).eps
        np.testing.assert_allclose(x, expected, atol=tol * np.abs(expected).max())
        np.testing.assert_allclose(
            square_norms, np.linalg.norm(rows @ expected, axis=0) ** 2, rtol=tol
        )
    assert factor.method == ("gram" if gram else "qr")


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("gram", [False, True])
@pytest.mark.parametrize("n_first", [10, 11, 40])
def test_least_squares_agrees_with_lstsq(dtype, gram, n_first):
    rng = np.random.default_rng(3)
    rows = np.vstack(pieces(rng, 10, dtype))
    targets = rng.standard_normal((len(rows), 4)).astype(dtype)
    factor = GrowingFactor(rows[:n_first], targets[:n_first])
    if gram:
        assert factor.try_gram([(rows[:n_first], targets[:n_first])], factor.least_squares())
    for stop in (n_first, 50, len(rows)):
        factor.append(rows[n_first:stop], targets[n_first:stop])
        n_first = max(n_first, stop)
        expected = np.linalg.lstsq(rows[:stop], targets[:stop], rcond=None)[0]
        kappa = np.linalg.cond(rows[:stop])
        tol = 100 * np.finfo(dtype).eps * (kappa**2 if gram else kappa) * np.abs(expected).max()
        np.testing.assert_allclose(factor.least_squares(), expected, atol=tol)


@pytest.mark.parametrize("gram", [False, True])
def test_condition_estimates_the_frobenius_condition_number(gram):
    estimates = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        rows = rng.standard_normal((34, 30))
        factor = GrowingFactor(rows)
        x, _ = factor.solve(np.ones((30, 1)))
        if gram:
            assert factor.try_gram([(rows,)], x, np.ones((30, 1)))
        factor.solve(np.ones((30, 1)))
        exact = np.linalg.norm(rows) * np.linalg.norm(np.linalg.pinv(rows))
        estimates.append(factor.condition / exact)
    # 16 probes: relative standard deviation at most sqrt(2 / 16) of the square, half of the root.
    assert np.abs(np.log(estimates)).max() < 4 * 0.5 * np.sqrt(2 / 16)
    assert abs(np.mean(np.log(estimates))) < 4 * 0.5 * np.sqrt(2 / 16 / 20) + 2 / 16


def test_extreme_singular_values_in_both_phases():
    rows = np.random.default_rng(0).standard_normal((80, 40))
    s = np.linalg.svd(rows, compute_uv=False)
    factor = GrowingFactor(rows)
    assert factor.extreme_singular_values() == pytest.approx((s[-1], s[0]), rel=1e-6)
    b = np.ones((40, 1))
    assert factor.try_gram([(rows,)], factor.solve(b)[0], b)
    assert factor.extreme_singular_values() == pytest.approx((s[-1], s[0]), rel=1e-6)


def test_single_precision_gram_phase_of_a_double_precision_factor():
    rows = np.random.default_rng(0).standard_normal((80, 20))
    factor = GrowingFactor(rows, single=True)
    assert factor.dtype == np.float64
    b = np.ones((20, 1))
    assert factor.try_gram([(rows[:40],), (rows[40:],)], factor.solve(b)[0], b)
    assert factor.dtype == np.float64
    x, _ = factor.solve(b)
    assert factor.wants_single()
    assert factor.try_single(x, b)
    assert factor.dtype == np.float32
    x, _ = factor.solve(np.ones((20, 1)))
    np.testing.assert_allclose(x, np.linalg.solve(rows.T @ rows, np.ones((20, 1))), rtol=1e-3)


def test_an_ill_conditioned_factor_refuses_the_gram_phase():
    rng = np.random.default_rng(0)
    # Rotated: Cholesky does not mind a badly scaled basis, only a badly conditioned space.
    rotation, _ = np.linalg.qr(rng.standard_normal((20, 20)))
    rows, b = rng.standard_normal((60, 20)) * np.geomspace(1, 1e-4, 20) @ rotation, np.ones((20, 1))
    factor = GrowingFactor(rows)
    before, _ = factor.solve(b)
    assert not factor.try_gram([(rows,)], before, b)
    assert factor.method == "qr"
    assert not factor.wants_gram()
    np.testing.assert_array_equal(factor.solve(b)[0], before)
