"""Kernel machines by every solver: the same function, a report that says why, fits that resume."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from fearless.data import load_mnist
from fearless.kernels import LaplacianKernel
from fearless.machines import KernelMachine, KernelMachineClassifier, SolverReport
from fearless.machines._fit import SOLVERS
from fearless.solvers import _monitor

KERNEL = LaplacianKernel(3.0)
ITERATIVE = ["cg", "eigenpro"]
CENTERS = ["falkon", "many_centers"]


def data(n=200, d=6, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)).astype(dtype)
    return X, np.column_stack([np.sin(X[:, 0]), X[:, 1] * X[:, 2]]).astype(dtype)


@pytest.mark.parametrize("solver", ITERATIVE)
@pytest.mark.parametrize("reg", [0.0, 1.0])
def test_iterative_solvers_find_the_same_function(solver, reg):
    X, Y = data()
    Z = data(50, seed=1)[0]
    exact = KernelMachine(KERNEL, reg=reg).fit(X, Y)
    machine = KernelMachine(KERNEL, reg=reg, solver=solver, tol=1e-5, random_state=0).fit(X, Y)
    np.testing.assert_allclose(machine.predict(Z), exact.predict(Z), atol=1e-3)
    np.testing.assert_allclose(machine.norm_, exact.norm_, rtol=1e-3)
    assert machine.residual_ == pytest.approx(exact.residual_, abs=1e-3)
    report = machine.solver_report_
    assert (report.solver, report.converged, report.tol) == (solver, True, 1e-5)
    assert report.residual <= 1e-5
    assert report.residual == machine.residuals_[-1]
    assert machine.n_iter_ == len(machine.residuals_) - 1 >= 1


@pytest.mark.parametrize("solver", CENTERS)
def test_solvers_with_centers(solver):
    X, Y = data()
    machine = KernelMachine(KERNEL, reg=1e-3, solver=solver, n_centers=60, random_state=0)
    machine.fit(X, Y)
    assert machine.X_fit_.shape == (60, 6)
    assert machine.dual_coef_.shape == (60, 2)
    values = KERNEL(X, machine.X_fit_) @ machine.dual_coef_
    np.testing.assert_allclose(machine.predict(X), values, atol=1e-10)
    assert machine.residual_ == pytest.approx(np.abs(values - Y).max() / np.abs(Y).max(), rel=1e-6)
    K = KERNEL(machine.X_fit_)
    form = np.einsum("ik,ij,jk->k", machine.dual_coef_, K, machine.dual_coef_)
    np.testing.assert_allclose(machine.norm_, np.sqrt(form), rtol=1e-6)
    # No better fit in the same span, up to the tolerance: least squares by brute force.
    best = np.linalg.lstsq(KERNEL(X, machine.X_fit_), Y, rcond=None)[0]
    least = np.linalg.norm(KERNEL(X, machine.X_fit_) @ best - Y)
    assert least <= np.linalg.norm(values - Y) <= 1.1 * least


def test_the_report_says_what_and_why():
    X, Y = data()
    machine = KernelMachine(KERNEL).fit(X, Y)
    report = machine.solver_report_
    assert isinstance(report, SolverReport)
    assert (report.solver, report.n_samples, report.n_outputs) == ("cholesky", 200, 2)
    text = str(report)
    assert text.startswith("200 points, 2 outputs, float64, full accuracy: cholesky needs ")
    assert "expected about" in text
    assert "double, 1 iteration," in text
    assert "reached" in text
    assert report.expected_seconds > 0
    assert report.operations > 200**3 / 3
    asked = KernelMachine(KERNEL, solver="cholesky").fit(X, Y).solver_report_
    assert asked.reason == "cholesky was asked for"


def test_auto_turns_to_another_solver_when_the_memory_is_short():
    X, Y = data(1200, 3)
    machine = KernelMachine(
        KERNEL, reg=5.0, memory=2**27, n_centers=100, tol=1e-4, random_state=0
    ).fit(X, Y)
    assert machine.solver_report_.solver == "falkon"
    assert "100 centres" in machine.solver_report_.reason
    with pytest.raises(MemoryError, match=r"no solver for 1200 points fits 97\.7 KiB"):
        KernelMachine(KERNEL, memory=100_000).fit(X, Y)


def test_too_few_iterations_are_a_warning():
    X, Y = data()
    with pytest.warns(ConvergenceWarning, match="has not converged"):
        machine = KernelMachine(KERNEL, solver="cg", tol=1e-10, max_iter=2, random_state=0).fit(
            X, Y
        )
    assert machine.n_iter_ == 2
    assert not machine.solver_report_.converged
    assert "NOT reached" in str(machine.solver_report_)


@pytest.mark.parametrize("solver", ["cg", "eigenpro"])
def test_a_fit_killed_halfway_resumes(tmp_path, monkeypatch, solver):
    X, Y = data()
    machine = KernelMachine(
        KERNEL, solver=solver, tol=1e-4, checkpoint=tmp_path / "fit.npz", random_state=0
    )
    whole = clone(machine).set_params(checkpoint=None).fit(X, Y)
    assert whole.n_iter_ > 3
    record = _monitor.Monitor.record

    def kill(self, *args, **kwargs):
        stop = record(self, *args, **kwargs)
        if self.iterations == 3:
            raise KeyboardInterrupt
        return stop

    with monkeypatch.context() as patch:
        patch.setattr(_monitor.Monitor, "record", kill)
        with pytest.raises(KeyboardInterrupt):
            machine.fit(X, Y)
    assert (tmp_path / "fit.npz").exists()
    machine.fit(X, Y)
    np.testing.assert_array_equal(machine.dual_coef_, whole.dual_coef_)
    np.testing.assert_array_equal(machine.residuals_, whole.residuals_)
    assert not (tmp_path / "fit.npz").exists()


def test_a_classifier_takes_the_same_parameters():
    digits = load_mnist(300)
    exact = KernelMachineClassifier(LaplacianKernel(10.0)).fit(digits.X_train, digits.y_train)
    machine = KernelMachineClassifier(
        LaplacianKernel(10.0), solver="cg", tol=1e-6, random_state=0
    ).fit(digits.X_train, digits.y_train)
    assert machine.solver_report_.solver == "cg"
    np.testing.assert_array_equal(machine.predict(digits.X_test), exact.predict(digits.X_test))


@pytest.mark.parametrize(
    ("parameters", "error", "match"),
    [
        ({"solver": "lu"}, ValueError, f"solver is 'lu'; expected one of '{SOLVERS[0]}'"),
        ({"solver": "falkon"}, ValueError, "n_centers is None and solver is 'falkon'"),
        ({"solver": "cg", "n_centers": 3}, ValueError, "n_centers is 3 and solver is 'cg'"),
        ({"tol": -1.0}, ValueError, "tol is -1"),
        ({"solver": "cg", "max_iter": 0}, ValueError, "max_iter is 0"),
        ({"max_iter": -3}, ValueError, "max_iter is -3"),
        ({"solver": "falkon", "n_centers": 21}, ValueError, "n_centers is 21; .* <= 20"),
        ({"solver": "many_centers", "n_centers": 21}, ValueError, "n_centers is 21"),
        ({"memory": -3}, ValueError, "memory is -3"),
        ({"device": "abacus"}, ValueError, "backend is 'abacus'"),
        ({"checkpoint": "/nowhere/at/all.npz"}, ValueError, "a directory that exists"),
        ({"n_centers": 999}, ValueError, "n_centers is 999"),
    ],
)
def test_bad_parameters_are_named(parameters, error, match):
    with pytest.raises(error, match=match):
        KernelMachine(**parameters).fit(*data(20))


def test_points_beyond_the_precision_of_the_fit_are_refused():
    X, Y = data(20)
    machine = KernelMachine(KERNEL).fit(X.astype(np.float32), Y)
    far = np.full((1, X.shape[1]), 1e39)
    with pytest.raises(ValueError, match=r"X has entries up to 1\.0e\+39; .* range of float32"):
        machine.predict(far)
    np.testing.assert_allclose(machine.predict(0 * far + 1e-50), machine.predict(0 * far))
