"""Figures as SVG: deterministic, small, the same picture, and safe to put into a page."""

import gzip
import io
import re
import subprocess
import sys
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest

from fearless.book import palette, style, svg


@pytest.fixture(autouse=True)
def _untouched_rc():
    with mpl.rc_context():
        yield


def curves(n_points=60, seed=0):
    fig, ax = style.subplots()
    x = np.geomspace(10, 10_000, n_points)
    noise = np.random.default_rng(seed).normal(size=(5, n_points))
    style.band(ax, x, 1 + np.log(x) + 0.1 * noise, label="test")
    style.threshold_line(ax, 300, "N = n")
    ax.set(xscale="log", xlabel="number of features $N$", ylabel="error")
    style.label_curves(ax)
    return fig


def digits():
    fig, ax = style.subplots()
    ax.imshow(np.random.default_rng(0).random((28, 28)), cmap="gray")
    return fig


def as_saved(fig):
    buffer = io.StringIO()
    fig.savefig(buffer, format="svg", facecolor="none", edgecolor="none")
    return buffer.getvalue()


def test_the_same_figure_gives_the_same_bytes_in_any_process():
    code = (
        "from fearless.book import style, svg; fig, ax = style.subplots();"
        "ax.plot([1, 2], [3, 4], 'o-'); ax.set_title('x'); print(svg.render(fig))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-W", "error", "-c", code], capture_output=True, check=True, text=True
        ).stdout
        for _ in range(2)
    }
    assert len(outputs) == 1
    assert "<metadata" not in outputs.pop()


def test_equal_figures_give_equal_texts_and_others_do_not():
    assert svg.render(curves()) == svg.render(curves())
    assert svg.render(curves()) != svg.render(curves(seed=1))


def test_a_figure_of_curves_is_small():
    text, saved = svg.render(curves()), as_saved(curves())
    assert len(text) < 0.75 * len(saved)
    assert len(gzip.compress(text.encode())) < 12_000


def test_dark_on_nothing():
    root = ElementTree.fromstring(svg.render(curves()))
    styles = [e.get("style", "") for e in root.iter()]
    assert not any("fill:#ffffff" in s for s in styles)


def test_wrong_arguments():
    with pytest.raises(TypeError, match="fig is a list"):
        svg.render([])
    with pytest.raises(ValueError, match="not well-formed"):
        svg.compact("<svg>")
    with pytest.raises(ValueError, match="<html>"):
        svg.compact("<html/>")
    with pytest.raises(ValueError, match="viewBox"):
        svg.size("<svg/>")
    with pytest.raises(ValueError, match="origin"):
        svg.size('<svg viewBox="1 0 5 5"/>')


def test_size_is_that_of_the_figure():
    width, height = svg.size(svg.render(curves()))
    assert width == pytest.approx(72 * style.WIDTH)
    assert height == pytest.approx(72 * curves().get_figheight(), abs=0.01)


def test_everything_referred_to_exists_and_carries_the_prefix():
    markup = svg.inline(svg.render(curves()), prefix="f7-", alt="x")
    ids = re.findall(r'\bid="([^"]*)"', markup)
    references = re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', markup)
    names = {a or b for a, b in references}
    assert len(ids) == len(set(ids))
    assert names
    assert names == set(ids)
    assert all(name.startswith("f7-") for name in ids)


def test_no_rule_of_the_figure_can_reach_the_page():
    assert "<style" not in svg.render(curves())


def test_the_alternative_text_is_the_accessible_name():
    alt = 'error < 1 & "falls"'
    root = ElementTree.fromstring(svg.inline(svg.render(curves()), prefix="a-", alt=alt))
    assert root.get("role") == "img"
    assert root.get("aria-label") == alt
    assert root[0].tag == "title"
    assert root[0].text == alt


