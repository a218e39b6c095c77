"""Figures with handles: what a page of the static site gets, and the widgets of a live kernel."""

import json
import re
from dataclasses import replace

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from manipulations import BALL, CLEAN, MAKERS, NESTEROV, NOISY

from fearless.book import STATIC_VARIABLE, svg
from fearless.book.manipulate import Manipulable, Manipulation, manipulation, unpack
from fearless.book.manipulate_html import to_html
from fearless.book.manipulate_momentum import drag_momentum, draw_momentum, tell_momentum
from fearless.book.manipulate_points import drag_points, draw_points, tell_points


@pytest.fixture(autouse=True)
def _untouched():
    before = plt.get_fignums()
    with mpl.rc_context():
        yield
    assert plt.get_fignums() == before, "a figure was left open"


@pytest.fixture(scope="module")
def static():
    with mpl.rc_context(), pytest.MonkeyPatch.context() as patch:
        patch.setenv(STATIC_VARIABLE, "1")
        return {kind: make() for kind, make in MAKERS.items()}


@pytest.fixture
def live(monkeypatch):
    monkeypatch.delenv(STATIC_VARIABLE, raising=False)


@pytest.fixture(params=MAKERS)
def figure(request, static):
    return static[request.param]


# --- the static site ---------------------------------------------------------------------


def test_the_output_is_one_svg_that_shows_the_first_picture(figure):
    (text,) = figure._repr_mimebundle_().values()
    assert isinstance(figure, Manipulation)
    assert text.startswith("<svg ")
    assert re.sub("<metadata.*</metadata>", "", text) == figure.payload["first"]
    assert unpack(text) == json.loads(json.dumps(figure.payload))


def test_the_first_picture_is_that_of_the_library(static):
    assert static["points"].payload["first"] == svg.render(draw_points(NOISY))
    assert static["momentum"].payload["first"] == svg.render(draw_momentum(BALL))
    assert static["points"].payload["alt"] == tell_points(NOISY)
    assert static["momentum"].payload["alt"] == tell_momentum(BALL)


def test_the_ground_is_the_picture_without_what_moves(static):
    def paths(text):
        return set(re.findall(r'<path d="[^"]+"', text))

    for kind, name in (("points", "line"), ("momentum", "heavy ball")):
        payload = static[kind].payload
        first, ground = paths(payload["first"]), paths(payload["grounds"][name])
        assert ground < first
        assert first - ground
    grounds = static["momentum"].payload["grounds"]
    assert list(grounds) == ["heavy ball", "Nesterov"]
    assert grounds["heavy ball"] != grounds["Nesterov"]


def test_a_label_on_the_truth_costs_nothing_to_speak_of():
    text = tell_points(CLEAN)
    assert text.startswith("Point 7 of 12 is on the truth. The mean squared distance to it is ")
    assert "0.00 above" not in text
    assert "is 0.10 below the truth" in tell_points(CLEAN.moved(CLEAN.y[CLEAN.held] - 0.1))


def test_an_ordinary_figure_is_none():
    assert unpack(svg.render(draw_points(NOISY))) is None


@pytest.mark.parametrize("damage", ["", "!", "AAAA"])
def test_a_damaged_one_says_so(figure, damage):
    (text,) = figure._repr_mimebundle_().values()
    text = re.sub(r"(manipulation\">)[^<]*", rf"\g<1>{damage}", text)
    with pytest.raises(ValueError, match="damaged"):
        unpack(text)


def test_without_script_the_first_picture_its_numbers_and_its_finding_show(figure):
    html = to_html(figure.payload, prefix="p-")
    assert '<div class="fig-controls fig-drag-controls" hidden>' in html
    assert '<div class="fig-frame fig-still"><svg' in html
    assert len(re.findall(r'class="fig-frame fig-live"[^>]* hidden>', html)) == len(
        figure.payload["grounds"]
    )
    for name, number, _ in figure.payload["readouts"]:
        assert f"<dt>{name}</dt><dd>{number}</dd>" in html
    assert f'role="status">{figure.payload["alt"]}</p>' in html


def test_the_first_picture_is_an_image_and_the_ground_a_group(figure):
    html = to_html(figure.payload, prefix="p-")
    assert html.count('role="img"') == 1
    groups = re.findall(r'role="group" aria-describedby="([^"]+)" aria-label="([^"]+)"', html)
    assert len(groups) == len(figure.payload["grounds"])
    for described, label in groups:
        assert f'id="{described}"' in html
        assert label == figure.payload["label"]
    # A title would hover over the handles.
    assert html.count("<title>") == 1


