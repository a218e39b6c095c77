"""MNIST and Fashion-MNIST: 12,000 images of each are part of the package, the rest of openml."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import (
    RandomState,
    as_seed_sequence,
    check_float_dtype,
    check_int,
    check_labels,
    check_option,
)

__all__ = ["Dataset", "load_dataset", "load_fashion_mnist", "load_mnist", "one_hot"]

FOLDER = Path(__file__).parent / "files"


@dataclass(frozen=True)
class _Source:
    """Where a data set comes from: the file of the package and its hash, the name on openml."""

    name: str
    file: str
    sha256: str
    openml: str


_SOURCES = {
    "mnist": _Source(
        "mnist",
        "mnist_12k.npz",
        "0f13b3d4b41e8f9fcc5d7894d35d91c99266fde411a39964f88fe9abd8c18588",
        "mnist_784",
    ),
    "fashion_mnist": _Source(
        "fashion_mnist",
        "fashion_12k.npz",
        "d2e3082e52dc42e8731b36c46651bc201c3960ae50470802125daac2de29c144",
        "Fashion-MNIST",
    ),
}

_OPENML_TRAIN = 60_000  # openml lists the training images first, in the original order
_N_CLASSES = 10

Split = tuple[NDArray, NDArray, NDArray, NDArray]


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Hold a data set, split into training and test samples.

    Attributes
    ----------
    name : str
        "mnist" or "fashion_mnist".
    X_train, X_test : ndarray of shape (n_samples, 784)
        Images, one a row, read row by row; grey levels in [0, 1] unless standardised.
    y_train, y_test : ndarray of int, shape (n_samples,)
        Labels, always the original integers.
    classes : tuple of int
        The classes present, in increasing order.
    shape : tuple of int
        The shape (28, 28) of an image: ``X_train[0].reshape(data.shape)``.
    """

    name: str
    X_train: NDArray
    y_train: NDArray[np.intp]
    X_test: NDArray
    y_test: NDArray[np.intp]
    classes: tuple[int, ...]
    shape: tuple[int, int] = (28, 28)

    def __repr__(self) -> str:
        return (
            f"Dataset({self.name!r}, {len(self.X_train)} training and {len(self.X_test)} test "
            f"samples, {len(self.classes)} classes, {self.X_train.dtype})"
        )


def load_mnist(
    n_train: int | None = None,
    n_test: int | None = None,
    *,
    classes: Sequence[int] | None = None,
    standardize: bool = False,
    dtype: Any = np.float64,
    random_state: RandomState = None,
    source: str = "package",
) -> Dataset:
    """Load handwritten digits: MNIST, 28 x 28 grey levels in [0, 1], classes 0 to 9.

    Parameters
    ----------
    n_train, n_test : int, optional
        How many samples; None means all there are: 10,000 and 2,000 in the package, 60,000 and
        10,000 on openml, fewer after a choice of classes.
    classes : sequence of int, optional
        Keep these classes only. The choice comes before ``n_train`` and ``n_test``.
    standardize : bool
        Subtract the mean of each training pixel and divide by its standard deviation; pixels that
        are constant on the training set become 0.
    dtype : float64 or float32
        The type of the images.
    random_state : None, int or numpy.random.Generator
        None takes the first samples in the stored order. Otherwise samples are drawn without
        replacement, and the subsets of one integer are nested in ``n_train``.
    source : {"package", "openml"}
        "openml" downloads the full set through :func:`sklearn.datasets.fetch_openml`.

    Returns
    -------
    Dataset
        The samples.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described, or asks for more samples than there are.
    FileNotFoundError, ValueError
        The file in the package is missing, or is not the one that was shipped.

    Notes
    -----
    The package holds the first 10,000 training and 2,000 test images: the protocol of the double
    descent paper (n = 10^4) runs offline. Used in the section "The double descent curve".
    Licence of the data: CC BY-SA 3.0.

    References
    ----------
    Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits.
    """
    return _load(
        _SOURCES["mnist"], n_train, n_test, classes, standardize, dtype, random_state, source
    )


def load_fashion_mnist(
    n_train: int | None = None,
    n_test: int | None = None,
    *,
    classes: Sequence[int] | None = None,
    standardize: bool = False,
    dtype: Any = np.float64,
    random_state: RandomState = None,
    source: str = "package",
) -> Dataset:
    """Load pictures of clothes: Fashion-MNIST, 28 x 28 grey levels in [0, 1], classes 0 to 9.

    Same size and format as MNIST, harder. The classes are T-shirt, trouser, pullover, dress, coat,
    sandal, shirt, sneaker, bag, ankle boot.

    Parameters
    ----------
    n_train, n_test : int, optional
        How many samples; None means all there are, see :func:`load_mnist`.
    classes : sequence of int, optional
        Keep these classes only.
    standardize : bool
        Standardise each pixel by the training samples.
    dtype : float64 or float32
        The type of the images.
    random_state : None, int or numpy.random.Generator
        None takes the first samples; otherwise a random subset.
    source : {"package", "openml"}
        "openml" downloads the full set.

    Returns
    -------
    Dataset
        The samples.

    Raises
    ------
    TypeError, ValueError, FileNotFoundError
        As :func:`load_mnist`.

    Notes
    -----
    Licence of the data: MIT. Used in the section "The double descent curve".

    References
    ----------
    H. Xiao, K. Rasul, R. Vollgraf (2017), Fashion-MNIST: a novel image dataset for benchmarking
    machine learning algorithms, arXiv:1708.07747.
    """
    return _load(
        _SOURCES["fashion_mnist"],
        n_train,
        n_test,
        classes,
        standardize,
        dtype,
        random_state,
        source,
    )


