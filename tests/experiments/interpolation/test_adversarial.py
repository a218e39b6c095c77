"""The claims of *Adversarial examples are the price* on synthetic data, with other seeds."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from fearless.book.claims import check_claim
from fearless.experiments.interpolation.adversarial import (
    basin_shares,
    mislabeled_distances,
    odd,
    raisin_bread,
)
from fearless.experiments.interpolation.adversarial_radii import RULES, radius_study
from fearless.experiments.interpolation.attacks import certified_radius, first_flip, walk_distance
from fearless.experiments.interpolation.noisy_samples import (
    NoisySample,
    ball_sample,
    strip_sample,
    wavy_rule,
    wavy_sample,
)
from fearless.experiments.interpolation.voronoi import nearest_other_label
from fearless.theory.adversarial import mislabeled_distance, wrong_vote_probability


@pytest.fixture(scope="module", params=[51, 52])
def study(request):
    return radius_study([100, 640, 4000], 0.1, n_seeds=6, n_points=1000, random_state=request.param)


@pytest.mark.parametrize(("rate", "seed"), [(0.1, 53), (0.4, 54)])
def test_nearest_wrong_label(rate, seed):
    dims, sizes = [1, 2, 4, 10], [600, 3000]
    distances = mislabeled_distances(dims, sizes, rate, n_repeats=100, random_state=seed)
    check_claim(
        "adversarial-nearest-wrong-label",
        distances.mean(axis=2),
        [[mislabeled_distance(n, d, rate) for n in sizes] for d in dims],
        stderr=distances.std(axis=2, ddof=1) / 10,
    )


@pytest.mark.parametrize(
    ("d", "k", "rate", "seed"), [(1, 5, 0.2, 55), (2, 4, 0.1, 56), (5, 7, 0.3, 57)]
)
def test_measure_of_the_basins(d, k, rate, seed):
    shares = basin_shares(500, d, k, rate, n_repeats=200, n_points=200, random_state=seed)
    check_claim(
        "adversarial-basin-measure",
        shares.mean(),
        wrong_vote_probability(k, rate),
        stderr=shares.std(ddof=1) / np.sqrt(len(shares)),
    )


def test_walks_end_at_the_nearest_wrong_label_at_the_latest(study):
    check_claim("adversarial-walks-end-in-time", study.longest_walk, 1 + 1e-12)
    for rule in RULES[:3]:
        assert np.all(study.distance[rule] <= study.distance["mislabeled"] * (1 + 1e-12))


def test_wrong_answers_are_dense_and_negligible(study):
    falls = []
    for table in (study.measure, study.distance):
        mean = table["interpolating"].mean(axis=0)
        falls.append(mean[-1] / mean[0])
    check_claim("adversarial-dense-and-negligible", falls, 1 / 3)
    # Not so the measure of 1-NN, which stays at the noise rate.
    last = study.measure["nearest"][:, -1]
    assert abs(last.mean() - 0.1) < 4 * last.std(ddof=1) / np.sqrt(len(last))


def test_majority_keeps_away(study):
    ratio = study.distance["majority"][:, -1] / study.distance["interpolating"][:, -1]
    check_claim("adversarial-majority-keeps-away", ratio.min(), 1)


@pytest.mark.parametrize(("gap", "seed"), [(0.1, 58), (0.4, 59)])
def test_no_adversarial_examples_without_noise(gap, seed):
    sample = strip_sample(300, gap, random_state=seed)
    queries = strip_sample(50, gap, random_state=seed + 100)
    nearest = np.linalg.norm(queries.X[:, None] - sample.X, axis=2).min(axis=1)
    distance, _ = nearest_other_label(sample.X, sample.y, queries.X)
    slack = distance - (gap - nearest) / 2
    check_claim("adversarial-none-without-noise", slack.min(), 0)
    # The same points with noise have them.
    noisy = strip_sample(300, gap, 0.1, random_state=seed)
    distance, _ = nearest_other_label(noisy.X, noisy.y, queries.X)
    assert np.min(distance - (gap - nearest) / 2) < 0


@pytest.mark.parametrize("k", [1, 3, 9])
def test_nothing_is_wrong_within_the_certified_radius(k):
    rng = np.random.default_rng(60)
    sample = ball_sample(400, 2, 0.15, rng)
    queries = 0.4 * rng.standard_normal((20, 2)).clip(-1, 1)
    radius = certified_radius(sample, queries, k)
    assert np.any(radius > 0)
    model = KNeighborsClassifier(k).fit(sample.X, sample.y)
    angles = rng.uniform(0, 2 * np.pi, (2000, 1))
    circle = np.sqrt(rng.random((2000, 1))) * np.hstack([np.cos(angles), np.sin(angles)])
    for x, rho in zip(queries, radius, strict=True):
        if rho > 0:
            assert np.all(model.predict(x + 0.999 * rho * circle) == 0)
    if k == 1:
        right = model.predict(queries) == 0
        exact, _ = nearest_other_label(sample.X, sample.y, queries[right])
        assert np.all(radius[right] <= exact + 1e-12)


def test_too_few_wrong_labels_cannot_win():
    sample = ball_sample(50, 2, 0.0, 61)
    assert np.isinf(certified_radius(sample, np.zeros((1, 2)), 5)).all()


def test_first_flip_finds_the_first_change():
    starts, ends = np.zeros((3, 1)), np.array([[1.0], [2.0], [0.1]])
    shares = first_flip(
        lambda Z: (Z[:, 0] > 0.3).astype(int), starts, ends, np.zeros(3, int), n_halvings=40
    )
    np.testing.assert_allclose(shares[:2], [0.3, 0.15], rtol=1e-10)
    assert np.isnan(shares[2])
    # Two changes: the first one counts, and the label there does differ.
    band = lambda Z: ((Z[:, 0] > 0.2) & (Z[:, 0] < 0.4)).astype(int)  # noqa: E731
    share = first_flip(band, starts[:1], ends[:1], np.zeros(1, int), n_steps=20)
    assert share[0] == pytest.approx(0.2, abs=1e-6)
    assert band(share[:, None] * ends[:1]) == 1


def test_walks_stay_within_the_class_of_the_query():
    sample = NoisySample(
        np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1]), np.array([0, 1, 1, 0])
    )
    predict = KNeighborsClassifier(1).fit(sample.X, sample.y).predict
    queries = np.array([[0.1], [2.1]])
    distance, point = walk_distance(predict, queries, sample)
    np.testing.assert_allclose(distance, [0.4, 0.4], atol=1e-5)
    np.testing.assert_allclose(point[:, 0], [0.5, 2.5], atol=1e-5)


def test_raisin_bread():
    sample = wavy_sample(400, 0.1, 62)
    assert abs(sample.wrong.mean() - 0.1) < 4 * np.sqrt(0.09 / 400)
    bread = raisin_bread(sample.first(300), 5, query=(0.2, 0.25), resolution=60)
    assert bread.clean.shape == bread.majority.shape == (60, 60)
    # Rows go up, columns to the right.
    assert bread.clean[-1].all()
    assert not bread.clean[0].any()
    assert wavy_rule(np.array([[0.2, 0.25]]))[0] == 0
    assert 0 < bread.share("majority") < bread.share("interpolating") < 0.2
    wrong = bread.sample.X[bread.sample.wrong]
    assert np.linalg.norm(bread.end - bread.query) <= np.linalg.norm(
        wrong[bread.sample.clean[bread.sample.wrong] == 0] - bread.query, axis=1
    ).min() * (1 + 1e-12)
    with pytest.raises(ValueError, match="rule"):
        bread.share("clean")


@pytest.mark.parametrize(("value", "expected"), [(0.3, 1), (1, 1), (2.9, 1), (3, 3), (8.2, 7)])
def test_odd(value, expected):
    assert odd(value) == expected


@pytest.mark.parametrize("draw", [wavy_sample, lambda n, q, s: ball_sample(n, 3, q, s)])
def test_samples_are_reproducible_and_refuse_too_much_noise(draw):
    np.testing.assert_array_equal(draw(50, 0.2, 63).y, draw(50, 0.2, 63).y)
    assert not draw(50, 0.0, 63).wrong.any()
    with pytest.raises(ValueError, match="expected at most 1/2"):
        draw(50, 0.7, 63)


def test_a_study_needs_wrong_labels():
    with pytest.raises(ValueError, match="no label"):
        radius_study([20], 0.0, n_seeds=1)
