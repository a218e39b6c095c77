"""Warnings of the library, one class a reason, so that each can be filtered by itself."""

__all__ = ["IllConditionedWarning"]


class IllConditionedWarning(UserWarning):
    """A linear system is so ill-conditioned that its computed solution carries few true digits.

    Issued when a condition number exceeds ``1 / eps`` of the working precision, or when a solver
    has to treat small singular values as zeros although nobody asked it to. Used wherever the book
    stands close to the interpolation threshold, where the smallest singular value nearly vanishes.
    """
