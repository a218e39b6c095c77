"""Preconditioners: what they approximate, exactly; and what that does to a spectrum."""

import tracemalloc

import numpy as np
import pytest
from kernel_solver_contract import IndefiniteKernel
from scipy.linalg import eigvalsh
from scipy.stats import chi2

from fearless.data import load_mnist
from fearless.kernels import GaussianKernel, LaplacianKernel
from fearless.linalg import NotPositiveDefiniteError
from fearless.solvers._pivots import greedy_pivots, random_pivots
from fearless.solvers.preconditioners import (
    PIVOT_RULES,
    LowRankPreconditioner,
    default_rank,
    low_rank_preconditioner,
)
from fearless.solvers.system import KernelSystem


def cloud(seed=0, n=150, d=3, reg=0.1, dtype=np.float64, kernel=None):
    X = np.random.default_rng(seed).standard_normal((n, d)).astype(dtype)
    return KernelSystem(kernel or LaplacianKernel(2.0), X, X[:, :1], reg)


def spikes(n=200, lonely=6):
    """Points that nearly coincide, and a few far from everything."""
    rng = np.random.default_rng(5)
    X = 0.05 * rng.standard_normal((n, 3))
    X[:lonely] += 10 * np.arange(1, lonely + 1)[:, None]
    return KernelSystem(GaussianKernel(1.0), X, X[:, 0], 1e-3)


class TestWhatIsApproximated:
    @pytest.mark.parametrize("rule", PIVOT_RULES)
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_low_rank_plus_diagonal(self, rule, dtype):
        """P = K_XS K_SS^-1 K_SX + D, by dense algebra."""
        system = cloud(dtype=dtype)
        P = low_rank_preconditioner(system, 30, pivots=rule, random_state=1)
        K = system.kernel(system.X.astype(float))
        S = P.pivots
        low = K[:, S] @ np.linalg.solve(K[np.ix_(S, S)], K[S])
        eps = np.finfo(dtype).eps
        np.testing.assert_allclose(P.matrix(), low + np.diag(P.shift.astype(float)), atol=1e4 * eps)
        assert P.rank == 30
        assert len(set(S.tolist())) == 30

    def test_the_diagonal_of_the_system_is_kept(self):
        """diag P = diag (K + reg I) but at points explained to more than a tenth of the mean."""
        system = cloud()
        P = low_rank_preconditioner(system, 20, random_state=0)
        diagonal, remaining = P.matrix().diagonal(), P.shift - system.reg
        kept = remaining > 0.1 * remaining.mean() * 1.0001
        assert kept.sum() > 100
        np.testing.assert_allclose(diagonal[kept], 1 + system.reg, rtol=1e-10)
        assert np.all(diagonal >= 1 + system.reg - 1e-10)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_apply_is_the_inverse(self, dtype):
        system = cloud(dtype=dtype)
        P = low_rank_preconditioner(system, 40, random_state=2)
        R = np.random.default_rng(3).standard_normal((150, 4)).astype(dtype)
        before = R.copy()
        found = P.apply(R)
        assert found.dtype == dtype
        np.testing.assert_array_equal(R, before)
        expected = np.linalg.solve(P.matrix(), R.astype(float))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e4 * np.finfo(dtype).eps)

    def test_all_columns_give_the_system_itself(self):
        system = cloud(n=60)
        P = low_rank_preconditioner(system, 60, random_state=0)
        np.testing.assert_allclose(P.eigenvalues(system), 1, atol=1e-8)

    def test_eigenvalues_are_those_of_the_quotient(self):
        system = cloud(n=80)
        P = low_rank_preconditioner(system, 10, random_state=0)
        K = system.kernel(system.X) + system.reg * np.eye(80)
        direct = np.sort(np.linalg.eigvals(np.linalg.solve(P.matrix(), K)).real)[::-1]
        np.testing.assert_allclose(P.eigenvalues(system), direct, rtol=1e-8)
        assert P.condition(system) == pytest.approx(direct[0] / direct[-1])

    def test_memory_and_stored_matrix_do_not_change_it(self):
        free, stored = cloud(), cloud()
        stored.matrix()
        one = low_rank_preconditioner(free, 25, random_state=4)
        two = low_rank_preconditioner(stored, 25, random_state=4)
        np.testing.assert_array_equal(one.pivots, two.pivots)
        np.testing.assert_allclose(one.matrix(), two.matrix(), atol=1e-12)
        assert free.kernel_values <= 150 * 26

    def test_given_pivots(self):
        system = cloud()
        one = low_rank_preconditioner(system, 12, random_state=7)
        two = low_rank_preconditioner(system, pivots=one.pivots)
        np.testing.assert_array_equal(one.matrix(), two.matrix())
        assert two.rule == "given"


class TestSpectra:
    @pytest.mark.slow
    def test_digits_lose_their_large_eigenvalues(self):
        data = load_mnist(n_train=300, n_test=10, random_state=11)
        system = KernelSystem(LaplacianKernel(10.0), data.X_train, data.X_train[:, :1])
        K = system.kernel(system.X)
        plain = np.linalg.cond(K)
        before = plain
        for rank in (10, 30, 100):
            after = low_rank_preconditioner(system, rank, random_state=0).condition(system)
            assert after < before / 1.5
            before = after
        assert after < plain / 40

    def test_a_spectrum_of_one_scale_is_left_alone(self):
        """Far points: K is nearly the identity, and so must be P."""
        X = 50 * np.random.default_rng(0).standard_normal((80, 5))
        system = KernelSystem(GaussianKernel(1.0), X, X[:, 0])
        P = low_rank_preconditioner(system, 10, random_state=0)
        assert P.condition(system) < 12  # the chosen points carry 1 + 0.1 of the mean diagonal

    def test_random_pivots_find_lonely_points(self):
        """A uniform subsample misses points far from all others; a weighted one does not."""
        system = spikes()
        found = [random_pivots(system, 12, np.random.default_rng(s)) for s in range(5)]
        assert all(set(range(6)) <= set(pivots.tolist()) for pivots in found)
        greedy = greedy_pivots(system, 8)
        assert set(range(6)) <= set(greedy.tolist())


