"""Sweeps: the same numbers whatever the backend, resumed where they stopped, honest about time."""

import functools
import os
import subprocess
import sys
import threading
import time

import joblib
import numpy as np
import pytest
from threadpoolctl import threadpool_info

from fearless.experiments.sweeps import _clock, grid_of, sweep

GRID = grid_of(size=[3, 150], seed=[0, 1, 2])


def product(size, seed):
    """A BLAS result of many roundings, and the number of threads that it was computed with."""
    a = np.random.default_rng(seed).standard_normal((size, size))
    threads = [p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"]
    return np.linalg.eigvalsh(a @ a.T), max(threads)


def record(folder, i, fail=False):
    """Leave a trace of the call in a folder."""
    (folder / f"{i}-{time.time_ns()}").touch()
    if fail:
        raise RuntimeError(f"call {i} failed")
    return i * i


def assert_equal_results(results, expected):
    for (values, threads), (wanted, _) in zip(results, expected, strict=True):
        np.testing.assert_array_equal(values, wanted)  # to the last bit
        assert threads == 1


@pytest.fixture(scope="module")
def serial():
    return sweep(product, GRID)


def test_a_grid_is_the_product_in_order():
    assert grid_of(a=[1, 2], b="xy") == [
        {"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"}, {"a": 2, "b": "y"},
    ]  # fmt: skip
    with pytest.raises(ValueError, match=r"b is empty; expected at least one value"):
        grid_of(a=[1], b=[])


def test_results_come_in_order(serial):
    assert [len(values) for values, _ in serial] == [3, 3, 3, 150, 150, 150]
    assert_equal_results(serial, [product(**p) for p in GRID])


def test_threads_give_the_same_numbers(serial):
    before = threadpool_info()
    with joblib.parallel_config(backend="threading", n_jobs=3):
        assert_equal_results(sweep(product, GRID), serial)
    assert threadpool_info() == before


def test_processes_give_the_same_numbers(serial):
    assert_equal_results(sweep(product, GRID, n_jobs=2), serial)


@pytest.mark.slow
def test_a_local_dask_cluster_gives_the_same_numbers(serial):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as c,
        distributed.Client(c),
        joblib.parallel_config(backend="dask"),
    ):
        assert_equal_results(sweep(product, GRID), serial)


def test_a_backend_without_generators_works_in_rounds(serial, tmp_path):
    """As Dask's does; here multiprocessing, which cannot hand over single results either."""
    with joblib.parallel_config(backend="multiprocessing", n_jobs=2):
        results = sweep(product, GRID, checkpoint=tmp_path)
    assert_equal_results(results, serial)
    assert len(list(tmp_path.glob("*.pkl"))) == len(GRID)


def test_the_backend_of_the_configuration_is_used():
    names = set()

    def where(i):
        names.add(threading.current_thread().name)
        time.sleep(0.05)

    with joblib.parallel_config(backend="threading", n_jobs=4):
        sweep(where, grid_of(i=range(8)))
    assert len(names) > 1


def test_a_sweep_is_resumed_where_it_stopped(tmp_path):
    calls, store = tmp_path / "calls", tmp_path / "deep" / "store"
    calls.mkdir()
    grid = [{"folder": calls, "i": i} for i in range(4)]
    assert sweep(record, grid[:2], checkpoint=store) == [0, 1]
    assert sweep(record, grid[::-1], checkpoint=store) == [9, 4, 1, 0]
    assert sweep(record, grid, checkpoint=store, n_jobs=2) == [0, 1, 4, 9]
    assert sorted(p.name[0] for p in calls.iterdir()) == ["0", "1", "2", "3"]
    # Another function, or other parameters, is another result.
    assert sweep(record, [{"folder": calls, "i": 5}], checkpoint=store) == [25]
    assert not list(store.glob("*.partial"))


