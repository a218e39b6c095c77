"""The same experiment for many parameters: in parallel, resumable, with the time left.

    results = sweep(risk_at, grid, n_jobs=2, checkpoint="runs", progress=True)

Work goes through joblib, so that whatever backend is active takes it unchanged: the processes of
one machine by default, threads, or a cluster of one's own,

    with joblib.parallel_config(backend="dask"):
        results = sweep(risk_at, grid, checkpoint="runs")
"""

from __future__ import annotations

import hashlib
import inspect
import os
import pickle
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import joblib
from joblib.parallel import get_active_backend
from threadpoolctl import threadpool_limits

from fearless._validation import check_int

__all__ = ["grid_of", "sweep"]

Parameters = Mapping[str, Any]

# Tasks a worker gets at a time from backends that hand results over only when all are there.
_TASKS_A_WORKER = 4


def grid_of(**values: Sequence[Any]) -> list[dict[str, Any]]:
    """Return all combinations of some values, the last name running fastest.

    Parameters
    ----------
    **values : sequence
        The values of each parameter.

    Returns
    -------
    list of dict
        One a combination, for `sweep`.

    Raises
    ------
    ValueError
        When a parameter has no value.

    Notes
    -----
    Used in the section "Every model does it".

    Examples
    --------
    >>> grid_of(width=[1, 2], seed=[0, 1])[1]
    {'width': 1, 'seed': 1}
    """
    grid: list[dict[str, Any]] = [{}]
    for name, column in values.items():
        column = list(column)
        if not column:
            raise ValueError(f"{name} is empty; expected at least one value")
        grid = [point | {name: value} for point in grid for value in column]
    return grid


def sweep(
    function: Callable[..., Any],
    grid: Sequence[Parameters],
    *,
    n_jobs: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool | Callable[[str], None] = False,
    cost: Callable[[Parameters], float] | None = None,
) -> list[Any]:
    """Call a function with each set of parameters, and return the results in order.

    Parameters
    ----------
    function : callable
        ``function(**parameters)``: its result must depend on the parameters alone, so randomness
        comes from a seed among them. Defined in a module (or, for processes, picklable).
    grid : sequence of mapping
        The parameters of each call, all different; see `grid_of`.
    n_jobs : int, optional
        Calls at a time, -1 for as many as there are processors; by default what
        ``joblib.parallel_config`` says, otherwise 1.
    checkpoint : path, optional
        A folder, made if need be, where each result is stored as soon as it is there. Results
        found there are not computed again. The key is the name of the function and its
        parameters, so no lambda, partial function or method goes with a checkpoint; *a change of
        the function's code is not seen*, so take another folder then.
    progress : bool or callable
        Whether to print to stderr what is done and the time left; or where to send these lines.
    cost : callable, optional
        ``cost(parameters)``, in any unit, for a better estimate of the time left.

    Returns
    -------
    list
        The results, in the order of the grid.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described; a stored result cannot be read.
    Exception
        What a call raises; the results before it are stored.

    Notes
    -----
    Each call runs with one thread of BLAS and OpenMP: parallel calls do not compete, and results
    agree to the last bit whatever the backend. With backends that cannot hand over single results
    (Dask), calls go out four a worker at a time and are stored after each such round.

    Only read checkpoints that you have written: they are pickles.

    Used in the section "Every model does it".

    Examples
    --------
    >>> sweep(pow, [{"base": 2, "exp": 3}, {"base": 3, "exp": 2}])
    [8, 9]
    """
    if not callable(function):
        raise TypeError(f"function is {function!r}; expected a callable")
    if checkpoint is not None:
        _check_has_name(function)
    grid = [dict(parameters) for parameters in grid]
    keys = [_key(function, parameters) for parameters in grid]
    if len(set(keys)) < len(keys):
        twice = next(p for i, p in enumerate(grid) if keys[i] in keys[:i])
        raise ValueError(f"grid contains {twice} twice; expected different parameters")
    if n_jobs is not None and n_jobs != -1:
        n_jobs = check_int(n_jobs, "n_jobs")
    folder = None if checkpoint is None else Path(checkpoint)
    results: dict[int, Any] = {}
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        for i, key in enumerate(keys):
            path = folder / f"{key}.pkl"
            if path.is_file():
                results[i] = _read(path, grid[i])
    todo = [i for i in range(len(grid)) if i not in results]
    report = _Progress(progress, [1.0 if cost is None else cost(p) for p in grid], results)
    for i, result in _run(function, grid, todo, n_jobs):
        results[i] = result
        if folder is not None:
            _write(folder / f"{keys[i]}.pkl", grid[i], result)
        report.done(i)
    return [results[i] for i in range(len(grid))]


