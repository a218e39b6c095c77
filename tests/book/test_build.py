"""The build driver and the Sphinx extension, on a tiny book with the real settings."""

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from small_project import DESCRIPTION, NOTEBOOK, PLAIN

from fearless.book.build import Book, Budget, BuildFailed, main
from fearless.book.execute import default_jobs, page_environment
from fearless.book.sphinx import cache
from fearless.book.sphinx.delivery import assets
from fearless.book.sphinx.formulas import maths
from fearless.book.sphinx.pages import page_info
from fearless.book.sphinx.running import repository

ROOT = Path(__file__).resolve().parents[2]

# Third-party code that only the driver uses warns about its own future; not ours to mend.
pytestmark = pytest.mark.filterwarnings("default")

HEADER = NOTEBOOK.format(description=DESCRIPTION)
# What every page must have, also one without code.
DESCRIBED = PLAIN.format(description=DESCRIPTION)

TOC = """\
format: jb-book
root: chapters/index
parts:
  - caption: Phenomena
    numbered: true
    chapters:
      - file: chapters/part/one
      - file: chapters/part/two
  - caption: Appendix
    chapters:
      - file: chapters/appendix/bibliography
"""

INDEX = (
    DESCRIBED
    + """\
# Tiny book

```{at-a-glance}
- A page without code.
```

Inline $\\norm{x}$ and {eq}`eq-one`. See {doc}`part/one` and {cite:t}`belkin2021`.

```{math}
:label: eq-one
\\hat w = \\argmin_{w \\in \\R^N} \\norm{w}
```
"""
)

ONE = (
    HEADER
    + """\
# Page one

```{at-a-glance}
- What `lib/toy.py` says.
```

Prose of page one.

```{code-cell} ipython3
import os, pathlib, sys

sys.path.insert(0, str(pathlib.Path("../../lib")))
import toy

print("the value is", toy.VALUE, "static", os.environ["FEARLESS_STATIC"])
```

:::{note}
A fence of colons around text, which the reader of the cache key must parse as Sphinx does.
:::
"""
)

TWO = HEADER + "# Page two\n\n```{code-cell} ipython3\n6 * 7\n```\n"

BIBLIOGRAPHY = DESCRIBED + "# Bibliography\n\n```{bibliography}\n```\n"

BIB = """\
@article{belkin2021, author={Belkin, Mikhail}, title={Fit without fear}, journal={Acta Numerica},
year={2021}, volume={30}, pages={203--248}}
"""


