"""The formulas that the exam's solutions end with, against simulation and brute force."""

import re
from pathlib import Path

import numpy as np
import pytest

from fearless.book.exercises import exercises, solutions

CHAPTERS = Path(__file__).resolve().parents[4] / "chapters"


def rng():
    return np.random.default_rng(8)


@pytest.fixture(scope="module")
def questions():
    return [e for e in exercises(CHAPTERS) if e.page == "teaching/exam"]


class TestExam:
    def test_twenty_questions_four_a_part(self, questions):
        text = (CHAPTERS / "teaching/exam.md").read_text()
        parts = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
        assert [part.count("{exercise}") for part in parts] == [4] * 5
        assert len(questions) == 20

    def test_each_has_minutes_hint_and_points(self, questions):
        for question in questions:
            assert 10 <= question.minutes <= 40, question.label
            assert question.hint, question.label
            assert question.by_hand, question.label
            assert "Out of 10:" in question.grading, question.label

    def test_no_solution_is_on_the_page(self):
        page = (CHAPTERS / "teaching/exam.md").read_text()
        for solution in solutions(CHAPTERS):
            if solution.path.parent.parent.name == "teaching":
                lines = [line for line in solution.text.splitlines() if len(line) > 40]
                assert lines
                assert not [line for line in lines if line.strip() in page]

    def test_five_questions_fit_in_two_hours(self, questions):
        assert 100 < 5 * np.mean([question.minutes for question in questions]) <= 120


def test_noise_in_a_simplex():
    for d in (1, 3, 10):
        w = rng().dirichlet(np.ones(d + 1), 20_000)
        squares = (w**2).sum(axis=1)
        error = squares.std() / np.sqrt(len(w))
        assert squares.mean() == pytest.approx(2 / (d + 2), abs=5 * error)
    for d in (30, 300):  # none of the weights is much larger than ln(d) / d
        largest = rng().dirichlet(np.ones(d + 1), 5000).max(axis=1)
        assert np.quantile(largest, 0.99) < 2.5 * np.log(d) / d
        assert np.median(largest) == pytest.approx(np.log(d) / d, rel=0.15)


def test_one_wrong_corner():
    w = rng().dirichlet(np.ones(5), 100_000)
    share = np.mean(w[:, 0] > 0.5)
    assert share == pytest.approx(2.0**-4, abs=5 * np.sqrt(2.0**-4 / len(w)))


def test_the_nearest_wrong_answer():
    share = 0.03 * 0.1
    n = np.log(0.05) / np.log(1 - share)
    assert n == pytest.approx(3 / share, rel=0.01)


def test_another_start():
    X, y = rng().standard_normal((4, 9)), np.ones(4)
    start = rng().standard_normal(9)
    beta = start.copy()
    step = 1.9 / np.linalg.norm(X, 2) ** 2
    for _ in range(5000):
        beta -= step * X.T @ (X @ beta - y)
    pinv = np.linalg.pinv(X)
    np.testing.assert_allclose(beta, pinv @ y + start - pinv @ X @ start, atol=1e-9)


def test_a_floor_of_tiny_directions():
    n, m, p, T = 8, 3, 400_000, 2.0
    U, y = rng().standard_normal((n, m)), rng().standard_normal(n)
    Z = rng().standard_normal((n, p)) * np.sqrt(T / p)
    a = np.linalg.solve(U @ U.T + Z @ Z.T, y)
    ridge = np.linalg.solve(U.T @ U + T * np.eye(m), U.T @ y)
    np.testing.assert_allclose(U.T @ a, ridge, atol=0.02)
    residuals = y - U @ ridge
    contribution = T / p * np.sum((Z.T @ a) ** 2)
    assert contribution == pytest.approx(residuals @ residuals / p, rel=0.05)


