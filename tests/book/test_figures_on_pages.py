"""Every figure on a page has a name, a caption and a text for those who do not see it."""

from pathlib import Path

import pytest

from fearless.book.scan import CodeCell, code_cells, figure_errors, shows_figure

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "chapters").rglob("*.md"))
FINDING = "The test error peaks at N = n and then falls below its first minimum."
COMPLETE = {
    "mystnb": {"image": {"alt": FINDING}, "figure": {"name": "fig-x", "caption": "Double descent."}}
}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT / "chapters").as_posix())
def test_figures_of_the_page_are_described(page):
    errors = [
        f"code cell {cell.number} {error}"
        for cell in code_cells(page)
        for error in figure_errors(cell)
    ]
    assert not errors, "\n".join([str(page), *errors])


def test_names_of_figures_are_unique_in_the_book():
    names = [
        cell.metadata["mystnb"]["figure"]["name"]
        for page in PAGES
        for cell in code_cells(page)
        if cell.metadata.get("mystnb", {}).get("figure", {}).get("name")
    ]
    assert len(names) == len(set(names)), sorted(n for n in names if names.count(n) > 1)


def cell(source, metadata=None):
    return CodeCell(Path("page.md"), 1, source, metadata or {})


@pytest.mark.parametrize(
    "source",
    [
        "fig, ax = style.subplots()\nfig",
        "fig_left",
        "figures.double_descent.curve(result)",
        "book.figures.curve(result)",
        "slider(draw, values, name='n', alt=str)",
        "%matplotlib inline\nplt.show()",
    ],
)
def test_cells_that_show_a_figure(source):
    assert shows_figure(cell(source))
    assert len(figure_errors(cell(source))) == 3
    assert figure_errors(cell(source, COMPLETE)) == []


@pytest.mark.parametrize(
    "source",
    [
        "",
        "fig, ax = style.subplots()",
        "fig;",
        "claim('a', 1, 1)",
        "figure_count + 1",
        "x = figures",
    ],
)
def test_cells_that_show_none(source):
    assert not shows_figure(cell(source))
    assert figure_errors(cell(source)) == []


@pytest.mark.parametrize(
    ("metadata", "error"),
    [
        ({"image": {"alt": FINDING}, "figure": {"name": "fig-x"}}, "has no caption"),
        ({"image": {"alt": FINDING}, "figure": {"caption": "A."}}, "has no name"),
        ({"image": {"alt": "A plot."}, "figure": {"name": "f", "caption": "A."}}, "7 characters"),
        ({"figure": {"name": "f", "caption": "A."}}, "0 characters"),
    ],
)
def test_what_is_missing_is_named(metadata, error):
    (message,) = figure_errors(cell("result.plot()", {"mystnb": metadata}))
    assert error in message


def test_cells_are_read_from_a_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "---\njupytext: {text_representation: {extension: .md, format_name: myst}}\n"
        "kernelspec: {display_name: Python 3, language: python, name: python3}\n---\n"
        "# A\n\n```{code-cell} ipython3\n1 + 1\n```\n\n"
        "```{code-cell} ipython3\n---\ntags: [hide-input]\nmystnb:\n"
        f'  image: {{alt: "{FINDING}"}}\n---\nfig\n```\n',
        encoding="utf8",
    )
    first, second = code_cells(page)
    assert (first.source, first.number, dict(first.metadata)) == ("1 + 1", 1, {})
    assert second.metadata["mystnb"]["image"]["alt"] == FINDING
    assert [e.split()[2] for e in figure_errors(second)] == ["name", "caption"]