def write_book(root: Path) -> Path:
    """Write the tiny book, with the real _config.yml and assets, to an empty folder."""
    files = {
        "_toc.yml": TOC,
        "requirements.txt": "numpy\n",
        "lib/toy.py": "VALUE = 3\n",
        "lib/data/values.csv": "1,2\n",
        "chapters/index.md": INDEX,
        "chapters/references.bib": BIB,
        "chapters/part/one.md": ONE,
        "chapters/part/two.md": TWO,
        "chapters/appendix/bibliography.md": BIBLIOGRAPHY,
        # Hidden folders of tools hold Markdown that is no page of the book.
        ".venv/lib/README.md": "# Not a page\n",
        ".pytest_cache/README.md": "# Not a page\n",
        "chapters/.ipynb_checkpoints/one-checkpoint.md": "# Not a page\n",
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf8")
    shutil.copyfile(ROOT / "_config.yml", root / "_config.yml")
    shutil.copytree(ROOT / "assets", root / "assets")
    return root


def environment(**variables: str) -> dict[str, str]:
    """Return the present environment without a forge's variables, plus the given ones."""
    unset = {
        "GITHUB_REPOSITORY",
        "GITHUB_SERVER_URL",
        repository.URL_VARIABLE,
        repository.SITE_VARIABLE,
    }
    return {k: v for k, v in os.environ.items() if k not in unset} | variables


def build(root: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the driver as ``make book`` does."""
    return subprocess.run(
        [sys.executable, "-m", "fearless.book.build", *options, str(root)],
        capture_output=True,
        text=True,
        env=environment(**variables),
        timeout=300,
        check=False,
    )


def missing(root: Path) -> list[str]:
    """Name the pages that the driver would execute."""
    from fearless.book.pages import read_pages

    book = Book(root, say=lambda line: None)
    jupyter_cache = book.open_cache()
    return [p.docname for p in book.to_execute(read_pages(book.root, jupyter_cache), jupyter_cache)]


def html(root: Path, docname: str) -> str:
    return (root / "_build" / "html" / f"{docname}.html").read_text(encoding="utf8")


BOTH = ["chapters/part/one", "chapters/part/two"]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The tiny book, built once; tests must not change it."""
    root = write_book(tmp_path_factory.mktemp("built"))
    result = build(root, "--jobs", "2")
    assert result.returncode == 0, result.stdout + result.stderr
    return root, result


@pytest.fixture
def book(built, tmp_path):
    """A copy of the built tiny book, to be changed."""
    # Not the path of the original: keys must not depend on where the book lies.
    return Path(shutil.copytree(built[0], tmp_path / "copy", symlinks=True))


class TestBuild:
    def test_progress_is_shown(self, built):
        _, result = built
        assert "2 with code, 2 to execute, 2 at a time" in result.stdout
        assert re.search(r"page 1 of 2  chapters/part/\w+  \d+\.\d s, \d+ MiB  ok", result.stdout)
        assert "page 2 of 2" in result.stdout

    def test_pages_hold_the_outputs_of_static_mode(self, built):
        root, _ = built
        assert "the value is 3 static 1" in html(root, "chapters/part/one")
        assert "42" in html(root, "chapters/part/two")

    def test_report_gives_what_each_page_took(self, built):
        root, _ = built
        report = json.loads((root / "_build" / cache.REPORT_NAME).read_text())
        assert sorted(report) == BOTH
        for entry in report.values():
            assert 0 < entry["cpu_seconds"]
            assert 0 < entry["execution_seconds"] < 60
            assert 20 < entry["peak_mb"] < 500  # an IPython kernel that does nothing takes 50
            assert entry["environment"]["packages"]["numpy"] == np.__version__
            age = datetime.now(UTC) - datetime.fromisoformat(entry["executed"] + "+00:00")
            assert abs(age) < timedelta(minutes=10)

    def test_facts_are_measured_and_left_out_without_code(self, built):
        root, _ = built
        report = json.loads((root / "_build" / cache.REPORT_NAME).read_text())
        text = re.sub(r"<[^>]+>", "", html(root, "chapters/part/one"))
        entry = report["chapters/part/one"]
        assert f"Running {page_info.format_seconds(entry['execution_seconds'])}" in text
        assert f"Memory {entry['peak_mb']:.0f} MiB" in text
        index = re.sub(r"<[^>]+>", "", html(root, "chapters/index"))
        assert "Reading about 1 min" in index
        assert "Running" not in index
        assert "Memory" not in index

    def test_pages_load_nothing_from_elsewhere(self, built):
        root, _ = built
        pages = list((root / "_build" / "html").glob("**/*.html"))
        assert len(pages) > 5
        for page in pages:
            text = page.read_text(encoding="utf8")
            assert not re.search(r"<(script|img|iframe|source)[^>]+src=\"(https?:)?//", text), page
            assert not re.search(r"<link[^>]+href=\"(https?:)?//", text), page
            assert "thebe" not in text.lower(), page
            assert "unpkg" not in text, page
            assert "all.min.js" not in text, page

    def test_formulas_are_typeset_and_no_script_is_served(self, built):
        root, _ = built
        folder = root / "_build" / "html" / maths.TARGET
        text = html(root, "chapters/index")
        assert text.count("<mjx-container") == 2
        assert r"\norm" not in text  # a macro of _config.yml
        assert "vendor/mathjax/maths.css?v=" in text
        assert "vendor/mathjax" not in html(root, "chapters/part/two")  # a page without formulas
        assert sorted(path.name for path in folder.iterdir()) == [
            "LICENSE.txt",
            "fonts.css",
            "maths.css",
        ]
        note = (folder / "LICENSE.txt").read_text()
        assert "Apache License, Version 2.0" in note
        assert re.search(r"MathJax 3\.\d+\.\d+", note)

    def test_citations_give_author_and_year_in_round_brackets(self, built):
        root, _ = built
        text = re.sub(r"<[^>]+>", "", html(root, "chapters/index"))
        assert "Belkin (2021)" in text

    def test_no_buttons_without_a_repository(self, built):
        root, _ = built
        text = html(root, "chapters/part/one")
        assert "mybinder.org" not in text
        assert "github.com" not in text
        assert "launch-buttons" not in text
        assert "repository-buttons" not in text


class TestWhatIsExecutedAgain:
    def test_nothing_when_nothing_changed(self, book):
        assert missing(book) == []

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("chapters/index.md", INDEX + "\nMore prose.\n"),
            ("chapters/part/one.md", ONE.replace("Prose of page one", "Other prose")),
            ("README.md", "# Read me\n"),
            ("lib/__pycache__/toy.cpython-311.pyc", "byte code"),
            ("lib/fearless.egg-info/PKG-INFO", "Name: toy"),
            ("lib/.hidden", "x"),
            ("lib/fearless/book/sphinx/roles.py", "x = 1"),
        ],
    )
    def test_nothing_when_prose_or_derived_files_change(self, book, name, text):
        path = book / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        assert missing(book) == []

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("lib/toy.py", "VALUE = 4\n"),
            ("lib/toy.py", "VALUE = 3\n# a comment\n"),
            ("lib/new_module.py", ""),
            ("lib/data/values.csv", "1,3\n"),
            ("requirements.txt", "numpy==2.4.6\n"),
            ("pyproject.toml", "[project]\n"),
        ],
    )
    def test_every_page_when_library_data_or_requirements_change(self, book, name, text):
        (book / name).write_text(text)
        assert missing(book) == BOTH

    def test_only_the_page_whose_code_changed(self, book):
        (book / "chapters/part/two.md").write_text(TWO.replace("6 * 7", "6 * 8"))
        assert missing(book) == ["chapters/part/two"]

    def test_nothing_after_a_change_is_taken_back(self, book):
        (book / "lib/toy.py").write_text("VALUE = 4\n")
        assert missing(book) == BOTH
        (book / "lib/toy.py").write_text("VALUE = 3\n")
        assert missing(book) == []

    def test_a_change_of_prose_is_on_the_site_without_execution(self, book):
        (book / "chapters/part/one.md").write_text(ONE.replace("Prose of", "Words of"))
        result = build(book)
        assert result.returncode == 0, result.stdout + result.stderr
        assert "0 pages executed" in result.stdout
        text = html(book, "chapters/part/one")
        assert "Words of page one" in text
        assert "the value is 3" in text

    @pytest.mark.slow
    def test_a_change_of_the_library_is_on_the_site(self, book):
        (book / "lib/toy.py").write_text("VALUE = 4\n")
        result = build(book)
        assert result.returncode == 0, result.stdout + result.stderr
        assert "2 pages executed" in result.stdout
        assert "the value is 4" in html(book, "chapters/part/one")

    def test_what_is_left_out_of_the_digest_is_computed_with_nowhere(self):
        """Only the driver, which computes nothing, may import what makes the site."""
        parts = [ROOT / part for part in cache.SITE_ONLY]
        assert all(part.exists() for part in parts)
        sources = [*(ROOT / "lib").rglob("*.py"), *(ROOT / "chapters").rglob("*.md")]
        sources = [p for p in sources if not any(p.is_relative_to(part) for part in parts)]
        names = "|".join(part.stem for part in parts)
        imported = rf"^\s*(from|import) fearless\.book(\.({names})\b| import .*\b({names})\b)"
        pattern = re.compile(imported, re.MULTILINE)
        users = [p for p in sources if pattern.search(p.read_text(encoding="utf8"))]
        assert users == [ROOT / "lib/fearless/book/build.py"]

    def test_digest_tells_moved_content_apart(self, tmp_path):
        """The same bytes under other names, or cut at another place, are other sources."""
        digests = set()
        for names in ({"a.py": "xy", "b.py": ""}, {"a.py": "x", "b.py": "y"}, {"a.pyb.py": "xy"}):
            root = tmp_path / str(len(digests))
            (root / "lib").mkdir(parents=True)
            for name, text in names.items():
                (root / "lib" / name).write_text(text)
            digests.add(cache.source_digest(root))
        assert len(digests) == 3

    def test_old_outputs_are_pruned_but_not_the_last_ones(self, tmp_path):
        folders = [tmp_path / name for name in ("old", "older", "now")]
        for age, folder in zip((10, 20, 30), folders, strict=True):
            folder.mkdir()
            os.utime(folder, (1000 - age, 1000 - age))
        assert cache.prune(folders[2], keep=2) == [folders[1]]
        assert folders[0].is_dir()
        assert folders[2].is_dir()
        assert cache.prune(tmp_path / "absent" / "now") == []


