"""What every kernel must satisfy. A test module subclasses the contract, gives a constructor and a
scalar formula, and inherits the checks:

    class TestMyKernel(KernelContract):
        kernel = MyKernel(2.0)
        def formula(self, x, z): ...   # plain Python, for two vectors of np.longdouble
"""

import copy
import pickle
import tracemalloc
from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import clone

DTYPES = [np.float32, np.float64]


def cloud(seed, n, d, dtype, offset=0.0):
    """Points with a mean, some of them nearly and some exactly equal, at all scales of nearness."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)) + offset
    X[1] = X[0]
    for k, gap in enumerate([1e-6, 1e-4, 1e-2, 1e-1]):
        X[2 + k] = X[0] + gap * rng.standard_normal(d)
    return X.astype(dtype)


def brute_force(formula, X, Z):
    """The double loop, in extended precision."""
    X, Z = X.astype(np.longdouble), Z.astype(np.longdouble)
    return np.array([[float(formula(x, z)) for z in Z] for x in X])


class KernelContract:
    kernel: object
    #: Dimensions on both sides of the switch from differences to matrix products.
    dims = (1, 3, 12)
    #: Largest |d log K / d log ||x - z||| times K met below: how much a relative error of the
    #: distance is magnified; 1/e for the Laplacian, 2/e for the Gaussian.
    sensitivity = 1.0
    #: Relative error of a distance. A squared distance that is not recomputed is at least 1/16
    #: (float32) or 1/64 (float64) of ||x||^2 + ||z||^2, and a dot product of d terms errs by at
    #: most d eps of that: d eps times 16 or 64, halved by the square root; centring adds eps.
    guard: ClassVar = {np.dtype(np.float32): 16, np.dtype(np.float64): 64}

    def formula(self, x, z):
        raise NotImplementedError

    def tolerance(self, X):
        eps = np.finfo(X.dtype).eps
        return eps * (4 + self.sensitivity * (X.shape[1] + 4) * self.guard[X.dtype] / 2)

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("offset", [0.0, 30.0])
    def test_agrees_with_the_double_loop(self, dtype, offset):
        for d in self.dims:
            for seed in range(3):
                X, Z = cloud(seed, 13, d, dtype, offset), cloud(seed + 7, 9, d, dtype, offset)
                Z[:3] = X[:3]
                atol = self.tolerance(X)
                np.testing.assert_allclose(
                    self.kernel(X, Z), brute_force(self.formula, X, Z), rtol=0, atol=atol
                )
                np.testing.assert_allclose(
                    self.kernel(X), brute_force(self.formula, X, X), rtol=0, atol=atol
                )

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_symmetric_to_the_last_bit(self, dtype):
        for d in self.dims:
            X = cloud(0, 40, d, dtype, 5.0)
            for block_size in (None, 7):
                K = self.kernel(X, block_size=block_size)
                np.testing.assert_array_equal(K, K.T)

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_positive_semi_definite(self, dtype):
        for d in self.dims:
            X = cloud(1, 60, d, dtype)
            K = self.kernel(X)
            error = self.tolerance(X) * len(X)  # of an eigenvalue: at most the norm of the error
            assert np.linalg.eigvalsh(K.astype(float)).min() > -error

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_diag_is_the_diagonal(self, dtype):
        for d in self.dims:
            X = cloud(2, 20, d, dtype, 100.0)
            diagonal = self.kernel.diag(X)
            assert diagonal.dtype == dtype
            np.testing.assert_array_equal(self.kernel(X).diagonal(), diagonal)
            np.testing.assert_array_equal(self.kernel(X, X.copy()).diagonal(), diagonal)

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_duplicates_give_equal_rows_and_the_diagonal_value(self, dtype):
        X = cloud(3, 10, 12, dtype, 100.0)
        K = self.kernel(X)
        assert K[0, 1] == K[0, 0] == self.kernel(X[:1], X[1:2])[0, 0]

    def test_shapes_and_dtypes(self):
        X, Z = cloud(4, 10, 3, np.float64), cloud(5, 7, 3, np.float32)
        assert self.kernel(X).shape == (10, 10)
        assert self.kernel(X, Z).shape == (10, 7)
        assert self.kernel(X, Z).dtype == np.float64
        assert self.kernel(Z, X).dtype == np.float32
        assert self.kernel([[1, 2]], [[3, 4]]).dtype == np.float64
        assert self.kernel(X[:1], X[:1]).shape == (1, 1)
        assert self.kernel(X).flags.c_contiguous

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("order", ["C", "F", "strided"])
    def test_out_is_honoured_in_any_order(self, dtype, order):
        for d in self.dims:
            X, Z = cloud(6, 20, d, dtype), cloud(7, 11, d, dtype)
            for other in (Z, None):
                expected = self.kernel(X, other)
                if order == "strided":
                    buffer = np.full((2 * len(X), 3 * expected.shape[1]), np.nan, dtype)
                    out = buffer[::2, ::3]
                else:
                    out = np.full(expected.shape, np.nan, dtype, order=order)
                assert self.kernel(X, other, out=out) is out
                np.testing.assert_allclose(out, expected, rtol=0, atol=2 * self.tolerance(X))
                if order == "strided":  # nothing was written beside the result
                    assert np.isnan(buffer).sum() == buffer.size - out.size

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("block_size", [1, 7, 64])
    def test_blockwise_equals_whole(self, dtype, block_size):
        for d in self.dims:
            X, Z = cloud(8, 30, d, dtype, 3.0), cloud(9, 17, d, dtype, 3.0)
            for other in (Z, None):
                np.testing.assert_allclose(
                    self.kernel(X, other, block_size=block_size),
                    self.kernel(X, other),
                    rtol=0,
                    atol=2 * self.tolerance(X),
                )

    def test_swapping_the_arguments_transposes(self):
        X, Z = cloud(10, 20, 12, np.float64), cloud(11, 9, 12, np.float64)
        np.testing.assert_allclose(
            self.kernel(X, Z), self.kernel(Z, X).T, rtol=0, atol=2 * self.tolerance(X)
        )

    @pytest.mark.parametrize("d", [2, 50])
    def test_memory_beyond_the_result_is_bounded(self, d):
        rng = np.random.default_rng(0)
        X, Z = rng.standard_normal((2000, d)), rng.standard_normal((1500, d))
        block = 128
        for other, shape in ((Z, (2000, 1500)), (None, (2000, 2000))):
            out = np.empty(shape)
            tracemalloc.start()
            self.kernel(X, other, out=out, block_size=block)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            # In each of two threads two tiles of coordinates, one of values and its mask, two
            # strips; the centred points; 1.5 MB to spare. The result has 24 to 32 MB, the inputs
            # 0.8 MB each at d = 50.
            tiles = 8 * (2 * block * d + 2 * block**2)
            assert peak < 2 * tiles + X.nbytes + Z.nbytes + 1.5e6
            assert not np.isnan(out).any()

    def test_is_a_value(self):
        same = copy.deepcopy(self.kernel)
        assert same == self.kernel
        assert hash(same) == hash(self.kernel)
        assert pickle.loads(pickle.dumps(self.kernel)) == self.kernel
        assert clone(self.kernel, safe=False) == self.kernel
        with pytest.raises(AttributeError):
            self.kernel.bandwidth = 3.0

    @pytest.mark.parametrize(
        ("arguments", "error", "match"),
        [
            (([[np.nan]],), ValueError, "X contains 1 non-finite"),
            (([[0.0]], [[np.inf]]), ValueError, "Z contains 1 non-finite"),
            ((np.zeros((0, 2)),), ValueError, "X is empty"),
            ((np.zeros((2, 2)), np.zeros((0, 2))), ValueError, "Z is empty"),
            (([1.0, 2.0],), ValueError, "X has shape"),
            ((np.zeros((2, 2)), np.zeros((2, 3))), ValueError, "Z has 3 columns; expected 2"),
            (([["a"]],), TypeError, "X has dtype"),
            (([[1j]],), TypeError, "X is complex"),
            ((np.zeros((2, 2)), None, np.empty((2, 3))), ValueError, "out has shape"),
            ((np.zeros((2, 2)), None, np.empty((2, 2), "f4")), TypeError, "out has dtype"),
            ((np.zeros((2, 2)), None, None, 0), ValueError, "block_size is 0"),
            ((np.zeros((2, 2)), None, None, 1.5), TypeError, "block_size is float"),
            ((np.zeros((2, 2), "f4"), np.full((2, 2), 1e300)), ValueError, "Z contains 4 non-fin"),
        ],
    )
    def test_bad_input_is_named(self, arguments, error, match):
        with pytest.raises(error, match=match):
            self.kernel(*arguments)

    def test_out_may_not_be_the_input(self):
        X = np.ones((3, 3))
        with pytest.raises(ValueError, match="out shares memory"):
            self.kernel(X, out=X)

    def test_diag_checks_its_input(self):
        with pytest.raises(ValueError, match="X contains 1 non-finite"):
            self.kernel.diag([[np.nan]])
