"""The claims of *Kernel machines interpolate*, with other seeds, and its experiments."""

import numpy as np
import pytest

from fearless.book.claims import check_claim
from fearless.experiments.double_descent.line import line_points
from fearless.experiments.interpolation.tasks import gaussian_task, mnist_task
from fearless.experiments.kernel_regimes.noise_norm import (
    grid_points,
    growing_samples,
    kernel_spectrum,
    noise_norm,
)
from fearless.experiments.kernel_regimes.smoothness import (
    line_errors,
    smooth_fit,
    smoothness_dial,
)
from fearless.kernels import GaussianKernel, LaplacianKernel, MaternKernel
from fearless.machines import KernelMachine
from fearless.theory.gaussian_grid import gaussian_grid_noise
from fearless.theory.laplace_line import laplace_gap
from fearless.theory.sobolev import sobolev_norm


class TestSpace:
    @pytest.mark.parametrize("seed", [51, 52])
    def test_norm_is_the_energy(self, seed):
        points = line_points(n=30, noise=0.5, bandwidth=0.15, seed=seed)
        energy = sobolev_norm(points.x, points.y, 0.15)
        K = LaplacianKernel(0.15)(points.x[:, None])
        norm = np.sqrt(points.y @ np.linalg.solve(K, points.y))
        check_claim("kernel-machines-norm-is-energy", norm, energy)
        check_claim("kernel-machines-norm-is-energy", smooth_fit(points, 0.5).norm, energy)

    def test_no_combination_of_other_kernel_functions_is_smaller(self):
        """The representer theorem: an interpolant with more terms has a larger norm."""
        rng = np.random.default_rng(53)
        X, y = rng.standard_normal((8, 2)), rng.standard_normal(8)
        kernel = MaternKernel(1.0, 1.5)
        machine = KernelMachine(kernel).fit(X, y)
        more = np.concatenate([X, rng.standard_normal((5, 2))])
        K = kernel(more)
        for _ in range(20):
            extra = rng.standard_normal(5)
            coef = np.linalg.solve(K[:8, :8], y - K[:8, 8:] @ extra)
            a = np.concatenate([coef, extra])
            assert a @ K @ a > machine.norm_**2

    def test_a_smoother_kernel_needs_a_larger_norm_at_last(self):
        points = line_points(n=12, noise=0.25, bandwidth=0.15, seed=54)
        norms = [smooth_fit(points, nu).norm for nu in (2.5, 5.0, 10.0, 50.0, np.inf)]
        assert np.all(np.diff(norms) > 0)
        assert smooth_fit(points, np.inf).largest > smooth_fit(points, 1.5).largest


class TestSpectra:
    def test_a_small_matrix(self):
        X = np.array([[0.0], [1.0]])
        found = kernel_spectrum(LaplacianKernel(1.0), X)
        np.testing.assert_allclose(found, [(1 + np.exp(-1)) / 2, (1 - np.exp(-1)) / 2])

    @pytest.mark.slow
    def test_power_laws(self):
        for d in (1, 2):
            for nu in (0.5, 1.5):
                clouds = (np.random.default_rng([d, s]).random((1000, d)) for s in (55, 56))
                lam = np.array([kernel_spectrum(MaternKernel(0.5, nu), X) for X in clouds])
                slope = np.log(np.median(lam[:, 79] / lam[:, 19])) / np.log(4)
                check_claim("kernel-machines-spectral-decay", slope, -(1 + 2 * nu / d))


