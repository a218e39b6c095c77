"""LAPACK and BLAS, in place: the dense kernels under every solver of the library.

NumPy and SciPy expose the right routines but hide three costs that dominate at the sizes of
this book: a copy of every C-ordered operand, a factorisation with an unblocked workspace, and
full products where a triangle would do. The functions here do one LAPACK or BLAS call each,
on Fortran-ordered buffers which they overwrite, for any of the four floating types.

Products go through SciPy's BLAS too (`add_product`). NumPy carries a BLAS of its own, whose threads
go on spinning for a while after each call: alternating between the two on a machine with few cores
costs more than many a factorisation.

Triangular factors are *upper* (``A = Q R``) and Gram matrices live in the *lower* triangle
(``K = L L^H``); the opposite triangle is never read.

References
----------
Anderson et al., *LAPACK Users' Guide*, 3rd edition, SIAM (1999).
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import blas, lapack
from scipy.sparse.linalg import LinearOperator, eigsh

__all__ = [
    "NotPositiveDefiniteError",
    "add_product",
    "append_rows",
    "apply_q",
    "as_fortran",
    "cholesky_in_place",
    "cholesky_solve",
    "extreme_singular_values",
    "gram_update",
    "inverse_one_norm",
    "invert_triangle",
    "qr_in_place",
    "reflect_constant",
    "solve_triangle",
]

# Block size of the QR routines: the default workspace of the wrappers is unblocked, which costs
# a factor of about six at n = 1000.
_BLOCK = 64


class NotPositiveDefiniteError(np.linalg.LinAlgError):
    """A Cholesky factorisation met a non-positive pivot: the matrix is numerically singular."""


def _prefix(dtype: np.dtype) -> str:
    try:
        return {"f": "s", "d": "d", "F": "c", "D": "z"}[np.dtype(dtype).char]
    except KeyError:
        raise TypeError(
            f"dtype: expected float32, float64, complex64 or complex128, got {np.dtype(dtype)}"
        ) from None


def _blas(name: str, dtype: np.dtype):
    return getattr(blas, _prefix(dtype) + name)


def _lapack(name: str, dtype: np.dtype):
    return getattr(lapack, _prefix(dtype) + name)


def _is_complex(dtype: np.dtype) -> bool:
    return np.dtype(dtype).kind == "c"


def _check_info(routine: str, info: int) -> None:
    if info < 0:
        raise ValueError(f"{routine}: argument {-info} has an illegal value")


def as_fortran(a: np.ndarray, dtype: np.dtype | None = None, *, copy: bool = False) -> np.ndarray:
    """Return ``a`` in Fortran order and in ``dtype``, copied only where that is needed.

    Parameters
    ----------
    a : ndarray of shape (m, n)
    dtype : dtype, optional
        Default: that of ``a``.
    copy : bool
        Copy always, so that the result may be overwritten.

    Returns
    -------
    ndarray of shape (m, n), Fortran-contiguous
    """
    return np.array(a, dtype=dtype, order="F", copy=True if copy else None)


def qr_in_place(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Householder QR of ``a``, overwriting it: ``R`` above, the reflectors of ``Q`` below.

    Cost: ``2 m n^2 - 2 n^3 / 3`` flops (real), no memory beyond a ``64 (m + n)`` workspace.

    Parameters
    ----------
    a : ndarray of shape (m, n), Fortran-contiguous
        Destroyed.

    Returns
    -------
    qr : ndarray of shape (m, n)
        The packed factorisation (the same memory as ``a``).
    tau : ndarray of shape (min(m, n),)
        Scalar factors of the reflectors, as `apply_q` needs them.
    """
    qr, tau, _, info = _lapack("geqrf", a.dtype)(
        a, lwork=max(1, _BLOCK * a.shape[1]), overwrite_a=True
    )
    _check_info("geqrf", info)
    return qr, tau