class TestPivots:
    def test_greedy_is_cholesky_with_complete_pivoting(self):
        system = cloud(n=60)
        K = system.kernel(system.X)
        expected = []
        for _ in range(15):
            j = int(np.argmax(K.diagonal() - 10.0 * np.isin(np.arange(60), expected)))
            expected.append(j)
            K = K - np.outer(K[:, j], K[:, j]) / K[j, j]
        np.testing.assert_array_equal(greedy_pivots(system, 15), expected)

    @pytest.mark.slow
    def test_the_law_of_random_pivots(self):
        """Pairs of pivots against the definition, one at a time; chi-squared at level 1e-4."""
        X = np.array([[0.0], [0.4], [0.9], [2.0], [2.6]])
        system = KernelSystem(GaussianKernel(0.7), X, X[:, 0])
        K = system.kernel(X)
        law = np.zeros((5, 5))
        for i in range(5):
            rest = K.diagonal() - K[:, i] ** 2 / K[i, i]
            law[i] = K[i, i] / K.trace() * np.maximum(rest, 0) / rest.sum()
        rng = np.random.default_rng(1)
        n_draws, counts = 1000, np.zeros((5, 5))
        for _ in range(n_draws):
            i, j = random_pivots(system, 2, rng)
            counts[i, j] += 1
        off = ~np.eye(5, dtype=bool)
        statistic = (((counts - n_draws * law) ** 2)[off] / (n_draws * law[off])).sum()
        assert counts.trace() == 0
        assert statistic < chi2.ppf(1 - 1e-4, 19)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_they_stop_at_the_rank_of_the_matrix(self, dtype):
        X = np.repeat(np.random.default_rng(0).standard_normal((7, 2)), 6, axis=0).astype(dtype)
        system = KernelSystem(LaplacianKernel(1.0), X, X[:, 0], 0.1)
        for pivots in (
            random_pivots(system, 30, np.random.default_rng(2)),
            greedy_pivots(system, 30),
        ):
            assert sorted((pivots // 6).tolist()) == list(range(7))

    def test_random_pivots_are_distinct_to_the_end_of_the_rank(self):
        """Where only rounding errors remain, a candidate may be proposed twice in a round."""
        X = np.linspace(0, 1, 60)[:, None]
        system = KernelSystem(GaussianKernel(0.5), X, X)
        for seed in range(20):
            pivots = random_pivots(system, 60, np.random.default_rng(seed))
            assert len(set(pivots.tolist())) == len(pivots)

    @pytest.mark.parametrize("rule", PIVOT_RULES)
    def test_duplicates_are_no_obstacle(self, rule):
        X = np.repeat(np.random.default_rng(0).standard_normal((10, 2)), 8, axis=0)
        system = KernelSystem(LaplacianKernel(1.0), X, X[:, 0], 0.1)
        P = low_rank_preconditioner(system, 40, pivots=rule, random_state=0)
        assert P.condition(system) < 1.2


class TestBadInput:
    @pytest.mark.parametrize(
        ("kwargs", "error", "match"),
        [
            ({"rank": 0}, ValueError, "rank is 0"),
            ({"rank": 151}, ValueError, "rank is 151"),
            ({"rank": 2.0}, TypeError, "rank is float"),
            ({"pivots": "best"}, ValueError, "pivots is 'best'"),
            ({"pivots": np.array([0, 0])}, ValueError, "pivots must be distinct"),
            ({"pivots": np.array([150])}, ValueError, "pivots must be distinct"),
            ({"pivots": np.array([0.5])}, ValueError, "pivots has shape"),
            ({"random_state": "x"}, TypeError, "random_state"),
        ],
    )
    def test_is_named(self, kwargs, error, match):
        with pytest.raises(error, match=match):
            low_rank_preconditioner(cloud(), **kwargs)

    def test_an_indefinite_kernel_is_refused(self):
        system = cloud(kernel=IndefiniteKernel(), reg=0.0)
        with pytest.raises(NotPositiveDefiniteError):
            low_rank_preconditioner(system, 20, random_state=0)

    def test_a_default_rank_is_between_one_and_n(self):
        for n in (1, 5, 100, 10_000, 10**6):
            for stored in (True, False):
                assert 1 <= default_rank(n, 784, stored=stored) <= min(n, 2000)
        assert default_rank(10_000, 784, stored=False) > default_rank(10_000, 784, stored=True)


@pytest.mark.slow
def test_it_takes_the_memory_it_says():
    system = cloud(n=3000, d=8)
    needed = LowRankPreconditioner.memory(3000, 300, np.dtype(float))
    tracemalloc.start()
    low_rank_preconditioner(system, 300, random_state=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0.5 * needed < peak <= 1.1 * needed + 6 * 2**20


def test_interlacing_with_the_kernel():
    """F F^T <= K: what remains is positive semi-definite, whatever the pivots."""
    system = cloud(n=100)
    for rule in PIVOT_RULES:
        P = low_rank_preconditioner(system, 20, pivots=rule, random_state=3)
        low = P.matrix() - np.diag(P.shift)
        assert eigvalsh(system.kernel(system.X) - low).min() > -1e-10
