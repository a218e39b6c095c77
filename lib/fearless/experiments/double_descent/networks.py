"""Two-layer networks of growing width on digits (page *Every model does it*).

After Belkin, Hsu, Ma and Mandal (2019), *Reconciling modern machine-learning practice and the
classical bias-variance trade-off*, Proc. Natl. Acad. Sci. 116(32), 15849-15854: square loss,
gradient descent with momentum, weight reuse below the interpolation threshold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from fearless._validation import check_int, check_positive, check_widths
from fearless.data import Dataset, one_hot
from fearless.experiments._samples import noisy_sample, squared_loss, zero_one_loss
from fearless.experiments._threads import one_thread

__all__ = [
    "NetworkCurve",
    "Protocol",
    "centred_sample",
    "coarse_digits",
    "network_curve",
    "parameter_count",
    "threshold_width",
]


@dataclass(frozen=True)
class Protocol:
    """How a network is trained.

    Attributes
    ----------
    learning_rate, momentum : float
        Of stochastic gradient descent.
    batch_size : int
        Samples a step.
    max_epochs : int
        Passes over the data at most.
    stop : float, "fitted", callable or None
        The training loss at which a network is done; or "fitted", at no error on a training label;
        or as of `fearless.networks.train`.
    decay : tuple (float, int), optional
        The learning rate is multiplied by the first after as many epochs as the second says.
    """

    learning_rate: float = 0.05
    momentum: float = 0.95
    batch_size: int = 100
    max_epochs: int = 1500
    stop: float | str | Callable[[int, float, float], bool] | None = 1e-3
    decay: tuple[float, int] | None = None


@dataclass(frozen=True)
class NetworkCurve:
    """Risks of two-layer networks over their width, one row a seed.

    Attributes
    ----------
    widths : ndarray of shape (w,), int
        Hidden units H.
    n_samples, n_inputs, n_outputs : int
        n, d and K.
    train_mse, test_mse : ndarray of shape (seeds, w)
        Squared loss, summed over outputs, on the training labels (which may be noisy) and on clean
        test labels.
    train_error, test_error : ndarray of shape (seeds, w)
        Zero-one loss.
    norm : ndarray of shape (seeds, w)
        Root of the sum of squares of all weights and biases.
    epochs : ndarray of shape (seeds, w), int
        Passes over the data.
    """

    widths: np.ndarray
    n_samples: int
    n_inputs: int
    n_outputs: int
    train_mse: np.ndarray
    test_mse: np.ndarray
    train_error: np.ndarray
    test_error: np.ndarray
    norm: np.ndarray
    epochs: np.ndarray

    @property
    def n_parameters(self) -> np.ndarray:
        """Weights and biases, (d + 1) H + (H + 1) K, of shape (w,)."""
        return parameter_count(self.widths, self.n_inputs, self.n_outputs)

    @property
    def ratio(self) -> np.ndarray:
        """Parameters over the n K numbers to be fitted, of shape (w,)."""
        return self.n_parameters / (self.n_samples * self.n_outputs)

    @property
    def peak(self) -> int:
        """Index of the width with the largest median test loss among those past the first minimum.

        A network too narrow to learn anything has a large loss too; the peak is searched to the
        right of the smallest loss of the networks with fewer parameters than numbers to fit.
        """
        loss = np.median(self.test_mse, axis=0)
        start = self.valley
        return start + int(np.argmax(loss[start:]))

    @property
    def valley(self) -> int:
        """Index of the width with the smallest median test loss below the threshold."""
        if not np.any(self.ratio < 1):
            raise ValueError(
                f"widths starts with {self.widths[0]}; expected one with fewer parameters than the "
                f"{self.n_samples * self.n_outputs} numbers to fit"
            )
        loss = np.median(self.test_mse, axis=0)
        return int(np.argmin(np.where(self.ratio < 1, loss, np.inf)))


def parameter_count(widths: ArrayLike, n_inputs: int, n_outputs: int) -> np.ndarray:
    """Count the weights and biases of two-layer networks.

    Parameters
    ----------
    widths : array_like of int
        H, the numbers of hidden units.
    n_inputs, n_outputs : int
        d and K.

    Returns
    -------
    ndarray
        (d + 1) H + (H + 1) K, of the shape of `widths`.
    """
    H = np.asarray(widths)
    return (n_inputs + 1) * H + (H + 1) * n_outputs


def threshold_width(n_samples: int, n_inputs: int, n_outputs: int) -> float:
    """Compute the width at which a network has as many parameters as there are numbers to fit.

    Parameters
    ----------
    n_samples, n_inputs, n_outputs : int
        n, d and K.

    Returns
    -------
    float
        The H with (d + 1) H + (H + 1) K = n K; not rounded.
    """
    n_samples = check_int(n_samples, "n_samples")
    n_inputs = check_int(n_inputs, "n_inputs")
    n_outputs = check_int(n_outputs, "n_outputs")
    return (n_samples - 1) * n_outputs / (n_inputs + 1 + n_outputs)


def coarse_digits(data: Dataset, block: int = 4) -> Dataset:
    """Average images over square blocks of pixels.

    Parameters
    ----------
    data : Dataset
        Images whose height and width are multiples of ``block``.
    block : int
        Side of a block; 4 makes 7 x 7 = 49 inputs of 28 x 28.

    Returns
    -------
    Dataset
        The same samples with fewer inputs.

    Raises
    ------
    ValueError
        When the images do not divide into blocks.
    """
    block = check_int(block, "block")
    height, width = data.shape
    if height % block or width % block:
        raise ValueError(f"block is {block}; expected a divisor of the image size {data.shape}")

    def average(X: np.ndarray) -> np.ndarray:
        cells = X.reshape(len(X), height // block, block, width // block, block)
        return cells.mean(axis=(2, 4), dtype=X.dtype).reshape(len(X), -1)

    return replace(
        data,
        X_train=average(data.X_train),
        X_test=average(data.X_test),
        shape=(height // block, width // block),
    )


def centred_sample(
    data: Dataset, n_train: int, label_noise: float, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw a training set and subtract its mean image everywhere.

    Parameters
    ----------
    data : Dataset
    n_train : int
    label_noise : float
        Probability that a training label is replaced by a uniformly random one.
    seed : int
        Of the choice of samples and of the noise.

    Returns
    -------
    X, y, X_test : ndarrays
        Centred training images, their labels, and the test images less the same mean.
    """
    n_train = check_int(n_train, "n_train", maximum=len(data.X_train))
    rng = np.random.default_rng([seed, 2])
    X, y = noisy_sample(data, n_train, label_noise, rng)
    mean = X.mean(axis=0)
    return X - mean, y, data.X_test - mean


