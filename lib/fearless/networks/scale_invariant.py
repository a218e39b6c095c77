"""Small networks whose weights have no scale, and SGD with weight decay on many of them at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from fearless._validation import (
    RandomState,
    as_generator,
    check_int,
    check_labels,
    check_positive,
    check_same_length,
)
from fearless.networks.run import as_tensor

__all__ = ["DecayRun", "NormalizedNetworks", "train_with_decay"]


class NormalizedNetworks(nn.Module):
    r"""Hold two-layer networks, side by side, that do not change when a layer is multiplied.

    .. math:: f(x) = c\, \frac{W_2}{\|W_2\|} \max\Bigl(\frac{W_1 x}{\|W_1 x\|}, 0\Bigr)

    With ``normalize=False`` both denominators are left out, and the networks are ordinary ones
    without biases.

    Parameters
    ----------
    n_inputs, width, n_outputs : int
        The dimensions of x, of the hidden layer and of f(x).
    n_members : int
        The number of networks, each with its own random weights.
    scale : float
        c: the outputs are at most this long.
    normalize : bool
        Whether to divide.
    norm : float or array-like of shape (n_members,)
        The Frobenius norm that each layer starts with; the directions are uniform on a sphere.
    dtype : float32 or float64
        Of the weights.
    random_state : None, int or numpy.random.Generator
        The source of randomness.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(width (n_inputs + n_outputs)) a sample and member. Used in the section "Losses and
    scale".

    Examples
    --------
    >>> nets = NormalizedNetworks(3, 8, 2, n_members=4, random_state=0)
    >>> nets(torch.ones(5, 3)).shape
    torch.Size([4, 5, 2])
    """

    def __init__(
        self,
        n_inputs: int,
        width: int,
        n_outputs: int,
        n_members: int = 1,
        *,
        scale: float = 30.0,
        normalize: bool = True,
        norm: float | ArrayLike = 1.0,
        dtype: torch.dtype = torch.float32,
        random_state: RandomState = None,
    ) -> None:
        super().__init__()
        n_inputs, width = check_int(n_inputs, "n_inputs"), check_int(width, "width")
        n_outputs, n_members = check_int(n_outputs, "n_outputs"), check_int(n_members, "n_members")
        self.scale, self.normalize = check_positive(scale, "scale"), bool(normalize)
        norms = np.broadcast_to(np.asarray(norm, float), (n_members,))
        for value in norms:
            check_positive(float(value), "norm")
        rng = as_generator(random_state)
        layers = []
        for shape in ((width, n_inputs), (n_outputs, width)):
            weights = rng.standard_normal((n_members, *shape))
            weights *= (norms / np.sqrt((weights**2).sum(axis=(1, 2))))[:, None, None]
            layers.append(nn.Parameter(torch.from_numpy(weights).to(dtype)))
        self.hidden, self.outer = layers

    @property
    def layers(self) -> tuple[nn.Parameter, nn.Parameter]:
        """The weights of both layers, with the members as their first axis."""
        return self.hidden, self.outer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute the outputs of all members.

        Parameters
        ----------
        x : Tensor of shape (m, d) or (members, m, d)
            Samples that all members see, or samples of each.

        Returns
        -------
        Tensor of shape (members, m, n_outputs)
        """
        h = torch.matmul(x, self.hidden.transpose(1, 2))
        outer = self.outer
        if self.normalize:
            # A sample that no hidden unit answers to has the output zero, not 0 / 0.
            h = h / h.norm(dim=2, keepdim=True).clamp_min(torch.finfo(h.dtype).tiny)
            outer = outer / outer.norm(dim=(1, 2), keepdim=True)
        return self.scale * torch.matmul(torch.relu(h), outer.transpose(1, 2))


