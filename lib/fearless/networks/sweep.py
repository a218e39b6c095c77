"""Many two-layer networks on the same data, of many widths and many seeds, trained together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from fearless._validation import (
    RandomState,
    as_seed_sequence,
    check_float_dtype,
    check_int,
    check_option,
    check_widths,
)
from fearless.networks._goals import Goals
from fearless.networks._loop import Schedule, Stop, train_members
from fearless.networks._ragged import RaggedStack
from fearless.networks.models import check_two_layer, two_layer_relu, widen
from fearless.networks.run import TrainingRun, as_tensor

__all__ = ["train_sweep", "weight_reuse_path"]

# A network wider than this gains nothing from company: its own products fill the processor.
_NARROW = 256

# Hidden units trained together: beyond, weights and activations no longer stay in the cache.
_UNITS_AT_ONCE = 2048

Runs = dict[tuple[int, int], TrainingRun]


def train_sweep(
    X: ArrayLike,
    Y: ArrayLike,
    widths: Sequence[int],
    seeds: Sequence[int],
    *,
    initial: Callable[[int, int], nn.Sequential] | None = None,
    init: str = "he",
    loss: str = "square",
    batch_size: int = 100,
    learning_rate: float = 1e-3,
    optimizer: str = "adam",
    momentum: float = 0.9,
    max_epochs: int = 200,
    stop: str | float | Stop | None = "fitted",
    schedule: Schedule | None = None,
    dtype: Any = np.float32,
    random_state: RandomState = None,
) -> Runs:
    r"""Train a two-layer ReLU network of each width from each seed, all on the same data.

    .. math::
        f(x) = W_2 \max(W_1 x + b_1, 0) + b_2

    The networks see the samples in the same order; a seed draws the initial weights. Up to
    rounding, each is ``train(two_layer_relu(d, width, k, seed), X, Y, random_state=random_state)``
    with the same options, for an integer ``random_state``.

    Parameters
    ----------
    X : array-like of shape (n, d)
        Samples, one a row.
    Y : array-like of shape (n,) or (n, k)
        Integer labels, fitted as unit vectors; or real targets.
    widths : sequence of int
        Hidden units, strictly increasing.
    seeds : sequence of int
        Of the initial weights, all different.
    initial : callable, optional
        ``initial(width, seed)`` is the network to start from, as of ``two_layer_relu``, in
        ``dtype``; it is not changed. By default a draw from the seed.
    init : {"he", "glorot"}
        How weights are drawn, as in :func:`fearless.networks.two_layer_relu`.
    loss, batch_size, learning_rate, optimizer, momentum, max_epochs, stop, schedule
        As of :func:`fearless.networks.train`. Each network leaves when it has met ``stop``.
    dtype : float32 or float64
        The type to compute in.
    random_state : None, int or numpy.random.Generator
        The source of the order of the samples.

    Returns
    -------
    dict of (int, int) to TrainingRun
        The run of each (width, seed), widths outermost.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.
    FloatingPointError
        A loss is no longer finite.

    See Also
    --------
    weight_reuse_path : from each width to the next with the trained weights.

    Notes
    -----
    Cost O(n (d + k)) an epoch and hidden unit, as for one network alone; what is saved is the
    overhead of many small products, since the first layers of all narrow networks are a single
    one. Networks with more than 256 units are trained one by one. A network too narrow to meet
    ``stop`` runs for ``max_epochs``; its ``fitted`` says so, and there is no warning: in a sweep
    over widths that is a finding. Used in the section "Every model does it".

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.standard_normal((40, 5)), rng.integers(2, size=40)
    >>> runs = train_sweep(X, y, [1, 64], [0, 1], learning_rate=0.01, random_state=0)
    >>> [run.fitted for run in runs.values()]
    [False, False, True, True]
    """
    widths = check_widths(widths).tolist()
    seeds = _check_seeds(seeds)
    check_option(init, "init", ("he", "glorot"))
    dtype = check_float_dtype(dtype)
    X = as_tensor(X, dtype=torch.float64 if dtype == np.float64 else torch.float32)
    n_outputs = Goals.read(Y, X, loss).n_outputs
    if initial is None:

        def initial(width: int, seed: int) -> nn.Sequential:
            return two_layer_relu(X.shape[1], width, n_outputs, seed, init=init, dtype=dtype)

    elif not callable(initial):
        raise TypeError(f"initial is {initial!r}; expected a function of (width, seed) or None")
    order = as_seed_sequence(random_state)
    runs: Runs = {}
    for group in _groups(widths, seeds):
        models = [_checked(initial(*key), key, X) for key in group]
        trained = train_members(
            RaggedStack(models),
            X,
            Goals.read(Y, X, loss, len(group)),
            batch_size=batch_size,
            learning_rate=learning_rate,
            optimizer=optimizer,
            momentum=momentum,
            max_epochs=max_epochs,
            stop=stop,
            schedule=schedule,
            random_state=np.random.default_rng(order),  # for each group the same samples in turn
            warn=False,
        )
        runs.update(zip(group, trained, strict=True))
    return runs


def weight_reuse_path(
    X: ArrayLike,
    Y: ArrayLike,
    widths: Sequence[int],
    seeds: Sequence[int],
    *,
    scale: float = 0.1,
    init: str = "glorot",
    dtype: Any = np.float32,
    random_state: RandomState = None,
    **options: Any,
) -> Runs:
    """Train networks of growing width, each from the weights of the one before.

    The first network of each seed starts from a random draw. Each further one starts from the
    trained weights of its predecessor, and its new units from N(0, ``scale**2``): the training
    loss of a wider network starts near where the narrower one ended.

    Parameters
    ----------
    X, Y, widths, seeds, init, dtype
        As in :func:`train_sweep`.
    scale : float
        Standard deviation of the weights of new units.
    random_state : None, int or numpy.random.Generator
        The source of the order of the samples, the same at each width for an integer.
    **options
        Further arguments of :func:`train_sweep`.

    Returns
    -------
    dict of (int, int) to TrainingRun
        The run of each (width, seed), widths outermost.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    The protocol of Belkin et al. (2019) below the interpolation threshold, with variance 0.01.
    The networks of one width are trained together, the widths one after the other. Used in the
    section "Every model does it".

    References
    ----------
    M. Belkin, D. Hsu, S. Ma, S. Mandal (2019), Reconciling modern machine-learning practice and
    the classical bias-variance trade-off, PNAS 116(32).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.standard_normal((40, 5)), rng.integers(2, size=40)
    >>> runs = weight_reuse_path(X, y, [2, 4], [0], max_epochs=20, stop=None, random_state=0)
    >>> bool(runs[4, 0].losses[-1] < runs[2, 0].losses[0])
    True
    """
    widths = check_widths(widths).tolist()
    if "initial" in options:
        raise TypeError("initial is given; expected the widths alone to say where to start")
    runs: Runs = {}

    def widened(width: int, seed: int) -> nn.Sequential:
        before = widths[widths.index(width) - 1]
        new_units = np.random.default_rng([seed, width])
        return widen(runs[before, seed].model, width, scale=scale, random_state=new_units)

    for width in widths:
        runs |= train_sweep(
            X,
            Y,
            [width],
            seeds,
            initial=widened if runs else None,
            init=init,
            dtype=dtype,
            random_state=random_state,
            **options,
        )
    return runs


def _check_seeds(seeds: Sequence[int]) -> list[int]:
    seeds = [check_int(seed, "an entry of seeds", minimum=0) for seed in seeds]
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds is {seeds}; expected at least one, all different")
    return seeds


def _groups(widths: list[int], seeds: list[int]) -> Iterator[list[tuple[int, int]]]:
    """Split the networks into those that are trained together."""
    group: list[tuple[int, int]] = []
    units = 0
    for key in product(widths, seeds):
        width = key[0]
        if group and (width > _NARROW or units + width > _UNITS_AT_ONCE):
            yield group
            group, units = [], 0
        group.append(key)
        units += width
    yield group


def _checked(model: nn.Module, key: tuple[int, int], X: torch.Tensor) -> nn.Sequential:
    """Return a network to start from, if it is what was asked for."""
    name = f"initial{key}"
    check_two_layer(model, name)
    shape = (model[0].in_features, model[0].out_features, model[0].weight.dtype)
    expected = (X.shape[1], key[0], X.dtype)
    if shape != expected:
        raise ValueError(
            f"{name} has (inputs, units, type) {shape}; expected {expected}, as X and the width"
        )
    return model
