"""Data of the book: images shipped with the package, their corruptions, teachers, label noise."""

from fearless.data.corruptions import CORRUPTIONS, corrupt
from fearless.data.noise import flip_labels, noisy_error
from fearless.data.real import (
    Dataset,
    load_dataset,
    load_fashion_mnist,
    load_mnist,
    one_hot,
)
from fearless.data.synthetic import GaussianTeacher, gaussian_linear_model
from fearless.data.tasks import gaussian_pair

__all__ = [
    "CORRUPTIONS",
    "Dataset",
    "GaussianTeacher",
    "corrupt",
    "flip_labels",
    "gaussian_linear_model",
    "gaussian_pair",
    "load_dataset",
    "load_fashion_mnist",
    "load_mnist",
    "noisy_error",
    "one_hot",
]
