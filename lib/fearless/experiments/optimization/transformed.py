"""Networks whose tangent kernels move at any width, and a bound that holds all the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fearless._validation import check_int, check_option
from fearless.data import Dataset
from fearless.experiments._threads import one_thread
from fearless.experiments.optimization.tangent_start import W_STD, parity_digits

__all__ = ["KINDS", "TransformedRun", "inner_part", "transformed_runs"]

KINDS = ("soft output", "bottleneck")


@dataclass(frozen=True)
class TransformedRun:
    """A run of a network f = psi(g), where the wide network g is nearly linear in its weights.

    Attributes
    ----------
    path : fearless.networks.pl_run.PLPath
        Of f.
    slope : ndarray of shape (T,)
        The least |psi'(g(x_i))| over the images.
    inner : ndarray of shape (T,)
        lambda_n / n of the tangent kernel of g.
    inner_change : ndarray of shape (T,)
        Relative change of that kernel since the start.
    defect : float
        The largest difference seen between the tangent kernel of f and what the chain rule makes
        of that of g, relative to the norm; for a bottleneck the least eigenvalue of what psi's own
        weights add must not be negative, and the defect is its negative part.
    """

    path: Any
    slope: NDArray[np.float64]
    inner: NDArray[np.float64]
    inner_change: NDArray[np.float64]
    defect: float

    @property
    def bound(self) -> NDArray[np.float64]:
        """The guaranteed constant, the squared least slope times that of the inner network."""
        return self.slope**2 * self.inner


def transformed_runs(
    kind: str,
    data: Dataset,
    *,
    width: int = 1024,
    n_train: int = 5,
    n_seeds: int = 5,
    tol: float = 1e-3,
    random_state: int = 0,
) -> tuple[TransformedRun, ...]:
    """Train networks with a soft output or with a bottleneck on a few digits.

    Parameters
    ----------
    kind : {"soft output", "bottleneck"}
        One hidden layer and tanh of the output, targets +-0.8; or three hidden layers, the middle
        one of a single unit, targets +-1.
    data : Dataset
    width : int
        Units of each other hidden layer.
    n_train : int
    n_seeds : int
        Each draws its own images and weights.
    tol : float
        The mean squared residual to stop at.
    random_state : int

    Returns
    -------
    tuple of TransformedRun
        One a seed.
    """
    from fearless.networks import FullyConnected, empirical_tangent_kernel
    from fearless.networks.pl_run import pl_path

    check_option(kind, "kind", KINDS)
    width = check_int(width, "width")
    n_seeds = check_int(n_seeds, "n_seeds")
    soft = kind == "soft output"
    extra: dict[str, Any] = {"output": _tanh} if soft else {"depth": 3, "bottleneck": 1}
    runs = []
    for i in range(n_seeds):
        pair = parity_digits(data, n_train, np.random.default_rng([random_state, i]))
        model = FullyConnected(
            pair.X.shape[1],
            width,
            activation="erf",
            w_std=W_STD,
            random_state=np.random.default_rng([random_state, i, width]),
            dtype=np.float64,
            **extra,
        )
        seen: list[tuple[float, ...]] = []
        kernels: list[NDArray] = []

        def look(_: int, model: Any = model, pair: Any = pair, seen=seen, kernels=kernels) -> None:
            K, slopes = inner_part(model, pair.X)
            kernels.append(K)
            first = kernels[0]
            rest = empirical_tangent_kernel(model, pair.X) - slopes[:, None] * K * slopes
            gap = -np.linalg.eigvalsh(rest)[0] if not soft else np.linalg.norm(rest)
            seen.append(
                (
                    np.abs(slopes).min(),
                    np.linalg.eigvalsh(K)[0] / len(pair.X),
                    np.linalg.norm(K - first) / np.linalg.norm(first),
                    gap / np.linalg.norm(K),
                )
            )

        targets = (0.8 if soft else 1.0) * pair.y
        with one_thread():
            path = pl_path(model, pair.X, targets, tol=tol, observe=look)
        slope, inner, change, defect = np.array(seen).T
        runs.append(TransformedRun(path, slope, inner, change, float(max(defect.max(), 0.0))))
    return tuple(runs)


def inner_part(model: Any, X: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Split a transformed network into the wide network inside and the slopes outside.

    Parameters
    ----------
    model : FullyConnected
        With a function of the output, or with a bottleneck of one unit after the first hidden
        layer.
    X : ndarray of shape (n, d)

    Returns
    -------
    K : ndarray of shape (n, n)
        The tangent kernel matrix of the inner network g: the output before the function, or what
        enters the bottleneck.
    slopes : ndarray of shape (n,)
        psi'(g(x_i)).
    """
    import torch

    from fearless.networks import FullyConnected, empirical_tangent_kernel
    from fearless.networks.fully_connected import ACTIVATIONS

    inner = FullyConnected(
        model.widths[0], model.widths[1], activation=model.activation, w_std=W_STD, dtype=np.float64
    )
    for own, outer in zip(inner.weights, model.weights, strict=False):
        own.data = outer.detach()
    with torch.no_grad():
        g = inner(inner.weights[0].new_tensor(X))
    g.requires_grad_(True)
    if model.output is not None:
        f = model.output(g)
    else:
        phi = ACTIVATIONS[model.activation].function
        weights, scales = model.weights, model.scales
        hidden = phi(scales[2] * phi(g) @ weights[2].detach().T)
        f = scales[3] * hidden @ weights[3].detach().T
    (slopes,) = torch.autograd.grad(f.sum(), g)
    return empirical_tangent_kernel(inner, X), slopes[:, 0].numpy()


def _tanh(f: Any) -> Any:
    return f.tanh()
