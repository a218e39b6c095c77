"""Many networks at once: the same numbers as one by one, whatever the company."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fearless.networks import (
    predict_numpy,
    step_decay,
    train,
    train_sweep,
    two_layer_relu,
    weight_reuse_path,
    widen,
)
from fearless.networks._ragged import RaggedStack


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Products this small only lose by being shared out."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def blobs(n=48, d=6, k=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), rng.integers(k, size=n)


def weights(model):
    return [p.detach().numpy().copy() for p in model.parameters()]


def assert_same(run, other, rtol):
    np.testing.assert_allclose(run.losses, other.losses, rtol=rtol)
    np.testing.assert_array_equal(run.errors, other.errors)
    assert (run.error, run.fitted) == (other.error, other.fitted)
    for one, two in zip(weights(run.model), weights(other.model), strict=True):
        np.testing.assert_allclose(one, two, atol=100 * rtol)


@pytest.mark.parametrize("loss", ["square", "cross-entropy"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-11), (np.float32, 2e-5)])
def test_every_network_is_what_it_would_be_alone(loss, optimizer, dtype, rtol):
    X, y = blobs()
    options = dict(
        loss=loss, optimizer=optimizer, learning_rate=0.01, batch_size=20, max_epochs=12,
        stop=None, schedule=step_decay(0.5, 4), random_state=5,
    )  # fmt: skip
    runs = train_sweep(X, y, [1, 4, 7, 300], [3, 8], dtype=dtype, **options)
    assert list(runs) == [(w, s) for w in (1, 4, 7, 300) for s in (3, 8)]
    for (width, seed), run in runs.items():
        model = two_layer_relu(6, width, 3, seed, dtype=dtype)
        assert_same(run, train(model, X, y, **options), rtol)
        assert run.model[0].weight.numpy(force=True).dtype == dtype


def test_networks_that_leave_change_nothing_for_those_that_stay():
    """Stopped at different epochs; both the stack and the optimizer's memory shrink."""
    X, y = blobs()
    for optimizer in ("adam", "sgd"):
        options = dict(
            optimizer=optimizer, learning_rate=0.02, batch_size=16, max_epochs=400, random_state=1,
            dtype=np.float64,
        )  # fmt: skip
        runs = train_sweep(X, y, [1, 24, 64], [0, 1, 2], **options)
        epochs = [run.epochs for run in runs.values()]
        assert len(set(epochs)) >= 3
        for (width, _), run in runs.items():
            assert run.fitted == (run.error == 0) == (run.epochs < 400)
            assert width == 24 or run.fitted == (width == 64)
        for key in [(24, 1), (64, 0), (1, 2)]:
            assert_same(runs[key], train_sweep(X, y, key[:1], key[1:], **options)[key], 1e-7)


@settings(max_examples=20)
@given(
    widths=st.lists(st.integers(1, 9), min_size=1, max_size=7),
    rows=st.integers(1, 6),
    outputs=st.integers(1, 3),
)
def test_gradients_by_hand_are_those_of_autograd(widths, rows, outputs):
    """Any sequence of widths, repeated ones side by side or not."""
    models = [two_layer_relu(4, w, outputs, i, dtype=np.float64) for i, w in enumerate(widths)]
    rng = np.random.default_rng(len(widths))
    x, G = (
        torch.from_numpy(rng.standard_normal(s)) for s in [(rows, 4), (len(widths), rows, outputs)]
    )
    for model in models:
        with torch.no_grad():
            model[0].bias.copy_(torch.from_numpy(rng.standard_normal(len(model[0].bias))))
    stack = RaggedStack(models)
    together = stack(x)
    stack.backward(together, G)
    gradients = [p.grad for p in stack.parameters()]
    start = 0
    for i, model in enumerate(models):
        outputs_alone = model(x)
        torch.testing.assert_close(together[i], outputs_alone.detach())
        outputs_alone.backward(G[i])
        units = slice(start, start + widths[i])
        own = [gradients[0][units], gradients[1][units], gradients[2][units].T, gradients[3][i]]
        for parameter, gradient in zip(model.parameters(), own, strict=True):
            torch.testing.assert_close(parameter.grad, gradient)
        for parameter, copy in zip(model.parameters(), stack.member(i).parameters(), strict=True):
            assert torch.equal(parameter, copy)
        start += widths[i]


