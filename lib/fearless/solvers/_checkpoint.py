"""The state of an iterative solver on disk: written atomically, resumed only by its own problem."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fearless.solvers.system import KernelSystem

__all__ = ["Checkpoint", "CheckpointFile", "fingerprint"]

# Rows of an X on disk that enter the fingerprint: reading all of it would cost an iteration. Arrays
# in memory enter it whole.
_SAMPLE_ROWS = 1024

_HASHED_ROWS = 4096  # at once: where rows are no contiguous memory, they are copied

_ENTRY = "__problem__"
_PLAIN = "__plain__"


@dataclass(frozen=True)
class Checkpoint:
    """Where, how often and how long a solver keeps its state; a plain path means the defaults.

    Attributes
    ----------
    path : str or path-like
        The file, in NumPy's npz format whatever its name.
    every : float
        Seconds between two writings.
    keep : bool
        Keep the file when the solver has converged.
    """

    path: str | os.PathLike[str]
    every: float = 30.0
    keep: bool = False


def fingerprint(system: KernelSystem, solver: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """Describe a problem by short texts, equal if and only if a saved state may be resumed.

    Parameters
    ----------
    system : KernelSystem
        The problem.
    solver : str
        The name of the solver.
    settings : mapping
        What its iterates depend on: step, batch, rank, seed. Not when it stops (tol, max_iter).
        Arrays are hashed.

    Returns
    -------
    dict of str to str
        Among others the kernel, also by its values at a few points, and hashes of X and Y; of an X
        on disk, that of 1024 rows.
    """
    n = system.n_samples
    index = np.unique(np.linspace(0, n - 1, min(n, _SAMPLE_ROWS)).astype(np.intp))
    few = index[:: max(1, len(index) // 8)][:8]
    values = np.empty((len(few), len(few)), system.dtype)
    system.kernel._fill(np.asarray(system.X[few]), None, values, None)
    text = {
        "solver": solver,
        "kernel": type(system.kernel).__qualname__,
        "kernel values": np.array2string(values.ravel(), precision=4, max_line_width=10**6),
        "n_samples": str(n),
        "n_features": str(system.X.shape[1]),
        "n_outputs": str(system.n_outputs),
        "dtype": str(system.dtype),
        "reg": repr(system.reg),
        "X": _digest(system.X[index] if _on_disk(system.X) else system.X),
        "Y": _digest(system.Y),
    }
    if " at 0x" not in repr(system.kernel):  # a repr that is more than an address
        text["kernel"] = repr(system.kernel)
    for name, value in settings.items():
        text[name] = _digest(value) if isinstance(value, np.ndarray) else repr(value)
    return text


def _on_disk(array: NDArray | None) -> bool:
    while isinstance(array, np.ndarray) and not isinstance(array, np.memmap):
        array = array.base
    return isinstance(array, np.memmap)


def _digest(array: NDArray) -> str:
    digest = hashlib.sha256(f"{array.dtype}{array.shape}".encode())
    rows = np.atleast_1d(array)
    for start in range(0, len(rows), _HASHED_ROWS):
        digest.update(np.ascontiguousarray(rows[start : start + _HASHED_ROWS]))
    return digest.hexdigest()[:16]


class CheckpointFile:
    """Read and write the state of one problem.

    Parameters
    ----------
    path : str or path-like
        The file.
    problem : mapping of str to str
        From `fingerprint`.
    """

    def __init__(self, path: str | os.PathLike[str], problem: Mapping[str, str]) -> None:
        self.path = Path(path)
        if not self.path.parent.is_dir():
            raise ValueError(
                f"checkpoint is {str(path)!r}; expected a file in a directory that exists"
            )
        self.problem = dict(problem)

    def load(self) -> dict[str, Any] | None:
        """Return the saved state, or None where there is no file.

        Raises
        ------
        ValueError
            The file is no checkpoint, or one of another problem; what differs is named.
        """
        if not self.path.exists():
            return None
        try:
            with np.load(self.path, allow_pickle=False) as archive:
                found = json.loads(str(archive[_ENTRY]))
                state: dict[str, Any] = json.loads(str(archive[_PLAIN]))
                for name in archive.files:
                    if name not in (_ENTRY, _PLAIN):
                        state[name] = archive[name]
        except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(
                f"checkpoint {str(self.path)!r} is not one of this library ({error}); delete it "
                "or give another path"
            ) from error
        keys = [*self.problem, *(key for key in found if key not in self.problem)]
        differing = [key for key in keys if found.get(key) != self.problem.get(key)]
        if differing:
            named = "; ".join(
                f"{key}: {_short(found.get(key))} there, {_short(self.problem.get(key))} here"
                for key in differing
            )
            raise ValueError(
                f"checkpoint {str(self.path)!r} belongs to another problem ({named}); delete it or "
                "give another path"
            )
        return state

    def save(self, state: Mapping[str, Any]) -> None:
        """Write the state, of arrays and of values that JSON can hold, or leave the old file."""
        arrays = {key: value for key, value in state.items() if isinstance(value, np.ndarray)}
        plain = {key: value for key, value in state.items() if key not in arrays}
        handle, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=self.path.name + ".")
        try:
            with os.fdopen(handle, "wb") as stream:
                np.savez(
                    stream,
                    allow_pickle=False,
                    **{_ENTRY: json.dumps(self.problem), _PLAIN: json.dumps(plain)},
                    **arrays,
                )
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, self.path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def remove(self) -> None:
        """Delete the file, if it exists."""
        self.path.unlink(missing_ok=True)


def _short(text: str | None) -> str:
    if text is None:
        return "nothing"
    return text if len(text) <= 60 else text[:57] + "..."
