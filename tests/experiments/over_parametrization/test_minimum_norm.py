"""The claims of *When does minimum norm generalise?*, with other seeds, and its simulations."""

import numpy as np
import pytest

from fearless.book.claims import check_claim
from fearless.data import load_mnist
from fearless.experiments.over_parametrization.kernel_noise import kernel_noise
from fearless.experiments.over_parametrization.laplace_runs import laplace_runs
from fearless.experiments.over_parametrization.spectrum_runs import (
    noise_by_direction,
    spectrum_runs,
)
from fearless.experiments.over_parametrization.spectrum_study import (
    direction_costs,
    spectrum_study,
)
from fearless.experiments.over_parametrization.spikes import (
    CircleSample,
    circle_sample,
    circle_truth,
    spiky_fit,
)
from fearless.kernels import GaussianKernel, LaplacianKernel
from fearless.linalg import NotPositiveDefiniteError
from fearless.linear import MinNormRegressor
from fearless.machines import KernelMachine
from fearless.theory.laplace_line import laplace_line_risk
from fearless.theory.proportional import general_risk
from fearless.theory.spectra import (
    exponential_spectrum,
    isotropic_spectrum,
    power_law_spectrum,
    power_law_tail,
)

SIZES = np.array([25, 50, 100, 200, 400])


def infinite(alpha, log=0.0):
    return power_law_spectrum(2000, alpha, log_exponent=log), power_law_tail(
        2000, alpha, log_exponent=log
    )


LAWS = {
    "floor": (exponential_spectrum(600, 10), 1.0),
    "log": infinite(1.0, 2.0),
    "1.5": infinite(1.5),
    "3": infinite(3.0),
    "exp": (exponential_spectrum(2000, 20), 0.0),
}


@pytest.fixture(scope="module")
def runs():
    return {
        name: spectrum_runs(lam, SIZES, tail=tail, n_seeds=12, random_state=71)
        for name, (lam, tail) in LAWS.items()
    }


@pytest.fixture(scope="module")
def digits():
    return load_mnist()


@pytest.mark.slow
class TestFates:
    """At the sizes of the page: about half a minute for the fixture."""

    def test_simulation_and_exact_formula(self, runs):
        for name, (lam, tail) in LAWS.items():
            exact = general_risk(lam, SIZES, noise=1.0, penalty=tail / SIZES).variance
            check_claim(
                "minnorm-exact-variance",
                runs[name].variance.mean(axis=0)[2:],
                exact[2:],
                stderr=runs[name].stderr()[2:],
            )

    def test_power_laws_are_tempered(self, runs):
        for name, limit in (("1.5", 0.5), ("3", 2.0)):
            last = runs[name].variance[:, -1]
            check_claim(
                "minnorm-tempered-limit", last.mean(), limit, stderr=runs[name].stderr()[-1]
            )

    def test_exponential_decay_is_catastrophic(self, runs):
        run = runs["exp"]
        check_claim(
            "minnorm-catastrophic-growth",
            run.variance.mean(axis=0)[3:],
            SIZES[3:] / 20 - 1,
            stderr=run.stderr()[3:],
        )

    def test_benign_spectra_improve(self, runs):
        for name in ("floor", "log"):
            mean = runs[name].variance.mean(axis=0)
            assert np.all(np.diff(mean) < 0)


