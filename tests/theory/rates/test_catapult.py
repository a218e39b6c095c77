"""The catapult: the recursion against weights, its end, the sharpness against a dense Hessian."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fearless.book.claims import check_claim
from fearless.theory.rates.catapult import catapult_limit, catapult_path, catapult_sharpness


def descend(u, v, step, n_steps):
    """Gradient descent on the weights themselves."""
    pairs = []
    for _ in range(n_steps + 1):
        f = u @ v / len(u) ** 0.5
        pairs.append((f, (u @ u + v @ v) / len(u)))
        u, v = u - step * f * v / len(u) ** 0.5, v - step * f * u / len(u) ** 0.5
    return np.array(pairs).T


@pytest.mark.parametrize("multiple", [0.7, 1.99, 2.6, 3.4, 3.9])
def test_the_recursion_is_gradient_descent_on_all_weights(multiple):
    u, v = np.random.default_rng(1).standard_normal((2, 30))
    kernel = (u @ u + v @ v) / 30
    step = multiple / kernel
    outputs, kernels = descend(u, v, step, 25)
    path = catapult_path(step, kernel, outputs[0], 30, 25)
    np.testing.assert_allclose(path.output, outputs, atol=1e-12 * np.abs(outputs).max())
    np.testing.assert_allclose(path.kernel, kernels, rtol=1e-11)
    np.testing.assert_allclose(path.loss, outputs**2 / 2, atol=1e-12 * (outputs**2).max())
    assert path.diverged_at == -1


def dense_sharpness(u, v):
    """The largest eigenvalue of the Hessian of (<v, u> / sqrt m)^2 / 2, a matrix of 2m rows."""
    m = len(u)
    f, gradient = u @ v / m**0.5, np.concatenate([v, u]) / m**0.5
    swap = np.block([[np.zeros((m, m)), np.eye(m)], [np.eye(m), np.zeros((m, m))]]) / m**0.5
    return np.linalg.eigvalsh(np.outer(gradient, gradient) + f * swap)[-1]


@pytest.mark.parametrize("mix", [-1.0, -0.3, 0.0, 0.8, 1.0])
def test_the_sharpness_is_that_of_the_dense_hessian(mix):
    u, v = np.random.default_rng(2).standard_normal((2, 7))
    v = mix * u + (1 - mix**2) ** 0.5 * v
    value = catapult_sharpness((u @ u + v @ v) / 7, u @ v / 7**0.5, 7)
    assert value == pytest.approx(dense_sharpness(u, v), rel=1e-12)


def test_the_sharpness_along_a_path_is_that_of_its_points():
    path = catapult_path([1.0, 2.5], 1.0, 0.3, 40, 10)
    np.testing.assert_allclose(path.sharpness, catapult_sharpness(path.kernel, path.output, 40))
    assert np.all(path.sharpness >= path.kernel)


# (a, share of the largest output): all starts that weights can have, up to scale.
STARTS = (st.floats(0.01, 3.9), st.floats(0.01, 1.0))


@given(*STARTS)
def test_below_four_the_kernel_falls_and_the_loss_is_bounded(multiple, share):
    m = 50
    path = catapult_path(multiple, 1.0, share * m**0.5 / 2, m, 30)
    assert np.all(np.diff(path.kernel) <= 1e-12)
    assert path.loss.max() <= m / 8 * (1 + 1e-12)
    swings = (multiple * path.output) ** 2 / m
    assert swings.sum() <= multiple / (4 - multiple) * (1 + 1e-9)
    if multiple <= 2:
        assert np.all(np.diff(path.loss) <= 0)


@given(st.floats(4.05, 20.0), st.floats(0.01, 1.0))
def test_beyond_four_the_kernel_grows(multiple, share):
    path = catapult_path(multiple, 1.0, share * 5, 100, 100)
    kernels = path.kernel[np.isfinite(path.kernel)]
    assert np.all(np.diff(kernels) >= 0)
    assert np.isfinite(path.loss[: path.diverged_at]).any()
    assert not np.isnan(path.loss).any()
    assert not np.isnan(path.sharpness).any()


def test_at_four_the_kernel_stands_still_and_the_output_is_a_chebyshev_map():
    angle = 0.7
    f = 2 * np.cos(angle) * 10 / 4.0  # c = eta f / (2 sqrt m) = cos(angle)
    path = catapult_path(4.0, 1.0, f, 100, 6)
    np.testing.assert_allclose(path.kernel, 1, rtol=1e-12)
    np.testing.assert_allclose(
        4 * path.output / 20, np.cos(3.0 ** np.arange(7) * angle), atol=1e-10
    )


def test_the_limit_is_where_long_paths_end():
    multiples = np.array([0.5, 1.7, 2.3, 2.9, 3.6])
    path = catapult_path(multiples, 1.0, 0.4, 64, 4000)
    np.testing.assert_allclose(
        catapult_limit(multiples, 1.0, 0.4, 64), path.kernel[:, -1], atol=1e-6
    )


def test_the_limit_to_a_coarser_tolerance():
    multiples = np.linspace(0.3, 3.9, 60)
    multiples = multiples[np.abs(multiples - 2) > 0.05]
    fine = catapult_limit(multiples, 1.0, 0.5, 256)
    coarse = catapult_limit(multiples, 1.0, 0.5, 256, tol=1e-3)
    np.testing.assert_allclose(multiples * coarse, multiples * fine, atol=1e-3)
    assert np.any(coarse != fine)


def test_divergence_is_inf_from_its_step_on():
    path = catapult_path([1.0, 6.0], 1.0, 0.5, 10, 50)
    assert path.diverged_at[0] == -1
    t = path.diverged_at[1]
    assert np.all(np.isinf(path.output[1, t:]))
    assert np.all(np.isinf(path.sharpness[1, t:]))
    assert np.all(np.isfinite(path.kernel[1, :t]))
    assert np.isinf(catapult_limit(6.0, 1.0, 0.5, 10))


def test_outputs_whose_squares_underflow_are_no_fits():
    limits = catapult_limit([3.0, 5.0, 1.5], 1.0, 1e-170, 100)
    assert 3 * limits[0] <= 2
    assert np.isinf(limits[1])
    assert limits[2] == 1


def test_nothing_moves_from_a_fit():
    assert catapult_limit(3.0, 1.5, 0.0, 10) == 1.5
    assert catapult_limit([9.0], 1.5, 0.0, 10).shape == (1,)


def test_shapes_broadcast():
    path = catapult_path(np.ones((3, 1)), 1.0, 0.1, [10, 100], 5)
    assert path.output.shape == (3, 2, 6)
    assert path.loss.shape == path.sharpness.shape == (3, 2, 6)


def test_bad_input():
    with pytest.raises(ValueError, match="step_size"):
        catapult_path(0.0, 1.0, 0.1, 10, 5)
    with pytest.raises(ValueError, match=r"no weights have"):
        catapult_path(1.0, 1.0, 6.0, 100, 5)
    with pytest.raises(ValueError, match="output"):
        catapult_path(1.0, 1.0, np.nan, 100, 5)
    with pytest.raises(ValueError, match="broadcast"):
        catapult_path([1.0, 2.0], [1.0, 1.0, 1.0], 0.1, 100, 5)
    with pytest.raises(ValueError, match="tol"):
        catapult_limit(1.0, 1.0, 0.1, 100, tol=0.0)
    with pytest.raises(RuntimeError, match="max_steps = 100"):
        catapult_limit(4.0, 1.0, 0.3, 100, max_steps=100)


def test_claim_climb():
    multiples = np.array([2.3, 2.6, 3.2])
    widths = 10.0 ** np.arange(3.5, 16)
    losses = catapult_path(multiples[:, None], 1.0, 0.6, widths, 200).loss
    slopes = np.polyfit(np.log(widths), losses.argmax(axis=2).T, 1)[0]
    check_claim("big-steps-climb", slopes, 1 / (2 * np.log(multiples - 1)))
