"""One contest: several ways to do the same work, interleaved, timed and checked.

Shared by the benchmarks; not one itself.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np


class Unavailable(Exception):
    """A peer that is not installed, or cannot do this work; the message says why."""


@dataclass
class Timed:
    """What another process returned, and the seconds it took by its own clock."""

    value: Any
    seconds: float


@dataclass
class Entry:
    """One way to do the work.

    Attributes
    ----------
    name : str
    run : callable
        Does the work from raw arrays and returns the result that is checked.
    ours : bool
        Whether it is this library; the first such entry is what the others are compared with.
    bar : float
        At least so many times our time is asked of this peer; 0 for none.
    once : bool
        Run it once: it takes too long to be repeated.
    """

    name: str
    run: Callable[[], Any]
    ours: bool = False
    bar: float = 0.0
    once: bool = False


@dataclass
class Contest:
    """A row of the table.

    Attributes
    ----------
    key, work : str
        A short name, and what is done, for the reader.
    entries : list of Entry
    check : callable
        Result -> mapping with ``residual``, ``test_error`` (NaN where there is none), ``note``.
    memory_unit : float
        Bytes of the array that peak memory is compared with; 0: memory is not measured.
    memory_name : str
        What the unit is called.
    flops : float
        Operations that any exact method needs, for the share of the GEMM peak; 0: none.
    """

    key: str
    work: str
    entries: list[Entry]
    check: Callable[[Any], Mapping[str, Any]]
    memory_unit: float = 0.0
    memory_name: str = "arrays"
    flops: float = 0.0
    dtype: str = "float32"
    rows: list[dict[str, Any]] = field(default_factory=list)

    def hold(self, repeats: int) -> None:
        """Run all entries in turn, ``repeats`` times, and print each as it is done."""
        print(f"\n{self.work}", flush=True)
        seconds: dict[str, list[float]] = {}
        results: dict[str, Any] = {}
        memory: dict[str, float] = {}
        for turn in range(repeats):
            for entry in self.entries:
                if turn and (entry.once or entry.name not in seconds):
                    continue
                gc.collect()
                watch = PeakMemory() if entry.once else None
                start = time.perf_counter()
                try:
                    result = entry.run()
                except Unavailable as reason:
                    print(f"  {entry.name:34s} skipped: {reason}", flush=True)
                    continue
                except Exception as error:  # one failure must not cost the other rows
                    print(f"  {entry.name:34s} FAILED: {error!r}", flush=True)
                    continue
                took = time.perf_counter() - start
                if isinstance(result, Timed):
                    result, took = result.value, result.seconds
                seconds.setdefault(entry.name, []).append(took)
                if watch is not None:
                    memory[entry.name] = watch.stop() / (self.memory_unit or np.nan)
                if entry.once:  # long work: say that it is done
                    print(f"  {entry.name:34s} {seconds[entry.name][-1]:9.1f} s", flush=True)
                if turn == 0:
                    results[entry.name] = self.check(result)
                del result
        reference = next((e.name for e in self.entries if e.ours and e.name in seconds), None)
        for entry in self.entries:
            if entry.name not in seconds:
                continue
            best = min(seconds[entry.name])
            checked = results[entry.name]
            row = {
                "key": self.key,
                "work": self.work,
                "method": entry.name,
                "ours": entry.ours,
                "bar": entry.bar,
                "seconds": best,
                "median": float(np.median(seconds[entry.name])),
                "runs": len(seconds[entry.name]),
                "ratio": best / min(seconds[reference]) if reference else np.nan,
                "residual": float(checked.get("residual", np.nan)),
                "test_error": float(checked.get("test_error", np.nan)),
                "memory": memory.get(entry.name, np.nan),
                "memory_name": self.memory_name,
                "share": np.nan,
                "note": str(checked.get("note", "")),
            }
            self.rows.append(row)

    def measure_memory(self, command: list[str]) -> None:
        """Fill in peak memory beyond the data, one process a method."""
        if not self.memory_unit:
            return
        for row in self.rows:
            if np.isfinite(row["memory"]):
                continue
            answer = subprocess.run(
                [*command, "--child", self.key, row["method"]],
                capture_output=True,
                text=True,
                check=False,
            )
            if answer.returncode:
                print(f"  memory of {row['method']}: failed, {answer.stderr.strip()[-200:]}")
                continue
            peak = json.loads(answer.stdout.splitlines()[-1])["peak"]
            row["memory"] = peak / self.memory_unit

    def report(self, peak_flops: Mapping[str, float]) -> None:
        """Print the table of this row."""
        for row in self.rows:
            if self.flops and row["ours"]:
                row["share"] = self.flops / row["seconds"] / peak_flops[self.dtype]
            text = f"  {row['method']:34s} {row['seconds']:9.3f} s {row['ratio']:7.2f}x"
            if row["bar"] < 0:
                text += f" (at most {-row['bar']:g})"
            elif row["bar"]:
                text += f" (asked {row['bar']:g})"
            if np.isfinite(row["residual"]):
                text += f"  residual {row['residual']:.1e}"
            if np.isfinite(row["test_error"]):
                text += f"  test error {row['test_error']:.2%}"
            if np.isfinite(row["memory"]):
                text += f"  memory {row['memory']:.2f} {self.memory_name}"
            if np.isfinite(row["share"]):
                text += f"  {row['share']:.0%} of GEMM"
            print(text + (f"  {row['note']}" if row["note"] else ""), flush=True)


class PeakMemory:
    """Watch the anonymous memory of this process (pages of files on disk do not count; Linux)."""

    def __init__(self, interval: float = 0.05) -> None:
        self.interval = interval
        self.base = self.peak = _anonymous_memory()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def _sample(self) -> None:
        while not self._done.wait(self.interval):
            self.peak = max(self.peak, _anonymous_memory())

    def stop(self) -> float:
        """Return the bytes used beyond those at the start, at the highest."""
        self._done.set()
        self._thread.join()
        return self.peak - self.base


def _anonymous_memory() -> float:
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return np.nan
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("RssAnon"))
    return 1024.0 * int(kilobytes)


def child(contest: Contest, method: str) -> None:
    """Run one method once and print its peak memory beyond what data and imports take."""
    entry = next(e for e in contest.entries if e.name == method)
    watch = PeakMemory(interval=0.002)
    result = entry.run()
    peak = watch.stop()
    del result
    print(json.dumps({"peak": peak}))
    sys.stdout.flush()


def gemm_peak(dtype: str, size: int = 4096, repeats: int = 5) -> float:
    """Operations a second of the machine's own matrix product, the best of several."""
    from scipy.linalg.blas import dgemm, sgemm

    gemm = sgemm if dtype == "float32" else dgemm
    rng = np.random.default_rng(0)
    a = np.asfortranarray(rng.standard_normal((size, size)).astype(dtype))
    c = np.zeros_like(a, order="F")
    best = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        gemm(1.0, a, a, c=c, overwrite_c=True)
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best


def columns(contests: list[Contest]) -> dict[str, list]:
    """All rows of all contests, one list a column."""
    rows = [row for contest in contests for row in contest.rows]
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}
