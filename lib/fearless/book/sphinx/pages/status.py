"""The status page: what every page took when it was executed, and with which versions.

The directive ``{build-status}`` prints the report that the build itself writes
(`fearless.book.build`): nothing on the page is typed. Pages whose outputs come from an earlier
build show the date and the versions of that build; where these differ between pages, it says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, metadata, requires
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from fearless.book.sphinx.cache import REPORT_NAME
from fearless.book.sphinx.pages.page_info import format_seconds

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["BuildStatus", "read_report", "setup"]

#: ``{page: what it took}`` as the build writes it.
Report = Mapping[str, Mapping[str, Any]]

_COLUMNS = (("Page", 40), ("Running", 15), ("Processor", 15), ("Memory", 14), ("Executed", 16))


class status_node(nodes.General, nodes.Element):
    """Where the report goes, once all titles are known."""


class BuildStatus(SphinxDirective):
    """``{build-status}``: times, memory, dates and versions of all pages with code."""

    def run(self) -> list[nodes.Node]:
        """Return the place of the report."""
        return [status_node()]


def read_report(app: Sphinx) -> dict[str, dict[str, Any]]:
    """Read what the driver of the build wrote, pages in the order of the book.

    Empty when Sphinx was started by hand and there is no report.
    """
    path = Path(app.outdir).parent / REPORT_NAME
    report = json.loads(path.read_text(encoding="utf8")) if path.is_file() else {}
    return {page: entry for page, entry in report.items() if page in app.env.titles}


def summary(report: Report, seconds: float, mb: float) -> str:
    """Say in two sentences what the whole book takes, beside the budget of a page."""
    wall = sum(entry["execution_seconds"] for entry in report.values())
    cpu = sum(entry["cpu_seconds"] for entry in report.values())
    peak = max(entry["peak_mb"] for entry in report.values())
    longest = max(entry["execution_seconds"] for entry in report.values())
    wider = " This build allowed more." if longest > seconds or peak > mb else ""
    return (
        f"{len(report)} pages are executed when the book is built, in {format_seconds(wall)} one "
        f"after the other, or {format_seconds(cpu)} of processor time. "
        f"A page may take {seconds:g} s and {mb:g} MiB, or the build fails; the longest took "
        f"{format_seconds(longest)}, the largest {peak:.0f} MiB.{wider}"
    )


def environments(report: Report) -> list[tuple[dict[str, Any], list[str]]]:
    """Group the pages by what they were executed with; the commonest comes first."""
    groups: list[tuple[dict[str, Any], list[str]]] = []
    for page, entry in report.items():
        described = entry.get("environment")
        if described is None:  # outputs of a build that did not note it yet
            continue
        for known, pages in groups:
            if known == described:
                pages.append(page)
                break
        else:
            groups.append((dict(described), [page]))
    return sorted(groups, key=lambda group: -len(group[1]))


def own_requirements() -> list[str]:
    """Name the packages that the library itself asks for, optional ones included."""
    from packaging.requirements import Requirement

    try:
        named = requires(metadata("fearless")["Name"]) or []
    except PackageNotFoundError:  # run from the sources, not installed
        return []
    return sorted({Requirement(text).name.lower() for text in named})


def _fill(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    holders = list(doctree.findall(status_node))
    if not holders:
        return
    report = read_report(app)
    content: list[nodes.Node] = [nodes.paragraph("", "This build has measured no page.")]
    if report:
        content = list(_content(app, docname, report))
    for holder in holders:
        holder.replace_self(content)


def _content(app: Sphinx, docname: str, report: Report) -> Iterator[nodes.Node]:
    from fearless.book.build import BUDGET_MB, BUDGET_SECONDS

    yield nodes.paragraph("", summary(report, BUDGET_SECONDS, BUDGET_MB))
    yield _pages_table(app, docname, report)
    found = environments(report)
    for described, pages in found:
        if len(found) == 1:
            yield nodes.rubric("", "Versions")
        else:
            yield nodes.rubric("", f"Versions of {len(pages)} pages")
            titles = ", ".join(app.env.titles[page].astext() for page in pages)
            yield nodes.paragraph("", f"With these were executed: {titles}.")
        yield from _versions(described)


def _versions(described: Mapping[str, Any]) -> Iterator[nodes.Node]:
    packages = described["packages"]
    cores = described["cores"]
    yield nodes.paragraph(
        "",
        f"Python {described['python']} on {described['system']} with {cores} "
        f"core{'s' * (cores != 1)}, and the packages that the library is made with:",
    )
    own = [(name, packages[name]) for name in own_requirements() if name in packages]
    yield _table([("Package", 60), ("Version", 40)], own, "status-versions")
    every = ", ".join(f"{name} {version}" for name, version in packages.items())
    opening = f"<details><summary>All {len(packages)} packages that were installed</summary>"
    yield nodes.raw("", opening, format="html")
    yield nodes.paragraph("", f"{every}.", classes=["status-packages"])
    yield nodes.raw("", "</details>", format="html")


def _pages_table(app: Sphinx, docname: str, report: Report) -> nodes.table:
    rows: list[Sequence[str | nodes.Node]] = []
    for page, entry in report.items():
        title = app.env.titles[page].astext()
        target = app.builder.get_relative_uri(docname, page)
        rows.append(
            [
                nodes.reference("", title, internal=True, refuri=target),
                format_seconds(entry["execution_seconds"]),
                format_seconds(entry["cpu_seconds"]),
                f"{entry['peak_mb']:.0f} MiB",
                entry.get("executed", "not noted").partition("T")[0],
            ]
        )
    total = ("execution_seconds", "cpu_seconds")
    sums = [format_seconds(sum(entry[key] for entry in report.values())) for key in total]
    rows.append([nodes.strong("", "All pages"), *sums, "", ""])
    return _table(_COLUMNS, rows, "status-pages")


def _table(
    columns: Iterable[tuple[str, int]], rows: Iterable[Sequence[str | nodes.Node]], name: str
) -> nodes.table:
    columns = list(columns)
    table = nodes.table(classes=[name])
    group = nodes.tgroup(cols=len(columns))
    table += group
    group += [nodes.colspec(colwidth=width) for _, width in columns]
    head = nodes.thead()
    head += _row([title for title, _ in columns])
    body = nodes.tbody()
    body += [_row(row) for row in rows]
    group += [head, body]
    return table


def _row(cells: Iterable[str | nodes.Node]) -> nodes.row:
    row = nodes.row()
    for content in cells:
        text = nodes.Text(content) if isinstance(content, str) else content
        row += nodes.entry("", nodes.paragraph("", "", text))
    return row


def setup(app: Sphinx) -> None:
    """Add the directive to a Sphinx application."""
    app.add_node(status_node)
    app.add_directive("build-status", BuildStatus)
    app.connect("doctree-resolved", _fill)
