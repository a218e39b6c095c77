"""The claims of *Adversarial examples are the price* on digits, with other seeds."""

import numpy as np
import pytest

from fearless.book.claims import check_claim
from fearless.data import load_mnist
from fearless.experiments.interpolation.adversarial_digits import (
    digit_walks,
    fit_digit_machines,
    walk_scores,
)
from fearless.experiments.interpolation.attacks import gradient_attack
from fearless.experiments.interpolation.digit_dimension import nearest_digit_distances
from fearless.kernels import GaussianKernel, LaplacianKernel
from fearless.machines import KernelMachineClassifier


@pytest.fixture(scope="module")
def digits():
    return load_mnist(dtype=np.float32)


@pytest.fixture(scope="module", params=[71, 72])
def fitted(digits, request):
    return fit_digit_machines(digits, 2000, 0.1, penalty=2.0, random_state=request.param)


@pytest.fixture(scope="module")
def walks(digits, fitted):
    return digit_walks(fitted, digits.X_test[500:], digits.y_test[500:], n_digits=40)


@pytest.mark.slow
def test_machines_fit_what_they_should(fitted):
    assert fitted.disagreement("noisy") == 0
    assert fitted.disagreement("clean") == fitted.wrong.mean()
    assert 0 < fitted.disagreement("ridge")
    assert max(fitted.test_error.values()) < 0.2
    with pytest.raises(ValueError, match="machine is 'forest'"):
        fitted.disagreement("forest")


@pytest.mark.slow
def test_the_reading_changes_on_every_walk(fitted, walks):
    shares = walks.shares["noisy"]
    check_claim("adversarial-digit-walks-flip", np.mean(~np.isnan(shares)), 1)
    # The ends show the digit and carry another label; nearest first.
    assert np.all(fitted.clean[walks.ends] == walks.digits[:, None])
    assert np.all(fitted.wrong[walks.ends])
    assert np.all(np.diff(walks.lengths, axis=1) >= 0)
    # At the share that is returned the machine does read something else.
    starts, ends = walks.images, fitted.X[walks.ends[:, 0]]
    points = (1 - shares[:, :1]) * starts + shares[:, :1] * ends
    assert np.all(fitted.machines["noisy"].predict(points) != walks.digits)
    lengths = np.linalg.norm(ends - starts, axis=1)
    np.testing.assert_allclose(lengths, walks.lengths[:, 0], rtol=1e-4)


@pytest.mark.slow
def test_machines_that_do_not_fit_the_noise_pass(walks):
    shares = [np.mean(~np.isnan(walks.shares[name])) for name in ("clean", "ridge")]
    check_claim("adversarial-digit-walks-need-fitting", max(shares), 1 / 3)


@pytest.mark.slow
def test_gradient_attack_needs_no_noise(fitted, walks):
    moved = gradient_attack(fitted.machines["clean"], walks.images, walks.digits, box=(0.0, 1.0))
    assert moved.min() >= 0
    assert moved.max() <= 1
    assert np.all(fitted.machines["clean"].predict(moved) != walks.digits)
    steps = np.linalg.norm(moved - walks.images, axis=1)
    check_claim(
        "adversarial-gradient-needs-no-noise", np.median(steps) / np.median(walks.same), 0.5
    )


@pytest.mark.parametrize("seed", [73, 74])
def test_digits_have_a_low_dimension(digits, seed):
    counts = [30, 100, 300, 1000, 3000, 10000]
    distances = nearest_digit_distances(digits, counts, random_state=seed)
    assert np.all(np.diff(distances, axis=1) <= 0)
    slope = np.polyfit(np.log(counts), np.log(distances.mean(axis=0)), 1)[0]
    check_claim("adversarial-digits-have-low-dimension", -1 / slope, 11.5)


@pytest.mark.slow
def test_scores_along_a_walk(fitted, walks):
    walk = walk_scores(fitted, walks, 1, n_points=201)
    assert walk.reading("noisy", 0.0) == walk.digit
    assert walk.reading("noisy", 1.0) == walk.label != walk.digit
    share = walks.shares["noisy"][1, walks.best(1)]
    assert walk.reading("noisy", share - 0.02) == walk.digit
    assert walk.reading("noisy", share + 0.02) != walk.digit
    assert walk.length * share == pytest.approx(walks.nearest("noisy")[1], rel=1e-6)


def test_a_gradient_attack_reaches_the_nearest_boundary_of_three_points():
    # Three far points: near the middle of two of them the boundary is their bisector.
    X = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 30.0]])
    machine = KernelMachineClassifier(LaplacianKernel(2.0)).fit(X, [0, 1, 2])
    start = np.array([[0.4, 0.0]])
    moved = gradient_attack(machine, start, np.array([0]))
    np.testing.assert_allclose(moved, [[0.5, 0.0]], atol=2e-3)
    with pytest.raises(TypeError, match="kernel"):
        gradient_attack(
            KernelMachineClassifier(GaussianKernel(1.0)).fit(X, [0, 1, 2]), start, np.array([0])
        )


def test_walks_need_enough_mislabelled_images(digits):
    few = fit_digit_machines(digits, 100, 0.1, random_state=75)
    with pytest.raises(ValueError, match="n_ends is 20"):
        digit_walks(few, digits.X_test, digits.y_test, n_ends=20)
