"""What the first layer of a network learns, beside the average gradient outer product."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fearless._validation import check_int, check_positive
from fearless.experiments._threads import one_thread
from fearless.experiments.kernel_regimes.learned_metrics import draw_task

__all__ = ["NetworkFeatures", "correlation", "network_features", "square_root"]


@dataclass(frozen=True)
class NetworkFeatures:
    """Two-layer ReLU networks while they learn the low-rank task.

    Attributes
    ----------
    epochs : ndarray of shape (t,)
        Passes over the data, from 0 on.
    correlation : ndarray of shape (seeds, t)
        Correlation of the entries of W^T W with those of the square root of the AGOP, W the first
        layer.
    loss : ndarray of shape (seeds, t)
        Squared loss on new inputs over the variance of the target.
    share : ndarray of shape (seeds, t)
        Share of the trace of W^T W on the coordinates that the target depends on.
    off_diagonal : ndarray of shape (seeds, t)
        The correlation without the entries on the two diagonals.
    n_dims : int
        The number d of inputs.
    """

    epochs: NDArray[np.intp]
    correlation: NDArray[np.float64]
    loss: NDArray[np.float64]
    share: NDArray[np.float64]
    off_diagonal: NDArray[np.float64]
    n_dims: int


def network_features(
    scale: float,
    *,
    n: int = 2000,
    d: int = 20,
    width: int = 256,
    n_epochs: int = 40,
    n_seeds: int = 3,
    random_state: int = 0,
) -> NetworkFeatures:
    """Train networks on the low-rank task from a start of a given size.

    Parameters
    ----------
    scale : float
        Factor of all weights at the start; 1 is the usual size (variance 2 over the inputs of a
        layer).
    n, d, width, n_epochs, n_seeds, random_state : int

    Returns
    -------
    NetworkFeatures

    Notes
    -----
    Adam with steps of 0.001 and batches of 50. The inputs have unit variance here.
    """
    import torch

    from fearless.networks import predict_numpy, train, two_layer_relu

    check_positive(scale, "scale")
    rows, off = [], ~np.eye(check_int(d, "d", minimum=6), dtype=bool)
    for seed in range(check_int(n_seeds, "n_seeds")):
        rng = np.random.default_rng([random_state, seed])
        X, y = draw_task("low rank", n, d, rng)
        X_new, y_new = draw_task("low rank", 2000, d, rng)
        X, X_new, y, y_new = 2 * X, 2 * X_new, 4 * y, 4 * y_new
        model = two_layer_relu(d, width, 1, rng)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter *= scale
        log = []

        def look(*_, model=model, X=X, X_new=X_new, y_new=y_new, log=log) -> bool:
            W, b, v, _ = (p.detach().numpy().astype(float) for p in model.parameters())
            active = (X @ W.T + b > 0) * v[0]
            gradients = active @ W
            root = square_root(gradients.T @ gradients / len(X))
            gram = W.T @ W
            loss = np.mean((predict_numpy(model, X_new)[:, 0] - y_new) ** 2) / y_new.var()
            share = np.diag(gram)[[0, 1, 5]].sum() / np.trace(gram)
            log.append((correlation(gram, root), loss, share, correlation(gram[off], root[off])))
            return len(log) > n_epochs

        look()
        with one_thread():
            train(
                model,
                X,
                y,
                batch_size=50,
                max_epochs=n_epochs,
                stop=look,
                random_state=seed,
            )
        rows.append(log)
    correlations, loss, share, off_diagonal = np.array(rows).transpose(2, 0, 1)
    epochs = np.arange(n_epochs + 1)
    return NetworkFeatures(epochs, correlations, loss, share, off_diagonal, d)


def correlation(A: NDArray, B: NDArray) -> float:
    """Compute the correlation of the entries of two arrays.

    Parameters
    ----------
    A, B : ndarray
        Of the same shape.

    Returns
    -------
    float
    """
    return float(np.corrcoef(A.ravel(), B.ravel())[0, 1])


def square_root(A: NDArray) -> NDArray:
    """Compute the symmetric square root of a positive semi-definite matrix.

    Parameters
    ----------
    A : ndarray of shape (d, d)

    Returns
    -------
    ndarray of shape (d, d)
    """
    values, vectors = np.linalg.eigh(A)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
