"""What EigenPro decides before its first step: memory, eigenvectors, batches, a verified step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fearless.solvers._corrected_kernel import Batch, CorrectedKernel
from fearless.solvers._memory import require_memory
from fearless.solvers.system import KernelSystem
from fearless.theory.rates.batch_size import critical_batch_size, optimal_step_size

__all__ = ["EigenProPlan", "MemoryBudget", "make_plan", "plan_memory"]

# The batch that the automatic rank aims at: large enough for matrix products at full speed.
_BATCH = 1024

# The smallest batch for which it is worth while to begin.
_LEAST_BATCH = 16

# A subsample is not halved below this size.
_LEAST_SUBSAMPLE = 64

# The share of the longest stable step that is used, for power iterations see it a little too long.
_SAFETY = 0.9

# Random batches have to be copied out of a stored matrix; they must allow steps longer by this.
_WORTH_COPYING = 1.5


@dataclass(frozen=True)
class MemoryBudget:
    """Bytes of EigenPro's arrays.

    Attributes
    ----------
    fixed : int
        What is needed in any case.
    matrix : int
        The kernel matrix, if the solver is the one to store it.
    largest_batch : int
        How many rows of kernel values fit beside the rest.
    subsample : int
        How many points the eigenvectors are computed from.
    """

    fixed: int
    matrix: int
    largest_batch: int
    subsample: int

    def total(self, plan: EigenProPlan) -> int:
        """Return the bytes that a run of this plan allocates."""
        system = plan.kernel.system
        rows = plan.batch_size if plan.copies else 0
        return self.fixed + self.matrix + rows * system.n_samples * system.dtype.itemsize


def plan_memory(
    system: KernelSystem,
    subsample: int,
    rank: int | None,
    batch_size: int | None,
    *,
    shrink: bool = False,
) -> MemoryBudget:
    """Decide whether the kernel matrix can be stored, and which batches can be computed.

    With ``shrink`` a subsample that is too large for the memory is halved until it fits.

    Raises
    ------
    MemoryError
        Even small batches need more than ``system.memory``.
    """
    n, item = system.n_samples, system.dtype.itemsize
    least = min(n, _LEAST_BATCH) if batch_size is None else batch_size
    fixed = _fixed_bytes(system, subsample, rank)
    floor = _LEAST_SUBSAMPLE if rank is None else max(_LEAST_SUBSAMPLE, 4 * rank)
    while shrink and fixed + least * n * item > system.memory and subsample // 2 >= floor:
        subsample //= 2
        fixed = _fixed_bytes(system, subsample, rank)
    matrix = n * n * item
    if system.stored:
        return MemoryBudget(fixed, 0, n, subsample)
    if fixed + matrix <= system.memory:
        return MemoryBudget(fixed, matrix, n, subsample)
    require_memory(
        fixed + least * n * item,
        system.memory,
        f"eigenpro for {n} points in {system.dtype}, in batches of {least},",
        "use a smaller subsample, or float32",
    )
    return MemoryBudget(fixed, 0, min(n, (system.memory - fixed) // (n * item)), subsample)


def _fixed_bytes(system: KernelSystem, subsample: int, rank: int | None) -> int:
    """Return the bytes of everything but kernel values."""
    n, k, item = system.n_samples, system.n_outputs, system.dtype.itemsize
    rank = subsample // 8 if rank is None else rank
    eigenvectors = subsample**2 * (item + 3 * 8) + 2 * subsample * rank * 8
    block = min(n, system.block_size) * subsample * item
    return max(eigenvectors, block) + n * rank * item + 9 * n * k * max(item, 4)


@dataclass(frozen=True)
class EigenProPlan:
    """All that a run needs to know.

    Attributes
    ----------
    kernel : CorrectedKernel
        K_q.
    batches : list of slice or ndarray
        A partition of the points.
    batch_size : int
        Points of the largest of them.
    critical : float
        The critical batch size m*.
    step : float
        eta / b.
    limit : float
        The value of eta / b beyond which steps can raise the energy.
    largest : float
        lambda_1 of K_q / n.
    gamma, correction : float
        Momentum, and the share of a step that MaSS takes back; both 0 without momentum.
    copies : bool
        Whether rows of kernel values go through a buffer.
    seed : int
        Of all randomness.
    """

    kernel: CorrectedKernel
    batches: list[Batch]
    batch_size: int
    critical: float
    step: float
    limit: float
    largest: float
    gamma: float
    correction: float
    copies: bool
    seed: int

    def details(self) -> dict[str, Any]:
        """Return what a `KernelSolution` says about it."""
        return {
            "step_size": self.step * self.batch_size,
            "step_limit": self.limit * self.batch_size,
            "batch_size": self.batch_size,
            "critical_batch_size": self.critical,
            "rank": self.kernel.rank,
            "subsample_size": len(self.kernel.subsample),
            "eigenvalues": self.kernel.values,
            "largest_eigenvalue": self.largest,
            "norm": self.kernel.norm,
            "gamma": self.gamma,
        }


def make_plan(
    system: KernelSystem,
    budget: MemoryBudget,
    rank: int | None,
    batch_size: int | None,
    step_size: float | None,
    momentum: bool,
    seed: int,
) -> EigenProPlan:
    """Compute the eigenvectors, choose batches, and a step that is verified unless it was given."""
    n, s = system.n_samples, budget.subsample
    rng = np.random.default_rng([seed, 0])
    if budget.matrix:
        system.matrix()
    order = rng.permutation(n)
    kernel = CorrectedKernel(system, np.sort(order[:s]), rank, _BATCH)
    # Of the whole operator where that is cheap, else on points that are new to the eigenvectors.
    if system.stored:
        points: Batch = slice(0, n)
        size = n
    else:
        points = np.sort(order[max(0, min(s, n - s)) :][:s])
        size = len(points)
    largest = min(kernel.largest_eigenvalue(points, rng) / size, kernel.norm)
    critical = critical_batch_size(kernel.norm, largest) if largest > 0 else np.inf
    wanted = min(critical, n, budget.largest_batch) if batch_size is None else batch_size
    n_batches = -(-n // max(1, int(wanted)))
    batches = kernel.partition(n_batches, rng, random=False)
    limit = kernel.longest_step(batches, rng)
    size = -(-n // n_batches)
    step = _theoretical_step(kernel, size, largest, momentum)
    bound = _SAFETY / 2 if momentum else _SAFETY
    if step > bound * limit and n_batches > 1:
        # Evenly spaced points may be too much alike.
        others = kernel.partition(n_batches, rng, random=True)
        other = kernel.longest_step(others, rng)
        if other > _WORTH_COPYING * limit:
            batches, limit = others, other
    step = min(step, bound * limit) if step_size is None else step_size / size
    gamma, correction = _momentum(kernel, size, largest) if momentum else (0.0, 0.0)
    copies = not (system.stored and isinstance(batches[0], slice))
    return EigenProPlan(
        kernel, batches, size, critical, step, limit, largest, gamma, correction, copies, seed
    )


def _theoretical_step(kernel: CorrectedKernel, size: int, largest: float, momentum: bool) -> float:
    """Return eta / b of the theory: of SGD, or of its accelerated version."""
    if momentum:
        return 1 / (kernel.norm + (size - 1) * largest)
    if size == kernel.system.n_samples and largest > 0:  # no noise
        return 2 / (size * largest + kernel.smallest)
    return optimal_step_size(size, kernel.norm, largest) / size if largest > 0 else 1 / kernel.norm


def _momentum(kernel: CorrectedKernel, size: int, largest: float) -> tuple[float, float]:
    r"""Return gamma and eta_2 / eta_1 of MaSS for batches of this size.

    Its statistical condition number, the largest <x, H^-1 x>, is n for functions K(x_i, .) that are
    independent: the inverse of K_XX / n is what weighs them.
    """
    n = kernel.system.n_samples
    lipschitz = kernel.norm / size + (size - 1) / size * largest
    smallest = max(kernel.smallest / n, 1e-7 * largest)
    kappa = max(1.0, lipschitz / smallest)
    statistical = 1.0 if size == n else n / size + (size - 1) / size
    root = float(np.sqrt(kappa * statistical))
    return (root - 1) / (root + 1), root / (root + 1) * (1 - 1 / statistical)
