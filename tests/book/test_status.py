"""The status page says what the build noted, and where pages differ."""

import json

import pytest
from small_project import SmallProject

from fearless.book.environment import describe_environment
from fearless.book.sphinx.pages import status

TOC = """\
format: jb-book
root: index
chapters:
  - file: one
  - file: two
  - file: status
"""


def entry(seconds, cpu, mb, **more):
    return {"execution_seconds": seconds, "cpu_seconds": cpu, "peak_mb": mb} | more


def environment(**packages):
    return {"python": "3.11.7", "system": "Linux x86_64", "cores": 2, "packages": packages}


OLD, NEW = environment(numpy="1.0", rare="7.7"), environment(numpy="2.0", rare="7.7")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    made = SmallProject(tmp_path_factory.mktemp("status"), ["pages.status"])
    made.write("_toc.yml", TOC)
    made.page("index", "# Front\n")
    for name in ("one", "two"):
        made.page(name, f"# Page {name}\n\n```{{code-cell}} ipython3\n1\n```\n", notebook=True)
    made.page("status", "# Status\n\n```{build-status}\n```\n")
    return made


def build(project, report):
    # The report lies beside the folder of the site, as the driver writes it.
    path = project.html.parent / "pages.json"
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    if report is not None:
        path.write_text(json.dumps(report))
    code, printed = project.build()
    assert code == 0, printed
    return project.read("status.html")


def test_every_page_is_listed_with_its_figures(project):
    report = {
        "one": entry(12.34, 20.1, 99.6, executed="2026-03-01T10:00:00", environment=NEW),
        "two": entry(2.5, 3.0, 350.2, executed="2026-03-02T10:00:00", environment=NEW),
        "gone": entry(50, 50, 50, executed="2026-03-02T10:00:00", environment=OLD),
    }
    html = build(project, report)
    assert '<a class="reference internal" href="one.html">Page one</a>' in html
    for text in ("12 s", "20 s", "100 MiB", "2026-03-01", "350 MiB", "2026-03-02"):
        assert f"<p>{text}</p>" in html
    assert "2 pages are executed" in html
    assert "<p>15 s</p>" in html  # the sum of both
    assert "gone" not in html
    assert "Python 3.11.7 on Linux x86_64 with 2 cores" in html
    assert "<p>numpy</p></td>\n<td><p>2.0</p>" in html  # asked for by the library
    assert "<p>rare</p>" not in html
    assert "numpy 2.0, rare 7.7." in html
    assert "allowed more" not in html


def test_pages_of_different_versions_are_told_apart(project):
    report = {
        "one": entry(1, 1, 70, executed="2026-03-01T10:00:00", environment=OLD),
        "two": entry(70, 1, 70),  # of a build that noted less, and had a wider budget
        "index": entry(1, 1, 70, environment=NEW, executed="2026-03-01T10:00:00"),
    }
    html = build(project, report)
    assert "With these were executed: Page one." in html
    assert "With these were executed: Front." in html
    assert "<p>not noted</p>" in html
    assert "This build allowed more." in html


def test_without_a_report(project):
    assert "This build has measured no page." in build(project, None)


def test_the_environment_is_that_of_this_python():
    import numpy as np
    import sklearn

    described = describe_environment()
    assert described["packages"]["numpy"] == np.__version__
    assert described["packages"]["scikit-learn"] == sklearn.__version__
    assert list(described["packages"]) == sorted(described["packages"])
    assert described["cores"] >= 1
    json.dumps(described)


def test_the_library_names_what_it_needs():
    assert {"numpy", "scipy", "matplotlib"} <= set(status.own_requirements())
