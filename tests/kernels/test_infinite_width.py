"""Kernels of infinitely wide networks: a 50-digit recursion, integrals, networks, the contract."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_contract import KernelContract
from scipy.special import erf

from fearless.kernels import ArcCosineKernel, NNGPKernel, NTKernel

PI = np.longdouble("3.14159265358979323846264338327950288")


def extended_recursion(x, z, kernel):
    """(K, Theta) in extended precision, carrying 1 - cos of the angle of the feature vectors.

    Of augmented vectors (P^(1/2) u, b) and (Q^(1/2) v, b), lengths p^(1/2) and q^(1/2), it is
    b^2 (P^(1/2) - Q^(1/2))^2 / ((pq)^(1/2) + (PQ)^(1/2) + b^2) + (PQ)^(1/2) (1 - <u, v>), over
    (pq)^(1/2). Not the way of the library.
    """
    w, b = np.longdouble(kernel.w_std), np.longdouble(kernel.b_std)
    x, z = w * x / np.sqrt(np.longdouble(len(x))), w * z / np.sqrt(np.longdouble(len(z)))
    P, Q = (x**2).sum(), (z**2).sum()
    versine = ((x / np.sqrt(P) - z / np.sqrt(Q)) ** 2).sum() / 2

    def add_bias(P, Q, versine):
        p, q = P + b**2, Q + b**2
        r, R = np.sqrt(p * q), np.sqrt(P * Q)
        return p, q, (b**2 * (np.sqrt(P) - np.sqrt(Q)) ** 2 / (r + R + b**2) + R * versine) / r

    p, q, versine = add_bias(P, Q, versine)
    k = t = np.sqrt(p * q) * (1 - versine)
    for _ in range(kernel.depth):
        if kernel.activation == "relu":
            angle = 2 * np.arcsin(np.sqrt(versine / 2))
            versine += (angle * np.cos(angle) - np.sin(angle)) / PI
            p, q, versine = add_bias(w**2 * p / 2, w**2 * q / 2, versine)
            k = np.sqrt(p * q) * (1 - versine)
            t = k + w**2 * (PI - angle) / (2 * PI) * t
        else:
            det = (1 + 2 * p) * (1 + 2 * q) - 4 * k * k
            k = w**2 * 2 / PI * np.arctan2(2 * k, np.sqrt(det)) + b**2
            t = k + w**2 * 4 / PI / np.sqrt(det) * t
            p, q = (w**2 * 2 / PI * np.arctan2(2 * s, np.sqrt(1 + 4 * s)) + b**2 for s in (p, q))
    return k, t


class InfiniteWidthContract(KernelContract):
    dims = (3, 12)
    which = 1

    def formula(self, x, z):
        return extended_recursion(x, z, self.kernel)[self.which]

    def tolerance(self, X):
        return super().tolerance(X) * float(self.kernel.diag(X).max())

    @pytest.mark.slow  # two thirds of the time of the contract
    @pytest.mark.parametrize("d", [2, 50])
    def test_memory_beyond_the_result_is_bounded(self, d):
        super().test_memory_beyond_the_result_is_bounded(d)


class TestReLU(InfiniteWidthContract):
    kernel = NTKernel(2, "relu", 1.2, 0.4)
    sensitivity = 2.0


@pytest.mark.slow
class TestErf(InfiniteWidthContract):
    kernel = NNGPKernel(2, "erf", 1.2, 0.4)
    which = 0
    test_memory_beyond_the_result_is_bounded = None  # the same code as for the ReLU, and slow


def exact(x, z, depth, activation, w_std, b_std):
    """(K, Theta) to 50 digits, straight from the definition."""
    x, z = ([mp.mpf(float(c)) for c in point] for point in (x, z))
    w, b = mp.mpf(w_std), mp.mpf(b_std)
    p, q, k = (
        w**2 * mp.fsum(a * c for a, c in zip(u, v, strict=True)) / len(x) + b**2
        for u, v in ((x, x), (z, z), (x, z))
    )
    t = k
    for _ in range(depth):
        if activation == "relu":
            r = mp.sqrt(p * q)
            cosine = min(max(k / r, -1), 1) if r else mp.mpf(0)
            angle = mp.acos(cosine)
            k = w**2 * r * (mp.sin(angle) + (mp.pi - angle) * cosine) / (2 * mp.pi) + b**2
            t = k + w**2 * (mp.pi - angle) / (2 * mp.pi) * t
            p, q = w**2 * p / 2 + b**2, w**2 * q / 2 + b**2
        else:
            det = (1 + 2 * p) * (1 + 2 * q) - 4 * k * k
            k = w**2 * 2 / mp.pi * mp.asin(2 * k / mp.sqrt((1 + 2 * p) * (1 + 2 * q))) + b**2
            t = k + w**2 * 4 / mp.pi / mp.sqrt(det) * t
            p, q = (w**2 * 2 / mp.pi * mp.asin(2 * s / (1 + 2 * s)) + b**2 for s in (p, q))
    return k, t


def hard_points(d, seed):
    """Near-duplicates at all scales, in all directions and along the ray; opposites; extremes."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(d)
    points = [x, x, 1.5 * x, -x, np.zeros(d), 100 * x, 1e-3 * x, rng.standard_normal(d)]
    for gap in 10.0 ** -np.arange(2, 16, 3):
        points += [x + gap * rng.standard_normal(d), x * (1 + gap)]
        points += [-x + gap * rng.standard_normal(d)]
    return np.array(points)


