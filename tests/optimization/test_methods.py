"""The methods one by one: textbook formulas, exact rates, polynomials, bad input."""

import numpy as np
import pytest
from method_contract import MethodContract, iterates
from numpy.polynomial import chebyshev

from fearless.optimization import Chebyshev, GradientDescent, HeavyBall, MaSS, Nesterov
from fearless.theory.rates.momentum import momentum_limit


def best_heavy_ball(largest, smallest):
    low, high = smallest**0.5, largest**0.5
    return 4 / (high + low) ** 2, ((high - low) / (high + low)) ** 2


class TestGradientDescent(MethodContract):
    def make(self, largest, smallest):
        return GradientDescent(1 / largest)

    def textbook(self, w, gradient, largest, smallest):
        while True:
            w = w - gradient(w) / largest
            yield w


class TestHeavyBall(MethodContract):
    def make(self, largest, smallest):
        return HeavyBall(*best_heavy_ball(largest, smallest))

    def textbook(self, w, gradient, largest, smallest):
        eta, gamma = best_heavy_ball(largest, smallest)
        velocity = 0.0
        while True:
            velocity = gamma * velocity - eta * gradient(w)
            w = w + velocity
            yield w


class TestNesterov(MethodContract):
    def make(self, largest, smallest):
        root = (largest / smallest) ** 0.5
        return Nesterov(1 / largest, (root - 1) / (root + 1))

    def textbook(self, w, gradient, largest, smallest):
        root = (largest / smallest) ** 0.5
        gamma, velocity = (root - 1) / (root + 1), 0.0
        while True:
            velocity = gamma * velocity - gradient(w + gamma * velocity) / largest
            w = w + velocity
            yield w


class TestMaSS(MethodContract):
    def make(self, largest, smallest):
        return MaSS.tuned(2 * largest, largest, smallest, 3.0)

    def textbook(self, w, gradient, largest, smallest):
        """The form of its authors' code: two sequences and their average."""
        eta, kappa_tilde = 1 / (2 * largest), 3.0
        alpha = (smallest / (2 * largest * kappa_tilde)) ** 0.5
        delta = eta / (alpha * kappa_tilde)
        u = v = w
        while True:
            g = gradient(u)
            w, v = u - eta * g, (1 - alpha) * v + alpha * u - delta * g
            u = (alpha * v + w) / (1 + alpha)
            yield w


class TestChebyshev(MethodContract):
    def make(self, largest, smallest):
        return Chebyshev(largest, smallest)

    def textbook(self, w, gradient, largest, smallest):
        """Golub and Varga: the weights omega from a recurrence of two terms."""
        middle = (largest + smallest) / 2
        spread = (largest - smallest) / (largest + smallest)
        before, w, omega = w, w - gradient(w) / middle, 2.0
        yield w
        while True:
            omega = 1 / (1 - spread**2 * omega / 4)
            before, w = w, omega * (w - gradient(w) / middle - before) + before
            yield w


@pytest.mark.parametrize("condition", [1.0, 1.5, 100.0])
def test_chebyshev_is_the_polynomial(condition):
    """Per eigenvalue the error is T_t(z) / T_t(z_0); at the ends it is the bound."""
    values = np.linspace(1, condition, 7)
    errors = iterates(Chebyshev(condition, 1.0), np.ones(7), lambda w: values * w, 25)
    if condition == 1:
        np.testing.assert_allclose(errors[0], 0, atol=1e-15)
        return
    zero = (condition + 1) / (condition - 1)
    z = zero - 2 * values / (condition - 1)
    for t, error in enumerate(errors, 1):
        term = np.eye(t + 1)[t]
        expected = chebyshev.chebval(z, term) / chebyshev.chebval(zero, term)
        np.testing.assert_allclose(error, expected, atol=1e-12)


