"""The instruments of the browser tests: a page with every fault has every fault noted."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from site_browser import serve
from site_visit import visit

pytestmark = [pytest.mark.site, pytest.mark.filterwarnings("default")]

BAD_PAGE = """<!doctype html><html lang="en" data-theme="dark"><head><title>Bad</title></head>
<body style="background:#111"><main><article><h1>Bad</h1><p>raw $x^2$ formula</p>
<p><mjx-merror>undefined control sequence</mjx-merror></p>
<img id="mute" src="data:image/gif;base64,R0lGODlhAQABAAAAACw="><img alt="gone" src="gone.png">
<img alt="foreign" src="http://foreign.invalid/x.png">
<figure id="slab" style="background:#fff"><svg width="50" height="50" viewBox="0 0 50 50"
 role="img" aria-label="dark text"><text x="5" y="20" fill="#000">ab</text></svg></figure>
<figure id="inverted" style="filter:invert(1)"><figcaption>Fig</figcaption></figure>
<input id="nameless" type="range"><div style="width:900px">wide</div>
<a href="nowhere.html">x</a></article></main>
<script>console.error("complaint"); throw new Error("thrown")</script></body></html>"""


def test_a_visit_notes_everything_that_is_wrong(browser, tmp_path):
    (tmp_path / "bad.html").write_text(BAD_PAGE)
    context = browser.new_context()
    with serve(tmp_path) as address:
        bad = visit(context, address, "bad.html")
        assert f"{address}nowhere.html" in bad.desktop["links"]
    context.close()
    assert bad.foreign_requests == ["http://foreign.invalid/x.png"]
    assert any("gone.png" in request for request in bad.failed_requests)
    assert any("complaint" in error for error in bad.errors)
    assert any("thrown" in error for error in bad.errors)
    assert bad.desktop["raw"] == ["raw $x^2$ formula"]
    assert bad.desktop["mathErrors"] == ["undefined control sequence"]
    assert bad.desktop["unnamed"] == ["mute"]
    assert bad.desktop["uncaptioned"] == ["slab"]
    assert bad.desktop["unlabelled"] == ["nameless"]
    assert any("gone.png" in source for source in bad.desktop["broken"])
    assert bad.phone["wide"]
    assert bad.phone["width"] > 390
    assert any(slab.startswith("slab") for slab in bad.dark["slabs"])
    assert bad.dark["filtered"] == ["inverted"]
    assert any(text.startswith("slab") for text in bad.dark["faint"])


FAILING = """
from pathlib import Path
import conftest, pytest

conftest.SCREENSHOTS = Path(__file__).parent / "shots"

@pytest.mark.site
def test_of_an_open_page(browser):
    page = browser.new_page()
    page.set_content("<h1>Not what was expected</h1>")
    assert False

@pytest.mark.site
def test_that_passes(browser):
    browser.new_page().set_content("<h1>As expected</h1>")
"""


def test_a_failing_test_leaves_a_screenshot_and_says_where(tmp_path):
    (tmp_path / "test_failing.py").write_text(FAILING)
    options = ["-q", "-p", "conftest", "-p", "no:cacheprovider", "-m", "site", "-o", "markers=site"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--rootdir", str(tmp_path), str(tmp_path)],
        cwd=tmp_path,
        env=dict(os.environ, PYTHONPATH=str(Path(__file__).parent)),
        capture_output=True,
        text=True,
    )
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    (picture,) = (tmp_path / "shots").iterdir()
    assert picture.name == "test_failing.py-test_of_an_open_page-0.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert str(picture) in done.stdout
