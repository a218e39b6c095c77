"""What the checks of an assignment are made with, in a student's notebook and in the autograder.

`check_function` turns the code of a check, as it stands in the source, into a function that
otter-grader calls. That function uses `checking`, which hands it what the student has defined, and,
where it is hidden, `instances`, which draws its numbers from the instructor's secret.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import os
import signal
import symtable
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

import numpy as np

__all__ = [
    "CellTookTooLong",
    "CheckTookTooLong",
    "check_function",
    "checking",
    "instance_key",
    "instances",
    "limit_cells",
]

#: The variable with the seconds of processor time that one check may take when it is graded.
SECONDS_VARIABLE = "FEARLESS_CHECK_SECONDS"


class CheckTookTooLong(Exception):
    """A check was stopped, for what it calls does not come to an end."""


class CellTookTooLong(KeyboardInterrupt):
    """A cell of a student's notebook was stopped; no ``except Exception`` swallows it."""


def check_function(code: str, name: str, key: str = "") -> str:
    """Return the source of a function that makes a check.

    Parameters
    ----------
    code : str
        The check: statements that raise when it fails.
    name : str
        The name of the function.
    key : str
        What the instances of a hidden check are drawn from; empty for a public check.

    Returns
    -------
    str
        A function of one argument, the namespace of the notebook. Names that the check uses and
        does not define itself are looked up there. Comments are gone.
    """
    names = sorted(_free_names(code))
    wanted = "".join(f", {name!r}" for name in names)
    target = f" as ({', '.join(names)},)" if names else ""
    imported = "checking, instances" if key else "checking"
    lines = [
        f"def {name}(env):",
        f"    from fearless.book.course.assignments.checking import {imported}",
        *([f"    instance = instances({key!r})"] if key else []),
        f"    with checking(env{wanted}){target}:",
        "        pass",
    ]
    # The code is put in as a tree: indenting its text could change strings of several lines.
    function = ast.parse("\n".join(lines))
    (definition,) = function.body
    assert isinstance(definition, ast.FunctionDef)
    block = definition.body[-1]
    assert isinstance(block, ast.With)
    block.body = ast.parse(code).body
    return ast.unparse(function)


def _free_names(code: str) -> set[str]:
    top = symtable.symtable(code, "check", "exec")
    bound = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}
    used = {s.get_name() for s in top.get_symbols() if s.is_referenced()}
    inner = list(top.get_children())
    while inner:
        table = inner.pop()
        inner += table.get_children()
        used |= {s.get_name() for s in table.get_symbols() if s.is_global()}
    return used - bound - set(dir(builtins)) - {"instance"}


@contextmanager
def checking(namespace: Mapping[str, Any], *names: str) -> Iterator[tuple[Any, ...]]:
    """Hand a check what it needs from a notebook, and stop it when it takes too long.

    Parameters
    ----------
    namespace : mapping
        What the notebook has defined.
    *names : str
        What the check needs of it.

    Yields
    ------
    tuple
        The objects of these names.

    Raises
    ------
    NameError
        When one of them is not defined.
    AssertionError
        When one of them is still the ``...`` that was to be replaced.
    CheckTookTooLong
        When the variable ``FEARLESS_CHECK_SECONDS`` is set, as it is in grading, and that many
        seconds of processor time have gone.
    """
    for name in names:
        if name not in namespace:
            raise NameError(f"{name} is not defined: its cell has not run, failed, or is gone")
        if namespace[name] is ...:
            raise AssertionError(f"{name} is still `...`: there is nothing to check yet")
    with _limit(float(os.environ.get(SECONDS_VARIABLE) or 0)):
        yield tuple(namespace[name] for name in names)


@contextmanager
def _limit(seconds: float) -> Iterator[None]:
    # Without SIGPROF (Windows), or in a thread, the limit of the whole notebook has to do.
    main = threading.current_thread() is threading.main_thread()
    if not seconds or not main or not hasattr(signal, "SIGPROF"):
        yield
        return

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise CheckTookTooLong(f"stopped after {seconds:g} seconds; does a loop never end?")

    before = signal.signal(signal.SIGPROF, stop)
    # Processor time, so that a busy machine costs nobody points. Again every second, for a
    # student's `except Exception` may swallow the first one.
    signal.setitimer(signal.ITIMER_PROF, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def limit_cells(seconds: float) -> None:
    """Stop every cell of the running notebook after so many seconds of processor time.

    Called in a student's kernel when it is graded; the cells below a stopped one still run.
    """
    from IPython import get_ipython

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise CellTookTooLong

    def begin(info: object) -> None:
        signal.signal(signal.SIGPROF, stop)
        signal.setitimer(signal.ITIMER_PROF, seconds, 1.0)

    def end(result: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)

    events = get_ipython().events
    events.register("pre_run_cell", begin)
    events.register("post_run_cell", end)


def instance_key(secret: str, assignment: str) -> str:
    """Return what the instances of an assignment are drawn from: a digest of the secret.

    The autograder holds this key and not the secret, which cannot be found from it.
    """
    return hashlib.sha256(f"{secret}\n{assignment}".encode()).hexdigest()[:32]


def instances(key: str) -> Callable[[str], np.random.Generator]:
    """Return the function ``instance`` of hidden checks.

    Parameters
    ----------
    key : str
        As `instance_key` returns it.

    Returns
    -------
    callable
        From a name, in general the label of the question, to a fresh generator: the same for the
        same key and name, another for any other.
    """

    def instance(name: str) -> np.random.Generator:
        digest = hashlib.sha256(f"{key}\n{name}".encode()).digest()
        return np.random.default_rng(int.from_bytes(digest, "big"))

    return instance
