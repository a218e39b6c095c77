"""The page *Keeping PL along the way*: its claims, with other seeds."""

import numpy as np
import pytest
import torch

from fearless.book.claims import check_claim
from fearless.data import load_mnist
from fearless.experiments.kernel_regimes.tangent_networks import trained_kernel
from fearless.experiments.optimization.keeping import (
    SHARES,
    align_steps,
    kept_by_width,
    watched_runs,
)
from fearless.experiments.optimization.tangent_start import (
    closest_gradients,
    draw_signs,
    least_eigenvalues,
    parity_digits,
    signs_limit,
)
from fearless.experiments.optimization.transformed import KINDS, inner_part, transformed_runs
from fearless.experiments.optimization.twins import twin_constants, twin_images, twin_runs
from fearless.experiments.statistics import mean_and_error
from fearless.networks import FullyConnected, hessian_norm
from fearless.theory.rates.hessian_control import ERF_CURVATURE


@pytest.fixture(scope="module")
def digits():
    return load_mnist()


def test_the_hessian_of_the_network_is_below_its_bound(digits):
    pair = parity_digits(digits, 5, 3)
    model = draw_signs(pair.X.shape[1], 500, 4)
    norms = hessian_norm(model, pair.X, random_state=0)
    assert norms.max() <= ERF_CURVATURE / 500**0.5 * (1 + 1e-9)
    assert norms.max() > 0.98 * ERF_CURVATURE / 500**0.5


def test_the_kernel_has_the_limit_for_its_mean(digits):
    pair = parity_digits(digits, 4, 5)
    drawn = [trained_kernel(draw_signs(pair.X.shape[1], 3, s), pair.X) for s in range(200)]
    mean, error = mean_and_error(drawn)
    np.testing.assert_array_less(np.abs(mean - signs_limit(pair.X)) / error, 4.5)


def test_closest_gradients_bound_the_least_eigenvalue():
    J = np.random.default_rng(2).standard_normal((5, 7))
    K = J @ J.T
    pairs = [np.sum((J[i] - J[j]) ** 2) / 2 for i in range(5) for j in range(i)]
    assert closest_gradients(K) == pytest.approx(min(pairs))
    assert np.linalg.eigvalsh(K)[0] <= closest_gradients(K)


def test_runs_of_different_lengths_on_one_grid():
    steps = [np.array([0, 1, 2, 3]), np.array([0, 1, 2, 4, 5])]
    grid, rows = align_steps(steps, [np.array([9, 8, 7, 6]), np.array([5, 4, 3, 2, 1])])
    np.testing.assert_array_equal(grid, [0, 1, 2, 4, 8])
    np.testing.assert_array_equal(rows, [[9, 8, 7, 6, 6], [5, 4, 3, 2, 1]])


def test_nothing_is_promised_to_narrow_networks(digits):
    run = watched_runs(digits, 32, n_seeds=1, random_state=7)[0]
    assert not run.control.applies
    assert run.control_use == np.inf
    assert run.guaranteed_loss(np.array([10]))[0] == run.path.losses[0]


@pytest.mark.parametrize("width", [16, 1024])
def test_the_bound_from_the_distance(digits, width):
    runs = watched_runs(digits, width, n_seeds=3, random_state=1)
    check_claim("keeping-pl-distance", max(run.nearby_use for run in runs), 1)
    if width == 1024:
        assert min(run.nearby_use for run in runs) > 0.1  # the bound says something


@pytest.mark.slow
def test_the_promises(digits):
    runs = watched_runs(digits, 65536, n_seeds=2, random_state=2)
    check_claim("keeping-pl-control", max(run.control_use for run in runs), 1)


@pytest.mark.slow
def test_the_start(digits):
    drawn = least_eigenvalues(digits, [5, 80], [4, 1024], n_seeds=6, random_state=1)
    mean, error = mean_and_error(drawn.finite / drawn.limit[..., None])
    check_claim("keeping-pl-start", mean[:, -1], 1, stderr=error[:, -1])
    assert mean[-1, 0] + 4 * error[-1, 0] < 1  # Jensen's inequality, and not a close one
    assert np.all(drawn.limit <= drawn.closest)


