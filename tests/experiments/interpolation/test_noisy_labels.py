"""The claims of *What you see is not what you get* about kernel machines, with other seeds."""

import numpy as np
import pytest

from fearless.book.claims import check_claim
from fearless.data import noisy_error
from fearless.experiments.interpolation.noisy_labels import fit_noisy, norm_growth
from fearless.experiments.interpolation.tasks import gaussian_task, labelled_digits, mnist_task
from fearless.kernels import GaussianKernel, LaplacianKernel
from fearless.machines import KernelMachine
from fearless.theory.bounds import interpolant_norm_floor, margin_bound

KERNELS = {"Laplacian": LaplacianKernel(10.0), "Gaussian": GaussianKernel(5.0)}
LEVELS = np.array([0.0, 0.1, 0.3, 0.5, 0.8])
NOISY = LEVELS >= 0.1
TASKS = {
    "apart": lambda: gaussian_task(10.0, 1000, n_test=2000),
    "overlapping": lambda: gaussian_task(2.0, 1000, n_test=2000),
    "digits": lambda: mnist_task(600, n_test=1000),
}


@pytest.fixture(scope="module", params=[(t, k) for t in TASKS for k in KERNELS], ids="-".join)
def fits(request):
    task, kernel = request.param
    return fit_noisy(TASKS[task](), KERNELS[kernel], LEVELS, n_seeds=3, random_state=61)


def test_every_level_is_interpolated(fits):
    check_claim("interpolates-at-every-noise-level", fits.residual, 1e-9)
    assert np.all(fits.train_error == 0)


def test_the_formula_of_label_noise(fits):
    count = fits.n_test * len(fits.residual)
    formula = fits.test_error.mean(axis=0)[NOISY]
    check_claim(
        "noise-formula-holds",
        fits.sampled_error.mean(axis=0)[NOISY],
        formula,
        stderr=np.sqrt(formula * (1 - formula) / count),
    )
    np.testing.assert_array_equal(fits.sampled_error[:, 0], fits.clean_error[:, 0])


def test_margin_bounds_are_vacuous_under_noise(fits):
    check_claim("margin-bounds-are-vacuous-under-noise", fits.bound()[:, NOISY], 1)


def test_no_bound_is_violated(fits):
    assert np.all(fits.bound() > fits.test_error)


def test_norms_are_above_their_floor(fits):
    squares = np.mean(fits.norm[:, NOISY] ** 2, axis=0)
    check_claim("noise-has-its-price-in-norm", squares / fits.norm_floor[NOISY] ** 2, 1)


def test_no_machine_beats_the_best_rule(fits):
    for error, bayes in zip(fits.test_error.T, fits.bayes_error, strict=True):
        stderr = np.sqrt(bayes * (1 - bayes) / (fits.n_test * len(error)))
        assert error.mean() >= bayes - 4.5 * stderr


@pytest.mark.slow
@pytest.mark.parametrize("distance", [2.0, 10.0])
@pytest.mark.parametrize("seed", [62, 63])
def test_laplacian_stays_near_bayes(distance, seed):
    levels = np.arange(9) / 10
    task = gaussian_task(distance, 2000)
    fits = fit_noisy(task, KERNELS["Laplacian"], levels, n_seeds=2, random_state=seed)
    check_claim("laplacian-stays-near-bayes", np.max(fits.test_error - fits.bayes_error), 0.08)


def test_levels_share_a_machine_and_change_nothing():
    task = mnist_task(200, n_test=200)
    together = fit_noisy(task, KERNELS["Laplacian"], [0.0, 0.6], n_seeds=1, random_state=64)
    alone = fit_noisy(task, KERNELS["Laplacian"], [0.6], n_seeds=1, random_state=64)
    np.testing.assert_allclose(together.norm[:, 1:], alone.norm, rtol=1e-10)
    np.testing.assert_array_equal(together.clean_error[:, 1:], alone.clean_error)
    np.testing.assert_array_equal(together.sampled_error[:, 1:], alone.sampled_error)


