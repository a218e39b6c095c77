"""Which solver is chosen: the borders of memory, size and accuracy, and the rules behind them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fearless.kernels import LaplacianKernel
from fearless.solvers.cg import cg_memory, cg_rank, solve_cg
from fearless.solvers.cholesky import cholesky_memory
from fearless.solvers.falkon import falkon_memory
from fearless.solvers.selection import choose_solver, default_tol, gemm_rate
from fearless.solvers.system import KernelSystem

LOTS = 2**45
GIB = 2**30


def solver(n, d=784, k=10, **kwargs):
    kwargs.setdefault("memory", LOTS)
    return choose_solver(n, d, k, **kwargs).solver


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_small_systems_and_full_accuracy_are_for_the_exact_solver(dtype):
    assert solver(1) == solver(10_000, tol=1e-4, dtype=dtype) == "cholesky"
    assert solver(200_000, dtype=dtype) == "cholesky"
    assert solver(10_000, tol=1e-13, dtype=dtype) == "cholesky"


def test_the_border_of_memory_for_the_exact_solver():
    least = cholesky_memory(50_000, 10, np.float64, "streamed")
    assert solver(50_000, memory=least) == "cholesky"
    assert solver(50_000, memory=least - 1) == "cg"
    single = cholesky_memory(20_000, 10, np.float32, "single")
    assert single < 2e9  # n = 20000 within 2 GB
    assert solver(20_000, memory=single, dtype=np.float32) == "cholesky"
    choice = choose_solver(50_000, 784, 10, memory=least - 1)
    assert "cholesky needs 9.3" in choice.reason
    assert choice.memory < least


def test_cg_takes_over_where_it_is_twice_as_cheap():
    sizes = [10_000, 20_000, 40_000, 80_000, 160_000]
    chosen = [solver(n, tol=1e-6) for n in sizes]
    assert chosen[0] == "cholesky"
    assert chosen[-1] == "cg"
    assert chosen == sorted(chosen, reverse=True)  # one border
    # A coarser answer moves the border down.
    assert solver(40_000, tol=1e-2) == "cg"


def test_cg_takes_half_of_the_matrix_for_all_of_it():
    """As `solve_cg` does: all of K if it fits, half of it at the same price, or less."""

    def cg(memory):
        choice = choose_solver(60_000, 784, 10, dtype=np.float32, memory=memory, tol=1e-4)
        return next(option for option in choice.options if option.solver == "cg")

    size = 60_000**2 * 4
    rest = cg_memory(60_000, 10, cg_rank(60_000, 784, np.float32, 2 * size, store=None), np.float32)
    whole, half, part = cg(rest + size), cg(rest + size - 1), cg(rest + size // 4)
    assert whole.memory == rest + size
    assert rest + size / 2 < half.memory < rest + 0.51 * size
    assert half.operations == whole.operations
    assert part.memory == pytest.approx(rest + size // 4, rel=1e-6)
    assert whole.operations < part.operations


@pytest.mark.parametrize("memory", [1_200_000, 1_600_000, 2_000_000, LOTS])
def test_cg_needs_what_was_predicted(memory):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((500, 40))
    system = KernelSystem(LaplacianKernel(8.0), X, X[:, :3], 1.0, memory=memory)
    choice = choose_solver(500, 40, 3, memory=memory, tol=1e-4)
    option = next(option for option in choice.options if option.solver == "cg")
    if option.excluded:
        with pytest.raises(MemoryError):
            solve_cg(system, tol=1e-4)
        return
    solution = solve_cg(system, tol=1e-4, random_state=0)
    assert solution.memory == pytest.approx(option.memory, rel=0.25)
    assert solution.memory <= memory


@pytest.mark.parametrize(
    ("n", "k", "tol", "measured"),
    [
        (1000, 10, 1e-4, 14),
        (2000, 10, 1e-4, 17),
        (6000, 10, 1e-4, 19),
        (6000, 10, 1e-2, 10),
        (2000, 10, 1e-6, 23),
        (1000, 1, 1e-4, 22),
        (2000, 1, 1e-4, 22),
        (2000, 1, 1e-2, 10),
    ],
)
def test_iterations_of_cg_are_those_measured(n, k, tol, measured):
    options = choose_solver(n, 784, k, dtype=np.float64, memory=LOTS, tol=tol).options
    predicted = next(option for option in options if option.solver == "cg").iterations
    assert predicted == pytest.approx(measured, rel=0.2)


@pytest.mark.parametrize(("tol", "low", "high"), [(1e-1, 3, 4), (1e-2, 6, 9), (1e-3, 14, 17)])
def test_epochs_of_eigenpro_are_those_measured(tol, low, high):
    for arguments in ({}, {"n_centers": 500}):
        options = choose_solver(4000, 784, 10, memory=LOTS, tol=tol, **arguments).options
        option = next(o for o in options if o.solver in ("eigenpro", "many_centers"))
        assert low <= option.iterations <= high


def test_falkon_keeps_its_values_where_they_fit():
    kept = falkon_memory(50_000, 2000, 784, 10, np.float32) + 50_000 * 2000 * 4
    options = [
        choose_solver(50_000, 784, 10, dtype=np.float32, memory=m, tol=1e-3, n_centers=2000).options
        for m in (kept, kept - 1)
    ]
    (stored, *_), (streamed, *_) = options
    assert stored.memory == kept
    assert streamed.memory == kept - 50_000 * 2000 * 4
    assert stored.operations < 0.5 * streamed.operations


def test_eigenpro_is_for_a_few_digits_of_a_matrix_that_does_not_fit():
    little = {"memory": GIB, "dtype": np.float32}
    assert solver(200_000, tol=1e-2, **little) == "eigenpro"
    assert solver(200_000, tol=1e-5, d=784, **little) != "cholesky"
    assert solver(100_000, tol=1e-4, **{**little, "memory": 4 * GIB}) == "cg"


def test_centres():
    assert solver(100_000, n_centers=2000) == "falkon"
    assert solver(1_000_000, n_centers=100_000, memory=16 * GIB) == "many_centers"
    assert "2000 centres" in choose_solver(10_000, 5, n_centers=2000, memory=LOTS).reason
    with pytest.raises(ValueError, match="n_centers is 11; expected an integer"):
        solver(10, n_centers=11)


def test_too_little_memory_is_an_error_with_numbers():
    with pytest.raises(MemoryError, match=r"no solver for 1000 points fits 64 KiB .* needs \d"):
        solver(1000, memory=2**16)


@settings(max_examples=40)
@given(
    n=st.integers(1, 10**6),
    d=st.integers(1, 2000),
    k=st.integers(1, 100),
    tol=st.none() | st.floats(0, 1),
    memory=st.integers(10 * GIB, LOTS),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_a_choice_fits_and_explains_itself(n, d, k, tol, memory, dtype):
    choice = choose_solver(n, d, k, dtype=dtype, memory=memory, tol=tol)
    assert choice.memory <= memory
    chosen = next(option for option in choice.options if option.solver == choice.solver)
    assert (chosen.memory, chosen.operations) == (choice.memory, choice.operations)
    assert not chosen.excluded
    assert choice.operations > 0
    for option in choice.options:
        assert option.solver in choice.reason
        if option.excluded or option.solver == choice.solver:
            continue
        # Never twice as dear as another one; never inexact where exactness was asked for.
        assert choice.operations <= 2 * option.operations
    assert choice.seconds(1e9) == choice.operations / 1e9


def test_the_rate_of_matrix_products_is_measured_once():
    assert 1e8 < gemm_rate("float64", 128) < 1e14
    assert gemm_rate("float64", 128) == gemm_rate("float64", 128)


def test_default_tolerances():
    assert default_tol("cg", np.float32) > default_tol("cg", np.float64)
    assert default_tol("eigenpro", np.float64) == 1e-3


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"n": 0}, ValueError, "n is 0"),
        ({"d": 2.5}, TypeError, "d is float"),
        ({"dtype": int}, TypeError, "dtype is"),
        ({"tol": -1.0}, ValueError, "tol is -1"),
        ({"memory": -5}, ValueError, "memory is -5"),
    ],
)
def test_bad_arguments_are_named(arguments, error, match):
    with pytest.raises(error, match=match):
        choose_solver(**{"n": 5, "d": 2, "memory": LOTS, **arguments})
