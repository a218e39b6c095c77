"""Three rules through samples on a line, and what one label costs each of them."""

from dataclasses import replace

import numpy as np
import pytest

from fearless.experiments.interpolation.dragged_points import RULES, HeldPoints, held_sample
from fearless.experiments.interpolation.line_picture import box_average, wave


@pytest.fixture(scope="module")
def sample():
    return held_sample(seed=1)


def test_every_rule_fits_every_label(sample):
    assert sample.predict(sample.x).shape == (len(RULES), len(sample.x))
    np.testing.assert_allclose(sample.predict(sample.x), np.tile(sample.y, (3, 1)), atol=1e-12)


def test_between_the_samples_the_rules_are_those_of_the_text(sample):
    x, y = sample.x, sample.y
    places = np.sort(np.random.default_rng(0).uniform(size=200))
    near, dots, kernel = sample.predict(places)
    np.testing.assert_array_equal(near, y[np.argmin(np.abs(places[:, None] - x), axis=1)])
    np.testing.assert_allclose(dots, np.interp(places, x, y), atol=1e-12)
    # Almost without a singularity the kernel is the box.
    flat = replace(sample, exponent=1e-6).predict(places)[2]
    np.testing.assert_allclose(flat, box_average(x, y, places, sample.bandwidth), atol=1e-4)
    assert np.abs(kernel - flat).max() > 0.1


def test_joined_dots_pay_two_thirds_of_the_nearest_neighbour(sample):
    """Up and down by the same amount the error of the truth itself cancels: 2 / (d + 2), d = 1."""
    clean = replace(sample, y=wave(sample.x))
    for held in range(1, len(clean.x) - 1):
        point = replace(clean, held=held)
        truth = clean.y[held]
        both = point.moved(truth + 1).costs() + point.moved(truth - 1).costs()
        assert both[1] / both[0] == pytest.approx(2 / 3, abs=0.03)
        assert both[2] < both[1]
        gap = (clean.x[held + 1] - clean.x[held - 1]) / 2
        assert both[0] / 2 == pytest.approx(gap, abs=2e-3)


def test_on_the_truth_a_label_costs_nothing(sample):
    still = sample.moved(float(wave(sample.x[sample.held])))
    assert still.deviation == 0
    np.testing.assert_array_equal(still.costs(), 0)


def test_the_curves_are_the_predictions(sample):
    for row, (x, y) in enumerate(sample.curves()):
        assert x[0] == 0
        assert x[-1] == 1
        assert np.all(np.diff(x) >= 0)
        middles = (x[1:] + x[:-1])[np.diff(x) > 1e-9] / 2
        if row < 2:  # these two are polygons
            np.testing.assert_allclose(
                sample.predict(middles)[row],
                np.interp(middles, x, y),
                atol=1e-12,
            )
        else:
            np.testing.assert_array_equal(sample.predict(x)[row], y)


def test_a_moved_point_leaves_the_others(sample):
    moved = sample.moved(2.0, position=0.57)
    assert (moved.x[6], moved.y[6]) == (0.57, 2.0)
    others = np.arange(len(sample.x)) != 6
    np.testing.assert_array_equal(moved.x[others], sample.x[others])
    np.testing.assert_array_equal(moved.y[others], sample.y[others])
    assert sample.y[6] != 2.0


@pytest.mark.parametrize(
    ("x", "held", "message"),
    [
        ([0.2, 0.1], 0, "expected increasing numbers in"),
        ([0.1, 0.1], 0, "expected increasing numbers in"),
        ([0.1, 1.2], 0, "expected increasing numbers in"),
        ([0.1, 0.2], 2, "held is 2; expected less than 2"),
    ],
)
def test_samples_that_are_none(x, held, message):
    with pytest.raises(ValueError, match=message):
        HeldPoints(x, [0.0, 1.0], held)