def test_least_eigenvalues_of_limits_alone(digits):
    found = least_eigenvalues(digits, [3, 6], [], n_seeds=2)
    assert found.finite.shape == (2, 2, 0)
    X = parity_digits(digits, 3, np.random.default_rng([0, 1, 3])).X
    assert found.limit[1, 0] == pytest.approx(np.linalg.eigvalsh(signs_limit(X))[0])


def test_the_width_that_is_enough(digits):
    kept = kept_by_width(digits, 10, [8, 32, 64], n_seeds=3, random_state=3)
    check_claim("keeping-pl-width", np.median(kept.half) / kept.enough(), 100)
    assert kept.enough(1.1) == np.inf
    assert kept.enough(0.0) == 8
    assert np.all(np.diff(kept.needed, axis=1) >= 0)
    assert kept.needed.shape == (3, len(SHARES))


@pytest.mark.slow
@pytest.mark.parametrize("n_train", [5, 40])
def test_the_width_that_is_enough_for_few_and_many(digits, n_train):
    kept = kept_by_width(digits, n_train, [16, 32], n_seeds=3, random_state=4)
    check_claim("keeping-pl-width", np.median(kept.half) / kept.enough(), 100)


@pytest.mark.parametrize("kind", KINDS)
def test_transformations(digits, kind):
    runs = transformed_runs(kind, digits, width=512, n_seeds=3, random_state=1)
    check_claim("keeping-pl-transformed", max((r.bound / r.path.constant).max() for r in runs), 1)
    check_claim("keeping-pl-moves", min(r.path.kernel_change.max() for r in runs), 0.3)
    assert all(r.path.converged for r in runs)
    assert max(r.defect for r in runs) < 1e-10


def test_the_slopes_outside_by_differences(digits):
    pair = parity_digits(digits, 3, 1)
    model = FullyConnected(
        pair.X.shape[1], 20, depth=3, bottleneck=1, activation="erf", w_std=1.0,
        random_state=2, dtype=np.float64,
    )  # fmt: skip
    _, slopes = inner_part(model, pair.X)
    with torch.no_grad():
        _, h2, *_ = model.forward_layers(torch.tensor(pair.X))[0]

        def outer(g):
            s, W = model.scales, model.weights
            return (s[3] * torch.erf(s[2] * torch.erf(g) @ W[2].T) @ W[3].T)[:, 0]

        by_differences = (outer(h2 + 1e-6) - outer(h2 - 1e-6)) / 2e-6
        np.testing.assert_allclose(outer(h2), model(torch.tensor(pair.X))[:, 0])
    np.testing.assert_allclose(slopes, by_differences, rtol=1e-6)


def test_twins(digits):
    constants, bounds = twin_constants(digits, [1 / 8, 1 / 64], n_seeds=5, random_state=1)
    powers = np.log(constants[:, 0] / constants[:, 1]) / np.log(8)
    check_claim("keeping-pl-twins", np.median(powers), 2)
    assert np.all(constants <= bounds)


def test_twin_images_have_the_angle():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((3, 5))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    more, y = twin_images(X, np.array([1.0, 1.0, -1.0]), 0.3)
    assert more[0] @ more[-1] == pytest.approx(np.cos(0.3))
    assert np.linalg.norm(more[-1]) == pytest.approx(1)
    np.testing.assert_array_equal(y, [1, 1, -1, -1])
    np.testing.assert_array_equal(twin_images(X, y[:3], 0.0)[0][-1], X[0])
    with pytest.raises(ValueError, match="parallel"):
        twin_images(np.array([[1.0, 0.0], [2.0, 0.0]]), np.array([1.0, -1.0]), 0.1)


def test_a_copy_with_the_other_label(digits):
    runs = twin_runs(digits, [0.5, 0.0], width=256, max_steps=600, random_state=1)
    check_claim("keeping-pl-relaxed", runs.relaxed, 1)
    assert runs.losses[1][-1] == pytest.approx(1 / runs.n_train, abs=1e-6)
    assert runs.losses[0][-1] < 0.1 / runs.n_train
    assert runs.constant[1] < 1e-12
