"""The list of the book's claims, ``claims.yml``, read and validated."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

__all__ = ["CLAIMS_FILE", "KINDS", "RELATIONS", "Claim", "load_claims"]

CLAIMS_FILE = Path(__file__).with_name("claims.yml")
KINDS = ("theorem", "exact", "asymptotic", "empirical", "negative")
RELATIONS = ("close", "<", "<=", ">", ">=")
TOLERANCES = ("abs", "rel", "stderr")

_TEXTS = ("statement", "source", "page", "kind", "relation")
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_PAGE = re.compile(r"[a-z0-9]+([-_/][a-z0-9]+)*")


@dataclass(frozen=True)
class Claim:
    """One claim of the book; the fields are those of ``claims.yml``."""

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


def load_claims(path: Path | str = CLAIMS_FILE) -> Mapping[str, Claim]:
    """Read and validate a list of claims, by id in the order of the file.

    Raises
    ------
    ValueError
        When the file is not YAML, has an id or a key twice, or an entry is incomplete, has unknown
        keys or values; the message names the file, the claim and the key.
    """
    path = Path(path)
    return _load(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _load(path: Path, stamp: int) -> Mapping[str, Claim]:
    import yaml

    try:
        entries = yaml.load(path.read_text(encoding="utf8"), Loader=_loader())
    except yaml.YAMLError as error:
        raise ValueError(f"{path.name}: {error}") from error
    if entries is None:
        entries = {}
    if not isinstance(entries, dict):
        raise ValueError(f"{path.name} holds a {type(entries).__name__}; expected id: entry pairs")
    return MappingProxyType({id: _claim(id, entry, path.name) for id, entry in entries.items()})


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


def _claim(id: Any, entry: Any, file: str) -> Claim:
    where = f"{file}: claim {id!r}"
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
    if not _PAGE.fullmatch(entry["page"]):
        raise ValueError(
            f"{where}: 'page' is {entry['page']!r}; expected such as 'double-descent/the-curve'"
        )
    if re.search(r"[$\\<>]", re.sub(r" [<>] ", " ", entry["statement"])):
        raise ValueError(f"{where}: 'statement' must be plain Unicode, without TeX or HTML")
    return Claim(
        id=id,
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
