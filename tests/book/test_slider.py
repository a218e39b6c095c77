"""Sliders: the frames of the static site, and the control of a live kernel."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

import fearless.book
from fearless.book import STATIC_VARIABLE, is_static, style, svg
from fearless.book.slider import Slider, slider, unpack
from fearless.book.slider_html import to_html


@pytest.fixture(autouse=True)
def _untouched():
    before = plt.get_fignums()
    with mpl.rc_context():
        yield
    assert plt.get_fignums() == before, "a slider left figures open"


@pytest.fixture
def static(monkeypatch):
    monkeypatch.setenv(STATIC_VARIABLE, "1")


@pytest.fixture
def live(monkeypatch):
    monkeypatch.delenv(STATIC_VARIABLE, raising=False)


def draw(value, width=style.WIDTH):
    fig, ax = style.subplots(width=width)
    ax.plot([0, 1], [0, value])
    ax.set(ylim=(0, 10), xlabel="x", ylabel="y")
    return fig


def make(values=(1, 2, 5), **kwargs):
    kwargs = {"name": "slope", "alt": lambda v: f"a line of slope {v}"} | kwargs
    return slider(kwargs.pop("draw", draw), values, **kwargs)


def packed(widget):
    (mime,) = widget._repr_mimebundle_()
    assert mime == "image/svg+xml"
    return widget._repr_mimebundle_()[mime]


class _Elements(HTMLParser):
    """All elements of a piece of HTML; checks that it is properly nested."""

    VOID = frozenset({"input"})

    def __init__(self, html):
        super().__init__()
        self.found, self.open, self.texts = [], [], {}
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.setdefault(self.open[-1], []).append(data)

    def all(self, tag, **attributes):
        return [a for t, a in self.found if t == tag and attributes.items() <= a.items()]


# --- the static site ---------------------------------------------------------------------


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("0", False), ("", False)])
def test_static_mode(monkeypatch, value, expected):
    monkeypatch.setenv(STATIC_VARIABLE, value)
    assert is_static() is expected


def test_static_mode_is_not_guessed(monkeypatch):
    monkeypatch.setenv(STATIC_VARIABLE, "yes")
    with pytest.raises(ValueError, match="FEARLESS_STATIC is 'yes'"):
        is_static()


def test_the_package_and_the_module_can_both_be_called(static):
    from fearless.book import slider as exported

    for function in (exported, fearless.book.slider):
        made = function(draw, [1, 2], name="n", alt=str)
        assert isinstance(made, Slider)


def test_the_output_is_one_svg_that_shows_the_start_frame(static):
    text = packed(make(start=5))
    assert text.startswith("<svg ")
    root = ElementTree.fromstring(text)
    (metadata,) = root.findall("{*}metadata")
    root.remove(metadata)
    expected = ElementTree.fromstring(svg.render(draw(5)))
    assert ElementTree.tostring(root) == ElementTree.tostring(expected)


def test_packing_and_unpacking(static):
    widget = make(marks={5: "N = n", 1: "start"}, format=".1f", label="‖w‖ < 1")
    payload = unpack(packed(widget))
    assert payload == widget.payload
    assert payload["labels"] == ["1.0", "2.0", "5.0"]
    assert payload["marks"] == {2: "N = n", 0: "start"}
    assert [len(payload[key]) for key in ("labels", "alts", "frames")] == [3, 3, 3]


def test_an_ordinary_figure_is_no_slider():
    assert unpack(svg.render(draw(1))) is None


@pytest.mark.parametrize("damage", ["", "!", "AAAA"])
def test_a_damaged_slider_says_so(static, damage):
    text = re.sub(r"(slider\">)[^<]*", rf"\g<1>{damage}", packed(make()))
    with pytest.raises(ValueError, match="damaged"):
        unpack(text)


def test_the_html_without_script_shows_the_start_frame_only(static):
    page = _Elements(to_html(make(start=2).payload, prefix="p-"))
    frames = page.all("div", **{"class": "fig-frame"})
    assert [("hidden" in frame) for frame in frames] == [True, False, True]
    assert all("hidden" in a for a in page.all("span", **{"class": "fig-track"}))
    assert page.texts["label"] == ["slope"]
    assert page.texts["output"] == ["2"]
    assert page.all("p", role="status", **{"class": "fig-finding"})


def test_the_control_is_accessible(static):
    page = _Elements(to_html(make(start=2, marks={2: "N = n"}).payload, prefix="p-"))
    (control,) = page.all("input", type="range")
    assert (control["min"], control["max"], control["value"]) == ("0", "2", "1")
    assert control["aria-valuetext"] == "2 (N = n)"
    (label,) = page.all("label")
    (output,) = page.all("output")
    assert label["for"] == output["for"] == control["id"]
    assert [a["aria-label"] for a in page.all("svg", role="img")] == [
        f"a line of slope {v}" for v in (1, 2, 5)
    ]
    assert [a["data-jump"] for a in page.all("button", type="button")] == ["1"]
    assert page.texts["button"] == ["N = n"]


def test_texts_are_escaped(static):
    widget = make(label="<b>", format=lambda v: f'"{v}" & <', marks={1: "<i>"}, alt=lambda v: "a<b")
    page = _Elements(to_html(widget.payload, prefix="p-"))
    assert page.texts["label"] == ["<b>"]
    assert page.texts["button"] == ["<i>"]
    assert page.all("b") == page.all("i") == []


def test_two_sliders_on_a_page_share_no_identifier(static):
    payload = make().payload
    ids = [set(re.findall(r'\bid="([^"]+)"', to_html(payload, prefix=p))) for p in ("a-", "b-")]
    assert ids[0]
    assert ids[0].isdisjoint(ids[1])


def test_frames_after_the_first_cost_little(static):
    two, many = (to_html(make(range(1, n)).payload, prefix="p-") for n in (3, 13))
    assert (len(many) - len(two)) / 10 < 0.15 * len(svg.render(draw(1)))


def test_figures_made_with_pyplot_are_closed(static):
    def with_pyplot(value):
        fig, ax = plt.subplots()
        ax.plot([0, value])
        return fig

    make(draw=with_pyplot)  # the fixture looks for what is left


# --- bad input, in both lives ------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"values": [1]}, ValueError, "values has length 1"),
        ({"values": [1, 2, 1.0]}, ValueError, "values contains 1.0 twice"),
        ({"start": 3}, ValueError, "start has 3"),
        ({"marks": {7: "x"}}, ValueError, "marks has 7"),
        ({"name": "two words"}, ValueError, "name is 'two words'"),
        ({"name": 3}, ValueError, "name is 3"),
        ({"draw": "x"}, TypeError, "draw is a str"),
        ({"alt": "a line"}, TypeError, "alt is a str"),
        ({"alt": lambda v: " "}, ValueError, r"alt\(1\) is ' '"),
        ({"alt": lambda v: v}, ValueError, r"alt\(1\) is 1"),
        ({"draw": lambda v: None}, TypeError, r"draw\(1\) returned a NoneType"),
    ],
)
@pytest.mark.parametrize("mode", ["static", "live"])
def test_wrong_arguments(mode, change, error, message, request):
    request.getfixturevalue(mode)
    with pytest.raises(error, match=message):
        make(**change)


def test_frames_of_different_sizes(static):
    with pytest.raises(ValueError, match="different sizes"):
        make(draw=lambda v: draw(v, width=3 + v))


# --- the live kernel ---------------------------------------------------------------------


def shown(widget):
    return widget.picture.value


def test_moving_the_control_draws_again_beyond_the_grid(live):
    drawn = []
    widget = make(draw=lambda v: drawn.append(v) or draw(v), live=range(1, 101))
    assert drawn == [1]
    assert 'alt="a line of slope 1"' in shown(widget)
    before = shown(widget)
    widget.control.value = 73  # not one of the frames
    assert drawn == [1, 73]
    assert 'alt="a line of slope 73"' in shown(widget)
    assert shown(widget) != before
    assert widget.readout.value == "73"
    assert (widget.control.min, widget.control.max) == (1, 100)


def test_an_error_while_drawing_is_shown_and_the_next_move_recovers(live):
    def fragile(value):
        if value == 2:
            raise ZeroDivisionError("no <slope> 2")
        return draw(value)

    widget = make(draw=fragile)
    widget.control.value = 2
    assert 'role="alert"' in shown(widget)
    assert "ZeroDivisionError: no &lt;slope&gt; 2" in shown(widget)
    widget.control.value = 5
    assert "<img" in shown(widget)


def test_an_error_in_the_first_picture_fails_the_cell(live):
    def broken(value):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        make(draw=broken)


def test_buttons_jump_to_the_marks(live):
    widget = make(marks={5: "N = n"}, live=range(1, 11))
    (button,) = [w for w in widget.widget.children[0].children if hasattr(w, "click")]
    assert button.description == "N = n"
    button.click()
    assert widget.control.value == 5


@pytest.mark.parametrize(
    ("values", "live_range", "kind", "value"),
    [
        ((1, 2, 5), None, "SelectionSlider", 5),
        ((1, 2, 5), [1, 2, 3, 4], "SelectionSlider", 3),
        ((1, 2, 5), np.arange(1, 9), "SelectionSlider", 8),
        ((1, 2, 5), range(1, 9), "IntSlider", 8),
        ((0.1, 0.5), (0.0, 1.0), "FloatSlider", 0.75),
        ((0.1, 0.5), (0.0, 1.0, 0.25), "FloatSlider", 0.25),
        (("relu", "cos"), None, "SelectionSlider", "cos"),
    ],
)
def test_kinds_of_controls(live, values, live_range, kind, value):
    seen = []
    widget = make(
        values, draw=lambda v: seen.append(v) or draw(1), live=live_range, alt=lambda v: f"at {v}"
    )
    assert type(widget.control).__name__ == kind
    widget.control.value = value
    assert seen == [values[0], value]
    assert "application/vnd.jupyter.widget-view+json" in widget._repr_mimebundle_()


@pytest.mark.parametrize("live_range", [range(2, 4), (2, 4), (2, 4, 0.5), [3, 4]])
def test_a_mark_outside_the_range_can_be_reached(live, live_range):
    widget = make(marks={5: "far", 1: "near"}, start=2, live=live_range)
    row = widget.widget.children[0]
    for button in row.children[2:]:
        button.click()
        assert widget.control.value == {"far": 5, "near": 1}[button.description]


def test_values_of_the_grid_can_be_reached_though_live_leaves_them_out(live):
    widget = make(marks={5: "N = n"}, live=[3, 4])
    assert [value for _, value in widget.control.options] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("values", "live_range", "error", "message"),
    [
        ((1, 2), range(2, 9), ValueError, "leaves out the start value 1"),
        ((1, 2), range(0), ValueError, "low < high"),
        ((0.5, 2), range(9), TypeError, "not all integers"),
        ((1, 2), (2.0, 1.0), ValueError, "low < high"),
        ((1, 2), (0.0,), ValueError, "expected \\(low, high\\)"),
        ((1, 2), (0.0, 9.0, -1.0), ValueError, "step -1.0"),
        ((1, 2), "fast", TypeError, "live is a str"),
        ((1, 2), 7, TypeError, "live is a int"),
        (("a", "b"), ["a", "c"], ValueError, "live does not contain 'b'"),
    ],
)
def test_wrong_live_ranges(live, values, live_range, error, message):
    with pytest.raises(error, match=message):
        make(values, draw=lambda v: draw(1), live=live_range)
