"""The page *Big steps*: its experiments, and its claims with other seeds."""

import numpy as np
import pytest
import torch

from fearless.book.claims import check_claim
from fearless.data import load_mnist
from fearless.experiments.kernel_regimes.tangent_networks import digit_pair
from fearless.experiments.optimization.catapults import catapult_run, random_starts, wide_runs
from fearless.experiments.optimization.edge_of_stability import (
    edge_runs,
    quadratic_run,
    small_digits,
)
from fearless.networks import FullyConnected, empirical_tangent_kernel
from fearless.networks.loss_hessian import sharpness_path
from fearless.optimization import GradientDescent, HeavyBall, Nesterov
from fearless.theory.rates.catapult import catapult_limit, catapult_path


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Networks this small only lose by being shared out."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_claim_recursion():
    runs = [catapult_run(x, width=300, n_steps=20, random_state=7) for x in (0.8, 2.7, 3.7, 4.3)]
    check_claim("big-steps-recursion", max(run.error for run in runs), 0)
    assert [run.diverged for run in runs] == [False, False, False, True]
    assert runs[0].peak == 1
    assert runs[1].peak > 10


def test_claim_four():
    f, kernel = random_starts(500, random_state=3)
    aligned = 2 * np.abs(f) / 10 / kernel
    assert aligned.max() > 0.9
    assert np.median(aligned) < 0.5
    eta = np.random.default_rng(4).uniform(0.05, 3.95, 500) / kernel
    path = catapult_path(eta, kernel, f, 100, 1500)
    check_claim("big-steps-four", (eta * path.sharpness[:, -1]).max(), 2)
    assert np.all(path.loss[:, -1] < 1e-3 * path.loss[:, 0])
    np.testing.assert_array_less(path.loss.max(axis=1), 100 * kernel**2 / 8 * (1 + 1e-12))
    beyond = np.random.default_rng(5).uniform(4.05, 9, 500)
    assert np.all(np.isinf(catapult_limit(beyond / kernel, kernel, f, 100)))


@pytest.mark.parametrize("activation", ["identity", "relu"])
def test_wide_runs_are_networks_trained_one_by_one(activation):
    data = load_mnist()
    runs = wide_runs(activation, data, [1.5, 2.3, 60.0], width=40, n_seeds=1, n_steps=12)
    rng = np.random.default_rng((0, 0))
    pair = digit_pair(data, random_state=rng)
    w_std = 2**0.5 if activation == "relu" else 1.0
    model = FullyConnected(
        pair.X.shape[1], 40, activation=activation, w_std=w_std, random_state=rng
    )

    def top():
        return np.linalg.eigvalsh(empirical_tangent_kernel(model, pair.X) / 20)[-1]

    eta = 2.3 / top()
    path = sharpness_path(model, pair.X, pair.y, GradientDescent(eta), n_steps=12, every=None)
    assert runs.peak[0, 1] == pytest.approx(path.losses.max() / path.losses[0], rel=1e-3)
    assert runs.final_loss[0, 1] == pytest.approx(path.losses[-1] / path.losses[0], rel=1e-2)
    assert runs.final_kernel[0, 1] == pytest.approx(eta * top(), rel=1e-2)
    hidden = model.weights[0].detach() @ torch.from_numpy(pair.X.T).float()
    active = (hidden > 0).any(dim=1).float().mean() if activation == "relu" else 1.0
    assert runs.active[0, 1] == pytest.approx(float(active), abs=1e-6)
    assert np.all(runs.active[runs.diverged | runs.dead] == 0)
    if activation == "identity":
        assert runs.diverged[0].tolist() == [False, False, True]
        assert runs.largest_stable == [2.3]
    else:
        assert (runs.dead | runs.diverged)[0, 2]
        assert np.isnan(wide_runs("relu", data, [60.0], width=40, n_seeds=1).largest_stable[0])


def test_small_digits():
    X, Y = small_digits(30, 1)
    assert X.shape == (30, 64)
    assert Y.shape == (30, 10)
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-15)
    np.testing.assert_array_equal(Y.sum(axis=1), 1)
    assert not np.array_equal(X, small_digits(30, 2)[0])


def test_edge_runs_report_what_they_are():
    runs = edge_runs(GradientDescent(0.5), n_steps=4, every=2, n_train=10, seeds=(3, 4))
    assert runs.limit == 4
    assert runs.losses.shape == (2, 5)
    assert runs.steps.tolist() == [0, 2, 4]
    np.testing.assert_allclose(runs.hovering, np.median(runs.sharpness[:, 1:], axis=1) / 4)
    assert runs.rises.shape == (2,)


def test_quadratic_run_that_never_starts():
    with pytest.raises(RuntimeError, match="max_steps = 10"):
        quadratic_run(0.01, n_train=10, max_steps=10, n_steps=2)


@pytest.mark.slow
def test_claim_wide_and_relu():
    data = load_mnist()
    grid = [1.9, 3.0, 3.6, 3.9, 4.1, 4.4, 6, 12]
    linear, tanh, relu = (
        wide_runs(name, data, grid, n_seeds=2, random_state=11)
        for name in ("identity", "tanh", "relu")
    )
    tops = [runs.largest_stable for runs in (linear, tanh, relu)]
    check_claim("big-steps-wide", tops[:2], 4)
    check_claim("big-steps-relu", tops[2].min(), 12)
    # Larger steps leave fewer ReLU units that are not zero on all samples.
    assert np.all(relu.active[:, 0] > 0.9)
    assert np.all(relu.active[:, -1] < 0.5)


@pytest.mark.slow
def test_claim_edge():
    runs = [edge_runs(GradientDescent(eta), n_steps=400, seeds=(5,)) for eta in (0.4, 0.6)]
    check_claim("big-steps-edge", [run.hovering for run in runs], 1)
    assert all(run.rises.min() > 0.2 for run in runs)


@pytest.mark.slow
def test_claim_momentum():
    runs = [edge_runs(m(0.4, 0.5), n_steps=400, seeds=(5,)) for m in (HeavyBall, Nesterov)]
    check_claim("big-steps-momentum", [run.hovering for run in runs], 1)


@pytest.mark.slow
def test_claim_quadratic():
    run = quadratic_run(0.3, random_state=3)
    check_claim("big-steps-quadratic", run.measured_growth, run.growth)
    assert np.isfinite(run.network).all()
    assert run.network[-1] < run.network[0]
    assert np.isinf(run.quadratic[-1])
    assert run.sharpness.min() < 2 / 0.3 < run.sharpness[0]
    # Before the swing is visible, what third order says of the sharpness is what it does.
    early = run.looks <= run.network.argmax() - 25
    np.testing.assert_allclose(
        run.third_order[run.looks][early] - run.sharpness[0],
        run.sharpness[early] - run.sharpness[0],
        atol=0.15 * np.ptp(run.sharpness[early]),
    )
    assert run.stabilization > 0


@pytest.mark.slow
def test_claim_no_return():
    runs = edge_runs(Nesterov(0.25, 0.9), n_steps=200, every=200, seeds=range(20, 25))
    check_claim("big-steps-no-return", np.isinf(runs.losses[:, -1]).mean(), 0.5)
