"""The text in the files of an edition: pages, sources, notebooks, indexes, PDF, archives.

For the scan for leaks, which must not be fooled by markup, line breaks, letters of other shapes or
one file packed into another. A file of a kind that is not known is read as text.
"""

from __future__ import annotations

import io
import json
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

__all__ = ["is_skipped", "lines", "texts", "words"]

#: Pictures of pixels, fonts, sounds: without words.
_WITHOUT_WORDS = {".png", ".jpg", ".jpeg", ".gif", ".ico", ".webp", ".woff", ".woff2", ".ttf"}
_MARKUP = {".html", ".htm", ".xml", ".svg", ".xhtml"}
_JSON = {".json", ".ipynb", ".webmanifest"}

_INLINE = re.compile(r"</?(?:a|abbr|b|bdi|code|em|i|kbd|mark|small|span|strong|sub|sup)\b[^>]*>")
_TAG = re.compile(r"<[^<>]*>")
_HYPHEN = re.compile(r"(\w)[-\u00ad\u2010]\s*\n\s*(\w)")
_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"\w+")


def is_skipped(name: str) -> bool:
    """Tell whether a file, by its name, is of a kind that holds no words."""
    return Path(name).suffix.lower() in _WITHOUT_WORDS


def texts(name: str, content: bytes) -> Iterator[tuple[str, str]]:
    """Yield the texts in a file, each with the name of the place it is in.

    Parameters
    ----------
    name : str
        The name of the file; its suffix says how it is read.
    content : bytes
        What is in it.

    Yields
    ------
    (str, str)
        Of markup what is written (attributes too) and what is shown; of an archive the texts of
        each of its files, however deep.
    """
    suffix = Path(name).suffix.lower()
    if is_skipped(name):
        return
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for entry in archive.infolist():
                yield entry.filename, entry.filename
                if not entry.is_dir():
                    yield from (
                        (f"{name} > {inner}", text)
                        for inner, text in texts(entry.filename, archive.read(entry))
                    )
    elif suffix == ".pdf" or content.startswith(b"%PDF"):
        yield name, _pdf(content)
    elif suffix == ".inv":
        yield name, _inventory(content)
    else:
        text = content.decode("utf8", errors="replace")
        if suffix in _JSON:
            # As it is written a new line is a word, the n of its escape.
            yield name, _strings(text)
        elif suffix in _MARKUP:
            yield name, unescape(text)
            yield name, unescape(_TAG.sub(" ", _INLINE.sub("", text)))
        else:
            yield name, text


def _pdf(content: bytes) -> str:
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(content))
    pages = [page.extract_text() for page in reader.pages]
    facts = [str(value) for value in (reader.metadata or {}).values()]
    return _HYPHEN.sub(r"\1\2", "\n".join([*pages, *facts]))


def _inventory(content: bytes) -> str:
    """Read Sphinx's list of objects: four lines of text, then a compressed one."""
    head = b"".join(content.splitlines(keepends=True)[:4])
    try:
        body = zlib.decompress(content[len(head) :])
    except zlib.error:
        body = content[len(head) :]
    return (head + body).decode("utf8", errors="replace")


def _strings(text: str) -> str:
    """Return all strings of a JSON file, one below the other; the lines of a cell stay lines."""
    try:
        data = json.loads(text)
    except ValueError:
        return text
    found: list[str] = []

    def collect(node: Any) -> None:
        if isinstance(node, str):
            found.append(node)
        elif isinstance(node, dict):
            for key, value in node.items():
                found.append(str(key))
                collect(value)
        elif isinstance(node, list):
            for value in node:
                collect(value)

    collect(data)
    return "\n".join(found)


def words(text: str) -> list[str]:
    """Return the words and numbers of a text in small letters, nothing between them."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).lower())


def lines(text: str) -> Iterator[str]:
    """Yield the lines of a text without any blanks; empty ones are left out."""
    for line in text.splitlines():
        if squeezed := _SPACE.sub("", line):
            yield squeezed