@pytest.mark.parametrize(
    ("name", "benign"), [("exponential", False), ("square", False), ("logarithmic", True)]
)
def test_three_spectra(name, benign):
    k = np.arange(1, 2_000_001.0)
    spectrum = {
        "exponential": 2.0 ** -np.minimum(k, 900),
        "square": k**-2,
        "logarithmic": 1 / (k * np.log(k + 1) ** 2),
    }[name]
    # What the cut-off spectrum leaves out, by integrals.
    rest = {"exponential": 0.0, "square": 1 / k[-1], "logarithmic": 1 / np.log(k[-1])}[name]
    tail = np.cumsum(spectrum[::-1])[::-1] - spectrum + rest
    tail2 = np.cumsum(spectrum[::-1] ** 2)[::-1] - spectrum**2
    costs = []
    for n in (50, 500, 5000):
        reached = np.flatnonzero(tail[:-1] / spectrum[1:] >= 2 * n)
        if name == "exponential":
            reached = reached[k[reached] < 800]
        if not len(reached):
            costs.append(np.inf)
            continue
        first = reached[0]
        costs.append(k[first] / n + n * tail2[first] / tail[first] ** 2)
    falling = costs[2] < 0.75 * costs[0]
    assert falling == benign
    if name == "exponential":
        assert np.all(np.isinf(costs))
    if name == "square":
        assert max(costs) / min(costs) < 1.2
    if name == "logarithmic":  # 2 / ln n + 1 / (2 ln n), in the limit
        constants = costs * np.log([50, 500, 5000])
        assert max(constants) / min(constants) < 1.5


def test_counts_at_the_threshold():
    def parameters(d, H, K):
        return (d + 1) * H + (H + 1) * K

    assert parameters(49, 166, 10) <= 10_000 < parameters(49, 167, 10)
    assert abs(parameters(49, 20, 1) - 1000) <= abs(parameters(49, 19, 1) - 1000)


@pytest.mark.parametrize(("n", "p"), [(12, 5), (5, 12)])
def test_both_sides_of_the_threshold(n, p):
    X = rng().standard_normal((20_000, n, p))
    values = (np.linalg.pinv(X) ** 2).sum(axis=(1, 2))
    expected = min(n, p) / (abs(n - p) - 1)
    assert values.mean() == pytest.approx(expected, abs=5 * values.std() / np.sqrt(len(values)))


def test_the_best_model_beyond_the_threshold():
    r, sigma = 2.0, 0.5

    def risk(gamma):
        return r**2 * (1 - 1 / gamma) + sigma**2 / (gamma - 1)

    grid = np.linspace(1.01, 8, 100_000)
    best = grid[np.argmin(risk(grid))]
    assert best == pytest.approx(1 / (1 - sigma / r), abs=1e-3)
    assert risk(best) == pytest.approx(2 * sigma * r - sigma**2, abs=1e-6)
    r, sigma = 1.0, 1.5
    assert np.all(np.diff(risk(grid)) < 0)


def test_an_average_of_predictors():
    R, R2 = 0.30, 0.20
    C = 2 * R2 - R
    assert C == pytest.approx(0.10)
    T = 200
    assert C + (R - C) / T == pytest.approx(1.01 * C)


def test_what_steps_cost():
    for kappa, descent, conjugate in ((1e6, 3.5e6, 3800), (1e3, 3.5e3, 120)):
        factor = (kappa - 1) / (kappa + 1)
        assert np.log(1e-3) / np.log(factor) == pytest.approx(descent, rel=0.02)
        root = (np.sqrt(kappa) - 1) / (np.sqrt(kappa) + 1)
        assert np.log(1e-3 / 2) / np.log(root) == pytest.approx(conjugate, rel=0.02)


def steps_of_conjugate_gradients(spectrum, exact):
    """Steps to a thousandth of the error; `exact` undoes what rounding does to the residuals."""
    solution = rng().standard_normal(len(spectrum))
    x, r, basis = np.zeros_like(solution), spectrum * solution, []
    p, first = r, solution @ r
    for t in range(1, 5000):
        basis.append(r / np.linalg.norm(r))
        square, image = r @ r, spectrum * p
        step = square / (p @ image)
        x, r = x + step * p, r - step * image
        for _ in range(2 * exact):
            r = r - np.transpose(basis) @ (basis @ r)
        p = r + (r @ r) / square * p
        if (solution - x) @ (spectrum * (solution - x)) <= 1e-6 * first:
            return t
    return np.inf


