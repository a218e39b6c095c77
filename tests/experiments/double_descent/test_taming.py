"""The claims of *Taming the peak* with other seeds, and the experiments behind them."""

import numpy as np
import pytest
import scipy.stats

from fearless.book.claims import check_claim
from fearless.data import flip_labels, load_mnist, one_hot
from fearless.experiments.double_descent import width_grid
from fearless.experiments.double_descent.ensembles import ensemble_curves, threshold_deviations
from fearless.experiments.double_descent.fading_features import FadingFeatures
from fearless.experiments.double_descent.peaks import peak_height, tuned_risks
from fearless.experiments.double_descent.tuned_digits import leave_one_out_curves
from fearless.features import RandomFourierFeatures
from fearless.kernels import GaussianKernel
from fearless.solvers import min_norm_path, penalty_path
from fearless.theory.proportional import general_risk, optimal_penalty

EVERY = np.arange(1, 401)


@pytest.fixture(scope="module")
def digits():
    return load_mnist(n_test=500, dtype=np.float32)


@pytest.fixture(scope="module", params=[31, 32])
def curves(digits, request):
    return leave_one_out_curves(
        digits,
        [100, 200, 800],
        np.geomspace(1e-5, 1, 16),
        n_train=200,
        label_noise=0.2,
        random_state=request.param,
    )


@pytest.fixture(scope="module")
def averages(digits):
    sizes = np.array([20, 50, 90, 97, 100, 103, 110, 160, 190, 200, 210, 240, 400, 800])
    return ensemble_curves(
        digits, sizes, n_train=200, shares=[1.0, 0.5], label_noise=0.1, random_state=41
    )


