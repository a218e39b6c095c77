"""The book's claims, one file a page in ``ledger/``, read and validated."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

__all__ = ["KINDS", "LEDGER", "RELATIONS", "Claim", "load_claims"]

LEDGER = Path(__file__).with_name("ledger")
KINDS = ("theorem", "exact", "asymptotic", "empirical", "negative")
RELATIONS = ("close", "<", "<=", ">", ">=")
TOLERANCES = ("abs", "rel", "stderr")

_TEXTS = ("statement", "source", "kind", "relation")
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_PAGE = re.compile(r"[a-z0-9]+([-_/][a-z0-9]+)*")


@dataclass(frozen=True)
class Claim:
    """One claim of the book; the fields are described in ``ledger/README.md``."""

    id: str
    statement: str
    source: str
    page: str
    kind: str
    relation: str
    tolerance: Mapping[str, float]

    def tolerance_text(self) -> str:
        """Return the tolerance as a formula, such as ``0.01 |expected| + 3 s.e.``"""
        forms = {"abs": "{:g}", "rel": "{:g} |expected|", "stderr": "{:g} s.e."}
        parts = [forms[key].format(value) for key, value in self.tolerance.items()]
        return " + ".join(parts) or "none"


def load_claims(folder: Path | str = LEDGER) -> Mapping[str, Claim]:
    """Read and validate the claims of all pages, by id, in the order of pages and files.

    The claims of the page ``part/page`` are in ``folder/part/page.yml``.

    Raises
    ------
    FileNotFoundError
        There is no such folder.
    ValueError
        When a file is not YAML, has an id or a key twice or an id of another page, or an entry is
        incomplete, has unknown keys or values; the message names the file, the claim and the key.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder; expected one with a .yml file a page")
    files = sorted(folder.rglob("*.yml"))
    return _load(folder, tuple((path, path.stat().st_mtime_ns) for path in files))


@lru_cache(maxsize=8)
def _load(folder: Path, files: tuple[tuple[Path, int], ...]) -> Mapping[str, Claim]:
    claims: dict[str, Claim] = {}
    for path, _ in files:
        page = path.relative_to(folder).with_suffix("").as_posix()
        if not _PAGE.fullmatch(page):
            raise ValueError(f"the name of {path} is no page; expected such as 'part/page.yml'")
        for id, entry in _entries(path, f"{page}.yml").items():
            claim = _claim(id, entry, page)
            if claim.id in claims:
                raise ValueError(
                    f"{page}.yml: claim {id!r} is also in {claims[claim.id].page}.yml; expected "
                    "an id of its own"
                )
            claims[claim.id] = claim
    return MappingProxyType(claims)


def _entries(path: Path, name: str) -> dict:
    import yaml

    try:
        entries = yaml.load(path.read_text(encoding="utf8"), Loader=_loader())
    except yaml.YAMLError as error:
        raise ValueError(f"{name}: {error}") from error
    if entries is None:
        entries = {}
    if not isinstance(entries, dict):
        raise ValueError(f"{name} holds a {type(entries).__name__}; expected id: entry pairs")
    return entries


def _loader() -> type:
    """Return a YAML loader that refuses a key given twice, which plain YAML lets win silently."""
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    def mapping(loader: Any, node: Any) -> dict:
        seen = {}
        for key_node, _ in node.value:
            key = loader.construct_object(key_node)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key!r} is given twice, first {seen[key]}", key_node.start_mark
                )
            seen[key] = f"in line {key_node.start_mark.line + 1}"
        return loader.construct_mapping(node, deep=True)

    Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    return Loader


def _claim(id: Any, entry: Any, page: str) -> Claim:
    where = f"{page}.yml: claim {id!r}"
    if not isinstance(id, str) or not _ID.fullmatch(id):
        raise ValueError(f"{where}: the id must be lower-case words joined by hyphens")
    if not isinstance(entry, dict):
        raise ValueError(f"{where} is a {type(entry).__name__}; expected keys and values")
    unknown = sorted(str(key) for key in entry.keys() - {*_TEXTS, "tolerance"})
    if unknown:
        raise ValueError(f"{where} has the unknown key {unknown[0]!r}")
    for key in _TEXTS:
        value = entry.get(key)
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"{where}: {key!r} is {value!r}; expected a text")
    for key, allowed in (("kind", KINDS), ("relation", RELATIONS)):
        if entry[key] not in allowed:
            raise ValueError(f"{where}: {key!r} is {entry[key]!r}; expected one of {allowed}")
    if re.search(r"[$\\<>]", re.sub(r" [<>] ", " ", entry["statement"])):
        raise ValueError(f"{where}: 'statement' must be plain Unicode, without TeX or HTML")
    return Claim(
        id=id,
        page=page,
        **{key: " ".join(entry[key].split()) for key in _TEXTS},
        tolerance=_tolerance(entry.get("tolerance"), entry["relation"], where),
    )


def _tolerance(value: Any, relation: str, where: str) -> Mapping[str, float]:
    if relation != "close":
        if value is not None:
            raise ValueError(f"{where}: 'tolerance' belongs to 'close', not to {relation!r}")
        return MappingProxyType({})
    if not isinstance(value, dict) or not value:
        raise ValueError(
            f"{where}: 'tolerance' is {value!r}; expected some of {TOLERANCES} with a number"
        )
    for key, number in value.items():
        if key not in TOLERANCES:
            raise ValueError(f"{where}: 'tolerance' has {key!r}; expected one of {TOLERANCES}")
        valid = isinstance(number, int | float) and not isinstance(number, bool)
        if not valid or not math.isfinite(number) or number < 0:
            raise ValueError(
                f"{where}: tolerance {key!r} is {number!r}; expected a number that is not negative"
                + (" (YAML wants 1.0e-9 with a point)" if isinstance(number, str) else "")
            )
    return MappingProxyType({key: float(number) for key, number in value.items()})
