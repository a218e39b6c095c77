r"""EigenPro's preconditioner seen as a kernel: K with its leading eigendirections cut to size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fearless.solvers._top_eigenspace import top_eigenspace
from fearless.solvers.system import KernelSystem

__all__ = ["Batch", "CorrectedKernel"]

# A batch: rows that are evenly spaced, or any rows.
Batch = slice | NDArray[np.intp]

# The block power iterations for largest eigenvalues: so many vectors, so many steps.
_VECTORS, _STEPS = 4, 8


class CorrectedKernel:
    r"""The kernel K_q whose leading q eigenvalues are all equal to the next one.

    .. math::

        K_q(x, z) = K(x, z) - \psi(x)^\top \psi(z), \qquad \psi(x) = V^\top K(X_S, x), \qquad
        V = U \operatorname{diag} \sqrt{\frac{1 - \lambda_{q+1} / \lambda_i}{s \lambda_i}}

    where lambda_i and the columns of U are leading eigenvalues and eigenvectors of K_SS / s, for a
    subsample S of s points. In the space of K it is the kernel of P = I - sum_i
    (1 - lambda_{q+1} / lambda_i) e_i e_i^T, with the eigenfunctions e_i of the subsample: a
    positive operator with K_q(x, z) = <K_x, P K_z>. A step of preconditioned SGD for K is a step
    of plain SGD for K_q. A penalty is part of the kernel here: K stands for K + reg I.

    Parameters
    ----------
    system : KernelSystem
        The problem.
    subsample : ndarray of shape (s,)
        Indices of the points of S, in ascending order.
    rank : int or None
        q, less than s; None: the smallest q that makes batches of ``batch`` points worth while,
        at most s / 8.
    batch : int
        See rank.

    Attributes
    ----------
    values : ndarray of shape (q + 1,)
        The eigenvalues lambda_1 >= ... >= lambda_{q+1} of K_SS / s.
    smallest : float
        An estimate of the smallest eigenvalue of K_SS, 0 where it is lost in rounding errors.
    directions : ndarray of shape (s, q)
        V.
    features : ndarray of shape (n, q)
        psi(x_i): what all corrections need, so that no kernel value is computed for them.
    norm : float
        beta(K_q) = max_i K_q(x_i, x_i).

    Notes
    -----
    Cost O(s^3 + n s q) operations and n s kernel values.
    """

    def __init__(
        self, system: KernelSystem, subsample: NDArray[np.intp], rank: int | None, batch: int
    ) -> None:
        self.system, self.subsample = system, subsample
        s, dtype = len(subsample), system.dtype
        K = np.empty((s, s), dtype)
        if system.stored:
            system.block(subsample, subsample, out=K)
        else:
            system.kernel._fill(system.X[subsample], None, K, None)
            system.kernel_values += s * (s + 1) // 2
        K[np.diag_indices(s)] += dtype.type(system.reg)
        diagonal = system.diagonal() + dtype.type(system.reg)
        highest = min(s // 8, s - 1) if rank is None else rank
        values, vectors, self.smallest = top_eigenspace(K, highest)
        values /= s
        # Eigenvalues lost in rounding errors say nothing about a direction.
        floor = float(np.finfo(dtype).eps) * float(values[0])
        useful = min(highest, max(0, int(np.searchsorted(-values, -floor)) - 1))
        if rank is None:
            wanted = int(np.searchsorted(-values, -float(diagonal.max()) / batch))
            useful = min(useful, wanted)
        self.values = values[: useful + 1]
        kept = self.values[:-1]
        scale = np.sqrt((1 - self.values[-1] / kept) / (s * kept))
        self.directions = (vectors[:, :useful] * scale).astype(dtype)
        self.features = np.empty((system.n_samples, useful), dtype)
        step = max(1, min(system.block_size, system.n_samples))
        for start in range(0, system.n_samples if useful else 0, step):
            rows = slice(start, min(start + step, system.n_samples))
            part = system.block(rows, subsample) @ self.directions
            self.features[rows] = part
        self.features[subsample] += dtype.type(system.reg) * self.directions
        square = np.einsum("ij,ij->i", self.features, self.features)
        self.norm = float((diagonal - square).max())

    @property
    def rank(self) -> int:
        return self.features.shape[1]

    def largest_eigenvalue(self, batch: Batch, rng: np.random.Generator) -> float:
        """Estimate the largest eigenvalue of K_q on some of the points, a few per cent low.

        Cost a block of kernel values, unless they are stored, and 8 products with 4 vectors.
        """
        system = self.system
        psi = self.features[batch]
        # All points of a stored matrix need no copy of it; of others, products would be slow.
        whole = system.stored and isinstance(batch, slice) and len(psi) == system.n_samples
        K = system.matrix() if whole else np.ascontiguousarray(system.block(batch, batch))
        reg = system.dtype.type(system.reg)
        Q = rng.standard_normal((len(psi), min(_VECTORS, len(psi)))).astype(system.dtype)
        value = 0.0
        for _ in range(_STEPS):
            Q = np.ascontiguousarray(np.linalg.qr(Q)[0])
            product = K.T @ Q + reg * Q - psi @ (psi.T @ Q)  # K is symmetric
            value = float(np.linalg.eigvalsh((Q.T @ product).astype(np.float64))[-1])
            Q = product
        return value

    def partition(self, n_batches: int, rng: np.random.Generator, *, random: bool) -> list[Batch]:
        """Split all points into batches of almost equal size: evenly spaced rows, or random ones.

        Evenly spaced rows are read in place from a stored matrix; random ones have to be copied.
        """
        if not random:
            return [slice(i, None, n_batches) for i in range(n_batches)]
        order = rng.permutation(self.system.n_samples)
        return [np.sort(order[i::n_batches]) for i in range(n_batches)]

    def longest_step(self, batches: Sequence[Batch], rng: np.random.Generator) -> float:
        """Return 2 / max_B lambda_max(K_q[B, B]): shorter steps lower the energy, batch by batch.

        Of more than 64 batches a random selection is looked at.
        """
        chosen = rng.permutation(len(batches))[:64]
        largest = max(self.largest_eigenvalue(batches[i], rng) for i in chosen)
        return 2 / largest if largest > 0 else np.inf