class TestSpectra:
    def test_small_simulation_and_exact_formula(self):
        n = np.array([50, 100])
        for alpha, log in ((1.0, 2.0), (1.5, 0.0)):
            lam = power_law_spectrum(500, alpha, log_exponent=log)
            tail = power_law_tail(500, alpha, log_exponent=log)
            run = spectrum_runs(lam, n, tail=tail, n_seeds=10, random_state=72)
            exact = general_risk(lam, n, noise=1.0, penalty=tail / n).variance
            check_claim(
                "minnorm-exact-variance",
                run.variance.mean(axis=0)[1],
                exact[1],
                stderr=run.stderr()[1],
            )

    def test_standard_errors_need_two_seeds(self):
        with pytest.raises(ValueError, match="two draws"):
            spectrum_runs([1.0, 1.0], [1], n_seeds=1).stderr()
        with pytest.raises(ValueError, match="two draws"):
            _ = laplace_runs(5, [1.0], n_seeds=1).stderr

    def test_risk_of_the_estimator_of_the_library(self):
        """The closed form given X is the mean over the noise of the risk of the fit itself."""
        lam = power_law_spectrum(60, 1.2)
        beta = np.where(np.arange(60) < 3, 1.0, 0.0)
        run = spectrum_runs(lam, [20], signal=beta, n_seeds=1, random_state=5)
        child = np.random.SeedSequence(5).spawn(1)[0]
        X = (np.sqrt(lam)[:, None] * np.random.default_rng(child).standard_normal((60, 20))).T
        rng = np.random.default_rng(6)
        y = (X @ beta)[:, None] + rng.standard_normal((20, 3000))
        coef = MinNormRegressor(fit_intercept=False).fit(X, y).coef_
        risks = np.sum(lam * (coef - beta) ** 2, axis=1)
        expected = run.bias[0, 0] + run.variance[0, 0]
        assert abs(risks.mean() - expected) < 4 * risks.std() / np.sqrt(3000)

    def test_isotropic_in_closed_form(self):
        """Inverse Wishart: V = n / (p - n - 1), B = |beta|^2 (1 - n/p)."""
        p, n = 60, [5, 20]
        run = spectrum_runs(
            isotropic_spectrum(p), n, signal=np.eye(p)[3], n_seeds=400, random_state=7
        )
        for name, expected in (("variance", [5 / 54, 20 / 39]), ("bias", [55 / 60, 40 / 60])):
            gap = np.abs(getattr(run, name).mean(axis=0) - expected)
            assert np.all(gap < 4 * run.stderr(name))

    def test_many_tiny_inputs_are_the_tail(self):
        head, p = exponential_spectrum(40, 5), 10_000
        explicit = spectrum_runs(
            np.append(head, np.full(p, 1.0 / p)), [10, 30], n_seeds=6, random_state=8
        )
        short = spectrum_runs(head, [10, 30], tail=1.0, n_seeds=6, random_state=9)
        gap = explicit.variance.mean(axis=0) - short.variance.mean(axis=0)
        assert np.all(np.abs(gap) < 4 * np.hypot(explicit.stderr(), short.stderr()))

    def test_directions_sum_to_the_variance(self):
        lam, tail = infinite(1.5)
        rows = noise_by_direction(lam, 50, tail=tail, n_seeds=3, random_state=10)
        total = spectrum_runs(lam, [50], tail=tail, n_seeds=3, random_state=10).variance[:, 0]
        np.testing.assert_allclose(rows.sum(axis=1), total, rtol=1e-9)
        costs = direction_costs(lam, 50, tail=tail)
        exact = general_risk(lam, 50, noise=1.0, penalty=tail / 50).variance
        assert costs.sum() == pytest.approx(float(exact))
        top = rows[:, :10].mean(axis=1)
        assert abs(top.mean() / costs[:10].mean() - 1) < 0.3

    def test_steep_spectra_keep_their_digits_or_say_so(self):
        """Against the pseudoinverse at condition number 2e4; beyond 1e8 there is an error."""
        lam = exponential_spectrum(600, 10)
        run = spectrum_runs(lam, [200], n_seeds=1, random_state=11)
        child = np.random.SeedSequence(11).spawn(1)[0]
        X = (np.sqrt(lam)[:, None] * np.random.default_rng(child).standard_normal((600, 200))).T
        expected = np.sum(lam[:, None] * np.linalg.pinv(X, rcond=0) ** 2)
        assert run.variance[0, 0] == pytest.approx(expected, rel=1e-9)
        with pytest.raises(NotPositiveDefiniteError):
            spectrum_runs(lam, [400], n_seeds=1, random_state=11)

    def test_study_is_made_of_its_parts(self):
        lam, tail = infinite(1.25)
        study = spectrum_study(lam, [25, 50], tail=tail, n=50, n_seeds=2)
        assert study.index == 24
        assert study.r[24] >= 100 > study.r[23]
        assert np.sum(lam / (lam + study.kappa)) + tail / study.kappa == pytest.approx(50)
        np.testing.assert_allclose(study.exact, study.runs.variance.mean(axis=0), rtol=0.2)

    @pytest.mark.parametrize("seed", [81, pytest.param(82, marks=pytest.mark.slow)])
    def test_a_signal_in_the_floor_is_lost(self, seed):
        lam = exponential_spectrum(4000, 10, floor=1 / 4000)
        signal = np.where(np.arange(4000) < 100, 0.0, 1.0)
        lost = spectrum_runs(lam, [100], signal=signal, n_seeds=2, random_state=seed).bias
        check_claim("minnorm-signal-in-the-floor", lost / (lam @ signal), 1)

    def test_bad_input(self):
        with pytest.raises(ValueError, match="samples"):
            spectrum_runs([1.0, 1.0], [3])
        with pytest.raises(ValueError, match="signal contains -1"):
            spectrum_runs([1.0, 1.0], [1], signal=[-1.0, 0.0])
        with pytest.raises(ValueError, match="eigenvalues contains -1"):
            noise_by_direction([1.0, -1.0], 1)
        with pytest.raises(ValueError, match="tail"):
            spectrum_runs([1.0], [1], tail=-1.0)


