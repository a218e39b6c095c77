"""The machine behind the random feature maps: frequencies in blocks, products, nonlinearity."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from fearless import linalg
from fearless._validation import as_seed_sequence, check_int, check_out

__all__ = ["BLOCK", "BlockStream", "RandomFeatures"]

# Frequencies are drawn and multiplied in blocks of this many, always whole: then neither the
# random stream nor the rounding of BLAS depends on which columns are asked for.
BLOCK = 256
_STRIP = 64  # rows whose angles (64 x 256) stay in cache while the nonlinearity is applied

_FLOATS = (np.float64, np.float32)


_CACHE_BYTES = 2**25


class BlockStream:
    """An endless sequence of random blocks with O(1) access to each.

    Block k is drawn by ``draw(rng)`` from a generator of its own, seeded by the entropy and k, so
    that it does not depend on how many blocks are ever drawn, nor in which order. The blocks used
    last are kept (up to 32 MB): features of a training set are usually followed by the same
    features of a test set.

    Parameters
    ----------
    seed : numpy.random.SeedSequence
        The entropy; its own spawn state is not touched.
    draw : callable
        Takes a ``numpy.random.Generator``, returns a tuple of arrays.
    """

    def __init__(self, seed: np.random.SeedSequence, draw: Callable[..., tuple]) -> None:
        self._entropy = seed.entropy
        self._draw = draw
        self._recent: OrderedDict[tuple, tuple] = OrderedDict()

    def block(self, k: int, dtype: Any) -> tuple:
        """Return block k, drawn in float64 and rounded to dtype."""
        key = (k, np.dtype(dtype))
        cached = self._recent.get(key)
        if cached is not None:
            return cached
        rng = np.random.default_rng(np.random.SeedSequence(self._entropy, spawn_key=(k,)))
        arrays = tuple(array.astype(dtype, copy=False) for array in self._draw(rng))
        # A new dictionary each time rather than one changed in place: threads may share a stream.
        recent = OrderedDict(self._recent)
        recent[key] = arrays
        size = sum(array.nbytes for array in arrays)
        while len(recent) > 1 and len(recent) * size > _CACHE_BYTES:
            recent.popitem(last=False)
        self._recent = recent
        return arrays

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_recent": OrderedDict()}


class RandomFeatures(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator, ABC):
    """Base of the maps: draws frequencies in blocks, multiplies, applies the nonlinearity."""

    _columns_per_frequency = 1
    _complex = False

    @abstractmethod
    def _draw(self, n_dims: int, rng: np.random.Generator) -> tuple:
        """Return the frequencies (256, d) of a block, then what else its features need."""

    @abstractmethod
    def _activate(self, angles: NDArray, parameters: tuple, out: NDArray) -> None:
        """Write the features of the angles <v_j, x> to out; the angles may be overwritten."""

    @abstractmethod
    def scale(self, n_features: int) -> float:
        """Return the factor by which ``transform`` multiplies the first n_features columns.

        Parameters
        ----------
        n_features : int
            The width N.

        Returns
        -------
        float
            The factor.
        """

    def _check_parameters(self) -> None:
        self.scale(check_int(self.n_features, "n_features"))

    def fit(self, X: ArrayLike, y: object = None):
        """Take the dimension of the data and the entropy of ``random_state``.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Only its number of columns is used.
        y : ignored
            Present for pipelines.

        Returns
        -------
        self : object
            The fitted map.

        Raises
        ------
        TypeError, ValueError
            A parameter or X is not as described.
        """
        X = validate_data(self, X, dtype=_FLOATS)
        self._check_parameters()
        n_dims = X.shape[1]
        draw = _Draw(self, n_dims)
        self._stream = BlockStream(as_seed_sequence(self.random_state), draw)
        self._n_features_out = self.n_features
        return self

    def transform(self, X: ArrayLike) -> NDArray:
        """Compute the first ``n_features`` features, scaled by ``scale(n_features)``.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points, one a row; float32 gives float32 (or complex64) features.

        Returns
        -------
        ndarray of shape (n, n_features)
            With inner products that tend to the limit kernel as n_features grows.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        ValueError
            X is not as described, empty or not finite.
        """
        check_is_fitted(self)
        features = self.block(X, 0, self._n_features_out)
        features *= features.dtype.type(self.scale(self._n_features_out))
        return features

    def block(self, X: ArrayLike, start: int, stop: int, out: NDArray | None = None) -> NDArray:
        """Compute the unscaled features f_start, ..., f_{stop - 1}.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points, one a row.
        start, stop : int
            The range of columns, 0 <= start < stop. The sequence has no end: stop may exceed
            ``n_features``, which concerns ``transform`` only.
        out : ndarray of shape (n, stop - start), optional
            Where to write, of the dtype of the result, in any memory order.

        Returns
        -------
        ndarray of shape (n, stop - start)
            ``out`` if it was given, otherwise a new C-ordered array.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        TypeError, ValueError
            An argument is not as described.

        Notes
        -----
        Cost O(n d (stop - start)) in matrix products of 256 frequencies each; a range that begins
        or ends inside such a block pays for the whole block, so ask for many columns at once.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=_FLOATS, reset=False)
        start = check_int(start, "start", minimum=0)
        stop = check_int(stop, "stop", minimum=start + 1)
        dtype = X.dtype
        if self._complex:
            dtype = np.result_type(dtype, np.complex64)
        result = check_out(out, (len(X), stop - start), dtype)
        width = BLOCK * self._columns_per_frequency
        angles = np.empty((len(X), BLOCK), X.dtype)
        strip_features = np.empty((_STRIP, width), dtype)
        for k in range(start // width, -(-stop // width)):
            frequencies, *parameters = self._stream.block(k, X.dtype)
            angles[...] = 0
            # SciPy's BLAS, which the solvers use: see `fearless.linalg` on having two.
            linalg.add_product(angles.T, frequencies, X.T)
            first, last = max(start, k * width), min(stop, (k + 1) * width)
            for row in range(0, len(X), _STRIP):
                strip = angles[row : row + _STRIP]
                features = strip_features[: len(strip)]
                self._activate(strip, parameters, features)
                result[row : row + _STRIP, first - start : last - start] = features[
                    :, first - k * width : last - k * width
                ]
        return result

    def frequencies(self, start: int, stop: int) -> NDArray[np.float64]:
        """Return the vectors v_start, ..., v_{stop - 1} of the map.

        Parameters
        ----------
        start, stop : int
            The range of frequencies, 0 <= start < stop.

        Returns
        -------
        ndarray of shape (stop - start, d)
            In float64.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        TypeError, ValueError
            The range is not as described.
        """
        return self._parameters(0, start, stop)

    def _parameters(self, which: int, start: int, stop: int) -> NDArray[np.float64]:
        check_is_fitted(self)
        start = check_int(start, "start", minimum=0)
        stop = check_int(stop, "stop", minimum=start + 1)
        first = start // BLOCK
        blocks = [self._stream.block(k, np.float64)[which] for k in range(first, -(-stop // BLOCK))]
        return np.concatenate(blocks)[start - first * BLOCK : stop - first * BLOCK]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = [] if self._complex else ["float64", "float32"]
        tags.non_deterministic = self.random_state is None
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_stream")


class _Draw:
    """Picklable function of a generator; a copy of the map's parameters, so that changing them
    after ``fit`` has no effect before the next ``fit``."""

    def __init__(self, features: RandomFeatures, n_dims: int) -> None:
        self.source = type(features)(**features.get_params(deep=False))
        self.n_dims = n_dims

    def __call__(self, rng: np.random.Generator) -> tuple:
        return self.source._draw(self.n_dims, rng)