def _run(
    function: Callable[..., Any], grid: list[dict], todo: list[int], n_jobs: int | None
) -> Iterator[tuple[int, Any]]:
    """Yield index and result of each call as they come."""
    backend, _ = get_active_backend()
    if backend.supports_return_generator:
        parallel = joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered", batch_size=1)
        rounds = [todo] if todo else []
    else:
        parallel = joblib.Parallel(n_jobs=n_jobs)
        size = _TASKS_A_WORKER * max(1, backend.effective_n_jobs(-1 if n_jobs is None else n_jobs))
        rounds = [todo[start : start + size] for start in range(0, len(todo), size)]
    with _ONE_THREAD.held():
        for indices in rounds:
            yield from parallel(joblib.delayed(_call)(function, i, grid[i]) for i in indices)


def _call(function: Callable[..., Any], index: int, parameters: dict) -> tuple[int, Any]:
    """Call the function with one thread, wherever this runs."""
    # The pools of BLAS are shared by the threads of a process, OpenMP's number is each thread's.
    with _ONE_THREAD.held(), threadpool_limits(1, user_api="openmp"):
        return index, function(**parameters)


class _OneThread:
    """Limit BLAS to one thread from the first that asks for it to the last that is done."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._limits: threadpool_limits | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        with self._lock:
            if self._count == 0:
                self._limits = threadpool_limits(1)
            self._count += 1
        try:
            yield
        finally:
            with self._lock:
                self._count -= 1
                if self._count == 0:
                    self._limits.restore_original_limits()


_ONE_THREAD = _OneThread()


def _check_has_name(function: Callable[..., Any]) -> None:
    """Refuse functions that a key by name would take for one another."""
    name = getattr(function, "__qualname__", None)
    if (
        name is None  # partial functions and other objects: values inside
        or "<lambda>" in name
        or inspect.ismethod(function)
        or getattr(function, "__closure__", None)
    ):
        raise TypeError(
            f"function is {function!r}; expected, with a checkpoint, a named function without "
            "values of its own: put them among the parameters"
        )


def _key(function: Callable[..., Any], parameters: Parameters) -> str:
    name = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', function)}"
    content = joblib.hash((name, sorted(parameters.items())), hash_name="sha1")
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def _read(path: Path, parameters: dict) -> Any:
    try:
        stored = pickle.loads(path.read_bytes())
        return stored["result"]
    except Exception as error:
        raise ValueError(
            f"checkpoint {path} for {parameters} cannot be read: {error!r}; delete it to compute "
            "this result again"
        ) from error


def _write(path: Path, parameters: dict, result: Any) -> None:
    """Store a result in one step: whoever reads finds all of it or nothing."""
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".partial")
    try:
        with os.fdopen(handle, "wb") as file:
            pickle.dump({"parameters": parameters, "result": result}, file)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


class _Progress:
    """Say what is done, and how long the rest will take at the pace of this run."""

    def __init__(
        self, target: bool | Callable[[str], None], costs: list[float], found: Mapping[int, Any]
    ) -> None:
        if target is True:
            self._say = lambda text: print(text, file=sys.stderr, flush=True)
        else:
            self._say = target or None
        self._costs, self._start = costs, time.perf_counter()
        self._count, self._now = len(found), 0.0
        self._left = sum(costs) - sum(costs[i] for i in found)
        if self._say and found:
            self._say(f"{len(found)}/{len(costs)} found in the checkpoint")

    def done(self, i: int) -> None:
        """Note that one call is finished."""
        self._count += 1
        self._now += self._costs[i]
        self._left -= self._costs[i]
        if self._say:
            seconds = time.perf_counter() - self._start
            left = seconds * self._left / self._now if self._now else 0.0
            text = f"{self._count}/{len(self._costs)} done in {_clock(seconds)}"
            self._say(text if self._count == len(self._costs) else f"{text}, {_clock(left)} left")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
