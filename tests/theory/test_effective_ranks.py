"""Effective ranks against closed forms, and against the exact risk that they bracket."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fearless.theory.effective_ranks import benign_index, benign_order, effective_ranks
from fearless.theory.proportional import effective_penalty, general_risk
from fearless.theory.spectra import (
    exponential_spectrum,
    isotropic_spectrum,
    power_law_spectrum,
    power_law_tail,
    spiked_spectrum,
)


class TestRanks:
    @pytest.mark.parametrize("p", [1, 2, 1000])
    def test_identity(self, p):  # O12
        r, R = effective_ranks(isotropic_spectrum(p, 0.3))
        np.testing.assert_allclose(r, p - np.arange(p), rtol=1e-11)
        np.testing.assert_allclose(R, p - np.arange(p), rtol=1e-11)

    @pytest.mark.parametrize("rho", [0.1, 0.5, 0.95])
    def test_geometric(self, rho):  # O12, also where the squares underflow
        values = rho ** np.arange(1, 300 if rho < 0.9 else 3000)
        values = values[values > 1e-290]
        r, R = effective_ranks(values, k=np.arange(len(values) // 2))
        np.testing.assert_allclose(r, 1 / (1 - rho), rtol=1e-10)
        np.testing.assert_allclose(R, (1 + rho) / (1 - rho), rtol=1e-10)

    @given(
        st.lists(st.floats(1e-100, 1e100), min_size=1, max_size=30),
        st.one_of(st.just(0.0), st.floats(1e-30, 1e30)),
    )
    @settings(max_examples=60, deadline=None)
    def test_inequalities_and_scale(self, values, tail):
        values = np.sort(values)[::-1]
        r, R = effective_ranks(values, tail=tail)
        assert np.all(r >= 1)
        if not tail:
            assert np.all(r <= R * (1 + 1e-9))
            assert np.all(R <= r**2 * (1 + 1e-9))
        scaled = effective_ranks(values * 2.0**30, tail=tail * 2.0**30)
        np.testing.assert_allclose(scaled, (r, R), rtol=1e-9)

    def test_brute_force(self):
        rng = np.random.default_rng(3)
        values = np.sort(rng.pareto(1.0, 40) + 1e-3)[::-1]
        for k in (0, 7, 39):
            r, R = effective_ranks(values, k)
            rest = values[k:]
            assert r == pytest.approx(rest.sum() / rest[0])
            assert R == pytest.approx(rest.sum() ** 2 / np.sum(rest**2))

    def test_a_tail_is_many_tiny_eigenvalues(self):
        head, p = power_law_spectrum(5, 2.0), 400_000
        explicit = effective_ranks(np.append(head, np.full(p, 0.5 / p)), k=np.arange(5))
        np.testing.assert_allclose(effective_ranks(head, tail=0.5), explicit, rtol=1e-3)

    def test_index_and_order(self):
        values = spiked_spectrum(4000, 5)
        r, R = effective_ranks(values)
        n = np.array([10, 100, 1500, 3000])
        for m, k, q in zip(n, benign_index(values, n), benign_order(values, n), strict=True):
            reached = np.flatnonzero(r >= 2 * m)
            if reached.size:
                assert k == reached[0]
                assert q == pytest.approx(k / m + m / R[int(k)])
            else:
                assert k == q == np.inf
        assert benign_order(values, 100) == pytest.approx(0.05 + 100 / 3995)  # 2.8 of the notes


SPECTRA = [
    (power_law_spectrum(5000, alpha), power_law_tail(5000, alpha)) for alpha in (1.05, 1.15, 1.24)
] + [
    (power_law_spectrum(5000, 1, log_exponent=b), power_law_tail(5000, 1, log_exponent=b))
    for b in (1.5, 3.0)
]
SPECTRA += [(exponential_spectrum(300, tau), mass) for tau in (2, 10) for mass in (0.1, 10.0)]
SPECTRA += [(spiked_spectrum(40_000, s, floor=f), 0.0) for s in (0, 3, 30) for f in (1e-3, 0.3)]


class TestAgainstTheExactRisk:
    def test_ranks_bracket_the_degrees_of_freedom(self):
        n = np.array([10, 40, 160, 640, 2560])
        ratios = []
        for values, tail in SPECTRA:
            v = general_risk(values, n, noise=1.0, penalty=tail / n).variance
            ratio = v / (1 + v) / benign_order(values, n, tail=tail)
            ratios += list(ratio[benign_index(values, n, tail=tail) <= n / 2])
        assert len(ratios) > 30
        assert max(ratios) <= 4
        assert min(ratios) >= 1 / 25

    def test_no_index_no_benignity(self):
        """Where k* > n/2 at least a fiftieth of the degrees of freedom is used."""
        n = np.array([10, 40, 160, 640])
        seen = 0
        for values, tail in [*SPECTRA, (exponential_spectrum(5000, 30), 0.0)]:
            v = general_risk(values, n, noise=1.0, penalty=tail / n).variance
            late = benign_index(values, n, tail=tail) > n / 2
            seen += late.sum()
            assert np.all((v / (1 + v))[late] >= 1 / 50)
        assert seen > 3

    @pytest.mark.parametrize("index", range(len(SPECTRA)))
    def test_the_noise_that_stays_is_a_rate(self, index):
        """V = -d ln(n kappa) / d ln n."""
        values, tail = SPECTRA[index]
        for n in (30.0, 300.0):
            steps = n * np.array([1 - 1e-5, 1 + 1e-5])
            mass = steps * effective_penalty(values, steps, penalty=tail / steps)
            rate = -np.diff(np.log(mass)) / np.diff(np.log(steps))
            v = general_risk(values, n, noise=1.0, penalty=tail / n).variance
            assert rate[0] == pytest.approx(float(v), rel=1e-4, abs=1e-9)

    @pytest.mark.parametrize("alpha", [1.3, 2.0, 3.5])
    def test_power_laws_are_tempered(self, alpha):
        n = 3000
        values, tail = power_law_spectrum(200_000, alpha), power_law_tail(200_000, alpha)
        v = general_risk(values, n, noise=1.0, penalty=tail / n).variance
        assert float(v) == pytest.approx(alpha - 1, rel=2e-3)

    def test_exponential_decay_is_catastrophic(self):
        v = general_risk(exponential_spectrum(2000, 8), [80, 800], noise=1.0).variance
        np.testing.assert_allclose(v, [80 / 8 - 1, 800 / 8 - 1], rtol=1e-3)

    def test_the_logarithmic_law_is_benign_and_slow(self):
        n = np.array([1e2, 1e3, 1e4, 1e5])
        values = power_law_spectrum(300_000, 1, log_exponent=2)
        tail = power_law_tail(300_000, 1, log_exponent=2)
        v = general_risk(values, n, noise=1.0, penalty=tail / n).variance
        assert np.all(np.diff(v) < 0)
        assert np.all(np.abs(v * np.log(n) - 1) < 0.3)


class TestBadInput:
    def test_spectra(self):
        with pytest.raises(ValueError, match=r"eigenvalues\[1\] is 0\.0; expected positive"):
            effective_ranks([1.0, 0.0])
        with pytest.raises(ValueError, match="eigenvalues increase"):
            benign_index([1.0, 2.0], 3)

    def test_indices(self):
        with pytest.raises(ValueError, match="k is 3; expected integers from 0 to p - 1 = 2"):
            effective_ranks([1.0, 1.0, 1.0], 3)
        with pytest.raises(TypeError, match="k has dtype float64"):
            effective_ranks([1.0], 0.5)
        with pytest.raises(ValueError, match="tail"):
            effective_ranks([1.0], tail=-1.0)
        with pytest.raises(ValueError, match="n is 0"):
            benign_order([1.0], 0)
        with pytest.raises(ValueError, match="b is 0"):
            benign_index([1.0], 1, 0.0)