class TestNoise:
    def test_the_price_is_the_mean_over_draws_of_noise(self):
        X = np.random.default_rng(57).standard_normal((100, 5))
        noise = np.random.default_rng(58).standard_normal((100, 2000))
        squares = np.sum(noise * np.linalg.solve(GaussianKernel(2.0)(X), noise), axis=0)
        trace = noise_norm(GaussianKernel(2.0), X)[-1] ** 2
        assert abs(squares.mean() - trace) < 4 * squares.std(ddof=1) / np.sqrt(2000)

    def test_gaussian_norms_explode(self):
        sides = np.arange(10, 101)
        log_norm = [gaussian_grid_noise(m, 1 / m, 0.2)[-1] / 2 for m in sides]
        check_claim("kernel-machines-gaussian-norm-is-exponential", np.exp(np.diff(log_norm)), 3)
        # and a rougher kernel on the same grids does not make it true
        rough = [noise_norm(LaplacianKernel(0.2), grid_points(m, 1))[-1] for m in (10, 11)]
        assert rough[1] / rough[0] < 1.2

    def test_laplacian_norms_are_powers(self):
        kernel = LaplacianKernel(0.2)
        for d, sides, power in ((1, (200, 400), 1), (2, (11, 22), 0.75)):
            costs = [noise_norm(kernel, grid_points(m, d))[-1] for m in sides]
            found = np.log2(costs[1] / costs[0]) / d
            check_claim("kernel-machines-laplacian-norm-is-polynomial", found, power)

    def test_laplacian_trace_on_a_line_in_closed_form(self):
        n, s = 50, 0.2
        r = np.exp(-1 / (n * s))
        expected = ((n - 2) * (1 + r**2) + 2) / (1 - r**2)
        found = noise_norm(LaplacianKernel(s), grid_points(n, 1))[-1] ** 2
        assert found == pytest.approx(expected, rel=1e-12)

    @pytest.mark.slow
    def test_fifty_dimensions(self):
        for distance, level in ((2, 0.0), (10, 0.1)):
            task = gaussian_task(distance, 2000, n_test=3000)
            for kernel in (LaplacianKernel(10.0), GaussianKernel(5.0)):
                run = growing_samples(task, kernel, level, [500, 2000], n_seeds=1, random_state=59)
                power = np.log(run.noise_norm[:, 1] / run.noise_norm[:, 0]) / np.log(4)
                check_claim("kernel-machines-mild-in-many-dimensions", power, 1)

    def test_growing_samples_are_kernel_machines(self):
        task = gaussian_task(2, 120, n_test=500)
        kernel = LaplacianKernel(10.0)
        run = growing_samples(task, kernel, 0.0, [40, 120], n_seeds=1, random_state=60)
        seed = int(np.random.default_rng(60).integers(2**31, size=1)[0])
        data = task.draw(seed)
        for j, n in enumerate((40, 120)):
            y = np.where(data.y_train[:n] == 1, 1.0, -1.0)
            machine = KernelMachine(kernel).fit(data.X_train[:n], y)
            wrong = (machine.predict(data.X_test) > 0) != (data.y_test == 1)
            assert run.error[0, j] == pytest.approx(wrong.mean())
            assert run.norm[0, j] == pytest.approx(machine.norm_, rel=1e-10)
        with pytest.raises(ValueError, match="task has 10 classes"):
            growing_samples(mnist_task(20, n_test=20), kernel, 0.0, [10])


class TestSmoothness:
    def test_line_errors_of_the_laplacian_kernel_are_those_of_the_exact_theory(self):
        result = line_errors(np.cos, [64], [0.5], bandwidth=0.2)
        gap = laplace_gap(1 / (64 * 0.2))
        # 63 gaps inside; the two half cells at the ends decay exponentially instead.
        half = 0.2 / 2 * -np.expm1(-2 * (0.5 / 64) / 0.2)
        expected = 63 / 64 * 2 * float(gap.square) + 2 * half
        assert result.gain[0, 0] ** 2 == pytest.approx(expected, rel=2e-3)

    def test_both_sides(self):
        result = line_errors(lambda x: np.sin(2 * np.pi * x), [12, 64], [0.5, 1.5, np.inf])
        clean, gain = result.clean, result.gain
        assert clean[0, 0] > clean[1, 0] > 100 * clean[2, 0] / 3
        assert gain[0, 0] < gain[1, 0] < 1 < gain[2, 0]
        assert np.isnan(clean[2, 1])  # double precision ends before 64 points
        assert np.isnan(gain[2, 1])
        assert np.isfinite(clean[:2]).all()

    def test_the_dial_is_a_kernel_machine(self):
        task = mnist_task(60, n_test=100)
        result = smoothness_dial(task, [1.5], [3.0, 5.0], [0.0], n_seeds=1, random_state=61)
        data = task.draw(int(np.random.default_rng(61).integers(2**31, size=1)[0]))
        targets = (data.y_train[:, None] == np.arange(10)).astype(float)
        machine = KernelMachine(MaternKernel(5.0, 1.5)).fit(data.X_train.astype(float), targets)
        wrong = machine.predict(data.X_test.astype(float)).argmax(axis=1) != data.y_test
        assert result.at(5.0)[0, 0, 0] == pytest.approx(wrong.mean())
        K = MaternKernel(5.0, 1.5)(data.X_train.astype(float))
        trace = np.trace(np.linalg.inv(K))
        assert result.noise_norm[0, 0, 1] ** 2 == pytest.approx(trace / 60, rel=1e-9)
        assert result.best.shape == (1, 1, 1)

    @pytest.mark.slow
    def test_smooth_without_noise_rough_with(self):
        result = smoothness_dial(
            mnist_task(1000, n_test=1000),
            [0.5, np.inf],
            [2.5, 5.0, 10.0, 20.0],
            [0.0, 0.4],
            n_seeds=2,
            random_state=62,
        )
        lead = result.best[:, 0] - result.best[:, 1]
        check_claim("kernel-machines-smooth-wins-without-noise", -lead[:, 0], 0)
        check_claim("kernel-machines-rough-wins-with-noise", lead[:, 1], 0)


def test_a_solver_in_double_precision_does_not_interpolate():
    K = GaussianKernel(0.2)(grid_points(40, 1))
    coins = np.random.default_rng(63).choice([-1.0, 1.0], (40, 30))
    misses = np.abs(K @ np.linalg.solve(K, coins) - coins).max(axis=0)
    check_claim("kernel-machines-double-precision-misses", misses, 0.5)
    # values of a smooth function are another matter
    x = grid_points(40, 1)[:, 0]
    assert np.abs(K @ np.linalg.solve(K, np.sin(x)) - np.sin(x)).max() < 1e-6