class TestSpikes:
    @pytest.mark.parametrize("seed", [21, 22, 23])
    def test_the_tail_is_a_ridge(self, seed):
        fit = spiky_fit(circle_sample(20, 0.5, seed), 4001)
        check_claim("minnorm-floor-is-a-ridge", fit.distance, fit.spikes)

    def test_it_interpolates_and_is_the_least_norm_fit(self):
        sample = circle_sample(12, 0.5, 24)
        fit = spiky_fit(sample, 25, mass=3.0)
        np.testing.assert_allclose(
            np.interp(sample.x, fit.grid, fit.interpolant), sample.y, atol=1e-9
        )
        j = np.arange(1, 13)
        lam = np.concatenate([np.ones(2), 3 / 2 * np.arange(10, 0, -1) / 55])

        def waves(x):
            angle = 2 * np.pi * np.outer(x, j)
            both = np.sqrt(2 * lam) * np.stack([np.cos(angle), np.sin(angle)])
            return np.hstack([np.ones((len(x), 1)), *both])

        weights = np.linalg.pinv(waves(sample.x)) @ sample.y
        np.testing.assert_allclose(waves(fit.grid) @ weights, fit.interpolant, atol=1e-8)

    def test_without_noise_the_smooth_fit_is_shrunk_truth(self):
        n = 64
        x = np.arange(n) / n
        fit = spiky_fit(CircleSample(x, circle_truth(x)), 801, mass=1.0)
        # On an even grid the waves are orthogonal: every weight is divided by 1 + mass / n.
        np.testing.assert_allclose(fit.ridge, circle_truth(fit.grid) / (1 + 1 / n), atol=1e-9)

    def test_bad_input(self):
        sample = circle_sample(20, 0.5, 25)
        with pytest.raises(ValueError, match="expected odd numbers"):
            spiky_fit(sample, 22)
        with pytest.raises(ValueError, match="n_features"):
            spiky_fit(sample, 19)
        with pytest.raises(ValueError, match="mass"):
            spiky_fit(sample, 21, mass=0.0)


