"""The explicit network of 2 n + d weights: the fit to 1e-10, its count, its shape."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.estimator_checks import parametrize_with_checks

from fearless.data import load_mnist
from fearless.exceptions import IllConditionedWarning
from fearless.networks.memorizer import ReLUMemorizer


@parametrize_with_checks([ReLUMemorizer(random_state=0)])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("n", "d"), [(1, 1), (50, 1), (100, 784), (400, 20)])
def test_fits_random_labels_with_2n_plus_d_weights(n, d, seed):
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((n, d)), rng.choice([-1.0, 1.0], n)
    network = ReLUMemorizer(random_state=seed).fit(X, y)
    a, b, w = network.direction_, network.biases_, network.weights_
    # Written out as one layer and another, without the library.
    assert np.abs(np.maximum(np.outer(X @ a, np.ones(n)) - b, 0) @ w - y).max() < 1e-10
    assert np.abs(network.predict(X) - y).max() < 1e-10
    assert network.residual_ == np.abs(network.predict(X) - y).max()
    assert network.n_parameters_ == 2 * n + d == a.size + b.size + w.size


def test_fits_random_labels_of_real_images():
    X = load_mnist(300, dtype=float).X_train
    y = np.random.default_rng(11).integers(10, size=300)
    network = ReLUMemorizer(random_state=5).fit(X, y)
    assert np.abs(network.predict(X) - y).max() < 9e-10  # 1e-10 of the largest label
    assert network.n_parameters_ == 2 * 300 + 784


@given(n=st.integers(2, 40), d=st.integers(1, 5), seed=st.integers(0, 2**32))
@settings(max_examples=40)
def test_is_the_polygon_through_the_projections(n, d, seed):
    """np.interp between the outermost projections; 0 far to one side, a ray to the other."""
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((n, d)), rng.standard_normal(n)
    network = ReLUMemorizer(random_state=seed).fit(X, y)
    z = X @ network.direction_
    order = np.argsort(z)
    t = np.linspace(z.min(), z.max(), 50)
    steep = 1 + np.abs(network.weights_).max()
    values = network.predict(t[:, None] * network.direction_)
    np.testing.assert_allclose(values, np.interp(t, z[order], y[order]), atol=1e-13 * steep)
    far = network.predict((z.min() - 2 * np.ptp(z) - 1) * network.direction_[None])
    assert far == 0
    np.testing.assert_array_less(0, np.diff(network.biases_))


def test_more_directions_separate_better():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((300, 10)), rng.choice([-1.0, 1.0], 300)
    steepest = [
        np.median(
            [np.abs(ReLUMemorizer(k, random_state=s).fit(X, y).weights_).max() for s in range(15)]
        )
        for k in (1, 100)
    ]
    assert steepest[0] > 3 * steepest[1]


def test_points_with_equal_targets_may_coincide():
    X = np.array([[0.0, 1.0], [2.0, 1.0], [0.0, 1.0], [4.0, -1.0]])
    network = ReLUMemorizer(random_state=0).fit(X, [1, 2, 1, 3])
    np.testing.assert_allclose(network.predict(X), [1, 2, 1, 3], atol=1e-13)
    assert network.n_parameters_ == 2 * 3 + 2
    constant = ReLUMemorizer(random_state=0).fit(np.zeros((3, 2)), [5, 5, 5])
    assert constant.predict([[0.0, 0.0]]) == [5]


def test_points_with_other_targets_may_not():
    X = np.array([[0.0, 1.0], [2.0, 1.0], [0.0, 1.0]])
    with pytest.raises(ValueError, match=r"projections that coincide, in all 256 directions"):
        ReLUMemorizer(random_state=0).fit(X, [1, 2, 3])


def test_a_poor_fit_is_reported():
    X = np.array([[1.0], [1.0 + 1e-12], [1.3], [2.1]])
    with pytest.warns(IllConditionedWarning, match="does not interpolate: the largest") as record:
        network = ReLUMemorizer(random_state=0).fit(X, [-1.0, 1.0, -0.3, 0.7])
    assert record[0].filename == __file__
    assert 1e-6 < network.residual_ < 1


@pytest.mark.parametrize(("x", "y"), [(1e20, 3.0), (-1e20, 3.0), (1e-20, 1e150), (0.0, -2.0)])
def test_one_point_of_any_size(x, y):
    network = ReLUMemorizer(random_state=0).fit([[x]], [y])
    np.testing.assert_allclose(network.predict([[x]]), [y], rtol=1e-12)
    assert network.residual_ < 1e-12


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([0.0, 1.0, 2.0], [1e308, -1e308, 1e308]),
        ([1e-310, -2e-310, 3e-310], [1.0, 2.0, 3.0]),
        ([1e308, -1e308, 0.0], [1.0, 2.0, 3.0]),
        ([1e200, -1e200, 0.0], [1e-300, 2e-300, 3e-300]),
    ],
)
def test_weights_out_of_range_are_an_error(x, y):
    with pytest.raises(ValueError, match=r"X with entries up to .* need weights beyond float64"):
        ReLUMemorizer(random_state=0).fit(np.reshape(x, (-1, 1)), y)


def test_random_state_decides():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((20, 4)), rng.standard_normal(20)
    first, again, other = (ReLUMemorizer(random_state=s).fit(X, y) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.weights_, again.weights_)
    assert np.abs(first.direction_ - other.direction_).max() > 0.01
    assert np.linalg.norm(first.direction_) == pytest.approx(1)


def test_bad_parameters_are_named():
    with pytest.raises(ValueError, match="n_directions is 0"):
        ReLUMemorizer(0).fit([[1.0], [2.0]], [1.0, 2.0])
    with pytest.raises(TypeError, match="random_state is str"):
        ReLUMemorizer(random_state="seed").fit([[1.0], [2.0]], [1.0, 2.0])


def test_needs_no_torch():
    code = (
        "import sys, numpy as np\n"
        "import fearless.networks as networks\n"
        "networks.ReLUMemorizer(random_state=0).fit(np.eye(3), [1, 2, 3])\n"
        "assert {'train', 'train_stack', 'two_layer_relu'} <= set(dir(networks))\n"
        "print('torch' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"