def test_the_groups_of_wide_networks_see_the_same_order():
    """Several stacks, and a generator or no seed at all as the source of the order."""
    X, y = blobs(20)
    options = dict(max_epochs=2, stop=None, batch_size=5, learning_rate=0.01)
    same = dict.fromkeys([(w, 0) for w in (2, 300, 301)])
    for source in (np.random.default_rng(3), None, 7):
        start = lambda width, seed: widen(two_layer_relu(6, 2, 3, 0), width, scale=0.0)  # noqa: E731
        runs = train_sweep(X, y, [2, 300, 301], [0], initial=start, random_state=source, **options)
        assert list(runs) == list(same)
        # Units that are zero stay zero: all are the same network, if they saw the same order.
        for key in [(300, 0), (301, 0)]:
            np.testing.assert_allclose(runs[key].losses, runs[2, 0].losses, rtol=1e-5)


def test_several_real_outputs_and_a_bound_for_the_loss():
    X, _ = blobs()
    Y = np.stack([X[:, 0], X[:, 1] - X[:, 2]], axis=1)
    options = dict(learning_rate=0.01, max_epochs=300, random_state=0, stop=0.05)
    runs = train_sweep(X, Y, [1, 40, 80], [0, 1], **options)
    for (width, _), run in runs.items():
        assert run.predict(X).shape == (48, 2)
        assert run.fitted == (width > 1)
        if width > 1:
            assert run.losses[-1] <= 0.05 < run.losses[-2]
        np.testing.assert_allclose(run.errors, np.sqrt(run.losses))
    alone = train(two_layer_relu(6, 40, 2, 1), X, Y, **options)
    assert alone.epochs == runs[40, 1].epochs


def test_step_decay_takes_off_a_tenth():
    schedule = step_decay()
    assert [schedule(e) for e in (1, 500, 501, 1000, 1001)] == pytest.approx([1, 1, 0.9, 0.9, 0.81])
    # One epoch of full-batch gradient descent moves the weights in proportion to the rate.
    X, y = blobs()
    moves = []
    for factor in (1.0, 0.25):
        start = two_layer_relu(6, 5, 3, 0, dtype=np.float64)
        model = two_layer_relu(6, 5, 3, 0, dtype=np.float64)
        train(
            model, X, y, optimizer="sgd", learning_rate=0.1, batch_size=48, max_epochs=1, stop=None,
            schedule=lambda epoch, factor=factor: factor,
        )  # fmt: skip
        moves.append(weights(model)[0] - weights(start)[0])
    np.testing.assert_allclose(moves[1], 0.25 * moves[0], atol=1e-15)


def test_widening_keeps_the_old_units_and_draws_the_new():
    small = two_layer_relu(50, 4, 3, 0)
    before = weights(small)
    large = widen(small, 404, scale=0.1, random_state=1)
    for old, now in zip(before, weights(small), strict=True):
        np.testing.assert_array_equal(old, now)
    W, b, V, c = weights(large)
    np.testing.assert_array_equal(W[:4], before[0])
    np.testing.assert_array_equal(V[:, :4], before[2])
    np.testing.assert_array_equal(c, before[3])
    for new in (W[4:], b[4:], V[:, 4:]):
        # Mean and variance of that many normal numbers: z < 4.5.
        assert abs(new.mean()) < 4.5 * 0.1 / new.size**0.5
        assert abs(new.var() / 0.01 - 1) < 4.5 * (2 / new.size) ** 0.5
    X = np.random.default_rng(0).standard_normal((5, 50))
    same = widen(small, 9, scale=0.0)
    np.testing.assert_allclose(predict_numpy(same, X), predict_numpy(small, X), atol=1e-6)


def test_a_path_goes_on_from_the_narrower_network():
    X, y = blobs()
    options = dict(learning_rate=0.01, batch_size=16, max_epochs=30, stop=None, random_state=4)
    runs = weight_reuse_path(X, y, [2, 3, 8], [0, 5], dtype=np.float64, **options)
    assert list(runs) == [(w, s) for w in (2, 3, 8) for s in (0, 5)]
    first = train(two_layer_relu(6, 2, 3, 5, init="glorot", dtype=np.float64), X, y, **options)
    assert_same(runs[2, 5], first, 1e-9)
    start = widen(first.model, 3, random_state=np.random.default_rng([5, 3]))
    assert_same(runs[3, 5], train(start, X, y, **options), 1e-9)
    # With new units that do nothing, each network starts exactly where the last one ended.
    still = weight_reuse_path(X, y, [2, 8], [0], scale=0.0, **options)
    assert still[8, 0].losses[0] < still[2, 0].losses[-1] * 1.01


