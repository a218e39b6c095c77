"""What a path solver returns: one row of risks a model size, and how each was computed."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from fearless._validation import check_targets
from fearless.exceptions import IllConditionedWarning

__all__ = ["PathRecorder", "RiskPath", "check_target_pair"]


@dataclass(frozen=True, repr=False)
class RiskPath:
    """Train and test risk along a path of models; entry ``j`` of every array is model ``j``.

    Attributes
    ----------
    n_features, n_samples : ndarray of shape (m,), int
        Size of each model and of its training set; one of the two varies along the path.
    train_mse, test_mse : ndarray of shape (m,)
        Mean over samples of ``||y_i - f(x_i)||^2``, summed over outputs. For complex features
        ``f`` is the real part of the fitted function.
    train_error, test_error : ndarray of shape (m,)
        Zero-one loss in [0, 1]: how often the largest output is not the largest target.
        NaN for a single output, where it has no meaning.
    norm : ndarray of shape (m,)
        Euclidean (Frobenius) norm of the coefficients.
    condition : ndarray of shape (m,)
        ``||Phi||_F ||Phi^+||_F``; it lies between ``kappa_2`` and ``min(n, N) kappa_2``. Exact up
        to the threshold, estimated (within about 20 %) beyond it.
    method : ndarray of shape (m,), str
        "qr" (nested Householder QR), "qr-update" (rows appended to a QR), "gram" (Cholesky) or
        "ridge" (regularised Cholesky).
    precision : ndarray of shape (m,), str
        "float32" or "float64" ("complex64", "complex128"): what the model was computed in.
    singular_min, singular_max : ndarray of shape (m,)
        Extreme singular values of the unscaled feature matrix; NaN unless asked for.
    """

    n_features: np.ndarray
    n_samples: np.ndarray
    train_mse: np.ndarray
    test_mse: np.ndarray
    train_error: np.ndarray
    test_error: np.ndarray
    norm: np.ndarray
    condition: np.ndarray
    method: np.ndarray
    precision: np.ndarray
    singular_min: np.ndarray
    singular_max: np.ndarray

    def __len__(self) -> int:
        return len(self.n_features)

    def __repr__(self) -> str:
        def span(values: np.ndarray) -> str:
            low, high = int(values.min()), int(values.max())
            return str(low) if low == high else f"{low}..{high}"

        return (
            f"RiskPath({len(self)} models, N={span(self.n_features)}, n={span(self.n_samples)}, "
            f"peak test MSE {np.max(self.test_mse):.4g} at N={self.peak[0]}, n={self.peak[1]})"
        )

    @property
    def peak(self) -> tuple[int, int]:
        """``(n_features, n_samples)`` of the model with the largest test error (MSE)."""
        j = int(np.argmax(self.test_mse))
        return int(self.n_features[j]), int(self.n_samples[j])


_PER_SET = ("train_mse", "test_mse", "train_error", "test_error", "norm")


@dataclass
class PathRecorder:
    """Collects `RiskPath` s model by model, in any order.

    Parameters
    ----------
    n_features, n_samples : ndarray of shape (m,)
        The path.
    n_sets : int
        How many sets of targets share the factorisations; each gets a `RiskPath` of its own.
    """

    n_features: np.ndarray
    n_samples: np.ndarray
    n_sets: int = 1
    _columns: dict[str, np.ndarray] = field(default_factory=dict)
    _labels: dict[tuple[str, int], np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        m = len(self.n_features)
        for name in _PER_SET:
            self._columns[name] = np.full((self.n_sets, m), np.nan)
        for name in ("condition", "singular_min", "singular_max"):
            self._columns[name] = np.full(m, np.nan)
        for name in ("method", "precision"):
            self._columns[name] = np.full(m, "", dtype="<U10")

    def set(self, j: int | slice | np.ndarray, **values: object) -> None:
        """Record some columns of model(s) ``j``.

        Parameters
        ----------
        j : int, slice or ndarray
        **values
            Name and value of each column; one value a set for those that differ between sets.
        """
        for name, value in values.items():
            self._columns[name][..., j] = value

    def column(self, name: str) -> np.ndarray:
        """What has been recorded so far.

        Parameters
        ----------
        name : str
            A column of `RiskPath`.

        Returns
        -------
        ndarray of shape (m,), or (n_sets, m) for a column that differs between sets
        """
        return self._columns[name]

    def score(self, j: int, which: str, predictions: np.ndarray, targets: np.ndarray) -> None:
        """Record squared and zero-one loss of model ``j`` on "train" or "test".

        Parameters
        ----------
        j : int
        which : {"train", "test"}
        predictions : ndarray of shape (n, n_sets * k)
        targets : ndarray of shape (n, n_sets * k) or, the same for all sets, (n, k)
        """
        n, outputs = len(targets), predictions.shape[1] // self.n_sets
        predictions = predictions.real.reshape(n, self.n_sets, outputs)
        targets = targets.reshape(n, -1, outputs)
        for i in range(self.n_sets):
            wanted = targets[:, min(i, targets.shape[1] - 1)]
            difference = predictions[:, i] - wanted
            mse = np.einsum("ij,ij->", difference, difference, dtype=np.float64) / n
            self._columns[f"{which}_mse"][i, j] = mse
            if outputs > 1:
                known = self._labels.get((which, i))
                if known is None or len(known) != n:  # sample paths score ever longer sets
                    known = self._labels[which, i] = wanted.argmax(axis=1)
                wrong = predictions[:, i].argmax(axis=1) != known
                self._columns[f"{which}_error"][i, j] = wrong.mean()

    def set_norm(self, j: int, square_norms: np.ndarray) -> None:
        """Record the norm of the coefficients of model ``j``.

        Parameters
        ----------
        j : int
        square_norms : ndarray of shape (n_sets * k,)
            Squared norm of the coefficients of each output.
        """
        self.set(j, norm=np.sqrt(square_norms.reshape(self.n_sets, -1).sum(axis=1)))

    def spread(self, index: np.ndarray, n_features: np.ndarray) -> PathRecorder:
        """The record of more models, each of which is one of these.

        Parameters
        ----------
        index : ndarray of int, shape (m,)
            Which model each of them is.
        n_features : ndarray of shape (m,)

        Returns
        -------
        PathRecorder
        """
        columns = {name: values[..., index] for name, values in self._columns.items()}
        record = PathRecorder(n_features, self.n_samples[index], self.n_sets)
        record._columns.update(columns)
        return record

    def finish(self) -> tuple[RiskPath, ...]:
        """Build the path of every set; warn where a model is beyond its precision's reach.

        Returns
        -------
        tuple of RiskPath, one a set

        Warns
        -----
        IllConditionedWarning
            When the condition number of a model exceeds ``1 / eps``.
        """
        condition = self._columns["condition"]
        eps = np.array([np.finfo(np.dtype(str(p))).eps for p in self._columns["precision"]])
        beyond = ~(condition * eps < 1)
        if np.any(beyond):
            j = int(np.argmax(np.where(beyond, condition, -np.inf)))
            warnings.warn(
                f"{int(beyond.sum())} of {len(condition)} models are numerically singular: "
                f"condition number {condition[j]:.2g} at N={self.n_features[j]}, "
                f"n={self.n_samples[j]} exceeds 1/eps = {1 / eps[j]:.2g}. They are solved at full "
                "rank (no singular value is cut off), so that their risks are rounding noise",
                IllConditionedWarning,
                stacklevel=4,
            )
        return tuple(
            RiskPath(
                n_features=self.n_features,
                n_samples=self.n_samples,
                **{k: v[i] if k in _PER_SET else v for k, v in self._columns.items()},
            )
            for i in range(self.n_sets)
        )


def check_target_pair(
    y: ArrayLike,
    y_test: ArrayLike,
    n_train: int | None = None,
    n_test: int | None = None,
    n_outputs: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return train and test targets as (n, k) arrays with the same number of outputs.

    Parameters
    ----------
    y, y_test : array-like of shape (n,) or (n, k)
    n_train, n_test : int, optional
        Required numbers of rows.
    n_outputs : int, optional
        Outputs expected of ``y_test``; by default those of ``y``.

    Returns
    -------
    targets, targets_test : ndarray of shape (n, k)

    Raises
    ------
    TypeError, ValueError
        Not finite, empty, of another length, or of different numbers of outputs.
    """
    targets = check_targets(y, "y", n_rows=n_train)
    targets_test = check_targets(y_test, "y_test", n_rows=n_test)
    targets = targets.reshape(len(targets), -1)
    targets_test = targets_test.reshape(len(targets_test), -1)
    expected = targets.shape[1] if n_outputs is None else n_outputs
    if targets_test.shape[1] != expected:
        raise ValueError(
            f"y_test has {targets_test.shape[1]} outputs; expected {expected}, as y has"
        )
    return targets, targets_test
