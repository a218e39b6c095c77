"""The page *The transition to linearity*: its claims, with other seeds."""

import numpy as np
import pytest
import torch

from fearless.book.claims import check_claim
from fearless.data import load_mnist
from fearless.experiments.kernel_regimes.curvature import hessian_by_width, loglog_slopes
from fearless.experiments.kernel_regimes.lazy_training import training_runs
from fearless.experiments.kernel_regimes.output_signs import sign_runs
from fearless.experiments.kernel_regimes.tangent_line import line_fit
from fearless.experiments.kernel_regimes.tangent_networks import (
    bottleneck_hessian,
    digit_pair,
    draw_network,
    trained_kernel,
)
from fearless.networks import (
    descend,
    empirical_tangent_kernel,
    jacobian,
    parameter_vector,
    predict_numpy,
)
from fearless.theory.linearity import TANH_CURVATURE

WIDTHS = [32, 128, 512, 2048, 8192]


@pytest.fixture(scope="module")
def digits():
    return load_mnist()


@pytest.fixture(scope="module")
def x(digits):
    return digit_pair(digits, random_state=5).X[0]


def test_the_pair_is_the_images_in_other_coordinates(digits):
    pair = digit_pair(digits, (3, 8), n_train=7, n_test=4, random_state=2)
    rows = np.flatnonzero(np.isin(digits.y_train, (3, 8)))
    rows = np.random.default_rng(2).permutation(rows)[:11]
    images = digits.X_train[rows]
    images = images / np.linalg.norm(images, axis=1, keepdims=True)
    both = np.vstack([pair.X, pair.X_test])
    np.testing.assert_allclose(both @ both.T / both.shape[1], images @ images.T, atol=1e-12)
    np.testing.assert_array_equal(pair.y, np.where(digits.y_train[rows[:7]] == 3, 1, -1))
    with pytest.raises(ValueError, match="n_train"):
        digit_pair(digits, n_train=10**6)


def test_slopes():
    widths = np.array([1, 4, 16])
    values = [3 * widths**-0.5, 2.0 * widths]
    np.testing.assert_allclose(loglog_slopes(widths, values), [-0.5, 1])


def test_the_curvature_of_a_bottleneck_by_automatic_differentiation(x):
    model = draw_network("bottleneck", len(x), 30, 7)
    s1, s2, s3, s4 = model.scales
    W1, W2, W3, W4 = (W.detach().clone().requires_grad_() for W in model.weights)
    below = s2 * (W2 @ torch.tanh(s1 * (W1 @ torch.tensor(x))))[0]
    u = below.detach().requires_grad_()
    f = s4 * (W4 @ torch.tanh(s3 * W3[:, 0] * torch.tanh(u)))[0]
    np.testing.assert_allclose(f.detach(), model(torch.tensor(x[None]))[0, 0].detach())
    steep = sum(g.square().sum() for g in torch.autograd.grad(below, [W1, W2]))
    (slope,) = torch.autograd.grad(f, u, create_graph=True)
    curvature, *crossed = torch.autograd.grad(slope, [u, W3, W4])
    low = bottleneck_hessian(model, x)
    assert low.curved == pytest.approx(float(curvature * steep))
    across = sum(g.square().sum() for g in crossed)
    assert low.crossed == pytest.approx(float((across * steep).sqrt()))
    with pytest.raises(ValueError, match="kind is 'narrow'"):
        draw_network("narrow", 3, 4)


@pytest.mark.parametrize("kind", ["fixed signs", "two layers"])
def test_the_kernel_of_the_weights_that_are_trained(kind):
    X = np.random.default_rng(0).standard_normal((4, 3))
    model = draw_network(kind, 3, 6, 1)
    weights = [W for W in model.weights if W.requires_grad]
    rows = [torch.autograd.grad(v, weights, retain_graph=True) for v in model(torch.tensor(X))]
    J = np.array([np.concatenate([g.numpy().ravel() for g in row]) for row in rows])
    np.testing.assert_allclose(trained_kernel(model, X), J @ J.T, atol=1e-12)


