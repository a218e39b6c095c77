"""Gradient descent on all samples: the steps it makes, when it stops and what it says."""

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning
from torch import nn

from fearless.exceptions import DivergenceError
from fearless.networks import FullyConnected, descend


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Products this small only lose by being shared out."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


rng = np.random.default_rng(0)
X, y = rng.standard_normal((8, 3)), rng.standard_normal(8)


def network(**options):
    return FullyConnected(3, 50, activation="tanh", random_state=0, dtype=np.float64, **options)


def test_on_a_linear_model_it_is_the_recurrence():
    model = nn.Linear(3, 1, bias=False).double()
    w = model.weight.detach().numpy()[0].copy()
    losses = []
    for _ in range(20):
        losses.append(np.mean((X @ w - y) ** 2))
        w -= 0.1 / 8 * X.T @ (X @ w - y)
    with pytest.warns(ConvergenceWarning, match="after max_steps = 20 steps"):
        run = descend(model, X, y, step_size=0.1, tol=1e-12, max_steps=20)
    np.testing.assert_allclose(run.losses[:-1], losses, rtol=1e-12)
    np.testing.assert_allclose(model.weight.detach()[0], w, rtol=1e-12)
    assert (run.steps, run.converged) == (20, False)


def test_it_stops_at_the_first_loss_that_is_small_enough():
    run = descend(network(), X, y, step_size=0.5, tol=0.4)
    assert run.converged
    assert run.losses[-1] <= 0.4 < run.losses[-2]


def test_observers_see_the_start_powers_of_two_and_the_end():
    model, seen, losses = network(), [], []

    def look(step):
        seen.append(step)
        losses.append(
            float((model(torch.tensor(X))[:, 0] - torch.tensor(y)).square().mean().detach())
        )

    run = descend(model, X, y, step_size=0.5, tol=0.4, observe=look)
    powers = [2**k for k in range(20) if 2**k < run.steps]
    assert seen == [0, *powers, run.steps]
    np.testing.assert_allclose(losses, run.losses[seen], rtol=1e-10)


def test_frozen_parameters_stay():
    model = network()
    before = model.weights[1].requires_grad_(False).clone()
    descend(model, X, y, step_size=0.5, tol=0.4)
    assert torch.equal(model.weights[1], before)


def test_nothing_to_do():
    model = network()
    run = descend(model, X, model(torch.tensor(X)).detach().numpy(), step_size=1.0)
    assert run.steps == 0


def test_divergence_says_what_to_do():
    with pytest.raises(DivergenceError, match=r"step_size = 100 is too large; use less than"):
        descend(network(), X, y, step_size=100.0, tol=1e-6)


def test_bad_input():
    with pytest.raises(ValueError, match=r"Y has shape \(8, 2\); expected \(8, 1\)"):
        descend(network(), X, np.ones((8, 2)), step_size=0.1)
    with pytest.raises(ValueError, match="step_size"):
        descend(network(), X, y, step_size=-1.0)
    with pytest.raises(TypeError, match="model"):
        descend(None, X, y, step_size=0.1)