def worst_error(d, depth, activation, w_std, b_std, seed=0):
    """The largest error of both kernels over sqrt(K(x, x) K(z, z)), on hard points."""
    Z = hard_points(d, seed)
    X = Z[[0, 5, 7]]
    kernel = NTKernel(depth, activation, w_std, b_std)
    nngp = NNGPKernel(depth, activation, w_std, b_std)
    worst = 0.0
    with mp.workdps(50):
        for i, x in enumerate(X):
            truth = [exact(x, z, depth, activation, w_std, b_std) for z in Z]
            for k, (matrix, side) in enumerate(
                zip(nngp.kernel_and_ntk(X, Z), (nngp, kernel), strict=True)
            ):
                scale = np.sqrt(side.diag(X)[i] * side.diag(Z))
                for j, value in enumerate(truth):
                    error = abs(float(value[k] - mp.mpf(float(matrix[i, j]))))
                    worst = max(worst, error / scale[j] if scale[j] > 0 else error)
    return worst


@pytest.mark.parametrize(
    ("d", "depth", "activation", "w_std", "b_std"),
    [
        (3, 1, "relu", 2**0.5, 0.0),
        (40, 3, "relu", 2**0.5, 0.1),
        (3, 5, "relu", 1.0, 1.0),
        (1, 2, "relu", 2**0.5, 0.0),
        (3, 1, "erf", 1.0, 0.0),
        (40, 5, "erf", 2.0, 0.5),
    ],
)
def test_against_fifty_digits(d, depth, activation, w_std, b_std):
    assert worst_error(d, depth, activation, w_std, b_std) < 2e-14


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_against_fifty_digits_at_all_depths(activation):
    errors = [
        worst_error(d, depth, activation, w_std, b_std, seed=depth)
        for d in (1, 3, 40)
        for depth in range(1, 6)
        for w_std, b_std in ((2**0.5, 0.0), (2**0.5, 0.1), (1.0, 1.0), (3.0, 0.5))
    ]
    assert max(errors) < 2e-13


