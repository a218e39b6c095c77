"""Networks and their training: gradients by hand, stacks against single runs, honest reports."""

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning

import fearless.networks as networks
from fearless.data import flip_labels, load_mnist
from fearless.networks import predict_numpy, train, train_stack, two_layer_relu


def blobs(n=60, d=8, k=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), rng.integers(k, size=n)


def weights(model):
    return [p.detach().numpy().copy() for p in model.parameters()]


def test_two_layer_relu_is_drawn_from_its_seed_alone():
    state = torch.get_rng_state()
    model, again, other = (two_layer_relu(400, 300, 200, s) for s in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), state)
    for mine, same in zip(weights(model), weights(again), strict=True):
        np.testing.assert_array_equal(mine, same)
    assert not torch.equal(model[0].weight, other[0].weight)
    # Variances 2 / fan_in, of 120,000 and 60,000 normal numbers: z < 5.
    for layer, fan_in in ((model[0], 400), (model[2], 300)):
        w = layer.weight.detach().numpy()
        ratio = w.var() / (2 / fan_in)
        assert abs(ratio - 1) < 5 * np.sqrt(2 / w.size)
        assert not layer.bias.any()


def test_predict_numpy_is_the_formula():
    X = blobs()[0]
    model = two_layer_relu(8, 16, 3, random_state=0)
    with torch.no_grad():
        model[0].bias.normal_(generator=torch.Generator().manual_seed(0))
    W, b, V, c = weights(model)
    outputs = predict_numpy(model, X)
    assert isinstance(outputs, np.ndarray)
    assert outputs.dtype == np.float32
    np.testing.assert_allclose(outputs, np.maximum(X @ W.T + b, 0) @ V.T + c, atol=1e-5)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("loss", ["square", "cross-entropy"])
def test_gradient_descent_by_hand(loss, momentum):
    """Three full-batch steps, with the gradients written out in NumPy float64."""
    X, y = blobs()
    model = two_layer_relu(8, 16, 3, random_state=1)
    W, b, V, c = (p.astype(float) for p in weights(model))
    rate, T = 0.05, np.eye(3)[y]
    velocity, history = [0.0] * 4, []
    for _ in range(3):
        H = np.maximum(X @ W.T + b, 0)
        F = H @ V.T + c
        if loss == "square":
            history.append(((F - T) ** 2).sum(1).mean())
            G = 2 * (F - T) / len(X)
        else:
            P = np.exp(F) / np.exp(F).sum(1, keepdims=True)
            history.append(-np.log(P[np.arange(len(X)), y]).mean())
            G = (P - T) / len(X)
        D = (G @ V) * (H > 0)
        for i, g in enumerate((D.T @ X, D.sum(0), G.T @ H, G.sum(0))):
            velocity[i] = momentum * velocity[i] + g
        W, b, V, c = (p - rate * v for p, v in zip((W, b, V, c), velocity, strict=True))
    run = train(
        model, X, y, loss=loss, optimizer="sgd", momentum=momentum, learning_rate=rate,
        batch_size=1000, max_epochs=3, stop=None, random_state=0,
    )  # fmt: skip
    np.testing.assert_allclose(run.losses, history, rtol=1e-5)
    for mine, expected in zip(weights(run.model), (W, b, V, c), strict=True):
        np.testing.assert_allclose(mine, expected, atol=1e-5)
    assert run.epochs == 3


@pytest.mark.parametrize(("optimizer", "rate", "atol"), [("sgd", 0.01, 1e-5), ("adam", 1e-3, 1e-4)])
def test_a_stack_of_one_is_the_plain_run(optimizer, rate, atol):
    X, y = blobs()
    options = dict(
        optimizer=optimizer, learning_rate=rate, batch_size=16, max_epochs=5, stop=None,
        random_state=6,
    )  # fmt: skip
    plain = train(two_layer_relu(8, 32, 3, 6), X, y, **options)
    (stacked,) = train_stack(X, y[None], 32, **options)
    for one, other in zip(weights(plain.model), weights(stacked.model), strict=True):
        np.testing.assert_allclose(one, other, atol=atol)
    np.testing.assert_allclose(plain.losses, stacked.losses, rtol=1e-4)
    np.testing.assert_array_equal(plain.predict(X), stacked.predict(X))