def apply_q(qr: np.ndarray, tau: np.ndarray, c: np.ndarray, *, adjoint: bool = False) -> np.ndarray:
    """Return ``Q C``, or ``Q^H C`` with ``adjoint``, for the packed ``Q`` of `qr_in_place`.

    Cost: about ``4 m n k - 2 n^2 k`` flops for ``C`` of ``k`` columns; ``Q`` is never formed.

    Parameters
    ----------
    qr, tau : ndarrays
        From `qr_in_place`, ``qr`` of shape (m, n).
    c : ndarray of shape (m, k)
        Not modified.
    adjoint : bool
        Apply ``Q^H`` instead of ``Q``.

    Returns
    -------
    ndarray of shape (m, k)
    """
    is_complex = _is_complex(qr.dtype)
    apply = _lapack("unmqr" if is_complex else "ormqr", qr.dtype)
    trans = ("C" if is_complex else "T") if adjoint else "N"
    c = as_fortran(c, qr.dtype, copy=True)
    # Only the first len(tau) columns carry reflectors.
    out, _, info = apply(
        "L", trans, qr[:, : len(tau)], tau, c, lwork=_BLOCK * max(1, c.shape[1]), overwrite_c=True
    )
    _check_info("ormqr", info)
    return out


def reflect_constant(a: np.ndarray) -> np.ndarray:
    """Apply the Householder reflection between the constant vector and minus the first unit vector.

    Columns of mean zero get a zero first row; the rows below are their coordinates in the
    complement of the constant vector. Subtracting means alone would leave a singular value that is
    zero but for rounding, which a rank decision may miss. The reflection is its own inverse.

    Cost: ``4 m n`` flops.

    Parameters
    ----------
    a : ndarray of shape (m,) or (m, n), floating
        Not modified.

    Returns
    -------
    ndarray of the same shape and dtype
    """
    m = len(a)
    v = np.full(m, m**-0.5, a.dtype)
    v[0] += 1
    return a - np.multiply.outer(v, (v @ a) / v[0])


