"""What a page must do without: the network, and packages that a reader may not have.

Called in the kernel of a page, before its first cell. Both hold for the rest of the process.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import Any

__all__ = ["NetworkUsed", "forbid_import", "forbid_network"]

_ADDRESSED = ("socket.connect", "socket.sendto", "socket.sendmsg")
_LOCAL = ("127.", "::1", "localhost", "0.0.0.0")


class NetworkUsed(RuntimeError):
    """Something has tried to reach another computer."""


def forbid_network() -> None:
    """Make every attempt to reach another computer raise `NetworkUsed`.

    What stays on this computer goes on: kernels and clusters talk through it. The hook of the
    interpreter sees all sockets of Python, whoever opens them, and cannot be taken out again.
    """
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _ADDRESSED:
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else ""  # else a path, or none at all
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else str(host or "")
    if host and not host.startswith(_LOCAL):
        raise NetworkUsed(f"a page must not need a network, but this one asks for {host}")


class _Refuser(MetaPathFinder):
    def __init__(self, name: str):
        self.name = name

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> None:
        if fullname.partition(".")[0] == self.name:
            raise ModuleNotFoundError(f"No module named {self.name!r}", name=self.name)


def forbid_import(name: str) -> None:
    """Make a package look as if it were not installed.

    Parameters
    ----------
    name : str
        The top-level name, such as "torch".

    Raises
    ------
    RuntimeError
        When the package has been imported already.
    """
    if name in sys.modules:
        raise RuntimeError(f"{name} has been imported already")
    sys.meta_path.insert(0, _Refuser(name))
