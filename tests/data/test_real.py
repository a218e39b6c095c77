"""The images that ship with the package: facts about them, subsets, and files gone bad."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier

from fearless.data import load_dataset, load_fashion_mnist, load_mnist, one_hot, real

LOADERS = {"mnist": load_mnist, "fashion_mnist": load_fashion_mnist}

# Counts of the classes 0 to 9 among the first 10,000 training and 2,000 test images.
FACTS = {
    "mnist": {
        "train": [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978],
        "test": [175, 234, 219, 207, 217, 179, 178, 205, 192, 194],
        "first_labels": [5, 0, 4, 1, 9, 2, 1, 3, 1, 4],
    },
    "fashion_mnist": {
        "train": [942, 1027, 1016, 1019, 974, 989, 1021, 1022, 990, 1000],
        "test": [200, 203, 214, 190, 219, 195, 197, 200, 194, 188],
        "first_labels": [9, 0, 0, 3, 0, 2, 7, 2, 5, 5],
    },
}


@pytest.fixture(scope="module", params=sorted(LOADERS))
def whole(request):
    return LOADERS[request.param]()


def test_facts(whole):
    facts = FACTS[whole.name]
    assert whole.X_train.shape == (10_000, 784)
    assert whole.X_test.shape == (2_000, 784)
    assert whole.shape == (28, 28)
    assert whole.classes == tuple(range(10))
    for X, y, split in (
        (whole.X_train, whole.y_train, "train"),
        (whole.X_test, whole.y_test, "test"),
    ):
        assert X.dtype == np.float64
        assert y.dtype == np.intp
        assert (X.min(), X.max()) == (0.0, 1.0)
        # Grey levels of 8 bits: multiples of 1/255.
        np.testing.assert_allclose(X[:200] * 255, np.rint(X[:200] * 255), rtol=0, atol=1e-12)
        assert sum(facts[split]) == len(y)
        np.testing.assert_array_equal(np.bincount(y), facts[split])
    assert whole.y_train[:10].tolist() == facts["first_labels"]
    assert whole.name in repr(whole)


def test_files_are_those_that_were_shipped():
    for origin in real._SOURCES.values():
        content = (real.FOLDER / origin.file).read_bytes()
        assert hashlib.sha256(content).hexdigest() == origin.sha256
        assert f"`{origin.file}`" in (real.FOLDER / "LICENSES.md").read_text()
    licences = (real.FOLDER / "LICENSES.md").read_text()
    assert "CC BY-SA 3.0" in licences
    assert "Copyright (c) 2017 Zalando SE" in licences


def test_labels_belong_to_the_images(whole):
    """1-NN is right far more often than chance: rows and labels are in the same order."""
    model = KNeighborsClassifier(1).fit(whole.X_train[:2000], whole.y_train[:2000])
    error = np.mean(model.predict(whole.X_test[:500]) != whole.y_test[:500])
    assert error < 0.3  # chance: 0.9


@pytest.mark.parametrize("name", sorted(LOADERS))
def test_first_rows_in_stored_order(name):
    data = load_dataset(name, 30, 20)
    more = load_dataset(name, 50, 40)
    np.testing.assert_array_equal(data.X_train, more.X_train[:30])
    np.testing.assert_array_equal(data.y_test, more.y_test[:20])


def test_random_subsets_are_nested_distinct_and_without_replacement():
    small, large = (load_mnist(n, 60, random_state=3) for n in (40, 90))
    np.testing.assert_array_equal(small.X_train, large.X_train[:40])
    np.testing.assert_array_equal(small.X_test, large.X_test)
    assert not np.array_equal(load_mnist(40, 60, random_state=4).y_train, small.y_train)
    full = load_mnist(random_state=5)
    np.testing.assert_array_equal(np.bincount(full.y_train), FACTS["mnist"]["train"])
    assert not np.array_equal(full.y_train, load_mnist().y_train)
    # A generator is advanced, so that two calls give two subsets, reproducibly.
    rng = np.random.default_rng(0)
    first, second = (load_mnist(40, 10, random_state=rng).y_train for _ in range(2))
    assert not np.array_equal(first, second)
    again = load_mnist(40, 10, random_state=np.random.default_rng(0)).y_train
    np.testing.assert_array_equal(first, again)


@given(
    classes=st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True),
    n=st.integers(1, 100),
    seed=st.none() | st.integers(0, 100),
)
@settings(max_examples=10, deadline=None)
def test_classes_are_chosen_before_counting(classes, n, seed):
    data = load_mnist(n, n, classes=classes, random_state=seed)
    assert len(data.X_train) == len(data.y_train) == len(data.X_test) == n
    assert set(data.y_train) <= set(classes)
    assert data.classes == tuple(sorted(classes))


def test_all_of_two_classes():
    data = load_mnist(classes=(7, 1))
    assert len(data.X_train) == 1127 + 1070
    assert set(data.y_train) == {1, 7}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_standardised_by_the_training_set(dtype):
    plain = load_mnist(200, 100, dtype=dtype)
    data = load_mnist(200, 100, standardize=True, dtype=dtype)
    assert data.X_train.dtype == data.X_test.dtype == dtype
    constant = np.ptp(plain.X_train, axis=0) == 0
    assert constant.any()
    assert np.any(plain.X_test[:, constant] != 0)  # a pixel that only the test set uses
    assert np.all(data.X_train[:, constant] == 0)
    assert np.all(data.X_test[:, constant] == 0)
    # Mean and variance of 200 numbers of size up to sqrt(200): rounding of 200 eps at most.
    atol = 200 * np.finfo(dtype).eps
    np.testing.assert_allclose(data.X_train.mean(0), 0, atol=atol)
    np.testing.assert_allclose(data.X_train.std(0)[~constant], 1, atol=atol)
    column = int(np.argmax(plain.X_train.var(0)))
    expected = (plain.X_test - plain.X_train.mean(0))[:, column] / plain.X_train.std(0)[column]
    np.testing.assert_allclose(data.X_test[:, column], expected, atol=atol)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"n_train": 0}, ValueError, "n_train is 0"),
        ({"n_train": 10_001}, ValueError, "n_train is 10001; expected at most 10000"),
        ({"n_test": 2_001}, ValueError, "n_test is 2001; expected at most 2000"),
        ({"n_train": 2_000, "classes": [0]}, ValueError, r"n_train is 2000; expected at most \d+,"),
        ({"n_train": 10.0}, TypeError, "n_train is float"),
        ({"classes": [10]}, ValueError, r"classes is \[10\]"),
        ({"classes": [1, 1]}, ValueError, r"classes is \[1, 1\]"),
        ({"classes": []}, ValueError, "classes is empty"),
        ({"classes": ["0"]}, TypeError, "classes has dtype"),
        ({"dtype": int}, TypeError, "dtype is"),
        ({"source": "disk"}, ValueError, "source is 'disk'; expected one of 'package', 'openml'"),
        ({"random_state": "x"}, TypeError, "random_state is"),
    ],
)
def test_bad_arguments_are_named(options, error, match):
    for loader in LOADERS.values():
        with pytest.raises(error, match=match):
            loader(**options)


@pytest.mark.parametrize("name", ["cifar", "MNIST", None])
def test_unknown_data_set(name):
    with pytest.raises(ValueError, match=r"name is .*; expected one of 'mnist', 'fashion_mnist'"):
        load_dataset(name)


@pytest.mark.parametrize("damage", ["truncated", "one byte", "empty", "text"])
def test_corrupted_file(tmp_path, monkeypatch, damage):
    content = (real.FOLDER / "mnist_12k.npz").read_bytes()
    (tmp_path / "mnist_12k.npz").write_bytes(
        {
            "truncated": content[: len(content) // 2],
            "one byte": content[:1000] + bytes([content[1000] ^ 1]) + content[1001:],
            "empty": b"",
            "text": b"<html>404</html>",
        }[damage]
    )
    monkeypatch.setattr(real, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match=r"data file of 'mnist' is corrupted: .*mnist_12k.npz"):
        load_mnist()


def test_missing_file(tmp_path, monkeypatch):
    monkeypatch.setattr(real, "FOLDER", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"data file of 'fashion_mnist' is missing: .*12k"):
        load_fashion_mnist()


def test_openml_gives_the_full_set(monkeypatch):
    """Without a network: what fetch_openml is asked for, and what is made of its answer."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, size=(70_000, 784), dtype=np.uint8)
    labels = rng.integers(0, 10, size=70_000).astype(str)
    asked = []

    def fetch_openml(name, **options):
        asked.append((name, options))
        return images, labels

    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch_openml)
    data = load_mnist(50, source="openml", dtype=np.float32)
    np.testing.assert_array_equal(data.X_train, (images[:50] / np.float32(255)).astype("f4"))
    np.testing.assert_array_equal(data.y_test, labels[60_000:].astype(int))
    assert len(data.X_test) == 10_000
    load_fashion_mnist(1, 1, source="openml")
    assert [name for name, _ in asked] == ["mnist_784", "Fashion-MNIST"]
    assert all(options["version"] == 1 for _, options in asked)
    assert all(options["as_frame"] is False for _, options in asked)


def test_one_hot_inverts_by_argmax():
    y, classes = [3, 1, 3, 8], (8, 1, 3)
    Y = one_hot(y, classes)
    assert Y.dtype == np.float64
    assert np.all(Y.sum(axis=1) == 1)
    np.testing.assert_array_equal(np.array(classes)[Y.argmax(axis=1)], y)
    assert one_hot(y, classes, np.float32).dtype == np.float32


@pytest.mark.parametrize(
    ("y", "classes", "error", "match"),
    [
        ([0, 5], (0, 1), ValueError, r"y contains the label\(s\) \[5\]"),
        ([0.0], (0, 1), TypeError, "y has dtype"),
        ([], (0, 1), ValueError, "y is empty"),
        ([0], (0, 0), ValueError, r"classes is \[0, 0\]"),
        ([0], (), ValueError, "classes is empty"),
    ],
)
def test_one_hot_names_bad_input(y, classes, error, match):
    with pytest.raises(error, match=match):
        one_hot(y, classes)
