"""Side by side: many two-layer networks at once against one by one.

Same digits, same initial weights, same order of the samples, stochastic gradient descent with
momentum, square loss::

    python benchmarks/network_sweep.py             # two minutes
    python benchmarks/network_sweep.py --threads 1

Peers: a loop of autograd over the networks, as one would write it, and ``torch.func.vmap`` over
the seeds of each width. Three groups of widths: narrow, middle, wide. All runs are interleaved and
the fastest of each counts; ratios are what counts. With small inputs the time goes into many small
calls, and training together saves nearly all of it. With 784 inputs the products themselves are
the larger part, which nothing saves.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from torch.func import functional_call, grad, stack_module_state, vmap

from fearless.data import load_mnist
from fearless.experiments.double_descent.networks import coarse_digits
from fearless.networks import train_sweep, two_layer_relu

GROUPS = {"4 to 32": [4, 8, 16, 32], "64 to 256": [64, 128, 256], "512, 1024": [512, 1024]}
RATE, MOMENTUM, BATCH = 0.01, 0.9, 100


def orders(n: int, epochs: int) -> list[torch.Tensor]:
    """Batches of all epochs, as `train_sweep` draws them from seed 0."""
    rng = np.random.default_rng(np.random.SeedSequence(0))
    return [
        batch for _ in range(epochs) for batch in torch.from_numpy(rng.permutation(n)).split(BATCH)
    ]


def together(X, y, widths, seeds, epochs):
    """The function of the library."""
    runs = train_sweep(
        X, y, widths, seeds, optimizer="sgd", learning_rate=RATE, momentum=MOMENTUM,
        batch_size=BATCH, max_epochs=epochs, stop=None, random_state=0,
    )  # fmt: skip
    return {key: run.model for key, run in runs.items()}


def autograd_loop(X, y, widths, seeds, epochs):
    """One network after the other, gradients by autograd, steps by torch.optim."""
    X, targets = torch.from_numpy(X), torch.nn.functional.one_hot(torch.from_numpy(y), 10).float()
    models = {}
    for width in widths:
        for seed in seeds:
            model = two_layer_relu(X.shape[1], width, 10, seed)
            descent = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)
            for batch in orders(len(X), epochs):
                loss = (model(X[batch]) - targets[batch]).square().sum(dim=1).mean()
                descent.zero_grad()
                loss.backward()
                descent.step()
            models[width, seed] = model
    return models


def vmap_over_seeds(X, y, widths, seeds, epochs):
    """All seeds of a width at once by torch.func."""
    X, targets = torch.from_numpy(X), torch.nn.functional.one_hot(torch.from_numpy(y), 10).float()
    models = {}
    for width in widths:
        each = [two_layer_relu(X.shape[1], width, 10, seed) for seed in seeds]
        parameters, _ = stack_module_state(each)

        def loss(own, x, goal, model=each[0]):
            return (functional_call(model, own, (x,)) - goal).square().sum(dim=1).mean()

        gradients = vmap(grad(loss), in_dims=(0, None, None))
        velocity = {name: torch.zeros_like(p) for name, p in parameters.items()}
        with torch.no_grad():
            for batch in orders(len(X), epochs):
                for name, g in gradients(parameters, X[batch], targets[batch]).items():
                    velocity[name].mul_(MOMENTUM).add_(g)
                    parameters[name].sub_(velocity[name], alpha=RATE)
        for i, (seed, model) in enumerate(zip(seeds, each, strict=True)):
            model.load_state_dict({name: p[i] for name, p in parameters.items()})
            models[width, seed] = model
    return models


METHODS: dict[str, Callable] = {
    "train_sweep": together,
    "autograd loop": autograd_loop,
    "torch.func.vmap": vmap_over_seeds,
}


def compare(X, y, widths, seeds, epochs, repeats) -> dict[str, float]:
    """Seconds of each method, the fastest of several; checks that all give the same networks."""
    seconds = dict.fromkeys(METHODS, np.inf)
    for _ in range(repeats):
        models = {}
        for name, method in METHODS.items():
            start = time.perf_counter()
            models[name] = method(X, y, widths, seeds, epochs)
            seconds[name] = min(seconds[name], time.perf_counter() - start)
    for key, model in models["train_sweep"].items():
        for name in ("autograd loop", "torch.func.vmap"):
            for p, q in zip(model.parameters(), models[name][key].parameters(), strict=True):
                torch.testing.assert_close(p, q, rtol=1e-2, atol=1e-4, msg=f"{name}, {key}")
    return seconds


def main() -> None:
    """Parse the command line and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    images = load_mnist(arguments.n, 10, dtype=np.float32)
    for data in (coarse_digits(images), images):
        X, y = data.X_train - data.X_train.mean(axis=0), data.y_train
        print(
            f"\n{X.shape[1]} inputs, n = {len(X)}, batch {BATCH}, {arguments.seeds} seeds, "
            f"{arguments.epochs} epochs, {arguments.threads} thread(s)"
        )
        for name, widths in GROUPS.items():
            seconds = compare(
                X, y, widths, range(arguments.seeds), arguments.epochs, arguments.repeats
            )
            ours = seconds["train_sweep"]
            row = "   ".join(
                f"{method} {s:6.2f} s ({s / ours:4.1f}x)" if method != "train_sweep" else
                f"{method} {s:6.2f} s" for method, s in seconds.items()
            )  # fmt: skip
            print(f"  widths {name:10s} {row}")


if __name__ == "__main__":
    main()
