"""What code cells use of the library is read from their source alone."""

from pathlib import Path

import pytest

from fearless.book.scan import CodeCell
from fearless.book.sphinx.reference.code_links import link_names
from fearless.book.sphinx.reference.uses import calls, names_in, reached, shown_by, stored_runs


def cells(*sources, figures=()):
    """Code cells; the last ones show figures of these names."""
    names = [None] * (len(sources) - len(figures)) + list(figures)
    return [
        CodeCell(Path("page.md"), i, source, {"mystnb": {"figure": {"name": name}}} if name else {})
        for i, (source, name) in enumerate(zip(sources, names, strict=True), start=1)
    ]


def places(source, *more):
    """``(line, column, text, target)`` of each name in the last of several cells."""
    found = names_in(cells(source, *more))[-1]
    return [(name.line, name.column, name.text, name.target) for name in found]


NORM = "fearless.linear.MinNormRegressor"


def test_an_import_is_found_where_it_stands_under_its_shortest_name():
    assert places("from fearless.linear.min_norm import MinNormRegressor") == [
        (0, 37, "MinNormRegressor", NORM)
    ]


def test_what_one_cell_imports_the_next_ones_know():
    found = places("from fearless.linear import MinNormRegressor as M", "x = 1\ny = M().fit(x, x)")
    assert found == [(1, 4, "M", NORM)]


def test_columns_count_characters_not_bytes():
    (name,) = places("from fearless.linear import MinNormRegressor", "λ, σ = 1, MinNormRegressor()")
    assert name[:3] == (0, 10, "MinNormRegressor")


def test_attributes_of_modules_and_classes_are_followed():
    source = "import fearless.linear as linear\nlinear.MinNormRegressor.fit"
    assert [(text, target) for *_, text, target in places(source)] == [
        ("MinNormRegressor", NORM),
        ("fit", f"{NORM}.fit"),
    ]


def test_a_name_that_was_assigned_anew_means_something_else():
    source = "from fearless.linear import MinNormRegressor\nMinNormRegressor = MinNormRegressor()"
    later = "MinNormRegressor"
    assert [place[0] for place in places(source)] == [0, 1]
    assert places(source, later) == []


def test_names_of_other_libraries_mean_nothing():
    assert (
        places("from sklearn.linear_model import Ridge\nimport numpy as np\nnp.mean(Ridge)") == []
    )


def test_magics_and_broken_code_are_no_obstacle():
    found = names_in(cells("%matplotlib inline\nfrom fearless.linear import GradientPath", "a b"))
    assert [len(names) for names in found] == [1, 0]


CURVE = "fearless.experiments.double_descent.double_descent_curve"
WIDTHS = "fearless.experiments.double_descent.width_grid"
IMPORTS = "from fearless.experiments.double_descent import double_descent_curve, width_grid\n"


@pytest.mark.parametrize(
    "code",
    [
        "curve = double_descent_curve(data)",
        "a = double_descent_curve(data)\ncurve = [a.test, 1]",
        "curve = []\nfor seed in range(2):\n    curve.append(double_descent_curve(data))",
        "curve = {s: double_descent_curve(data, s) for s in range(3)}",
        "def one(b):\n    return double_descent_curve(b)\n\n\ncurve = one(1)",
    ],
)
def test_a_figure_shows_what_its_variables_were_computed_with(code):
    page = cells(IMPORTS + code, "draw(curve)", figures=["fig-a"])
    assert shown_by(page, [CURVE, WIDTHS]) == {"fig-a": [CURVE]}


def test_a_figure_does_not_show_what_its_variables_no_longer_hold():
    page = cells(
        IMPORTS + "curve = double_descent_curve(1)\ncurve = 2", "draw(curve)", figures=["f"]
    )
    assert shown_by(page, [CURVE]) == {}


def test_stored_runs_are_those_that_exist():
    (cell,) = cells('load_run("trees_mnist"); load_run("no such run"); load_run(name)')
    assert stored_runs(cell) == ["fearless.experiments.stored.trees_mnist.run"]


def test_calls_looks_through_private_helpers():
    graph = calls()
    assert (
        "fearless.optimization.least_squares_runs"
        in (graph["fearless.experiments.optimization.batch_regimes.batch_regimes"])
    )
    # ``_mix`` stands between the two.
    runs = graph["fearless.experiments.optimization.batch_regimes.batch_regimes"]
    assert "fearless.theory.rates.recursions.Recursion" in runs


def test_reached_is_everything_that_can_be_reached_even_in_a_circle():
    graph = {"a": frozenset("b"), "b": frozenset("ac"), "d": frozenset("e")}
    assert reached("a", graph) == frozenset("abc")


MARKUP = (
    '<div class="highlight"><pre><span></span><span class="kn">from</span> '
    '<span class="nn">a</span> <span class="kn">import</span> <span class="n">run</span>\n'
    '<span class="s2">&quot;&lt;&quot;</span> <span class="n">run</span>\n</pre></div>'
)


def test_a_link_wraps_the_name_at_its_place_only():
    linked = link_names(MARKUP, [(1, 4, "run", "x.html#a&b", 'say "run"')])
    link = '<a class="api-link" href="x.html#a&amp;b" title="say &quot;run&quot;">run</a>'
    before, after = MARKUP.rsplit("run", 1)
    assert linked == before + link + after


def test_a_link_without_its_name_is_left_out():
    assert link_names(MARKUP, [(0, 14, "other", "x", "y"), (5, 0, "run", "x", "y")]) == MARKUP
    assert link_names("<p>run</p>", [(0, 0, "run", "x", "y")]) == "<p>run</p>"
