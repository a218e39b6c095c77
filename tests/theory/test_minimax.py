"""Minimax rates: special cases and the balance they come from."""

import pytest

from fearless.theory.minimax import minimax_bandwidth, minimax_exponent


def test_known_exponents():
    assert minimax_exponent(1, 1) == pytest.approx(2 / 3)
    assert minimax_exponent(2, 1) == pytest.approx(4 / 5)
    assert minimax_exponent(2, 20) == pytest.approx(1 / 6)
    assert minimax_exponent(1e9, 3) == pytest.approx(1)  # the parametric rate
    assert minimax_exponent(1e308, 1) == 1


@pytest.mark.parametrize("smoothness", [0.5, 1, 2])
@pytest.mark.parametrize("d", [1, 4])
def test_bandwidth_balances_bias_and_variance(smoothness, d):
    n = 10_000
    h = minimax_bandwidth(n, smoothness, d)
    assert h ** (2 * smoothness) == pytest.approx(1 / (n * h**d))
    assert h ** (2 * smoothness) == pytest.approx(n ** -minimax_exponent(smoothness, d))
    assert minimax_bandwidth(n, smoothness, d, scale=3.0) == pytest.approx(3 * h)


def test_bad_arguments():
    with pytest.raises(ValueError, match="smoothness is 0"):
        minimax_exponent(0, 1)
    with pytest.raises(TypeError, match="d is float"):
        minimax_exponent(1, 1.5)
    with pytest.raises(ValueError, match="n is 0"):
        minimax_bandwidth(0, 1, 1)
    with pytest.raises(ValueError, match="scale is -1"):
        minimax_bandwidth(10, 1, 1, scale=-1)
