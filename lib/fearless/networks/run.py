"""What training a network returns, and networks as functions of NumPy arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from fearless._validation import check_matrix

__all__ = ["TrainingRun", "predict_numpy"]

_ROWS_AT_ONCE = 4096


@dataclass(frozen=True, eq=False)
class TrainingRun:
    """Hold a trained network and how it got there.

    Attributes
    ----------
    model : torch.nn.Module
        The network, in its last state.
    classes : ndarray of shape (n_classes,), optional
        The label of each output; None for real targets.
    losses : ndarray of shape (epochs,)
        The mean loss over the batches of each epoch, each before its step.
    errors : ndarray of shape (epochs,)
        In the same way, the share of misclassified samples; for real targets the root mean square
        of ``||f(x_i) - y_i||``.
    error : float
        That error of the last state, over all training data.
    fitted : bool
        Whether the last state misclassifies no training sample; for real targets, whether ``stop``
        said that it is enough.
    """

    model: nn.Module
    classes: NDArray | None
    losses: NDArray[np.float64]
    errors: NDArray[np.float64]
    error: float
    fitted: bool

    @property
    def epochs(self) -> int:
        """The number of passes over the data."""
        return len(self.losses)

    def predict(self, X: ArrayLike) -> NDArray:
        """Return the label of each row of X, or the outputs of a network for real targets.

        Parameters
        ----------
        X : array-like of shape (m, d)
            Samples, one a row.

        Returns
        -------
        ndarray of shape (m,) or (m, n_outputs)
            The predictions.
        """
        outputs = predict_numpy(self.model, X)
        return outputs if self.classes is None else self.classes[outputs.argmax(axis=1)]


def predict_numpy(model: nn.Module, X: ArrayLike) -> NDArray:
    """Compute the outputs of a network for a NumPy array, without gradients.

    Parameters
    ----------
    model : torch.nn.Module
        A network that takes tensors of shape (m, d), in the type of its parameters.
    X : array-like of shape (m, d)
        Samples, one a row.

    Returns
    -------
    ndarray of shape (m, n_outputs)
        The outputs.

    Raises
    ------
    TypeError, ValueError
        X is not a finite matrix of numbers.
    """
    with torch.no_grad():
        rows = as_tensor(X, dtype=dtype_of(model))
        blocks = [model(block) for block in rows.split(_ROWS_AT_ONCE)]
    return torch.cat(blocks).numpy()


def as_tensor(
    values: ArrayLike,
    name: str = "X",
    *,
    vector: bool = False,
    dtype: torch.dtype = torch.float32,
) -> torch.Tensor:
    """Return a finite matrix (a vector too, as one column) as a tensor of its own."""
    array = np.asarray(values)
    array = check_matrix(array[:, None] if vector and array.ndim == 1 else array, name)
    numpy_dtype = np.float64 if dtype == torch.float64 else np.float32
    with np.errstate(over="ignore"):  # what overflows is caught by the next check
        array = np.array(array, dtype=numpy_dtype, order="C")
    return torch.from_numpy(check_matrix(array, name))


def dtype_of(model: nn.Module) -> torch.dtype:
    """Return the type a network computes in: float64 when its parameters are, else float32."""
    parameter = next(model.parameters(), None)
    return torch.float64 if getattr(parameter, "dtype", None) == torch.float64 else torch.float32
