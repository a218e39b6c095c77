"""What every solver of (K + reg I) alpha = Y promises; a test class a solver inherits it.

A subclass names its solver and says how it differs::

    class TestCG(KernelSolverContract):
        solve = staticmethod(solve_cg)
        options = {"rank": 20, "random_state": 0}

The problem is small, well-conditioned and has several outputs, so that the whole contract takes a
second. `truth` is the function the solver converges to, evaluated at points that are not in the
training set: the coefficients of a solver with centres are not those of the dense system.
"""

import dataclasses
import tracemalloc
import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from fearless.kernels import IsotropicKernel, LaplacianKernel
from fearless.solvers._checkpoint import Checkpoint
from fearless.solvers.solution import KernelSolution, Progress
from fearless.solvers.system import KernelSystem

DTYPES = (np.float32, np.float64)


@dataclass(frozen=True)
class IndefiniteKernel(IsotropicKernel):
    """-1 off the diagonal, 1 on it: no kernel for more than two points."""

    def _profile(self, dtype):
        def fill(squared):
            squared[...] = np.where(squared > 0, -1, 1)

        return fill


class Boom(Exception):
    """An error of the caller's own."""


class KernelSolverContract:
    """Inherit and set `solve`; override what differs."""

    solve = None
    options: ClassVar[dict] = {}  # arguments that every call gets
    stop: ClassVar[str] = "max_iter"  # the argument that bounds the iterations; None: no bound
    limit = 1000  # iterations that are always enough
    tol: ClassVar[dict] = {np.float32: 1e-4, np.float64: 1e-10}
    regs: ClassVar[tuple] = (0.0, 1.0)
    needs_function = True  # duplicates with different targets have no solution at reg = 0
    takes_start = True
    indefinite_errors: ClassVar[tuple] = (np.linalg.LinAlgError, ArithmeticError, ValueError)

    # -- hooks ---------------------------------------------------------------------------------

    def system(self, dtype=np.float64, k=3, reg=1.0, n=120, seed=0, **kwargs):
        rng = np.random.default_rng(seed)
        X = rng.standard_normal((n, 6)).astype(dtype)
        Y = rng.standard_normal(n if k is None else (n, k)).astype(dtype)
        return KernelSystem(LaplacianKernel(3.0), X, Y, reg, **kwargs)

    def run(self, system, **kwargs):
        arguments = {"tol": self.tol[system.dtype.type], **self.options, **kwargs}
        if self.stop is not None:
            arguments.setdefault(self.stop, self.limit)
        return type(self).solve(system, **arguments)

    def relative_residual(self, system, solution):
        """What the last entry of the history must be; float64."""
        X = system.X.astype(np.float64)
        K = system.kernel(X)
        A = solution.coef.astype(np.float64)
        Y = system.Y.astype(np.float64)
        return np.linalg.norm(Y - K @ A - system.reg * A) / np.linalg.norm(Y)

    def truth(self, system, Z):
        """Values at Z of the function the solver converges to, from dense float64 algebra."""
        X = system.X.astype(np.float64)
        K = system.kernel(X)
        A = np.linalg.solve(K + system.reg * np.eye(len(X)), system.Y.astype(np.float64))
        return system.kernel(Z, X) @ A

    def error_of_tol(self, system):
        """By what a relative residual may be multiplied to bound the error of the values."""
        K = system.kernel(system.X.astype(np.float64))
        return np.linalg.cond(K + system.reg * np.eye(len(K)))

    def values(self, system, solution, Z):
        centers = system.X if solution.centers is None else solution.centers
        return system.kernel(Z, centers.astype(np.float64)) @ solution.coef.astype(np.float64)

    # -- the solution --------------------------------------------------------------------------

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("k", [None, 1, 4])
    def test_agrees_with_the_dense_truth(self, dtype, k):
        for reg in self.regs:
            system = self.system(dtype, k, reg)
            solution = self.run(system)
            assert isinstance(solution, KernelSolution)
            assert solution.converged
            assert solution.coef.dtype == dtype
            assert solution.coef.shape[1] == (k or 1)
            Z = np.random.default_rng(9).standard_normal((50, 6))
            truth = self.truth(system, Z)
            found = self.values(system, solution, Z)
            bound = self.error_of_tol(system) * solution.tol
            assert np.linalg.norm(found - truth) <= bound * np.linalg.norm(truth)

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_the_history_ends_with_the_true_residual(self, dtype):
        system = self.system(dtype)
        solution = self.run(system)
        assert len(solution.residuals) == solution.iterations + 1
        assert solution.residuals[0] == pytest.approx(1, rel=1e-5)
        assert solution.residuals[-1] <= solution.tol == self.tol[dtype]
        rounding = 200 * float(np.finfo(dtype).eps)
        assert solution.residuals[-1] == pytest.approx(
            self.relative_residual(system, solution), rel=0.01, abs=rounding
        )
        assert solution.seconds > 0
        assert solution.kernel_values > 0
        assert isinstance(solution.details, dict)
        assert type(self).solve.__name__ == f"solve_{solution.solver}"

    def test_a_solver_is_repeatable(self):
        one, two = self.run(self.system()), self.run(self.system())
        np.testing.assert_array_equal(one.coef, two.coef)
        np.testing.assert_array_equal(one.residuals, two.residuals)

    def test_the_problem_is_not_modified(self):
        system = self.system()
        X, Y = system.X.copy(), system.Y.copy()
        self.run(system)
        np.testing.assert_array_equal(system.X, X)
        np.testing.assert_array_equal(system.Y, Y)

    def test_a_stored_matrix_is_used_and_left_alone(self):
        system = self.system()
        K = system.matrix().copy()
        computed = system.kernel_values
        solution = self.run(system)
        np.testing.assert_array_equal(system.matrix(), K)
        free = self.run(self.system())
        assert system.kernel_values - computed <= free.kernel_values
        np.testing.assert_allclose(
            solution.coef, free.coef, atol=10 * self.error_of_tol(system) * solution.tol
        )

    def test_zero_targets_have_the_zero_solution(self):
        system = self.system()
        solution = self.run(KernelSystem(system.kernel, system.X, 0 * system.Y, system.reg))
        assert solution.converged
        np.testing.assert_array_equal(solution.coef, 0)

    def test_memory_is_what_it_says(self):
        system = self.system(n=400, k=5)
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        solution = self.run(system)
        peak = tracemalloc.get_traced_memory()[1] - before
        tracemalloc.stop()
        # Small things that no formula counts: the interpreter's own, tiles of kernel values.
        assert peak <= 1.15 * solution.memory + 6 * 2**20
        assert solution.memory <= 4 * peak

    # -- on the way ----------------------------------------------------------------------------

    def test_the_callback_sees_every_iteration(self):
        seen = []

        def callback(progress):
            assert isinstance(progress, Progress)
            with pytest.raises(ValueError, match="read-only"):
                progress.coef[...] = 0
            seen.append(dataclasses.astuple(progress)[1:3])

        solution = self.run(self.system(), callback=callback)
        assert [iteration for iteration, _ in seen] == list(range(1, solution.iterations + 1))
        np.testing.assert_allclose([r for _, r in seen[:-1]], solution.residuals[1:-1])

    def test_a_true_answer_of_the_callback_stops(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            solution = self.run(self.system(), callback=lambda progress: True)
        assert solution.iterations == 1
        assert solution.converged == (solution.residuals[-1] <= solution.tol)
        assert self.relative_residual(self.system(), solution) == pytest.approx(
            solution.residuals[-1], rel=0.01, abs=1e-12
        )

    def test_a_solved_system_takes_no_iteration(self):
        if not self.takes_start:
            pytest.skip("a direct solver has no start")
        system = self.system()
        solution = self.run(system)
        again = self.run(system, start=solution.coef)
        assert again.iterations == 0
        assert again.converged
        np.testing.assert_array_equal(again.coef, solution.coef)
        assert again.coef is not solution.coef

    def test_too_few_iterations_are_a_warning(self):
        if self.stop is None:
            pytest.skip("a direct solver has no limit")
        with pytest.warns(ConvergenceWarning, match="has not converged: the relative residual"):
            solution = self.run(self.system(), **{self.stop: 1})
        assert not solution.converged
        assert solution.iterations == 1

    # -- interrupted and resumed ---------------------------------------------------------------

    @pytest.mark.parametrize("error", [KeyboardInterrupt, Boom])
    def test_an_interrupted_run_resumes_without_loss(self, error, tmp_path):
        path = tmp_path / "state.npz"
        whole = self.run(self.system())
        last = max(1, whole.iterations // 2)

        def callback(progress):
            if progress.iteration == last:
                raise error

        with pytest.raises(error):
            self.run(self.system(), callback=callback, checkpoint=path)
        assert path.exists()
        later = []
        resumed = self.run(
            self.system(), callback=lambda p: later.append(p.iteration), checkpoint=path
        )
        np.testing.assert_array_equal(resumed.coef, whole.coef)
        np.testing.assert_array_equal(resumed.residuals, whole.residuals)
        assert later == list(range(last + 1, whole.iterations + 1))
        assert list(tmp_path.iterdir()) == []  # removed on success

    def test_a_checkpoint_is_kept_when_asked(self, tmp_path):
        path = tmp_path / "state.npz"
        first = self.run(self.system(), checkpoint=Checkpoint(path, keep=True))
        again = self.run(self.system(), checkpoint=Checkpoint(path, keep=True))
        np.testing.assert_array_equal(again.coef, first.coef)
        np.testing.assert_array_equal(again.residuals, first.residuals)

    def test_a_checkpoint_of_another_problem_is_refused(self, tmp_path):
        path = tmp_path / "state.npz"
        self.run(self.system(), checkpoint=Checkpoint(path, keep=True))
        for other, difference in [
            (self.system(reg=2.0), r"belongs to another problem .*reg: 1\.0 there, 2\.0 here"),
            (self.system(n=119), r"n_samples: 120 there, 119 here"),
            (self.system(seed=1), r"belongs to another problem .*X: "),
            (self.system(np.float32), r"dtype: float64 there, float32 here"),
        ]:
            with pytest.raises(ValueError, match=difference):
                self.run(other, checkpoint=path)
        path.write_bytes(b"nonsense")
        with pytest.raises(ValueError, match="is not one of this library"):
            self.run(self.system(), checkpoint=path)
        with pytest.raises(ValueError, match="expected a file in a directory that exists"):
            self.run(self.system(), checkpoint=tmp_path / "nowhere" / "state.npz")

    # -- what goes wrong -----------------------------------------------------------------------

    def test_nothing_is_printed_unless_asked(self, capfd):
        self.run(self.system())
        assert capfd.readouterr() == ("", "")
        if self.stop is not None:
            self.run(self.system(), progress=True)
            out, err = capfd.readouterr()
            assert out == ""
            assert "relative residual" in err
            assert err.endswith("left\n")

    def test_too_little_memory_is_said_before_anything_is_allocated(self):
        system = self.system(n=400, memory=20_000)
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        with pytest.raises(MemoryError, match=r"needs .* of memory; 19\.5 KiB are allowed"):
            self.run(system)
        peak = tracemalloc.get_traced_memory()[1] - before
        tracemalloc.stop()
        assert peak < 400 * 400 * 4

    def test_points_with_two_values_have_no_interpolant(self):
        system = self.system()
        X, Y = system.X.copy(), system.Y
        X[7] = X[3]
        broken = KernelSystem(system.kernel, X, Y)
        if not self.needs_function:
            assert self.run(KernelSystem(system.kernel, X, Y, 1.0)).converged
            return
        with pytest.raises(ValueError, match=r"rows 3 and 7, and y differs there: no interpolant"):
            self.run(broken)
        assert self.run(KernelSystem(system.kernel, X, Y, 1.0)).converged

    def test_an_indefinite_kernel_is_refused(self):
        system = self.system()
        with pytest.raises(self.indefinite_errors):
            self.run(KernelSystem(IndefiniteKernel(), system.X, system.Y))

    @pytest.mark.parametrize("tol", [-1.0, np.nan, np.inf, "small"])
    def test_a_bad_tolerance_is_named(self, tol):
        with pytest.raises((TypeError, ValueError), match="tol is"):
            self.run(self.system(), tol=tol)


class AnySizeContract:
    """Inherit this one too where the options of a solver allow any number of points."""

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("n", [1, 2, 5])
    def test_a_few_points_are_enough(self, dtype, n):
        for k in (1, 7):
            system = self.system(dtype, k, reg=0.0, n=n)
            solution = self.run(system)
            assert solution.converged
            assert solution.iterations <= n + 3
            found = self.values(system, solution, system.X.astype(np.float64))
            assert np.linalg.norm(found - system.Y) < 0.01 * np.linalg.norm(system.Y)
