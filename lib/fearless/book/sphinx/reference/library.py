"""What is public in ``fearless``, and the one name under which the reference describes it.

Many objects can be imported from two places: a module, and the package that re-exports it. The
reference describes each of them once, under its shortest name, on the page that lists its module;
every other name leads there. What a module lists in ``__all__`` is public. The Sphinx extension
itself is no part of the library.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import fearless

__all__ = ["Catalog", "Entry", "catalog", "members", "public_modules", "summary"]

PACKAGE = Path(fearless.__file__).parent
# What makes the site, the course and the places to run it: not described in the reference.
LEFT_OUT = ("fearless.book.sphinx", "fearless.book.course", "fearless.book.running")


@dataclass(frozen=True)
class Entry:
    """One public object.

    Attributes
    ----------
    name : str
        The shortest dotted name it can be imported by; the reference describes it under this one.
    module : str
        The public module it belongs to: where it is written, or the deepest one that lists it.
    kind : str
        "class", "function" or "data".
    summary : str
        The first line of its docstring; empty for data.
    """

    name: str
    module: str
    kind: str
    summary: str


@dataclass(frozen=True)
class Catalog:
    """All public objects.

    Attributes
    ----------
    entries : dict of str to Entry
        By name, in the order of modules and, within a module, of ``__all__``.
    aliases : dict of str to str
        From every dotted name under which an object is public to the name of its entry.
    """

    entries: Mapping[str, Entry] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)

    def find(self, dotted: str) -> str | None:
        """Return the reference's name of an object, of a method of one, or None.

        ``fearless.linear.min_norm.MinNormRegressor.fit`` gives
        ``fearless.linear.MinNormRegressor.fit``; whether a class has such a member is not checked.
        """
        head, tail = dotted, ""
        while head:
            if head in self.aliases:
                return self.aliases[head] + tail
            head, _, last = head.rpartition(".")
            tail = f".{last}{tail}"
        return None

    def of_module(self, module: str) -> list[Entry]:
        """Return the entries that belong to a module, in the order of its ``__all__``."""
        return [entry for entry in self.entries.values() if entry.module == module]


def public_modules(package: Path = PACKAGE, name: str = "fearless") -> Iterator[str]:
    """Yield the dotted names of public modules and packages, read from the files, in order."""
    for path in sorted(package.rglob("*.py")):
        parts = [name, *path.relative_to(package).with_suffix("").parts]
        if parts[-1] == "__init__":
            parts.pop()
        module = ".".join(parts)
        if not any(p.startswith("_") for p in parts) and not module.startswith(LEFT_OUT):
            yield module


def summary(obj: Any) -> str:
    """Return the first line of the docstring of a class or function without its full stop."""
    doc = inspect.getdoc(obj) if callable(obj) else None
    return (doc or "").partition("\n")[0].rstrip().removesuffix(".")


def members(cls: type) -> list[str]:
    """List the documented public methods and properties of a class, in the order they are written.

    Inherited ones count where they come from a private class of the library, for which there is no
    entry to look them up in; those of public classes, scikit-learn, torch or Python do not.
    """
    public = catalog().entries.values()
    listed = {entry.name.rpartition(".")[2] for entry in public if entry.kind == "class"}
    found: dict[str, None] = {}
    for owner in reversed(cls.__mro__):
        inherited = owner is not cls
        if not owner.__module__.startswith("fearless") or (inherited and owner.__name__ in listed):
            continue
        for name, value in vars(owner).items():
            if name.startswith("_") and (name != "__call__" or owner is not cls):
                continue
            if isinstance(value, staticmethod | classmethod):
                value = value.__func__
            if (inspect.isfunction(value) or isinstance(value, property)) and value.__doc__:
                found[name] = None
    return list(found)


def _kind(obj: Any) -> str:
    if inspect.isclass(obj):
        return "class"
    # A decorated function need not be one for Python.
    return "function" if callable(obj) and hasattr(obj, "__qualname__") else "data"


def _can_be_called(module: str) -> bool:
    return callable(importlib.import_module(module))


@lru_cache(maxsize=1)
def catalog() -> Catalog:
    """Import the library and list everything public in it; some seconds, once a process."""
    places: dict[Any, list[str]] = {}
    objects: dict[Any, Any] = {}
    modules = dict.fromkeys(public_modules())
    for module_name in modules:
        module = importlib.import_module(module_name)
        for name in getattr(module, "__all__", ()):
            obj = getattr(module, name)
            if inspect.ismodule(obj):
                # A module that can be called stands for its function (`fearless.book.slider`).
                obj = getattr(obj, name, None)
                if obj is None:
                    continue
            if _kind(obj) == "data":
                key = (name, id(obj))
            else:
                key = (obj.__module__, obj.__qualname__)
            places.setdefault(key, []).append(f"{module_name}.{name}")
            objects[key] = obj
    entries: dict[str, Entry] = {}
    aliases: dict[str, str] = {}
    for key, names in places.items():
        obj = objects[key]
        home = getattr(obj, "__module__", "")
        longest = sorted(names, key=lambda n: (-n.count("."), n))
        owners = [n for n in longest if n.rpartition(".")[0] == home] or longest
        # Under the name of a module that can be called, the module or its function may be found.
        sure = [name for name in names if name not in modules or not _can_be_called(name)] or names
        shortest = min(sure, key=lambda n: (n.count("."), n != owners[0], n))
        module = owners[0].rpartition(".")[0]
        entries[shortest] = Entry(shortest, module, _kind(obj), summary(obj))
        aliases |= dict.fromkeys(names, shortest)
    return Catalog(entries, aliases)
