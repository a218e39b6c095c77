"""How much memory a solver may use, and an error before it would need more."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["available_memory", "gibibytes", "require_memory"]

# What a computation may take of the memory that is free: the rest is for everybody else.
_SHARE = 0.8

# The limit and the use of this process's control group, in containers (versions 2 and 1).
_LIMITS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)


def available_memory() -> int:
    """Return the bytes that a computation may use now: 80 % of what is available.

    Returns
    -------
    int
        From the kernel's own estimate where there is one (Linux), from the physical memory
        otherwise; never more than a container allows.
    """
    free = _available_of_machine()
    for limit, used in _LIMITS:
        try:
            bound = int(Path(limit).read_text()) - int(Path(used).read_text())
        except (OSError, ValueError):  # no such file, or "max"
            continue
        free = min(free, max(bound, 0))
    return int(_SHARE * free)


def _available_of_machine() -> int:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # not POSIX: assume an ordinary computer
        return 8 * 2**30


def gibibytes(n_bytes: float) -> str:
    """Return a number of bytes in a unit that leaves a few digits."""
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if n_bytes >= 0.1 * size:
            return f"{n_bytes / size:.3g} {unit}"
    return f"{int(n_bytes)} bytes"


def require_memory(needed: int, allowed: int, what: str, remedy: str = "") -> None:
    """Raise MemoryError when more is needed than allowed; the message names both.

    Parameters
    ----------
    needed, allowed : int
        Bytes.
    what : str
        What needs the memory, as the subject of the sentence.
    remedy : str
        What to do instead.
    """
    if needed > allowed:
        raise MemoryError(
            f"{what} needs {gibibytes(needed)} of memory; {gibibytes(allowed)} are allowed"
            + (f": {remedy}" if remedy else "")
        )
