"""Every in-place routine against NumPy on the same matrix, in all four floating types."""

import numpy as np
import pytest

from fearless import linalg

DTYPES = [np.float32, np.float64, np.complex64, np.complex128]


def draw(rng, m, n, dtype):
    a = rng.standard_normal((m, n))
    if np.dtype(dtype).kind == "c":
        a = a + 1j * rng.standard_normal((m, n))
    return a.astype(dtype)


def tolerance(dtype, factor=100):
    return factor * np.finfo(dtype).eps


@pytest.fixture(params=[0, 1])
def rng(request):
    return np.random.default_rng(request.param)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(30, 30), (47, 20), (20, 47), (1, 1)])
def test_q_times_r_is_the_matrix(rng, dtype, shape):
    a = draw(rng, *shape, dtype)
    packed, tau = linalg.qr_in_place(linalg.as_fortran(a, copy=True))
    k = min(shape)
    r = np.vstack([np.triu(packed[:k]), np.zeros((shape[0] - k, shape[1]), dtype)])
    scale = np.linalg.norm(a)
    np.testing.assert_allclose(linalg.apply_q(packed, tau, r), a, atol=tolerance(dtype) * scale)
    np.testing.assert_allclose(
        linalg.apply_q(packed, tau, a, adjoint=True), r, atol=tolerance(dtype) * scale
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_factorisations_overwrite_their_argument(rng, dtype):
    a = linalg.as_fortran(draw(rng, 40, 20, dtype))
    packed, _ = linalg.qr_in_place(a)
    assert np.shares_memory(packed, a)
    gram = np.zeros((20, 20), dtype, order="F")
    updated = linalg.gram_update(gram, draw(rng, 40, 20, dtype))
    assert np.shares_memory(updated, gram)
    assert np.shares_memory(linalg.cholesky_in_place(updated), gram)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("m", [1, 2, 31])
def test_the_reflection_separates_the_constant_part(rng, dtype, m):
    a = draw(rng, m, 5, dtype)
    reflected, close = linalg.reflect_constant(a), {"rtol": 0, "atol": m * tolerance(dtype)}
    assert reflected.dtype == dtype
    np.testing.assert_allclose(reflected[0], -a.sum(axis=0) / m**0.5, **close)
    centred = a - a.mean(axis=0)
    np.testing.assert_allclose(reflected[1:].T @ reflected[1:], centred.T @ centred, **close)
    np.testing.assert_allclose(linalg.reflect_constant(reflected), a, **close)
    np.testing.assert_allclose(linalg.reflect_constant(a[:, 0]), reflected[:, 0], **close)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("k", [0, 1, 5, 200])
def test_appended_rows_add_their_gram_matrix(rng, dtype, k):
    a, b = draw(rng, 80, 70, dtype), draw(rng, k, 70, dtype)
    packed, _ = linalg.qr_in_place(linalg.as_fortran(a, copy=True))
    r = np.triu(linalg.append_rows(linalg.as_fortran(packed[:70]), b))
    expected = a.conj().T @ a + b.conj().T @ b
    np.testing.assert_allclose(
        r.conj().T @ r, expected, atol=tolerance(dtype) * np.linalg.norm(expected)
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("order", ["C", "F"])
def test_gram_update_fills_the_lower_triangle_only(rng, dtype, order):
    b = np.asarray(draw(rng, 13, 9, dtype), order=order)
    gram = np.full((9, 9), 7, dtype=dtype, order="F")
    gram = linalg.gram_update(gram, b)
    expected = 7 + b.conj().T @ b
    np.testing.assert_allclose(np.tril(gram), np.tril(expected), rtol=tolerance(dtype))
    assert np.all(gram[np.triu_indices(9, 1)] == 7)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("adjoint", [False, True])
def test_products_are_added_in_place(rng, dtype, order, adjoint):
    a, b = np.asarray(draw(rng, 9, 6, dtype), order=order), draw(rng, 9 if adjoint else 6, 4, dtype)
    m = 6 if adjoint else 9
    whole = np.asfortranarray(draw(rng, m, 7, dtype))
    before, c = whole.copy(), whole[:, 3:]
    linalg.add_product(c, a, b, adjoint=adjoint)
    expected = before[:, 3:] + (a.conj().T if adjoint else a) @ b
    np.testing.assert_allclose(whole[:, 3:], expected, atol=tolerance(dtype))
    np.testing.assert_array_equal(whole[:, :3], before[:, :3])


@pytest.mark.parametrize("dtype", DTYPES)
def test_cholesky_solves(rng, dtype):
    a, b = draw(rng, 60, 25, dtype), draw(rng, 25, 3, dtype)
    gram = a.conj().T @ a
    factor = linalg.cholesky_in_place(linalg.as_fortran(np.tril(gram), copy=True))
    x = linalg.cholesky_solve(factor, b)
    np.testing.assert_allclose(
        gram @ x, b, atol=tolerance(dtype) * np.linalg.norm(gram) * np.linalg.norm(x)
    )


def test_cholesky_of_a_singular_matrix_names_the_pivot():
    gram = np.asfortranarray(np.diag([1.0, 2.0, 0.0, 1.0]))
    with pytest.raises(linalg.NotPositiveDefiniteError, match="pivot 3 of 4"):
        linalg.cholesky_in_place(gram)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("adjoint", [False, True])
def test_triangular_solve_reads_one_triangle(rng, dtype, adjoint):
    full = draw(rng, 20, 20, dtype) + 10 * np.eye(20, dtype=dtype)
    b = draw(rng, 20, 4, dtype)
    x = linalg.solve_triangle(linalg.as_fortran(full), b, adjoint=adjoint)
    r = np.triu(full)
    product = (r.conj().T if adjoint else r) @ x
    np.testing.assert_allclose(product, b, atol=tolerance(dtype, 1000))


def test_triangular_solve_keeps_its_right_hand_side(rng):
    r, b = linalg.as_fortran(np.eye(5) * 2), linalg.as_fortran(rng.standard_normal((5, 2)))
    before = b.copy()
    linalg.solve_triangle(r, b)
    np.testing.assert_array_equal(b, before)


@pytest.mark.parametrize("dtype", DTYPES)
def test_leading_blocks_of_the_inverse_are_nested(rng, dtype):
    r = linalg.as_fortran(np.triu(draw(rng, 12, 12, dtype)) + 5 * np.eye(12, dtype=dtype))
    inverse = linalg.invert_triangle(r)
    for width in (1, 5, 12):
        np.testing.assert_allclose(
            inverse[:width, :width], np.linalg.inv(r[:width, :width]), atol=tolerance(dtype)
        )
    assert np.all(np.tril(inverse, -1) == 0)


def test_inverse_of_a_singular_triangle_is_refused():
    with pytest.raises(np.linalg.LinAlgError, match="entry 1"):
        linalg.invert_triangle(linalg.as_fortran(np.diag([1.0, 0.0, 3.0])))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("n", [1, 20, 90])
def test_extreme_singular_values_agree_with_svd(rng, dtype, lower, n):
    full = draw(rng, n, n, dtype) + n * np.eye(n, dtype=dtype)
    t = np.tril(full) if lower else np.triu(full)
    s = np.linalg.svd(t, compute_uv=False)
    smallest, largest = linalg.extreme_singular_values(linalg.as_fortran(full), lower=lower)
    rtol = max(1e-6, float(tolerance(dtype)))
    assert smallest == pytest.approx(s[-1], rel=rtol)
    assert largest == pytest.approx(s[0], rel=rtol)


def test_an_exactly_singular_triangle_has_smallest_singular_value_zero(rng):
    t = np.triu(rng.standard_normal((50, 50)))
    t[20, 20] = 0.0
    assert linalg.extreme_singular_values(linalg.as_fortran(t))[0] == 0.0


def test_other_types_are_refused():
    with pytest.raises(TypeError, match="int64"):
        linalg.qr_in_place(np.asfortranarray(np.eye(3, dtype=np.int64)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 2, 3, 30, 120])
def test_norm_of_the_inverse_is_a_sharp_lower_bound(dtype, n):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        A = rng.standard_normal((n, n + 1 + seed))
        A = np.asfortranarray(A @ A.T, dtype=dtype)
        true = np.linalg.norm(np.linalg.inv(A.astype(float)), 1)
        estimate = linalg.inverse_one_norm(linalg.cholesky_in_place(A))
        assert true / 3 <= estimate * 1.01
        assert estimate <= true * (1 + 1e6 * np.finfo(dtype).eps)
