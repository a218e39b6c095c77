"""The editions for students and instructors: what is in them, and that one does not leak."""

import io
import shutil
import zipfile
from pathlib import Path

import pytest
import yaml
from test_leaks import CODE, GRADING, PROSE, SOLUTION, html, pdf, zipped

from fearless.book.course.editions import instructor, student
from fearless.book.editions.downloads import PDF_NAME, ZIP_NAME
from fearless.book.sphinx.cache import CACHE_ROOT, source_digest

ROOT = Path(__file__).resolve().parents[4]
HEADER = "---\nkernelspec:\n  name: python3\n---\n"
TOC = {
    "root": "chapters/index",
    "parts": [
        {"caption": "Part", "numbered": True, "chapters": [{"file": "chapters/part/page"}]},
        {"caption": "Other", "chapters": [{"file": "chapters/other/page"}]},
    ],
}


@pytest.fixture
def book(tmp_path):
    """A book with one page, one solution and a built site."""

    def write(name, content):
        path = tmp_path / "book" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    write("_config.yml", yaml.safe_dump({"title": "Small", "sphinx": {"config": {"a": 1}}}))
    write("_toc.yml", yaml.safe_dump(TOC))
    write("lib/fearless/x.py", "X = 1\n")
    write("chapters/part/page.md", f"{HEADER}# Page\n\nThe width is what counts.\n")
    write("chapters/other/page.md", "# Other\n")
    start, end = "```{solution-start} ex-rate\n```", "```{solution-end}\n```"
    write("chapters/part/solutions/page.md", f"{HEADER}# Solutions\n\n{start}\n{SOLUTION}{end}\n")
    write("_build/html/index.html", html("The width is what counts."))
    write("_build/html/_sources/page.md", "The width is what counts.")
    write("_build/html/searchindex.js", 'Search.setIndex({"docnames":["page"],"terms":{}})')
    write("_build/html/notebooks/page.ipynb", '{"cells": []}')
    write(f"_build/html/{PDF_NAME}", pdf("The width is what counts."))
    write(f"_build/{ZIP_NAME}", zipped("index.html", html("The width is what counts.")))
    return tmp_path / "book"


class TestStudent:
    def test_everything_is_in_one_folder(self, book):
        target = book / "_build" / "student"
        report = student.assemble_student(book, target)
        assert report.leaks == []
        names = {path.name for path in target.iterdir()}
        assert names == {"README.txt", "site", "notebooks", PDF_NAME, ZIP_NAME}
        assert (target / "notebooks/page.ipynb").is_file()
        assert "Small" in (target / "README.txt").read_text(encoding="utf8")
        assert not list(target.parent.glob("*.draft"))

    @pytest.mark.parametrize(
        ("place", "content"),
        [
            ("html/index.html", html(PROSE)),
            ("html/_sources/page.md", CODE.encode()),
            ("html/notebooks/page.ipynb", GRADING.encode()),
            ("html/searchindex.js", b'Search.setIndex({"docnames":[],"terms":{"polyfit":0}})'),
            ("html/downloads/data.txt", PROSE.encode()),
            (f"html/{PDF_NAME}", pdf(GRADING)),
            (ZIP_NAME, zipped("a.html", html(PROSE))),
            ("assignments/student/1-a/a.ipynb", b"# BEGIN SOLUTION"),
        ],
    )
    def test_an_edition_that_leaks_is_not_finished(self, book, place, content):
        target = book / "_build" / "student"
        extra = book / "_build/assignments/student/1-a"
        extra.mkdir(parents=True)
        student.assemble_student(book, target, extra=[extra])
        before = sorted(target.rglob("*"))
        path = book / "_build" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        with pytest.raises(student.Leaking, match="places show what only instructors may see"):
            student.assemble_student(book, target, extra=[extra])
        assert sorted(target.rglob("*")) == before  # the earlier one, which was clean
        assert not list(target.parent.glob("*.draft"))

    def test_assignments_become_part_of_it(self, book):
        extra = book / "_build/assignments/student/1-a"
        extra.mkdir(parents=True)
        (extra / "a.ipynb").write_text("{}")
        student.assemble_student(book, book / "_build/student", extra=[extra])
        assert (book / "_build/student/assignments/1-a/a.ipynb").is_file()

    def test_the_command_says_what_is_wrong(self, book, capsys):
        (book / "_build/html/index.html").write_bytes(html(PROSE))
        assert student.main([str(book), "--built", "--without-pdf"]) == 1
        printed = capsys.readouterr().err
        assert "site/index.html: the solution of ex-rate: " in printed
        assert "The student edition was NOT made." in printed
        shutil.rmtree(book / "_build/html")
        assert student.main([str(book), "--built", "--without-pdf"]) == 1
        assert "run 'make book' first" in capsys.readouterr().err

    def test_the_command_makes_it(self, book, capsys):
        (book / f"_build/{ZIP_NAME}").unlink()
        assert student.main([str(book), "--built", "--without-pdf"]) == 0
        assert "no leak" in capsys.readouterr().out
        with zipfile.ZipFile(io.BytesIO((book / f"_build/student/{ZIP_NAME}").read_bytes())) as z:
            assert any(name.endswith("/index.html") for name in z.namelist())


