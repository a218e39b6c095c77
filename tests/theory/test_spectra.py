"""Families of spectra, and their tails against sums in arbitrary precision."""

import numpy as np
import pytest

from fearless.theory.spectra import (
    exponential_spectrum,
    isotropic_spectrum,
    power_law_spectrum,
    power_law_tail,
    spiked_spectrum,
)


class TestFamilies:
    def test_definitions(self):
        np.testing.assert_array_equal(isotropic_spectrum(3, 2.0), [2, 2, 2])
        np.testing.assert_allclose(power_law_spectrum(4, 0.5), [1, 2**-0.5, 3**-0.5, 0.5])
        np.testing.assert_allclose(
            power_law_spectrum(2, 1, log_exponent=2), [np.log(2) ** -2, 0.5 * np.log(3) ** -2]
        )
        np.testing.assert_allclose(
            exponential_spectrum(2, 0.5, floor=0.1), [np.exp(-2) + 0.1, np.exp(-4) + 0.1]
        )
        np.testing.assert_array_equal(spiked_spectrum(4, 2, spike=3, floor=1), [3, 3, 1, 1])

    @pytest.mark.parametrize(
        ("alpha", "beta", "total"), [(2, 0, np.pi**2 / 6), (4, 0, np.pi**4 / 90), (1, 2, None)]
    )
    @pytest.mark.parametrize("p", [0, 3, 255, 256, 1000])
    def test_tail_completes_the_sum(self, alpha, beta, total, p):
        if total is None:
            total = power_law_tail(0, alpha, log_exponent=beta)
        head = power_law_spectrum(p, alpha, log_exponent=beta).sum() if p else 0.0
        tail = power_law_tail(p, alpha, log_exponent=beta)
        assert head + tail == pytest.approx(total, rel=1e-12)

    @pytest.mark.parametrize(("alpha", "beta"), [(1, 1.5), (1, 2), (1, 6), (1.3, 1), (3, 0.5)])
    def test_tail_is_that_of_arbitrary_precision(self, alpha, beta):
        mpmath = pytest.importorskip("mpmath")

        def term(x):
            return x**-alpha * mpmath.log(x + 1) ** -beta

        # Euler-Maclaurin in many digits, from far out on
        start = 2000
        far = mpmath.quad(
            lambda u: mpmath.exp(u) * term(mpmath.exp(u)), [mpmath.log(start), 20, 60, mpmath.inf]
        )
        far += term(start) / 2 - mpmath.diff(term, start) / 12
        near = power_law_spectrum(start - 1, alpha, log_exponent=beta)[700:].sum()
        found = power_law_tail(700, alpha, log_exponent=beta)
        assert found == pytest.approx(float(far) + near, rel=1e-9)

    @pytest.mark.parametrize(("alpha", "beta"), [(1.001, 2), (1.0001, 2), (1.00001, 1.5)])
    def test_tail_just_above_one(self, alpha, beta):
        """An absolute tolerance would stop the quadrature of a tiny integral too early."""
        mpmath = pytest.importorskip("mpmath")
        m, scale = 2001, 1 / (alpha - 1)
        u0 = mpmath.log(m)
        cuts = [u0 + c for c in (0, 1, 5, 20, 100, scale / 10, scale, 5 * scale, 60 * scale)]

        def term(x):
            return x ** -mpmath.mpf(alpha) * mpmath.log(x + 1) ** -beta

        far = mpmath.quad(lambda u: mpmath.exp(u) * term(mpmath.exp(u)), sorted(cuts))
        far += term(m) / 2 - mpmath.diff(term, m) / 12
        found = power_law_tail(2000, alpha, log_exponent=beta)
        assert found == pytest.approx(float(far), rel=2e-10)

    @pytest.mark.parametrize(("alpha", "beta"), [(1, 0), (1, 1), (0.9, 5), (0, 0)])
    def test_infinite_where_infinite(self, alpha, beta):
        assert power_law_tail(10, alpha, log_exponent=beta) == np.inf


def test_bad_input():
    with pytest.raises(ValueError, match="spike is"):
        spiked_spectrum(3, 1, spike=0.1, floor=0.2)
    with pytest.raises(ValueError, match="n_spikes"):
        spiked_spectrum(3, 4)
    with pytest.raises(ValueError, match="exponent"):
        power_law_spectrum(3, -1.0)
    with pytest.raises(ValueError, match="decay"):
        exponential_spectrum(3, 0.0)
    with pytest.raises(ValueError, match="p is -1"):
        power_law_tail(-1, 2.0)
