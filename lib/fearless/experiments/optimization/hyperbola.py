r"""The smallest over-parametrised problem: one equation w_1 w_2 = 1 in two unknowns.

Its solutions are a hyperbola. The loss is :math:`L = \frac12 (w_1 w_2 - 1)^2`, and the tangent
kernel the number :math:`K(w) = \|w\|^2`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_int, check_positive, check_vector
from fearless.optimization.landscape import DescentPath, descent_path
from fearless.optimization.systems import ProductSystem

__all__ = [
    "HYPERBOLA",
    "Cut",
    "certified",
    "certified_radius",
    "cut",
    "fan",
    "least_curvature",
    "random_starts",
]

#: The system.
HYPERBOLA = ProductSystem([[1.0]], [1.0])

# The landscape is drawn over a grid of levels of P = w_1 w_2, among them 1/3 and 1, where the
# curvature changes its sign, and of positions u along the hyperbolas w = sqrt(P) (e^u, e^-u).
_LEVELS = (0.15, 0.24, 1 / 3, 0.5, 2 / 3, 5 / 6, 1, 1.15, 1.3, 1.45, 1.6, 1.75)
_POSITIONS = np.linspace(-0.88, 0.88, 15)


@dataclass(frozen=True)
class Cut:
    """The loss on a straight line through the solution (1, 1), and the landscape around it.

    Attributes
    ----------
    angle : float
        Of the line against the tangent of the hyperbola, in degrees.
    s : ndarray of shape (g,)
        Positions on the line, 0 at the solution.
    loss : ndarray of shape (g,)
        L there.
    convex : ndarray of bool, shape (g,)
        Where the second derivative along the line is at least 0.
    drawn : ndarray of bool, shape (g,)
        The stretch around the solution that lies on the landscape.
    curvature : float
        The second derivative along the line at the solution.
    second : float
        The position of the other solution on the line; infinite where there is none.
    top : float
        The largest loss between the two.
    patches : list of ndarray of shape (q, 3)
        The landscape in polygons, from back to front: coordinates along the line and behind it,
        and L.
    bowl : ndarray of bool, shape (len(patches),)
        Whether the Hessian has no negative eigenvalue on the patch.
    valley : ndarray of shape (q, 2)
        The solutions: coordinates along and behind the line.
    """

    angle: float
    s: NDArray[np.float64]
    loss: NDArray[np.float64]
    convex: NDArray[np.bool_]
    drawn: NDArray[np.bool_]
    curvature: float
    second: float
    top: float
    patches: list[NDArray[np.float64]]
    bowl: NDArray[np.bool_]
    valley: NDArray[np.float64]


def cut(angle: float, *, n_points: int = 161) -> Cut:
    r"""Compute the loss of the hyperbola along a line through (1, 1), and the landscape.

    With the angle psi between the line and the tangent, on the line
    :math:`w_1 w_2 - 1 = \sqrt2 s \sin\psi - \frac12 s^2 \cos 2\psi`.

    Parameters
    ----------
    angle : float
        psi in degrees, between 0 and 90.
    n_points : int
        Points of the line; some more are added around the hump between two solutions.

    Returns
    -------
    Cut
        Profile and landscape.
    """
    psi = np.deg2rad(check_positive(angle, "angle", allow_zero=True))
    tangent, normal = np.array([1.0, -1.0]) / 2**0.5, np.array([1.0, 1.0]) / 2**0.5
    line = np.cos(psi) * tangent + np.sin(psi) * normal
    back = -np.sin(psi) * tangent + np.cos(psi) * normal
    slope, bend = 2**0.5 * np.sin(psi), -np.cos(2 * psi) / 2
    bend = 0.0 if abs(bend) < 1e-12 else float(bend)
    second = -slope / bend if bend else np.inf
    s = np.linspace(-3.2, 3.2, check_int(n_points, "n_points", minimum=3))
    # Both solutions, and the hump between them, which is narrow at a small angle.
    hump = second * np.linspace(-0.5, 1.5, 81) if np.isfinite(second) else np.zeros(1)
    s = np.unique(np.concatenate([s, [0.0], hump[np.abs(hump) < 3.2]]))
    gap = slope * s + bend * s**2
    # The loss is u^2 / 2 with u = gap: its second derivative is u'^2 + u u''.
    convex = (slope + 2 * bend * s) ** 2 + 2 * bend * gap >= 0
    top = (slope**2 / (4 * bend)) ** 2 / 2 if bend else np.inf
    patches, bowl = _landscape(line, back)
    valley = _hyperbola(1.0, np.linspace(_POSITIONS[0], _POSITIONS[-1], 120))
    offset = np.stack([(valley - 1) @ line, (valley - 1) @ back], axis=1)
    return Cut(
        float(angle),
        s,
        gap**2 / 2,
        convex,
        _on_landscape(s, gap + 1, line),
        float(slope**2),
        float(second),
        float(top),
        patches,
        bowl,
        offset,
    )


def _hyperbola(product: float, u: ArrayLike) -> NDArray[np.float64]:
    """Return the points with w_1 w_2 = product at positions u, shape (len(u), 2)."""
    return product**0.5 * np.exp(np.multiply.outer(np.asarray(u, float), [1.0, -1.0]))


def _on_landscape(s: NDArray, product: NDArray, line: NDArray) -> NDArray[np.bool_]:
    """Return the stretch of the line around the solution that is between the outermost levels."""
    w = np.maximum(1 + s[:, None] * line, 1e-9)
    inside = (product >= _LEVELS[0]) & (product <= _LEVELS[-1])
    inside &= np.abs(np.log(w[:, 0] / w[:, 1])) <= 2 * _POSITIONS[-1]
    changes = np.cumsum(np.diff(inside, prepend=inside[:1]))
    return inside & (changes == changes[np.searchsorted(s, 0.0)])


def _landscape(line: NDArray, back: NDArray) -> tuple[list[NDArray], NDArray[np.bool_]]:
    """Return the patches from back to front, and which are convex."""
    found = []
    for low, high in itertools.pairwise(_LEVELS):
        for left, right in itertools.pairwise(_POSITIONS):
            ends = np.array([left, right])
            rim = np.concatenate([_hyperbola(low, ends), _hyperbola(high, ends[::-1])]) - 1
            heights = (np.array([low, low, high, high]) - 1) ** 2 / 2
            patch = np.column_stack([rim @ line, rim @ back, heights])
            found.append((patch[:, 1].mean(), 1 / 3 <= (low + high) / 2 <= 1, patch))
    found.sort(key=lambda entry: -entry[0])
    return [patch for _, _, patch in found], np.array([bowl for _, bowl, _ in found])


def least_curvature(w: ArrayLike) -> NDArray[np.float64]:
    r"""Compute the smaller eigenvalue of the Hessian of the loss.

    Its determinant is :math:`(1 - P)(3P - 1)` with :math:`P = w_1 w_2`: the loss bends down in some
    direction wherever P > 1 or P < 1/3, and thus on one side of every solution.

    Parameters
    ----------
    w : array-like of shape (..., 2)

    Returns
    -------
    ndarray of shape (...)
    """
    w = np.asarray(w, float)
    trace = (w**2).sum(axis=-1)
    mixed = 2 * w.prod(axis=-1) - 1
    difference = w[..., 0] ** 2 - w[..., 1] ** 2
    return (trace - np.sqrt(difference**2 + 4 * mixed**2)) / 2


def certified(w: ArrayLike) -> NDArray[np.bool_]:
    r"""Tell the starts from which the theorem guarantees convergence.

    In the ball of radius R, :math:`\mu = (\|w_0\| - R)^2`, and :math:`R \ge 2 \sqrt{2 L_0 / \mu}`
    has a solution when :math:`\|w_0\|^2 \ge 8 |w_1 w_2 - 1|`.

    Parameters
    ----------
    w : array-like of shape (..., 2)

    Returns
    -------
    ndarray of bool, shape (...)
    """
    w = np.asarray(w, float)
    return (w**2).sum(axis=-1) >= 8 * np.abs(w.prod(axis=-1) - 1)


def certified_radius(w: ArrayLike) -> tuple[float, float]:
    """Compute the radius of the smallest such ball, and the PL* constant in it.

    Parameters
    ----------
    w : array-like of shape (2,)
        A certified start.

    Returns
    -------
    radius, constant : float

    Raises
    ------
    ValueError
        There is no such ball.
    """
    w = check_vector(w, "w", length=2).astype(float)
    if not certified(w):
        raise ValueError(f"w is {w.tolist()}; expected |w|^2 >= 8 |w_1 w_2 - 1|")
    size = float(np.linalg.norm(w))
    radius = (size - np.sqrt(max(0.0, size**2 - 8 * abs(w[0] * w[1] - 1)))) / 2
    return float(radius), float((size - radius) ** 2)


def fan(starts: ArrayLike, *, step_size: float = 0.02, n_steps: int = 600) -> list[DescentPath]:
    """Run gradient descent on the hyperbola from several starts.

    Parameters
    ----------
    starts : array-like of shape (m, 2)
    step_size : float
    n_steps : int

    Returns
    -------
    list of DescentPath
    """
    return [
        descent_path(HYPERBOLA, start, step_size=step_size, n_steps=n_steps, every=4)
        for start in np.asarray(starts, float)
    ]


def random_starts(
    n_starts: int = 100,
    *,
    reach: float = 2.5,
    step_size: float = 0.05,
    n_steps: int = 2000,
    random_state: int = 0,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Run gradient descent on the hyperbola from random starts in a square.

    Parameters
    ----------
    n_starts : int
    reach : float
        Half the side of the square around zero.
    step_size : float
    n_steps : int
    random_state : int

    Returns
    -------
    loss : ndarray of shape (n_starts,)
        The losses at the end.
    certified : ndarray of bool, shape (n_starts,)
        Whether the theorem guarantees convergence.
    """
    rng = np.random.default_rng(random_state)
    w = start = rng.uniform(-reach, reach, (check_int(n_starts, "n_starts"), 2))
    for _ in range(check_int(n_steps, "n_steps")):
        w = w - step_size * (w.prod(axis=1) - 1)[:, None] * w[:, ::-1]
    return (w.prod(axis=1) - 1) ** 2 / 2, certified(start)
