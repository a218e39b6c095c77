"""Risks over starts: gradient descent itself, Gaussian quadratic forms, and bad input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fearless.theory.starts import off_span, risk_over_starts


def random_problem(seed, n=8, p=20):
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((p, p)) / p**0.5
    return rng, rng.standard_normal((n, p)), rng.standard_normal(p), root @ root.T


@given(seed=st.integers(0, 2**31), n=st.integers(1, 12))
def test_the_part_off_the_span_is_a_projection(seed, n):
    rng, X, _, _ = random_problem(seed, n=n, p=10)
    points = rng.standard_normal((4, 10))
    part = off_span(X, points)
    np.testing.assert_allclose(off_span(X, part), part, atol=1e-9)
    np.testing.assert_allclose(part @ X.T, 0, atol=1e-9)
    np.testing.assert_allclose(off_span(X, points - part), 0, atol=1e-9)
    by_pinv = points - points @ np.linalg.pinv(X) @ X
    np.testing.assert_allclose(part, by_pinv, atol=1e-8)


def test_repeated_samples_span_no_more():
    _, X, _, _ = random_problem(0)
    twice = np.vstack([X, X, X[:1] + X[1:2]])
    points = np.eye(20)
    np.testing.assert_allclose(off_span(twice, points), off_span(X, points), atol=1e-12)


def test_gradient_descent_keeps_exactly_that_part():
    rng, X, truth, _ = random_problem(1)
    w = start = rng.standard_normal(20)
    step = 1 / np.linalg.norm(X, 2) ** 2
    for _ in range(4000):
        w = w - step * X.T @ (X @ w - X @ truth)
    limit = np.linalg.pinv(X) @ X @ truth + off_span(X, start[None])[0]
    np.testing.assert_allclose(w, limit, atol=1e-9)


@pytest.mark.parametrize("seed", [2, 3])
def test_moments_agree_with_simulation(seed):
    rng, X, delta, moment = random_problem(seed)
    tau, count = 0.7, 100_000
    errors = delta + off_span(X, tau * rng.standard_normal((count, 20)))
    risks = np.einsum("ij,jk,ik->i", errors, moment, errors)
    mean, variance, _ = risk_over_starts(X, delta, moment, tau)
    squares = (risks - risks.mean()) ** 2
    assert abs(risks.mean() - mean) < 4 * risks.std() / count**0.5
    assert abs(squares.mean() - variance) < 4 * squares.std() / count**0.5


def test_one_direction_is_a_noncentral_chi_squared():
    _, X, delta, _ = random_problem(4)
    v = np.random.default_rng(5).standard_normal(20)
    tau = 0.3
    scale = tau**2 * np.sum(off_span(X, v[None]) ** 2)
    law = stats.ncx2(1, (v @ delta) ** 2 / scale, scale=scale)
    mean, variance, rank = risk_over_starts(X, delta, np.outer(v, v), tau)
    assert mean == pytest.approx(law.mean(), rel=1e-10)
    assert variance == pytest.approx(law.var(), rel=1e-10)
    assert rank == pytest.approx(1, rel=1e-10)


def test_nothing_is_open_when_the_samples_span_everything():
    _, X, delta, moment = random_problem(6, n=25)
    mean, variance, rank = risk_over_starts(X, delta, moment, 2.0)
    assert mean == pytest.approx(delta @ moment @ delta, rel=1e-10)
    assert variance == 0
    assert rank == np.inf


def test_tiny_moments_have_the_same_rank():
    _, X, delta, moment = random_problem(10)
    mean, _, rank = risk_over_starts(X, delta, moment, 0.5)
    tiny = risk_over_starts(X, delta, 1e-200 * moment, 0.5)
    assert tiny[2] == pytest.approx(rank, rel=1e-12)
    assert tiny[0] == pytest.approx(1e-200 * mean, rel=1e-12)


def test_a_vector_is_a_diagonal():
    _, X, delta, _ = random_problem(7)
    diagonal = np.linspace(0.1, 2, 20)
    assert risk_over_starts(X, delta, diagonal, 0.5) == risk_over_starts(
        X, delta, np.diag(diagonal), 0.5
    )


def test_isotropic_inputs_see_all_open_directions():
    _, X, _, _ = random_problem(8)
    *_, rank = risk_over_starts(X, np.zeros(20), np.ones(20), 1.0)
    assert rank == pytest.approx(12, rel=1e-10)


def test_bad_input_is_named():
    _, X, delta, moment = random_problem(9)
    with pytest.raises(ValueError, match="points has 3 columns; expected 20"):
        off_span(X, np.ones((2, 3)))
    with pytest.raises(ValueError, match="delta has length 3; expected 20"):
        risk_over_starts(X, np.ones(3), moment, 1.0)
    with pytest.raises(ValueError, match="expected a symmetric matrix"):
        risk_over_starts(X, delta, moment + np.triu(moment), 1.0)
    with pytest.raises(ValueError, match="second_moment has -1 on its diagonal"):
        risk_over_starts(X, delta, -np.ones(20), 1.0)
    with pytest.raises(ValueError, match="second_moment has length 3; expected 20"):
        risk_over_starts(X, delta, np.ones(3), 1.0)
    with pytest.raises(ValueError, match="start_deviation is -1"):
        risk_over_starts(X, delta, moment, -1)
