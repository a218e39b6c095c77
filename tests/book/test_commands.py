"""The commands of the README and of CI: clear about what is missing, and in step."""

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
INPUTS = ("Makefile", "requirements.txt", "tests/requirements.txt", "pyproject.toml")


@pytest.fixture
def checkout(tmp_path):
    """A folder with what the set-up reads, and no virtual environment."""
    for name in INPUTS:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    return tmp_path


def make(folder, *arguments):
    return subprocess.run(
        ["make", *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def targets():
    lines = (ROOT / "Makefile").read_text().splitlines()
    phony = next(line for line in lines if line.startswith(".PHONY:"))
    return phony.split()[1:]


def test_make_alone_lists_every_target(checkout):
    result = make(checkout)
    assert result.returncode == 0
    listed = re.findall(r"^  make (\S+) +\S", result.stdout, re.MULTILINE)
    assert sorted(listed) == sorted(targets())
    assert {"book", "test", "serve", "bench", "clean", "help"} <= set(listed)
    assert not (checkout / ".venv").exists()


def test_python_that_is_too_old(checkout):
    old = script(checkout / "old", 'case "$1" in -V) echo Python 3.9.2;; *) exit 1;; esac')
    result = make(checkout, "book", f"PYTHON={old}")
    assert result.returncode != 0
    assert "Python 3.11 or newer is needed; found: Python 3.9.2" in result.stderr
    assert "make book PYTHON=" in result.stderr
    assert not (checkout / ".venv").exists()


def test_python_without_venv(checkout):
    # Debian's python3 has no ensurepip until python3-venv is installed.
    bare = checkout / "bare"
    script(
        bare,
        f'case "$2" in *ensurepip*) exit 1;; *_base_executable*) echo "{bare}";; '
        f'*) exec "{sys.executable}" "$@";; esac',
    )
    result = make(checkout, "test", f"PYTHON={bare}")
    assert result.returncode != 0
    assert "apt install python3-venv" in result.stderr
    assert not (checkout / ".venv").exists()


def test_set_up_is_done_once_and_again_when_its_inputs_change(checkout):
    """A stamp named by content: found again, but not after a change."""

    def would_set_up():
        result = make(checkout, "--dry-run", "setup")
        assert result.returncode == 0, result.stderr
        return "pip install" in result.stdout

    assert would_set_up()
    for name in INPUTS[1:]:
        stamp = re.search(r"touch (\S+)", make(checkout, "--dry-run", "setup").stdout)[1].rstrip(
            ";"
        )
        (checkout / stamp).parent.mkdir(exist_ok=True)
        (checkout / stamp).touch()
        assert not would_set_up()
        os.utime(checkout / name)  # a new date alone means nothing: git sets dates as it likes
        assert not would_set_up()
        with (checkout / name).open("a") as file:
            file.write("# changed\n")
        assert would_set_up()


def test_binder_has_the_versions_of_the_book():
    def pins(path):
        return dict(re.findall(r"^([A-Za-z][\w-]*)==(\S+)", path.read_text(), re.MULTILINE))

    binder, book = pins(ROOT / ".binder/requirements.txt"), pins(ROOT / "requirements.txt")
    assert len(binder) >= 4
    assert binder.items() <= book.items()
    python = (ROOT / ".binder/runtime.txt").read_text().strip()
    assert re.fullmatch(r"python-3\.1[1-9]", python)


@pytest.mark.parametrize(
    "name", [".ci/run", ".ci/push-notebooks", ".binder/postBuild", ".binder/start"]
)
def test_scripts_can_be_run_and_stop_at_the_first_error(name):
    path = ROOT / name
    assert path.stat().st_mode & stat.S_IXUSR
    assert "\nset -euo pipefail\n" in path.read_text()
    subprocess.run(["bash", "-n", path], check=True)


def test_ci_runs_every_kind_of_test():
    commands = re.findall(
        r"^stage '[^']*' make (\S+)", (ROOT / ".ci/run").read_text(), re.MULTILINE
    )
    tests = {"test", "test-slow", "test-assignments", "binder-test", "test-site", "student"}
    assert tests <= set(commands)
    assert commands.index("book") < min(map(commands.index, ("test-site", "student")))
    assert set(commands) <= set(targets())


@pytest.mark.parametrize("name", ["ci.yml", "publish.yml"])
def test_workflows_run_what_ci_runs(name):
    workflow = yaml.safe_load((ROOT / ".github/workflows" / name).read_text())
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert any(step.get("run") == ".ci/run" for step in steps)
    if name == "publish.yml":
        uses = [step.get("uses", step.get("run", "")) for step in steps]
        upload = next(k for k, use in enumerate(uses) if "upload-pages-artifact" in use)
        assert uses.index(".ci/run") < upload


def test_every_page_of_the_contents_exists():
    from sphinx_external_toc.parsing import parse_toc_yaml

    for name in parse_toc_yaml(ROOT / "_toc.yml"):
        assert (ROOT / f"{name}.md").is_file(), f"_toc.yml lists {name}, which does not exist"
