"""Citations by author and year in round brackets: "Belkin (2021)" and "(Belkin, 2021)".

The package for citations knows this style with square brackets only.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from sphinxcontrib.bibtex.plugin import register_plugin
from sphinxcontrib.bibtex.style.referencing import BracketStyle
from sphinxcontrib.bibtex.style.referencing.author_year import AuthorYearReferenceStyle

if TYPE_CHECKING:
    from sphinx.application import Sphinx

STYLE = "fearless_author_year"


def _round_brackets() -> BracketStyle:
    return BracketStyle(left="(", right=")")


@dataclasses.dataclass
class RoundAuthorYear(AuthorYearReferenceStyle):
    """Author and year, in round brackets wherever the style sets brackets."""

    bracket_parenthetical: BracketStyle = dataclasses.field(default_factory=_round_brackets)
    bracket_textual: BracketStyle = dataclasses.field(default_factory=_round_brackets)
    bracket_author: BracketStyle = dataclasses.field(default_factory=_round_brackets)
    bracket_label: BracketStyle = dataclasses.field(default_factory=_round_brackets)
    bracket_year: BracketStyle = dataclasses.field(default_factory=_round_brackets)


def setup(app: Sphinx) -> None:
    """Register the style under the name that ``_config.yml`` gives."""
    register_plugin("sphinxcontrib.bibtex.style.referencing", STYLE, RoundAuthorYear, force=True)