@pytest.mark.parametrize(
    ("method", "rate"),
    [
        (GradientDescent(2 / 101), 99 / 101),
        (Nesterov(1 / 100, 9 / 11), 0.9),
        (Nesterov(4 / 301, (301**0.5 - 2) / (301**0.5 + 2)), 1 - 2 / 301**0.5),
        (HeavyBall(4 / 121, (9 / 11) ** 2), 9 / 11),
        (MaSS.tuned(100, 100, 1, 1), 0.9),
    ],
)
def test_rates_at_condition_number_100(method, rate):
    values = np.linspace(1, 100, 40)
    errors = iterates(method, np.ones(40), lambda w: values * w, 1200)
    sizes = np.linalg.norm(errors, axis=1)
    # Polynomial factors, of double roots, fade from the ratio over many steps.
    assert (sizes[-1] / sizes[599]) ** (1 / 600) == pytest.approx(rate, rel=3e-3)


def test_limits_are_those_of_the_theory():
    for gamma in (0.0, 0.5, 0.9):
        found = HeavyBall(1.0, gamma).stable_step_size(2.0)
        assert 2 * found == pytest.approx(momentum_limit("heavy ball", gamma))
        found = Nesterov(1.0, gamma).stable_step_size(2.0)
        assert 2 * found == pytest.approx(momentum_limit("Nesterov", gamma))
        assert MaSS(1.0, gamma, 0.0).stable_step_size(2.0) == pytest.approx(found)
    assert GradientDescent(1.0).stable_step_size(2.0) == 1.0
    assert MaSS(1.0, 0.5, 1.0).stable_step_size(2.0) == 0.0
    assert MaSS(1.0, 0.0, 1.0).stable_step_size(2.0) == 0.0
    found = MaSS([1.0, 1.0, 1.0], 0.0, [0.5, 1.0, 2.0]).stable_step_size(2.0)
    np.testing.assert_allclose(found, [2.0, 0.0, 0.0])


def test_mass_for_batches_becomes_nesterov():
    """With ever larger batches the moments become those of full gradients."""
    full = MaSS.tuned(50.0, 10.0, 1.0, 6.0, batch_size=1e9)
    root = 10**0.5
    assert full.step_size == pytest.approx(0.1)
    assert full.momentum == pytest.approx((root - 1) / (root + 1))
    assert full.compensation == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: GradientDescent(0.0), ValueError, r"step_size is 0\.0; expected .* > 0"),
        (lambda: GradientDescent("fast"), TypeError, "step_size is str"),
        (lambda: GradientDescent([0.1, -1.0]), ValueError, r"step_size has the entry -1\.0"),
        (lambda: GradientDescent([0.1, np.nan]), ValueError, "step_size contains 1 non-finite"),
        (lambda: HeavyBall(1.0, 1.5), ValueError, r"momentum is 1\.5; expected numbers in"),
        (lambda: HeavyBall(1.0, -0.1), ValueError, r"momentum is -0\.1"),
        (lambda: MaSS(1.0, 0.5, -1.0), ValueError, r"compensation is -1\.0; expected .* >= 0"),
        (
            lambda: Nesterov([1.0, 2.0], [0.1, 0.2, 0.3]),
            ValueError,
            "mismatched lengths: step_size has 2, momentum has 3",
        ),
        (lambda: Chebyshev(1.0, 2.0), ValueError, r"smallest is 2\.0; expected at most largest"),
        (lambda: MaSS.tuned(1.0, 2.0, 1.0, 2.0), ValueError, r"L1 is 1\.0; expected at least"),
        (lambda: MaSS.tuned(2.0, 1.0, 2.0, 2.0), ValueError, r"smallest is 2\.0; expected"),
        (lambda: MaSS.tuned(2.0, 1.0, 1.0, 0.5), ValueError, r"kappa_tilde is 0\.5"),
        (lambda: MaSS.tuned(2.0, 1.0, 1.0, 2.0, 0.5), ValueError, r"batch_size is 0\.5"),
    ],
)
def test_bad_input_is_named(call, error, match):
    with pytest.raises(error, match=match):
        call()
