"""Links to claims and ways through the book, on a small project."""

import re
import subprocess
import sys

import pytest
from docutils import nodes
from small_project import DESCRIPTION, PLAIN, SmallProject

from fearless.book.sphinx.pages import front_figure
from fearless.book.sphinx.pages.reading_paths import format_minutes

TOC = """\
format: jb-book
root: index
chapters:
  - file: part/short
  - file: part/long
"""
LEDGER = """
peak: {statement: The error peaks at N = n., source: this book, kind: empirical, relation: ">"}
lost: {statement: No page shows this., source: this book, kind: empirical, relation: ">"}
"""
BADGE = '<div class="claim" id="claim-peak" data-claim="peak" data-numbers="" data-margin=""></div>'
# A list of links, out of order, with two pages in one entry.
PATH = """
```{reading-path} The newcomer
You know *a little*.

1. {doc}`part/long`: the long one, and {doc}`part/short`.
```
"""
LINKS = "It {claim}`peaks <peak>`, in full: {claim}`peak`\n"


def page(title, text):
    return PLAIN.format(description=DESCRIPTION) + f"# {title}\n\n{text}\n"


@pytest.fixture
def project(tmp_path):
    made = SmallProject(
        tmp_path,
        [f"pages.{part}" for part in ("claim_links", "ledger", "page_info", "reading_paths")],
    )
    conf = (tmp_path / "conf.py").read_text(encoding="utf8")
    made.write("conf.py", conf + 'fearless_ledger = "ledger"\n')
    made.write("_toc.yml", TOC)
    made.write("ledger/all.yml", LEDGER)
    made.write("index.md", page("Front", LINKS + PATH))
    raw = f"```{{raw}} html\n{BADGE}\n```\n"
    glance = "```{at-a-glance}\n- Something.\n```\n\n"
    made.write("part/short.md", page("A short page", glance + raw + "word " * 200 * 20))
    made.write("part/long.md", page("A long page", glance + "word " * 200 * 70))
    return made


def build(project):
    status, output = project.build()
    return status, output, project.html


def build_again(project):
    """Build what has changed only; `SmallProject.build` reads every page."""
    options = ["-W", "--keep-going", "-n", "-d", "_out/doctrees", "-b", "html", ".", "_out/html"]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *options],
        cwd=project.root,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def text_of(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_links_lead_to_the_badge_of_the_claim(project):
    status, output, html = build(project)
    assert status == 0, output
    front = (html / "index.html").read_text(encoding="utf8")
    links = re.findall(r'<a class="([^"]*claim-link[^"]*)" href="([^"]+)"([^>]*)>(.*?)</a>', front)
    assert [(href, words) for _, href, _, words in links] == [
        ("part/short.html#claim-peak", "peaks"),
        ("part/short.html#claim-peak", "The error peaks at N = n."),
    ]
    # The statement is a hint where the words are others, and is not said twice.
    assert 'title="The error peaks at N = n."' in links[0][2]
    assert "title" not in links[1][2]
    assert 'id="claim-peak"' in (html / "part/short.html").read_text(encoding="utf8")


@pytest.mark.parametrize(
    ("id", "fault"), [("invented", "is not in ledger/"), ("lost", "is on no page")]
)
def test_a_link_to_no_claim_fails_the_build(project, id, fault):
    project.write("index.md", page("Front", f"See {{claim}}`words <{id}>`."))
    status, output, html = build(project)
    assert status == 1
    assert f"a link leads to the claim '{id}', which {fault}" in output
    assert "index.md" in output
    assert "See words." in text_of((html / "index.html").read_text(encoding="utf8")).replace(
        "words .", "words."
    )


def test_a_path_sums_the_times_of_its_pages(project):
    status, output, html = build(project)
    assert status == 0, output
    minutes = [
        int(re.search(r"about (\d+) min", text_of((html / name).read_text(encoding="utf8")))[1])
        for name in ("part/long.html", "part/short.html")
    ]
    assert minutes == [70, 20]
    front = (html / "index.html").read_text(encoding="utf8")
    assert "about 1 h 30 min · 2 pages" in text_of(front).replace("  ", " ")
    (time,) = re.findall(r'<span class="path-time">([^<]+)</span>', front)
    assert time == "1 h 30 min"
    assert '<h3 class="rubric">The newcomer</h3>' in front


def test_times_and_places_follow_from_build_to_build(project):
    assert build(project)[0] == 0
    badge = f"```{{raw}} html\n{BADGE}\n```\n"
    project.write("part/long.md", page("A long page", badge + "word " * 200 * 20))
    project.write("part/short.md", page("A short page", "Nothing any more."))
    status, output = build_again(project)
    assert status == 0, output
    assert "reading sources... [ 50%]" in output  # not the front page
    front = project.read("index.html")
    assert "about 21 min" in text_of(front)
    assert 'href="part/long.html#claim-peak"' in front


def test_a_page_that_grows_makes_its_path_longer(project):
    # Not on the front page, which is written again for every page of its tree that has changed.
    path = "```{reading-path} One\n1. {doc}`/part/long`\n```\n"
    project.write("index.md", page("Front", "Words."))
    project.write("part/short.md", page("A short page", path + f"```{{raw}} html\n{BADGE}\n```\n"))
    assert build(project)[0] == 0
    assert "about 1 h 10 min · 1 page" in text_of(project.read("part/short.html"))
    project.write("part/long.md", page("A long page", "word " * 200 * 40))
    status, output = build_again(project)
    assert status == 0, output
    assert "about 40 min · 1 page" in text_of(project.read("part/short.html"))


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("Only words.", "has 0 lists of pages; expected one"),
        ("1. No link.", "has no link {doc}`...` to a page"),
        ("1. {doc}`part/long`\n2. {doc}`part/long`", "leads to 'part/long' twice"),
        ("1. {doc}`part/missing`", "unknown document: 'part/missing'"),
    ],
)
def test_a_faulty_path_fails_the_build(project, content, fault):
    project.write("index.md", page("Front", f"```{{reading-path}} Nowhere\n{content}\n```\n"))
    status, output, _ = build(project)
    assert status == 1
    assert fault in output


@pytest.mark.parametrize(
    ("minutes", "text"),
    [(1, "1 min"), (59, "59 min"), (60, "1 h"), (62, "1 h"), (133, "2 h 15 min"), (178, "3 h")],
)
def test_minutes_are_written_as_one_says_them(minutes, text):
    assert format_minutes(minutes) == text


def test_the_figure_of_the_front_page_comes_before_its_code():
    def cell(*classes):
        parts = [nodes.container(classes=[name]) for name in ("cell_input", "cell_output")]
        return nodes.container("", *parts, classes=["cell", *classes])

    document = nodes.section("", cell(front_figure.CLASS), cell())
    front_figure._turn(None, document, "index")
    order = [[part["classes"][0] for part in found] for found in document]
    assert order == [["cell_output", "cell_input"], ["cell_input", "cell_output"]]