class TestLine:
    KAPPAS = np.geomspace(0.05, 50, 9)

    @pytest.mark.parametrize("seed", [31, 32])
    def test_the_exact_curve(self, seed):
        run = laplace_runs(4000, self.KAPPAS, n_seeds=20, random_state=seed)
        check_claim(
            "minnorm-laplace-line",
            run.excess.mean(axis=0),
            laplace_line_risk(self.KAPPAS),
            stderr=run.stderr,
        )
        check_claim("minnorm-laplace-line-inconsistent", run.excess.min(axis=1), 0.5)

    def test_each_run_is_the_kernel_machine(self):
        run = laplace_runs(25, [0.4, 3.0], signal=2.0, noise=0.5, n_seeds=1, random_state=33)
        rng = np.random.default_rng(np.random.SeedSequence(33).spawn(1)[0])
        x = np.sort(rng.random(25))
        y = np.sqrt(2.0) + np.sqrt(0.5) * rng.standard_normal(25)
        t = (np.arange(200_000) + 0.5) / 200_000
        for kappa, excess in zip(run.kappas, run.excess[0], strict=True):
            machine = KernelMachine(LaplacianKernel(1 / (25 * kappa))).fit(x[:, None], y)
            residual = machine.predict(t[:, None]) - np.sqrt(2.0)
            assert excess == pytest.approx(np.mean(residual**2), rel=1e-5)

    def test_bad_input(self):
        with pytest.raises(ValueError, match="n is 1"):
            laplace_runs(1, [1.0])
        with pytest.raises(ValueError, match="an entry of kappas is 0"):
            laplace_runs(10, [0.0])


class TestDigits:
    @pytest.mark.slow
    @pytest.mark.parametrize("seed", [41, 42])
    def test_the_laplacian_kernel_is_tempered(self, digits, seed):
        result = kernel_noise(
            LaplacianKernel(10.0),
            digits.X_train,
            digits.X_test[1000:2000],
            [100, 400, 1600],
            random_state=seed,
        )
        change = np.median(result.noise[:, -1] - result.noise[:, 0])
        check_claim("minnorm-digits-tempered", change, 0)
        # The slope of the distance is the noise that stays, to 15 % on these images.
        np.testing.assert_allclose(
            np.median(result.rate, axis=0), np.median(result.between, axis=0), rtol=0.15
        )
        assert np.all(np.diff(result.midpoints) > 0)

    def test_noise_is_that_of_a_machine_fitted_to_noise(self, digits):
        n, kernel = 60, GaussianKernel(5.0)
        result = kernel_noise(
            kernel, digits.X_train, digits.X_test[:50], [30, n], n_seeds=1, random_state=43
        )
        child = np.random.SeedSequence(43).spawn(1)[0]
        chosen = np.random.default_rng(child).choice(len(digits.X_train), n, replace=False)
        X = digits.X_train[chosen]
        labels = np.random.default_rng(44).standard_normal((n, 4000))
        fitted = KernelMachine(kernel).fit(X, labels).predict(digits.X_test[:50])
        means = np.mean(fitted**2, axis=0)
        error = means.std() / np.sqrt(len(means))
        assert abs(means.mean() - result.noise[0, 1]) < 4 * error
        K = kernel(np.vstack([X, digits.X_test[:1]]))
        schur = 1 / np.linalg.inv(K)[-1, -1]
        one = kernel_noise(
            kernel, digits.X_train, digits.X_test[:1], [n], n_seeds=1, random_state=43
        )
        assert one.distance[0, 0] == pytest.approx(schur, rel=1e-8)

    def test_bad_input(self, digits):
        with pytest.raises(ValueError, match="samples"):
            kernel_noise(GaussianKernel(5.0), digits.X_train[:10], digits.X_test, [11])
        with pytest.raises(ValueError, match="test has 3 columns"):
            kernel_noise(GaussianKernel(5.0), digits.X_train[:10], np.ones((2, 3)), [5])


def test_a_teacher_of_the_library_agrees():
    """Fresh samples instead of a closed form, over the whole pipeline."""
    lam = power_law_spectrum(80, 1.5)
    excess = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        X = rng.standard_normal((30, 80)) * np.sqrt(lam)
        y = rng.standard_normal(30)
        coef = MinNormRegressor(fit_intercept=False).fit(X, y).coef_
        T = rng.standard_normal((200, 80)) * np.sqrt(lam)
        excess.append(np.mean((T @ coef) ** 2))
    run = spectrum_runs(lam, [30], n_seeds=200, random_state=51)
    gap = np.mean(excess) - run.variance.mean()
    error = np.hypot(np.std(excess) / 200**0.5, run.stderr()[0])
    assert abs(gap) < 4 * error
