"""The signature figure of the front page, on a small curve."""

import re

import matplotlib as mpl
import numpy as np
import pytest

from fearless.book.figures.front import SignatureStory
from fearless.data import load_mnist
from fearless.experiments.double_descent import double_descent_curve, width_grid
from fearless.experiments.double_descent.readings import curve_models

N = 100


@pytest.fixture(scope="module")
def story():
    data = load_mnist(n_test=200, dtype=np.float32)
    curves = double_descent_curve(data, width_grid(N, 32), n_train=N, n_seeds=2)
    return SignatureStory(curves, curve_models(data, n_train=N))


def test_frames_are_few_and_hold_the_three_named_models(story):
    assert len(story.widths) <= 12
    assert story.widths == sorted(set(story.widths))
    assert set(story.marks) <= set(story.widths)
    assert list(story.marks) == [story.best_small, N, story.largest]
    assert story.best_small < N < story.largest == 10 * N


def test_the_best_small_model_is_the_best(story):
    curves = story._curves
    median = np.median(curves.column("test_error"), axis=0)
    small = curves.widths < N
    assert story.best_small == curves.widths[small][np.argmin(median[small])]


def test_texts_state_the_finding(story):
    texts = {width: story.alt(width) for width in story.widths}
    assert len(set(texts.values())) == len(texts)
    assert "bottom of the classical U" in texts[story.best_small]
    assert "as many as training digits" in texts[N]
    assert "peak of the curve" in texts[N]
    assert "10 for each training digit" in texts[story.largest]
    assert "second descent" in texts[next(w for w in story.widths if N < w < story.largest)]
    for width, text in texts.items():
        models = story._models
        wrong = models.read(width) != models.y_test
        assert f"misreads {wrong.mean():.0%} of new digits, {wrong[:32].sum()} of the 32" in text


def test_a_better_small_model_is_not_called_worse(story, monkeypatch):
    assert "below the bottom" in story.alt(story.largest)
    changed = story._test.copy()
    changed[-1] = 1.0
    monkeypatch.setattr(story, "_test", changed)
    assert "above the bottom" in story.alt(story.largest)


def test_pictures_frame_what_is_misread(story):
    with mpl.rc_context():
        fig = story.draw(N)
        other = story.draw(story.largest)
    curve, digits = fig.axes
    wrong = story._wrong(N)[:32]
    assert len(digits.patches) == wrong.sum() > len(other.axes[1].patches)
    assert sorted(text.get_text() for text in digits.texts) == sorted(
        map(str, story._read(N)[:32][wrong])
    )
    share = re.search(r"(\d+)%", curve.get_title(loc="left"))[1]
    assert abs(int(share) / 100 - story._error(N)) <= 0.005
    # Nothing jumps between frames.
    for one, two in zip(fig.axes, other.axes, strict=True):
        assert one.get_position().bounds == two.get_position().bounds
        assert one.get_xlim() == two.get_xlim()
        assert one.get_ylim() == two.get_ylim()
