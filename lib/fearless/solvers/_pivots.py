"""Which columns of a kernel matrix to keep: pivots of partial Cholesky factorisations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from fearless.solvers.system import KernelSystem

__all__ = ["greedy_pivots", "random_pivots"]

# Of the trace: what remains beyond rounding errors.
_NOTHING = 100

# Candidates of a round: more of them amortise memory traffic, and are rejected more often.
_ROUND = 128


def random_pivots(system: KernelSystem, rank: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw the pivots of the randomly pivoted Cholesky factorisation.

    The next pivot is j with probability proportional to the diagonal entry of K minus what the
    previous pivots explain. Candidates are drawn many at a time from the diagonal of the last
    round, and accepted with the probability that makes up for what changed since: the law of the
    pivots is exactly that of one at a time, the work is in matrix products.

    Parameters
    ----------
    system : KernelSystem
        Whose K.
    rank : int
        How many.
    rng : numpy.random.Generator
        The source of randomness.

    Returns
    -------
    ndarray of int, shape (at most rank,)
        Distinct; fewer than asked where K has a lower rank to working precision.

    References
    ----------
    E. N. Epperly, J. A. Tropp, R. J. Webber (2024), Embrace rejection: kernel matrix approximation
    by accelerated randomly pivoted Cholesky, arXiv:2410.03969.
    """
    remaining = system.diagonal().astype(np.float64)
    least = _NOTHING * float(np.finfo(system.dtype).eps) * remaining.sum()
    factor = np.empty((system.n_samples, rank), system.dtype, order="F")
    chosen: list[int] = []
    while len(chosen) < rank and remaining.sum() > least:
        q = len(chosen)
        size = min(_ROUND, max(8, rank - q))
        candidates = rng.choice(system.n_samples, size, p=remaining / remaining.sum())
        block = np.array(system.block(candidates, candidates), dtype=np.float64)
        explained = factor[candidates, :q].astype(np.float64)
        block -= explained @ explained.T
        block.flat[:: size + 1] += least / system.n_samples
        accepted = _accept(block, candidates, remaining[candidates], rank - q, rng)
        new = candidates[accepted]
        _append(system, factor, q, new, np.linalg.cholesky(block[np.ix_(accepted, accepted)]))
        chosen.extend(new.tolist())
        remaining -= np.square(factor[:, q : q + len(new)], dtype=np.float64).sum(axis=1)
        np.maximum(remaining, 0, out=remaining)
        remaining[new] = 0
    return np.array(chosen, dtype=np.intp)


def _accept(
    block: NDArray, candidates: NDArray, proposed: NDArray, limit: int, rng: np.random.Generator
) -> list[int]:
    """Accept candidate i with probability (what remains of its entry now) / (when proposed)."""
    current = block.copy()
    accepted: list[int] = []
    seen: set[int] = set()
    for i, draw in enumerate(rng.random(len(block))):
        if len(accepted) == limit:
            break
        # Nothing but rounding errors remains of a point accepted before; near the end of the rank
        # they are as large as what remains of the others.
        if int(candidates[i]) in seen:
            continue
        # The first candidate is always accepted, up to rounding: every round makes progress.
        if accepted and draw * proposed[i] >= current[i, i]:
            continue
        column = current[:, i] / np.sqrt(max(current[i, i], np.finfo(float).tiny))
        current -= np.outer(column, column)
        accepted.append(i)
        seen.add(int(candidates[i]))
    return accepted


def _append(system: KernelSystem, factor: NDArray, q: int, new: NDArray, triangle: NDArray) -> None:
    """Write the columns of the factor that belong to the new pivots."""
    columns = factor[:, q : q + len(new)]
    columns[...] = system.block(slice(None), new)
    columns -= factor[:, :q] @ factor[new, :q].T
    columns[...] = solve_triangular(triangle, columns.T, lower=True, check_finite=False).T


def greedy_pivots(system: KernelSystem, rank: int) -> NDArray[np.intp]:
    """Choose the pivots of the Cholesky factorisation with complete pivoting.

    Parameters
    ----------
    system : KernelSystem
        Whose K.
    rank : int
        How many.

    Returns
    -------
    ndarray of int, shape (at most rank,)
        Distinct; fewer than asked where K has a lower rank to working precision.
    """
    remaining = system.diagonal().astype(np.float64)
    least = _NOTHING * float(np.finfo(system.dtype).eps) * float(remaining.max())
    factor = np.empty((system.n_samples, rank), system.dtype, order="F")
    chosen: list[int] = []
    while len(chosen) < rank:
        j = int(np.argmax(remaining))
        if remaining[j] <= least:
            break
        pivot = np.array([j])
        _append(system, factor, len(chosen), pivot, np.array([[np.sqrt(remaining[j])]]))
        remaining -= np.square(factor[:, len(chosen)], dtype=np.float64)
        chosen.append(j)
        remaining[j] = 0
    return np.array(chosen, dtype=np.intp)
