"""Small networks are trained faster by one thread than by several that wait for each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["one_thread"]


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep torch to one thread for a while.

    A step on a small batch takes less time than it takes threads to meet; on a busy machine, where
    they wait for each other, two of them are many times slower than one.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