def test_what_was_done_before_an_error_is_kept(tmp_path):
    store = tmp_path / "store"
    grid = [{"folder": tmp_path, "i": i, "fail": i == 2} for i in range(4)]
    with pytest.raises(RuntimeError, match=r"call 2 failed"):
        sweep(record, grid, checkpoint=store)
    assert len(list(store.glob("*.pkl"))) == 2
    with pytest.raises(RuntimeError, match=r"call 2 failed"):
        sweep(record, grid, checkpoint=store, n_jobs=2)
    assert not list(store.glob("*.partial"))


def test_a_killed_sweep_leaves_whole_files(tmp_path):
    code = (
        "import os, sys\n"
        "from fearless.experiments.sweeps import sweep\n"
        "def f(i):\n"
        "    if i == 3: os._exit(9)\n"
        "    return list(range(1000 * i))\n"
        f"sweep(f, [dict(i=i) for i in range(5)], checkpoint={str(tmp_path)!r})\n"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 9
    assert len(list(tmp_path.iterdir())) == 3


def test_a_damaged_checkpoint_is_named(tmp_path):
    grid = [{"folder": tmp_path, "i": 1}]
    sweep(record, grid, checkpoint=tmp_path / "store")
    (path,) = (tmp_path / "store").iterdir()
    path.write_bytes(b"nonsense")
    with pytest.raises(ValueError, match=r"checkpoint .*pkl for .* cannot be read.*delete it"):
        sweep(record, grid, checkpoint=tmp_path / "store")


def test_functions_that_share_a_name_have_no_checkpoint(tmp_path):
    """Their results would be taken for one another's."""

    def captured(factor):
        def times(i):
            return factor * i

        return times

    bad = (lambda i: i, functools.partial(pow, 2), captured(3), np.random.default_rng().choice)
    for function in bad[:3]:
        sweep(function, [{"exp": 2}] if function is bad[1] else [{"i": 1}])
    for function in bad:
        with pytest.raises(TypeError, match=r"expected, with a checkpoint, a named function"):
            sweep(function, [{"i": 1}], checkpoint=tmp_path)
    assert sweep(pow, [{"base": 2, "exp": 3}], checkpoint=tmp_path) == [8]


def test_progress_says_what_is_left(tmp_path, capsys):
    lines = []
    grid = [{"folder": tmp_path, "i": i} for i in range(3)]
    sweep(record, grid, progress=lines.append, cost=lambda p: p["i"])
    assert [line[:8] for line in lines] == ["1/3 done", "2/3 done", "3/3 done"]
    assert lines[1].endswith("left")
    assert not lines[2].endswith("left")
    sweep(record, grid, progress=True, checkpoint=tmp_path / "store")
    sweep(record, grid, progress=True, checkpoint=tmp_path / "store")
    assert capsys.readouterr().err.splitlines()[-1] == "3/3 found in the checkpoint"
    sweep(record, grid)
    assert capsys.readouterr().err == ""


def test_the_time_left_is_weighted_by_cost():
    lines = []
    # The first call is a hundredth of the work: 0.05 s now, about 5 s left.
    sweep(
        lambda i: time.sleep(0.05), grid_of(i=[0, 1]), progress=lines.append,
        cost=lambda p: [1, 99][p["i"]],
    )  # fmt: skip
    assert 4 <= int(lines[0].split()[-3]) <= 60


def test_times_are_readable():
    assert [_clock(s) for s in (4.4, 75, 3600, 7325)] == [
        "4 s", "1 min 15 s", "1 h 00 min", "2 h 02 min",
    ]  # fmt: skip


def test_bad_input_is_named():
    with pytest.raises(TypeError, match=r"function is 3; expected a callable"):
        sweep(3, [])
    with pytest.raises(ValueError, match=r"grid contains \{'i': 1\} twice"):
        sweep(os.getpid, [{"i": 1}, {"i": 1}])
    with pytest.raises(ValueError, match=r"n_jobs is 0"):
        sweep(os.getpid, [], n_jobs=0)
