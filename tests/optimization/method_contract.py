"""What every first-order method promises; a test class a method inherits it.

A subclass says how to make the method for eigenvalues between two numbers, and writes its formula
down a second time, for one run in plain NumPy::

    class TestGradientDescent(MethodContract):
        def make(self, largest, smallest):
            return GradientDescent(1 / largest)

        def textbook(self, w, gradient, largest, smallest):
            while True:
                w = w - gradient(w) / largest
                yield w
"""

from itertools import islice

import numpy as np
import pytest

from fearless.networks.optimizer import MethodOptimizer
from fearless.optimization import least_squares_runs

N, P = 6, 15


def problem(seed=0):
    """A system with many solutions, a start, and the extreme nonzero eigenvalues of its loss."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((N, P))
    values = np.linalg.eigvalsh(X @ X.T / N)
    return X, rng.standard_normal(N), rng.standard_normal(P), values[-1], values[0]


def gradient_of(X, y):
    return lambda w: X.T @ (X @ w - y) / len(y)


def iterates(method, w, gradient, count):
    """The plain loop."""
    state, found = method.start(w), []
    for t in range(count):
        state = method.step(state, gradient(method.query(state, t)), t)
        found.append(state[0])
    return np.array(found)


class MethodContract:
    """Inherit, and write `make` and `textbook`."""

    steps = 60  # steps that bring the loss down by a factor of ten at least

    def make(self, largest, smallest):
        raise NotImplementedError

    def textbook(self, w, gradient, largest, smallest):
        raise NotImplementedError

    def test_is_its_formula(self):
        X, y, w, largest, smallest = problem()
        method, gradient = self.make(largest, smallest), gradient_of(X, y)
        expected = list(islice(self.textbook(w, gradient, largest, smallest), self.steps))
        found = iterates(method, w, gradient, self.steps)
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13)

    def test_ends_at_the_solution_nearest_to_the_start(self):
        X, y, w, largest, smallest = problem(1)
        nearest = w + np.linalg.pinv(X) @ (y - X @ w)
        run = least_squares_runs(X, y, self.make(largest, smallest), n_steps=1500, start=w)
        np.testing.assert_allclose(run.coef[0], nearest, atol=1e-11)
        assert run.distance[0, -1] < 1e-11
        few = least_squares_runs(X, y, self.make(largest, smallest), n_steps=self.steps, start=w)
        assert few.loss[0, -1] < few.loss[0, 0] / 10

    @pytest.mark.parametrize("batch_size", [None, 1, 4])
    @pytest.mark.parametrize("shape", [(N, P), (40, 10)])
    def test_the_engine_equals_a_plain_loop(self, batch_size, shape):
        """In the row space and in singular vectors; batches from the samples that it drew."""
        rng = np.random.default_rng(2)
        X, y, w = rng.standard_normal(shape), rng.standard_normal(shape[0]), rng.random(shape[1])
        norm = float(np.sum(X**2, axis=1).max())
        method = self.make(3 * norm, 0.3 * norm)
        run = least_squares_runs(
            X, y, method, n_steps=40, batch_size=batch_size, start=w, record=40, random_state=[5]
        )
        # The documented stream of a run with seed 5.
        drawn = np.random.default_rng(5).integers(
            len(X), size=(256, batch_size or 1), dtype=np.int32
        )
        state, losses, norms = method.start(w), [], []
        for t in range(41):
            losses.append(np.mean((X @ state[0] - y) ** 2) / 2)
            norms.append(np.linalg.norm(state[0]))
            rows = slice(None) if batch_size is None else drawn[t]
            step = gradient_of(X[rows], y[rows])(method.query(state, t))
            state, last = method.step(state, step, t), state[0]
        np.testing.assert_allclose(run.coef[0], last, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(run.loss[0], losses, rtol=1e-11)
        np.testing.assert_allclose(run.norm[0], norms, rtol=1e-12)

    def test_commutes_with_translations(self):
        X, y, w, largest, smallest = problem(3)
        method, v = self.make(largest, smallest), np.arange(P)
        here = iterates(method, w, gradient_of(X, y), 20)
        there = iterates(method, w + v, gradient_of(X, y + X @ v), 20)
        np.testing.assert_allclose(there, here + v, rtol=1e-11, atol=1e-11)

    def test_units_of_the_samples_do_not_matter(self):
        X, y, w, largest, smallest = problem(4)
        here = iterates(self.make(largest, smallest), w, gradient_of(X, y), 20)
        far = self.make(4 * largest, 4 * smallest)
        np.testing.assert_allclose(2 * iterates(far, w / 2, gradient_of(2 * X, y), 20), here)

    def test_runs_side_by_side_are_the_runs(self):
        """Hyperparameters with one entry a run, on coefficients whose last axis is the run."""
        X, y, w, largest, smallest = problem(5)
        singles = [self.make(c * largest, smallest) for c in (1.0, 2.0, 3.0)]
        names = singles[0].hyperparameters
        together = type(singles[0])(
            **{k: np.array([m.hyperparameters[k] for m in singles]) for k in names}
        )
        assert together.n_runs == 3
        assert singles[0].n_runs is None
        gradient = gradient_of(X, y[:, None])
        found = iterates(together, np.repeat(w[:, None], 3, axis=1), gradient, 20)
        for i, single in enumerate(singles):
            expected = iterates(single, w, gradient_of(X, y), 20)
            np.testing.assert_allclose(found[:, :, i], expected, rtol=1e-11)
            assert together.take(i).hyperparameters == pytest.approx(single.hyperparameters)
        assert singles[1].spread(4).n_runs == 4
        assert together.take(np.array([2, 0])).n_runs == 2

    def test_the_state_is_points_and_the_first_is_the_iterate(self):
        _, _, w, largest, smallest = problem(6)
        method = self.make(largest, smallest)
        state = method.start(w)
        assert state[0] is w
        for t in range(3):
            state = method.step(state, np.zeros(P), t)
            assert all(point.shape == (P,) for point in state)
            # Without a gradient a method at rest stays where it is.
            np.testing.assert_array_equal(state, np.broadcast_to(w, (len(state), P)))

    def test_trains_a_module_of_torch(self):
        torch = pytest.importorskip("torch")
        X, y, w, largest, smallest = problem(7)
        method = self.make(largest, smallest)
        model = torch.nn.Linear(P, 1, bias=False).double()
        with torch.no_grad():
            model.weight.copy_(torch.from_numpy(w))
        optimizer = MethodOptimizer(model.parameters(), method)
        inputs, targets = torch.from_numpy(X), torch.from_numpy(y)
        for _ in range(30):
            optimizer.zero_grad()
            ((model(inputs)[:, 0] - targets).square().mean() / 2).backward()
            optimizer.step()
        expected = iterates(method, w, gradient_of(X, y), 30)[-1]
        with optimizer.iterate():
            np.testing.assert_allclose(model.weight.detach()[0], expected, rtol=1e-11)

    def test_the_limit_of_its_step_size(self):
        """On the quadratic of one eigenvalue: just below it shrinks, just above it grows."""
        method = self.make(3.0, 1.0)
        limit = method.stable_step_size(3.0)
        if limit is None:
            assert "step_size" not in method.hyperparameters
            return
        for factor, grows in ((0.99, False), (1.01, True)):
            ratio = factor * limit / method.step_size
            changed = {
                k: v * ratio if k in ("step_size", "compensation") else v
                for k, v in method.hyperparameters.items()
            }
            end = iterates(type(method)(**changed), np.ones(1), lambda w: 3.0 * w, 3000)
            assert (abs(end[-1, 0]) > 1) == grows
