"""What a trace answers: runs by number, steps to a level, words about divergence."""

import numpy as np
import pytest

from fearless.optimization import Trace
from fearless.optimization.trace import divergence_limit, recorded_steps


def trace(**changes):
    values = dict(
        steps=np.array([0, 10, 20]),
        loss=np.array([[4.0, 2.0, 1.0], [4.0, 5.0, np.inf], [8.0, 0.5, 0.7]]),
        distance=np.array([[3.0, 2.0, 1.0], [3.0, 5.0, np.inf], [9.0, 0.5, 0.5]]),
        norm=np.zeros((3, 3)),
        oracle_calls=np.tile([0, 10, 20], (3, 1)),
        coef=np.zeros((3, 2)),
        diverged_at=np.array([-1, 13, -1]),
        settings={"step_size": np.array([0.1, 2.5, 0.3]), "batch_size": np.array([1, 1, 4])},
        stable_step_size=np.array([1.0, 1.0, np.nan]),
        stability="because",
    )
    return Trace(**{**values, **changes})


def test_steps_to_a_level():
    np.testing.assert_array_equal(trace().steps_to(2.0), [10, -1, 10])
    np.testing.assert_array_equal(trace().steps_to(0.6, relative=True), [10, -1, 10])
    np.testing.assert_array_equal(trace().steps_to(0.3, relative=True), [20, -1, 10])
    np.testing.assert_array_equal(trace().steps_to(1.0, "distance"), [20, -1, 10])


@pytest.mark.parametrize("runs", [[2, 1], [False, True, True], 1])
def test_some_of_the_runs(runs):
    some = trace().take(runs)
    index = {1: [1]}.get(runs if isinstance(runs, int) else 0, [2, 1] if runs == [2, 1] else [1, 2])
    assert some.n_runs == len(index)
    np.testing.assert_array_equal(some.loss, trace().loss[index])
    np.testing.assert_array_equal(some.settings["step_size"], trace().settings["step_size"][index])
    np.testing.assert_array_equal(some.diverged, trace().diverged[index])
    assert trace(distance=None).take(runs).distance is None
    assert some.hessian_calls is None


def test_words():
    lines = trace().explain().splitlines()
    assert lines == [
        "1 of 3 run(s) diverged",
        "run 1 (step_size 2.5, batch_size 1) diverged at step 13; stable below step size 1",
        "because",
    ]
    assert trace().take([0, 2]).explain() == "none of 2 run(s) diverged"
    unknown = trace(stable_step_size=None, stability="", settings={}).explain().splitlines()
    assert unknown == ["1 of 3 run(s) diverged", "run 1 diverged at step 13"]
    many = trace().take([1] * 14).explain().splitlines()
    assert len(many) == 13
    assert many[11] == "and 4 more"
    # A limit that is not known is not spoken of.
    nan = trace(stable_step_size=np.full(3, np.nan)).explain()
    assert "stable below" not in nan
    assert "nan" not in nan


def test_recorded_steps():
    np.testing.assert_array_equal(recorded_steps(4, 100), [0, 25, 50, 75, 100])
    np.testing.assert_array_equal(recorded_steps(100, 3), [0, 1, 2, 3])
    np.testing.assert_array_equal(recorded_steps(100, 0), [0])
    np.testing.assert_array_equal(recorded_steps([2, 5], 9), [2, 5])


def test_the_limit_leaves_room_for_rounding_errors():
    assert divergence_limit(2.0, 1e12) == 2e12
    assert divergence_limit(0.0, 1e12, 3.0) > 1e-20


def test_the_limit_is_a_finite_number_above_the_start():
    np.testing.assert_array_equal(divergence_limit([-2.0, 5.0], 10.0), [20.0, 50.0])
    # No loss of inf is ever within it, however large the first one was.
    assert np.all(divergence_limit([1e300, np.inf], 1e12) < np.inf)
    assert not 1.0 <= divergence_limit(np.nan, 1e12)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: trace().steps_to(-1.0), ValueError, r"level is -1\.0"),
        (lambda: trace().steps_to(1.0, "norm"), ValueError, "of is 'norm'; expected one of"),
        (lambda: trace(distance=None).steps_to(1.0, "distance"), ValueError, "no solution is kn"),
        (
            lambda: trace(steps=np.array([5, 10, 20])).steps_to(0.5, relative=True),
            ValueError,
            "relative is True, but the first recorded step is 5; expected 0",
        ),
        (lambda: recorded_steps([3, 2], 9), ValueError, "record is not sorted"),
        (lambda: recorded_steps(1.5, 9), TypeError, "record is float"),
    ],
)
def test_bad_input_is_named(call, error, match):
    with pytest.raises(error, match=match):
        call()