def append_rows(r: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Update ``R`` so that ``R^H R`` gains ``B^H B``: QR of ``[R; B]``, in place.

    The triangular-pentagonal QR keeps the condition number unsquared, which a Gram update
    would not. Cost: ``2 k n^2`` flops for ``k`` new rows.

    Parameters
    ----------
    r : ndarray of shape (n, n), Fortran-contiguous
        Upper triangular; overwritten by the updated factor (its lower triangle is kept as is).
    rows : ndarray of shape (k, n)
        The rows ``B`` to append. Not modified.

    Returns
    -------
    ndarray of shape (n, n)
        The updated factor, the same memory as ``r``.
    """
    n = r.shape[1]
    if rows.shape[0] == 0 or n == 0:
        return r
    b = as_fortran(rows, r.dtype, copy=True)
    r, _, _, info = _lapack("tpqrt", r.dtype)(
        0, min(_BLOCK, n), r, b, overwrite_a=True, overwrite_b=True
    )
    _check_info("tpqrt", info)
    return r


def add_product(
    c: np.ndarray, a: np.ndarray, b: np.ndarray, *, adjoint: bool = False
) -> np.ndarray:
    """Add ``A B``, or ``A^H B`` with ``adjoint``, to ``C`` in place.

    Cost: ``2 m n k`` flops; operands that are not contiguous are copied.

    Parameters
    ----------
    c : ndarray of shape (m, n), Fortran-contiguous
    a : ndarray of shape (m, k), or (k, m) with ``adjoint``
    b : ndarray of shape (k, n)
    adjoint : bool
        Multiply by the conjugate transpose of ``a``.

    Returns
    -------
    ndarray of shape (m, n)
        The same memory as ``c``.
    """
    a, trans = np.asarray(a, dtype=c.dtype), 0
    if adjoint:
        trans = 2 if _is_complex(c.dtype) else 1
    if not _is_complex(c.dtype) and a.flags.c_contiguous:  # its transpose needs no copy
        a, trans = a.T, 1 - trans
    b = as_fortran(b, c.dtype)
    return _blas("gemm", c.dtype)(
        1.0, as_fortran(a), b, beta=1.0, c=c, trans_a=trans, overwrite_c=True
    )


def gram_update(gram: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Add ``B^H B`` to the lower triangle of ``gram``, in place.

    Cost: ``k n^2`` flops for ``k`` rows, half of a general product.

    Parameters
    ----------
    gram : ndarray of shape (n, n), Fortran-contiguous
    rows : ndarray of shape (k, n)
        A C-ordered array is read without a copy: its transpose is Fortran-ordered.

    Returns
    -------
    ndarray of shape (n, n)
        The same memory as ``gram``.
    """
    name = "herk" if _is_complex(gram.dtype) else "syrk"
    rows = np.asarray(rows, dtype=gram.dtype)
    if rows.flags.f_contiguous:
        a, trans = rows, 1 if name == "syrk" else 2
    elif _is_complex(gram.dtype):
        a, trans = np.asfortranarray(rows), 2
    else:
        a, trans = np.asfortranarray(rows.T), 0
    return _blas(name, gram.dtype)(1.0, a, beta=1.0, c=gram, trans=trans, lower=1, overwrite_c=True)


def cholesky_in_place(gram: np.ndarray) -> np.ndarray:
    """Cholesky factor ``L`` of the lower triangle of ``gram``, overwriting it.

    Cost: ``n^3 / 3`` flops, no extra memory.

    Parameters
    ----------
    gram : ndarray of shape (n, n), Fortran-contiguous
        Destroyed.

    Returns
    -------
    ndarray of shape (n, n)
        ``L`` in the lower triangle; the upper triangle is whatever it was.

    Raises
    ------
    NotPositiveDefiniteError
        When a pivot is not positive. No jitter is added.
    """
    factor, info = _lapack("potrf", gram.dtype)(gram, lower=1, clean=0, overwrite_a=True)
    _check_info("potrf", info)
    if info > 0:
        raise NotPositiveDefiniteError(
            f"Cholesky factorisation failed at pivot {info} of {gram.shape[0]}: the matrix is "
            f"not positive definite to {gram.dtype} precision"
        )
    return factor


def cholesky_solve(factor: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Solve ``L L^H X = B`` given the lower factor of `cholesky_in_place`.

    Cost: ``2 n^2 k`` flops for ``k`` right-hand sides.

    Parameters
    ----------
    factor : ndarray of shape (n, n)
    b : ndarray of shape (n, k)

    Returns
    -------
    ndarray of shape (n, k)
    """
    x, info = _lapack("potrs", factor.dtype)(factor, as_fortran(b, factor.dtype), lower=1)
    _check_info("potrs", info)
    return x


def inverse_one_norm(factor: np.ndarray, max_iter: int = 5) -> float:
    """Estimate the 1-norm of ``(L L^T)^-1`` from the lower factor of `cholesky_in_place`.

    A lower bound, seldom below a third of the truth: Hager's ascent to a column of the inverse of
    large norm. LAPACK's ``pocon`` does the same with solvers that guard against overflow, at twice
    the time.

    Cost: ``2 n^2`` flops a step, mostly five to eight of them, at the speed of the memory.

    Parameters
    ----------
    factor : ndarray of shape (n, n), Fortran-contiguous
        Real; its upper triangle is not read.
    max_iter : int
        Bound of the number of columns looked at.

    Returns
    -------
    float
        Infinity, or not a number, where solutions overflow.

    References
    ----------
    N. J. Higham (2002), Accuracy and Stability of Numerical Algorithms, 2nd edition, SIAM,
    algorithm 15.1.
    """
    n = factor.shape[0]
    trsv = _blas("trsv", factor.dtype)

    def solve(x: np.ndarray) -> np.ndarray:
        x = trsv(factor, x, lower=1)
        return trsv(factor, x, lower=1, trans=1, overwrite_x=True)

    def norm(x: np.ndarray) -> float:
        return float(np.abs(x).sum(dtype=np.float64))

    with np.errstate(over="ignore", invalid="ignore"):
        y = solve(np.full(n, 1 / n, factor.dtype))
        estimate = norm(y)
        signs = np.where(y < 0, -1, 1).astype(factor.dtype)
        column = -1
        for _ in range(max_iter):
            z = solve(signs)
            best = int(np.argmax(np.abs(z)))
            if best == column:
                break
            column = best
            unit = np.zeros(n, factor.dtype)
            unit[column] = 1
            y = solve(unit)
            before, estimate = estimate, max(estimate, norm(y))
            new = np.where(y < 0, -1, 1).astype(factor.dtype)
            if not estimate > before or np.array_equal(new, signs):
                break
            signs = new
        # Against matrices made to deceive the ascent.
        waves = (1 + np.arange(n) / max(1, n - 1)) * np.where(np.arange(n) % 2, -1, 1)
        return max(estimate, 2 * norm(solve(waves.astype(factor.dtype))) / (3 * n))


def solve_triangle(
    r: np.ndarray, b: np.ndarray, *, adjoint: bool = False, overwrite: bool = False
) -> np.ndarray:
    """Solve ``R X = B``, or ``R^H X = B`` with ``adjoint``, for an upper triangular ``R``.

    Cost: ``n^2 k`` flops for ``k`` right-hand sides.

    Parameters
    ----------
    r : ndarray of shape (n, n), Fortran-contiguous
        Its lower triangle is not read.
    b : ndarray of shape (n, k)
    adjoint : bool
        Solve with ``R^H``.
    overwrite : bool
        Allow ``b`` to be destroyed (spares a copy where it is Fortran-ordered).

    Returns
    -------
    ndarray of shape (n, k)
    """
    trans = (2 if _is_complex(r.dtype) else 1) if adjoint else 0
    b = as_fortran(b, r.dtype)
    return _blas("trsm", r.dtype)(1.0, r, b, trans_a=trans, overwrite_b=overwrite)


def invert_triangle(r: np.ndarray) -> np.ndarray:
    """Inverse of an upper triangular matrix, in a new array with a zero lower triangle.

    Leading blocks are nested: ``inv(R)[:N, :N] = inv(R[:N, :N])`` for every ``N``.
    Cost: ``n^3 / 3`` flops.

    Parameters
    ----------
    r : ndarray of shape (n, n)

    Returns
    -------
    ndarray of shape (n, n), Fortran-contiguous

    Raises
    ------
    numpy.linalg.LinAlgError
        When a diagonal entry is exactly zero.
    """
    inverse, info = _lapack("trtri", r.dtype)(as_fortran(np.triu(r)), overwrite_c=True)
    _check_info("trtri", info)
    if info > 0:
        raise np.linalg.LinAlgError(f"triangular matrix is singular: entry {info - 1} is zero")
    return inverse


def extreme_singular_values(
    t: np.ndarray, *, lower: bool = False, tol: float = 1e-6
) -> tuple[float, float]:
    """Smallest and largest singular value of a triangular ``T``, by Lanczos.

    Runs Lanczos on ``T^H T`` and on its inverse, each step two triangular products or solves:
    about ``2 n^2`` flops a step, instead of ``4 n^3 / 3`` for all singular values.

    Parameters
    ----------
    t : ndarray of shape (n, n), Fortran-contiguous
        Only one triangle is read.
    lower : bool
        ``T`` is the lower triangle, not the upper one.
    tol : float
        Relative accuracy asked of the squared singular values; at least ``100 eps``.

    Returns
    -------
    smallest, largest : float
        ``smallest`` is 0.0 when a diagonal entry is exactly zero.
    """
    n = t.shape[0]
    if n <= 32:
        s = np.linalg.svd(np.tril(t) if lower else np.triu(t), compute_uv=False)
        return float(s[-1]), float(s[0])
    tol = max(tol, 100 * float(np.finfo(t.dtype).eps))
    multiply, solve = _blas("trmv", t.dtype), _blas("trsv", t.dtype)
    adjoint = 2 if _is_complex(t.dtype) else 1
    start = np.full(n, 1 / np.sqrt(n), dtype=t.dtype)

    def largest_eigenvalue(apply) -> float:
        operator = LinearOperator((n, n), matvec=apply, dtype=t.dtype)
        return float(
            eigsh(operator, k=1, which="LA", v0=start, tol=tol, return_eigenvectors=False)[0]
        )

    def gram(x: np.ndarray) -> np.ndarray:
        return multiply(t, multiply(t, x.ravel(), lower=lower), lower=lower, trans=adjoint)

    def inverse_gram(x: np.ndarray) -> np.ndarray:
        return solve(t, solve(t, x.ravel(), lower=lower, trans=adjoint), lower=lower)

    largest = float(np.sqrt(largest_eigenvalue(gram)))
    if not np.all(np.diagonal(t)):
        return 0.0, largest
    return float(1 / np.sqrt(largest_eigenvalue(inverse_gram))), largest
