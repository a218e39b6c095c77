"""Which samples each run looks at in each step: a random stream of its own for every run."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import RandomState, as_seed_sequence, check_int
from fearless.optimization.methods import Method

_BLOCK_STEPS = 256
_BLOCK_ENTRIES = 2_000_000


def count_runs(
    method: Method,
    batch_size: ArrayLike | None,
    random_state: RandomState | ArrayLike,
    **others: int,
) -> int:
    """Return the number of runs that hyperparameters, batch sizes and seeds are for."""
    for name, value in (("batch_size", batch_size), ("random_state", random_state)):
        shape = np.shape(value)  # type: ignore[arg-type]
        if len(shape) > 1 or 0 in shape:
            raise ValueError(f"{name} has shape {shape}; expected one value, or one for each run")
    lengths = {k: len(v) for k, v in method.hyperparameters.items() if np.ndim(v)}
    lengths["batch_size"] = np.size(batch_size)
    lengths["random_state"] = np.size(random_state)  # type: ignore[arg-type]
    lengths = {k: v for k, v in {**lengths, **others}.items() if v != 1}
    if len(set(lengths.values())) > 1:
        given = ", ".join(f"{v} of {k}" for k, v in lengths.items())
        raise ValueError(f"mismatched numbers of runs: {given}; expected the same number, or one")
    return next(iter(lengths.values()), 1)


def run_seeds(random_state: RandomState | ArrayLike, n_runs: int) -> list[np.random.SeedSequence]:
    """Return one seed a run: children of one random state, or those given.

    The i-th child does not depend on how many there are.
    """
    if np.ndim(random_state) == 0:  # type: ignore[arg-type]
        return as_seed_sequence(random_state).spawn(n_runs)  # type: ignore[arg-type]
    seeds = np.asarray(random_state)
    if len(seeds) != n_runs:
        raise ValueError(
            f"random_state lists {len(seeds)} seed(s); expected a number, from which all runs get "
            f"seeds of their own, or a list of one for each of the {n_runs} run(s)"
        )
    return [as_seed_sequence(seed, "an entry of random_state") for seed in seeds]


def check_batch_sizes(
    batch_size: ArrayLike | None, n: int, n_runs: int, replacement: bool
) -> NDArray[np.intp]:
    """Return one batch size a run; 0 stands for all samples, without any draw."""
    if batch_size is None:
        return np.zeros(n_runs, dtype=np.intp)
    sizes = np.asarray(batch_size)
    if sizes.dtype.kind not in "iu":
        raise TypeError(f"batch_size is {batch_size!r}; expected integers or None")
    check_int(int(sizes.min()), "batch_size")
    largest = int(sizes.max())
    if largest > n and not replacement:
        raise ValueError(
            f"batch_size is {largest}, but there are {n} samples; without replacement expected at "
            f"most {n}, or None for all samples"
        )
    sizes = np.broadcast_to(sizes, n_runs).astype(np.intp)
    return sizes if replacement else np.where(sizes == n, 0, sizes)


class BatchStream:
    """Draw the batches of several runs.

    The batches of all runs lie one after the other: run r has the places ``offsets[r]`` to
    ``offsets[r + 1]``. A batch that is cut short by the end of an epoch is filled up with places
    of weight zero.

    Parameters
    ----------
    n : int
        The number of samples.
    sizes : ndarray of shape (R,)
        The batch sizes, >= 1.
    replacement : bool
        Draw every sample from all n; otherwise go through the samples in epochs, each in a new
        order, whose last batch is what is left.
    seeds : list of SeedSequence
        One a run.
    probabilities : ndarray of shape (n,), optional
        Chances p_i of the samples, for draws with replacement; gradients are then weighted by
        1 / (n p_i), so that their mean stays that of all samples.
    """

    def __init__(
        self,
        n: int,
        sizes: NDArray[np.intp],
        replacement: bool,
        seeds: list[np.random.SeedSequence],
        probabilities: NDArray | None = None,
    ) -> None:
        self.n, self.sizes, self.replacement = n, sizes, replacement
        self.offsets = np.concatenate([[0], np.cumsum(sizes)])
        self._rngs = [np.random.default_rng(seed) for seed in seeds]
        self._left: list[NDArray] = [np.empty((0, b), dtype=np.int32) for b in sizes]
        self._uniform = np.repeat(1 / sizes, sizes) if len(sizes) else np.empty(0)
        self._chances = None
        if probabilities is not None:
            total = np.cumsum(probabilities)
            self._chances = total / total[-1]  # ends at 1 exactly: no draw lies beyond
            with np.errstate(divide="ignore", over="ignore"):  # samples of no chance: never drawn
                self._importance = probabilities.sum() / (n * probabilities)
        self._block = int(np.clip(_BLOCK_ENTRIES // max(int(self.offsets[-1]), 1), 1, _BLOCK_STEPS))
        # Runs lie one after the other in the memory of a block, with all their steps: long rows
        # are drawn fast. These are the places of the first step in it.
        self._first = np.arange(self.offsets[-1]) + np.repeat(
            self.offsets[:-1] * (self._block - 1), sizes
        )
        self._stride = np.repeat(sizes, sizes)
        self._at = self._block
        self._here = self._first
        self._samples = np.empty(0, dtype=np.int32)
        self._weights: NDArray | None = None

    def next(self) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Return the samples of the next step and their weights."""
        if self._at == self._block:
            self._draw()
            self._at, self._here = 0, self._first.copy()
        else:
            self._here += self._stride
        self._at += 1
        samples = self._samples[self._here]
        if self._weights is not None:
            return samples, self._weights[self._here]
        if self._chances is not None:
            return samples, self._uniform * self._importance[samples]
        return samples, self._uniform

    def _draw(self) -> None:
        steps = self._block
        self._samples = np.empty(steps * int(self.offsets[-1]), dtype=np.int32)
        for r, (rng, b) in enumerate(zip(self._rngs, self.sizes.tolist(), strict=True)):
            out = self._samples[steps * self.offsets[r] : steps * self.offsets[r + 1]]
            if not self.replacement:
                self._deal(r, rng, b, out.reshape(steps, b))
            elif self._chances is None:
                out[...] = rng.integers(self.n, size=len(out), dtype=np.int32)
            else:
                out[...] = np.searchsorted(self._chances, rng.random(len(out)), side="right")
        if not self.replacement and np.any(self.n % self.sizes):
            self._weights = self._shortened()

    def _deal(self, r: int, rng: np.random.Generator, b: int, out: NDArray) -> None:
        """Fill in the batches of a run from shuffled epochs; -1 where there is no sample left."""
        filled = 0
        while filled < len(out):
            if not len(self._left[r]):
                order = np.full(-(-self.n // b) * b, -1, dtype=np.int32)
                order[: self.n] = rng.permutation(self.n)
                self._left[r] = order.reshape(-1, b)
            taken = self._left[r][: len(out) - filled]
            out[filled : filled + len(taken)] = taken
            self._left[r] = self._left[r][len(taken) :]
            filled += len(taken)

    def _shortened(self) -> NDArray:
        """Return the weights where some places are empty, and put sample 0 in those."""
        there = self._samples >= 0
        batches = np.repeat(self.sizes, self._block)
        starts = np.concatenate([[0], np.cumsum(batches)[:-1]])
        counts = np.add.reduceat(there, starts, dtype=np.intp)
        self._samples[~there] = 0
        return there / np.repeat(counts, batches)


def gradients_seen(
    steps: NDArray, sizes: NDArray[np.intp], n: int, replacement: bool
) -> NDArray[np.int64]:
    """Count the gradients of single samples after so many steps, shape (R, T)."""
    b = np.where(sizes == 0, n, sizes)[:, None]
    t = np.asarray(steps)[None]
    if replacement:
        return (t * b).astype(np.int64)
    epoch = -(-n // b)
    return (t // epoch * n + t % epoch * b).astype(np.int64)