def test_members_do_not_see_each_other():
    """Members that stop at different epochs, so that the stack shrinks, equal their own runs."""
    X, y = blobs(40)
    labels = np.stack([y, (y + 1) % 3, np.random.default_rng(1).permutation(y)])

    def stop_at(epochs):
        calls = iter(epochs)
        return lambda epoch, loss, error: epoch == next(calls)

    # Asked after every epoch for every member still there: epochs 2, 4 and 3 are their last.
    ends = iter([(0, 0, 0), (2, 0, 0), (0, 3), (4,)])
    flat = [e for group in ends for e in group]
    options = dict(optimizer="adam", batch_size=10, learning_rate=1e-3, random_state=2)
    runs = train_stack(X, labels, 24, stop=stop_at(flat), max_epochs=9, **options)
    assert [run.epochs for run in runs] == [2, 4, 3]
    for run, own in zip(runs, labels, strict=True):
        alone = train(
            two_layer_relu(8, 24, 3, 2), X, own, stop=None, max_epochs=run.epochs, **options
        )
        np.testing.assert_allclose(run.losses, alone.losses, rtol=1e-4)
        np.testing.assert_allclose(run.errors, alone.errors)
        for one, other in zip(weights(run.model), weights(alone.model), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-4)


@pytest.mark.parametrize("loss", ["square", "cross-entropy"])
def test_stops_when_fitted_noisy_labels_too(loss):
    data = load_mnist(120, 50, dtype=np.float32)
    labels = np.stack(
        [flip_labels(data.y_train, rate, data.classes, random_state=3) for rate in (0, 0.5, 1)]
    )
    runs = train_stack(
        data.X_train, labels, 256, loss=loss, batch_size=20, learning_rate=2e-3, random_state=3
    )
    for run, own in zip(runs, labels, strict=True):
        assert run.fitted
        assert run.error == 0
        np.testing.assert_array_equal(run.predict(data.X_train), own)
        assert 1 < run.epochs == len(run.losses) == len(run.errors) < 200
        assert run.losses[-1] < run.losses[0]
    assert runs[0].epochs < runs[2].epochs
    assert np.mean(runs[0].predict(data.X_test) != data.y_test) < 0.5


def test_a_run_that_does_not_fit_says_so():
    X, y = blobs()
    with pytest.warns(
        ConvergenceWarning, match=r"1 network\(s\) did not meet stop within max_epochs = 2"
    ) as record:
        run = train(two_layer_relu(8, 4, 3, 0), X, y, max_epochs=2, random_state=0)
    assert record[0].filename == __file__
    assert not run.fitted
    assert run.error == np.mean(run.predict(X) != y) > 0


@pytest.mark.parametrize("seed", [16, 23])
def test_a_member_stops_at_the_same_epoch_with_others_and_alone(seed):
    """One member is fitted in a step from a running error above a tenth, beside one that is not."""
    rng = np.random.default_rng(seed)
    X = np.random.default_rng(0).standard_normal((20, 5))
    labels = np.stack([(X[:, 0] > 0).astype(int), rng.integers(2, size=20)])
    options = dict(learning_rate=0.03, batch_size=20, random_state=seed)
    together = [run.epochs for run in train_stack(X, labels, 100, **options)]
    models = [two_layer_relu(5, 100, 2, seed) for _ in labels]
    alone = [train(model, X, y, **options).epochs for model, y in zip(models, labels, strict=True)]
    assert together == alone


def test_what_is_fitted_at_the_last_epoch_is_not_warned_about():
    X = np.random.default_rng(0).standard_normal((20, 5))
    y = np.random.default_rng(16).integers(2, size=20)
    options = dict(learning_rate=0.03, batch_size=20, random_state=16, max_epochs=18)
    run = train(two_layer_relu(5, 100, 2, 16), X, y, **options)  # a warning would be an error
    assert (run.fitted, run.error, run.epochs) == (True, 0.0, 18)
    assert run.errors[-1] > 0.1
    hard = np.random.default_rng(1).integers(2, size=20)
    with pytest.warns(ConvergenceWarning, match=r"^1 network\(s\) did not meet stop"):
        runs = train_stack(X, np.stack([y, hard]), 100, **options)
    assert [run.fitted for run in runs] == [True, False]


def test_labels_keep_their_names():
    X, y = blobs(k=2)
    run = train(
        two_layer_relu(8, 200, 2, 0), X, np.where(y > 0, 7, -3), learning_rate=0.01, random_state=0
    )
    assert set(run.predict(X)) == {-3, 7}
    assert run.fitted
    huge = np.where(y > 0, np.uint64(2**63 + 1), np.uint64(2**63))
    run = train(two_layer_relu(8, 4, 2, 0), X, huge, max_epochs=1, stop=None)
    assert run.classes.tolist() == [2**63, 2**63 + 1]