def test_glorot_is_uniform_with_its_variance():
    W, b, V, c = weights(two_layer_relu(300, 200, 100, 0, init="glorot"))
    for w, fans in ((W, 500), (V, 300)):
        bound = (6 / fans) ** 0.5
        assert np.abs(w).max() <= bound
        # Kurtosis 9/5: the variance of the sample variance is 4/5 of sigma^4 over the size.
        assert abs(w.var() / (2 / fans) - 1) < 4.5 * (0.8 / w.size) ** 0.5
    assert not b.any()
    assert not c.any()


def test_it_is_reproducible_and_touches_no_global_state():
    X, y = blobs()
    state = torch.get_rng_state()
    options = dict(max_epochs=3, stop=None, batch_size=10)
    runs = [
        train_sweep(X, y, [3, 5], [0, 1], random_state=s, **options)[5, 1].losses for s in (1, 1, 2)
    ]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert np.abs(runs[0] - runs[2]).max() > 1e-4
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"widths": [4, 4]}, ValueError, r"widths contains a duplicate"),
        ({"widths": [0, 4]}, ValueError, r"an entry of widths is 0"),
        ({"seeds": []}, ValueError, r"seeds is \[\]; expected at least one"),
        ({"seeds": [1, 1]}, ValueError, r"seeds is \[1, 1\]; expected .* all different"),
        ({"seeds": [-1]}, ValueError, r"an entry of seeds is -1"),
        ({"init": "zeros"}, ValueError, r"init is 'zeros'; expected one of"),
        ({"dtype": np.float16}, TypeError, r"dtype is .*; expected float32 or float64"),
        ({"initial": 3}, TypeError, r"initial is 3; expected a function"),
        ({"initial": lambda w, s: torch.nn.Linear(6, 3)}, TypeError, r"initial\(4, 0\) is Linear"),
        ({"initial": lambda w, s: two_layer_relu(6, 5, 3, 0)}, ValueError, r"\(6, 5, torch"),
        ({"initial": lambda w, s: two_layer_relu(5, 4, 3, 0)}, ValueError, r"\(5, 4, torch"),
        (
            {"initial": lambda w, s: two_layer_relu(6, 4, 3, 0, dtype=np.float64)},
            ValueError,
            r"expected \(6, 4, torch.float32\)",
        ),
        ({"initial": lambda w, s: two_layer_relu(6, 4, 2, 0)}, ValueError, r"model has 2 output"),
        ({"stop": -1.0}, ValueError, r"stop is -1.0; expected a finite number > 0"),
        ({"schedule": 0.9}, TypeError, r"schedule is 0.9; expected a function of the epoch"),
        ({"schedule": lambda epoch: 0.0}, ValueError, r"schedule\(1\) is 0.0"),
        ({"Y": np.zeros(48)}, ValueError, r"Y holds real targets"),
    ],
)
def test_bad_input_is_named(arguments, error, match):
    X, y = blobs()
    arguments = {"X": X, "Y": y, "widths": [4], "seeds": [0]} | arguments
    with pytest.raises(error, match=match):
        train_sweep(**arguments)


def test_bad_paths_and_widenings_are_named():
    X, y = blobs()
    with pytest.raises(TypeError, match=r"initial is given; expected the widths alone"):
        weight_reuse_path(X, y, [2, 3], [0], initial=lambda w, s: None)
    with pytest.raises(ValueError, match=r"width is 3; expected an integer >= 5"):
        widen(two_layer_relu(4, 5, 2, 0), 3)
    with pytest.raises(TypeError, match=r"model is Linear.*expected a network as of two_layer"):
        widen(torch.nn.Linear(4, 5), 9)
    with pytest.raises(ValueError, match=r"every is 0"):
        step_decay(every=0)
    with pytest.raises(FloatingPointError, match=r"learning_rate 1000.0 is too large"):
        train_sweep(X, y, [4, 9], [0], optimizer="sgd", learning_rate=1e3, random_state=0)
