"""Learning rates that change from epoch to epoch."""

from __future__ import annotations

from collections.abc import Callable

from fearless._validation import check_int, check_positive

__all__ = ["step_decay"]


def step_decay(factor: float = 0.9, every: int = 500) -> Callable[[int], float]:
    """Multiply the learning rate by a factor after every so many epochs.

    Parameters
    ----------
    factor : float
        What the rate is multiplied by, above 0; the default takes 10 % off.
    every : int
        Epochs between two changes.

    Returns
    -------
    callable
        ``schedule(epoch)``, with epochs counted from 1: ``factor ** ((epoch - 1) // every)``.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    The defaults are those of Belkin et al. (2019) for networks below the interpolation threshold.
    Used in the section "Every model does it".

    Examples
    --------
    >>> schedule = step_decay()
    >>> schedule(500), schedule(501)
    (1.0, 0.9)
    """
    factor, every = check_positive(factor, "factor"), check_int(every, "every")
    return lambda epoch: factor ** ((epoch - 1) // every)
