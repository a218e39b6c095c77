"""Links: inside the built site, checked by the build; to other hosts, checked by ``make links``."""

import http.server
import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml

from fearless.book import external_links
from fearless.book.build import BuildFailed
from fearless.book.site_links import broken_links, read_page
from fearless.book.sphinx.delivery.link_check import ask_the_registry

ROOT = Path(__file__).resolve().parents[2]
CONF = """
extensions = ["fearless.book.sphinx.delivery.link_check"]
project = "Tiny"
html_theme = "basic"
linkcheck_retries = 1
linkcheck_timeout = 5
linkcheck_ignore = IGNORE
"""


@pytest.fixture
def site(tmp_path):
    """A site without fault."""
    (tmp_path / "part").mkdir()
    (tmp_path / "_static").mkdir()
    (tmp_path / "_static" / "a b.css").write_text("")
    (tmp_path / "404.html").write_text('<a href="/book/index.html">front</a>')
    (tmp_path / "old.html").write_text('<meta http-equiv="refresh" content="0; url=part/a.html">')
    (tmp_path / "index.html").write_text(
        '<a href="part/a.html?q=1#here">a</a> <a href="#">top</a> <a href="https://x.org/">out</a>'
        '<a href="mailto:a@b.org">mail</a> <svg><a href="gone.html"></a></svg>'
    )
    (tmp_path / "part" / "a.html").write_text(
        '<link href="../_static/a%20b.css?v=1"><p id="here">x</p><a name="k&uuml;r"></a>'
        '<a href="../index.html">back</a> <a href="#k%C3%BCr">x</a> <a href="">self</a>'
    )
    return tmp_path


def reasons(site):
    return [(b.page, b.href, b.reason.split(",")[0]) for b in broken_links(site)]


class TestSite:
    def test_without_fault(self, site):
        assert broken_links(site) == []

    @pytest.mark.parametrize(
        ("html", "reason"),
        [
            ('<a href="gone.html">', "leads to no file of the site"),
            ('<a href="part/a.html#gone">', "leads to no id of part/a.html"),
            ('<a href="#gone">', "leads to no id of index.html"),
            ('<a href="part/">', "leads to a folder"),
            ('<a href="../up.html">', "leads out of the site"),
            ('<a href="/index.html">', "starts at the root of the host"),
            ('<img src="gone.png">', "leads to no file of the site"),
            ('<img srcset="gone.png 2x">', "leads to no file of the site"),
            ('<script src="gone.js"></script>', "leads to no file of the site"),
            ('<meta http-equiv="Refresh" content="0;URL=gone.html">', "leads to no file of"),
            ('<a href="http://127.0.0.1:8000/">', "works on this computer only"),
            ('<a href="file:///etc/hosts">', "works on this computer only"),
            ('<a href="http://[">', "is no address"),
            ('<a href="Part/a.html">', "leads to no file of the site"),
        ],
    )
    def test_every_fault_is_found(self, site, html, reason):
        (site / "index.html").write_text(f"<p>{html}</p>")
        [broken] = broken_links(site)
        assert broken.page == "index.html"
        assert broken.reason.startswith(reason)
        assert str(broken).startswith("index.html: the link to ")

    def test_a_page_is_read_once(self):
        links, ids = read_page('<a href="a" id="x"></a><a href="a"></a><img src="b" name="no">')
        assert links == ["a", "b"]
        assert ids == {"x"}


def sphinx(folder, builder, text, ignore="[]"):
    (folder / "conf.py").write_text(CONF.replace("IGNORE", ignore))
    (folder / "index.rst").write_text(text)
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "sphinx",
            "-W",
            "--keep-going",
            "-b",
            builder,
            ".",
            f"_out/{builder}",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


class TestBuild:
    def test_a_dead_link_fails_the_build(self, tmp_path):
        done = sphinx(
            tmp_path, "html", "Title\n=====\n\n.. raw:: html\n\n   <a href='x.html'>x</a>\n"
        )
        assert done.returncode == 1
        assert "index.html: the link to 'x.html' leads to no file of the site" in done.stderr

    def test_a_sound_site_does_not(self, tmp_path):
        done = sphinx(tmp_path, "html", "Title\n=====\n\nSee :ref:`search`.\n")
        assert done.returncode == 0, done.stderr


