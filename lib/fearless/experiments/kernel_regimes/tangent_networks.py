"""Wide tanh networks that become linear in their weights, and two that do not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fearless._validation import RandomState, as_generator, check_int, check_option
from fearless.data import Dataset
from fearless.theory.linearity import LowRankHessian

__all__ = [
    "KINDS",
    "W_STD",
    "Pair",
    "bottleneck_hessian",
    "digit_pair",
    "draw_network",
    "trained_kernel",
]

#: The factor sigma_w of all weights on this page.
W_STD = 1.0

#: What can be drawn: see `draw_network`.
KINDS = ("fixed signs", "one layer", "two layers", "bottleneck", "curved output")


@dataclass(frozen=True)
class Pair:
    """Images of two digits, in coordinates of the subspace that they span.

    Attributes
    ----------
    X : ndarray of shape (n, d)
        Training images, scaled to norm sqrt(d).
    y : ndarray of shape (n,)
        Their targets, 1 and -1.
    X_test, y_test : ndarray of shape (n_test, d), (n_test,)
        Others.
    """

    X: NDArray[np.float64]
    y: NDArray[np.float64]
    X_test: NDArray[np.float64]
    y_test: NDArray[np.float64]


def digit_pair(
    data: Dataset,
    digits: tuple[int, int] = (0, 1),
    *,
    n_train: int = 20,
    n_test: int = 20,
    random_state: RandomState = 0,
) -> Pair:
    """Draw images of two classes and rotate the space so that few coordinates hold them all.

    Normal weights look the same from all sides, and descent moves them only within the span of
    the images: a network on the coordinates is the network on the images. Only the mean square of
    a coordinate matters, and it is scaled to one.

    Parameters
    ----------
    data : Dataset
    digits : tuple of two int
        The classes with targets 1 and -1.
    n_train, n_test : int
        Numbers of images; d is their sum (or less, if they are dependent).
    random_state : None, int or numpy.random.Generator
        Draws the images.

    Returns
    -------
    Pair
        The images.
    """
    n_train = check_int(n_train, "n_train")
    n_test = check_int(n_test, "n_test")
    rng = as_generator(random_state)
    rows = np.flatnonzero(np.isin(data.y_train, digits))
    if len(rows) < n_train + n_test:
        raise ValueError(f"n_train + n_test is {n_train + n_test}; expected at most {len(rows)}")
    rows = rng.permutation(rows)[: n_train + n_test]
    images = data.X_train[rows].astype(np.float64)
    y = np.where(data.y_train[rows] == digits[0], 1.0, -1.0)
    U, s, _ = np.linalg.svd(images, full_matrices=False)
    X = (U * s)[:, s > 1e-10 * s[0]]
    X *= X.shape[1] ** 0.5 / np.linalg.norm(X, axis=1, keepdims=True)
    return Pair(X[:n_train], y[:n_train], X[n_train:], y[n_train:])


def draw_network(kind: str, n_inputs: int, width: int, random_state: RandomState = None) -> Any:
    """Draw a tanh network of one of the kinds of this page, in the NTK parametrisation.

    Parameters
    ----------
    kind : {"fixed signs", "one layer", "two layers", "bottleneck", "curved output"}
        One hidden layer with the output weights +-1, not trained; one or two hidden layers, all
        trained; three hidden layers, the middle one of a single unit; one hidden layer and tanh
        of the output.
    n_inputs : int
        The dimension d.
    width : int
        The number m of units of each hidden layer but a bottleneck.
    random_state : None, int or numpy.random.Generator
        Draws the weights.

    Returns
    -------
    FullyConnected
        The network, in float64, without biases.
    """
    from fearless.networks import FullyConnected

    check_option(kind, "kind", KINDS)
    special = {
        "two layers": {"depth": 2},
        "bottleneck": {"depth": 3, "bottleneck": 1},
        "curved output": {"output": lambda f: f.tanh()},
    }
    model = FullyConnected(
        n_inputs,
        width,
        activation="tanh",
        w_std=W_STD,
        random_state=random_state,
        dtype=np.float64,
        **special.get(kind, {}),
    )
    if kind == "fixed signs":
        outer = model.weights[1].requires_grad_(False)
        outer.sign_()
    return model


def trained_kernel(model: Any, X: NDArray) -> NDArray[np.float64]:
    """Compute the tangent kernel over those weights of a network that are trained.

    Parameters
    ----------
    model : FullyConnected
        As of `draw_network`, of any kind.
    X : ndarray of shape (n, d)
        Inputs.

    Returns
    -------
    ndarray of shape (n, n)
        The kernel matrix.
    """
    from fearless.networks import empirical_tangent_kernel

    K = empirical_tangent_kernel(model, X)
    if not model.weights[-1].requires_grad:
        # The kernel of all weights; the gradient in those of the output is the last hidden layer.
        hidden = model.forward_layers(model.weights[0].new_tensor(X))[1][-1].detach().numpy()
        K -= model.scales[-1] ** 2 * (hidden @ hidden.T)
    return K


def bottleneck_hessian(model: Any, x: NDArray) -> LowRankHessian:
    r"""Compute what stays of the Hessian of a bottleneck network, however wide it is.

    With f = g(u), where u is the number that enters the bottleneck,

    .. math::
        H \approx g''(u) \nabla u \nabla u^\top
        + \nabla u \, (\nabla_{w_g} g'(u))^\top + \nabla_{w_g} g'(u) \, \nabla u^\top .

    Parameters
    ----------
    model : FullyConnected
        As of ``draw_network("bottleneck", ...)``.
    x : ndarray of shape (d,)
        The input.

    Returns
    -------
    LowRankHessian
        ``g'' ||grad u||^2`` and ``||grad_w g'|| ||grad u||``.
    """
    W1, W2, u, v = (W.detach().numpy() for W in model.weights)
    s1, s2, s3, s4 = model.scales
    a = np.tanh(s1 * (W1 @ x))
    h = s2 * (W2[0] @ a)
    # The squared length of the gradient of h: in the weights of its second layer, and its first.
    gradient = s2**2 * np.sum(a**2) + (s2 * s1) ** 2 * np.sum((W2[0] * (1 - a**2)) ** 2) * (x @ x)

    u, v = s3 * u[:, 0], s4 * v[0]
    b = np.tanh(h)
    b1 = 1 - b**2
    t = np.tanh(u * b)
    t1 = 1 - t**2
    t2 = -2 * t * t1
    curvature = np.sum(v * (t2 * (u * b1) ** 2 + t1 * u * (-2 * b * b1)))
    in_v = s4 * t1 * u * b1
    in_u = s3 * v * b1 * (t1 + t2 * u * b)
    crossed = (np.sum(in_v**2) + np.sum(in_u**2)) * gradient
    return LowRankHessian(float(curvature * gradient), float(crossed**0.5))