def test_the_data_cannot_end_the_script(static):
    payload = static["points"].payload
    payload = payload | {"data": payload["data"] | {"x": "</script><script>"}}
    assert to_html(payload, prefix="p-").count("</script>") == 1


def test_identifiers_carry_the_prefix(figure):
    ids = [
        set(re.findall(r'\bid="([^"]+)"', to_html(figure.payload, prefix=p))) for p in ("a-", "b-")
    ]
    assert ids[0]
    assert ids[0].isdisjoint(ids[1])


# --- bad input ---------------------------------------------------------------------------


def test_presets_of_another_kind():
    with pytest.raises(ValueError, match="presets has samples of the kinds"):
        drag_points(NOISY, {"other": replace(NOISY, bandwidth=0.1)})
    with pytest.raises(ValueError, match=re.escape("presets has condition numbers [10.0, 20.0]")):
        drag_momentum(BALL, {"other": replace(BALL, condition=10.0)})


def spec(**change):
    def draw(state):
        from fearless.book import style

        fig, ax = style.subplots()
        ax.plot([0, 1], [0, state], gid="moving")
        ax.set(xlim=(0, 1), ylim=(0, 4))
        return fig

    fields = {
        "kind": "line",
        "name": "n",
        "label": "a line",
        "help": "Drag it.",
        "quantity": "",
        "start": 1,
        "draw": draw,
        "finding": "a line to {}".format,
        "readouts": lambda state: [],
        "presets": {"two": 2},
        "grounds": {"": 1},
        "pack": lambda state: state,
        "data": {},
        "controls": [],
    }
    return Manipulable(**(fields | change))


def still(state):
    from fearless.book import style

    fig, ax = style.subplots()
    ax.plot([0, 1], [0, state])
    return fig


def logarithmic(state):
    fig = spec().draw(state)
    fig.axes[0].set_xscale("log")
    return fig


def growing(state):
    fig = spec().draw(state)
    fig.axes[0].set_ylim(0, state)
    return fig


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "two words"}, "name is 'two words'"),
        ({"presets": {}}, "n has 0 presets and 1 grounds"),
        ({"draw": still}, "no artist of the figure has the gid 'moving'"),
        ({"draw": logarithmic}, "an axis is not linear"),
        ({"draw": growing, "grounds": {"a": 1, "b": 2}}, "the grounds of n differ"),
    ],
)
def test_what_cannot_be_shown(monkeypatch, change, message):
    monkeypatch.setenv(STATIC_VARIABLE, "1")
    with pytest.raises(ValueError, match=message):
        manipulation(spec(**change))


# --- the live kernel ---------------------------------------------------------------------


def test_moving_a_widget_calls_the_library(live):
    widget = MAKERS["points"]()
    assert tell_points(NOISY) in widget.picture.value
    point, label = widget.controls
    label.value = 2.0
    assert widget.state.y[6] == 2.0
    assert tell_points(NOISY.moved(2.0)) in widget.picture.value
    point.value = 3  # holds another one, and its label is on the other widget
    assert widget.state.held == 2
    assert label.value == NOISY.y[2]
    assert widget.state.y[6] == 2.0


def test_a_preset_sets_all_widgets(live):
    widget = MAKERS["momentum"]()
    row = widget.widget.children[0]
    buttons = {child.description: child for child in row.children if hasattr(child, "click")}
    buttons["nesterov"].click()
    assert widget.state == NESTEROV.best()
    method, step, momentum = widget.controls
    assert method.value == "Nesterov"
    assert (step.value, momentum.value) == (widget.state.step_size, widget.state.momentum)
    assert tell_momentum(NESTEROV.best()) in widget.picture.value


def test_an_error_while_drawing_is_shown_and_the_next_move_recovers(live):
    def fragile(state):
        if state == 2:
            raise ZeroDivisionError("no <line> to 2")
        return spec().draw(state)

    widget = manipulation(spec(draw=fragile))
    widget.show(2)
    assert 'role="alert"' in widget.picture.value
    assert "no &lt;line&gt; to 2" in widget.picture.value
    widget.show(3)
    assert "a line to 3" in widget.picture.value
