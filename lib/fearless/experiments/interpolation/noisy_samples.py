"""Samples in a square and in a ball, some of them with a wrong label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fearless._validation import RandomState, as_generator, check_int, check_probability
from fearless.data import flip_labels

__all__ = ["NoisySample", "ball_sample", "strip_sample", "uniform_ball", "wavy_rule", "wavy_sample"]


@dataclass(frozen=True)
class NoisySample:
    """Points with labels 0 or 1, some of them wrong.

    Attributes
    ----------
    X : ndarray of shape (n, d)
    clean, y : ndarray of int, shape (n,)
        The labels of the clean rule, and those that training sees.
    """

    X: NDArray[np.float64]
    clean: NDArray[np.intp]
    y: NDArray[np.intp]

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Mask of the mislabelled points."""
        return self.clean != self.y

    def first(self, n: int) -> NoisySample:
        """Return the first ``n`` points.

        Parameters
        ----------
        n : int

        Returns
        -------
        NoisySample
        """
        n = check_int(n, "n", maximum=len(self.X))
        return NoisySample(self.X[:n], self.clean[:n], self.y[:n])


def wavy_rule(X: NDArray[np.float64]) -> NDArray[np.intp]:
    """Label points of the unit square: 1 above the curve x_2 = 1/2 + sin(2 pi x_1) / 5, else 0.

    Parameters
    ----------
    X : ndarray of shape (n, 2)

    Returns
    -------
    ndarray of int, shape (n,)
    """
    return (X[:, 1] > 0.5 + 0.2 * np.sin(2 * np.pi * X[:, 0])).astype(np.intp)


def wavy_sample(n: int, rate: float, random_state: RandomState = 0) -> NoisySample:
    """Draw uniform points of the unit square, with the labels of `wavy_rule`, some flipped.

    Parameters
    ----------
    n : int
    rate : float
        The probability ``q`` that a label is wrong.
    random_state : None, int or Generator

    Returns
    -------
    NoisySample
    """
    rng = as_generator(random_state)
    X = rng.random((check_int(n, "n"), 2))
    return _with_noise(X, wavy_rule(X), rate, rng)


def ball_sample(n: int, d: int, rate: float, random_state: RandomState = 0) -> NoisySample:
    """Draw uniform points of the unit ball, all of class 0, some labelled 1: deep inside a class.

    Parameters
    ----------
    n, d : int
    rate : float
        The probability ``q`` that a label is wrong.
    random_state : None, int or Generator

    Returns
    -------
    NoisySample
    """
    rng = as_generator(random_state)
    X = uniform_ball(check_int(n, "n"), check_int(d, "d"), rng)
    return _with_noise(X, np.zeros(n, dtype=np.intp), rate, rng)


def strip_sample(
    n: int, gap: float, rate: float = 0.0, random_state: RandomState = 0
) -> NoisySample:
    """Draw uniform points of two strips of the unit square, one class each, a gap apart.

    Parameters
    ----------
    n : int
    gap : float
        Width of the empty strip in the middle, in [0, 1).
    rate : float
        The probability ``q`` that a label is wrong.
    random_state : None, int or Generator

    Returns
    -------
    NoisySample
    """
    gap = check_probability(gap, "gap")
    rng = as_generator(random_state)
    X = rng.random((check_int(n, "n"), 2))
    upper = X[:, 1] > 0.5
    X[:, 1] = np.where(upper, 1 - (1 - X[:, 1]) * (1 - gap), X[:, 1] * (1 - gap))
    return _with_noise(X, upper.astype(np.intp), rate, rng)


def uniform_ball(n: int, d: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw uniform points of the unit ball.

    Parameters
    ----------
    n, d : int
    rng : Generator

    Returns
    -------
    ndarray of shape (n, d)
    """
    directions = rng.standard_normal((n, d))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return directions * rng.random((n, 1)) ** (1 / d)


def _with_noise(X: NDArray, clean: NDArray, rate: float, rng: np.random.Generator) -> NoisySample:
    # flip_labels draws a replacement from both classes: it is the wrong one half of the time.
    rate = check_probability(rate, "rate")
    if rate > 0.5:
        raise ValueError(f"rate is {rate}; expected at most 1/2")
    return NoisySample(X, clean, flip_labels(clean, 2 * rate, classes=(0, 1), random_state=rng))
