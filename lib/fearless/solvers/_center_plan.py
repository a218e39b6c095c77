"""Sizes of a run of `solve_many_centers`, and the memory they take, known before it starts."""

from __future__ import annotations

from dataclasses import dataclass

from fearless._validation import check_int, check_option
from fearless.solvers._memory import require_memory
from fearless.solvers._projections import CholeskyProjection, IterativeProjection
from fearless.solvers.system import KernelSystem

__all__ = ["FEWEST_ROWS", "MOST_RANK", "TARGET_BATCH", "Plan", "make_plan", "plan_memory"]

#: Eigendirections that are corrected at most.
MOST_RANK = 500

#: The critical batch size that is asked of the preconditioner.
TARGET_BATCH = 1000

#: Rows of a batch that nobody asked for: at least, and at most.
FEWEST_ROWS, _MOST_ROWS = 32, 2000

# Points that eigenfunctions are expanded in: at least, where memory is short, and at most.
_FEWEST_SUBSET, _SUBSET = 250, 2000


# The order of the samples of an epoch, while it is drawn: two arrays of integers, three of truth
# values.
_ORDER_BYTES = 19


@dataclass(frozen=True)
class Plan:
    """Sizes, fixed before anything is allocated."""

    n_centers: int
    subset: int
    sample: int
    most_rows: int  # of a batch
    period: int | None
    factor: bool
    memory: int

    def batches(self, rows: int) -> int:
        """Return how many batches of so many rows go between two projections."""
        # An iterative projection costs several passes over the centres: it is put off for longer.
        share = 4 if self.factor else 1
        return self.period or max(1, self.n_centers // (share * rows))


def make_plan(
    system: KernelSystem,
    n_centers: int,
    subsample: int | None,
    batch_size: int | None,
    period: int | None,
    projection: str,
    rank: int | None = None,
) -> Plan:
    """Choose what fits the memory: the factor if it does, and a subset as large as it may be."""
    n, d = system.X.shape
    if subsample is not None:
        check_int(subsample, "subsample", maximum=n_centers)
    if batch_size is not None:
        check_int(batch_size, "batch_size", maximum=n)
    if period is not None:
        check_int(period, "period")
    check_option(projection, "projection", ("auto", "cholesky", "cg"))
    sizes = (n, d, system.n_outputs, n_centers, system.dtype.itemsize)
    kinds = {"auto": (True, False), "cholesky": (True,), "cg": (False,)}[projection]
    subset = subsample or min(n_centers, _SUBSET)
    while True:
        for factor in kinds:
            plan = plan_memory(*sizes, factor, subset, batch_size, period, rank)
            if plan.memory <= system.memory:
                return plan
        if subsample is not None or subset <= _FEWEST_SUBSET:
            break
        subset = max(_FEWEST_SUBSET, subset // 2)
    require_memory(
        plan.memory,
        system.memory,
        f"a machine of {n_centers} centres on {n} samples",
        "take fewer centres, a smaller batch_size or subsample, or float32",
    )
    return plan


def plan_memory(
    n: int,
    d: int,
    k: int,
    n_centers: int,
    itemsize: int,
    factor: bool,
    subsample: int | None,
    batch_size: int | None,
    period: int | None,
    rank: int | None = None,
) -> Plan:
    """Return the sizes of a run, None being their defaults, and the memory it takes."""
    subset = subsample or min(n_centers, _SUBSET)
    sample = min(n, max(subset, 500))
    rows = batch_size or min(n, _MOST_ROWS)
    temporary = min(n, period * rows) if period else n_centers // (4 if factor else 1)
    most = max(1, min(subset // 2, MOST_RANK) if rank is None else min(rank, subset))
    iteration = itemsize * rows * (n_centers + temporary + 3 * d) + itemsize * temporary * d
    if factor:
        iteration += CholeskyProjection.bytes(n_centers, itemsize)
    else:
        iteration += IterativeProjection.bytes(n_centers, most, rows, itemsize)
    vectors = 8 * (6 * n_centers * k + subset * most) + 8 * n_centers * most
    setup = 8 * (4 * subset * subset + 4 * sample * subset + 3 * sample * sample)
    setup += itemsize * 2 * sample * d
    kept = itemsize * (n * k + n_centers * d) + _ORDER_BYTES * n
    memory = kept + max(iteration + vectors, setup)
    return Plan(n_centers, subset, sample, rows, period, factor, memory)