class TestFailures:
    def test_a_failing_cell_fails_every_build_with_its_traceback(self, book):
        (book / "chapters/part/two.md").write_text(TWO.replace("6 * 7", "1 / 0  # a bad cell"))
        for _ in range(2):
            result = build(book)
            assert result.returncode == 1
            assert "chapters/part/two" in result.stderr
            assert "ZeroDivisionError" in result.stderr
            assert "a bad cell" in result.stderr

    @pytest.mark.parametrize(
        ("option", "words"), [("--budget-mb=5", "MiB"), ("--budget-seconds=0.01", "s, budget")]
    )
    def test_a_page_over_budget_fails_with_the_figures(self, book, option, words):
        (book / "chapters/part/two.md").write_text(TWO.replace("6 * 7", "6 * 9"))
        result = build(book, option, "--execute-only")
        assert result.returncode == 1
        assert re.search(rf"chapters/part/two: .*\d.*{words}", result.stderr)
        assert missing(book) == ["chapters/part/two"]

    def test_outputs_accepted_under_a_wider_budget_fail_under_a_narrower_one(self, built):
        root, _ = built
        book = Book(root, say=lambda line: None)
        assert book.execute() == 0
        with pytest.raises(BuildFailed, match=r"part/one: .* budget 5 MiB"):
            book.execute(budget=Budget(mb=5))

    @pytest.mark.slow
    def test_warnings_fail_every_build(self, book):
        faults = [
            "{doc}`no-such-page`",
            "{eq}`no-such-equation`",
            "{cite:t}`no-such-paper`",
            "{numref}`no-such-figure`",
            "{py:func}`no_such_function`",
            "```{no-such-directive}\n```",
        ]
        (book / "chapters/index.md").write_text(INDEX + "\n" + "\n\n".join(faults) + "\n")
        for _ in range(2):
            result = build(book)
            assert result.returncode == 1
            warnings = [line for line in result.stderr.splitlines() if "WARNING" in line]
            for name in re.findall(r"no.such.\w+", " ".join(faults)):
                assert any(name in line for line in warnings), name

    @pytest.mark.slow
    def test_a_page_that_sphinx_executes_itself_fails(self, book):
        shutil.rmtree(book / "_build" / cache.CACHE_ROOT)
        with pytest.raises(BuildFailed, match=r"Sphinx executed pages.*one\.md.*two\.md"):
            Book(book, say=lambda line: None).render()

    @pytest.mark.slow
    def test_a_failing_cell_fails_jupyter_book_by_hand_too(self, book):
        (book / "chapters/part/two.md").write_text(TWO.replace("6 * 7", "1 / 0"))
        for _ in range(2):
            result = subprocess.run(
                [Path(sys.executable).with_name("jupyter-book"), "build", "--all", str(book)],
                capture_output=True,
                text=True,
                check=False,
            )
            assert result.returncode != 0
            assert "ZeroDivisionError" in result.stdout + result.stderr

    def test_a_page_that_does_not_exist(self, book):
        (book / "chapters/part/two.md").unlink()
        with pytest.raises(FileNotFoundError, match="chapters/part/two"):
            missing(book)

    def test_a_folder_that_is_no_book(self, tmp_path, capsys):
        assert main([str(tmp_path)]) == 1
        assert "_config.yml" in capsys.readouterr().err

    def test_no_jobs(self, capsys):
        with pytest.raises(SystemExit):
            main(["--jobs", "0"])
        assert "--jobs must be at least 1" in capsys.readouterr().err


