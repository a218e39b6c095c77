"""Figures with handles in a browser: the script computes what the library computes, and the
handles follow mouse, finger and keyboard."""

from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from manipulations import BALL, CLEAN, MAKERS, NOISY
from site_browser import find_chromium

from fearless.book import STATIC_VARIABLE
from fearless.book.manipulate_html import to_html
from fearless.book.manipulate_momentum import tell_momentum
from fearless.book.manipulate_points import tell_points
from fearless.experiments.interpolation.dragged_points import HeldPoints
from fearless.experiments.optimization.momentum_plane import METHODS, MomentumSetting

ASSETS = Path(__file__).parents[2] / "assets"

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no Chromium is installed")


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    with mpl.rc_context(), pytest.MonkeyPatch.context() as patch:
        patch.setenv(STATIC_VARIABLE, "1")
        figures = [to_html(MAKERS[k]().payload, prefix=f"{k[0]}-") for k in MAKERS]
    styles = "".join((ASSETS / f).read_text("utf8") for f in ("figures.css", "drag.css"))
    scripts = [
        f"<script>{(ASSETS / f).read_text('utf8')}</script>"
        for f in ("drag.js", "drag-points.js", "drag-momentum.js")
    ]
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(
        '<!doctype html><html lang="en" data-theme="light"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>Handles</title>'
        f"<style>{styles} body {{background: var(--fig-bg); color: var(--fig-fg)}}</style>"
        f"<main><h1>Handles</h1>{''.join(figures)}</main>{''.join(scripts)}</html>",
        encoding="utf8",
    )
    return path.as_uri()


@pytest.fixture(scope="module")
def page(browser, document):
    """A page for what changes nothing."""
    page = browser.new_page()
    page.goto(document)
    yield page
    page.close()


def part(page, kind):
    return page.locator(f".fig-drag[data-drag={kind}]")


def grips(page, kind):
    return part(page, kind).locator(".fig-live:not([hidden]) .fig-grip")


def centre(grip):
    box = grip.locator(".fig-dot").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def numbers(page, kind):
    return part(page, kind).locator(".fig-readouts dd").all_inner_texts()


def value(grip):
    return float(grip.get_attribute("aria-valuenow"))


def finding(page, kind):
    """The sentence, once it has been brought up to date."""
    page.wait_for_timeout(700)
    return part(page, kind).locator(".fig-drag-finding").inner_text()


# --- the same numbers as the library -----------------------------------------------------


def random_points(rng):
    n = int(rng.integers(2, 20))
    x = np.sort(rng.uniform(size=n))
    held, exponent = int(rng.integers(n)), float(rng.uniform(0.05, 4))
    return HeldPoints(x, rng.normal(size=n), held, exponent, float(rng.uniform(0.02, 0.6)))


@pytest.mark.parametrize("seed", range(20))
def test_the_fits_and_their_risks_are_those_of_the_library(page, seed):
    rng = np.random.default_rng(seed)
    state = random_points(rng)
    places = [*rng.uniform(-0.1, 1.1, size=200), *state.x]
    found = page.evaluate(
        """([x, y, held, settings, places]) => {
          const {predict, risks, costs, finding} = fearlessDrag.points;
          return {
            fits: places.map(q => predict(x, y, q, settings)),
            risks: risks(x, y, settings),
            costs: costs(x, y, held, settings),
            finding: finding({x, y, held}, settings),
          };
        }""",
        [
            state.x.tolist(),
            state.y.tolist(),
            state.held,
            {"exponent": state.exponent, "bandwidth": state.bandwidth},
            [float(q) for q in places],
        ],
    )
    np.testing.assert_allclose(np.transpose(found["fits"]), state.predict(places), atol=1e-9)
    np.testing.assert_allclose(found["risks"], state.risks(), atol=1e-9)
    np.testing.assert_allclose(found["costs"], state.costs(), atol=1e-9)
    assert found["finding"] == tell_points(state)


@pytest.mark.parametrize("method", METHODS)
def test_factors_and_paths_are_those_of_the_library(page, method):
    rng = np.random.default_rng(5)
    for eta, gamma, kappa in rng.uniform([0.02, 0, 1], [4, 0.99, 100], size=(30, 3)):
        state = MomentumSetting(method, float(eta), float(gamma), float(kappa))
        best = [{"step": s.step_size, "momentum": s.momentum} for s in (state.best(),)]
        plain = state.best(with_momentum=False)
        best.append({"step": plain.step_size, "momentum": plain.momentum})
        found = page.evaluate(
            """([state, data]) => {
              const {factor, path, finding} = fearlessDrag.momentum;
              const {method, step, momentum} = state;
              return {
                factor: factor(method, step, momentum, data.eigenvalues),
                path: path(method, step, momentum, data.eigenvalues, [9, 1.6], 20),
                finding: finding(state, data),
              };
            }""",
            [
                {"method": method, "step": state.step_size, "momentum": state.momentum},
                {"eigenvalues": state.eigenvalues.tolist(), "best": {method: best}},
            ],
        )
        assert found["factor"] == pytest.approx(state.factor, abs=1e-9)
        path = state.path([9.0, 1.6], 20)
        np.testing.assert_allclose(found["path"], path, rtol=1e-9, atol=1e-9)
        assert found["finding"] == tell_momentum(state)


