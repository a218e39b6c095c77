"""Methods in a training loop of torch: against torch's own optimizers, and what a state keeps."""

import numpy as np
import pytest
import torch
from torch import nn

from fearless.networks.optimizer import MethodOptimizer
from fearless.optimization import Chebyshev, GradientDescent, HeavyBall, Nesterov


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1)).double()


def data():
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(6, 3, generator=generator, dtype=torch.float64)
    return x, x.sum(1, keepdim=True).sin()


def train(model, optimizer, steps=20):
    x, y = data()
    for _ in range(steps):
        optimizer.zero_grad()
        ((model(x) - y).square().mean() / 2).backward()
        optimizer.step()
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()])


@pytest.mark.parametrize(
    ("method", "options"),
    [(GradientDescent(0.3), {}), (HeavyBall(0.1, 0.8), {"momentum": 0.8})],
)
def test_equals_the_optimizers_of_torch(method, options):
    ours, theirs = network(), network()
    found = train(ours, MethodOptimizer(ours.parameters(), method))
    sgd = torch.optim.SGD(theirs.parameters(), lr=method.step_size, **options)
    torch.testing.assert_close(found, train(theirs, sgd), rtol=1e-12, atol=1e-14)


def test_nesterov_of_torch_is_at_the_query_point():
    """Its parameters are u_t, too, with the velocity scaled by the step size."""
    ours, theirs = network(), network()
    optimizer = MethodOptimizer(ours.parameters(), Nesterov(0.1, 0.8))
    found = train(ours, optimizer)
    sgd = torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=0.8, nesterov=True)
    expected = train(theirs, sgd)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)
    with optimizer.iterate():
        inside = torch.cat([p.detach().reshape(-1) for p in ours.parameters()])
    assert not torch.allclose(inside, found)
    after = torch.cat([p.detach().reshape(-1) for p in ours.parameters()])
    torch.testing.assert_close(after, found, rtol=0, atol=0)


def test_a_state_can_be_saved_and_loaded():
    straight, resumed = network(), network()
    method = Chebyshev(8.0, 0.5)  # its steps depend on their number
    expected = train(straight, MethodOptimizer(straight.parameters(), method), 15)
    first = MethodOptimizer(resumed.parameters(), method)
    train(resumed, first, 9)
    second = MethodOptimizer(resumed.parameters(), method)
    second.load_state_dict(first.state_dict())
    torch.testing.assert_close(train(resumed, second, 6), expected, rtol=1e-12, atol=1e-14)


def test_parameters_without_gradient_rest_and_a_closure_is_called():
    model = network()
    model[0].weight.requires_grad_(False)
    before = model[0].weight.clone()
    optimizer = MethodOptimizer(model.parameters(), GradientDescent(0.3))
    x, y = data()

    def closure():
        optimizer.zero_grad()
        loss = (model(x) - y).square().mean() / 2
        loss.backward()
        return loss

    with optimizer.iterate():  # before any step there is nothing to swap
        pass
    losses = [optimizer.step(closure).item() for _ in range(5)]
    assert np.all(np.diff(losses) < 0)
    torch.testing.assert_close(model[0].weight, before)


@pytest.mark.parametrize("nesterov", [False, True])
def test_parameters_may_be_changed_between_steps(nesterov):
    """As in torch's own: weights that are clipped, decayed or loaded stay so."""
    ours, theirs = network(), network()
    method = Nesterov(0.1, 0.8) if nesterov else HeavyBall(0.1, 0.8)
    first = MethodOptimizer(ours.parameters(), method)
    second = torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=0.8, nesterov=nesterov)
    for _ in range(3):
        found, expected = train(ours, first, 4), train(theirs, second, 4)
        with torch.no_grad():
            for p in (*ours.parameters(), *theirs.parameters()):
                p.mul_(0.7)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)
    # Seen from outside, the iterate moves by as much as the query point.
    before = first.state[ours[0].bias]["points"]
    shift = ours[0].bias.detach() - method.query(before, 12)
    assert shift.abs().max() > 0.01
    with first.iterate():
        torch.testing.assert_close(ours[0].bias.detach(), before[0] + shift)


def test_sparse_gradients_and_groups():
    table = torch.nn.Embedding(5, 2, sparse=True)
    before = table.weight.detach().clone()
    optimizer = MethodOptimizer([{"params": table.parameters()}], HeavyBall(0.5, 0.5))
    table(torch.tensor([3])).sum().backward()
    optimizer.step()
    before[3] -= 0.5
    torch.testing.assert_close(table.weight.detach(), before)
    with pytest.raises(ValueError, match=r"a group with the option\(s\) lr; expected parameters"):
        MethodOptimizer([{"params": table.parameters(), "lr": 0.1}], HeavyBall(0.5, 0.5))


@pytest.mark.parametrize(
    ("method", "error", "match"),
    [
        (0.1, TypeError, "method is float; expected a Method"),
        (GradientDescent([0.1, 0.2]), ValueError, "hyperparameters for 2 runs; expected numbers"),
    ],
)
def test_bad_input_is_named(method, error, match):
    with pytest.raises(error, match=match):
        MethodOptimizer(network().parameters(), method)
