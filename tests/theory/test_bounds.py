"""Uniform bounds: terms and constants, coverage by simulation, floors that are attained."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fearless.data import gaussian_pair
from fearless.kernels import LaplacianKernel
from fearless.theory.bounds import interpolant_norm_floor, margin_bound, vc_bound


class TestMarginBound:
    def test_terms(self):
        bound = margin_bound(400, 1.0, margin=0.5, margin_error=0.1, delta=0.1)
        assert bound.training == 0.1
        assert bound.complexity == pytest.approx(2 * 1.0 / (0.5 * 20))
        assert bound.confidence == pytest.approx(math.sqrt(math.log(2 / 0.1) / 800))
        assert bound.value == pytest.approx(bound.training + bound.complexity + bound.confidence)
        many = margin_bound(400, 1.0, margin=0.5, n_classes=9)
        assert many.complexity == pytest.approx(6 * bound.complexity)
        wide = margin_bound(400, 1.0, margin=0.5, sup_kernel=4.0)
        assert wide.complexity == pytest.approx(2 * bound.complexity)

    @given(norm=st.floats(1e-6, 1e12), n=st.integers(1, 10**6))
    def test_radius_is_the_norm_rounded_up(self, norm, n):
        radius = margin_bound(n, norm).complexity * math.sqrt(n) / 2
        assert max(norm, 1.0) * (1 - 1e-12) <= radius <= 1.1 * max(norm, 1.0) * (1 + 1e-12)

    @given(norm=st.floats(0, 1e6), factor=st.floats(1, 100))
    def test_it_grows_with_the_norm_and_falls_with_n(self, norm, factor):
        assert margin_bound(50, norm).value <= margin_bound(50, norm * factor).value + 1e-12
        assert margin_bound(500, norm).value <= margin_bound(50, norm).value

    def test_shares_of_delta_sum_up_to_it(self):
        shares = [1 / ((j + 1) * (j + 2)) for j in range(100_000)]
        assert sum(shares) == pytest.approx(1, abs=2e-5)
        for j in range(30):
            bound = margin_bound(1000, 1.1**j * (1 - 1e-6), delta=0.05)
            share = math.exp(-2 * 1000 * bound.confidence**2)
            assert share == pytest.approx(0.05 * shares[j], rel=1e-9)

    @pytest.mark.parametrize("n_classes", [2, 4])
    def test_the_margin_loss_is_lipschitz_with_the_constant_used(self, n_classes):
        """Differences of the margin over differences of f reach 1 and sqrt(2), never more."""
        rng = np.random.default_rng(36)
        f, g = rng.standard_normal((2, 100_000, 1 if n_classes == 2 else n_classes))
        if n_classes == 2:
            margins = f[:, 0], g[:, 0]
            constant = 1.0
        else:
            margins = (v[:, 0] - v[:, 1:].max(axis=1) for v in (f, g))
            constant = math.sqrt(2)
        a, b = margins
        ratios = np.abs(a - b) / np.linalg.norm(f - g, axis=1)
        assert 0.97 * constant < ratios.max() <= constant * (1 + 1e-12)

    @pytest.mark.slow
    def test_it_holds_where_it_says_something(self):
        """Interpolants of clean, separated labels: the risk stays below a bound that is below 1."""
        from fearless.machines import KernelMachine

        kernel, n, failures, values = LaplacianKernel(10.0), 800, 0, []
        for seed in range(20):
            X, y = gaussian_pair(n, 10.0, 5, 3700 + seed)
            X_test, y_test = gaussian_pair(4000, 10.0, 5, 3800 + seed)
            machine = KernelMachine(kernel).fit(X, 2.0 * y - 1)
            risk = np.mean((machine.predict(X_test) > 0) != y_test)
            bound = margin_bound(n, machine.norm_, margin_error=2 * machine.residual_)
            values.append(bound.value)
            failures += risk > bound.value
        assert failures == 0
        assert max(values) < 0.7

    def test_bad_input(self):
        for change in (
            {"norm": -1.0},
            {"margin": 0.0},
            {"delta": 0.0},
            {"delta": 1.0},
            {"n_classes": 1},
            {"margin_error": 1.5},
            {"sup_kernel": 0.0},
            {"n_samples": 0},
        ):
            with pytest.raises(ValueError, match=next(iter(change))):
                margin_bound(**{"n_samples": 10, "norm": 1.0, **change})
        with pytest.raises(ValueError, match=r"norm is 1.79e\+308; expected a smaller one"):
            margin_bound(10, 1.79e308)


def test_the_smallest_delta_has_a_confidence_term():
    delta = 5e-324  # 1 / delta overflows
    assert vc_bound(10, 3, delta=delta).confidence == pytest.approx(math.sqrt(744.4400719 / 20))
    log_share = 744.4400719 + math.log(2)
    assert margin_bound(10, 1.0, delta=delta).confidence == pytest.approx(math.sqrt(log_share / 20))
    floor = interpolant_norm_floor(10_000, 1.0, delta=delta)
    assert floor == pytest.approx(math.sqrt(10_000 - math.sqrt(80_000 * 744.4400719)))


class TestVCBound:
    def test_sauer_against_the_binomial_sum(self):
        """The closed form is an upper bound of the sum of binomials, and not a wild one."""
        for n, dimension in ((20, 3), (100, 10), (1000, 5)):
            count = sum(math.comb(n, i) for i in range(dimension + 1))
            labellings = vc_bound(n, dimension).complexity ** 2 * n / 2
            assert math.log(count) <= labellings <= 2 * math.log(count)

    def test_a_class_that_labels_in_all_ways_gets_nothing(self):
        for dimension in (50, 51, 10**6):
            bound = vc_bound(50, dimension)
            assert bound.complexity == pytest.approx(math.sqrt(2 * math.log(2)))
            assert bound.vacuous

    def test_it_falls_with_n(self):
        values = [vc_bound(n, 10).value for n in (10, 100, 1000, 10_000)]
        assert values == sorted(values, reverse=True)

    def test_bad_input(self):
        with pytest.raises(ValueError, match="vc_dimension"):
            vc_bound(10, 0)
        with pytest.raises(TypeError, match="n_samples"):
            vc_bound(10.0, 1)


class TestNormFloor:
    @settings(max_examples=25, deadline=None)
    @given(seed=st.integers(0, 10**6), bandwidth=st.floats(0.05, 3.0))
    def test_one_more_sample_adds_its_surprise(self, seed, bandwidth):
        """||f_n||^2 - ||f_{n-1}||^2 = (y - f(x))^2 / P^2, the step that the floor rests on."""
        rng = np.random.default_rng(seed)
        X, y = rng.uniform(size=(8, 2)), rng.choice([-1.0, 1.0], 8)
        K = LaplacianKernel(bandwidth)(X)
        k, alpha = K[:-1, -1], np.linalg.solve(K[:-1, :-1], y[:-1])
        power = K[-1, -1] - k @ np.linalg.solve(K[:-1, :-1], k)
        growth = y @ np.linalg.solve(K, y) - y[:-1] @ alpha
        assert 0 < power <= 1 + 1e-12
        assert growth == pytest.approx((y[-1] - k @ alpha) ** 2 / power, rel=1e-6, abs=1e-9)

    @pytest.mark.parametrize("flip", [0.05, 0.25, 0.5])
    @pytest.mark.parametrize("p", [0.5, 0.95])
    def test_a_kernel_that_knows_the_rule_comes_close_to_it(self, flip, p):
        """K = (1 - p) c c^T + p I has ||f||^2 / n -> 4 q (1 - q) / p, above the floor."""
        n, rng = 400, np.random.default_rng(41)
        variance = 4 * flip * (1 - flip)
        squares = []
        for _ in range(200):
            clean = rng.choice([-1.0, 1.0], n)
            y = clean * np.where(rng.uniform(size=n) < flip, -1, 1)
            # Sherman-Morrison, checked against a solve below.
            squares.append((y @ y - (1 - p) * (clean @ y) ** 2 / (p + (1 - p) * n)) / p)
        K = (1 - p) * np.outer(clean, clean) + p * np.eye(n)
        assert squares[-1] == pytest.approx(y @ np.linalg.solve(K, y), rel=1e-10)
        mean, stderr = np.mean(squares) / n, np.std(squares) / n / np.sqrt(200)
        assert mean - 4.5 * stderr <= variance / p + 1 / (p * (1 - p) * n)
        assert mean + 4.5 * stderr >= interpolant_norm_floor(n, variance) ** 2 / n
        low = interpolant_norm_floor(n, variance, delta=0.01) ** 2
        assert np.mean(np.array(squares) < low) <= 0.01 + 4.5 * np.sqrt(0.01 / 200)

    def test_orthogonal_samples_attain_it(self):
        """K = I and random labels: the squared norm is n, and so is the floor."""
        assert interpolant_norm_floor(64, 1.0) == 8.0

    def test_high_probability_form_is_below_the_mean(self):
        for n in (10, 1000, 10**6):
            assert interpolant_norm_floor(n, 0.3, delta=0.1) < interpolant_norm_floor(n, 0.3)
        assert interpolant_norm_floor(10, 0.1, delta=0.01) == 0

    def test_bad_input(self):
        with pytest.raises(ValueError, match="variance"):
            interpolant_norm_floor(10, 1.5)
        with pytest.raises(ValueError, match="delta"):
            interpolant_norm_floor(10, 0.5, delta=0.0)
