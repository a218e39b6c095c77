"""What is handed in is found under the student's name, however a course system packs it."""

import json
import zipfile

import pytest

from fearless.book.course.grading.submissions import assignment_of, find_submissions


def notebook(name="1-tiny", source="x = 1"):
    cell = {"cell_type": "code", "source": source, "metadata": {}, "outputs": []}
    return json.dumps({"cells": [cell], "metadata": {"otter": {"assignment_name": name}}})


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "scratch").mkdir()

    def write(files):
        for name, text in files.items():
            path = tmp_path / "in" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return find_submissions(tmp_path / "in", tmp_path / "scratch", "1-tiny")

    return write


def test_files_folders_and_what_course_systems_make_of_them(folder):
    found = folder(
        {
            "ada.ipynb": notebook(),
            "bob/homework.ipynb": notebook(),
            "Eve Li_123_assignsubmission_file/1-tiny.ipynb": notebook(),
            "kimjo_4567_8901_1-tiny.ipynb": notebook(),
            "orrdan_LATE_99_12_1-tiny-2.ipynb": notebook(),
            ".DS_Store": "",
            "__MACOSX/ada.ipynb": "",
        }
    )
    by_name = {submission.student: submission for submission in found}
    assert sorted(by_name) == ["Eve Li_123", "ada", "bob", "kimjo_4567", "orrdan_99"]
    assert all(submission.notebook.is_file() for submission in found)
    assert by_name["orrdan_99"].remarks == ("late",)


def test_of_several_notebooks_the_one_of_the_assignment_counts(folder):
    (found,) = folder(
        {
            "ada/z-notes.ipynb": notebook("scratch"),
            "ada/work.ipynb": notebook(),
            "ada/.ipynb_checkpoints/work-checkpoint.ipynb": notebook(),
            "ada/measured.npz": "data",
        }
    )
    assert found.notebook.name == "work.ipynb"
    assert found.remarks == ("2 notebooks; work.ipynb was graded",)
    assert [path.name for path in found.files] == ["measured.npz"]


def test_what_is_no_notebook_is_said(folder):
    found = folder({"ada.pdf": "%PDF", "bob/notes.txt": "", "eve.zip": "torn"})
    assert [submission.notebook for submission in found] == [None] * 3
    remarks = [submission.remarks[0] for submission in found]
    assert remarks[0] == "not graded: ada.pdf is no notebook"
    assert remarks[1] == "not graded: there is no notebook"
    assert remarks[2].startswith("not graded: eve.zip cannot be unpacked")


def test_zips_are_unpacked_and_stay_where_they_belong(tmp_path, folder):
    (tmp_path / "in").mkdir(exist_ok=True)
    with zipfile.ZipFile(tmp_path / "in" / "ada.zip", "w") as archive:
        archive.writestr("deep/1-tiny.ipynb", notebook())
    with zipfile.ZipFile(tmp_path / "in" / "bob.zip", "w") as archive:
        archive.writestr("../../bob.ipynb", notebook())
    ada, bob = folder({})
    assert ada.notebook.name == "1-tiny.ipynb"
    assert bob.remarks == ("not graded: bob.zip would write outside of its folder",)
    assert not list(tmp_path.glob("**/bob.ipynb"))


def test_two_of_one_name_are_both_kept(folder):
    found = folder({"ada.ipynb": notebook(), "ada/1-tiny.ipynb": notebook()})
    assert [submission.student for submission in found] == ["ada (1)", "ada (2)"]
    assert found[0].remarks == ("one of 2 submissions of this name",)


def test_a_fingerprint_changes_with_what_was_handed_in(folder):
    digests = []
    for source in ("x = 1", "x = 1", "x = 2"):
        (submission,) = folder({"ada.ipynb": notebook(source=source)})
        digests.append(submission.fingerprint())
    assert digests[0] == digests[1] != digests[2]


def test_nothing_at_all(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        find_submissions(tmp_path / "none", tmp_path)
    with pytest.raises(FileNotFoundError, match="Nobody has handed in"):
        find_submissions(tmp_path, tmp_path)


def test_the_assignment_of_a_notebook(tmp_path):
    path = tmp_path / "a.ipynb"
    path.write_text(notebook("3-x"))
    assert assignment_of(path) == "3-x"
    path.write_text('{"metadata": []}')
    assert assignment_of(path) == ""
