"""Argument checks: what is accepted comes back as floats or ints, what is not is named."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import eye as sparse_eye

from fearless._validation import (
    as_generator,
    as_seed_sequence,
    check_float_dtype,
    check_int,
    check_labels,
    check_matrix,
    check_option,
    check_out,
    check_positive,
    check_probability,
    check_same_length,
    check_targets,
    check_vector,
    check_widths,
)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_float_arrays_pass_without_a_copy(dtype):
    X = np.ones((3, 2), dtype)
    assert check_matrix(X, "X") is X
    assert check_vector(X[0], "v").base is X
    assert check_targets(X, "y", n_rows=3) is X


@pytest.mark.parametrize("values", [[[1, 2]], np.ones((1, 2), bool), np.ones((1, 2), np.float16)])
def test_other_reals_become_float64(values):
    assert check_matrix(values, "X").dtype == np.float64


def test_complex_only_on_demand():
    z = np.array([[1j]], np.complex64)
    assert check_matrix(z, "Phi", allow_complex=True) is z
    with pytest.raises(TypeError, match="Phi is complex"):
        check_matrix(z, "Phi")


@pytest.mark.parametrize(
    ("values", "error", "match"),
    [
        ([1.0, 2.0], ValueError, r"Xs has shape \(2,\).*reshape"),
        (np.zeros((0, 3)), ValueError, "Xs is empty"),
        (np.zeros((3, 0)), ValueError, "Xs is empty"),
        ([[0.0, np.nan]], ValueError, r"Xs contains 1 non-finite.*\(0, 1\).*nan"),
        ([[np.inf, -np.inf]], ValueError, r"Xs contains 2 non-finite.*\(0, 0\).*inf"),
        ([["a", "b"]], TypeError, "Xs has dtype <U1"),
        ([[None]], TypeError, "Xs has dtype object"),
        ([[1.0], [1.0, 2.0]], ValueError, "Xs cannot be read as an array"),
        (sparse_eye(3), TypeError, "Xs is a sparse matrix"),
    ],
)
def test_bad_matrices_are_named(values, error, match):
    with pytest.raises(error, match=match):
        check_matrix(values, "Xs")


def test_huge_finite_entries_are_finite():
    # The sum of the entries overflows; the entries do not.
    X = np.full((4, 4), np.finfo(float).max)
    assert check_matrix(X, "X") is X


def test_wrong_sizes_are_named():
    with pytest.raises(ValueError, match="Z has 2 columns; expected 3"):
        check_matrix(np.ones((2, 2)), "Z", n_columns=3)
    with pytest.raises(ValueError, match="y has 2 rows; expected 3"):
        check_targets([1.0, 2.0], "y", n_rows=3)
    with pytest.raises(ValueError, match=r"y has shape \(1, 1, 1\)"):
        check_targets(np.ones((1, 1, 1)), "y")
    with pytest.raises(ValueError, match="y is empty"):
        check_targets([], "y")
    with pytest.raises(ValueError, match="w has length 2; expected 5"):
        check_vector([1.0, 2.0], "w", length=5)
    with pytest.raises(ValueError, match="w has shape"):
        check_vector([[1.0]], "w")
    with pytest.raises(ValueError, match="w is empty"):
        check_vector([], "w")
    with pytest.raises(ValueError, match="X has 3, y has 2"):
        check_same_length(X=np.ones((3, 1)), y=[1, 2])
    assert check_same_length(X=np.ones((3, 1)), y=[1, 2, 3]) == 3


def test_labels():
    assert check_labels(np.array([3, 1], np.uint8), "y").dtype == np.intp
    for bad, error, match in [
        ([0.5], TypeError, "y has dtype float64"),
        ([[1]], ValueError, "y has shape"),
        ([], ValueError, "y is empty"),
    ]:
        with pytest.raises(error, match=match):
            check_labels(bad, "y")
    with pytest.raises(ValueError, match=r"y contains the label\(s\) \[7\].*classes = \[0, 1\]"):
        check_labels([0, 7], "y", classes=[0, 1])


@pytest.mark.parametrize("value", [0, -1.0, np.nan, np.inf])
def test_positive_rejects(value):
    with pytest.raises(ValueError, match=r"bandwidth is .*; expected a finite number > 0"):
        check_positive(value, "bandwidth")


def test_positive_accepts_reals_only():
    assert check_positive(np.float32(2), "s") == 2.0
    assert check_positive(0, "s", allow_zero=True) == 0.0
    for bad in ("1", None, True, 1j, [1.0]):
        with pytest.raises(TypeError, match="s is "):
            check_positive(bad, "s")


def test_probability():
    assert check_probability(0, "rate") == 0.0
    for bad in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match=r"rate is .*expected a number in \[0, 1\]"):
            check_probability(bad, "rate")


def test_int():
    assert check_int(np.int32(4), "N") == 4
    for bad in (2.0, "2", True, None):
        with pytest.raises(TypeError, match=r"N is .*; expected an integer"):
            check_int(bad, "N")
    with pytest.raises(ValueError, match="N is 0; expected an integer >= 1"):
        check_int(0, "N")
    with pytest.raises(ValueError, match="N is 9; expected an integer >= 1 and <= 8"):
        check_int(9, "N", maximum=8)


@given(st.lists(st.integers(1, 10**6), min_size=1, unique=True))
def test_widths_accept_exactly_the_increasing_ones(values):
    np.testing.assert_array_equal(check_widths(sorted(values)), sorted(values))
    if len(values) > 1:
        with pytest.raises(ValueError, match="widths is not sorted"):
            check_widths(sorted(values, reverse=True))
        with pytest.raises(ValueError, match="widths contains a duplicate"):
            check_widths(sorted([*values, values[0]]))


@pytest.mark.parametrize(
    ("widths", "error", "match"),
    [
        ([0, 1], ValueError, "an entry of widths is 0"),
        ([1, 11], ValueError, "an entry of widths is 11"),
        ([], ValueError, "widths has shape"),
        ([[1]], ValueError, "widths has shape"),
        ([1.5], TypeError, "widths has dtype float64"),
    ],
)
def test_bad_widths_are_named(widths, error, match):
    with pytest.raises(error, match=match):
        check_widths(widths, maximum=10)


def test_option():
    assert check_option("a", "mode", ("a", "b")) == "a"
    for bad in ("c", 3):
        with pytest.raises(ValueError, match=r"mode is .*; expected one of 'a', 'b'"):
            check_option(bad, "mode", ("a", "b"))


def test_float_dtype():
    assert check_float_dtype("float32") == np.float32
    for bad in (int, None, "no type", np.float16):
        with pytest.raises(TypeError, match=r"dtype is .*; expected float32 or float64"):
            check_float_dtype(bad)


def test_out():
    out = np.empty((2, 3), order="F")
    assert check_out(out, (2, 3), np.float64) is out
    assert check_out(None, (2, 3), np.float32).dtype == np.float32
    with pytest.raises(TypeError, match="out is list"):
        check_out([], (2, 3), np.float64)
    with pytest.raises(TypeError, match="out has dtype float64; expected float32"):
        check_out(out, (2, 3), np.float32)
    with pytest.raises(ValueError, match=r"out has shape \(2, 3\); expected \(3, 2\)"):
        check_out(out, (3, 2), np.float64)
    out.flags.writeable = False
    with pytest.raises(ValueError, match="out is read-only"):
        check_out(out, (2, 3), np.float64)


def test_random_states():
    assert as_generator(3).random() == np.random.default_rng(3).random()
    rng = np.random.default_rng(0)
    assert as_generator(rng) is rng
    assert as_seed_sequence(5).entropy == 5
    assert as_seed_sequence(None).entropy != as_seed_sequence(None).entropy
    # A generator gives new entropy each time and is reproducible.
    first, second = as_seed_sequence(rng).entropy, as_seed_sequence(rng).entropy
    assert first != second
    assert as_seed_sequence(np.random.default_rng(0)).entropy == first
    for bad, error in ((1.5, TypeError), ("0", TypeError), (True, TypeError), (-1, ValueError)):
        with pytest.raises(error, match="random_state is"):
            as_generator(bad)