@pytest.mark.parametrize(("w_std", "b_std"), [(1.3, 0.4), (2**0.5, 0.0)])
def test_layers_of_erf_are_gaussian_means(w_std, b_std):
    """By Gauss-Hermite quadrature in the plane, of the activation and of its derivative."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = np.outer(weights, weights) / (2 * np.pi)
    X = 0.5 * np.random.default_rng(0).standard_normal((2, 3))
    K = theta = w_std**2 * X @ X.T / 3 + b_std**2
    for depth in (1, 2):
        u, v = np.linalg.cholesky(K) @ np.array(np.meshgrid(nodes, nodes)).reshape(2, -1)
        mean = {
            (i, j): [np.sum(weights.ravel() * f(a) * f(c)) for f in (erf, erf_slope)]
            for (i, a), (j, c) in ((s, t) for s in enumerate((u, v)) for t in enumerate((u, v)))
        }
        moments = np.array([[mean[i, j] for j in range(2)] for i in range(2)])
        K = w_std**2 * moments[..., 0] + b_std**2
        theta = K + w_std**2 * moments[..., 1] * theta
        nngp, ntk = NTKernel(depth, "erf", w_std, b_std).kernel_and_ntk(X)
        np.testing.assert_allclose(nngp, K, rtol=1e-9)
        np.testing.assert_allclose(ntk, theta, rtol=1e-9)


def erf_slope(h):
    return 2 / np.pi**0.5 * np.exp(-(h**2))


def test_one_relu_layer_is_the_arc_cosine_kernel():
    """Which is tested against its integral; the mean of phi' phi' is a probability of signs."""
    X = np.random.default_rng(1).standard_normal((30, 6))
    w = 1.3
    nngp, ntk = NTKernel(1, "relu", w).kernel_and_ntk(X)
    np.testing.assert_allclose(nngp, ArcCosineKernel(w**4 / 12)(X), rtol=1e-12, atol=1e-14)
    U = X / np.linalg.norm(X, axis=1, keepdims=True)
    angle = np.arccos(np.clip(U @ U.T, -1, 1))
    slopes = w**2 * (np.pi - angle) / (2 * np.pi) * (w**2 / 6) * (X @ X.T)
    np.testing.assert_allclose(ntk - nngp, slopes, atol=1e-7)


def test_two_layers_in_closed_form():
    """Theta = ||x|| ||z|| (kappa_1 + u kappa_0), in d = 2."""
    x, z = np.array([[2.0, 0.0]]), np.array([[0.3, 0.95394]])
    u = 0.3 / np.hypot(0.3, 0.95394)
    kappa_0 = (np.pi - np.arccos(u)) / np.pi
    kappa_1 = (u * (np.pi - np.arccos(u)) + np.sqrt(1 - u * u)) / np.pi
    scale = 2.0 * np.hypot(0.3, 0.95394)
    assert NTKernel()(x, z)[0, 0] == pytest.approx(scale * (kappa_1 + u * kappa_0), rel=1e-14)


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_mean_over_networks_with_one_hidden_layer(activation):
    """For one hidden layer the mean of both is exact at any width: 60 networks, z < 4.5."""
    pytest.importorskip("torch")
    from fearless.networks import FullyConnected, empirical_tangent_kernel, predict_numpy

    X = np.random.default_rng(2).standard_normal((4, 3))
    outputs, tangents = [], []
    for seed in range(60):
        model = FullyConnected(
            3, 40, 1, 1, activation, w_std=1.2, b_std=0.5, random_state=seed, dtype=np.float64
        )
        f = predict_numpy(model, X)[:, 0]
        outputs.append(np.outer(f, f))
        tangents.append(empirical_tangent_kernel(model, X))
    for draws, exact_value in zip(
        (outputs, tangents), NTKernel(1, activation, 1.2, 0.5).kernel_and_ntk(X), strict=True
    ):
        error = np.std(draws, axis=0, ddof=1) / len(draws) ** 0.5
        assert np.all(np.abs(np.mean(draws, axis=0) - exact_value) < 4.5 * error)


def test_deep_relu_kernels_forget_the_angle():
    """1 - c_l = 9 pi^2 / (2 l^2) for large l, up to a factor 1 + O(log l / l)."""
    x, z = [[1.0, 0.0]], [[0.0, 1.0]]
    ratios = []
    for depth in (100, 1000, 10_000):
        gap = 1 - NNGPKernel(depth)(x, z)[0, 0]
        ratios.append(gap / (9 * np.pi**2 / (2 * depth**2)))
    # About 1 - 9.9 ln(l) / l: 0.66, 0.94, 0.99.
    assert 0.9 < ratios[1] < ratios[2] < 1
    assert ratios[2] == pytest.approx(1, abs=0.015)


@given(st.floats(1e-3, 1e3), st.integers(0, 100), st.integers(1, 4))
def test_relu_without_biases_is_homogeneous(factor, seed, depth):
    X = np.random.default_rng(seed).standard_normal((4, 3))
    K = NTKernel(depth)
    np.testing.assert_allclose(
        K(factor * X, X), factor * K(X), rtol=1e-12, atol=1e-14 * factor * K.diag(X).max()
    )


def test_one_layer_without_biases_is_linear_plus_even():
    """So its space holds no other odd functions; two layers, or a bias, lift the restriction."""
    angles = np.linspace(0, np.pi, 9)
    Z = np.column_stack([np.cos(angles), np.sin(angles)])

    def odd(kernel):
        return kernel(Z[:1], Z)[0] - kernel(Z[:1], -Z)[0]

    np.testing.assert_allclose(odd(NTKernel()), 2 * np.cos(angles), atol=1e-14)
    for kernel in (NTKernel(2), NTKernel(b_std=0.5)):
        values = odd(kernel)
        assert np.abs(values - values[0] * np.cos(angles)).max() > 0.02 * values[0]


@given(st.integers(0, 100), st.integers(1, 4), st.sampled_from(["relu", "erf"]))
def test_rotations_change_nothing_and_both_kernels_are_positive(seed, depth, activation):
    rng = np.random.default_rng(seed)
    X, Q = rng.standard_normal((5, 4)), np.linalg.qr(rng.standard_normal((4, 4)))[0]
    nngp, ntk = NTKernel(depth, activation, 1.5, 0.3).kernel_and_ntk(X)
    rotated = NTKernel(depth, activation, 1.5, 0.3)(X @ Q)
    np.testing.assert_allclose(rotated, ntk, rtol=1e-11)
    assert np.linalg.eigvalsh(nngp).min() > 0
    assert np.linalg.eigvalsh(ntk - nngp).min() > -1e-12  # a sum of products of kernels


def test_both_kernels_of_one_pass_are_those_of_two():
    X = np.random.default_rng(3).standard_normal((150, 8))
    for Z in (None, X[:5] + 1.0):
        nngp, ntk = NNGPKernel(3, b_std=0.2).kernel_and_ntk(X, Z, block_size=64)
        np.testing.assert_allclose(nngp, NNGPKernel(3, b_std=0.2)(X, Z), rtol=1e-13)
        np.testing.assert_allclose(ntk, NTKernel(3, b_std=0.2)(X, Z), rtol=1e-13)


@pytest.mark.parametrize("activation", ["relu", "erf"])
@pytest.mark.parametrize("offset", [0.0, 50.0])
def test_fast_and_slow_tiles_agree(activation, offset, monkeypatch):
    """Products against normalised distances; with opposite points; with a large mean."""
    X = np.random.default_rng(4).standard_normal((24, 20)) + offset
    X[1], X[2] = -X[0], X[0] * (1 + 1e-9)
    kernel = NTKernel(2, activation, 1.3, 0.1)
    whole = kernel(X)
    np.testing.assert_allclose(kernel(X[:, :]), kernel(X, block_size=1), rtol=1e-12)
    monkeypatch.setattr("fearless.kernels._angles.FEW_DIMENSIONS", 100)
    np.testing.assert_allclose(kernel(X), whole, rtol=1e-12)


@pytest.mark.parametrize("size", [1e-150, 1e-30, 1e30, 1e150])
def test_extreme_norms(size):
    X = np.random.default_rng(0).standard_normal((3, 7))
    np.testing.assert_allclose(NTKernel(3)(size * X) / size**2, NTKernel(3)(X), rtol=1e-12)
    if size < 1:  # all inputs look like the origin
        erf_kernel = NNGPKernel(2, "erf", 1.0, 0.3)(size * X)
        np.testing.assert_allclose(erf_kernel, erf_kernel[0, 0], rtol=1e-12)


def test_the_origin_and_opposite_points():
    K = NTKernel(1)
    assert np.array_equal(K([[0.0, 0.0]], [[1.0, 2.0]]), [[0.0]])
    assert K([[1.0, 2.0]], [[-1.0, -2.0]])[0, 0] == pytest.approx(0, abs=1e-15)
    # Near the opposite of x the slope part is (pi - t) / pi, which an arc sine would have lost.
    gap = 1e-9
    value = K([[1.0, 0.0]], [[-np.cos(gap), -np.sin(gap)]])[0, 0]
    assert value == pytest.approx(-gap / np.pi, rel=1e-6)


def test_overflow_is_an_error():
    with pytest.raises(ValueError, match=r"length 1e\+160, where NTKernel.* overflows float64"):
        NTKernel()([[1e160]])
    with pytest.raises(ValueError, match=r"length inf, where NNGPKernel.* overflows float32"):
        NNGPKernel().diag(np.full((1, 200), 1e38, "f4"))
    with pytest.raises(ValueError, match="overflows float32"):
        NNGPKernel(2, "erf").diag(np.full((1, 2), 1e15, "f4"))
    with pytest.raises(ValueError, match="NTKernel"):
        NTKernel(400, w_std=10.0)([[1.0]])
    with pytest.raises(ValueError, match="NTKernel"):  # chaotic: gradients grow with depth
        NTKernel(1200, "erf", w_std=5.0)([[1.0]])
    assert np.isfinite(NNGPKernel(200, "erf", w_std=5.0)([[1.0]]))


@pytest.mark.parametrize("activation", ["relu", "erf"])
@pytest.mark.parametrize(
    ("size", "factors"),
    [(1e160, {}), (1.0, {"w_std": 1e200}), (1.0, {"b_std": 1e200}), (0.0, {"w_std": 1e160})],
)
def test_overflow_in_the_first_layer_is_an_error(activation, size, factors):
    """Squares of these are infinite, and infinite times 0 is NaN."""
    kernel = NTKernel(2, activation, **factors)
    if size == 0 and activation == "relu":  # K(0, 0) is 0 whatever the factor
        assert kernel([[size]]) == 0
        return
    for compute in (kernel, kernel.diag, kernel.kernel_and_ntk):
        with pytest.raises(ValueError, match=r"NTKernel.* overflows float64; .* smaller factors"):
            compute([[size]])


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"depth": 0}, ValueError, "depth is 0"),
        ({"depth": 1.5}, TypeError, "depth is float"),
        ({"activation": "tanh"}, ValueError, "activation is 'tanh'; expected one of 'relu', 'erf'"),
        ({"w_std": 0}, ValueError, "w_std is 0"),
        ({"w_std": "a"}, TypeError, "w_std is"),
        ({"b_std": -0.1}, ValueError, r"b_std is -0\.1"),
        ({"b_std": np.nan}, ValueError, "b_std is nan"),
    ],
)
@pytest.mark.parametrize("kind", [NNGPKernel, NTKernel])
def test_bad_parameters_are_named(kind, arguments, error, match):
    with pytest.raises(error, match=match):
        kind(**arguments)


def test_kinds_differ():
    assert NNGPKernel() != NTKernel()
    assert (
        repr(NTKernel(2))
        == "NTKernel(depth=2, activation='relu', w_std=1.4142135623730951, b_std=0.0)"
    )
