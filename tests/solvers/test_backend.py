"""The seam between NumPy and torch: the same kernels, products and solutions on either side."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from kernel_contract import cloud
from kernel_solver_contract import KernelSolverContract

from fearless.kernels import ArcCosineKernel, GaussianKernel, IsotropicKernel, LaplacianKernel
from fearless.linalg import NotPositiveDefiniteError
from fearless.solvers import _backend
from fearless.solvers._backend import NumpyBackend, TorchBackend, full_precision, get_backend
from fearless.solvers.cg import solve_cg
from fearless.solvers.cholesky import solve_cholesky
from fearless.solvers.eigenpro import solve_eigenpro
from fearless.solvers.many_centers import solve_many_centers
from fearless.solvers.system import KernelSystem

torch = pytest.importorskip("torch")

DEVICES = [
    "torch",
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
    ),
]
KERNELS = [LaplacianKernel(2.0), GaussianKernel(2.0)]
DTYPES = [np.float32, np.float64]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Problems this small are slower on two: threads wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@dataclass(frozen=True)
class RationalKernel(IsotropicKernel):
    """1 / (1 + r^2), by functions of NumPy only."""

    def _profile(self, dtype):
        def rational(squared):
            np.add(squared, 1, out=squared)
            np.reciprocal(squared, out=squared)

        return rational


@dataclass(frozen=True)
class ScaledKernel(LaplacianKernel):
    """A subclass that fills matrices in its own way: its profile alone would be wrong."""

    bandwidth: float = 1.0

    def _fill(self, X, Z, out, block_size):
        super()._fill(X, Z, out, block_size)
        out *= 0.5


def problem(dtype=np.float64, n=150, backend=None, reg=0.5, kernel=None, **options):
    rng = np.random.default_rng(3)
    X, Y = rng.standard_normal((n, 6)).astype(dtype), rng.standard_normal((n, 2)).astype(dtype)
    return KernelSystem(kernel or LaplacianKernel(3.0), X, Y, reg, backend=backend, **options)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("d", [1, 3, 12])
@pytest.mark.parametrize("kernel", KERNELS)
def test_kernel_blocks_agree(device, dtype, d, kernel):
    """Nearly and exactly equal points far from the origin included; both within the guard."""
    backend = get_backend(device)
    X, Z = cloud(0, 40, d, dtype, 30.0), cloud(1, 25, d, dtype, 30.0)
    Z[:5] = X[:5]
    atol = (d + 4) * 64 * np.finfo(dtype).eps
    found = backend.get(backend.kernel_block(kernel, backend.put(X), backend.put(Z)))
    np.testing.assert_allclose(found, kernel(X, Z), rtol=0, atol=atol)
    square = backend.get(backend.kernel_block(kernel, backend.put(X)))
    np.testing.assert_allclose(square, kernel(X), rtol=0, atol=atol)
    np.testing.assert_array_equal(square, square.T)
    np.testing.assert_array_equal(square.diagonal(), kernel.diag(X))
    assert square[0, 1] == square[0, 0]  # equal points


def test_blocks_of_several_tiles(monkeypatch):
    monkeypatch.setattr(_backend, "_ROWS", 7)
    monkeypatch.setattr(_backend, "_PAIRS", 3)
    backend = get_backend("torch")
    X = cloud(0, 40, 12, np.float64, 30.0)
    for kernel in KERNELS:
        square = backend.get(backend.kernel_block(kernel, backend.put(X)))
        np.testing.assert_array_equal(square, square.T)
        np.testing.assert_allclose(square, kernel(X), rtol=0, atol=1e-12)
        np.testing.assert_array_equal(square.diagonal(), 1)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("kernel", [ArcCosineKernel(), RationalKernel(), ScaledKernel()])
def test_any_other_kernel_is_computed_on_the_cpu(device, kernel):
    backend = get_backend(device)
    X, Z = cloud(0, 20, 7, np.float64), cloud(1, 9, 7, np.float64)
    found = backend.get(backend.kernel_block(kernel, backend.put(X), backend.put(Z)))
    np.testing.assert_array_equal(found, kernel(X, Z))
    square = backend.get(backend.kernel_block(kernel, backend.put(X)))
    np.testing.assert_array_equal(square, kernel(X))


@pytest.mark.parametrize("device", DEVICES)
def test_an_overflow_is_an_error_not_nan(device):
    backend = get_backend(device)
    X = backend.put(np.eye(6, dtype=np.float32) * np.float32(1e25))
    with pytest.raises(ValueError, match=r"values up to 1e\+25, whose squared norm overflows"):
        backend.kernel_block(LaplacianKernel(1.0), X)


@pytest.mark.parametrize("device", ["cpu", *DEVICES])
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_factor_solves(device, dtype):
    backend = get_backend(device)
    system = problem(dtype)
    A = backend.solve(backend.factor(system.kernel, backend.put(system.X), system.reg), system.Y)
    # cond(K + reg I) < 1e3 here: eps n cond is far above what Cholesky loses.
    assert system.relative_residual(A) < 1000 * np.finfo(dtype).eps
    indefinite = backend.put(np.zeros((3, 6), dtype))
    with pytest.raises(NotPositiveDefiniteError, match="failed at pivot 1 of 3"):
        backend.factor(system.kernel, indefinite, -2.0)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("block_size", [None, 40])
def test_a_system_computes_the_same_on_a_device(device, block_size):
    here, there = problem(), problem(backend=device, block_size=block_size)
    A = np.random.default_rng(0).standard_normal(here.Y.shape)
    K = here.kernel(here.X)
    np.testing.assert_allclose(there.product(A), K @ A, atol=1e-12)
    if device == "torch":  # half of the values, and the blocks on the diagonal whole
        assert there.kernel_values <= 150 * (150 + (block_size or 150)) / 2
    np.testing.assert_allclose(there.residual(A), here.residual(A), atol=1e-12)
    out = np.empty((2, 150))
    assert there.rows(np.array([5, 1]), out=out) is out
    np.testing.assert_allclose(out, K[[5, 1]], atol=1e-14)
    np.testing.assert_allclose(there.block(slice(3, 9), slice(None, 4)), K[3:9, :4], atol=1e-14)
    computed = there.kernel_values
    matrix = there.matrix()
    if device == "torch":
        there.product(A)
        assert there.kernel_values - computed <= 150 * (150 + (block_size or 150)) / 2
    assert matrix.flags.f_contiguous
    np.testing.assert_allclose(matrix, K, atol=1e-14)
    np.testing.assert_array_equal(matrix, matrix.T)
    np.testing.assert_allclose(there.product(A), K @ A, atol=1e-12)


def test_a_matrix_that_fits_the_device_stays_there(monkeypatch):
    monkeypatch.setattr(TorchBackend, "room", lambda self: 10**7)
    system = problem(backend="torch")
    A = np.ones(system.Y.shape)
    first = system.product(A)
    computed = system.kernel_values
    np.testing.assert_array_equal(system.product(A), first)
    assert system.kernel_values == computed == 150**2


def test_points_that_do_not_fit_the_device_are_moved_in_blocks():
    system = problem(backend="torch", block_size=64)
    expected = system.product(np.ones(system.Y.shape))
    system.device._points = None
    np.testing.assert_array_equal(system.product(np.ones(system.Y.shape)), expected)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("solve", "options"),
    [
        (solve_cholesky, {}),
        (solve_cg, {"tol": 1e-9, "random_state": 0}),
        (solve_eigenpro, {"tol": 1e-6, "random_state": 0}),
        (solve_many_centers, {"tol": 1e-6, "random_state": 0, "centers": 40}),
        (
            solve_many_centers,
            {"tol": 1e-4, "random_state": 0, "centers": 40, "projection": "cg", "period": 2},
        ),
    ],
)
def test_every_solver_runs_on_a_device(device, solve, options):
    here, there = problem(), problem(backend=device)
    one, two = solve(here, **options), solve(there, **options)
    assert one.converged
    assert two.converged
    centers = here.X if one.centers is None else one.centers
    Z = np.random.default_rng(5).standard_normal((30, 6))
    values = [here.kernel(Z, centers) @ solution.coef for solution in (one, two)]
    # Both are within tol of the same function, times a condition number below 1e3.
    atol = 1e3 * options.get("tol", 1e-12)
    np.testing.assert_allclose(values[0], values[1], atol=atol)


def test_products_are_full_float32():
    """A caller who has switched TF32 on for networks does not lose the distances."""
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        with full_precision():
            assert torch.get_float32_matmul_precision() == "highest"
        assert torch.get_float32_matmul_precision() == "medium"
        X = np.random.default_rng(0).standard_normal((50, 300)).astype(np.float32)
        backend = TorchBackend("cpu")
        found = backend.get(backend.kernel_block(LaplacianKernel(20.0), backend.put(X)))
        np.testing.assert_allclose(found, LaplacianKernel(20.0)(X), atol=1e-5)
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize(
    ("name", "error", "match"),
    [
        ("gpu", ValueError, r"backend is 'gpu'; expected None, 'cpu', 'torch' or 'cuda'"),
        (0, TypeError, r"backend is 0; expected None or a string"),
    ],
)
def test_an_unknown_backend_is_named(name, error, match):
    with pytest.raises(error, match=match):
        problem(backend=name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_named():
    with pytest.raises(ValueError, match=r"backend is 'cuda' but torch finds no such device"):
        problem(backend="cuda")


def test_numpy_is_the_default():
    assert isinstance(get_backend(None), NumpyBackend)
    assert isinstance(get_backend("cpu"), NumpyBackend)
    assert problem().device is None


def test_a_kernel_matrix_of_zeros_is_refused():
    """No jitter in proportion to its diagonal helps: the search for one must end."""
    system = KernelSystem(ArcCosineKernel(), np.zeros((4, 3)), np.zeros(4) + 1, backend="torch")
    with pytest.raises(NotPositiveDefiniteError, match="failed at pivot 1 of 4"):
        solve_cholesky(system)


class TestCholeskyOnADevice(KernelSolverContract):
    solve = staticmethod(solve_cholesky)
    stop = None
    takes_start = False
    tol: ClassVar[dict] = {np.float32: 1e-5, np.float64: 1e-12}

    def system(self, *args, **kwargs):
        return super().system(*args, **{"backend": "torch", **kwargs})

    def test_memory_is_what_it_says(self):
        pytest.skip("tracemalloc does not see what torch allocates")