class TestFadingFeatures:
    @pytest.mark.parametrize("decay", [0.5, 1.0])
    @pytest.mark.parametrize("p", [50, 100, 200])
    def test_simulated_risk_is_that_of_the_formula(self, decay, p):
        model = FadingFeatures(decay=decay)
        drawn = model.simulate([p], penalties=[3e-3], n_seeds=60, random_state=p)
        measured = np.stack([drawn.ridge[:, 0, 0], drawn.best_ridge[:, 0]], axis=1)
        check_claim(
            "taming-ridge-formula",
            measured.mean(axis=0),
            [model.ridge_risk([p], 3e-3)[0], model.ridge_risk([p])[0]],
            stderr=measured.std(axis=0, ddof=1) / 60**0.5,
        )

    def test_small_penalties_leave_a_peak(self):
        for model in (FadingFeatures(noise=0.3), FadingFeatures(decay=0.5)):
            near = model.best_penalty(100)
            heights = [peak_height(model.ridge_risk(EVERY, near / r)) for r in (100, 15)]
            check_claim("taming-fixed-penalty-keeps-the-peak", min(heights), 1.2)

    def test_the_tuned_risk_falls_along_the_width_for_other_models(self):
        rises = []
        for decay in (0.0, 0.7, 1.5):
            for noise in (0.03, 3.0):
                risk = FadingFeatures(60, 300, noise=noise, decay=decay).ridge_risk(
                    np.arange(1, 301)
                )
                rises.append(np.max(risk[1:] / risk[:-1]))
        check_claim("taming-tuned-ridge-never-peaks", max(rises), 1 + 1e-8)

    def test_stopping_in_time_is_within_the_constant_of_ridge(self):
        z = np.geomspace(1e-3, 1e3, 10_001)
        c = np.max((1 + z) * (np.exp(-2 * z) + np.expm1(-z) ** 2 / z))
        assert c == pytest.approx(1.2147, abs=1e-4)
        for model in (FadingFeatures(40, 160), FadingFeatures(40, 160, noise=2.0, decay=0.3)):
            widths = np.array([10, 30, 40, 50, 160])
            drawn = model.simulate(widths, n_seeds=40, random_state=3)
            least = np.array([model.noise_at(p) for p in widths])
            flow, ridge = (r.mean(axis=0) - least for r in (drawn.best_flow, drawn.best_ridge))
            check_claim("taming-stopping-is-as-good-as-ridge", np.max(flow / ridge), c)
            # For a given sample the best penalty is the best for random coefficients only; but the
            # time is tuned to it, so flow cannot be much better either.
            assert np.min(flow / ridge) > 0.95

    def test_whitening_by_the_true_covariance(self):
        for noise in (0.03, 0.3):
            model = FadingFeatures(noise=noise)
            white, raw = (model.preconditioned_risk(EVERY, power) for power in (1.0, 0.0))
            np.testing.assert_allclose(white[:99], raw[:99], rtol=1e-9)
            assert np.isinf(white[99])
            check_claim("taming-whitening-can-hurt", white[-1] / raw[-1], 1)

    def test_whitened_inputs_are_isotropic(self):
        model = FadingFeatures(decay=1.5)
        p = 180
        signal = model.energy * model.eigenvalues[:p]
        isotropic = general_risk(np.ones(p), 100, signal=signal, noise=model.noise_at(p))
        assert model.preconditioned_risk([p], 1.0)[0] == pytest.approx(float(isotropic.total))

    def test_the_best_penalty_is_the_best(self):
        model = FadingFeatures()
        for p in (20, 100, 300):
            around = [model.ridge_risk([p], r * model.best_penalty(p))[0] for r in (0.9, 1, 1.1)]
            assert around[1] == min(around)
        flat = FadingFeatures(decay=0.0)  # isotropic: gamma noise / signal
        expected = optimal_penalty(300 / 100, 300 / 400, flat.noise_at(300))
        assert flat.best_penalty(300) == pytest.approx(expected)

    def test_all_of_the_signal_is_seen_or_is_noise(self):
        model = FadingFeatures(50, 80, noise=0.2, decay=0.4)
        assert model.noise_at(80) == pytest.approx(0.2)
        assert model.noise_at(0) == pytest.approx(1.2)

    def test_limits_of_gradient_flow(self):
        model = FadingFeatures(20, 60)
        drawn = model.simulate([10, 60], penalties=[0.0], times=[1e-12, 1e12], n_seeds=3)
        np.testing.assert_allclose(drawn.flow[:, 0], 1.1, rtol=1e-9)  # nothing is fitted
        np.testing.assert_allclose(drawn.flow[:, 1], drawn.ridge[:, 0], rtol=1e-6)

    def test_bad_input(self):
        with pytest.raises(ValueError, match="noise"):
            FadingFeatures(noise=0.0)
        with pytest.raises(ValueError, match="widths"):
            FadingFeatures().ridge_risk([401])
        for width in (-1, 401):
            with pytest.raises(ValueError, match="width"):
                FadingFeatures().noise_at(width)


class TestPeaks:
    def test_height(self):
        assert peak_height([1.0, 2.0, 3.0]) == 1
        assert peak_height([3.0, 1.0, 2.0]) == 1
        assert peak_height([2.0, 1.0, 6.0, 3.0, 4.0]) == 2
        assert peak_height([1.0, np.inf, 1.0]) == np.inf
        for bad in ([0.0, 1.0], [np.nan, 1.0], [-1.0]):
            with pytest.raises(ValueError, match="curve"):
                peak_height(bad)

    def test_tuned_risk_of_isotropic_inputs_is_at_the_known_penalty(self):
        sizes = np.array([30, 100, 300])
        risk = tuned_risks(np.ones(100), sizes, signal=np.full(100, 0.01), noise=0.3)
        penalties = optimal_penalty(100 / sizes, 1.0, 0.3)
        exact = [
            float(general_risk(np.ones(100), n, noise=0.3, penalty=s).excess)
            for n, s in zip(sizes, penalties, strict=True)
        ]
        np.testing.assert_allclose(risk, exact, rtol=1e-9)

    @pytest.mark.parametrize("alpha", [0.3, 1.3])
    def test_the_tuned_risk_falls_with_every_sample(self, alpha):
        i, rises = np.arange(1, 61), []
        for where in (i % 7 == 0, i == 60, i == 1):
            spectrum = i**-alpha
            signal = where / (spectrum @ where)
            risk = tuned_risks(spectrum, np.arange(40, 90, 4), signal=signal, noise=0.2)
            rises.append(np.max(risk[1:] / risk[:-1]))
        check_claim("taming-tuned-ridge-never-peaks", max(rises), 1 + 1e-8)