def network_curve(
    data: Dataset,
    widths: Sequence[int] | np.ndarray,
    *,
    n_train: int,
    label_noise: float = 0.0,
    seeds: Sequence[int] = (0, 1, 2),
    reuse: bool = False,
    protocol: Protocol | None = None,
    sample: int = 0,
) -> NetworkCurve:
    """Train two-layer ReLU networks of many widths on the same digits, square loss.

    Parameters
    ----------
    data : Dataset
        See `coarse_digits` for smaller inputs.
    widths : sequence of int
        Hidden units, strictly increasing.
    n_train : int
        Training samples n, drawn by ``sample``. Images are centred by their mean.
    label_noise : float
        Probability that a training label is replaced by a uniformly random one; test labels stay
        clean.
    seeds : sequence of int
        Of the initial weights: Glorot-uniform for networks drawn afresh.
    reuse : bool
        Whether each network starts from the trained weights of the one before, its new units from
        N(0, 0.01), and only the narrowest from a random draw.
    protocol : Protocol, optional
        How they are trained; by default ``Protocol()``.
    sample : int
        Seed of the training set, of its noise and of the order of the samples.

    Returns
    -------
    NetworkCurve

    Raises
    ------
    TypeError, ValueError
        A bad argument, named.

    Notes
    -----
    Cost O(n (d + K)) an epoch and hidden unit: 4 n d + 6 n K multiplications and additions. Torch
    is kept to one thread. Used in the section "Every model does it".
    """
    from fearless.networks import step_decay, train_sweep, weight_reuse_path

    widths = check_widths(widths)
    protocol = Protocol() if protocol is None else protocol
    X, y, X_test = centred_sample(data, n_train, label_noise, sample)
    # The trainer has one output for each label that it sees.
    if missing := sorted(set(data.classes) - set(y.tolist())):
        raise ValueError(f"n_train is {n_train}; expected more: no sample of class(es) {missing}")
    train: Callable = weight_reuse_path if reuse else train_sweep
    with one_thread():
        runs = train(
            X,
            y,
            widths,
            seeds,
            init="glorot",
            optimizer="sgd",
            learning_rate=check_positive(protocol.learning_rate, "learning_rate"),
            momentum=protocol.momentum,
            batch_size=protocol.batch_size,
            max_epochs=protocol.max_epochs,
            stop=protocol.stop,
            schedule=None if protocol.decay is None else step_decay(*protocol.decay),
            random_state=sample,
        )
    targets, test_targets = one_hot(y, data.classes), one_hot(data.y_test, data.classes)
    columns = {
        key: (
            *_risks(run.model, X, targets),
            *_risks(run.model, X_test, test_targets),
            sum(float(p.detach().square().sum()) for p in run.model.parameters()) ** 0.5,
            run.epochs,
        )
        for key, run in runs.items()
    }
    table = np.array([[columns[int(w), s] for w in widths] for s in seeds])
    train_mse, train_error, test_mse, test_error, norm, epochs = np.moveaxis(table, 2, 0)
    return NetworkCurve(
        widths=widths,
        n_samples=len(X),
        n_inputs=X.shape[1],
        n_outputs=targets.shape[1],
        train_mse=train_mse,
        test_mse=test_mse,
        train_error=train_error,
        test_error=test_error,
        norm=norm,
        epochs=epochs.astype(int),
    )


def _risks(model: object, X: np.ndarray, targets: np.ndarray) -> tuple[float, float]:
    """Squared and zero-one loss of a network."""
    from fearless.networks import predict_numpy

    outputs = predict_numpy(model, X)
    return squared_loss(outputs, targets), zero_one_loss(outputs, targets)
