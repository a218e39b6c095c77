"""The folder .binder: what Binder makes of it, asked of repo2docker itself, without building it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from fearless.book.running.bare import PARTS, Reader, main, select, table
from fearless.book.sphinx.running.notebooks import INSTALL

ROOT = Path(__file__).resolve().parents[3]
BINDER = ROOT / ".binder"


@pytest.fixture(scope="module")
def dockerfile():
    """The Dockerfile that repo2docker would build, its lines joined."""
    pytest.importorskip("repo2docker", reason="in tests/requirements.txt")
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--debug", str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return (done.stdout + done.stderr).replace("\\\n", " ")


class TestDockerfile:
    def test_python_is_the_one_of_the_book(self, dockerfile):
        wanted = (BINDER / "runtime.txt").read_text().strip().removeprefix("python-")
        assert f"Building conda environment for python={wanted}" in dockerfile

    def test_the_packages_are_installed_before_the_text_is_there(self, dockerfile):
        """So that a change of the text leaves the large layers of the image as they are."""
        packages = dockerfile.index("pip install --no-cache-dir -r")
        assert (
            '"requirements.txt"' in dockerfile[packages:]
            or ".binder/requirements.txt" in (dockerfile[packages : packages + 200])
        )
        assert packages < dockerfile.index("COPY --chown=0:0 src/ ${REPO_DIR}/")

    def test_the_library_comes_with_the_text(self, dockerfile):
        text = dockerfile.index("COPY --chown=0:0 src/ ${REPO_DIR}/")
        assert dockerfile.index("RUN ./.binder/postBuild") > text

    def test_everything_starts_with_the_caps_on_threads(self, dockerfile):
        assert re.search(r'ENV R2D_ENTRYPOINT="?\S*\.binder/start', dockerfile)

    def test_no_file_of_the_root_takes_part(self, dockerfile):
        installs = re.findall(r"pip install [^\n]*", dockerfile)
        assert len(installs) == 1
        assert ".binder/requirements.txt" in installs[0]


class TestRequirements:
    LINES = (BINDER / "requirements.txt").read_text().splitlines()

    def test_torch_is_the_build_for_processors(self):
        lines = [line for line in self.LINES if not line.startswith("#")]
        assert lines[0] == "--extra-index-url https://download.pytorch.org/whl/cpu"
        assert re.match(r'torch==[\d.]+\+cpu ; sys_platform == "linux"', lines[1])

    def test_lines_for_torch_are_those_of_the_book(self):
        book = (ROOT / "requirements.txt").read_text().splitlines()
        torch = [line for line in self.LINES if line.startswith("torch")]
        assert torch == [line for line in book if line.startswith("torch")]

    def test_every_package_is_pinned_and_none_makes_the_site(self):
        names = [re.match(r"[\w-]+", x)[0].lower() for x in self.LINES if re.match(r"\w", x)]
        pinned = [line for line in self.LINES if re.match(r"\w[\w-]*==", line)]
        assert len(names) == len(pinned)
        assert not {"jupyter-book", "sphinx", "sphinx-book-theme", "myst-nb", "pytest"} & set(names)

    def test_it_has_what_the_library_asks_for(self):
        """The library is installed with --no-deps, so that nothing is resolved twice."""
        project = (ROOT / "pyproject.toml").read_text()
        asked = re.search(r"^dependencies = \[(.*?)\]", project, re.DOTALL | re.MULTILINE)[1]
        asked += re.search(r"^book = \[(.*?)\]", project, re.MULTILINE)[1]
        names = {name.lower() for name in re.findall(r'"([\w-]+)', asked)}
        ours = {re.match(r"[\w-]+", x)[0].lower() for x in self.LINES if re.match(r"\w", x)}
        assert len(names) >= 7
        assert names <= ours


def test_start_caps_threads_and_hands_over(tmp_path):
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    code = f"import os, sys; print([os.environ[n] for n in {names!r}], sys.argv[1:])"
    clean = {k: v for k, v in os.environ.items() if k not in names}
    done = subprocess.run(
        [BINDER / "start", sys.executable, "-c", code, "two words", "x"],
        capture_output=True,
        text=True,
        check=True,
        env=clean,
    )
    assert done.stdout.strip() == "['2', '2', '2'] ['two words', 'x']"
    # The signals that end a session must reach Jupyter itself.
    assert (BINDER / "start").read_text().rstrip().endswith('\nexec "$@"')


class TestSelect:
    PAGES = tuple(Path(f"{k}.md") for k in range(13))

    def test_parts_are_disjoint_and_complete(self):
        parts = [select(self.PAGES, f"{k}/{PARTS}", ROOT) for k in range(PARTS)]
        assert sorted(page for part in parts for page in part) == sorted(self.PAGES)
        assert max(map(len, parts)) - min(map(len, parts)) <= 1

    def test_all(self):
        assert select(self.PAGES, "all", ROOT) == list(self.PAGES)

    def test_a_commit_always_chooses_the_same(self):
        chosen = select(self.PAGES, "commit", ROOT)
        assert chosen == select(self.PAGES, "commit", ROOT)
        assert len(chosen) in (2, 3)

    @pytest.mark.parametrize("share", ["5/5", "-1/5"])
    def test_a_share_that_is_none(self, share):
        with pytest.raises(ValueError, match=r"expected k/n with 0 <= k < n"):
            select(self.PAGES, share, ROOT)


def test_the_table():
    fine = {"page": "/b/c/x.md", "seconds": 3.21, "peak_mb": 98.7, "torch": False, "problem": ""}
    bad = fine | {"page": "/b/c/y.md", "torch": True, "problem": "ran 99 s\nmore"}
    head, first, second = table([fine, bad], Path("/b")).splitlines()
    assert head.split() == ["page", "seconds", "peak", "MiB", "torch"]
    assert first.split() == ["c/x", "3.2", "99", "no"]
    assert second.split() == ["c/y", "3.2", "99", "used", "ran", "99", "s"]


def test_another_python_than_binders_is_an_error(tmp_path, capsys):
    (tmp_path / ".binder").mkdir()
    (tmp_path / "chapters").mkdir()
    (tmp_path / "_build").mkdir()
    (tmp_path / ".binder/runtime.txt").write_text("python-2.7\n")
    assert main([str(tmp_path)]) == 1
    assert "Binder runs Python 2.7; this is 3." in capsys.readouterr().err


def test_what_fails_in_the_environment_is_shown(tmp_path):
    reader = Reader(tmp_path, tmp_path / "binder")
    with pytest.raises(Exception, match=r"exit 3\n.*out\n.*err"):
        reader.run("bash", "-c", "echo out; echo err >&2; exit 3", cwd=tmp_path)


def test_a_reader_inherits_no_mode_of_the_build(tmp_path, monkeypatch):
    monkeypatch.setenv("FEARLESS_STATIC", "1")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    environment = Reader(tmp_path, tmp_path / "binder").environment()
    assert not {"FEARLESS_STATIC", "PYTHONPATH", "VIRTUAL_ENV"} & set(environment)
    assert environment["PATH"].startswith(str(tmp_path))


def test_the_cell_for_colab_installs_the_library_only_where_it_is_missing():
    code = INSTALL.format(url="https://forge.invalid/o/n", branch="main")
    assert code.count("\n") <= 5
    transformed = TransformerManager().transform_cell(code)  # as IPython runs it
    calls = []

    class Shell:
        def run_line_magic(self, name, line):
            calls.append(f"{name} {line}")

    def run(**names):
        exec(transformed, {"get_ipython": Shell} | names)

    run()
    assert calls == []

    def refuse(name, *rest):
        raise ModuleNotFoundError(name)

    run(__builtins__={"__import__": refuse, "ImportError": ImportError})
    assert calls == ['pip install --quiet "fearless[book] @ git+https://forge.invalid/o/n@main"']