@pytest.fixture
def host():
    """A host that knows one address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/known" else 404)
            self.end_headers()

        do_HEAD = do_GET

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class TestOtherHosts:
    def test_sphinx_finds_what_does_not_answer(self, tmp_path, host):
        sphinx(tmp_path, "linkcheck", f"T\n=\n\n`a <{host}/known>`__ `b <{host}/gone>`__\n")
        results = external_links.read_results(tmp_path / "_out/linkcheck/output.json")
        status = {r["uri"].removeprefix(host): r["status"] for r in results}
        assert status == {"/known": "working", "/gone": "broken"}
        report = external_links.broken_report(results)
        assert report.startswith("index.rst:4: ")
        assert "/gone: 404" in report
        assert "/known" not in report

    @pytest.mark.parametrize(
        "uri",
        ["https://doi.org/10.1073/pnas.1903070116", "http://dx.doi.org/10.1073/pnas.1903070116"],
    )
    def test_the_registry_is_asked_for_a_doi(self, uri):
        assert ask_the_registry(None, uri) == (
            "https://doi.org/api/handles/10.1073/pnas.1903070116"
        )

    @pytest.mark.parametrize("uri", ["https://arxiv.org/abs/1812.11118", "https://doi.org/"])
    def test_other_addresses_stay(self, uri):
        assert ask_the_registry(None, uri) is None

    def test_the_command_reports(self, tmp_path, monkeypatch, capsys):
        def check(root, say):
            raise BuildFailed("These addresses do not answer:\n\nx.md:3: https://x.org: 404")

        monkeypatch.setattr(external_links, "check_external_links", check)
        assert external_links.main([str(tmp_path)]) == 1
        assert "x.md:3: https://x.org: 404" in capsys.readouterr().err
        monkeypatch.setattr(external_links, "check_external_links", lambda root, say: 7)
        assert external_links.main([str(tmp_path)]) == 0
        assert "All 7 addresses answer" in capsys.readouterr().out

    @pytest.mark.slow
    def test_the_command_on_a_tiny_book_with_the_real_settings(self, tmp_path, capsys):
        for name in ("_config.yml", "requirements.txt", "pyproject.toml"):
            shutil.copyfile(ROOT / name, tmp_path / name)
        shutil.copytree(ROOT / "assets", tmp_path / "assets")
        (tmp_path / "lib").mkdir()
        (tmp_path / "chapters").mkdir()
        shutil.copyfile(ROOT / "chapters/references.bib", tmp_path / "chapters/references.bib")
        (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: chapters/index\n")
        (tmp_path / "chapters/index.md").write_text(
            "# T\n\n[a](https://nowhere.invalid/x), [b](http://localhost:1/y)\n"
        )
        assert external_links.main([str(tmp_path)]) == 1
        error = capsys.readouterr().err
        assert "chapters/index.md:3: https://nowhere.invalid/x: " in error
        assert "localhost" not in error
        assert not (tmp_path / "_build/html/output.json").exists()

    def test_timeouts_and_redirects(self):
        results = [
            {"filename": "b.md", "lineno": 1, "uri": "u", "info": "", "status": "timeout"},
            {"filename": "a.md", "lineno": 9, "uri": "v", "info": "410", "status": "broken"},
            {"filename": "a.md", "lineno": 2, "uri": "w", "info": "z", "status": "redirected"},
        ]
        assert external_links.broken_report(results) == "a.md:9: v: 410\nb.md:1: u: timeout"

    def test_the_weekly_workflow_runs_it(self):
        jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]
        assert "schedule" in jobs["links"]["if"]
        assert any("make links" in step.get("run", "") for step in jobs["links"]["steps"])


def test_settings_of_the_book_are_known_to_sphinx():
    """A misspelt ``linkcheck_...`` would be ignored."""
    from sphinx.builders import linkcheck

    settings = yaml.safe_load((ROOT / "_config.yml").read_text())["sphinx"]["config"]
    names = [name for name in settings if name.startswith("linkcheck")]
    source = Path(linkcheck.__file__).read_text()
    assert len(names) >= 4
    assert all(f"'{name}'" in source for name in names)
    assert json.dumps(settings["linkcheck_ignore"])
