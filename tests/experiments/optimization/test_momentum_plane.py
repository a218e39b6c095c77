"""The plane of step size and momentum: factors, paths, and the best settings."""

import numpy as np
import pytest

from fearless.experiments.optimization.momentum_plane import (
    METHODS,
    MomentumSetting,
    momentum_factor,
)
from fearless.theory.rates.momentum import momentum_limit, momentum_rate

RNG = np.random.default_rng(0)


def matrix(method, eta, gamma, eigenvalue):
    """What a step does to the last two errors."""
    left = 1 - eta * eigenvalue
    if method == "heavy ball":
        return np.array([[left + gamma, -gamma], [1, 0]])
    return np.array([[(1 + gamma) * left, -gamma * left], [1, 0]])


@pytest.mark.parametrize("method", METHODS)
def test_the_factor_is_the_spectral_radius(method):
    values = [1.0, 0.3, 0.05]
    for eta, gamma in RNG.uniform([0.01, 0], [4, 1], size=(50, 2)):
        radii = [np.abs(np.linalg.eigvals(matrix(method, eta, gamma, v))).max() for v in values]
        assert momentum_factor(method, eta, gamma, values) == pytest.approx(max(radii), abs=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_it_is_one_where_stability_ends(method):
    for gamma in (0.0, 0.3, 0.8):
        limit = momentum_limit(method, gamma)
        below, above = momentum_factor(method, [0.999 * limit, 1.001 * limit], gamma, [1.0, 0.1])
        assert below < 1 < above


@pytest.mark.parametrize(("method", "rate"), [("heavy ball",) * 2, ("Nesterov", "tuned Nesterov")])
def test_no_setting_is_better_than_the_best(method, rate):
    best = MomentumSetting(method, 1.0, 0.0, 20.0).best()
    assert best.factor == pytest.approx(momentum_rate(rate, 20.0), rel=1e-6)
    plain = best.best(with_momentum=False)
    assert plain.factor == pytest.approx(momentum_rate("gradient descent", 20.0), rel=1e-12)
    eta, gamma = np.meshgrid(np.linspace(0.01, 4, 300), np.linspace(0, 0.99, 200))
    assert momentum_factor(method, eta, gamma, best.eigenvalues).min() > best.factor - 1e-6
    assert momentum_factor(method, eta[0], 0.0, best.eigenvalues).min() > plain.factor - 1e-6


@pytest.mark.parametrize("method", METHODS)
def test_the_path_is_the_recursion(method):
    setting = MomentumSetting(method, 0.9, 0.4, 10.0)
    path = setting.path([3.0, -1.0], 12)
    assert path.shape == (13, 2)
    for k, eigenvalue in enumerate(setting.eigenvalues):
        pair = np.array([path[1, k], path[0, k]])
        for t in range(2, 13):
            pair = matrix(method, 0.9, 0.4, eigenvalue) @ pair
            assert path[t, k] == pytest.approx(pair[0], rel=1e-12, abs=1e-14)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("Adam", 1.0, 0.5), "method is 'Adam'"),
        (("Nesterov", 0.0, 0.5), "step_size is 0"),
        (("Nesterov", 1.0, 1.5), "momentum is 1.5"),
        (("Nesterov", 1.0, 0.5, 0.5), "condition is 0.5"),
    ],
)
def test_settings_that_are_none(arguments, message):
    with pytest.raises(ValueError, match=message):
        MomentumSetting(*arguments)