def test_budget_names_both_figures():
    excess = Budget(seconds=60, mb=1024).excess("chapters/x", 61.2, 2000.4)
    assert excess == (
        "chapters/x: ran 61.2 s, budget 60 s; took 2000 MiB at its peak, budget 1024 MiB"
    )
    assert Budget(seconds=60, mb=1024).excess("chapters/x", 60, 1024) == ""


def test_jobs_leave_two_threads_to_each_page():
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert default_jobs() == max(1, cores // 2)
    assert page_environment()["OMP_NUM_THREADS"] == "2"


class TestRepository:
    def test_address_from_the_setting_or_the_forge(self):
        forge = {"GITHUB_SERVER_URL": "https://forge.example", "GITHUB_REPOSITORY": "o/n"}
        own = {repository.URL_VARIABLE: "https://host.example/owner/name.git/"}
        assert repository.repository_url({}) == ""
        assert repository.repository_url({"GITHUB_SERVER_URL": "https://forge.example"}) == ""
        assert repository.repository_url(forge) == "https://forge.example/o/n"
        assert repository.repository_url(forge | own) == "https://host.example/owner/name"

    @pytest.mark.parametrize("url", ["owner/name", "https://host.example/name", "ftp://h/o/n"])
    def test_a_malformed_address(self, url):
        with pytest.raises(ValueError, match=repository.URL_VARIABLE):
            repository.repository_url({repository.URL_VARIABLE: url})

    def test_options(self):
        unset = repository.theme_options({})
        assert not any(unset.values())
        url = "https://gitlab.example/o/n"
        options = repository.theme_options({repository.URL_VARIABLE: url})
        assert options["repository_url"] == url
        assert options["repository_provider"] == "gitlab"
        assert all(options[name] for name in ("use_repository_button", "use_edit_page_button"))
        assert set(unset) <= set(options)

    @pytest.mark.slow
    def test_buttons_where_the_address_is_known(self, book):
        result = build(book, FEARLESS_REPOSITORY_URL="https://github.com/owner/name")
        assert result.returncode == 0, result.stdout + result.stderr
        text = html(book, "chapters/part/one")
        page = "chapters/part/one"
        live = f"https://mybinder.org/v2/gh/owner/name/notebooks?urlpath=lab/tree/{page}.ipynb"
        assert text.count(f'href="{live}"') == 2  # in the header, and in words at the foot
        assert f"https://github.com/owner/name/edit/main/{page}.md" in text


class TestFacts:
    @pytest.mark.parametrize(
        ("seconds", "text"),
        [(0.04, "0.0 s"), (0.44, "0.4 s"), (3.21, "3.2 s"), (41.4, "41 s"), (150, "2.5 min")],
    )
    def test_seconds(self, seconds, text):
        assert page_info.format_seconds(seconds) == text

    def test_unmeasured_facts_are_left_out(self):
        assert page_info.facts(3, None, None) == [("Reading", "about 3 min")]
        assert [label for label, _ in page_info.facts(3, 2.0, 80.0)] == [
            "Reading",
            "Running",
            "Memory",
        ]

    def test_reading_time_counts_words_and_figures(self):
        from docutils import nodes
        from docutils.utils import new_document

        document = new_document("page")
        assert page_info.reading_minutes(document) == 1
        document += nodes.paragraph("", "word " * page_info.WORDS_PER_MINUTE * 10)
        assert page_info.reading_minutes(document) == 10
        document += [nodes.figure() for _ in range(60 // page_info.SECONDS_PER_FIGURE)]
        assert page_info.reading_minutes(document) == 11
        # Code is counted by lines, output not at all, formulas as such.
        output = nodes.container(classes=["cell_output"])
        output += nodes.literal_block("", "number " * 2000)
        document += output
        assert page_info.reading_minutes(document) == 11
        lines = 60 // page_info.SECONDS_PER_CODE_LINE
        document += nodes.literal_block("", "\n".join(["x = 1"] * lines))
        assert page_info.reading_minutes(document) == 12


def test_only_the_icon_script_is_dropped():
    head = (
        '<script src="a/_static/vendor/fontawesome/6.5.2/js/all.min.js?digest=x"></script>\n'
        '<script src="a/_static/scripts/bootstrap.js"></script>'
        '<link href="a/_static/vendor/fontawesome/6.5.2/css/all.min.css" rel="stylesheet" />'
    )
    kept = assets.without_icon_script(head)
    assert "all.min.js" not in kept
    assert "bootstrap.js" in kept
    assert "all.min.css" in kept
