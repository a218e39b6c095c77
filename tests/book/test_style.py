"""The look of the figures: contrast, colour vision, sizes, and the statistics of the bands."""

import itertools
import re
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize

from fearless.book import palette, style
from fearless.book.marks import _spread

ROOT = Path(__file__).parents[2]
LIGHT_BACKGROUNDS = ("#ffffff", palette.BACKGROUND)
DARK_BACKGROUNDS = ("#121212", palette.THEME[palette.BACKGROUND][1])

# Machado, Oliveira and Fernandes (2009), Table 1, severity 1: what a viewer without long-wave
# (protan) or medium-wave (deutan) cones sees, in linear RGB.
VISION = {
    "normal": np.eye(3),
    "protan": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deutan": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}
# Ottosson's OKLab: linear RGB -> cone responses -> lightness and two opponent axes.
TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


@pytest.fixture(autouse=True)
def _untouched_rc():
    with mpl.rc_context():
        yield


def linear(color):
    srgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """The contrast ratio of WCAG 2."""
    low, high = sorted(linear(color) @ [0.2126, 0.7152, 0.0722] for color in (one, other))
    return (high + 0.05) / (low + 0.05)


def oklab(rgb):
    return TO_LAB @ np.cbrt(TO_LMS @ np.clip(rgb, 0, 1))


def test_contrast_of_known_colours():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("light", palette.COLORS)
def test_series_colours_stand_out_on_both_themes(light):
    dark = palette.THEME[light][1]
    assert min(contrast(light, b) for b in LIGHT_BACKGROUNDS) >= 3
    assert min(contrast(dark, b) for b in DARK_BACKGROUNDS) >= 3


@pytest.mark.parametrize("light", [palette.FOREGROUND, palette.MUTED])
def test_text_is_readable_on_both_themes(light):
    dark = palette.THEME[light][1]
    assert min(contrast(light, b) for b in LIGHT_BACKGROUNDS) >= 4.5
    assert min(contrast(dark, b) for b in DARK_BACKGROUNDS) >= 4.5


def mixed(color, foreground):
    rgb = [np.array([int(c[i : i + 2], 16) for i in (1, 3, 5)]) for c in (color, foreground)]
    share = palette.TEXT_SHARE
    return "#" + "".join(f"{round(v):02x}" for v in share * rgb[0] + (1 - share) * rgb[1])


@pytest.mark.parametrize("light", palette.COLORS)
def test_words_in_a_series_colour_are_readable_on_both_themes(light):
    dark = mixed(palette.THEME[light][1], palette.THEME[palette.FOREGROUND][1])
    assert palette.TEXT[light][1] == mixed(light, palette.FOREGROUND)
    assert palette.TEXT[light][1] not in palette.THEME, "it would be replaced once more"
    assert min(contrast(palette.TEXT[light][1], b) for b in LIGHT_BACKGROUNDS) >= 4.5
    assert min(contrast(dark, b) for b in DARK_BACKGROUNDS) >= 4.5


def test_style_sheet_mixes_the_colours_of_words():
    css = (ROOT / "assets" / "figures.css").read_text(encoding="utf8")
    for light, (variable, _) in palette.TEXT.items():
        series, share = palette.THEME[light][0], f"{100 * palette.TEXT_SHARE:.0f}%"
        mix = f"color-mix(in srgb, var({series}) {share}, var(--fig-fg))"
        assert f"{variable}: {mix};" in css


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("vision", VISION)
def test_the_first_series_are_distinguishable_by_everybody(vision, theme):
    colors = [c if theme == "light" else palette.THEME[c][1] for c in palette.COLORS]
    seen = [oklab(VISION[vision] @ linear(color)) for color in colors]
    # 0.02 is about a just noticeable difference in OKLab; lines are thin, so ask for 5 of them.
    for first, least in ((5, 0.10), (8, 0.08)):
        for a, b in itertools.combinations(range(first), 2):
            assert np.linalg.norm(seen[a] - seen[b]) >= least, (colors[a], colors[b])


def test_style_sheet_has_the_colours_of_the_palette():
    css = (ROOT / "assets" / "figures.css").read_text(encoding="utf8")
    blocks = re.findall(r"(:root|html\[data-theme[^{]*) \{([^}]*--fig-fg:[^}]*)\}", css)
    found = [dict(re.findall(r"(--fig-[\w-]+): (#[0-9a-f]{6});", body)) for _, body in blocks]
    light = {variable: color for color, (variable, _) in palette.THEME.items()}
    dark = dict(palette.THEME.values())
    assert [selector.strip() for selector, _ in blocks] == [
        ":root",
        'html[data-theme="dark"]',
        "html[data-theme]",  # print
    ]
    assert found == [light, dark, light]


def test_letters_are_legible_on_a_phone():
    fig, ax = style.subplots()
    ax.set(xlabel="number of features", ylabel="error", title="title")
    style.threshold_line(ax, 0.5, "N = n")
    scale = 358 / (72 * fig.get_figwidth())
    texts = fig.findobj(mpl.text.Text)
    assert min(text.get_fontsize() * scale for text in texts if text.get_text()) >= 7


@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (1, 2), (2, 2), (3, 1)])
def test_subplots_have_the_asked_shape(rows, cols):
    fig, axes = style.subplots(rows, cols)
    assert np.size(axes) == rows * cols
    assert fig.get_figwidth() == style.WIDTH
    assert 1 < style.WIDTH / cols / (fig.get_figheight() / rows) < 2.2


