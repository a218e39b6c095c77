"""The stored benchmark of the kernel solvers, as a page shows it."""

from __future__ import annotations

import html
import math

import numpy as np

from fearless.book.numbers import format_number
from fearless.experiments.stored import StoredRun

__all__ = ["BenchmarkTable"]


# Fixed shares of the width: the columns of all tables stand below each other, also on a phone.
_HEADS = "".join(
    f'<th scope="col" style="width: {share}%">{name}</th>'
    for name, share in (("method", 40), ("time", 20), ("times ours", 16), ("asked", 24))
)


class BenchmarkTable:
    """Show every contest of a stored run of ``benchmarks/kernel_solvers.py``.

    Parameters
    ----------
    run : StoredRun
        From `fearless.experiments.stored.load_run`.
    """

    def __init__(self, run: StoredRun) -> None:
        self.run = run

    @property
    def rows(self) -> list[dict[str, object]]:
        """One mapping a method, in the order in which they were run."""
        columns = {
            name: values for name, values in self.run.results.items() if np.ndim(values) == 1
        }
        return [
            dict(zip(columns, values, strict=True))
            for values in zip(*columns.values(), strict=True)
        ]

    def met(self, row: dict[str, object]) -> bool | None:
        """Say whether a row meets what is asked of it.

        Parameters
        ----------
        row : dict
            One of ``rows``.

        Returns
        -------
        bool or None
            None where nothing is asked.
        """
        bar, ratio = float(row["bar"]), float(row["ratio"])
        if bar == 0:
            return None
        return ratio >= bar if bar > 0 else ratio <= -bar

    def __repr__(self) -> str:
        lines = []
        for row in self.rows:
            ratio, asked = _ratio(row), self._asked(row)
            lines.append(f"{row['work']}: {row['method']}: {_seconds(row)}, {ratio}, {asked}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        parts: list[str] = []
        work = None
        for row in self.rows:
            if row["work"] != work:
                if work is not None:
                    parts.append("</tbody></table>")
                work = row["work"]
                parts.append(
                    '<table class="table benchmark" style="width: 100%; table-layout: fixed">'
                    '<caption style="caption-side: top; text-align: left; font-weight: bold">'
                    f"{html.escape(_sentence(str(work)))}</caption><thead><tr>"
                    f"{_HEADS}</tr></thead><tbody>"
                )
            name = html.escape(str(row["method"])).replace("_", "_<wbr>")
            name = f"<strong>{name}</strong>" if row["ours"] else name
            remarks = html.escape(_remarks(row)).replace(" × ", "&nbsp;×&nbsp;")
            cells = "".join(
                f'<td style="white-space: nowrap">{html.escape(text)}</td>'
                for text in (_seconds(row), _ratio(row), self._asked(row))
            )
            parts.append(
                '<tr><td style="overflow-wrap: break-word">'
                f"{name}<br><small>{remarks}</small></td>{cells}</tr>"
            )
        return "".join([*parts, "</tbody></table>"]) if parts else ""

    def _asked(self, row: dict[str, object]) -> str:
        met, bar = self.met(row), float(row["bar"])
        if met is None:
            return "–"
        return f"{'≥' if bar > 0 else '≤'} {abs(bar):g}: {'met' if met else 'no'}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _ratio(row: dict[str, object]) -> str:
    ratio = float(row["ratio"])
    return "–" if math.isnan(ratio) else format_number(ratio, 3)


def _seconds(row: dict[str, object]) -> str:
    seconds = float(row["seconds"])
    return f"{1000 * seconds:.1f} ms" if seconds < 0.1 else f"{format_number(seconds, 3)} s"


def _remarks(row: dict[str, object]) -> str:
    remarks = []
    if math.isfinite(float(row["residual"])):
        remarks.append(f"residual {format_number(float(row['residual']), 2)}")
    if math.isfinite(float(row["test_error"])):
        remarks.append(f"test error {float(row['test_error']):.2%}")
    if math.isfinite(float(row["memory"])):
        remarks.append(f"memory {format_number(float(row['memory']), 3)} {row['memory_name']}")
    if math.isfinite(float(row["share"])):
        remarks.append(f"{float(row['share']):.0%} of the matrix product")
    if row["note"]:
        remarks.append(str(row["note"]))
    return ", ".join(remarks)