class TestInstructor:
    def test_solutions_are_listed_below_their_chapter(self, book):
        toc = instructor.contents_with_solutions(TOC, book)
        first, second = (part["chapters"][0] for part in toc["parts"])
        assert first == {
            "file": "chapters/part/page",
            "sections": [{"file": "chapters/part/solutions/page"}],
        }
        assert second == {"file": "chapters/other/page"}
        assert "sections" not in TOC["parts"][0]["chapters"][0]

    def test_all_solutions_of_the_book_are_listed(self):
        toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf8"))
        text = yaml.safe_dump(instructor.contents_with_solutions(toc, ROOT))
        files = list((ROOT / "chapters").glob("*/solutions/*.md"))
        assert text.count("/solutions/") == len(files) >= 25

    def test_a_file_of_solutions_becomes_a_page(self):
        body = "# Solutions\n\n```{code-cell}\n1\n```\n"
        header = yaml.safe_load(instructor.solution_page(HEADER + body).split("---\n")[1])
        assert header["kernelspec"] == {"name": "python3"}
        # Without code it is no notebook: the build would execute it, which nobody expects.
        text = instructor.solution_page(f"{HEADER}# Solutions\n\nWords.\n")
        header = yaml.safe_load(text.split("---\n")[1])
        assert not {"kernelspec", "jupytext"} & set(header)
        assert 50 <= len(header["myst"]["html_meta"]["description"]) <= 200
        assert text.endswith("---\n# Solutions\n\nWords.\n")
        with pytest.raises(ValueError, match="has no header"):
            instructor.solution_page("# Solutions\n")

    def test_the_copy_shares_the_executed_pages(self, book):
        work = book / "_build/instructor-source"
        assert instructor.copy_book(book, work) == 1
        assert source_digest(work) == source_digest(book)
        cache = work / "_build" / CACHE_ROOT
        assert cache.resolve() == (book / "_build" / CACHE_ROOT).resolve()
        config = yaml.safe_load((work / "_config.yml").read_text(encoding="utf8"))
        assert (
            "Not for students" in config["sphinx"]["config"]["html_theme_options"]["announcement"]
        )
        assert "solutions/page" in (work / "_toc.yml").read_text(encoding="utf8")
        assert "description" in (work / "chapters/part/solutions/page.md").read_text("utf8")
        # Once more, after a page has gone: nothing of it is left, what was executed is.
        (book / "chapters/other/page.md").unlink()
        (cache / "digest").mkdir()
        instructor.copy_book(book, work)
        assert not (work / "chapters/other/page.md").exists()
        assert (cache / "digest").is_dir()
        assert "solutions" not in (book / "_toc.yml").read_text(encoding="utf8")