def load_dataset(name: str, n_train: int | None = None, n_test: int | None = None, **options: Any):
    """Load a real data set by its name.

    Parameters
    ----------
    name : {"mnist", "fashion_mnist"}
        Which one.
    n_train, n_test : int, optional
        How many samples; None means all there are.
    **options
        The other arguments of :func:`load_mnist`.

    Returns
    -------
    Dataset
        The samples.

    Raises
    ------
    ValueError
        An unknown name; the message lists the known ones.
    """
    check_option(name, "name", tuple(_SOURCES))
    loader = {"mnist": load_mnist, "fashion_mnist": load_fashion_mnist}[name]
    return loader(n_train, n_test, **options)


def one_hot(y: ArrayLike, classes: Sequence[int], dtype: Any = np.float64) -> NDArray:
    """Encode labels as rows of the identity: entry (i, j) is 1 where y_i = classes[j], else 0.

    Parameters
    ----------
    y : array-like of int, shape (n,)
        Labels.
    classes : sequence of int, shape (k,)
        The class of each column, for example ``data.classes``.
    dtype : float64 or float32
        The type of the result.

    Returns
    -------
    ndarray of shape (n, k)
        The targets of a regression; ``classes[argmax]`` of a row gives the label back.

    Raises
    ------
    TypeError, ValueError
        y is no vector of integers, has a label outside classes, or classes has duplicates.
    """
    columns = check_labels(classes, "classes")
    if len(np.unique(columns)) != len(columns):
        raise ValueError(f"classes is {columns.tolist()}; expected distinct labels")
    labels = check_labels(y, "y", classes=columns)
    return (labels[:, None] == columns).astype(check_float_dtype(dtype))


def _load(
    origin: _Source,
    n_train: int | None,
    n_test: int | None,
    classes: Sequence[int] | None,
    standardize: bool,
    dtype: Any,
    random_state: RandomState,
    source: str,
) -> Dataset:
    dtype = check_float_dtype(dtype)
    check_option(source, "source", ("package", "openml"))
    kept = np.arange(_N_CLASSES) if classes is None else check_labels(classes, "classes")
    unknown = np.setdiff1d(kept, np.arange(_N_CLASSES))
    if unknown.size or len(np.unique(kept)) != len(kept):
        raise ValueError(f"classes is {kept.tolist()}; expected distinct integers from 0 to 9")
    if random_state is None:
        generators = [None, None]
    else:
        generators = [np.random.default_rng(s) for s in as_seed_sequence(random_state).spawn(2)]
    split = _read_package(origin) if source == "package" else _fetch_openml(origin)
    X_train, y_train = _select(*split[:2], kept, n_train, "n_train", generators[0], dtype)
    X_test, y_test = _select(*split[2:], kept, n_test, "n_test", generators[1], dtype)
    if standardize:
        mean, std = X_train.mean(axis=0), X_train.std(axis=0)
        constant = np.ptp(X_train, axis=0) == 0  # a computed std may be tiny instead of zero
        std[constant] = 1
        for X in (X_train, X_test):
            X -= mean
            X /= std
            X[:, constant] = 0
    present = tuple(int(c) for c in np.unique(kept))
    return Dataset(origin.name, X_train, y_train, X_test, y_test, present)


def _select(
    images: NDArray,
    labels: NDArray,
    classes: NDArray,
    count: int | None,
    name: str,
    rng: np.random.Generator | None,
    dtype: np.dtype,
) -> tuple[NDArray, NDArray[np.intp]]:
    """Choose rows; grey levels become floats in [0, 1] for the chosen rows only."""
    rows = np.flatnonzero(np.isin(labels, classes))
    if count is not None and check_int(count, name) > len(rows):
        raise ValueError(
            f"{name} is {count}; expected at most {len(rows)}, the number of samples of the "
            f"classes {classes.tolist()}"
        )
    if rng is not None:
        rows = rng.permutation(rows)
    rows = rows[:count]
    X = images[rows].reshape(len(rows), -1).astype(dtype)
    X /= 255
    return X, labels[rows].astype(np.intp)


def _read_package(origin: _Source) -> Split:
    path = FOLDER / origin.file
    if not path.is_file():
        raise FileNotFoundError(
            f"data file of {origin.name!r} is missing: {path}; expected it to be installed with "
            "the package: reinstall fearless"
        )
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != origin.sha256:
        raise ValueError(
            f"data file of {origin.name!r} is corrupted: {path} has sha256 {digest}; expected "
            f"{origin.sha256}: reinstall fearless"
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        keys = ("train_images", "train_labels", "test_images", "test_labels")
        return tuple(file[key] for key in keys)  # type: ignore[return-value]


def _fetch_openml(origin: _Source) -> Split:
    from sklearn.datasets import fetch_openml

    images, labels = fetch_openml(origin.openml, version=1, as_frame=False, return_X_y=True)
    labels = labels.astype(np.intp)
    n = _OPENML_TRAIN
    return images[:n], labels[:n], images[n:], labels[n:]