class TestLeaveOneOut:
    @pytest.mark.parametrize(("n", "n_features"), [(60, 150), (60, 60), (90, 40)])
    def test_agrees_with_refitting(self, n, n_features):
        data = load_mnist()
        X, y = data.X_train[500 : 500 + n], one_hot(data.y_train[500 : 500 + n], data.classes)
        phi = RandomFourierFeatures(n_features, random_state=3).fit_transform(X)
        path = penalty_path(phi, y, [0.0, 1e-2])
        squares = np.zeros(2)
        for i in range(n):
            a, b = np.delete(phi, i, axis=0), np.delete(y, i, axis=0)
            fits = [
                np.linalg.pinv(a) @ b,
                a.T @ np.linalg.solve(a @ a.T + n * 1e-2 * np.eye(n - 1), b),
            ]
            squares += [np.sum((y[i] - phi[i] @ fit) ** 2) / n for fit in fits]
        check_claim("taming-leave-one-out-is-exact", np.max(np.abs(path.loo / squares - 1)), 1e-8)

    @pytest.mark.slow
    def test_the_chosen_penalty_leaves_no_peak(self, curves):
        loss = curves.chosen("test_mse")
        check_claim("taming-digits-have-no-peak", np.max(loss[:, 1] / loss[:, 0]), 1)
        assert np.all(curves.without_penalty("test_mse")[:, 1] > 20 * loss[:, 1])

    @pytest.mark.slow
    def test_the_choice_is_nearly_the_best(self, curves):
        ideal = curves.chosen("test_mse", "test_mse")
        for criterion in ("loo", "gcv"):
            assert np.all(curves.chosen("test_mse", criterion) < 1.1 * ideal)

    @pytest.mark.slow
    def test_ridgeless_fits_are_on_the_same_data(self, curves):
        # The training loss of any ridge fit lies above that of least squares.
        assert np.all(
            curves.column("train_mse").min(axis=2) >= curves.without_penalty("train_mse") - 1e-12
        )


@pytest.mark.slow
class TestEnsembles:
    def test_many_are_kernel_ridge_regression(self, averages):
        full, _ = averages
        away = np.abs(full.widths / 200 - 1) > 0.1
        ratio = np.median(full.cross / full.kernel_ridge, axis=0)
        check_claim("taming-ensemble-is-kernel-ridge", ratio[away], 1)

    def test_a_typical_member_is_the_one_in_the_middle(self, averages):
        for curves in averages:
            assert np.all(curves.typical <= curves.own.max())
            far = np.abs(curves.widths / curves.member_samples - 1) > 0.15
            np.testing.assert_allclose(curves.typical[:, far], curves.own[:, far], rtol=0.1)
            at = np.flatnonzero(curves.widths == curves.member_samples)[0]
            assert np.all(curves.typical[:, at] < curves.own[:, at])  # the worst make the mean

    def test_halves_move_the_peak(self, averages):
        full, half = averages
        assert (full.member_samples, half.member_samples) == (200, 100)
        top = half.widths[np.argmax(np.median(half.together, axis=0))]
        check_claim("taming-bagging-moves-the-peak", top / 200, 0.5)
        assert full.widths[np.argmax(np.median(full.together, axis=0))] == 200

    def test_averages_of_some_lie_between_one_and_all(self, averages):
        for curves in averages:
            np.testing.assert_allclose(curves.of(1), curves.own)
            np.testing.assert_allclose(curves.of(20), curves.together)
            # An average is never worse than its members on average.
            assert np.all(curves.together <= curves.own)

    def test_predictions_are_those_of_the_path_solver(self, digits):
        # The members are fits whose seeds are known.
        sizes = width_grid(80, 9, max_ratio=4, resolution=0.05)
        (curves,) = ensemble_curves(digits, sizes, n_train=80, n_members=2, n_seeds=1)
        seed = np.random.default_rng(0).integers(2**31, size=1)[0]
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(digits.X_train))[:80]
        labels = flip_labels(digits.y_train[order], 0.0, digits.classes, random_state=rng)
        X, y = digits.X_train[order], one_hot(labels, digits.classes)
        y_test = one_hot(digits.y_test, digits.classes)
        risks = []
        for _ in range(2):
            phi = RandomFourierFeatures(random_state=int(rng.integers(2**31))).fit(X)
            a, b = (phi.block(Z, 0, int(sizes[-1])).astype(np.float64) for Z in (X, digits.X_test))
            risks.append(min_norm_path(a, y, b, y_test, sizes).test_mse)
        np.testing.assert_allclose(curves.own[0], np.mean(risks, axis=0), rtol=1e-6)

    def test_bad_input(self, digits):
        with pytest.raises(ValueError, match="n_members"):
            ensemble_curves(digits, [10], n_train=20, n_members=1)
        with pytest.raises(ValueError, match="shares"):
            ensemble_curves(digits, [10], n_train=20, shares=[1.5])


