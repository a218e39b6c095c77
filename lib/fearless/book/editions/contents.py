"""The parts and chapters of the book, in the order of a printed volume.

The order is that of ``_toc.yml``, with two exceptions. The reference of the library is left out:
it is long, changes with every release, and is of use only beside a computer. The notation, which
the site has at the front, opens the appendix, where a reader of a printed book looks for it.
"""

from __future__ import annotations

import dataclasses
import posixpath
from pathlib import Path

LEFT_OUT = "chapters/library/"
TO_THE_APPENDIX = "chapters/preface/notation"
APPENDIX = "Appendix"


@dataclasses.dataclass(frozen=True)
class Part:
    """One part: its caption, its Roman numeral (empty when not numbered), its pages."""

    caption: str
    numeral: str
    docnames: tuple[str, ...]

    @property
    def folder(self) -> str:
        """The folder of its pages."""
        return posixpath.basename(posixpath.dirname(self.docnames[-1]))


def book_title(root: Path) -> str:
    """Return the title of the book, as ``_config.yml`` has it."""
    import yaml

    return yaml.safe_load((root / "_config.yml").read_text(encoding="utf8"))["title"]


def part_captions(root: Path) -> dict[str, str]:
    """Return the caption of the part whose pages are in a folder, for each folder."""
    return {part.folder: part.caption for part in read_contents(root)}


def read_contents(root: Path) -> list[Part]:
    """Read the parts of the volume from ``_toc.yml``.

    Parameters
    ----------
    root : Path
        The book's root: the folder of ``_toc.yml``.

    Returns
    -------
    list of Part
        Without the front page and without parts of which nothing is left.
    """
    import yaml

    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf8"))
    parts, numbered = [], 0
    listed = [name for part in toc.get("parts", ()) for name in _docnames(part)]
    for entry in toc.get("parts", ()):
        docnames = [n for n in _docnames(entry) if not n.startswith(LEFT_OUT)]
        docnames = [n for n in docnames if n != TO_THE_APPENDIX]
        if entry["caption"] == APPENDIX and TO_THE_APPENDIX in listed:
            docnames.insert(0, TO_THE_APPENDIX)
        numbered += bool(entry.get("numbered"))
        numeral = roman(numbered) if entry.get("numbered") else ""
        if docnames:
            parts.append(Part(entry["caption"], numeral, tuple(docnames)))
    return parts


def _docnames(entry: dict) -> list[str]:
    names = []
    for page in entry.get("chapters", ()) or entry.get("sections", ()):
        if "file" in page:
            names += [page["file"].removesuffix(".md"), *_docnames(page)]
    return names


def roman(number: int) -> str:
    """Write a number from 1 to 39 in Roman numerals."""
    if not 1 <= number <= 39:
        raise ValueError(f"number must be from 1 to 39, got {number}")
    tens, ones = divmod(number, 10)
    return "X" * tens + ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")[ones]
