"""What the models of a double-descent curve read, against the curve itself."""

import numpy as np
import pytest

from fearless.data import load_mnist
from fearless.experiments.double_descent import double_descent_curve
from fearless.experiments.double_descent.readings import curve_models
from fearless.linear import MinNormRegressor

N = 60


@pytest.fixture(scope="module")
def digits():
    return load_mnist(n_test=300)


def test_readings_are_those_of_the_first_seed_of_the_curve(digits):
    widths = [3, 20, 59, 60, 61, 90, 600]
    curve = double_descent_curve(digits, widths, n_train=N, n_seeds=2, random_state=5)
    models = curve_models(digits, n_train=N, random_state=5)
    errors = [np.mean(models.read(width) != digits.y_test) for width in widths]
    np.testing.assert_allclose(errors, curve.column("test_error")[0], rtol=1e-12)


@pytest.mark.parametrize("width", [20, N, 150])
def test_coefficients_are_those_of_the_estimator(digits, width):
    models = curve_models(digits, n_train=N)
    phi = models.features.block(models.X, 0, width)
    other = MinNormRegressor().fit(phi, models.targets).coef_.T
    np.testing.assert_allclose(models.coefficients(width), other, rtol=1e-6, atol=1e-8)


def test_bad_arguments_are_named(digits):
    with pytest.raises(ValueError, match="n_train"):
        curve_models(digits, n_train=10**6)
    with pytest.raises(ValueError, match="width"):
        curve_models(digits, n_train=N).read(0)