class TestThreshold:
    X = np.random.default_rng(2).standard_normal((6, 3))
    y = np.array([1.0, 0.0, -2.0, 0.5, 1.0, 3.0])

    def test_averages_have_the_law_of_one(self):
        place = np.array([0.3, -0.2, 0.5])
        found = threshold_deviations(
            GaussianKernel(1.5), self.X, self.y, place, [1, 4, 20], n_runs=3000, random_state=7
        )
        distances = np.median(np.abs(found), axis=0)
        check_claim("taming-average-at-threshold", distances, 1, stderr=np.pi / 2 / 3000**0.5)
        for column in found.T:
            assert scipy.stats.kstest(column, "cauchy").pvalue > 1e-3

    def test_averages_share_their_members(self):
        found = threshold_deviations(
            GaussianKernel(1.5), self.X, self.y, np.zeros(3), [1, 2, 3], n_runs=4
        )
        again = threshold_deviations(
            GaussianKernel(1.5), self.X, 2 * self.y, np.zeros(3), [3], n_runs=4
        )
        np.testing.assert_allclose(again[:, 0], found[:, 2], rtol=1e-6)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"y": np.ones(5)}, "y must have one value for each of the 6 rows of X, got 5"),
            ({"y": np.zeros(6)}, "y must not be zero everywhere"),
            ({"x": X[2]}, "places that differ"),
            ({"members": [0]}, "members"),
            ({"n_runs": 0}, "n_runs"),
        ],
    )
    def test_bad_input(self, change, message):
        arguments = {"X": self.X, "y": self.y, "x": np.zeros(3), "members": [2]} | change
        with pytest.raises(ValueError, match=message):
            threshold_deviations(GaussianKernel(1.5), **arguments)


@pytest.mark.parametrize("n_features", [30, 200])
def test_whitening_by_the_training_set_changes_nothing(n_features):
    data = load_mnist()
    phi = RandomFourierFeatures(n_features, random_state=5).fit(data.X_train)
    a, b = phi.transform(data.X_train[700:780]), phi.transform(data.X_test[:60])
    y = one_hot(data.y_train[700:780], data.classes)
    _, s, vt = np.linalg.svd(a, full_matrices=False)
    inverse_root = (vt.T / s) @ vt
    plain = b @ np.linalg.pinv(a) @ y
    white = b @ inverse_root @ np.linalg.pinv(a @ inverse_root, rcond=1e-8) @ y
    gap = np.linalg.norm(white - plain) / np.linalg.norm(plain)
    assert gap < 1e-9
