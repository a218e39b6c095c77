"""Recursive feature machines: the iteration spelled out, invariances, stopping, the contract."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from fearless.kernels import ArcCosineKernel, GaussianKernel, LaplacianKernel
from fearless.machines import (
    KernelMachine,
    RecursiveFeatureMachine,
    RecursiveFeatureMachineClassifier,
)


def product(n=120, d=6, seed=0):
    X = np.random.default_rng(seed).standard_normal((n, d))
    return X, X[:, 0] * X[:, 1]


@parametrize_with_checks(
    [
        RecursiveFeatureMachine(max_iter=1),
        RecursiveFeatureMachineClassifier(max_iter=1, diagonal=True, held_out=0.1, random_state=0),
    ]
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def spelled_out(X, Y, bandwidth, reg, iterations, diagonal):
    """The algorithm with every gradient in a loop of its own."""
    n, d = X.shape
    M = np.eye(d)
    metrics = [M]
    for _ in range(iterations):
        difference = X[:, None] - X
        D = np.sqrt(np.einsum("ijk,kl,ijl->ij", difference, M, difference))
        K = np.exp(-D / bandwidth)
        alpha = np.linalg.solve(K + reg * np.eye(n), Y)
        M_next = np.zeros((d, d))
        for i in range(n):
            for c in range(Y.shape[1]):
                gradient = np.zeros(d)
                for j in range(n):
                    if j != i:
                        gradient -= alpha[j, c] * K[i, j] / D[i, j] / bandwidth * difference[i, j]
                M_next += np.outer(M @ gradient, M @ gradient) / n
        M = np.diag(np.diag(M_next)) if diagonal else M_next
        metrics.append(M)
    return metrics


@pytest.mark.parametrize("diagonal", [False, True])
def test_equals_the_algorithm_spelled_out(diagonal):
    X, y = product(25, 3)
    Y = np.column_stack([y, X[:, 2]])
    expected = spelled_out(X, Y, 2.0, 0.01, 2, diagonal)
    machine = RecursiveFeatureMachine(
        LaplacianKernel(2.0), reg=0.01, max_iter=2, tol=0, rescale=False, diagonal=diagonal
    ).fit(X, Y)
    for stage, M in zip(machine.history_, expected, strict=True):
        found = np.diag(stage.metric) if diagonal else stage.metric
        np.testing.assert_allclose(found, M, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(machine.metric_, machine.history_[-1].metric)
    # The outputs are those of a kernel machine in this metric.
    B = machine.factor_
    Z = X * B if diagonal else X @ B
    other = KernelMachine(LaplacianKernel(2.0), reg=0.01).fit(Z, Y)
    np.testing.assert_allclose(machine.predict(X), other.predict(Z), atol=1e-10)


def test_no_iteration_is_a_kernel_machine():
    X, y = product()
    plain = KernelMachine(LaplacianKernel(2.0), reg=1e-3).fit(X, y)
    machine = RecursiveFeatureMachine(LaplacianKernel(2.0), max_iter=0).fit(X, y)
    np.testing.assert_allclose(machine.predict(X[:9] + 0.1), plain.predict(X[:9] + 0.1), rtol=1e-10)
    np.testing.assert_array_equal(machine.metric_, np.eye(6))
    assert machine.n_iter_ == machine.best_iteration_ == 0


def test_finds_the_coordinates_and_keeps_the_mean_distance():
    X, y = product(200, 8, seed=1)
    machine = RecursiveFeatureMachine(tol=0).fit(X, y)
    assert np.diag(machine.metric_)[:2].sum() > 0.95 * np.trace(machine.metric_)
    for stage in machine.history_:
        spread = np.sum(np.cov(X.T, ddof=0) * stage.metric)
        assert spread == pytest.approx(X.var(axis=0).sum(), rel=1e-10)
        np.testing.assert_allclose(stage.factor @ stage.factor.T, stage.metric, atol=1e-12)
    new, target = product(300, 8, seed=2)
    losses = [np.mean((stage.evaluate(new) - target) ** 2) for stage in machine.history_]
    assert losses[-1] < 0.5 * losses[0]
    np.testing.assert_array_equal(machine.predict(new), machine.history_[-1].evaluate(new))


def test_a_full_metric_commutes_with_rotations_and_a_diagonal_one_does_not():
    X, y = product(seed=3)
    new = product(50, seed=4)[0]
    Q = np.linalg.qr(np.random.default_rng(5).standard_normal((6, 6)))[0]
    gaps = []
    for diagonal in (False, True):
        machine = RecursiveFeatureMachine(LaplacianKernel(3.0), tol=0, diagonal=diagonal)
        straight = clone(machine).fit(X, y).predict(new)
        turned = machine.fit(X @ Q.T, y).predict(new @ Q.T)
        gaps.append(np.abs(turned - straight).max())
    assert gaps[0] < 1e-7 < 1e-2 < gaps[1]


@pytest.mark.parametrize(
    ("dtype", "factor"),
    [(float, 1e-3), (float, 1e-200), (float, 1e150), (np.float32, 1e-25), (np.float32, 1e25)],
)
def test_rescaling_makes_the_size_of_the_target_irrelevant(dtype, factor):
    X, y = product(60, seed=6)
    X, y = X.astype(dtype), y.astype(dtype)
    a = RecursiveFeatureMachine(LaplacianKernel(3.0)).fit(X, y)
    b = RecursiveFeatureMachine(LaplacianKernel(3.0)).fit(X, dtype(factor) * y)
    assert b.n_iter_ == a.n_iter_ > 1
    tol = 1e-6 if dtype is float else 1e-3
    np.testing.assert_allclose(b.metric_, a.metric_, rtol=tol, atol=tol / 10)


def test_a_metric_that_overflows_is_refused():
    X, y = product(40, seed=6)
    machine = RecursiveFeatureMachine(rescale=False)
    assert np.isfinite(machine.fit(X, 1e150 * y).metric_).all()
    X, y = X.astype(np.float32), y.astype(np.float32)
    assert np.isfinite(machine.fit(X, np.float32(1e12) * y).metric_).all()
    with pytest.raises(ValueError, match=r"the metric overflows float32, .* expected rescale=True"):
        machine.fit(X, np.float32(1e20) * y)


def test_a_target_whose_square_overflows_is_refused():
    X, y = product(40, seed=6)
    with pytest.raises(ValueError, match=r"y has entries up to .*, whose square overflows"):
        RecursiveFeatureMachine().fit(X, 1e200 * y)


def test_a_lost_direction_does_not_come_back():
    X, y = product(seed=7)
    X[:, 5] = 0  # the first gradients have nothing there
    machine = RecursiveFeatureMachine(tol=0, max_iter=3).fit(X, y)
    assert machine.factor_.shape == (6, 5)
    np.testing.assert_allclose(machine.metric_[5], 0, atol=1e-15)


def test_the_reported_loss_is_the_training_loss():
    X, y = product(seed=8)
    for solver in ("cholesky", "cg"):
        machine = RecursiveFeatureMachine(reg=0.1, max_iter=1, solver=solver, random_state=0)
        for stage in machine.fit(X, y).history_:
            loss = np.mean((stage.evaluate(X) - y) ** 2)
            assert stage.loss == pytest.approx(loss, rel=1e-3)


def test_stops_when_the_metric_does():
    X, y = product(200, 4, seed=9)
    machine = RecursiveFeatureMachine(tol=1e-2, max_iter=30).fit(X, y)
    changes = [stage.change for stage in machine.history_]
    assert np.isnan(changes[0])
    assert changes[-1] <= 1e-2 < min(changes[1:-1])
    assert machine.n_iter_ == len(changes) - 1 < 30


def test_held_out_samples_choose_the_iteration():
    rng = np.random.default_rng(10)
    X = rng.standard_normal((150, 10))
    y = np.sum(X**2, axis=1)  # every direction matters: the metric can only get worse
    machine = RecursiveFeatureMachine(held_out=0.2, tol=0, max_iter=3, random_state=0)
    machine.fit(X, y)
    losses = [stage.held_out_loss for stage in machine.history_]
    assert machine.best_iteration_ == int(np.argmin(losses)) < machine.n_iter_ == 3
    assert len(machine.machine_.X_fit_) == 150 > len(machine.history_[0].machine.X_fit_) == 120
    again = clone(machine).fit(X, y)
    np.testing.assert_array_equal(again.predict(X[:5]), machine.predict(X[:5]))


def test_classifier_reads_labels():
    rng = np.random.default_rng(11)
    X = rng.standard_normal((160, 8))
    names = np.array(["neither", "one", "both"])
    y = names[(X[:, 0] > 0).astype(int) + (X[:, 1] > 0)]
    machine = RecursiveFeatureMachineClassifier(held_out=0.2, random_state=0).fit(X, y)
    assert machine.decision_function(X).shape == (160, 3)
    assert machine.classes_.tolist() == ["both", "neither", "one"]
    new = rng.standard_normal((300, 8))
    truth = names[(new[:, 0] > 0).astype(int) + (new[:, 1] > 0)]
    plain = RecursiveFeatureMachineClassifier(max_iter=0).fit(X, y)
    assert machine.score(new, truth) > plain.score(new, truth) + 0.05
    assert 0 <= min(stage.held_out_loss for stage in machine.history_) < 0.2
    two = RecursiveFeatureMachineClassifier().fit(X, X[:, 0] > 0)
    assert two.decision_function(new).ndim == 1
    assert two.score(new, new[:, 0] > 0) > 0.9


def test_callback_sees_the_stages_and_stops():
    X, y = product(60)
    seen = []

    def look(stage):
        seen.append((stage.iteration, stage.metric.shape))
        return stage.iteration == 2

    machine = RecursiveFeatureMachine(tol=0, callback=look).fit(X, y)
    assert seen == [(0, (6, 6)), (1, (6, 6)), (2, (6, 6))]
    assert machine.n_iter_ == 2


def test_signs_points_and_centers():
    X, y = product(160, seed=12)
    Y = np.column_stack([y, X[:, 0]])
    exact = RecursiveFeatureMachine(max_iter=2, tol=0).fit(X, Y).metric_
    for options in (
        {"outputs": "signs"},
        {"max_points": 120},
        {"solver": "falkon", "n_centers": 150},
    ):
        machine = RecursiveFeatureMachine(max_iter=2, tol=0, random_state=1, **options)
        found = machine.fit(X, Y).metric_
        assert 0.9 < np.corrcoef(found.ravel(), exact.ravel())[0, 1] < 1 - 1e-9
        np.testing.assert_array_equal(clone(machine).fit(X, Y).metric_, found)


def test_repeated_points_without_penalty():
    X, y = product(50)
    X, y = np.vstack([X, X[:10]]), np.append(y, y[:10])
    machine = RecursiveFeatureMachine(reg=0, max_iter=1, tol=0).fit(X, y)
    np.testing.assert_allclose(machine.predict(X), y, atol=1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_is_kept(dtype):
    X, y = product()
    machine = RecursiveFeatureMachine(GaussianKernel(2.0), reg=0.1).fit(X.astype(dtype), y)
    assert machine.predict(X[:3]).dtype == machine.machine_.X_fit_.dtype == dtype
    assert machine.metric_.dtype == np.float64
    double = RecursiveFeatureMachine(GaussianKernel(2.0), reg=0.1).fit(X, y)
    np.testing.assert_allclose(machine.predict(X), double.predict(X), atol=1e-2)


@pytest.mark.parametrize("y", [np.zeros(20), np.ones(20)])
def test_a_target_without_features(y):
    X = np.random.default_rng(13).standard_normal((20, 3))
    machine = RecursiveFeatureMachine().fit(X, y)
    assert np.isfinite(machine.predict(X)).all()
    if not y.any():
        assert machine.n_iter_ == 0
        np.testing.assert_array_equal(machine.metric_, np.eye(3))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"reg": -1.0}, ValueError, "reg is -1.0"),
        ({"max_iter": -1}, ValueError, "max_iter is -1"),
        ({"tol": "0"}, TypeError, "tol is str"),
        ({"outputs": "some"}, ValueError, "outputs is 'some'"),
        ({"max_points": 0}, ValueError, "max_points is 0"),
        ({"held_out": 1.0}, ValueError, r"held_out is 1\.0; expected to keep two of 60"),
        ({"held_out": -0.1}, ValueError, "held_out is -0.1"),
        ({"kernel": ArcCosineKernel()}, TypeError, "expected a LaplacianKernel, GaussianKernel"),
        ({"solver": "best"}, ValueError, "solver"),
    ],
)
def test_bad_parameters(options, error, message):
    X, y = product(60)
    with pytest.raises(error, match=message):
        RecursiveFeatureMachine(**options).fit(X, y)


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="1 class; expected labels of at least two"):
        RecursiveFeatureMachineClassifier().fit([[0.0], [1.0]], [3, 3])
