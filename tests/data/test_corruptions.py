"""Corruptions: closed forms of each kind, what they conserve, and coupling over levels."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fearless.data import CORRUPTIONS, corrupt, load_mnist

STRONG = {
    "noise": 0.3,
    "blur": 1.5,
    "rotation": 30,
    "shift": 3,
    "contrast": 0.7,
    "haze": 0.4,
    "occlusion": 9,
    "border": 3,
}


@pytest.fixture(scope="module")
def images():
    return load_mnist(1, 60).X_test


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_level_zero_changes_nothing(images, kind):
    np.testing.assert_array_equal(corrupt(images, kind, 0, random_state=0), images)


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_one_seed_one_result_and_the_input_stays(images, kind):
    before = images.copy()
    a, b = (corrupt(images, kind, STRONG[kind], random_state=3) for _ in range(2))
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(images, before)
    assert a.shape == images.shape
    assert a.min() >= 0
    assert a.max() <= 1
    assert not np.array_equal(a, images)


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_single_precision_stays_single(images, kind):
    single = corrupt(images.astype(np.float32), kind, STRONG[kind], random_state=3)
    assert single.dtype == np.float32
    double = corrupt(images, kind, STRONG[kind], random_state=3)
    np.testing.assert_allclose(single, double, atol=1e-5)


def test_noise_has_the_standard_deviation_asked_for():
    gray = np.full((50, 784), 0.5)
    changed = corrupt(gray, "noise", 0.05, random_state=1)  # ten deviations from the clip
    assert abs(changed.std() / 0.05 - 1) < 4 / np.sqrt(2 * gray.size)
    # Coupled: twice the level, twice the same noise.
    twice = corrupt(gray, "noise", 0.1, random_state=1)
    np.testing.assert_allclose(twice - gray, 2 * (changed - gray), atol=1e-12)


def test_blur_of_a_point_is_a_gaussian():
    point = np.zeros((1, 41, 41))
    point[0, 20, 20] = 1
    spot = corrupt(point.reshape(1, -1), "blur", 2.0, shape=(41, 41)).reshape(41, 41)
    offset = np.arange(-20, 21)
    gaussian = np.exp(-(offset[:, None] ** 2 + offset**2) / 8)
    # The filter is cut at four standard deviations.
    np.testing.assert_allclose(spot, gaussian / gaussian.sum(), atol=2e-5)


def test_a_quarter_turn_is_a_permutation_of_pixels(images):
    turned = corrupt(images, "rotation", 90, random_state=5).reshape(-1, 28, 28)
    ways = [np.rot90(images.reshape(-1, 28, 28), k, axes=(1, 2)) for k in (1, -1)]
    hits = np.array([np.all(np.abs(turned - way) < 1e-9, axis=(1, 2)) for way in ways])
    assert np.all(hits.sum(axis=0) == 1)
    assert 0 < hits[0].sum() < len(images)  # both ways occur


def test_a_shift_by_whole_pixels_moves_them(images):
    moved = corrupt(images, "shift", 2, random_state=6).reshape(-1, 28, 28)
    padded = np.pad(images.reshape(-1, 28, 28), ((0, 0), (2, 2), (2, 2)))
    ways = [padded[:, a : a + 28, b : b + 28] for a, b in ((4, 2), (0, 2), (2, 4), (2, 0))]
    found = np.array([np.all(np.abs(moved - way) < 1e-9, axis=(1, 2)) for way in ways])
    assert np.all(found.sum(axis=0) >= 1)
    assert np.all(found.sum(axis=1) >= 1)


def test_contrast_and_haze_are_affine(images):
    mean = images.mean(axis=1, keepdims=True)
    dull = corrupt(images, "contrast", 0.7)
    np.testing.assert_allclose(dull, 0.3 * images + 0.7 * mean, atol=1e-12)
    np.testing.assert_allclose(dull.mean(axis=1, keepdims=True), mean, atol=1e-12)
    np.testing.assert_allclose(corrupt(images, "haze", 0.4), 0.6 * images + 0.4, atol=1e-12)
    assert np.all(corrupt(images, "haze", 1) == 1)


@given(side=st.integers(0, 12), seed=st.integers(0, 2**31))
def test_occlusion_blackens_one_square(side, seed):
    white = np.ones((5, 12 * 15))
    black = corrupt(white, "occlusion", side, shape=(12, 15), random_state=seed) == 0
    for mask in black.reshape(-1, 12, 15):
        assert mask.sum() == side**2
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        assert len(rows) == len(columns) == side


@given(rim=st.integers(0, 6))
def test_border_whitens_a_frame(rim):
    white = corrupt(np.zeros((2, 12 * 15)), "border", rim, shape=(12, 15)) == 1
    assert np.all(white.sum(axis=1) == 12 * 15 - (12 - 2 * rim) * (15 - 2 * rim))


@pytest.mark.parametrize(
    ("kind", "level", "message"),
    [
        ("fog", 0.1, "kind is 'fog'; expected one of 'noise', 'blur'"),
        ("noise", -0.1, "level is -0.1; expected a finite number >= 0"),
        ("blur", np.nan, "level is nan; expected a finite number >= 0"),
        ("haze", 1.5, r"level is 1.5; expected a number in [0, 1]"),
        ("contrast", -1, r"level is -1; expected a number in [0, 1]"),
        ("occlusion", 29, "level is 29; expected an integer >= 0 and <= 28"),
        ("border", 15, "level is 15; expected an integer >= 0 and <= 14"),
    ],
)
def test_bad_values_are_named(images, kind, level, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        corrupt(images, kind, level)


def test_bad_kinds_of_arguments_are_named(images):
    with pytest.raises(TypeError, match=r"level is float 0\.5; expected an integer"):
        corrupt(images, "border", 0.5)
    for shape in (784, (28, 28, 1)):
        with pytest.raises(ValueError, match="expected a pair"):
            corrupt(images, "blur", 1, shape=shape)
    with pytest.raises(ValueError, match=r"level is 1e\+09; expected at most 28"):
        corrupt(images, "blur", 1e9)
    with pytest.raises(ValueError, match="X has 784 columns; expected 100"):
        corrupt(images, "blur", 1, shape=(10, 10))
    with pytest.raises(ValueError, match="X has grey levels from 0 to 255; expected them in"):
        corrupt(255 * images, "blur", 1)
