"""The stored benchmark as a page shows it, and a small run of the script that makes it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fearless.book.benchmark_table import BenchmarkTable
from fearless.experiments.stored import StoredRun, load_run

ROOT = Path(__file__).parents[2]


def stored(**changes):
    results = {
        "key": ["a", "a", "b"],
        "work": ["a < b", "a < b", "other work"],
        "method": ["ours", "peer", "ours"],
        "ours": [True, False, True],
        "bar": [0.0, 1.5, -2.5],
        "seconds": [0.01, 0.02, 3.0],
        "median": [0.01, 0.02, 3.0],
        "runs": [3, 3, 1],
        "ratio": [1.0, 2.0, 2.6],
        "residual": [1e-5, np.nan, np.nan],
        "test_error": [0.03, 0.03, np.nan],
        "memory": [1.04, np.nan, np.nan],
        "memory_name": ["arrays"] * 3,
        "share": [0.7, np.nan, np.nan],
        "note": ["", "17 iterations", ""],
    }
    arrays = {name: np.asarray(values) for name, values in {**results, **changes}.items()}
    return StoredRun("x", {**arrays, "gemm_float32": np.asarray(100.0)}, {}, {}, "")


def test_marks():
    table = BenchmarkTable(stored())
    assert [table.met(row) for row in table.rows] == [None, True, False]


def test_html():
    page = BenchmarkTable(stored())._repr_html_()
    assert page.count("<table") == page.count("</table>") == 2
    assert page.count("<tr") == page.count("</tr>") == 5
    assert "A &lt; b" in page
    for text in (
        "10.0 ms",
        "3 s",
        "≥ 1.5: met",
        "≤ 2.5: no",
        "residual 1&nbsp;×&nbsp;10⁻⁵, test error 3.00%, memory 1.04 arrays, ",
        "70% of the matrix product",
        "17 iterations",
        "<strong>ours</strong>",
    ):
        assert text in page
    assert "nan" not in page
    long = BenchmarkTable(stored(method=["a_long_name", "peer", "ours"]))
    assert "a_<wbr>long_<wbr>name" in long._repr_html_()  # so that it breaks on a phone
    assert "peer: 20.0 ms, 2, ≥ 1.5: met" in repr(BenchmarkTable(stored()))


def test_the_stored_run_can_be_shown():
    run = load_run("kernel_solvers")
    table = BenchmarkTable(run)
    assert len(table.rows) >= 10
    assert table._repr_html_().count("<table") == len(set(run.results["key"].tolist()))
    first = {str(row["key"]): row for row in reversed(table.rows)}
    assert all(row["ratio"] == 1 and row["ours"] for row in first.values())
    assert run.provenance["command"].startswith("python benchmarks/kernel_solvers.py")
    # Nothing that calls itself exact was stored without being so.
    for row in table.rows:
        if row["method"] == "solve_cholesky" and row["key"] in ("exact32", "large"):
            assert row["residual"] < 5e-5
        if row["method"] == "solve_cholesky" and row["key"] == "exact64":
            assert row["residual"] < 1e-12


def test_a_contest(monkeypatch, capsys):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    from _contest import Contest, Entry, Timed, Unavailable, columns

    calls = []

    def missing():
        raise Unavailable("peer is not installed")

    def broken():
        raise RuntimeError("out of order")

    def hungry():
        calls.append("hungry")
        return np.ones(4_000_000)

    entries = [
        Entry("missing", missing, bar=2),
        Entry("ours", lambda: calls.append("ours") or np.zeros(1), ours=True),
        Entry("broken", broken),
        Entry("hungry", hungry, bar=1, once=True),
        Entry("elsewhere", lambda: Timed(np.full(1, 3.0), 0.25)),  # by the clock of its process
    ]
    contest = Contest(
        "key", "some work", entries, lambda x: {"residual": x[0]}, memory_unit=1e6, flops=1.0
    )
    contest.hold(3)
    assert calls == ["ours", "hungry", "ours", "ours"]
    contest.report({"float32": 1e9})
    found = columns([contest])
    assert found["method"] == ["ours", "hungry", "elsewhere"]
    assert found["runs"] == [3, 1, 3]
    assert found["seconds"][2] == 0.25
    assert found["ratio"][0] == 1
    assert found["residual"] == [0.0, 1.0, 3.0]
    text = capsys.readouterr().out
    assert "skipped: peer is not installed" in text
    assert "FAILED: RuntimeError('out of order')" in text


@pytest.mark.slow
def test_a_quick_run(tmp_path):
    command = [sys.executable, ROOT / "benchmarks" / "kernel_solvers.py", "--quick"]
    options = ["--repeats", "1", "--no-memory", "--save", "--to", str(tmp_path), "--only"]

    def hold(*only):
        subprocess.run(
            [*command, *options, *only], check=True, capture_output=True, text=True, timeout=300
        )
        return load_run("kernel_solvers", tmp_path)

    first = hold("mixture", "entk")
    assert first.provenance["contests"] == ["mixture", "entk"]
    assert first.provenance["earlier"] == []
    run = hold("exact32", "entk")  # entk again; mixture stays as it was
    assert run.settings["quick"]
    assert list(dict.fromkeys(run.results["key"].tolist())) == ["exact32", "mixture", "entk"]
    assert run.provenance["contests"] == ["exact32", "entk"]
    (earlier,) = run.provenance["earlier"]
    assert earlier["contests"] == ["mixture"]
    assert earlier["finished"] == first.provenance["finished"]
    old, new = (
        {r["method"]: r for r in BenchmarkTable(x).rows if r["key"] == "mixture"}
        for x in (first, run)
    )
    assert {m: r["seconds"] for m, r in old.items()} == {m: r["seconds"] for m, r in new.items()}
    rows = {(str(r["key"]), str(r["method"])): r for r in BenchmarkTable(run).rows}
    exact = rows["exact32", "solve_cholesky"]
    assert exact["residual"] < 5e-5
    assert rows["mixture", "solve_eigenpro"]["residual"] < 4e-3
