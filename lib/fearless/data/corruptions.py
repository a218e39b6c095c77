"""Corruptions of images: known ways in which a test set can differ from the training set."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from fearless._validation import (
    RandomState,
    as_generator,
    check_int,
    check_matrix,
    check_option,
    check_positive,
    check_probability,
)

__all__ = ["CORRUPTIONS", "corrupt"]

#: The kinds of corruption, and what their level means. Level 0 is no corruption at all.
CORRUPTIONS = MappingProxyType(
    {
        "noise": "standard deviation of normal noise added to each pixel",
        "blur": "standard deviation of a Gaussian blur, in pixels, at most the longer side",
        "rotation": "angle in degrees, clockwise or counter-clockwise at random",
        "shift": "distance in pixels; up, down, left or right at random",
        "contrast": "share, in [0, 1], of the way from the image to its mean grey level",
        "haze": "share, in [0, 1], of the way from the image to white",
        "occlusion": "side in pixels of a black square at a random place",
        "border": "width in pixels of a white frame",
    }
)


def corrupt(
    X: ArrayLike,
    kind: str,
    level: float,
    *,
    shape: tuple[int, int] = (28, 28),
    random_state: RandomState = None,
) -> NDArray:
    """Corrupt images in one of the ways listed in `CORRUPTIONS`.

    One ``random_state`` couples all levels of a kind: the noise of a higher level is that of
    a lower one, scaled; images turn the same way; squares grow about the same place.

    Parameters
    ----------
    X : array-like of shape (n, h * w)
        Images, one a row, read row by row; grey levels in [0, 1], 0 black. Computed in float32 when
        given so.
    kind : {"noise", "blur", "rotation", "shift", "contrast", "haze", "occlusion", "border"}
        What is done to them.
    level : float
        How strongly: see `CORRUPTIONS` for the unit of each kind.
    shape : tuple (h, w)
        Height and width of an image.
    random_state : None, int or numpy.random.Generator
        The source of randomness, for the kinds that have some.

    Returns
    -------
    ndarray of shape (n, h * w)
        New images with grey levels in [0, 1].

    Raises
    ------
    TypeError, ValueError
        An argument is not as described, or the level is outside the range of its kind.

    Notes
    -----
    Cost O(n h w), times the width of the filter for a blur. Rotations and shifts interpolate
    linearly between pixels; what comes in from outside is black. Used in the section
    "Under-specification".

    References
    ----------
    D. Hendrycks, T. Dietterich (2019), Benchmarking neural network robustness to common corruptions
    and perturbations, ICLR. The kinds here are fewer and simpler.

    Examples
    --------
    >>> corrupt([[0.0, 1.0, 0.5, 0.0]], "haze", 0.5, shape=(2, 2))
    array([[0.5 , 1.  , 0.75, 0.5 ]])
    """
    if not isinstance(shape, tuple | list) or len(shape) != 2:
        raise ValueError(f"shape is {shape!r}; expected a pair (height, width)")
    height, width = (check_int(side, "an entry of shape") for side in shape)
    X = check_matrix(X, "X", n_columns=height * width)
    if X.min() < 0 or X.max() > 1:
        raise ValueError(
            f"X has grey levels from {X.min():.3g} to {X.max():.3g}; expected them in [0, 1]"
        )
    check_option(kind, "kind", tuple(CORRUPTIONS))
    images = X.reshape(-1, height, width)
    changed = _KINDS[kind](images, level, as_generator(random_state))
    return np.clip(changed, 0, 1).astype(X.dtype, copy=False).reshape(X.shape)


def _noise(images: NDArray, level: float, rng: np.random.Generator) -> NDArray:
    level = check_positive(level, "level", allow_zero=True)
    return images + level * rng.standard_normal(images.shape)


def _blur(images: NDArray, level: float, rng: np.random.Generator) -> NDArray:
    level = check_positive(level, "level", allow_zero=True)
    longer = max(images.shape[1:])
    if level > longer:  # nothing is left of the image, and the filter would be huge
        raise ValueError(f"level is {level:g}; expected at most {longer}, the longer side")
    return ndimage.gaussian_filter(images, (0, level, level), mode="constant")


def _rotation(images: NDArray, level: float, rng: np.random.Generator) -> NDArray:
    level = check_positive(level, "level", allow_zero=True)
    turned = np.empty_like(images)
    clockwise = rng.random(len(images)) < 0.5
    for chosen, angle in ((clockwise, -level), (~clockwise, level)):
        turned[chosen] = ndimage.rotate(
            images[chosen], angle, axes=(1, 2), reshape=False, order=1, mode="constant"
        )
    return turned


def _shift(images: NDArray, level: float, rng: np.random.Generator) -> NDArray:
    level = check_positive(level, "level", allow_zero=True)
    moved = np.empty_like(images)
    way = rng.integers(4, size=len(images))
    for i, (down, right) in enumerate(((-1, 0), (1, 0), (0, -1), (0, 1))):
        moved[way == i] = ndimage.shift(
            images[way == i], (0, down * level, right * level), order=1, mode="constant"
        )
    return moved


def _contrast(images: NDArray, level: float, rng: np.random.Generator) -> NDArray:
    level = check_probability(level, "level")
    return (1 - level) * images + level * images.mean(axis=(1, 2), keepdims=True)


def _haze(images: NDArray, level: float, rng: np.random.Generator) -> NDArray:
    level = check_probability(level, "level")
    return (1 - level) * images + level


def _occlusion(images: NDArray, level: int, rng: np.random.Generator) -> NDArray:
    n, height, width = images.shape
    side = check_int(level, "level", minimum=0, maximum=min(height, width))
    # The place is drawn as a share of the room left, which does not depend on the side.
    top, left = (
        np.rint(rng.random((n, 1)) * (room - side)).astype(int) for room in (height, width)
    )
    in_rows = (np.arange(height) >= top) & (np.arange(height) < top + side)
    in_columns = (np.arange(width) >= left) & (np.arange(width) < left + side)
    return np.where(in_rows[:, :, None] & in_columns[:, None, :], 0, images)


def _border(images: NDArray, level: int, rng: np.random.Generator) -> NDArray:
    _, height, width = images.shape
    rim = check_int(level, "level", minimum=0, maximum=min(height, width) // 2)
    inside = np.zeros((height, width), bool)
    inside[rim : height - rim, rim : width - rim] = True
    return np.where(inside, images, 1)


_KINDS = {
    "noise": _noise,
    "blur": _blur,
    "rotation": _rotation,
    "shift": _shift,
    "contrast": _contrast,
    "haze": _haze,
    "occlusion": _occlusion,
    "border": _border,
}