def test_the_distance_from_the_tangent_is_at_the_same_weights(digits):
    """And not that between two trained functions, each at its own weights."""
    run = training_runs("one layer", digits, [16], n_seeds=1, n_train=5, random_state=2)
    pair = digit_pair(digits, n_train=5, n_test=5, random_state=np.random.default_rng([2, 0]))
    model, start = (
        draw_network("one layer", pair.X.shape[1], 16, np.random.default_rng([2, 0, 16]))
        for _ in range(2)
    )
    descend(model, pair.X, pair.y, step_size=0.5, tol=0.01)
    moved = parameter_vector(model) - parameter_vector(start)
    linear = predict_numpy(start, pair.X_test)[:, 0] + jacobian(start, pair.X_test)[:, 0] @ moved
    due = np.abs(predict_numpy(model, pair.X_test)[:, 0] - linear).max()
    assert run.off_tangent[0, 0] == pytest.approx(due)
    assert run.off_tangent[0, 0] != pytest.approx(run.gap[0, 0], rel=1e-3)


def test_curvature_at_small_widths(x):
    """The closed forms hold at any width; nothing here is asymptotic."""
    layer = hessian_by_width("one layer", [8, 64], x, n_seeds=3, random_state=9)
    check_claim("linearity-hessian-closed-form", layer.norm, layer.predicted)
    signs = hessian_by_width("fixed signs", [512], x, n_seeds=3, random_state=9)
    check_claim("linearity-hessian-constant", np.sqrt(signs.widths) * signs.norm, TANH_CURVATURE)
    model = draw_network("one layer", len(x), 64, np.random.default_rng([9, 0, 64]))
    K = empirical_tangent_kernel(model, x[None])
    assert layer.gradient[0, 1] == pytest.approx(K[0, 0])
    assert np.all(signs.gradient < 1)


def test_a_line_fit_interpolates_and_the_gap_closes():
    narrow, wide = line_fit(16, random_state=4), line_fit(2048, random_state=4)
    assert wide.gap < narrow.gap / 3
    at = np.interp(wide.x, wide.grid, wide.network)
    np.testing.assert_allclose(at, wide.y, atol=0.1)


def test_small_runs_train_and_obey_the_bound(digits):
    run = training_runs("one layer", digits, [32, 256], n_seeds=2, random_state=11)
    check_claim("linearity-bound", (np.array([run.off_tangent, run.worst]) / run.bound).max(), 1)
    assert np.all(run.final_loss <= run.tol)
    assert np.all(run.kernel_change[:, 1] < run.kernel_change[:, 0] / 3)


def test_signs_that_agree_move_the_kernel_more(digits):
    runs = sign_runs(digits, [1024], n_seeds=2, n_train=10, tol=0.1, random_state=3)
    assert np.all(runs.agreeing > 3 * runs.random)


@pytest.mark.slow
def test_hessians_fall_with_the_width(digits, x):
    layer = hessian_by_width("one layer", WIDTHS, x, random_state=3)
    two = hessian_by_width("two layers", WIDTHS[:3], x, random_state=3)
    slopes = [loglog_slopes(r.widths, r.norm).mean() for r in (layer, two)]
    check_claim("linearity-hessian-rate", slopes, -0.5)


@pytest.mark.slow
def test_training_stays_near_the_tangent(digits):
    widths = WIDTHS[:4]
    run = training_runs("one layer", digits, widths, n_seeds=4, random_state=12)
    check_claim("linearity-distance", loglog_slopes(widths, run.distance).mean(), 0)
    check_claim("linearity-training-rate", loglog_slopes(widths, run.kernel_change).mean(), -1)
    check_claim("linearity-bound", (np.array([run.off_tangent, run.worst]) / run.bound).max(), 1)
    np.testing.assert_allclose(run.distance[:, -1], run.linear_distance[:, -1], rtol=0.01)


@pytest.mark.slow
def test_signs_that_agree_undo_the_cancellation(digits):
    runs = sign_runs(digits, WIDTHS[:4], random_state=14)
    slopes = [loglog_slopes(runs.widths, v).mean() for v in (runs.random, runs.agreeing)]
    check_claim("linearity-signs", slopes, [-1, -0.5])


@pytest.mark.slow
def test_the_exceptions_keep_their_curvature_and_train(digits, x):
    kinds = {"bottleneck": 1.0, "curved output": 0.8}
    norms = [hessian_by_width(kind, [8192], x, n_seeds=4, random_state=3) for kind in kinds]
    check_claim(
        "linearity-exceptions-hessian", [n.norm for n in norms], [n.predicted for n in norms]
    )
    runs = [
        training_runs(kind, digits, [8192], target=target, n_seeds=3, random_state=13)
        for kind, target in kinds.items()
    ]
    check_claim("linearity-exceptions-move", min(r.kernel_change.min() for r in runs), 0.3)
    check_claim("linearity-exceptions-train", max(r.final_loss.max() for r in runs), 0.01)
    np.testing.assert_allclose(runs[1].final_change, runs[1].predicted_change, atol=2e-3)