def test_bound_is_the_margin_bound_of_each_fit():
    task = gaussian_task(2.0, 300, n_test=10)
    fits = fit_noisy(task, KERNELS["Laplacian"], [0.2, 0.4], n_seeds=2, random_state=65)
    for i, j in np.ndindex(2, 2):
        expected = margin_bound(300, fits.norm[i, j], delta=0.01).value
        assert fits.bound(0.01)[i, j] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", ["overlapping", "digits"])
@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_norms_of_growing_samples_are_those_of_separate_fits(name, kernel):
    task = gaussian_task(2.0, 200, n_test=1) if name == "overlapping" else mnist_task(200, n_test=1)
    sizes = [20, 77, 200]
    growth = norm_growth(task, kernel, [0.0, 0.5], sizes, n_seeds=2, random_state=66)
    assert growth.norm.shape == (2, 2, 3)
    whole = fit_noisy(task, kernel, [0.0, 0.5], n_seeds=2, random_state=66)
    np.testing.assert_allclose(growth.norm[:, :, -1], whole.norm, rtol=1e-8)
    # The smaller sets are the first samples: fit them separately.
    seed = int(np.random.default_rng(66).integers(2**31, size=2)[0])
    data = task.draw(seed)
    X = data.X_train.astype(float)
    codes = np.eye(len(data.classes))[data.y_train]
    Y = codes if len(data.classes) > 2 else 2.0 * data.y_train[:, None] - 1
    for j, n in enumerate(sizes):
        norms = KernelMachine(kernel).fit(X[:n], Y[:n]).norm_
        assert growth.norm[0, 0, j] == pytest.approx(np.sqrt(np.sum(norms**2)), rel=1e-8)
    assert np.all(np.diff(growth.norm, axis=2) >= 0)


def test_the_floor_of_a_task():
    task = gaussian_task(2.0, 500, n_test=1)
    fits = fit_noisy(task, KERNELS["Gaussian"], [0.3], n_seeds=1)
    assert fits.norm_floor[0] == interpolant_norm_floor(500, task.variance(0.3))
    assert fits.bayes_error[0] == noisy_error(task.bayes, 0.3, 2)


class TestTasks:
    def test_seeds_give_independent_draws(self):
        for task in (gaussian_task(2.0, 50, n_test=20), mnist_task(50, n_test=20)):
            a, b, again = (task.draw(seed) for seed in (1, 2, 1))
            np.testing.assert_array_equal(a.X_train, again.X_train)
            assert not np.array_equal(a.X_train, b.X_train)
            assert a.classes == tuple(range(task.n_classes))
            assert len(a.y_train) == 50
            assert len(a.y_test) == 20

    def test_labels_of_the_digits_shown(self):
        clean = labelled_digits(0.0, n=200, seed=67)
        np.testing.assert_array_equal(clean.given, clean.truth)
        low, high = (labelled_digits(r, n=200, seed=67) for r in (0.3, 0.9))
        np.testing.assert_array_equal(low.images, high.images)
        wrong_low, wrong_high = low.given != low.truth, high.given != high.truth
        assert np.all(wrong_high[wrong_low])
        assert abs(wrong_high.mean() - 0.81) < 4.5 * np.sqrt(0.81 * 0.19 / 200)

    def test_bad_input(self):
        with pytest.raises(ValueError, match="n_train"):
            mnist_task(20_000)
        with pytest.raises(ValueError, match="n_train"):
            gaussian_task(2.0, 0)
        task = gaussian_task(2.0, 20, n_test=5)
        with pytest.raises(ValueError, match="rate"):
            fit_noisy(task, KERNELS["Gaussian"], [1.5])
        with pytest.raises(ValueError, match="n_seeds"):
            fit_noisy(task, KERNELS["Gaussian"], [0.5], n_seeds=0)
        with pytest.raises(ValueError, match="sizes"):
            norm_growth(task, KERNELS["Gaussian"], [0.5], [10, 30])
