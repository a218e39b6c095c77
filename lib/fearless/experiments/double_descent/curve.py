"""The double-descent curve of random features on real data (part *Double descent*).

After Belkin, Hsu, Ma and Mandal (2019), *Reconciling modern machine-learning practice and the
classical bias-variance trade-off*, Proc. Natl. Acad. Sci. 116(32), 15849-15854.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fearless import linalg
from fearless._validation import RandomState, as_generator, check_int, check_positive
from fearless.data import Dataset, flip_labels, one_hot
from fearless.experiments._samples import squared_loss, zero_one_loss
from fearless.features import RandomFourierFeatures
from fearless.kernels import GaussianKernel, Kernel
from fearless.solvers import RiskPath, min_norm_paths, ridge_solutions

__all__ = [
    "KernelLimit",
    "RiskCurves",
    "TunedRidge",
    "double_descent_curve",
    "kernel_limit",
    "noisy_curves",
    "tuned_ridge_curves",
    "width_grid",
]

FeatureMap = Callable[[int], object]


@dataclass(frozen=True)
class RiskCurves:
    """Risks over model widths, one row a seed.

    Attributes
    ----------
    widths : ndarray of shape (w,), int
        Feature counts ``N``.
    n_samples : int
        Training samples ``n``: the interpolation threshold is ``N = n``.
    paths : tuple of RiskPath
        One a seed; a seed draws the training set and the features.
    limits : tuple of KernelLimit
        The kernel machine on the same training sets: the limit ``N -> infinity``.
    """

    widths: np.ndarray
    n_samples: int
    paths: tuple[RiskPath, ...]
    limits: tuple[KernelLimit, ...]

    def column(self, name: str) -> np.ndarray:
        """Stack one attribute of every path.

        Parameters
        ----------
        name : str
            An attribute of `RiskPath`.

        Returns
        -------
        ndarray of shape (seeds, widths)
        """
        return np.array([getattr(path, name) for path in self.paths])

    def limit(self, name: str) -> np.ndarray:
        """Stack one attribute of every kernel machine.

        Parameters
        ----------
        name : str
            An attribute of `KernelLimit`.

        Returns
        -------
        ndarray of shape (seeds,)
        """
        return np.array([getattr(limit, name) for limit in self.limits])

    def at(self, width: int) -> int:
        """Index of the grid width closest to ``width``, measured in ratios.

        Parameters
        ----------
        width : int

        Returns
        -------
        int
        """
        return int(np.argmin(np.abs(np.log(self.widths / width))))

    @property
    def peak_width(self) -> int:
        """Width at which the median (over seeds) test error, squared loss, is largest."""
        return self.argmax("test_mse")

    def argmax(self, name: str) -> int:
        """Width at which the median over seeds of a column is largest.

        Parameters
        ----------
        name : str
            An attribute of `RiskPath`.

        Returns
        -------
        int
        """
        return int(self.widths[np.argmax(np.median(self.column(name), axis=0))])

    @property
    def interpolating(self) -> np.ndarray:
        """Mask of the widths ``N >= n``."""
        return self.widths >= self.n_samples

    @property
    def resolution(self) -> float:
        """Largest gap between the threshold and a neighbouring grid width, relative to n."""
        i = int(np.searchsorted(self.widths, self.n_samples))
        around = self.widths[max(i - 1, 0) : i + 2]
        return float(np.max(np.abs(around - self.n_samples))) / self.n_samples


@dataclass(frozen=True)
class KernelLimit:
    """The min-norm interpolant in the reproducing kernel Hilbert space, and its risks.

    Attributes
    ----------
    train_mse, test_mse : float
        Mean squared error, summed over outputs.
    train_error, test_error : float
        Zero-one loss.
    norm : float
        ``sqrt(tr(Y^T K^{-1} Y))``, the norm of the interpolant in the space of the kernel.
    """

    train_mse: float
    test_mse: float
    train_error: float
    test_error: float
    norm: float


@dataclass(frozen=True)
class TunedRidge:
    """Risks of ridge regression with the penalty chosen on held-out data, one row a seed.

    Attributes
    ----------
    widths : ndarray of shape (w,), int
    n_samples : int
    test_mse, test_error : ndarray of shape (seeds, w)
        Squared (summed over outputs) and zero-one loss on the test set.
    chosen : ndarray of shape (seeds, w)
        The relative penalty chosen.
    """

    widths: np.ndarray
    n_samples: int
    test_mse: np.ndarray
    test_error: np.ndarray
    chosen: np.ndarray


def width_grid(
    n: int,
    n_widths: int = 40,
    *,
    min_ratio: float = 1 / 40,
    max_ratio: float = 10.0,
    resolution: float = 0.01,
) -> np.ndarray:
    """Widths around the threshold ``N = n``: fine where the curve is steep, coarse where flat.

    A quarter of them are log-spaced from ``min_ratio n`` to ``n / 2``; the others are log-spaced
    in their *distance* to the threshold, on both sides of it. ``n`` itself is one of them.

    Parameters
    ----------
    n : int
        The threshold.
    n_widths : int
        About how many widths; rounding to integers may merge a few when ``n`` is small.
    min_ratio, max_ratio : float
        Smallest and largest width over ``n``.
    resolution : float
        Distance of the closest neighbours of ``n``, over ``n``.

    Returns
    -------
    ndarray of int, strictly increasing

    Raises
    ------
    TypeError, ValueError
        A count below its minimum or a ratio out of order.
    """
    n = check_int(n, "n")
    n_widths = check_int(n_widths, "n_widths", minimum=3)
    for value, name in ((min_ratio, "min_ratio"), (resolution, "resolution")):
        check_positive(value, name)
    if not (resolution <= 1 - min_ratio and resolution <= max_ratio - 1):
        raise ValueError(
            f"min_ratio={min_ratio}, max_ratio={max_ratio}, resolution={resolution}: expected "
            "min_ratio <= 1 - resolution and max_ratio >= 1 + resolution"
        )
    start = min(0.5, 1 - resolution)
    n_far, n_above = n_widths // 4, n_widths // 2
    n_near = n_widths - 1 - n_far - n_above
    ratios = np.concatenate(
        [
            np.geomspace(min(min_ratio, start), start, n_far, endpoint=False),
            1 - np.geomspace(resolution, 1 - start, n_near),
            [1.0],
            1 + np.geomspace(resolution, max_ratio - 1, n_above),
        ]
    )
    return np.unique(np.maximum(np.rint(n * ratios).astype(int), 1))


def double_descent_curve(
    data: Dataset,
    widths: Sequence[int] | np.ndarray,
    *,
    n_train: int,
    kernel: Kernel | None = None,
    feature_map: FeatureMap | None = None,
    label_noise: float = 0.0,
    n_seeds: int = 3,
    singular_values: bool = False,
    random_state: RandomState = 0,
) -> RiskCurves:
    """Risks of min-norm least squares on random features, against the number of features.

    Each seed draws ``n_train`` training samples of ``data`` without replacement, flips labels,
    and draws one nested feature map; `min_norm_path` then solves for every width. Features are
    computed on demand, so that memory does not grow with the largest width.

    Parameters
    ----------
    data : Dataset
    widths : sequence of int
        Feature counts ``N``, strictly increasing.
    n_train : int
        Training samples ``n``.
    kernel : Kernel, optional
        Kernel of the Fourier features and of the limit; default ``GaussianKernel(5.0)``.
    feature_map : callable, optional
        ``seed -> transformer`` with the interface of `fearless.features`; by default
        `RandomFourierFeatures` of ``kernel``, whose threshold is ``N = n``.
    label_noise : float
        Probability that a training label is replaced by a uniformly random one. Test labels
        stay clean.
    n_seeds : int
    singular_values : bool
        Also compute the extreme singular values of every feature matrix.
    random_state : None, int or Generator

    Returns
    -------
    RiskCurves

    Raises
    ------
    TypeError, ValueError
        A bad argument, named.

    See Also
    --------
    noisy_curves : several levels of label noise for the price of one.

    Notes
    -----
    Cost: ``n_seeds`` times that of `min_norm_path`, plus ``O(n d max(widths))`` for the features,
    computed twice. With images in float32 the path runs in float32 wherever its condition number
    allows it; the kernel machine is always solved in float64.
    """
    (curves,) = noisy_curves(
        data,
        widths,
        [label_noise],
        n_train=n_train,
        kernel=kernel,
        feature_map=feature_map,
        n_seeds=n_seeds,
        singular_values=singular_values,
        random_state=random_state,
    )
    return curves


def noisy_curves(
    data: Dataset,
    widths: Sequence[int] | np.ndarray,
    levels: Sequence[float],
    *,
    n_train: int,
    kernel: Kernel | None = None,
    feature_map: FeatureMap | None = None,
    n_seeds: int = 3,
    singular_values: bool = False,
    random_state: RandomState = 0,
) -> tuple[RiskCurves, ...]:
    """The curves of `double_descent_curve` at several levels of label noise.

    All levels share training sets, features and therefore factorisations; the labels flipped at
    a low level are among those flipped at a higher one.

    Parameters
    ----------
    levels : sequence of float
        Probabilities that a training label is replaced by a uniformly random one.
    data, widths, n_train, kernel, feature_map, n_seeds, singular_values, random_state
        As in `double_descent_curve`.

    Returns
    -------
    tuple of RiskCurves, one a level
    """
    n_train = check_int(n_train, "n_train", maximum=len(data.X_train))
    n_seeds = check_int(n_seeds, "n_seeds")
    kernel = GaussianKernel(5.0) if kernel is None else kernel
    rng = as_generator(random_state)
    widths = np.asarray(widths)
    y_test = one_hot(data.y_test, data.classes)
    paths, limits = [], []
    for seed in rng.integers(2**31, size=n_seeds):
        sets = [_training_set(data, n_train, level, int(seed)) for level in levels]
        X, y = sets[0][0], np.stack([targets for _, targets in sets], axis=1)
        if feature_map is None:
            phi = RandomFourierFeatures(kernel=kernel, random_state=int(seed))
        else:
            phi = feature_map(int(seed))
        phi.fit(X)
        paths.append(
            min_norm_paths(
                lambda a, b, X=X, phi=phi: phi.block(X, a, b),
                y,
                lambda a, b, phi=phi: phi.block(data.X_test, a, b),
                y_test,
                widths,
                scale=phi.scale,
                singular_values=singular_values,
            )
        )
        limits.append(_kernel_limits(kernel, X, y, data.X_test, y_test))
    return tuple(
        RiskCurves(widths, n_train, of_level, limits_of_level)
        for of_level, limits_of_level in zip(
            zip(*paths, strict=True), zip(*limits, strict=True), strict=True
        )
    )


def kernel_limit(
    kernel: Kernel, X: np.ndarray, y: np.ndarray, X_test: np.ndarray, y_test: np.ndarray
) -> KernelLimit:
    """Risks and norm of the kernel interpolant ``f(x) = K(x, X) K(X, X)^{-1} y``, in float64.

    Parameters
    ----------
    kernel : Kernel
    X, y : ndarrays of shape (n, d) and (n, k)
    X_test, y_test : ndarrays of shape (m, d) and (m, k)

    Returns
    -------
    KernelLimit

    Raises
    ------
    fearless.linalg.NotPositiveDefiniteError
        When the kernel matrix is numerically singular; no jitter is added.
    """
    (limit,) = _kernel_limits(kernel, X, y[:, None], X_test, y_test)
    return limit


def tuned_ridge_curves(
    data: Dataset,
    widths: Sequence[int] | np.ndarray,
    penalties: Sequence[float] | np.ndarray,
    *,
    n_train: int,
    n_validation: int = 1000,
    kernel: Kernel | None = None,
    label_noise: float = 0.0,
    n_seeds: int = 3,
    random_state: RandomState = 0,
) -> TunedRidge:
    """Ridge regression on random features, its penalty chosen on held-out data at every width.

    Training sets and features are those of `double_descent_curve` with the same ``random_state``.

    Parameters
    ----------
    data, widths, n_train, kernel, label_noise, n_seeds, random_state
        As in `double_descent_curve`.
    penalties : sequence of float
        Relative penalties to choose from, as in `fearless.solvers.ridge_path`.
    n_validation : int
        Further samples of the training part of ``data``, on which the squared loss chooses.
        Their labels carry the same noise.

    Returns
    -------
    TunedRidge

    Raises
    ------
    TypeError, ValueError
        A bad argument, named; among them more samples asked for than there are.
    """
    n_train = check_int(n_train, "n_train", maximum=len(data.X_train))
    left = len(data.X_train) - n_train
    n_validation = check_int(n_validation, "n_validation", maximum=left)
    kernel = GaussianKernel(5.0) if kernel is None else kernel
    rng = as_generator(random_state)
    widths, penalties = np.asarray(widths), np.asarray(penalties, dtype=float)
    last = int(widths[-1])
    y_test = one_hot(data.y_test, data.classes)
    columns = {"test_mse": [], "test_error": [], "chosen": []}
    for seed in rng.integers(2**31, size=check_int(n_seeds, "n_seeds")):
        X, y = _training_set(data, n_train + n_validation, label_noise, int(seed))
        phi = RandomFourierFeatures(kernel=kernel, random_state=int(seed)).fit(X)
        features, features_test = phi.block(X, 0, last), phi.block(data.X_test, 0, last)
        held_out, k = slice(n_train, None), y.shape[1]
        tuned = np.empty((3, len(widths)))
        for j, coefficients, _ in ridge_solutions(
            features[:n_train], y[:n_train], widths, penalties
        ):
            validation = features[held_out, : widths[j]] @ coefficients
            best = min(
                range(len(penalties)),
                key=lambda i, v=validation: squared_loss(v[:, i * k : (i + 1) * k], y[held_out]),
            )
            chosen = coefficients[:, best * k : (best + 1) * k]
            test = features_test[:, : widths[j]] @ chosen
            tuned[:, j] = squared_loss(test, y_test), zero_one_loss(test, y_test), penalties[best]
        for name, row in zip(columns, tuned, strict=True):
            columns[name].append(row)
    return TunedRidge(widths, n_train, **{name: np.array(rows) for name, rows in columns.items()})


def _kernel_limits(
    kernel: Kernel, X: np.ndarray, y: np.ndarray, X_test: np.ndarray, y_test: np.ndarray
) -> tuple[KernelLimit, ...]:
    """`kernel_limit` for targets of shape (n, s, k): ``s`` sets, one factorisation."""
    X, X_test = np.asarray(X, dtype=np.float64), np.asarray(X_test, dtype=np.float64)
    gram = kernel(X)
    factor = linalg.cholesky_in_place(linalg.as_fortran(gram, copy=True))
    alpha = linalg.cholesky_solve(factor, y.reshape(len(y), -1))
    train = (gram @ alpha).reshape(y.shape)
    test = (kernel(X_test, X) @ alpha).reshape(len(X_test), *y.shape[1:])
    alpha = alpha.reshape(y.shape)
    return tuple(
        KernelLimit(
            train_mse=squared_loss(train[:, i], y[:, i]),
            test_mse=squared_loss(test[:, i], y_test),
            train_error=zero_one_loss(train[:, i], y[:, i]),
            test_error=zero_one_loss(test[:, i], y_test),
            norm=float(np.sqrt(np.sum(y[:, i] * alpha[:, i]))),
        )
        for i in range(y.shape[1])
    )


def _training_set(
    data: Dataset, n_train: int, label_noise: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Samples and (noisy) one-hot targets of one seed; all noise levels share the samples."""
    rng = np.random.default_rng([seed, 1])
    # Labels are flipped before the choice, so that the first samples of a larger set, and their
    # labels, are those of a smaller one.
    chosen = rng.permutation(len(data.X_train))[:n_train]
    labels = flip_labels(data.y_train, label_noise, data.classes, rng)[chosen]
    return data.X_train[chosen], one_hot(labels, data.classes)
