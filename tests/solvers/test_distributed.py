"""Two processes on gloo: the same answers as one, to rounding, and on both to the last bit."""

import numpy as np
import pytest

from fearless.kernels import LaplacianKernel
from fearless.solvers.cg import solve_cg
from fearless.solvers.distributed import DistributedSystem
from fearless.solvers.eigenpro import solve_eigenpro
from fearless.solvers.many_centers import solve_many_centers
from fearless.solvers.system import KernelSystem

torch = pytest.importorskip("torch")
distributed = pytest.importorskip("torch.distributed")
pytestmark = pytest.mark.skipif(not distributed.is_available(), reason="torch has no distributed")

KERNEL = LaplacianKernel(3.0)
SOLVERS = {
    "cg": (solve_cg, {"tol": 1e-9}),
    "cg, matrix-free": (solve_cg, {"tol": 1e-9, "store": False}),
    "eigenpro": (solve_eigenpro, {"tol": 1e-6}),
    "many centers": (solve_many_centers, {"tol": 1e-5, "centers": 25}),
}


def data(n=151):
    rng = np.random.default_rng(1)
    return rng.standard_normal((n, 5)), rng.standard_normal((n, 3))


def answers(system):
    """Products, blocks and solutions: what is compared."""
    A = np.random.default_rng(2).standard_normal(system.Y.shape)
    found = {
        "product": system.product(A),
        "residual": system.residual(A),
        "rows": system.rows(np.array([150, 3, 77])),
        "one row": system.rows(slice(4, 5)),
        "block": system.block(slice(10, 90), np.arange(7)),
    }
    for name, (solve, options) in SOLVERS.items():
        solution = solve(system, random_state=0, **options)
        assert solution.converged
        found[name] = solution.coef
        found[f"{name}: residuals"] = solution.residuals
        found[f"{name}: values"] = np.array([solution.kernel_values])
    found["matrix"] = system.matrix()
    found["product from the matrix"] = system.product(A)
    return found


def work(rank, n_processes, folder):
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=n_processes
    )
    X, Y = data()
    system = DistributedSystem(KERNEL, X, Y, 0.1, block_size=40, memory=10**8)
    found = answers(system)
    unstored = DistributedSystem(KERNEL, X, Y, 0.1, block_size=40, store=False, memory=10**8)
    found["product, nothing stored"] = unstored.product(Y)
    found["values"] = np.array([unstored.kernel_values])
    device = DistributedSystem(KERNEL, X, Y, 0.1, backend="torch", memory=10**8)
    found["product on a device"] = device.product(Y)
    try:
        DistributedSystem(KERNEL, X + rank, Y, memory=10**8)
    except ValueError as error:
        found["error"] = np.array([str(error)])
    np.savez(f"{folder}/{rank}.npz", **found)
    distributed.destroy_process_group()


def spawn(folder, n_processes=2):
    torch.multiprocessing.spawn(
        work, args=(n_processes, str(folder)), nprocs=n_processes, join=True
    )
    return [dict(np.load(folder / f"{rank}.npz")) for rank in range(n_processes)]


@pytest.mark.slow  # each process imports torch: four seconds
def test_two_processes_give_the_answer_of_one(tmp_path):
    X, Y = data()
    alone = KernelSystem(KERNEL, X, Y, 0.1, memory=10**8)
    expected = answers(alone)
    for name in ("product, nothing stored", "product on a device"):
        expected[name] = alone.product(Y)
    one, two = spawn(tmp_path)
    for name, values in expected.items():
        if "values" not in name:
            np.testing.assert_array_equal(one[name], two[name])  # to the last bit
        # Sums of 151 terms in another order; solutions: their tolerance times a condition number
        # below 1e3.
        solver = SOLVERS.get(name)
        atol = 1e-11 if solver is None else 1e3 * solver[1]["tol"]
        if "residuals" not in name and "values" not in name:
            np.testing.assert_allclose(one[name], values, atol=atol)
    np.testing.assert_array_equal(one["matrix"], one["matrix"].T)
    # The work of an epoch is shared out too; that of the set-up and of the penalty is not.
    assert one["many centers: values"][0] < 0.75 * expected["many centers: values"][0]
    # Rows are shared out: 75 and 76 of them.
    assert sorted([int(one["values"][0]), int(two["values"][0])]) == [75 * 151, 76 * 151]
    assert "process 1 has another problem than process 0: X or Y is" in str(one["error"][0])
    assert "process 0 has another problem than process 1: X or Y is" in str(two["error"][0])


@pytest.fixture
def group(tmp_path):
    """A group of one process: all of the code but the waiting."""
    distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1
    )
    yield
    distributed.destroy_process_group()


@pytest.mark.usefixtures("group")
@pytest.mark.parametrize("store", [None, True, False])
def test_a_group_of_one_is_a_system(store):
    X, Y = data()
    system, alone = (
        DistributedSystem(KERNEL, X, Y, 0.1, store=store),
        KernelSystem(KERNEL, X, Y, 0.1),
    )
    assert (system.rank, system.n_processes, system.first, system.last) == (0, 1, 0, 151)
    np.testing.assert_allclose(system.product(Y), alone.product(Y), atol=1e-12)
    np.testing.assert_allclose(system.product(Y), alone.product(Y), atol=1e-12)
    assert system.kernel_values == 151**2 * (1 if store is not False else 2)
    out = np.empty((2, 151))
    assert system.rows(slice(3, 5), out=out) is out
    np.testing.assert_array_equal(out, alone.rows(slice(3, 5)))
    np.testing.assert_allclose(system.matrix(), alone.matrix(), atol=1e-15)
    with pytest.raises(
        MemoryError, match=r"rows 0 to 151 of the kernel matrix of 151 points needs"
    ):
        DistributedSystem(KERNEL, X, Y, store=True, memory=1000)
    with pytest.raises(MemoryError, match=r"151 points in float64, on each process needs"):
        DistributedSystem(KERNEL, X, Y, memory=1000).matrix()


def test_without_a_group_there_is_an_error():
    with pytest.raises(RuntimeError, match="there is no process group"):
        DistributedSystem(KERNEL, *data())
