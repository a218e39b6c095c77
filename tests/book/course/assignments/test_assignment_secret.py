"""What instructors keep: where the secret comes from, and checks that are nobody else's."""

import stat

import pytest
import tiny_assignment

from fearless.book.course.assignments.pieces import AssignmentError
from fearless.book.course.assignments.secret import read_secret, with_private_checks
from fearless.book.course.assignments.source import read_assignment

PRIVATE = """\
```{hidden-check} q2
:points: 1.5
:failure: what about a square system?
A = instance("q2-square").normal(size=(3, 3))
assert np.allclose(least_norm(A, A.sum(axis=1)), 1)
```
"""


def test_the_secret_is_made_once_and_for_its_owner_alone(tmp_path):
    first = read_secret(tmp_path, {})
    assert len(first) == 32
    assert read_secret(tmp_path, {}) == first
    path = tmp_path / "secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.unlink()
    assert read_secret(tmp_path, {}) != first


def test_the_variable_comes_first_then_the_private_folder(tmp_path):
    private, public = tmp_path / "private", tmp_path / "public"
    private.mkdir()
    public.mkdir()
    environment = {"FEARLESS_PRIVATE": str(private)}
    made = read_secret(public, environment)
    assert (private / "secret").read_text().strip() == made
    assert not (public / "secret").exists()
    environment["FEARLESS_SECRET"] = " of my own "
    assert read_secret(public, environment) == "of my own"


def test_a_short_secret_or_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(AssignmentError, match="FEARLESS_SECRET has 3 characters; 8 at least"):
        read_secret(tmp_path, {"FEARLESS_SECRET": "abc"})
    with pytest.raises(AssignmentError, match="which is no folder"):
        read_secret(tmp_path, {"FEARLESS_PRIVATE": str(tmp_path / "none")})


def test_private_checks_are_found_by_the_name_of_the_assignment(tmp_path):
    tiny = read_assignment(tiny_assignment.write(tmp_path))
    private = tmp_path / "private"
    private.mkdir()
    environment = {"FEARLESS_PRIVATE": str(private)}
    assert with_private_checks(tiny, {}) is tiny
    assert with_private_checks(tiny, environment) is tiny
    (private / "1-tiny.md").write_text(PRIVATE)
    more = with_private_checks(tiny, environment)
    assert more.questions["q2"].points == 5.5
    assert more.questions["q2"].checks[-1].failure == "what about a square system?"
