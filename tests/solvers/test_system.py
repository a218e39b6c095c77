"""The kernel system: products and residuals against the dense matrix, memory, and bad input."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fearless.kernels import GaussianKernel, LaplacianKernel
from fearless.solvers._memory import available_memory, gibibytes, require_memory
from fearless.solvers.system import KernelSystem, distinct_rows

KERNEL = LaplacianKernel(2.0)


def make(n=70, d=5, k=3, reg=0.0, dtype=np.float64, seed=0, **kwargs):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)).astype(dtype)
    return KernelSystem(KERNEL, X, rng.standard_normal((n, k)), reg, **kwargs)


@given(
    n=st.integers(1, 60),
    block=st.integers(1, 70),
    k=st.integers(1, 4),
    reg=st.sampled_from([0.0, 0.5]),
    dtype=st.sampled_from([np.float32, np.float64]),
    stored=st.booleans(),
)
@settings(max_examples=30)
def test_products_and_residuals_are_those_of_the_matrix(n, block, k, reg, dtype, stored):
    system = make(n, k=k, reg=reg, dtype=dtype, block_size=block)
    if stored:
        system.matrix()
    A = np.random.default_rng(1).standard_normal((n, k)).astype(dtype)
    K = KERNEL(system.X.astype(float))
    tol = 50 * float(np.finfo(dtype).eps) * n
    np.testing.assert_allclose(system.product(A), K @ A, atol=tol)
    truth = system.Y - K @ A - reg * A
    np.testing.assert_allclose(system.residual(A), truth, atol=tol)
    relative = np.linalg.norm(truth) / np.linalg.norm(system.Y)
    assert system.relative_residual(A) == pytest.approx(relative, abs=tol * n)
    assert system.product(A).dtype == dtype
    index = np.arange(n)[::-2]
    np.testing.assert_allclose(system.rows(index), K[index], atol=tol)
    np.testing.assert_allclose(system.block(slice(0, 3), index), K[:3, index], atol=tol)
    out = np.empty((len(index), n), dtype)
    assert system.rows(index, out=out) is out
    np.testing.assert_allclose(out, K[index], atol=tol)
    np.testing.assert_array_equal(system.diagonal(), np.ones(n, dtype))


def test_a_product_computes_half_of_the_values():
    n, block = 640, 64
    system = make(n, block_size=block)
    system.product(system.Y)
    assert system.kernel_values == n * (n + block) // 2
    system.matrix()
    before = system.kernel_values
    assert before == n * (n + block) // 2 + n * (n + 1) // 2
    system.product(system.Y)
    system.rows(slice(0, 9))
    assert system.kernel_values == before
    assert system.matrix() is system.matrix()


def test_a_product_needs_the_memory_of_a_block():
    n = 1200
    system = make(n, d=6, block_size=32)
    tracemalloc.start()
    system.product(system.Y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.4 * 8 * n**2


def test_points_on_disk_stay_there(tmp_path):
    X = np.random.default_rng(0).standard_normal((500, 200))
    file = np.memmap(tmp_path / "X", dtype=X.dtype, shape=X.shape, mode="w+")
    file[...] = X
    tracemalloc.start()
    system = KernelSystem(KERNEL, file, np.ones(500), 1.0, block_size=32)
    assert np.shares_memory(system.X, file)
    product = system.product(system.Y)
    assert tracemalloc.get_traced_memory()[1] < X.nbytes + 2**21
    tracemalloc.stop()
    np.testing.assert_allclose(product, KERNEL(X).sum(1)[:, None], rtol=1e-12)
    with pytest.raises(TypeError, match="X is a memmap of dtype int16; expected float32 or"):
        KernelSystem(KERNEL, np.memmap(tmp_path / "X", dtype=np.int16, shape=(9, 2)), np.ones(9))


def test_the_matrix_says_what_it_needs_before_it_is_allocated():
    system = make(1000, memory=2**20)
    tracemalloc.start()
    with pytest.raises(MemoryError, match=r"1000 points in float64 needs 7\.63 MiB .* 1 MiB are"):
        system.matrix()
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()
    assert not system.stored


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_relative_residuals_of_targets_of_any_size(size):
    system = make()
    A = np.ones((70, 3))
    scaled = KernelSystem(KERNEL, system.X, size * system.Y)
    assert scaled.relative_residual(size * A) == pytest.approx(system.relative_residual(A))
    assert KernelSystem(KERNEL, system.X, 0 * system.Y).relative_residual(0 * A) == 0


def test_distinct_rows():
    X = np.array([[0.0, 1.0], [2.0, 3.0], [-0.0, 1.0], [5.0, 5.0]])
    Y = np.array([[1.0], [2.0], [1.0], [3.0]])
    assert distinct_rows(X, Y).tolist() == [0, 1, 3]
    Y[2] = 4
    with pytest.raises(ValueError, match="rows 0 and 2, and y differs there"):
        KernelSystem(KERNEL, X, Y).require_function()
    KernelSystem(KERNEL, X, Y, 0.1).require_function()


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        (("gauss", np.eye(3), np.ones(3)), TypeError, "kernel is 'gauss'; expected a Kernel"),
        ((KERNEL, np.ones(3), np.ones(3)), ValueError, r"X has shape \(3,\)"),
        ((KERNEL, [[np.nan]], [1.0]), ValueError, "X contains 1 non-finite"),
        ((KERNEL, np.eye(3), np.ones(4)), ValueError, "Y has 4 rows; expected 3"),
        ((KERNEL, np.eye(3), [1.0, np.inf, 0.0]), ValueError, "Y contains 1 non-finite"),
        ((KERNEL, np.eye(3, dtype="f"), [1e39, 0, 0]), ValueError, "Y contains 1 non-finite"),
        ((KERNEL, np.eye(3), np.ones(3), -1.0), ValueError, "reg is -1"),
        ((KERNEL, np.eye(3, dtype="f"), np.ones(3), 1e-50), ValueError, "reg is 1e-50; .* float32"),
        ((KERNEL, np.eye(3, dtype="f"), np.ones(3), 1e50), ValueError, "in the range of X, float3"),
    ],
)
def test_bad_input_is_named(arguments, error, match):
    with pytest.raises(error, match=match):
        KernelSystem(*arguments)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"memory": 0}, ValueError, "memory is 0"),
        ({"memory": 1e9}, TypeError, "memory is float"),
        ({"block_size": 0}, ValueError, "block_size is 0"),
        ({"backend": "abacus"}, ValueError, "backend is 'abacus'"),
    ],
)
def test_bad_options_are_named(arguments, error, match):
    with pytest.raises(error, match=match):
        KernelSystem(GaussianKernel(1.0), np.eye(3), np.ones(3), **arguments)


@pytest.mark.parametrize("stored", [False, True])
def test_coefficients_of_a_wrong_shape_are_named(stored):
    system = make(k=1)
    if stored:
        system.matrix()
    for shape in [(70,), (71, 1)]:
        with pytest.raises(ValueError, match=r"A has shape \(7.*; expected \(70, k\)"):
            system.product(np.ones(shape))
    with pytest.raises(ValueError, match=r"A has shape \(70, 3\); expected \(70, 1\)"):
        system.residual(np.ones((70, 3)))  # which would broadcast


def test_memory_in_words():
    assert 2**20 < available_memory() < 2**50
    assert gibibytes(3 * 2**30) == "3 GiB"
    assert gibibytes(0.25 * 2**20) == "0.25 MiB"
    assert gibibytes(50) == "50 bytes"
    require_memory(5, 5, "nothing")
    with pytest.raises(MemoryError, match=r"^it needs 6 bytes of memory; 5 bytes are allowed: go$"):
        require_memory(6, 5, "it", "go")