@dataclass(frozen=True, eq=False)
class DecayRun:
    """Hold what became of R networks trained side by side.

    Attributes
    ----------
    steps : ndarray of shape (t,), int
        The steps before which the next four were looked at; the last is the end.
    loss : ndarray of shape (R, t)
        Mean cross-entropy over all training samples.
    error : ndarray of shape (R, t)
        Share of test samples misclassified.
    norm : ndarray of shape (2, R, t)
        Length of the weights of the hidden and of the outer layer.
    log_cosine : ndarray of shape (2, R)
        Mean over all steps of the logarithm of the cosine of the angle between the weights before
        and after a step; -inf where a step turned them by a right angle or more.
    late_noise : ndarray of shape (2, R)
        Mean of ``|g|^2 |w|^2`` over the second half: for scale-invariant layers the squared length
        of the gradient on the unit sphere.
    """

    steps: NDArray[np.int64]
    loss: NDArray[np.float64]
    error: NDArray[np.float64]
    norm: NDArray[np.float64]
    log_cosine: NDArray[np.float64]
    late_noise: NDArray[np.float64]


def train_with_decay(
    networks: NormalizedNetworks,
    X: ArrayLike,
    y: ArrayLike,
    X_test: ArrayLike,
    y_test: ArrayLike,
    *,
    step_size: ArrayLike,
    weight_decay: ArrayLike,
    n_steps: int,
    batch_size: int | None = 32,
    record: int = 50,
    random_state: RandomState = None,
) -> DecayRun:
    r"""Train networks side by side by SGD with weight decay, on the cross-entropy.

    .. math:: w_{t+1} = (1 - \eta_t \lambda_t)\, w_t - \eta_t\, g_t

    Parameters
    ----------
    networks : NormalizedNetworks
        R networks, trained in place.
    X, X_test : array-like of shape (n, d), (n_test, d)
        Samples, one a row.
    y, y_test : array-like of int
        Their labels, 0 to n_outputs - 1.
    step_size, weight_decay : array-like of shape (), (R,) or (n_steps, R)
        eta >= 0 and lambda >= 0, of each network and, for a schedule, of each step; eta lambda < 1.
    n_steps : int
        Steps in all.
    batch_size : int or None
        Samples a step, drawn with replacement by each network for itself; None takes all.
    record : int
        Steps between two looks at the losses.
    random_state : None, int or numpy.random.Generator
        The source of the batches.

    Returns
    -------
    DecayRun
        What was seen on the way.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described, or X and y do not go with the networks.
    FloatingPointError
        Weights are no longer finite.

    Notes
    -----
    The decay is that of the penalty ``lambda |w|^2 / 2`` on all weights. Cost of a step about
    three evaluations of R networks on a batch. Used in the section "Losses and scale".

    Examples
    --------
    >>> X, y = np.random.default_rng(0).standard_normal((20, 3)), np.arange(20) % 2
    >>> nets = NormalizedNetworks(3, 8, 2, n_members=4, random_state=0)
    >>> run = train_with_decay(
    ...     nets, X, y, X, y, step_size=0.1, weight_decay=0.1, n_steps=100, batch_size=8
    ... )
    >>> run.loss.shape, run.steps
    ((4, 3), array([  0,  50, 100]))
    """
    dtype = networks.hidden.dtype
    R, k = networks.outer.shape[:2]
    x, x_test = as_tensor(X, "X", dtype=dtype), as_tensor(X_test, "X_test", dtype=dtype)
    check_same_length(X=X, y=y), check_same_length(X_test=X_test, y_test=y_test)
    labels, test_labels = (
        torch.from_numpy(check_labels(values, name, classes=range(k)))
        for values, name in ((y, "y"), (y_test, "y_test"))
    )
    for name, values in (("X", x), ("X_test", x_test)):
        if values.shape[1] != networks.hidden.shape[2]:
            raise ValueError(
                f"{name} has {values.shape[1]} columns; expected {networks.hidden.shape[2]}"
            )
    n_steps, record = check_int(n_steps, "n_steps"), check_int(record, "record")
    if batch_size is not None:
        batch_size = check_int(batch_size, "batch_size", maximum=len(x))
    eta = _schedule(step_size, "step_size", n_steps, R, dtype)
    keep = 1 - eta * _schedule(weight_decay, "weight_decay", n_steps, R, dtype)
    if not (keep > 0).all():
        raise ValueError(
            f"step_size times weight_decay is {1 - keep.min():.3g}; expected less than 1: a step "
            "would turn the weights round"
        )
    rng = as_generator(random_state)

    looks: list[tuple[int, torch.Tensor]] = []
    log_cosine = torch.zeros(2, R, dtype=torch.float64)
    late_noise = torch.zeros_like(log_cosine)
    half = n_steps // 2
    lengths = [w.detach().norm(dim=(1, 2), keepdim=True) for w in networks.layers]
    units = [w.detach() / length for w, length in zip(networks.layers, lengths, strict=True)]
    for t in range(n_steps):
        if t % record == 0:
            looks.append((t, _look(networks, x, labels, x_test, test_labels)))
        if batch_size is None:
            batch, codes = x, labels.expand(R, -1)
        else:
            rows = torch.from_numpy(rng.integers(len(x), size=(R, batch_size)))
            batch, codes = x[rows], labels[rows]
        outputs = networks(batch)
        networks.zero_grad()
        outputs.backward(_cross_entropy_gradient(outputs.detach(), codes))
        with torch.no_grad():
            for i, w in enumerate(networks.layers):
                if t >= half:
                    late_noise[i] += w.grad.square().sum(dim=(1, 2)) * lengths[i].ravel() ** 2
                w.mul_(keep[t]).sub_(eta[t] * w.grad)
                before, lengths[i] = units[i], w.norm(dim=(1, 2), keepdim=True)
                units[i] = w / lengths[i]
                # 1 - cos is half the squared chord; from the inner product it would be rounding.
                chord = (units[i] - before).square().sum(dim=(1, 2)).double()
                log_cosine[i] += torch.log1p(-(chord / 2).clamp_max(1))
    looks.append((n_steps, _look(networks, x, labels, x_test, test_labels)))
    if not all(length.isfinite().all() for length in lengths):
        raise FloatingPointError("weights are no longer finite; expected a smaller step_size")
    seen = torch.stack([values for _, values in looks], dim=2).numpy()
    return DecayRun(
        steps=np.array([step for step, _ in looks]),
        loss=seen[0],
        error=seen[1],
        norm=seen[2:],
        log_cosine=(log_cosine / n_steps).numpy(),
        late_noise=(late_noise / (n_steps - half)).numpy(),
    )


