"""The loop around every iterative solver, on the simplest of them: Richardson's iteration."""

import io

import numpy as np
import pytest
from kernel_solver_contract import KernelSolverContract

from fearless.exceptions import DivergenceError
from fearless.kernels import LaplacianKernel
from fearless.solvers._memory import require_memory
from fearless.solvers._monitor import Monitor
from fearless.solvers._progress import ProgressLine, time_left
from fearless.solvers.system import KernelSystem


def solve_richardson(system, *, tol=1e-6, max_iter=10_000, start=None, step=None, **monitor):
    """alpha += step (Y - (K + reg I) alpha), with the best step: no solver to use."""
    system.require_function()
    require_memory(8 * system.Y.nbytes, system.memory, "Richardson's iteration")
    spectrum = np.linalg.eigvalsh(system.kernel(system.X)) + system.reg
    if spectrum[0] <= 0:
        raise np.linalg.LinAlgError("indefinite")
    best = 2 / (spectrum[0] + spectrum[-1])
    step = system.dtype.type(step or best)
    with Monitor(
        system,
        "richardson",
        tol=tol,
        max_iter=max_iter,
        settings={"step": step},
        divergence=100,
        advice=lambda: f"the step was {step:.2g}; use {best:.2g}",
        **monitor,
    ) as watch:
        state = watch.resume()
        if state is None:
            A = np.zeros_like(system.Y) if start is None else start.copy()
            R = system.residual(A)
            stop = watch.start(system.relative(R), A)
        else:
            A, R, stop = state["A"], state["R"], watch.stopped
        while not stop:
            A += step * R
            R = system.residual(A)
            stop = watch.record(system.relative(R), A, {"A": A, "R": R})
    return watch.solution(A, memory=8 * system.Y.nbytes)


class TestRichardson(KernelSolverContract):
    solve = staticmethod(solve_richardson)
    limit = 10_000
    regs = (1.0,)
    tol = {np.float32: 1e-4, np.float64: 1e-6}  # noqa: RUF012

    def test_memory_is_what_it_says(self):
        pytest.skip("its spectrum is no part of it")

    def test_too_long_a_step_is_named(self):
        with pytest.raises(
            DivergenceError, match=r"richardson diverges: .* step was 1; use 0\.0\d+$"
        ):
            self.run(self.system(), step=1.0)


def test_the_time_left_follows_the_slope():
    residuals = [1.0, 0.1, 0.01]
    assert time_left(residuals, 1e-4, 1000, 2.0) == pytest.approx(2.0)  # two more, a second each
    assert time_left(residuals, 1e-4, 3, 2.0) == pytest.approx(1.0)  # one is all it may take
    assert time_left([1.0, 2.0], 1e-4, 11, 1.0) == pytest.approx(10.0)  # no slope to follow
    assert np.isnan(time_left([1.0], 1e-4, 11, 1.0))


def test_the_line_is_redrawn_in_place_and_ended_once():
    stream = io.StringIO()
    line = ProgressLine("cg", stream)
    line.update("a long text")
    line.update("dropped: too soon")
    line.update("short", force=True)
    line.close()
    line.close()
    assert stream.getvalue() == "\rcg: a long text\rcg: short      \n"


def test_a_resumed_run_adds_up_its_cost(tmp_path):
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((40, 3)), rng.standard_normal(40)

    def system():
        return KernelSystem(LaplacianKernel(1.0), X, Y, 1.0)

    whole = solve_richardson(system())
    stopped = solve_richardson(
        system(), checkpoint=tmp_path / "a.npz", callback=lambda p: p.iteration == 3
    )
    assert (stopped.converged, stopped.iterations) == (False, 3)
    rest = solve_richardson(system(), checkpoint=tmp_path / "a.npz")
    assert rest.kernel_values == whole.kernel_values
    assert rest.seconds > 0.5 * stopped.seconds  # a clock; writing the state is not counted


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"max_iter": -1}, ValueError, "max_iter is -1"),
        ({"max_iter": 2.5}, TypeError, r"max_iter is float 2\.5"),
        ({"callback": 3}, TypeError, "callback is 3; expected a callable"),
    ],
)
def test_bad_arguments_are_named(arguments, error, match):
    system = KernelSystem(LaplacianKernel(1.0), np.eye(3), np.ones(3))
    with pytest.raises(error, match=match):
        solve_richardson(system, **arguments)
