"""Checks as functions: what they see, what they draw, and that they come to an end."""

import time

import numpy as np
import pytest

from fearless.book.course.assignments.checking import (
    SECONDS_VARIABLE,
    CheckTookTooLong,
    check_function,
    checking,
    instance_key,
    instances,
)


def run(code, namespace, key=""):
    own = {}
    exec(check_function(code, "q1_0", key), own)
    return own["q1_0"](namespace)


def test_a_check_sees_the_notebook_and_leaves_it_alone():
    notebook = {"f": lambda x: x + 1, "offset": 1, "y": "mine"}
    code = "y = f(1)\nassert y == 2\nassert all(f(k) == k + offset for k in range(3))"
    run(code, notebook)
    assert notebook["y"] == "mine"
    with pytest.raises(AssertionError, match="too small"):
        run("def least(a=f):\n    return a(0)\nassert least() > 5, 'too small'", notebook)


def test_only_what_it_does_not_define_is_asked_for():
    code = (
        "import numpy as np\nwith open(path) as file:\n    pass\nassert [k for k in np.arange(n)]"
    )
    assert "checking(env, 'n', 'path')" in check_function(code, "q1_0")
    assert "checking(env)" in check_function("assert len([1]) == 1", "q1_0")


def test_strings_of_several_lines_stay_what_they_are():
    code = 'text = f"""a\n  b{1}\n"""\nassert text == "a\\n  b1\\n", text'
    run(code, {})


def test_comments_of_a_check_are_gone():
    assert "trick" not in check_function("assert f(0) == 1  # the trick", "q1_0")


@pytest.mark.parametrize(
    ("namespace", "error", "message"),
    [
        ({}, NameError, "f is not defined: its cell has not run"),
        ({"f": ...}, AssertionError, "f is still `...`"),
    ],
)
def test_what_is_missing_is_named(namespace, error, message):
    with pytest.raises(error, match=message):
        run("assert f(1)", namespace)


def test_instances_hang_on_key_and_name_alone():
    one, same = instances(instance_key("secret", "1-a")), instances(instance_key("secret", "1-a"))
    assert np.array_equal(one("q1").normal(size=5), same("q1").normal(size=5))
    others = [
        one("q2"),
        instances(instance_key("another", "1-a"))("q1"),
        instances(instance_key("secret", "2-b"))("q1"),
    ]
    first = one("q1").normal()
    assert all(other.normal() != first for other in others)


def test_a_hidden_check_has_the_key_and_not_the_secret():
    key = instance_key("my secret", "1-a")
    source = check_function('rng = instance("q1")\nassert rng.normal() < f', "q1_0", key)
    assert key in source
    assert "my secret" not in source
    run('assert instance("q1").normal() == first', {"first": instances(key)("q1").normal()}, key)


def test_a_check_that_never_ends_is_stopped_when_graded(monkeypatch):
    monkeypatch.setenv(SECONDS_VARIABLE, "0.2")

    def spin():
        while True:
            pass

    def spin_on():  # swallows the first one
        try:
            spin()
        except CheckTookTooLong:
            spin()

    begin = time.process_time()
    for function in (spin, spin_on):
        with pytest.raises(CheckTookTooLong, match=r"after 0\.2 seconds"), checking({}):
            function()
    assert time.process_time() - begin < 10
    # Never afterwards.
    end = time.process_time() + 0.5
    while time.process_time() < end:
        pass


def test_without_the_variable_nothing_is_stopped(monkeypatch):
    monkeypatch.delenv(SECONDS_VARIABLE, raising=False)
    import signal

    before = signal.getsignal(signal.SIGPROF)
    with checking({"a": 1}, "a") as (a,):
        assert a == 1
        assert signal.getsignal(signal.SIGPROF) == before
