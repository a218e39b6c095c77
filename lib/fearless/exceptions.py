"""Warnings and errors of the library, one class a reason, so that each can be caught by itself."""

__all__ = ["DivergenceError", "IllConditionedWarning"]


class IllConditionedWarning(UserWarning):
    """A linear system is so ill-conditioned that its computed solution carries few true digits.

    Issued when a condition number exceeds ``1 / eps`` of the working precision, or when a solver
    has to treat small singular values as zeros although nobody asked it to. Used wherever the book
    stands close to the interpolation threshold, where the smallest singular value nearly vanishes.
    """


class DivergenceError(ArithmeticError):
    """An iteration moves away from the solution: its steps are too long for the problem.

    Raised by the iterative solvers of kernel systems as soon as the residual has grown beyond doubt
    or is no number any more. The message says which step and batch were in use and what to use.
    """