# --- what shows at first -----------------------------------------------------------------


@pytest.mark.parametrize("kind", MAKERS)
def test_the_script_begins_with_the_picture_of_the_library(open_page, kind):
    shown = {}
    for script in (True, False):
        page = open_page(java_script_enabled=script, viewport={"width": 800, "height": 900})
        one = part(page, kind)
        assert one.locator(".fig-drag-controls").is_visible() is script
        assert one.locator(".fig-still").is_visible() is not script
        shown[script] = numbers(page, kind), finding(page, kind)
        boxes = one.locator("svg.fig-svg").all()
        (visible,) = [svg for svg in boxes if svg.is_visible()]
        shown[script] += (tuple(round(v) for v in list(visible.bounding_box().values())[2:]),)
    assert shown[True] == shown[False]


def test_the_moving_parts_lie_where_the_library_draws_them(open_page):
    """A polygon of the script against the path of matplotlib, corner by corner."""
    page = open_page()
    drawn = page.evaluate(
        """() => {
          const still = document.querySelector('[data-drag=points] .fig-still');
          const live = document.querySelector('[data-drag=points] .fig-moving polyline');
          const defs = document.querySelector('[data-drag=points] .fig-defs');
          const ds = [...still.querySelectorAll('path'), ...defs.querySelectorAll('path')];
          return [live.getAttribute('points'), ds.map(p => p.getAttribute('d'))];
        }"""
    )
    points = np.array([[float(v) for v in pair.split(",")] for pair in drawn[0].split()])
    corners = [
        np.array(d.replace("M", " ").replace("L", " ").split(), dtype=float).reshape(-1, 2)
        for d in drawn[1]
        if set(d) <= set("ML0123456789. -")
    ]
    same = [c for c in corners if c.shape == points.shape and np.abs(c - points).max() < 0.02]
    assert len(same) == 1


# --- hands -------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [390, 1280])
def test_dragging_a_point_with_the_mouse(open_page, width):
    page = open_page(viewport={"width": width, "height": 900})
    grip = grips(page, "points").nth(3)
    before, start = numbers(page, "points"), value(grip)
    x, y = centre(grip)
    page.mouse.move(x + 2, y + 2)
    page.mouse.down()
    page.mouse.move(x + 2, y - 40, steps=4)
    page.mouse.up()
    assert value(grip) > start + 0.2
    assert centre(grip)[1] == pytest.approx(y - 42, abs=1.5), "the point left the hand"
    assert all(a != b for a, b in zip(before, numbers(page, "points"), strict=True))
    assert "Point 4 of 12" in finding(page, "points")
    page.mouse.move(x, y + 50)
    assert centre(grip)[1] == pytest.approx(y - 42, abs=1.5), "it moves without being held"


def test_a_point_dragged_past_its_neighbours_leaves_them_where_they_are(open_page):
    """It stops before them; letting go far from it is no tap on the one below the pointer."""
    page = open_page(viewport={"width": 1280, "height": 900})
    every = grips(page, "points").all()
    before = [value(grip) for grip in every]
    x, y = centre(every[3])
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 250, y - 60, steps=5)
    page.mouse.up()
    after = [value(grip) for grip in every]
    assert [i for i in range(len(every)) if after[i] != before[i]] == [3]
    # The next click is a tap again.
    x, y = centre(every[8])
    page.mouse.click(x, y - 70)
    assert centre(every[8])[1] == pytest.approx(y - 70, abs=1.5)


