"""Pieces of work side by side: all are done, errors come through, BLAS gets its threads back."""

import threading

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController, threadpool_limits

from fearless._parallel import run_all
from fearless.kernels.infinite_width import NTKernel


def blas_threads():
    return [pool["num_threads"] for pool in ThreadpoolController().select(user_api="blas").info()]


@pytest.mark.parametrize("threads", [True, False])
@pytest.mark.parametrize("n", [0, 1, 7])
def test_every_piece_is_done_once(n, threads):
    done = []
    run_all(lambda i, j: done.append((i, j)), [(i, 2 * i) for i in range(n)], threads=threads)
    assert sorted(done) == [(i, 2 * i) for i in range(n)]


def test_two_pieces_run_at_the_same_time():
    meeting = threading.Barrier(2, timeout=20)
    with threadpool_limits(2):
        run_all(lambda _: meeting.wait(), [(0,), (1,)])


def test_one_thread_where_blas_has_one():
    names = set()
    with threadpool_limits(1):
        run_all(lambda _: names.add(threading.current_thread().name), [(i,) for i in range(5)])
    assert names == {threading.current_thread().name}


def test_pieces_within_pieces_do_not_multiply_the_threads():
    inside = set()

    def inner(i, j):
        inside.add((i, j, threading.get_ident()))

    def outer(i):
        own = threading.get_ident()
        run_all(inner, [(i, j) for j in range(3)])
        assert {ident for k, _, ident in inside if k == i} == {own}

    with threadpool_limits(2):
        run_all(outer, [(0,), (1,)])
    assert len(inside) == 6


def test_an_error_comes_through_and_blas_gets_its_threads_back():
    def fail(i):
        if i == 2:
            raise ValueError("piece 2")

    with threadpool_limits(2):
        before = blas_threads()
        with pytest.raises(ValueError, match="piece 2"):
            run_all(fail, [(i,) for i in range(4)])
        assert blas_threads() == before


@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_tangent_kernels_are_the_same_on_one_thread_and_on_two(activation):
    X = np.random.default_rng(0).standard_normal((1500, 12)).astype(np.float32)
    kernel = NTKernel(depth=2, activation=activation, b_std=0.1)
    found = []
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            found.append(kernel.kernel_and_ntk(X))
    for one, two in zip(*found, strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(two, two.T)