def test_what_steps_cost_with_a_known_spectrum():
    spectrum = np.r_[np.geomspace(1, 1.1e-3, 100), np.geomspace(1e-3, 1e-6, 900)]
    assert steps_of_conjugate_gradients(spectrum, exact=True) <= 100 + 120
    assert 450 < steps_of_conjugate_gradients(spectrum, exact=False) < 800


def test_a_network_that_can_be_computed():
    m, x = 50, 1.7
    v, w = rng().standard_normal((2, 20_000, m))
    kernel = ((v**2).sum(axis=1) + (w**2).sum(axis=1)) / m * x * x
    assert kernel.mean() == pytest.approx(2 * x * x, rel=0.01)
    assert kernel.std() == pytest.approx(2 * m**-0.5 * x * x, rel=0.03)
    zero, one = np.zeros((m, m)), np.eye(m)
    hessian = x * m**-0.5 * np.block([[zero, one], [one, zero]])
    assert np.linalg.norm(hessian, 2) == pytest.approx(x * m**-0.5)


def test_what_no_fixed_kernel_can_do():
    D, n = 40, 12
    functions = np.linalg.qr(rng().standard_normal((200, D)))[0]
    space = np.linalg.qr(rng().standard_normal((200, n)))[0]
    errors = 1 - ((space.T @ functions) ** 2).sum(axis=0)
    assert errors.mean() >= 1 - n / D
    inside = functions[:, :n]  # the best space for these functions reaches the bound
    best = 1 - ((inside.T @ functions) ** 2).sum(axis=0)
    assert best.mean() == pytest.approx(1 - n / D)


def test_the_price_of_noise():
    X = rng().standard_normal((30, 4))
    K = np.exp(-((X[:, None] - X[None]) ** 2).sum(axis=2) / 2)
    assert np.trace(np.linalg.inv(K)) >= len(X)


def test_one_equation_at_a_time():
    A = rng().standard_normal((6, 3))
    A /= np.linalg.norm(A, axis=1, keepdims=True)
    least = np.linalg.eigvalsh(A.T @ A / 6)[0]
    e = rng().standard_normal(3)
    for eta in (0.5, 1.0, 1.5):
        after = [np.sum((e - eta * a * (a @ e)) ** 2) for a in A]
        assert np.mean(after) <= (1 - eta * (2 - eta) * least) * (e @ e) + 1e-12


def test_a_catapult():
    m, eta = 30, 0.9
    v, w = rng().standard_normal((2, m))
    f, kappa = v @ w / np.sqrt(m), (v @ v + w @ w) / m
    v, w = v - eta * f * w / np.sqrt(m), w - eta * f * v / np.sqrt(m)
    after = v @ w / np.sqrt(m), (v @ v + w @ w) / m
    expected = (
        f * (1 - eta * kappa + eta**2 * f**2 / m),
        kappa + eta * f**2 / m * (eta * kappa - 4),
    )
    np.testing.assert_allclose(after, expected, rtol=1e-12)


def test_never_at_rest():
    u = np.geomspace(1e-9, 1e9, 1000)
    assert np.all(u / (1 + u) <= np.log1p(u))
    X = rng().standard_normal((20, 3))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    theta, step = np.zeros(3), 0.01
    start = np.log(2)
    for t in range(1, 2001):
        z = X @ theta * np.sign(X[:, 0])
        gradient = -(X * (np.sign(X[:, 0]) / (1 + np.exp(z)))[:, None]).mean(axis=0)
        theta -= step * gradient
        z = X @ theta * np.sign(X[:, 0])
        loss = np.log1p(np.exp(-z)).mean()
        assert 1 / loss <= 1 / start + step * t + 1e-9
        assert np.linalg.norm(gradient) <= start  # R = 1, and the loss has not risen