def test_a_second_finger_does_not_take_the_point_over(open_page):
    page = open_page(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    first, second = grips(page, "points").nth(2), grips(page, "points").nth(9)
    first.scroll_into_view_if_needed()
    (x, y), (u, v), start = centre(first), centre(second), value(second)
    session = page.context.new_cdp_session(page)

    def touch(kind, *points):
        places = [{"x": px, "y": py, "id": i} for i, (px, py) in points]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    touch("touchStart", (0, (x, y)))
    touch("touchStart", (0, (x, y)), (1, (u, v)))
    touch("touchMove", (0, (x, y - 30)), (1, (u, v - 30)))
    touch("touchEnd", (1, (u, v - 30)))
    touch("touchMove", (0, (x, y - 50)))
    touch("touchEnd")
    assert value(second) == start
    assert centre(first)[1] == pytest.approx(y - 50, abs=1.5)


def test_a_finger_drags_a_point_and_scrolls_elsewhere(open_page):
    page = open_page(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    grip = grips(page, "points").nth(6)
    grip.scroll_into_view_if_needed()
    start, (x, y) = value(grip), centre(grip)
    session = page.context.new_cdp_session(page)

    def touch(kind, *points):
        places = [{"x": px, "y": py} for px, py in points]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    scrolled = page.evaluate("scrollY")
    touch("touchStart", (x, y))
    for k in range(1, 6):
        touch("touchMove", (x, y - 8 * k))
    touch("touchEnd")
    assert value(grip) > start + 0.2
    assert page.evaluate("scrollY") == scrolled
    style = "e => getComputedStyle(e).touchAction"
    assert grip.evaluate(style) == "none"
    assert part(page, "points").locator(".fig-live svg").first.evaluate(style) == "auto"


def test_a_tap_moves_the_nearest_point(open_page):
    page = open_page(viewport={"width": 800, "height": 900})
    grip = grips(page, "points").nth(8)
    x, y = centre(grip)
    page.mouse.click(x + 3, y - 60)
    assert centre(grip)[1] == pytest.approx(y - 60, abs=1.5)
    assert centre(grip)[0] == pytest.approx(x, abs=1), "a tap changes the label only"


def test_a_tap_in_the_plane_moves_the_setting(open_page):
    page = open_page(viewport={"width": 800, "height": 900})
    grip = grips(page, "momentum").first
    grip.scroll_into_view_if_needed()
    x, y = centre(grip)
    page.mouse.click(x + 70, y + 40)
    assert centre(grip) == pytest.approx((x + 70, y + 40), abs=1.5)


def test_keyboard(open_page):
    page = open_page()
    part(page, "points").locator("[data-preset]").last.focus()
    page.keyboard.press("Tab")
    grip = grips(page, "points").first
    assert grip.evaluate("e => e === document.activeElement")
    start = value(grip)
    for key, change in (("ArrowUp", 0.1), ("ArrowDown", -0.1), ("PageUp", 0.5), ("PageDown", -0.5)):
        page.keyboard.press(key)
        assert value(grip) == pytest.approx(start + change, abs=1e-3)
        page.keyboard.press("Home")
        assert value(grip) == start
    x = centre(grip)[0]
    page.keyboard.press("ArrowRight")
    assert centre(grip)[0] > x
    page.keyboard.press("Tab")
    assert grips(page, "points").nth(1).evaluate("e => e === document.activeElement")
    assert "Point 2 of 12" in finding(page, "points")


def test_home_leads_back_and_keeps_the_focus(open_page):
    """Also where the first setting is on another ground, and the handle moves to its picture."""
    page = open_page()
    part(page, "momentum").get_by_role("button", name="Nesterov", exact=True).click()
    grip = grips(page, "momentum").first
    grip.focus()
    page.keyboard.press("Home")
    assert part(page, "momentum").locator("[data-ground='heavy ball'].fig-live").is_visible()
    assert grips(page, "momentum").first.evaluate("e => e === document.activeElement")
    start = value(grips(page, "momentum").first)
    page.keyboard.press("ArrowUp")
    assert value(grips(page, "momentum").first) == pytest.approx(start + 0.01)


def test_points_stay_in_order_and_in_the_picture(open_page):
    page = open_page()
    grip = grips(page, "points").nth(4)
    grip.focus()
    for _ in range(30):
        page.keyboard.press("Shift+ArrowRight")
        page.keyboard.press("PageUp")
    assert value(grip) == 2.4
    next_x = centre(grips(page, "points").nth(5))[0]
    assert 0 < next_x - centre(grip)[0] < 12


def test_the_setting_stays_in_the_plane(open_page):
    page = open_page()
    grip = grips(page, "momentum").first
    grip.focus()
    for _ in range(12):
        page.keyboard.press("PageUp")
        page.keyboard.press("Shift+ArrowLeft")
    assert numbers(page, "momentum")[:2] == ["0.02", "0.99"]
    page.keyboard.press("Shift+ArrowDown")
    assert value(grip) == pytest.approx(0.89)
    page.keyboard.press("Alt+ArrowDown")  # belongs to the browser
    assert value(grip) == pytest.approx(0.89)


def test_what_moves_is_clipped_to_its_axes(open_page):
    page = open_page()
    clipped, axes = page.evaluate(
        """() => {
          const groups = [...document.querySelectorAll('.fig-moving [clip-path]')];
          const data = [...document.querySelectorAll('.fig-drag > script')];
          return [
            groups.map(group => {
              const id = group.getAttribute('clip-path').slice(5, -1);
              const {x, y, width, height} = document.getElementById(id).querySelector('rect');
              return [x, y, width, height].map(length => length.baseVal.value);
            }),
            data.flatMap(e => JSON.parse(e.textContent).axes.map(axis => axis.box)),
          ];
        }"""
    )
    assert len(axes) == 3
    expected = [[left, top, right - left, low - top] for left, top, right, low in axes]
    np.testing.assert_allclose(clipped, expected, atol=1e-3)
    for line in page.locator(".fig-moving polyline").all():
        assert line.evaluate("e => e.closest('[clip-path]') !== null")


def test_the_focus_is_seen(open_page):
    page = open_page()
    grip = grips(page, "points").first
    ring = grip.locator(".fig-ring")
    assert ring.evaluate("e => getComputedStyle(e).stroke") == "none"
    part(page, "points").locator("[data-preset]").last.focus()
    page.keyboard.press("Tab")
    assert ring.evaluate("e => getComputedStyle(e).strokeWidth") == "3px"
    assert ring.evaluate("e => getComputedStyle(e).stroke") == "rgb(31, 35, 40)"


def test_presets(open_page):
    page = open_page()
    button = part(page, "points").get_by_role("button", name="clean")
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert numbers(page, "points") == [f"{risk:.3f}" for risk in CLEAN.risks()]
    assert finding(page, "points") == tell_points(CLEAN)
    part(page, "points").get_by_role("button", name="noisy").click()
    assert numbers(page, "points") == [f"{risk:.3f}" for risk in NOISY.risks()]


def test_the_other_method_has_its_own_plane(open_page):
    page = open_page()
    one = part(page, "momentum")
    one.get_by_role("button", name="Nesterov", exact=True).click()
    assert one.locator("[data-ground=Nesterov].fig-live").is_visible()
    assert not one.locator(".fig-live[data-ground='heavy ball']").is_visible()
    assert finding(page, "momentum") == tell_momentum(replace(BALL, method="Nesterov"))
    one.get_by_role("button", name="long").click()
    assert "unstable" in finding(page, "momentum")
    assert numbers(page, "momentum")[-1] == "unstable"
    assert one.locator(".fig-live[data-ground='heavy ball']").is_visible()


# --- everybody ---------------------------------------------------------------------------


def test_handles_have_names_values_and_a_status(open_page):
    page = open_page()
    sliders = page.get_by_role("slider")
    assert sliders.count() == len(NOISY.x) + 1
    first = page.get_by_role("slider", name="Label of point 1", exact=True)
    assert first.get_attribute("aria-valuetext").startswith("−0.11 at x = 0.04, truth 0.2")
    assert page.get_by_role("status").count() == 2
    assert page.get_by_role("img").count() == 0, "the still picture is spoken beside the live one"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_violation_of_wcag(open_page, theme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = open_page()
    page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
    result = axe.Axe().run(page, options=rules)
    assert result.response["violations"] == []


def test_nothing_jumps_when_the_script_begins(browser, document, tmp_path):
    """Not even where the scripts come long after the page has been painted."""
    late = Path(document.removeprefix("file://")).read_text(encoding="utf8")
    head, *scripts = late.split("<script>")
    scripts = [f"<script>setTimeout(() => {{{s}".replace("</", "}, 900)</", 1) for s in scripts]
    (tmp_path / "late.html").write_text(head + "".join(scripts), encoding="utf8")
    page = browser.new_page()
    page.add_init_script(
        "window.shift = 0; new PerformanceObserver(l => l.getEntries().forEach("
        "e => { shift += e.value; })).observe({type: 'layout-shift', buffered: true});"
    )
    page.goto((tmp_path / "late.html").as_uri())
    page.locator(".fig-drag-controls").last.wait_for(state="visible")
    page.wait_for_timeout(300)
    assert page.evaluate("shift") < 0.001
    page.close()


def test_on_paper_the_picture_shows_and_the_controls_do_not(open_page):
    page = open_page()
    page.emulate_media(media="print")
    for kind in MAKERS:
        assert not part(page, kind).locator(".fig-drag-controls").is_visible()
        assert part(page, kind).locator(".fig-live:not([hidden]) svg").is_visible()


@pytest.mark.parametrize("width", [320, 390])
def test_it_fits_a_phone(open_page, width):
    page = open_page(viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
