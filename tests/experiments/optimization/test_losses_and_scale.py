"""The claims of *Losses and scale*, with other seeds, and what its experiments promise."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from fearless.book.claims import check_claim
from fearless.data import load_mnist
from fearless.experiments.optimization.equilibrium import (
    equilibrium_sweep,
    relaxation_times,
    sphere_runs,
)
from fearless.experiments.optimization.loss_curves import loss_curves
from fearless.experiments.optimization.losses import LossComparison, compare_losses
from fearless.experiments.optimization.normalized_digits import (
    SCHEDULES,
    noiseless_run,
    schedule_runs,
)
from fearless.experiments.stored import load_run, two_losses

ETAS = np.array([0.2, 5.0])


def test_the_gradient_of_cross_entropy_is_at_most_its_loss():
    curves = loss_curves(load_mnist(classes=(3, 8)), n_steps=3000, n_draws=2, random_state=7)
    assert curves.gradient_ratio.max() < 1
    # One falls like one over t, the other is gone.
    check_claim("losses-crossentropy-slope", curves.exponent, -1)
    assert (curves.square[:, -1] < 1e-4).all()


def test_cross_entropy_is_that_of_gradient_descent_on_the_weights():
    """In the weights of the features, not in the outputs as the experiment has it."""
    from fearless.features import RandomReLUFeatures

    data = load_mnist(classes=(3, 8))
    curves = loss_curves(data, n_train=8, n_features=30, n_steps=40, n_draws=1, random_state=5)
    rng = np.random.default_rng((5, 0))
    rows = rng.permutation(len(data.X_train))[:8]
    Phi = RandomReLUFeatures(30, random_state=rng).fit_transform(data.X_train[rows])
    Phi /= np.linalg.norm(Phi, axis=1).max()  # B = 1
    y = np.where(data.y_train[rows] == 8, 1.0, -1.0)
    eta = 4 * 8 / np.linalg.norm(Phi, 2) ** 2
    w, losses, ratios = np.zeros(30), [], []
    for _ in range(41):
        u = y * (Phi @ w)
        gradient = -Phi.T @ (y / (1 + np.exp(u))) / 8
        losses.append(np.log1p(np.exp(-u)).mean())
        ratios.append(np.linalg.norm(gradient) / losses[-1])
        w -= eta * gradient
    np.testing.assert_allclose(curves.cross_entropy[0], np.array(losses)[curves.steps], rtol=1e-9)
    np.testing.assert_allclose(curves.gradient_ratio[0], np.array(ratios)[curves.steps], rtol=1e-9)


def test_the_square_loss_is_that_of_a_plain_run():
    data = load_mnist(classes=(3, 8))
    curves = loss_curves(data, n_train=10, n_features=40, n_steps=20, n_draws=1, random_state=3)
    again = loss_curves(data, n_train=10, n_features=40, n_steps=20, n_draws=1, random_state=3)
    np.testing.assert_array_equal(curves.square, again.square)
    assert (np.diff(curves.square) <= 0).all()
    assert (curves.cross_entropy[:, 0] == np.log(2)).all()
    rate = np.diff(np.log(curves.square[0])) / np.diff(curves.steps)
    assert (rate <= 0).all()


def test_intervals_and_choices_of_the_comparison():
    validation = np.array([[[0.2, 0.1], [0.3, 0.4]], [[0.1, 0.1], [0.2, 0.1]]])
    test = np.array([[[0.21, 0.12], [0.33, 0.44]], [[0.10, 0.50], [0.2, 0.15]]])
    result = LossComparison("digits", np.array([0.1, 1]), test, validation, test)
    assert result.chosen.tolist() == [[1, 0], [0, 1]]
    np.testing.assert_allclose(result.tuned, [[0.12, 0.33], [0.10, 0.15]])
    np.testing.assert_allclose(result.difference, [0.02, 0.18])
    reach = 12.706205 * 0.16 / np.sqrt(2) / np.sqrt(2)  # Student's t with one degree of freedom
    np.testing.assert_allclose(result.interval(), [0.1 - reach, 0.1 + reach], rtol=1e-6)


def test_bad_tasks():
    options = {"n_train": 1700, "n_validation": 100, "n_test": 100, "n_draws": 1}
    with pytest.raises(ValueError, match="digits has 1797 samples; expected at least 1900"):
        compare_losses("digits", **options)
    with pytest.raises(ValueError, match="task"):
        compare_losses("cats", **options)


def test_the_stored_comparison_is_the_full_protocol_and_made_by_its_script():
    run = load_run("two_losses")
    assert run.settings == two_losses.SETTINGS
    source = Path(two_losses.__file__).read_bytes()
    assert run.provenance["script_sha256"] == hashlib.sha256(source).hexdigest()
    tasks = two_losses.comparisons(run, output_scale=0.1)
    gaps = [abs(task.difference[:5].mean()) for task in tasks.values()]
    check_claim("losses-two-points", gaps, 0.02)


@pytest.mark.slow
def test_a_thin_slice_of_the_comparison_agrees_and_other_seeds_say_the_same():
    run = load_run("two_losses")
    options = {key: run.settings[key] for key in ("width", "epochs")}
    sizes = run.settings["tasks"]["digits"]
    steps = run.settings["step_sizes"]
    again = compare_losses(
        "digits", **sizes, **options, n_draws=1, step_sizes=steps[3:], output_scale=0.1
    )
    stored = two_losses.comparisons(run, 0.1)["digits"].test_error[:, :1, 3:]
    np.testing.assert_allclose(again.test_error, stored, atol=3 / sizes["n_test"])
    other = compare_losses(
        "digits", **sizes, **options, n_draws=3, step_sizes=steps[1:4], output_scale=0.1,
        random_state=5,
    )  # fmt: skip
    check_claim("losses-two-points", abs(other.difference.mean()), 0.02)


def test_equal_products_and_ratios_take_the_same_path():
    runs = sphere_runs(
        ETAS, 0.004 / ETAS, n_steps=500, n_seeds=3, start=ETAS**0.5, same_noise=True, random_state=4
    )
    np.testing.assert_allclose(runs.loss[1], runs.loss[0], atol=1e-10)
    np.testing.assert_allclose(runs.norm[1] / runs.norm[0], 5, rtol=1e-12)


def test_the_length_follows_its_recursion():
    runs = sphere_runs(ETAS, 0.01 / ETAS, n_steps=400, n_seeds=40, random_state=2)
    ratio = runs.norm.mean(axis=1) / runs.predicted_norm
    np.testing.assert_allclose(ratio, 1, atol=0.06)
    assert runs.norm.shape == (2, 40, len(runs.steps))


@pytest.mark.slow
def test_the_loss_in_equilibrium():
    sweep = equilibrium_sweep([5e-4, 2e-3, 8e-3], ETAS, n_seeds=12, random_state=9)
    pooled = sweep.loss.reshape(-1, 3)
    check_claim(
        "scale-equilibrium-loss",
        pooled.mean(axis=0),
        sweep.predicted_loss(sweep.rates),
        stderr=pooled.std(axis=0, ddof=1) / len(pooled) ** 0.5,
    )
    np.testing.assert_allclose(sweep.norm.mean(axis=1), sweep.predicted_norm, rtol=0.01)


def test_the_time_constant():
    rates = np.array([0.002, 0.02])
    from fearless.theory.rates.scale_invariant import relaxation_time

    check_claim("scale-time", relaxation_times(rates, random_state=8), relaxation_time(rates))


def test_the_mean_angle_is_fixed_by_the_product():
    runs = schedule_runs(n_steps=100, n_seeds=1, random_state=3)
    check_claim("scale-mean-angle", runs.turning, runs.log_decay[:, None])
    assert runs.names == tuple(SCHEDULES)
    np.testing.assert_allclose(runs.end_step * runs.end_decay, 1e-3)


def test_schedules_and_starts_that_are_not_as_described():
    with pytest.raises(ValueError, match=r"schedules\['a'\] ends at 0.5; expected 1"):
        schedule_runs({"a": [(0.5, 0.1, 0.1)]}, n_steps=4, n_seeds=1)
    with pytest.raises(ValueError, match="start"):
        sphere_runs([1.0], [0.1], n_steps=3, start=0.0)
    with pytest.raises(ValueError, match=r"rates: expected at most 0\.1, found 0\.4"):
        relaxation_times([0.4])
    with pytest.raises(ValueError, match="excess is 1; expected more than 1"):
        relaxation_times([0.01], excess=1.0)


@pytest.mark.slow
def test_schedules_with_one_product_end_alike_and_only_without_a_scale():
    names = ("constant", "cold start")
    schedules = {name: SCHEDULES[name] for name in names}
    runs = schedule_runs(schedules, n_steps=2000, n_seeds=4, random_state=11)
    gap, error = runs.differences(runs.late_mean(runs.loss))
    check_claim("scale-schedules", gap, 0, stderr=error)
    check_claim("scale-equilibrium-norm", runs.settled_norm, runs.predicted_norm)
    schedules = {name: SCHEDULES[name] for name in ("small steps", "cold start")}
    # The same decay as a constant step of 0.4, and twice the steps: what moves the end is decay.
    for eta in (0.4, 0.8):
        schedules[f"decay of constant, {eta}"] = [(1.0, eta, 1e-3 / 0.4)]
    plain = schedule_runs(schedules, normalize=False, n_steps=1600, n_seeds=2, random_state=12)
    loss = plain.late_mean(plain.loss).mean(axis=1)
    check_claim("scale-ordinary", loss[:2].max() / loss[:2].min(), 2)
    assert abs(np.log(loss[3] / loss[2])) < 0.25 < np.log(loss[3] / loss[1])


@pytest.mark.slow
def test_without_noise_there_is_no_rest():
    run = noiseless_run(n_steps=2000, random_state=4)
    check_claim("scale-no-rest", run.leap, 10)
    np.testing.assert_allclose(run.turning, np.log(1 - run.rate), rtol=1e-3)


@pytest.mark.slow
def test_before_it_leaps_the_sharpness_has_passed_two_over_the_step_size():
    torch = pytest.importorskip("torch")
    from fearless.experiments._threads import one_thread
    from fearless.experiments.optimization.normalized_digits import _digits
    from fearless.networks.scale_invariant import NormalizedNetworks, train_with_decay

    X, y, *_ = _digits(100)
    networks = NormalizedNetworks(64, 32, 10, norm=2.0, random_state=2)
    options = {"step_size": 0.4, "weight_decay": 1e-3 / 0.4, "batch_size": None, "record": 20}
    x, labels = torch.tensor(X, dtype=torch.float32), torch.tensor(y)

    def sharpness():
        loss = torch.nn.functional.cross_entropy(networks(x)[0], labels)
        weights = networks.layers
        gradient = torch.autograd.grad(loss, weights, create_graph=True)
        v = [torch.randn(w.shape, generator=torch.Generator().manual_seed(0)) for w in weights]
        for _ in range(40):
            length = sum((a**2).sum() for a in v).sqrt()
            inner = sum((g * a / length).sum() for g, a in zip(gradient, v, strict=True))
            v = torch.autograd.grad(inner, weights, retain_graph=True)
        return sum((a**2).sum() for a in v).sqrt().item()

    with one_thread():
        train_with_decay(networks, X, y, X, y, n_steps=300, **options)
        seen = [0.4 * sharpness()]
        for _ in range(100):
            run = train_with_decay(networks, X, y, X, y, n_steps=20, **options)
            if run.loss[0, -1] > 10 * run.loss[0, 0]:
                break
            seen.append(0.4 * sharpness())
    assert seen[0] < 0.5
    assert 2 < max(seen) < 4
    assert len(seen) < 100
