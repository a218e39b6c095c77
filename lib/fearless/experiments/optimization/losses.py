"""Square loss against cross-entropy: the same networks, both tuned in the same way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fearless._validation import check_int, check_option, check_positive
from fearless.data import load_dataset
from fearless.experiments._threads import one_thread

__all__ = ["LOSSES", "STEP_SIZES", "LossComparison", "compare_losses"]

LOSSES = ("square", "cross-entropy")
STEP_SIZES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)


@dataclass(frozen=True, eq=False)
class LossComparison:
    """Networks trained with two losses on the same draws of data, for every step size.

    Attributes
    ----------
    task : str
    step_sizes : ndarray of shape (g,)
    train_error, validation_error, test_error : ndarray of shape (2, draws, g)
        Shares of samples misclassified at the end; square loss first.
    """

    task: str
    step_sizes: NDArray[np.float64]
    train_error: NDArray[np.float64]
    validation_error: NDArray[np.float64]
    test_error: NDArray[np.float64]

    @property
    def chosen(self) -> NDArray[np.intp]:
        """Index of the step size of least validation error, of shape (2, draws)."""
        return self.validation_error.argmin(axis=2)

    @property
    def tuned(self) -> NDArray[np.float64]:
        """Test error with that step size, of shape (2, draws)."""
        return np.take_along_axis(self.test_error, self.chosen[:, :, None], axis=2)[:, :, 0]

    @property
    def difference(self) -> NDArray[np.float64]:
        """Test error with the square loss less that with cross-entropy, of shape (draws,)."""
        return self.tuned[0] - self.tuned[1]

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Compute Student's interval for the mean difference.

        Parameters
        ----------
        level : float
            Its coverage.

        Returns
        -------
        low, high : float
        """
        from scipy.stats import t

        values = self.difference
        reach = t.ppf((1 + level) / 2, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
        return float(values.mean() - reach), float(values.mean() + reach)


def compare_losses(
    task: str,
    *,
    n_train: int,
    n_validation: int,
    n_test: int,
    n_draws: int,
    width: int = 128,
    epochs: int = 20,
    batch_size: int = 50,
    step_sizes: Sequence[float] = STEP_SIZES,
    output_scale: float = 1.0,
    random_state: int = 0,
) -> LossComparison:
    """Train two-layer networks with either loss, from the same weights and on the same batches.

    Every draw has its own training, validation and test samples and its own initial weights. Adam,
    whose step size falls linearly to zero; pixels are centred, and divided by one number.

    Parameters
    ----------
    task : {"mnist", "fashion_mnist", "digits"}
        The last are the 1,797 digits of 8 x 8 pixels that scikit-learn brings along.
    n_train, n_validation, n_test : int
    n_draws : int
    width, epochs, batch_size : int
    step_sizes : sequence of float
        The grid, the same for both losses.
    output_scale : float
        What the initial weights of the output layer are multiplied by.
    random_state : int

    Returns
    -------
    LossComparison
    """
    from fearless.networks import train, two_layer_relu

    X, y = _pool(task)
    sizes = np.cumsum([check_int(n, "n") for n in (n_train, n_validation, n_test)])
    n_draws = check_int(n_draws, "n_draws")
    output_scale = check_positive(output_scale, "output_scale")
    random_state = check_int(random_state, "random_state", minimum=0)
    if sizes[-1] > len(X):
        raise ValueError(f"{task} has {len(X)} samples; expected at least {sizes[-1]}")
    errors = np.empty((3, len(LOSSES), n_draws, len(step_sizes)))
    with one_thread():
        for i in range(n_draws):
            rows = np.split(np.random.default_rng((random_state, i)).permutation(len(X)), sizes)[:3]
            center, scale = X[rows[0]].mean(axis=0), X[rows[0]].std()
            parts = [((X[r] - center) / scale, y[r]) for r in rows]
            for j, loss in enumerate(LOSSES):
                for k, step_size in enumerate(step_sizes):
                    seed = 1000 * random_state + i
                    model = two_layer_relu(X.shape[1], width, 10, random_state=seed)
                    model[2].weight.data *= output_scale
                    run = train(
                        model,
                        *parts[0],
                        loss=loss,
                        batch_size=batch_size,
                        learning_rate=step_size,
                        max_epochs=epochs,
                        stop=None,
                        schedule=lambda epoch: 1 - (epoch - 1) / epochs,
                        random_state=seed,
                    )
                    errors[:, j, i, k] = [np.mean(run.predict(A) != b) for A, b in parts]
    return LossComparison(task, np.array(step_sizes, float), *errors)


def _pool(task: str) -> tuple[NDArray, NDArray]:
    """Return all samples of a task, training and test together, in float32."""
    check_option(task, "task", ("mnist", "fashion_mnist", "digits"))
    if task == "digits":
        from sklearn.datasets import load_digits

        X, y = load_digits(return_X_y=True)
        return X.astype(np.float32), y
    data = load_dataset(task, dtype=np.float32)
    return np.vstack([data.X_train, data.X_test]), np.concatenate([data.y_train, data.y_test])