def test_colours_of_the_palette_become_variables_and_others_stay():
    fig, ax = style.subplots()
    ax.plot([0, 1], color=style.COLORS[3])
    ax.plot([1, 0], color="#123456")
    markup = svg.inline(svg.render(fig), prefix="a-", alt="x")
    assert f"stroke:var(--fig-c3,{style.COLORS[3]})" in markup
    assert "stroke:#123456" in markup
    assert f"var(--fig-fg,{palette.FOREGROUND})" in markup
    # Every colour of the palette is wrapped wherever it stands.
    for color, (variable, _) in palette.THEME.items():
        assert markup.count(color) == markup.count(f"var({variable},{color})")


def test_pixels_of_images_are_embedded_unchanged():
    text = svg.render(digits())
    (data,) = re.findall(r'href="(data:image/png;base64,[^"]+)"', text)
    (saved,) = re.findall(r'href="(data:image/png;base64,[^"]+)"', as_saved(digits()))
    assert "".join(data.split()) == "".join(saved.split())
    assert data in svg.inline(text, prefix="a-", alt="x")


def test_shared_frames_refer_only_to_what_is_there():
    frames = [svg.render(curves(seed=seed)) for seed in range(4)]
    definitions, markup = svg.inline_frames(frames, prefix="s-", alts=list("abcd"))
    ids = re.findall(r'\bid="([^"]*)"', definitions)
    assert len(ids) == len(set(ids))
    assert not re.findall(r'\bid="', "".join(markup))
    used = re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', definitions + "".join(markup))
    assert {a or b for a, b in used} <= set(ids)
    # The axes are there once, so that a further frame costs only what differs.
    assert len(definitions) + sum(map(len, markup)) < 0.6 * sum(map(len, frames))


@pytest.mark.parametrize("make", [curves, digits])
def test_sharing_keeps_every_frame_as_it_was(make):
    texts = [svg.render(make()), svg.render(make())]
    definitions, (shared, _) = svg.inline_frames(texts, prefix="s-", alts=["a", "a"])
    alone = svg.inline(texts[0], prefix="a-", alt="a")
    assert expanded(shared, definitions) == expanded(alone, "")


def expanded(markup, definitions):
    """The elements of an SVG with every <use> replaced by what it refers to."""
    root = ElementTree.fromstring(markup)
    known = {e.get("id"): e for e in root.iter() if e.get("id")}
    if definitions:
        known |= {e.get("id"): e for e in ElementTree.fromstring(definitions).iter()}

    def walk(element):
        if element.tag == "defs":
            return
        target = element.get("href", "")[1:] if element.tag == "use" else ""
        attributes = {
            key: re.sub(r"url\(#([^)]*)\)", lambda m: repr(walk_all(known[m[1]])), value)
            for key, value in element.attrib.items()
            if key not in ("id", "href")
        }
        if target and not attributes:  # a shared part: nothing but a reference
            yield from walk(known[target])
            return
        yield element.tag, tuple(sorted(attributes.items())), element.get("href", "")[:5] == "data:"
        if target:
            yield from walk(known[target])
        for child in element:
            yield from walk(child)

    def walk_all(element):
        return list(walk(element))

    return walk_all(root)


def test_rounding_moves_nothing_by_more_than_a_hundredth_of_a_point():
    text = '<svg viewBox="0 0 9 9"><path d="M 1.23456 -0.001 \nL 1e-05 2.5 "/></svg>'
    assert 'd="M1.23 0L0 2.5"' in svg.compact(text)


def test_words_in_a_series_colour_get_a_colour_of_their_own():
    fig, ax = style.subplots()
    color = palette.COLORS[1]
    ax.plot([0, 1], [0, 1], "o-", color=color)
    ax.fill_between([0, 1], [0, 1], color=color)
    ax.text(0.2, 0.2, r"words and $\frac{a}{b}$", color=color)
    ax.text(0.2, 0.2, "1", color=color)
    markup = svg.inline(svg.render(fig), prefix="f1-", alt="a line")
    variable, fallback = palette.TEXT[color]
    words = re.findall(rf"<(\w+)[^<>]*var\({variable},{fallback}\)", markup)
    assert words == ["g", "g"]
    others = re.findall(rf"<(\w+)[^<>]*:var\({palette.THEME[color][0]},{color}\)", markup)
    assert {"path", "use"} <= set(others), "lines and markers keep the colour of the series"
    assert "g" not in others
