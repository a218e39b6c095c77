"""Every benchmark starts: what it imports is there, and it says how to run it."""

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"
SCRIPTS = sorted(path.name for path in FOLDER.glob("[a-z]*.py"))


def test_there_are_benchmarks():
    assert {"kernel_solvers.py", "least_squares_runs.py", "path_solver.py"} <= set(SCRIPTS)


@pytest.mark.parametrize("script", SCRIPTS)
def test_it_starts(script):
    answer = subprocess.run(
        [sys.executable, FOLDER / script, "--help"], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert "usage" in answer.stdout
