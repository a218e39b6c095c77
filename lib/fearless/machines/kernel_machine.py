"""Kernel machines: the function of smallest norm through the data, labels and noise alike."""

from __future__ import annotations

from numpy.typing import ArrayLike, NDArray
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import validate_data

from fearless.machines._base import FLOATS, KernelMachineBase
from fearless.machines._classes import OutputClassifierMixin

__all__ = ["KernelMachine", "KernelMachineClassifier"]


class KernelMachine(MultiOutputMixin, RegressorMixin, KernelMachineBase):
    r"""Interpolate the data by the function of smallest norm in the space of a kernel.

    .. math::
        f = \arg\min \{ \|f\|_{\mathcal H} : f(x_i) = y_i \}
          = \sum_i \alpha_i K(x_i, \cdot), \qquad K \alpha = y .

    With ``reg`` = lam > 0 it is kernel ridge regression, which minimises
    ``sum_i (f(x_i) - y_i)^2 + lam ||f||^2``: the coefficients solve (K + lam I) alpha = y.

    Parameters
    ----------
    kernel : Kernel, optional
        A kernel of ``fearless.kernels``. None means ``LaplacianKernel(s)``, s the root mean square
        distance between two training points.
    reg : float
        The penalty lam >= 0; 0 interpolates.
    solver : {"auto", "cholesky", "cg", "eigenpro", "falkon", "many_centers"}
        How to solve. "auto" chooses by size, memory, ``tol`` and ``n_centers``, and says why in
        ``solver_report_``. The last two look for coefficients of ``n_centers`` centres only, the
        least-squares fit of functions of that form; "many_centers" also where the centres
        themselves are many.
    tol : float, optional
        The residual ``||Y - (K + lam I) alpha|| / ||Y||`` (Frobenius norms) at which to stop. None
        means as accurate as the precision allows, or what suits an iterative solver: 1e-6 (1e-4 in
        float32) for conjugate gradients and 1e-3 for EigenPro.
    max_iter : int, optional
        At most so many iterations, or epochs; None leaves it to the solver.
    n_centers : int, optional
        How many training points to use as centres, n at most; None means all of them.
    memory : int, optional
        Bytes that the solver may use; None means 80 % of what is available.
    device : str
        Where kernel values are computed: "cpu", or a device of torch such as "cuda".
    checkpoint : str or path-like, optional
        A file that keeps the state of a long fit: one that was interrupted goes on from there when
        ``fit`` is called again with the same data. Deleted once the fit has converged.
    progress : bool
        Draw a line on stderr with the time left.
    random_state : None, int or numpy.random.Generator
        The source of subsamples, batches and centres; the exact solver uses none.

    Attributes
    ----------
    dual_coef_ : ndarray of shape (n,) or (n, n_outputs)
        The coefficients alpha.
    X_fit_ : ndarray of shape (n, d)
        The training points, or the centres; with ``reg`` = 0 a point that occurs twice is kept
        once.
    norm_ : float or ndarray of shape (n_outputs,)
        The norm of f in the space of the kernel, (alpha^T K alpha)^(1/2), of each output. The form
        is not reported below the size of its rounding errors, eps |alpha|^2 times the mean diagonal
        of K: an ill-conditioned fit, of which a warning was issued, may reach it.
    residual_ : float
        The largest ``|f(x_i) - y_i|`` over the largest ``|y_i|``, computed with the kernel matrix:
        how far the fit is from interpolating.
    condition_ : float or None
        An estimate (LAPACK ``pocon``) of the condition number of the matrix that was factorised,
        in the 1-norm; None from a solver that has no estimate.
    jitter_ : float
        What had to be added to the diagonal beyond ``reg`` for the factorisation to exist: 0,
        unless a warning was issued.
    kernel_ : Kernel
        The kernel in use.
    solver_report_ : SolverReport
        Which solver was used and why, what it was expected to cost and what it took; to be printed.
    residuals_ : ndarray of shape (n_iter_ + 1,)
        The relative residual of the linear system at the start and after each iteration or epoch.
    n_iter_ : int
        Iterations or epochs; of the exact solver, the solve and its refinements.
    n_features_in_ : int
        The number d of columns.

    Warns
    -----
    ConvergenceWarning
        An iterative solver did not reach ``tol``.
    IllConditionedWarning
        From the exact solver: the kernel matrix is singular in the precision of X, and the smallest
        jitter was added (within a factor of 10, from eps times the mean diagonal up) with which its
        factorisation exists and solves the system to 1 %; or the residual exceeds the square root
        of eps; or the condition number exceeds 1 / eps.

    Notes
    -----
    The exact solver costs O(n^2 d + n^3 / 3 + n^2 n_outputs) and one array of n^2 numbers, in the
    precision of X: float32 costs half; see `fearless.solvers.solve_cholesky`, and
    `fearless.solvers.choose_solver` for the others. A singular matrix is factorised once for each
    jitter tried. The factorisation is shared by all outputs, so that the targets of many noise
    levels are best stacked as columns of one y. Prediction costs O(n d + n n_outputs) a point, in
    blocks of bounded memory. Used in the sections "What you see is not what you get", "Adversarial
    examples are the price", "Kernel machines interpolate" and "Solving a million equations fast".

    References
    ----------
    M. Belkin, S. Ma, S. Mandal (2018), To understand deep learning we need to understand kernel
    learning, ICML.

    Examples
    --------
    >>> from fearless.kernels import LaplacianKernel
    >>> machine = KernelMachine(LaplacianKernel(1.0)).fit([[0.0], [1.0]], [1.0, -1.0])
    >>> machine.predict([[0.0], [0.5], [1.0]]).round(12) + 0.0
    array([ 1.,  0., -1.])
    >>> round(machine.norm_, 4)  # y^T K^-1 y = 2 / (1 - 1 / e)
    1.7788
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> KernelMachine:
        """Compute the coefficients.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Samples, one a row; float32 is computed in float32.
        y : array-like of shape (n,) or (n, n_outputs)
            Targets.

        Returns
        -------
        self : KernelMachine
            The fitted estimator.

        Raises
        ------
        TypeError, ValueError
            X, y or a parameter is not as described, or out of range of the precision of X; or
            ``reg`` is 0 and a point occurs twice with different targets, so that no function
            interpolates.
        NotPositiveDefiniteError
            The kernel is not positive definite, far beyond rounding errors.
        MemoryError
            No solver fits ``memory``; raised before anything is allocated.
        DivergenceError
            An iterative solver moves away from the solution.
        """
        X, y = validate_data(self, X, y, dtype=FLOATS, multi_output=True, y_numeric=True)
        self._fit(X, y)
        return self

    def predict(self, X: ArrayLike) -> NDArray:
        """Compute f at the rows of X.

        Parameters
        ----------
        X : array-like of shape (m, d)
            Samples, one a row.

        Returns
        -------
        ndarray of shape (m,) or (m, n_outputs)
            The predictions, in the precision of the training points.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        ValueError
            X is not as described.
        """
        return self._evaluate(X)


class KernelMachineClassifier(OutputClassifierMixin, KernelMachineBase):
    """Classify by the sign of an interpolating kernel machine, or the largest of several.

    Two classes are fitted as -1 and 1, more than two as the unit vectors.

    Parameters
    ----------
    kernel : Kernel, optional
        A kernel of ``fearless.kernels``. None means ``LaplacianKernel(s)``, s the root mean square
        distance between two training points.
    reg : float
        The penalty lam >= 0; 0 interpolates, noisy labels too.
    solver, tol, max_iter, n_centers, memory, device, checkpoint, progress, random_state
        As of :class:`KernelMachine`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    dual_coef_, X_fit_, norm_, residual_, condition_, jitter_, kernel_, n_features_in_
        As of :class:`KernelMachine`; two classes are one output, more are an output each.
    solver_report_, residuals_, n_iter_
        As of :class:`KernelMachine`.

    Warns
    -----
    ConvergenceWarning, IllConditionedWarning
        As :class:`KernelMachine`.

    Notes
    -----
    Cost as of :class:`KernelMachine`. Used in the sections "What you see is not what you get" and
    "Adversarial examples are the price".

    References
    ----------
    M. Belkin, S. Ma, S. Mandal (2018), To understand deep learning we need to understand kernel
    learning, ICML.

    Examples
    --------
    >>> machine = KernelMachineClassifier().fit([[0.0], [1.0], [4.0]], ["a", "b", "a"])
    >>> machine.predict([[0.0], [1.2], [4.0]]).tolist()
    ['a', 'b', 'a']
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> KernelMachineClassifier:
        """Compute the coefficients.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Samples, one a row; float32 is computed in float32.
        y : array-like of shape (n,)
            Labels of at least two classes.

        Returns
        -------
        self : KernelMachineClassifier
            The fitted estimator.

        Raises
        ------
        TypeError, ValueError
            X, y or a parameter is not as described; or ``reg`` is 0 and a point occurs twice with
            different labels, so that no function interpolates.
        NotPositiveDefiniteError
            The kernel is not positive definite, far beyond rounding errors.
        MemoryError
            No solver fits ``memory``; raised before anything is allocated.
        DivergenceError
            An iterative solver moves away from the solution.
        """
        X, y = validate_data(self, X, y, dtype=FLOATS)
        self._fit(X, self._targets(y, X.dtype))
        return self