def _schedule(
    values: ArrayLike, name: str, n_steps: int, n_members: int, dtype: torch.dtype
) -> torch.Tensor:
    """Return one number a step and member, of shape (n_steps, members, 1, 1)."""
    array = np.asarray(values, float)
    if array.shape not in ((), (n_members,), (n_steps, n_members)):
        raise ValueError(
            f"{name} has shape {array.shape}; expected (), ({n_members},) or "
            f"({n_steps}, {n_members})"
        )
    if not (np.isfinite(array).all() and (array >= 0).all()):
        raise ValueError(f"{name}: expected finite numbers >= 0, found {array.min()}")
    full = np.broadcast_to(array, (n_steps, n_members))
    return torch.tensor(full, dtype=dtype)[:, :, None, None]


def _cross_entropy_gradient(outputs: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
    """Return the gradient of the mean over each member's batch, with respect to the outputs."""
    gradient = outputs.softmax(dim=2)
    index = codes[:, :, None]
    gradient.scatter_add_(2, index, torch.full(index.shape, -1.0, dtype=outputs.dtype))
    return gradient.div_(outputs.shape[1])


def _look(
    networks: NormalizedNetworks,
    x: torch.Tensor,
    labels: torch.Tensor,
    x_test: torch.Tensor,
    test_labels: torch.Tensor,
) -> torch.Tensor:
    """Return loss, test error and the two norms of every member, in float64."""
    with torch.no_grad():
        logs = networks(x).log_softmax(dim=2)
        index = labels.expand(len(logs), -1)[:, :, None]
        loss = -logs.gather(2, index)[:, :, 0].double().mean(dim=1)
        misses = networks(x_test).argmax(dim=2) != test_labels
        norms = [w.norm(dim=(1, 2)).double() for w in networks.layers]
        return torch.stack([loss, misses.double().mean(dim=1), *norms])