@pytest.mark.parametrize("wrong", [{"rows": 0}, {"cols": -1}, {"width": 0}, {"height": -2}])
def test_subplots_refuse_sizes_that_are_not_positive(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        style.subplots(**wrong)


def test_figures_are_not_kept_alive_by_pyplot():
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    style.subplots()
    assert plt.get_fignums() == before


@pytest.mark.parametrize("seed", range(3))
def test_summaries_are_the_textbook_ones(seed):
    samples = np.random.default_rng(seed).normal(size=(7, 5))
    centre, low, high = style.summarize(samples, "median")
    assert_allclose(centre, np.sort(samples, axis=0)[3])
    assert_allclose([low, high], [samples.min(0), samples.max(0)])
    centre, low, high = style.summarize(samples, "mean")
    assert_allclose(centre, samples.sum(0) / 7)
    variance = ((samples - centre) ** 2).sum(0) / 6
    assert_allclose((high - low) / 4, np.sqrt(variance / 7))


@pytest.mark.parametrize("samples", [np.ones(3), np.ones((1, 3)), [[1, np.nan], [1, 2]]])
def test_a_band_needs_several_finite_seeds(samples):
    _, ax = style.subplots()
    with pytest.raises(ValueError, match="samples"):
        style.band(ax, [1, 2, 3][: np.shape(samples)[-1]], samples)


def test_bad_arguments_of_the_marks():
    _, ax = style.subplots()
    with pytest.raises(ValueError, match="kind"):
        style.summarize(np.ones((2, 2)), "mode")
    with pytest.raises(ValueError, match="x has shape"):
        style.band(ax, [1, 2], np.ones((2, 3)))
    with pytest.raises(ValueError, match="side"):
        style.threshold_line(ax, 1, "here", side="top")
    with pytest.raises(ValueError, match="lines"):
        style.label_curves(ax)


def test_a_band_draws_centre_and_range_in_one_colour():
    _, ax = style.subplots()
    line = style.band(ax, [1, 2], [[1, 2], [3, 4], [2, 9]], label="test")
    assert_allclose(line.get_ydata(), [2, 4])
    (area,) = ax.collections
    assert_allclose(area.get_datalim(ax.transData).extents, [1, 1, 2, 9])
    assert mpl.colors.same_color(area.get_facecolor()[0, :3], line.get_color())


def test_names_stand_at_the_ends_of_the_curves_in_their_colours():
    _, ax = style.subplots()
    ax.plot([1, 2, 3], [0, 1, 5], label="up")
    ax.plot([3, 2, 1], [-4, 1, 0], label="down, given backwards")
    ax.plot([1, 2, 3], [0, 0, 0])
    texts = style.label_curves(ax)
    assert [(t.get_text(), t.xy) for t in texts] == [
        ("down, given backwards", (3, -4)),
        ("up", (3, 5)),
    ]
    assert [t.get_color() for t in texts] == [ax.lines[1].get_color(), ax.lines[0].get_color()]


@pytest.mark.parametrize("seed", range(5))
def test_names_are_moved_apart_as_little_as_possible(seed):
    heights = np.sort(np.random.default_rng(seed).uniform(0, 60, size=5))
    spread = np.array(_spread(list(heights), 14.0))
    assert np.diff(spread).min() >= 14 - 1e-9
    best = minimize(
        lambda z: np.sum((z - heights) ** 2),
        heights + 14 * np.arange(5),
        constraints=[{"type": "ineq", "fun": lambda z: np.diff(z) - 14}],
        method="SLSQP",
        options={"ftol": 1e-12},
    )
    assert_allclose(spread, best.x, atol=1e-4)


def test_names_that_do_not_overlap_stay_where_they_are():
    assert _spread([0.0, 20.0, 50.0], 14.0) == [0.0, 20.0, 50.0]


def test_percent_labels_shares_without_decimals():
    _, ax = style.subplots()
    style.percent(ax.yaxis)
    assert ax.yaxis.get_major_formatter()(0.35) == "35%"


def test_counts_are_labelled_by_plain_numbers():
    _, ax = style.subplots()
    ax.set_xscale("log")
    style.count_ticks(ax, [3, 40, 1999.9])
    assert [t.get_text() for t in ax.get_xticklabels()] == [
        "5",
        "10",
        "20",
        "50",
        "100",
        "200",
        "500",
        "1,000",
        "2,000",
    ]
    assert ax.get_xlim() == (3, 1999.9)
    style.count_ticks(ax, np.array([3, 2000]), decades_only=True)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["10", "100", "1,000"]


@pytest.mark.parametrize("counts", [[], [5], [0, 10], [10, 5], [1, np.nan]])
def test_counts_must_ascend_from_a_positive_number(counts):
    _, ax = style.subplots()
    with pytest.raises(ValueError, match="counts"):
        style.count_ticks(ax, counts)


def test_a_name_beside_a_point_is_bold_and_in_its_colour():
    _, ax = style.subplots()
    style.name_point(ax, 0.5, 0.25, "ridge", style.COLORS[1], (3, -4), ha="left", fontsize=9)
    (text,) = ax.texts
    assert text.xy == (0.5, 0.25)
    assert text.xyann == (3, -4)
    assert (text.get_text(), text.get_fontweight(), text.get_fontsize()) == ("ridge", "bold", 9)
    style.name_point(ax, 0, 0, "flow", style.COLORS[0])
    assert ax.texts[1].get_fontsize() == 11
