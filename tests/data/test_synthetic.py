"""Gaussian teachers: moments, exact risk, and the closed forms of Belkin, Hsu and Xu."""

import numpy as np
import pytest

from fearless.data import GaussianTeacher, gaussian_linear_model

SIGMA = np.array([[2.0, 0.5, 0.0], [0.5, 1.0, 0.2], [0.0, 0.2, 0.3]])


@pytest.mark.parametrize("covariance", [None, [4.0, 1.0, 0.0], SIGMA])
def test_covariance_of_the_inputs(covariance):
    expected = np.eye(3) if covariance is None else np.asarray(covariance)
    expected = np.diag(expected) if expected.ndim == 1 else expected
    n = 40_000
    for seed in range(3):
        X, _ = GaussianTeacher([1.0, 2.0, 3.0], covariance=covariance).sample(n, seed)
        # Standard error of an empirical covariance of Gaussians, entry by entry.
        error = np.sqrt((np.outer(np.diag(expected), np.diag(expected)) + expected**2) / n)
        assert np.all(np.abs(X.T @ X / n - expected) <= 4.5 * error)


@pytest.mark.parametrize("covariance", [None, [4.0, 1.0, 0.0], SIGMA])
def test_risk_is_the_expected_squared_error(covariance):
    model = GaussianTeacher([1.0, -2.0, 0.5], noise=0.7, covariance=covariance)
    coef = np.array([0.3, 0.1, -1.0])
    for seed in range(3):
        X, y = model.sample(40_000, seed)
        losses = (y - X @ coef) ** 2
        z = (losses.mean() - model.risk(coef)) / (losses.std() / np.sqrt(len(losses)))
        assert abs(z) < 4.5
    assert model.risk(model.teacher) == pytest.approx(0.49, rel=1e-14)


def test_bayes_is_the_noise_free_teacher():
    def f(X):
        return np.sin(X[:, 0]) + X[:, 1] ** 2

    model = GaussianTeacher(f, noise=0.5, n_dims=2)
    X, y = model.sample(50_000, 1)
    np.testing.assert_array_equal(model.bayes(X), f(X))
    residual = (y - f(X)) / 0.5
    assert abs(residual.mean()) < 4.5 / np.sqrt(len(y))
    assert abs(residual.var() - 1) < 4.5 * np.sqrt(2 / len(y))
    assert abs(np.mean(residual * np.sign(f(X)))) < 4.5 / np.sqrt(len(y))


def test_noise_changes_neither_inputs_nor_draws():
    quiet = GaussianTeacher([1.0, 2.0]).sample(5, 3)
    noisy = GaussianTeacher([1.0, 2.0], noise=2.0).sample(5, 3)
    noisier = GaussianTeacher([1.0, 2.0], noise=4.0).sample(5, 3)
    np.testing.assert_array_equal(quiet[0], noisy[0])
    np.testing.assert_array_equal(quiet[1], quiet[0] @ [1.0, 2.0])
    np.testing.assert_allclose(noisier[1] - quiet[1], 2 * (noisy[1] - quiet[1]), rtol=1e-12)


def test_a_teacher_does_not_change_with_the_arrays_it_was_given():
    beta = np.array([1.0, 2.0])
    model = GaussianTeacher(beta)
    beta[0] = 100
    assert model.teacher[0] == 1
    with pytest.raises(ValueError, match="read-only"):
        model.teacher[0] = 5


@pytest.mark.parametrize("profile", ["equal", "random", "decaying"])
def test_profiles_have_the_norm_asked_for(profile):
    beta = gaussian_linear_model(50, norm=3.0, profile=profile, random_state=0).teacher
    assert np.linalg.norm(beta) == pytest.approx(3.0, rel=1e-14)
    ratio = beta[0] / beta[9]
    assert {"equal": abs(ratio - 1) < 1e-12, "decaying": abs(ratio - 10) < 1e-12}.get(profile, True)


@pytest.mark.parametrize("p", [20, 80])
def test_exact_risk_of_min_norm_on_p_of_the_coordinates(p):
    """O1, on both sides of the threshold p = n = 40 and away from it (moments exist)."""
    n, model = 40, gaussian_linear_model(100, noise=0.2)
    seen, unseen = np.sum(model.teacher[:p] ** 2), np.sum(model.teacher[p:] ** 2) + 0.2**2
    if p < n:
        expected = unseen * (1 + p / (n - p - 1))
    else:
        expected = seen * (1 - n / p) + unseen * (1 + n / (p - n - 1))
    rng = np.random.default_rng(p)
    risks = []
    for _ in range(400):
        X, y = model.sample(n, rng)
        coef = np.zeros(100)
        coef[:p] = np.linalg.pinv(X[:, :p]) @ y
        risks.append(model.risk(coef))
    z = (np.mean(risks) - expected) / (np.std(risks, ddof=1) / np.sqrt(len(risks)))
    assert abs(z) < 4.5


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"teacher": []}, ValueError, "teacher is empty"),
        ({"teacher": [np.nan]}, ValueError, "teacher contains 1 non-finite"),
        ({"teacher": [1.0], "noise": -1}, ValueError, "noise is -1"),
        ({"teacher": np.sum}, ValueError, "n_dims is None"),
        ({"teacher": [1.0], "n_dims": 2}, ValueError, "teacher has 1, n_dims has 2"),
        ({"teacher": [1.0], "covariance": [1.0, 1.0]}, ValueError, "covariance has 2"),
        ({"teacher": [1.0, 1.0], "covariance": [1.0, -1.0]}, ValueError, "covariance has the var"),
        (
            {"teacher": [1.0, 1.0], "covariance": np.ones((2, 3))},
            ValueError,
            "covariance has shape",
        ),
        ({"teacher": [1.0, 1.0], "covariance": [[1, 2], [0, 1]]}, ValueError, "expected a symm"),
        ({"teacher": [1.0, 1.0], "covariance": [[1, 2], [2, 1]]}, ValueError, "eigenvalue -1"),
    ],
)
def test_bad_models_are_named(arguments, error, match):
    with pytest.raises(error, match=match):
        GaussianTeacher(**arguments)


def test_bad_calls_are_named():
    linear = GaussianTeacher([1.0, 2.0])
    with pytest.raises(ValueError, match="n is 0"):
        linear.sample(0)
    with pytest.raises(ValueError, match="X has 3 columns; expected 2"):
        linear.bayes(np.ones((1, 3)))
    with pytest.raises(ValueError, match="coef has length 3; expected 2"):
        linear.risk(np.ones(3))
    function = GaussianTeacher(lambda X: X[:1, 0], n_dims=2)
    with pytest.raises(ValueError, match="teacher returned 1 values for 5 rows"):
        function.sample(5)
    with pytest.raises(TypeError, match="teacher is a function"):
        function.risk([1.0, 2.0])
    with pytest.raises(ValueError, match="profile is 'steep'"):
        gaussian_linear_model(profile="steep")
    with pytest.raises(ValueError, match="norm is 0"):
        gaussian_linear_model(norm=0)
