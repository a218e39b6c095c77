"""How the layers of an infinitely wide network change the kernel, on a tile of pairs.

Everything is carried in a form that keeps its digits when two points nearly coincide, point in the
same direction, or point in opposite ones: the *haversine* of the angle t between the feature
vectors of two points, h = sin(t / 2)^2 (and g = 1 - h where h is near 1). The cosine 1 - 2 h has
lost the angle when it is near 1, and a ReLU kernel has an infinite slope in the cosine there.

A bias adds one coordinate to all feature vectors. Let a be the angle of a feature vector with the
new axis; by the haversine formula of the sphere the angle of two augmented vectors is given by

    h' = sin((a_x - a_z) / 2)^2 + sin a_x sin a_z h,
    g' = cos((a_x + a_z) / 2)^2 + sin a_x sin a_z g,

sums of terms that are not negative.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

__all__ = ["ErfLayers", "Layers", "ReLULayers"]

#: Arrays of the size of a strip that ``fill`` works in.
N_BUFFERS = 4


class Layers(ABC):
    """Hold what one set of points contributes to the kernel, layer by layer.

    The arrays have the shape of ``lengths``: a column for the rows of a tile and a row for its
    columns broadcast to the tile, and a vector with itself gives the diagonal, by the same
    operations to the last bit.

    ``lengths`` are the ||x_i||, ``n_dims`` is d; the other arguments are those of the kernels.
    """

    def __init__(
        self, lengths: NDArray, n_dims: int, depth: int, w_std: float, b_std: float
    ) -> None:
        self.depth, self.w_std, self.b_std = depth, w_std, b_std
        self.dtype = lengths.dtype
        # sqrt(w_std^2 ||x||^2 / d) and sqrt(K(x, x)) of the first layer; no square, which might
        # overflow.
        root = np.asarray(lengths, np.float64) * (w_std / n_dims**0.5)
        self.length = np.hypot(root, b_std)
        self.tilts = [self._tilt(root)]

    def _tilt(self, root: NDArray) -> tuple[NDArray, ...]:
        """Return sin a, sin(a / 2) and cos(a / 2) for the angle a with the axis of the bias."""
        if self.b_std == 0:
            return ()
        angle = np.arctan2(root, self.b_std)
        parts = np.sin(angle), np.sin(angle / 2), np.cos(angle / 2)
        return tuple(part.astype(self.dtype) for part in parts)

    def _add_bias(
        self, other: Layers, layer: int, h: NDArray, g: NDArray | None, work: list[NDArray]
    ) -> NDArray | None:
        """Update h and g by the haversine formula; return sin a_x sin a_z, or None for 1."""
        if not self.tilts[layer]:
            return None
        (sine_x, half_x, cosine_x), (sine_z, half_z, cosine_z) = (
            side.tilts[layer] for side in (self, other)
        )
        product, first, second = work
        np.multiply(sine_x, sine_z, out=product)
        if g is not None:
            g *= product
            np.multiply(cosine_x, cosine_z, out=first)
            np.multiply(half_x, half_z, out=second)
            first -= second
            first *= first
            g += first
        h *= product
        np.multiply(half_x, cosine_z, out=first)
        np.multiply(cosine_x, half_z, out=second)
        first -= second
        first *= first
        h += first
        return product

    @abstractmethod
    def bound(self) -> float:
        """Return what no number met on the way to a kernel of these points exceeds."""

    @abstractmethod
    def fill(
        self,
        other: Layers,
        h: NDArray,
        g: NDArray | None,
        ntk: NDArray | None,
        work: list[NDArray],
    ) -> None:
        """Turn the haversines h of the angles of inputs into values of the NNGP, in place.

        ``g`` holds 1 - h without cancellation, or is None where h is not near 1; it is lost. The
        tangent kernel is written to ``ntk`` if given. ``work`` has N_BUFFERS arrays like h.
        """


class ReLULayers(Layers):
    """Do it for phi(h) = max(h, 0), on kernels divided by the lengths of both feature vectors.

    With S = sin a_x sin a_z and the sum h' of the module's docstring (S = 1, h' = h without
    biases) a layer makes

        h <- h'(h + (t cos t - sin t) / (2 pi)),  T <- S (1 - t / pi) T + (1 - 2 h),

    where T is the tangent kernel over the same lengths.
    """

    def __init__(
        self, lengths: NDArray, n_dims: int, depth: int, w_std: float, b_std: float
    ) -> None:
        super().__init__(lengths, n_dims, depth, w_std, b_std)
        with np.errstate(over="ignore", invalid="ignore"):  # caught through bound()
            for _ in range(depth):
                root = self.length * (w_std / 2**0.5)
                self.tilts.append(self._tilt(root))
                self.length = np.hypot(root, b_std)

    def bound(self) -> float:
        with np.errstate(over="ignore"):
            return float(np.square(self.length.max()) * (self.depth + 1))

    def fill(
        self,
        other: Layers,
        h: NDArray,
        g: NDArray | None,
        ntk: NDArray | None,
        work: list[NDArray],
    ) -> None:
        sine, half, other_half, cosine = work
        self._add_bias(other, 0, h, g, work[:3])
        _one_minus_twice(h, cosine)
        if ntk is not None:
            np.copyto(ntk, cosine)
        for layer in range(1, self.depth + 1):
            np.sqrt(h, out=sine)  # of t / 2, like the next two
            if g is None:
                np.arcsin(sine, out=half)
                np.subtract(1, h, out=other_half)
                np.sqrt(other_half, out=other_half)
            else:  # the first layer only: later cosines are not negative
                np.sqrt(g, out=other_half)
                np.arctan2(sine, other_half, out=half)
                g = None
            sine *= other_half
            cosine *= half
            cosine -= sine
            cosine *= 1 / np.pi
            h += cosine
            np.maximum(h, 0, out=h)  # below the square of eps rounding decides the sign
            if ntk is not None:
                half *= -2 / np.pi
                half += 1
                ntk *= half
            product = self._add_bias(other, layer, h, None, [other_half, half, sine])
            _one_minus_twice(h, cosine)
            if ntk is not None:
                if product is not None:
                    ntk *= product
                ntk += cosine
        left, right = (side.length.astype(self.dtype) for side in (self, other))
        np.multiply(left, right, out=sine)
        np.multiply(cosine, sine, out=h)
        if ntk is not None:
            ntk *= sine


class ErfLayers(Layers):
    """Do it for phi = erf, which is smooth: after the first layer K itself keeps enough digits.

    With p = K(x, x), q = K(z, z) a layer makes

        K <- w^2 (2 / pi) atan(2 K / r) + b^2,  T <- w^2 (4 / pi) T / r + K,
        r^2 = (1 + 2 p)(1 + 2 q) - 4 K^2 = 1 + 2 p + 2 q + 16 p q h (1 - h).

    The first form of r^2 loses digits for large p, hence the second one in the first layer, where
    p may be anything; later p is at most w^2 + b^2.
    """

    def __init__(
        self, lengths: NDArray, n_dims: int, depth: int, w_std: float, b_std: float
    ) -> None:
        super().__init__(lengths, n_dims, depth, w_std, b_std)
        self.augmented = []  # 1 + 2 p, layer by layer
        # What overflows is caught through bound(): largest is then infinite or NaN, and stays so.
        with np.errstate(over="ignore", invalid="ignore"):
            weight, bias = np.square([w_std, b_std])  # a power of a float would raise OverflowError
            p = ntk = self.length**2
            self.largest = max(float(p.max()), 16 * float(np.square(p.max())), float(weight))
            for _ in range(depth):
                self.augmented.append((1 + 2 * p).astype(self.dtype))
                slope = 4 * weight / (np.pi * np.sqrt(1 + 4 * p))
                p = weight * (2 / np.pi) * np.arctan2(2 * p, np.sqrt(1 + 4 * p)) + bias
                ntk = p + slope * ntk
                self.largest = float(np.maximum(self.largest, ntk.max()))

    def bound(self) -> float:
        # Off the diagonal kernels are smaller: |T(x, z)|^2 <= T(x, x) T(z, z).
        return 4 * self.largest

    def fill(
        self,
        other: Layers,
        h: NDArray,
        g: NDArray | None,
        ntk: NDArray | None,
        work: list[NDArray],
    ) -> None:
        root, product, term, _ = work
        weight = self.w_std**2
        self._add_bias(other, 0, h, g, work[:3])
        left, right = (side.length.astype(self.dtype) for side in (self, other))
        np.multiply(left, right, out=product)
        if g is None:
            g = np.subtract(1, h, out=term)
        np.multiply(h, g, out=root)
        root *= product
        root *= product
        root *= 16
        root += self.augmented[0]
        root += other.augmented[0] - 1
        _one_minus_twice(h, h)
        h *= product  # from here on h holds K
        if ntk is not None:
            np.copyto(ntk, h)
        for layer in range(self.depth):
            if layer > 0:
                np.multiply(self.augmented[layer], other.augmented[layer], out=root)
                np.multiply(h, h, out=term)
                term *= 4
                root -= term
                np.maximum(root, 1, out=root)
            np.sqrt(root, out=root)
            h *= 2
            np.arctan2(h, root, out=h)
            h *= weight * 2 / np.pi
            h += self.b_std**2
            if ntk is not None:
                np.divide(weight * 4 / np.pi, root, out=root)
                ntk *= root
                ntk += h


def _one_minus_twice(h: NDArray, out: NDArray) -> None:
    np.multiply(h, -2, out=out)
    out += 1
