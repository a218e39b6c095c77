"""Random features: nested to the last bit, unbiased with the exact variance, good transformers."""

import itertools
import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from fearless.features import (
    ComplexFourierFeatures,
    PairedFourierFeatures,
    RandomFourierFeatures,
    RandomReLUFeatures,
)
from fearless.kernels import GaussianKernel, Kernel, LaplacianKernel
from fearless.linear import MinNormRegressor

FOURIER = [ComplexFourierFeatures, PairedFourierFeatures, RandomFourierFeatures]
MAPS = [*FOURIER, RandomReLUFeatures]
REAL = [PairedFourierFeatures, RandomFourierFeatures, RandomReLUFeatures]
DTYPES = [np.float32, np.float64]


def points(n, d, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d)).astype(dtype)


def reference(features, X, start, stop):
    """The unscaled columns written out in float64, frequency by frequency."""
    X = X.astype(float)
    if isinstance(features, PairedFourierFeatures):
        V = features.frequencies(start // 2, -(-stop // 2))
        angles = X @ V.T
        columns = np.stack([np.cos(angles), np.sin(angles)], axis=2).reshape(len(X), -1)
        return columns[:, start % 2 : start % 2 + stop - start]
    angles = X @ features.frequencies(start, stop).T
    if isinstance(features, ComplexFourierFeatures):
        return np.exp(1j * angles)
    if isinstance(features, RandomFourierFeatures):
        return np.cos(angles + features.phases(start, stop))
    return np.maximum(angles, 0)


@parametrize_with_checks([cls(n_features=6, random_state=0) for cls in REAL])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


class TestEveryMap:
    @pytest.fixture(params=MAPS)
    def cls(self, request):
        return request.param

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_columns_are_the_formula(self, cls, dtype):
        X = points(30, 20, dtype)
        features = cls(300, random_state=1).fit(X)
        eps = np.finfo(dtype).eps
        for start, stop in ((0, 300), (250, 262), (511, 515), (700, 701)):
            expected = reference(features, X, start, stop)
            block = features.block(X, start, stop)
            assert block.dtype == (np.result_type(dtype, np.complex64) if cls._complex else dtype)
            # An angle is a sum of 20 products of rounded factors; all maps are 1-Lipschitz in it.
            bound = np.linalg.norm(X, axis=1).max() * 10 * 20 * eps + 8 * eps
            np.testing.assert_allclose(block, expected, rtol=0, atol=bound)
            np.testing.assert_array_equal(features.frequencies(0, 5).shape, (5, 20))

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_nested_to_the_last_bit(self, cls, dtype):
        X = points(70, 9, dtype)
        whole = cls(1200, random_state=5).fit(X).block(X, 0, 1200)
        for width in (2, 6, 254, 256, 258, 512, 700, 1200):
            narrow = cls(width, random_state=5).fit(X)
            np.testing.assert_array_equal(narrow.block(X, 0, width), whole[:, :width])
            scaled = whole[:, :width] * whole.dtype.type(narrow.scale(width))
            np.testing.assert_array_equal(narrow.transform(X), scaled)

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("order", ["C", "F", "strided"])
    def test_out_is_honoured_in_any_order(self, cls, dtype, order):
        X = points(70, 5, dtype)
        features = cls(2, random_state=0).fit(X)
        expected = features.block(X, 200, 560)
        if order == "strided":
            buffer = np.full((140, 3 * 360), np.nan, expected.dtype)
            out = buffer[::2, ::3]
        else:
            out = np.full(expected.shape, np.nan, expected.dtype, order=order)
        assert features.block(X, 200, 560, out=out) is out
        np.testing.assert_array_equal(out, expected)
        if order == "strided":
            assert np.isnan(buffer).sum() == buffer.size - out.size

    def test_seeds(self, cls):
        X = points(5, 3)

        def fresh(seed):
            return cls(4, random_state=seed).fit_transform(X)

        np.testing.assert_array_equal(fresh(3), fresh(3))
        assert not np.array_equal(fresh(3), fresh(4))
        assert not np.array_equal(fresh(None), fresh(None))
        first, again = (fresh(np.random.default_rng(0)) for _ in range(2))
        np.testing.assert_array_equal(first, again)
        rng = np.random.default_rng(0)
        assert not np.array_equal(fresh(rng), fresh(rng))
        # Once fitted, a map stays the same whatever happens to its parameters.
        features = cls(4).fit(X)
        before = features.transform(X)
        features.set_params(n_features=8, random_state=1)
        np.testing.assert_array_equal(features.transform(X), before)

    def test_blocks_of_the_stream_differ(self, cls):
        V = cls(2, random_state=0).fit(points(2, 3)).frequencies(0, 1024)
        assert len(np.unique(V[:, 0])) == 1024
        with pytest.raises(ValueError, match="stop is 3; expected an integer >= 6"):
            cls(2).fit(points(2, 3)).frequencies(5, 3)

    def test_pickle_clone_and_names(self, cls):
        X = points(5, 3)
        features = cls(4, random_state=0).fit(X)
        np.testing.assert_array_equal(
            pickle.loads(pickle.dumps(features)).transform(X), features.transform(X)
        )
        np.testing.assert_array_equal(clone(features).fit_transform(X), features.transform(X))
        names = features.get_feature_names_out()
        assert names.tolist() == [f"{cls.__name__.lower()}{j}" for j in range(4)]

    def test_memory_beyond_the_result_is_bounded(self, cls):
        X = points(1500, 40)
        features = cls(2, random_state=0).fit(X)
        out = features.block(X, 0, 4096)  # 49 to 98 MB
        tracemalloc.start()
        features.block(X, 0, 4096, out=out)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        # The angles of one block, the frequencies drawn (40 x 4096), strips: 6 MB.
        assert peak < 8 * (1500 * 256 + 40 * 4096) + 2e6

    @pytest.mark.parametrize(
        ("n_features", "error", "match"),
        [
            (0, ValueError, "n_features is 0; expected an integer >= 1"),
            (-2, ValueError, "n_features is -2"),
            (2.0, TypeError, "n_features is float 2.0; expected an integer"),
            ("many", TypeError, "n_features is str"),
        ],
    )
    def test_bad_widths_are_named(self, cls, n_features, error, match):
        with pytest.raises(error, match=match):
            cls(n_features).fit(points(3, 2))
        with pytest.raises(error, match=match):
            cls().scale(n_features)

    def test_bad_data_are_named(self, cls):
        features = cls(2, random_state=0)
        with pytest.raises(NotFittedError):
            features.transform(points(2, 2))
        with pytest.raises(NotFittedError):
            features.block(points(2, 2), 0, 1)
        for bad, match in (
            ([[np.nan, 1.0]], "Input X contains NaN"),
            (np.zeros((0, 2)), "0 sample"),
            ([1.0, 2.0], "Expected 2D array"),
        ):
            with pytest.raises(ValueError, match=match):
                features.fit(bad)
        features.fit(points(3, 2))
        with pytest.raises(ValueError, match="X has 3 features"):
            features.block(points(3, 3), 0, 1)
        with pytest.raises(ValueError, match="Input X contains infinity"):
            features.transform([[np.inf, 1.0]])
        for start, stop, error, match in (
            (-1, 3, ValueError, "start is -1"),
            (3, 3, ValueError, "stop is 3; expected an integer >= 4"),
            (0, 1.5, TypeError, "stop is float"),
        ):
            with pytest.raises(error, match=match):
                features.block(points(3, 2), start, stop)
        with pytest.raises(ValueError, match="out has shape"):
            features.block(
                points(3, 2), 0, 4, out=np.empty((3, 5), features.block([[1.0, 1.0]], 0, 1).dtype)
            )
        with pytest.raises(TypeError, match="random_state is"):
            cls(2, random_state="x").fit(points(3, 2))


@given(cls=st.sampled_from(MAPS), data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_block_in_any_order(cls, data):
    X = points(11, 4)
    features = cls(2, random_state=2).fit(X)
    whole = cls(2, random_state=2).fit(X).block(X, 0, 1100)
    for _ in range(3):
        start = data.draw(st.integers(0, 1090))
        stop = data.draw(st.integers(start + 1, 1100))
        np.testing.assert_array_equal(features.block(X, start, stop), whole[:, start:stop])


def test_pairs_need_an_even_width():
    with pytest.raises(ValueError, match="n_features is 3; expected an even number"):
        PairedFourierFeatures(3).fit(points(3, 2))
    with pytest.raises(ValueError, match="n_features is 5; expected an even number"):
        PairedFourierFeatures(4).scale(5)


@pytest.mark.parametrize("cls", FOURIER)
def test_kernels_without_frequencies_are_named(cls):
    class Linear(Kernel):
        def _fill(self, X, Z, out, block_size):
            np.matmul(X, (X if Z is None else Z).T, out=out)

        def _diag(self, X):
            return (X**2).sum(1)

    for kernel in (Linear(), "rbf", 5.0):
        with pytest.raises(TypeError, match=r"kernel is .*; expected a kernel with sample_freq"):
            cls(4, kernel=kernel).fit(points(3, 2))


def test_fourier_maps_of_one_seed_share_their_frequencies():
    X = points(4, 3)
    maps = [cls(600, random_state=7).fit(X) for cls in FOURIER]
    for one, other in itertools.pairwise(maps):
        np.testing.assert_array_equal(one.frequencies(0, 600), other.frequencies(0, 600))


@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_cosines_by_the_half_angle_are_right_to_the_last_bits(scale):
    """Also where the tangent is near a pole: cos and sin err by a few eps, absolutely."""
    rng = np.random.default_rng(0)
    angles = np.concatenate(
        [rng.standard_normal(5000) * scale, np.pi * np.arange(-50, 50), [0.0, np.pi / 2, 1e-300]]
    )
    features = ComplexFourierFeatures(2, kernel=GaussianKernel(1.0), random_state=0)
    features.fit([[0.0]])
    got = np.empty((1, len(angles)), complex)
    features._activate(angles[None].copy(), (), got)
    # tan is right to 4 ulp where NumPy uses SIMD; three more operations round.
    np.testing.assert_allclose(got[0], np.cos(angles) + 1j * np.sin(angles), rtol=0, atol=2e-15)


# O28. For each map: N Var of the estimate of k(delta), given k = k(delta) and k2 = k(2 delta).
VARIANCE = {
    RandomFourierFeatures: lambda k, k2: 1 + k2 / 2 - k**2,
    PairedFourierFeatures: lambda k, k2: 1 + k2 - 2 * k**2,
    ComplexFourierFeatures: lambda k, k2: (1 + k2) / 2 - k**2,  # of the real part
}


@pytest.mark.parametrize("kernel", [GaussianKernel(1.0), LaplacianKernel(1.0)])
@pytest.mark.parametrize("cls", FOURIER)
@pytest.mark.parametrize("delta", [0.3, 1.0, 2.0])
def test_estimate_of_the_kernel_is_unbiased_with_the_exact_variance(cls, kernel, delta):
    """O28, both the mean and the variance of independent terms, by z-scores, at two seeds."""
    X = np.array([[0.4, -0.2], [0.4 + 0.6 * delta, -0.2 + 0.8 * delta]])
    k, k2 = (kernel([[0.0]], [[t]])[0, 0] for t in (delta, 2 * delta))
    n = 200_000
    for seed in range(2):
        Phi = cls(2, kernel=kernel, random_state=seed).fit(X).block(X, 0, n)
        products = (Phi[0] * Phi[1].conj()).real
        if cls is PairedFourierFeatures:
            terms = products.reshape(-1, 2).sum(axis=1)  # one a frequency: N / 2 of them
            per_feature = 2
        else:
            terms = products * cls().scale(1) ** 2
            per_feature = 1
        mean_error = terms.std() / np.sqrt(len(terms))
        assert abs(terms.mean() - k) < 4.5 * mean_error
        squares = (terms - k) ** 2
        variance = VARIANCE[cls](k, k2) / per_feature
        assert abs(squares.mean() - variance) < 4.5 * squares.std() / np.sqrt(len(terms))


def arc_cosine_limit(x, z):
    """|x| |z| (sin t + (pi - t) cos t) / (2 pi d), t the angle."""
    norms = np.linalg.norm(x) * np.linalg.norm(z)
    theta = np.arccos(np.clip(x @ z / norms, -1, 1))
    return norms * (np.sin(theta) + (np.pi - theta) * np.cos(theta)) / (2 * np.pi * len(x))


@pytest.mark.parametrize("d", [2, 5, 30])
def test_relu_features_tend_to_the_arc_cosine_kernel(d):
    X = points(4, d, seed=d)
    X[3] = -X[0]  # the opposite: the limit is 0
    for seed in range(2):
        Phi = RandomReLUFeatures(2, random_state=seed).fit(X).block(X, 0, 100_000)
        for i, j in itertools.combinations_with_replacement(range(3), 2):
            terms = Phi[i] * Phi[j]
            z = (terms.mean() - arc_cosine_limit(X[i], X[j])) / (terms.std() / np.sqrt(len(terms)))
            assert abs(z) < 4.5
        assert np.all(Phi[0] * Phi[3] == 0)


def test_phases_are_uniform_on_the_circle():
    """The kernel alone does not tell: phases on half the circle would be unbiased too."""
    phases = RandomFourierFeatures(2, random_state=0).fit(points(2, 3)).phases(0, 40_000)
    assert phases.min() >= 0
    assert phases.max() <= 2 * np.pi
    for k in (1, 2, 3):
        assert abs(np.exp(1j * k * phases).mean()) < 4.5 / np.sqrt(len(phases))


def test_relu_vectors_lie_on_the_sphere():
    V = RandomReLUFeatures(2, random_state=0).fit(points(2, 7)).frequencies(0, 1000)
    np.testing.assert_allclose(np.linalg.norm(V, axis=1), 1, rtol=1e-14)


@pytest.mark.parametrize("cls", REAL)
def test_interpolation_threshold_of_the_docstring(cls):
    """N = n columns are independent; N = n - 2 cannot interpolate generic targets."""
    n = 40
    X, y = points(n, 6), points(n, 1, seed=1)[:, 0]
    for seed in range(3):
        at, below = (
            make_pipeline(
                cls(
                    N, **({} if cls is RandomReLUFeatures else {"kernel": GaussianKernel(1.5)})
                ).set_params(random_state=seed),
                MinNormRegressor(),
            ).fit(X, y)
            for N in (n, n - 2)
        )
        assert at[-1].rank_ == n
        assert np.mean((at.predict(X) - y) ** 2) < 1e-16 * at[-1].condition_
        assert np.mean((below.predict(X) - y) ** 2) > 1e-4


def test_complex_threshold_counts_complex_features():
    n = 40
    X, y = points(n, 6), points(n, 1, seed=1)[:, 0]
    features = ComplexFourierFeatures(n, kernel=GaussianKernel(1.5), random_state=0).fit(X)
    Phi = features.transform(X)
    assert np.linalg.matrix_rank(Phi) == n
    w, residual, *_ = np.linalg.lstsq(Phi[:, : n - 1], y.astype(complex), rcond=None)
    assert residual[0] > 1e-4
    # The imaginary part must vanish too: n / 2 complex features do not interpolate real targets.
    w = np.linalg.lstsq(Phi[:, : n // 2], y.astype(complex), rcond=None)[0]
    assert np.linalg.norm(Phi[:, : n // 2] @ w - y) > 0.1 * np.linalg.norm(y)


@pytest.mark.parametrize("cls", [RandomFourierFeatures, PairedFourierFeatures])
def test_wide_limit_is_the_kernel_machine(cls):
    """O29: predictions and squared norm of the min-norm interpolant tend to K's, like N^{-1/2}."""
    kernel = LaplacianKernel(2.0)
    X, Z = points(30, 4), points(20, 4, seed=9)
    y = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2]
    alpha = np.linalg.solve(kernel(X), y)
    machine, norm = kernel(Z, X) @ alpha, np.sqrt(y @ alpha)
    errors = []
    for N in (1_000, 64_000):
        gaps = []
        for seed in range(3):
            features = cls(N, kernel=kernel, random_state=seed).fit(X)
            model = MinNormRegressor().fit(features.transform(X), y)
            gap = np.linalg.norm(model.predict(features.transform(Z)) - machine)
            gaps.append(gap / np.linalg.norm(machine))
            assert np.linalg.norm(model.coef_) == pytest.approx(norm, rel=8 / np.sqrt(N))
        errors.append(np.mean(gaps))
    # 64 times the width: 8 times the accuracy, a factor 2 of which is left to chance.
    assert errors[1] < errors[0] / 4
