"""A page run as a reader would run it: its memory, its network, and packages it may not have."""

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from small_project import KERNEL

from fearless.book.running.one_page import import_lines, main, run_page

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Binder runs Linux")

LIB = Path(__file__).resolve().parents[3] / "lib"
HEAD = f"{KERNEL}---\n\n# A page\n\n"


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A function that writes a page of cells; its kernel finds the library of this tree."""
    before = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", f"{LIB}{os.pathsep + before if before else ''}")

    def write(*cells):
        path = tmp_path / "page.md"
        fenced = [f"```{{code-cell}} ipython3\n{cell}\n```\n" for cell in cells]
        path.write_text(HEAD + "\n".join(fenced))
        return path

    return write


@pytest.mark.slow
def test_what_a_page_takes(page, capsys):
    path = page("import sys", "x = bytearray(300 * 2**20)", "del x")
    assert main([str(path)]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["error"] == ""
    assert result["torch"] is False
    assert 300 < result["peak_mb"] < 600  # the peak, although it is free again at the end
    assert 0 < result["seconds"] < 60


@pytest.mark.slow
def test_memory_beyond_the_limit_ends_the_kernel(page):
    path = page("x = bytearray(500 * 2**20)", "import time; time.sleep(60)")
    result = run_page(path, limit_mb=400)
    assert result["error"].startswith("the kernel was stopped at ")
    assert result["seconds"] < 30


@pytest.mark.slow
def test_children_count(page):
    child = "x = bytearray(500 * 2**20); import time; time.sleep(60)"
    path = page(f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {child!r}])")
    assert "limit 400 MiB" in run_page(path, limit_mb=400)["error"]


@pytest.mark.slow
def test_a_page_without_torch_stops_with_one_message(page):
    path = page(
        "from fearless.networks import require_torch\nrequire_torch()", "raise SystemError('later')"
    )
    error = run_page(path, limit_mb=2048, without=["torch"])["error"]
    assert "TorchMissing: Networks are trained here" in error
    assert "pip install torch --index-url" in error
    assert "later" not in error
    assert "Traceback" not in error


@pytest.mark.slow
@pytest.mark.parametrize("how", ["import torch", "from fearless.networks.models import widen"])
def test_what_is_forbidden_is_not_there(page, how):
    error = run_page(page(how), limit_mb=2048, without=["torch"])["error"]
    assert "No module named 'torch'" in error


@pytest.mark.slow
def test_the_network_is_out_of_reach(page):
    path = page("import urllib.request\nurllib.request.urlopen('http://192.0.2.1/')")
    assert "this one asks for 192.0.2.1" in run_page(path, limit_mb=2048)["error"]
    path = page("import socket\nsocket.getaddrinfo('example.org', 80)")
    assert "this one asks for example.org" in run_page(path, limit_mb=2048)["error"]


@pytest.mark.slow
def test_this_computer_is_not_a_network(page):
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=lambda: server.accept()[0].close())
        thread.start()
        port = server.getsockname()[1]
        path = page(f"import socket\nsocket.create_connection(('localhost', {port})).close()")
        assert run_page(path, limit_mb=2048)["error"] == ""
        thread.join()


def test_import_lines():
    cells = ["%pip install x\nimport a", "def f():\n    from b.c import d, e\nf()", "import a"]
    assert import_lines(cells) == "import a\nfrom b.c import d, e"


def test_forbidding_too_late_is_an_error():
    code = "import json\nfrom fearless.book.running.guards import forbid_import as f\nf('json')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "json has been imported already" in done.stderr