def test_real_targets_and_a_stop_of_ones_own():
    X = blobs()[0]
    y = X[:, 0]
    seen = []

    def stop(epoch, loss, error):
        seen.append((epoch, loss, error))
        return error < 0.2

    run = train(two_layer_relu(8, 64, 1, 0), X, y, stop=stop, learning_rate=0.01, random_state=0)
    assert run.fitted
    assert run.classes is None
    assert [s[0] for s in seen] == list(range(1, run.epochs + 1))
    np.testing.assert_allclose(run.errors, np.sqrt(run.losses))
    outputs = run.predict(X)
    assert outputs.shape == (60, 1)
    assert run.error == pytest.approx(np.sqrt(np.mean((outputs[:, 0] - y) ** 2)), rel=1e-4)


def test_is_reproducible_and_touches_no_global_state():
    X, y = blobs()
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1]  # noqa: NPY002
    threads = torch.get_num_threads()
    options = dict(max_epochs=3, stop=None, batch_size=10)
    first, again, other = (
        train_stack(X, y[None], 16, random_state=s, **options)[0] for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.losses, again.losses)
    assert np.abs(first.losses - other.losses).max() > 1e-3
    assert torch.equal(torch.get_rng_state(), torch_state)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002
    assert torch.get_num_threads() == threads


def test_divergence_is_an_error():
    X, y = blobs()
    with pytest.raises(FloatingPointError, match=r"the loss is (nan|inf) in epoch \d.*too large"):
        train(two_layer_relu(8, 16, 3, 0), X, y, optimizer="sgd", learning_rate=1e3, random_state=0)
    for targets, n_outputs in ((y, 3), (X[:, 0], 1)):
        with pytest.raises(FloatingPointError, match=r"loss after the last step is (nan|inf)"):
            train(
                two_layer_relu(8, 16, n_outputs, 0), X, targets, optimizer="sgd",
                learning_rate=1e30, max_epochs=1, stop=None, random_state=0,
            )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"model": "x"}, TypeError, "model is 'x'; expected a torch.nn.Module"),
        ({"model": torch.nn.Linear(7, 3)}, ValueError, "model does not take the 8 columns of X"),
        ({"model": torch.nn.Flatten(0)}, ValueError, r"model maps 1 sample to shape \(8,\)"),
        ({"optimizer": "sgd", "momentum": 1.0}, ValueError, r"momentum is 1; .* in \[0, 1\)"),
        ({"loss": "hinge"}, ValueError, "loss is 'hinge'; expected one of"),
        ({"optimizer": "lbfgs"}, ValueError, "optimizer is 'lbfgs'"),
        ({"batch_size": 0}, ValueError, "batch_size is 0"),
        ({"learning_rate": 0}, ValueError, "learning_rate is 0"),
        ({"max_epochs": 1.5}, TypeError, "max_epochs is float"),
        ({"stop": "soon"}, ValueError, "stop is 'soon'; expected one of 'fitted'"),
        ({"stop": 3}, TypeError, "stop is 3; expected 'fitted', a float, a callable or None"),
        ({"Y": [0, 1]}, ValueError, "Y has 2 rows; expected 60, as X"),
        ({"Y": np.arange(60) % 4}, ValueError, r"model has 3 output\(s\); expected 4"),
        ({"Y": np.ones(60)}, ValueError, "Y holds real targets; expected loss='square'"),
        ({"X": np.full((60, 8), np.nan)}, ValueError, "X contains 480 non-finite"),
        ({"X": np.full((60, 8), 1e300)}, ValueError, "X contains 480 non-finite"),
    ],
)
def test_bad_input_is_named(arguments, error, match):
    X, y = blobs()
    arguments = {"model": two_layer_relu(8, 4, 3, 0), "X": X, "Y": y} | arguments
    with pytest.raises(error, match=match):
        train(**arguments)


def test_bad_label_stacks_are_named():
    X, y = blobs()
    with pytest.raises(ValueError, match=r"labels has shape \(60,\); expected \(n_networks, 60\)"):
        train_stack(X, y, 4)
    with pytest.raises(TypeError, match="labels has dtype float64"):
        train_stack(X, y[None] * 0.5, 4)
    with pytest.raises(ValueError, match="width is 0"):
        train_stack(X, y[None], 0)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        networks.nothing  # noqa: B018
