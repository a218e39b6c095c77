"""Execute the pages of the book: one process and one kernel a page, several pages at a time.

Every page runs in a fresh worker process, so that the peak memory of its kernel can be read from
the operating system when the kernel has ended, whatever the page did, and so that pages run side
by side where there are cores for it.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from fearless.book.pages import Page

THREADS_PER_PAGE = 2
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclasses.dataclass(frozen=True)
class Run:
    """What came of executing one page.

    Attributes
    ----------
    docname : str
        The page.
    notebook : NotebookNode
        The notebook with its outputs, up to the failing cell if there was one.
    seconds : float
        Wall time, the start of the kernel included.
    cpu_seconds : float
        Processor time of the kernel and what it started.
    peak_mb : float
        Largest resident memory of the kernel, in MiB.
    error : str
        The traceback of the failing cell; empty when every cell ran.
    """

    docname: str
    notebook: NotebookNode
    seconds: float
    cpu_seconds: float
    peak_mb: float
    error: str = ""


def available_cores() -> int:
    """Count the cores this process may use (not those the machine has)."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # no such call on macOS
        return os.cpu_count() or 1


def default_jobs() -> int:
    """Return how many pages run side by side when each uses two threads: cores / 2, at least 1."""
    return max(1, available_cores() // THREADS_PER_PAGE)


def page_environment() -> dict[str, str]:
    """Return the environment variables every page is executed with at build time.

    Static mode for figures and sliders, and `THREADS_PER_PAGE` threads for each numerical
    library: timings and rounding then depend neither on the number of cores nor on how many
    pages run at once.
    """
    variables = {name: str(THREADS_PER_PAGE) for name in _THREAD_VARIABLES}
    # A kernel of the reader's own that is also called "python3" must not come first.
    # Idle threads of OpenBLAS spin for 2^26 cycles by default; NumPy's and SciPy's copies of it
    # then fight for the cores.
    variables["OPENBLAS_THREAD_TIMEOUT"] = "16"
    return variables | {"FEARLESS_STATIC": "1", "JUPYTER_PREFER_ENV_PATH": "1"}


def execute_page(docname: str, notebook: NotebookNode, folder: Path, timeout: int) -> Run:
    """Execute one notebook in the present process, which must not have run another before.

    Parameters
    ----------
    docname : str
        Its name, for the result.
    notebook : NotebookNode
        The notebook; its cells get their outputs.
    folder : Path
        The working directory of the kernel.
    timeout : int
        The longest time in seconds that one cell may take.

    Returns
    -------
    Run
        A failing or overlong cell is reported in ``error``, not raised.
    """
    import resource

    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    client = NotebookClient(
        notebook,
        timeout=timeout,
        # Cell timings would be written to the cells' metadata, which the cache key covers.
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
        # Kernels note on stderr, one line each, that they listen on the loopback interface.
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
    )
    error = ""
    start = time.perf_counter()
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as failure:
        error = str(failure) or type(failure).__name__
    seconds = time.perf_counter() - start
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    unit = 2**20 if os.uname().sysname == "Darwin" else 2**10  # bytes there, KiB elsewhere
    return Run(
        docname,
        notebook,
        seconds,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss / unit,
        error,
    )


def execute_pages(
    pages: Sequence[Page],
    *,
    jobs: int,
    timeout: int,
    done: Callable[[Run], None],
) -> list[Run]:
    """Execute several pages side by side.

    Parameters
    ----------
    pages : sequence of Page
        What to execute; started in this order.
    jobs : int
        How many pages run at a time.
    timeout : int
        Seconds allowed for a single cell.
    done : callable
        Called with each `Run` as soon as it is there, in order of completion.

    Returns
    -------
    list of Run
        In the order of ``pages``.
    """
    runs: dict[str, Run] = {}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, max_tasks_per_child=1) as pool:
        futures = [
            pool.submit(execute_page, page.docname, page.notebook, page.path.parent, timeout)
            for page in pages
        ]
        for future in as_completed(futures):
            run = future.result()
            runs[run.docname] = run
            done(run)
    return [runs[page.docname] for page in pages]
