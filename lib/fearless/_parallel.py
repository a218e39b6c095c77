"""Independent pieces of work side by side, on as many threads as BLAS would use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

from threadpoolctl import ThreadpoolController

__all__ = ["run_all"]

_LIMITING = Lock()


def run_all(work: Callable[..., Any], pieces: Sequence[tuple], *, threads: bool = True) -> None:
    """Call ``work(*piece)`` for all pieces: several at a time, each by one thread.

    Where a product is followed by passes over its elements, BLAS spreads the product over all
    cores and the passes run on one. Pieces side by side keep all cores busy in both.

    Parameters
    ----------
    work : callable
        Called from several threads. The first exception is raised again.
    pieces : sequence of tuple
        Its arguments.
    threads : bool
        False: one after the other, where the pieces are too small to share.
    """
    if threads and len(pieces) > 1:
        blas = ThreadpoolController().select(user_api="blas")
        workers = max((library["num_threads"] for library in blas.info()), default=1)
        # The number of threads belongs to the process: only one caller at a time may change it.
        if workers > 1 and _LIMITING.acquire(blocking=False):
            try:
                with blas.limit(limits=1), ThreadPoolExecutor(workers) as pool:
                    for _ in pool.map(lambda piece: work(*piece), pieces):
                        pass
            finally:
                _LIMITING.release()
            return
    for piece in pieces:
        work(*piece)
