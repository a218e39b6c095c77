"""Networks of growing width, trained to the end, against the kernel machine they should become."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fearless.data import Dataset
from fearless.experiments._samples import squared_loss, zero_one_loss
from fearless.experiments._threads import one_thread
from fearless.experiments.kernel_regimes.pooling import pooled_digits
from fearless.experiments.statistics import loglog_slopes
from fearless.kernels import NTKernel

__all__ = ["WideTraining", "wide_training"]


@dataclass(frozen=True, eq=False)
class WideTraining:
    """Hold trained networks beside the kernel machine; one seed a row, one width a column.

    Attributes
    ----------
    widths : ndarray of shape (n_widths,)
    distance : ndarray of shape (n_seeds, n_widths)
        Root mean square distance of the predictions of a network to those of the kernel machine
        with the tangent kernel, on test digits, over the root mean square of the latter.
    disagreement : ndarray of shape (n_seeds, n_widths)
        Share of test digits that both give different labels.
    test_error : ndarray of shape (n_seeds, n_widths)
    train_loss : ndarray of shape (n_seeds, n_widths)
        Mean squared loss after the last step, where the start has 0.9.
    kernel_error, nngp_error : ndarray of shape (n_seeds,)
        Test errors of the kernel machines with the tangent kernel and with the NNGP kernel.
    """

    widths: NDArray[np.intp]
    distance: NDArray[np.float64]
    disagreement: NDArray[np.float64]
    test_error: NDArray[np.float64]
    train_loss: NDArray[np.float64]
    kernel_error: NDArray[np.float64]
    nngp_error: NDArray[np.float64]

    def slopes(self, since: int) -> NDArray[np.float64]:
        """Slope of log distance against log width from this width on, for each seed.

        Parameters
        ----------
        since : int

        Returns
        -------
        ndarray of shape (n_seeds,)
        """
        use = self.widths >= since
        return loglog_slopes(self.widths[use], self.distance[:, use])


def wide_training(
    data: Dataset,
    widths: Sequence[int],
    *,
    n_train: int = 200,
    n_test: int = 1000,
    n_steps: int = 300,
    momentum: float = 0.95,
    n_seeds: int = 3,
    random_state: int = 0,
) -> WideTraining:
    """Train ReLU networks with one hidden layer on digits by gradient descent with momentum.

    The images are averaged to 14 x 14 pixels, centred, and scaled to lengths of about sqrt(d). All
    weights are trained, on the square loss, from standard normal ones; the random function at the
    start is subtracted from the network, in training and in prediction.

    Parameters
    ----------
    data : Dataset
        Images of 28 x 28 pixels.
    widths : sequence of int
    n_train, n_test, n_steps : int
        The step size is 1 over the largest eigenvalue of the matrix of the infinite kernel.
    momentum : float
    n_seeds : int
        Every seed has its own training set and its own weights.
    random_state : int

    Returns
    -------
    WideTraining
    """
    shape = (n_seeds, len(widths))
    distance, disagreement, test_error, train_loss = (np.empty(shape) for _ in range(4))
    kernel_errors = np.empty((2, n_seeds))
    for seed in range(n_seeds):
        rng = np.random.default_rng([random_state, seed])
        chosen = rng.permutation(len(data.X_train))[:n_train]
        X, Z = _standardize(
            pooled_digits(data.X_train[chosen]), pooled_digits(data.X_test[:n_test])
        )
        Y, T = (np.eye(10)[labels] - 0.1 for labels in (data.y_train[chosen], data.y_test[:n_test]))
        (nngp, ntk), (nngp_test, ntk_test) = (
            NTKernel().kernel_and_ntk(A, B) for A, B in ((X, None), (Z, X))
        )
        machine = ntk_test @ np.linalg.solve(ntk, Y)
        kernel_errors[0, seed] = zero_one_loss(machine, T)
        kernel_errors[1, seed] = zero_one_loss(nngp_test @ np.linalg.solve(nngp, Y), T)
        step = 1 / float(np.linalg.eigvalsh(ntk)[-1])
        for j, width in enumerate(widths):
            weights_seed = int(rng.integers(2**31))
            fitted, outputs = _train(X, Y, Z, width, step, momentum, n_steps, weights_seed)
            gap = np.linalg.norm(outputs - machine) / np.linalg.norm(machine)
            distance[seed, j] = gap
            disagreement[seed, j] = np.mean(outputs.argmax(axis=1) != machine.argmax(axis=1))
            test_error[seed, j] = zero_one_loss(outputs, T)
            train_loss[seed, j] = squared_loss(fitted, Y)
    return WideTraining(
        np.asarray(widths), distance, disagreement, test_error, train_loss, *kernel_errors
    )


def _standardize(X: NDArray, Z: NDArray) -> tuple[NDArray, NDArray]:
    mean = X.mean(axis=0)
    factor = X.shape[1] ** 0.5 / np.linalg.norm(X - mean, axis=1).mean()
    return (X - mean).astype(float) * factor, (Z - mean).astype(float) * factor


def _train(
    X: NDArray,
    Y: NDArray,
    Z: NDArray,
    width: int,
    step: float,
    momentum: float,
    n_steps: int,
    seed: int,
) -> tuple[NDArray, NDArray]:
    """Return the outputs of a trained network on X and on Z, the start subtracted."""
    import torch

    from fearless.networks import FullyConnected

    x, y, z = (torch.from_numpy(A.astype(np.float32)) for A in (X, Y, Z))
    model = FullyConnected(X.shape[1], width, Y.shape[1], random_state=seed)
    with one_thread():
        with torch.no_grad():
            start_x, start_z = model(x), model(z)
        goal = y + start_x
        optimizer = torch.optim.SGD(model.parameters(), lr=step, momentum=momentum)
        for _ in range(n_steps):
            optimizer.zero_grad()
            loss = 0.5 * torch.sum((model(x) - goal) ** 2)
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            return (model(x) - start_x).numpy(), (model(z) - start_z).numpy()
