"""Claims: statements of the book that are checked where they are made.

Every claim has an entry in ``ledger/``. A page checks it against what it has just computed::

    from fearless.book import claim

    claim("peak-at-threshold", measured=peak_width, expected=n)

which shows a badge with the statement and both numbers, or fails the build. A test checks the
same claim with other seeds by `check_claim`. The page *Ledger of claims* lists all of them.

When is a claim true? With relation ``close``, measured value m and expected value e,

    |m - e| <= abs + rel * |e| + stderr * s,

where ``abs``, ``rel`` and ``stderr`` are the numbers given in the claim's tolerance (an absent one
counts as zero) and s is the standard error that the caller measured. ``stderr: 4`` is a statement
about a mean over repetitions, ``rel`` about an asymptotic formula, ``abs`` about rounding or
a grid. With another relation it is true when ``m < e`` (``<=``, ``>``, ``>=``) holds. Arrays are
compared element by element; all must hold, and the worst one is reported, which for ``close`` is
the one that has used the largest share of its tolerance. The *margin* is the distance to failing
there, in units of the measured quantity: what is left of the tolerance, or ``e - m``.

Used on every page; the rules are in the section "How to read this book".
"""

from __future__ import annotations

import html
import math
import operator
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless.book.numbers import digits_for, format_number
from fearless.book.registry import Claim, load_claims

__all__ = ["Badge", "Check", "Claim", "ClaimFailed", "check_claim", "claim", "load_claims"]

_OPERATORS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_SYMBOLS = {"<": "<", "<=": "≤", ">": ">", ">=": "≥"}


class ClaimFailed(AssertionError):
    """A claim of the book does not hold for what was measured; ``check`` has the numbers."""

    def __init__(self, check: Check) -> None:
        self.check = check
        super().__init__(check.failure())


@dataclass(frozen=True)
class Check:
    """The outcome of checking a claim, at its worst element.

    Attributes
    ----------
    claim : Claim
    measured, expected : float
        The two numbers.
    allowed : float
        The tolerance in units of the numbers; 0 for an inequality.
    margin : float
        The distance to failing; negative when the claim does not hold.
    holds : bool
    stderr : float or None
        The standard error of the measurement.
    unit : str
    size : int
        How many elements were compared.
    index : tuple of int
        Where the worst one is.
    """

    claim: Claim
    measured: float
    expected: float
    allowed: float
    margin: float
    holds: bool
    stderr: float | None = None
    unit: str = ""
    size: int = 1
    index: tuple[int, ...] = ()

    def numbers(self) -> str:
        """Return the comparison in words: ``measured 2.001, expected 2 ± 0.02``."""
        measured, expected = self._formatted()
        if self.claim.relation == "close":
            relation = f"expected {expected}"
            if self.allowed:
                relation += f" ± {format_number(self.allowed, 2)}"
        else:
            relation = f"claimed {_SYMBOLS[self.claim.relation]} {expected}"
        text = f"measured {measured}"
        if self.stderr is not None:
            text += f" (s.e. {format_number(self.stderr, 2)})"
        unit = f" {self.unit}" if self.unit else ""
        worst = f" (the worst of {self.size:,})" if self.size > 1 else ""
        return f"{text}{unit}, {relation}{unit}{worst}"

    def failure(self) -> str:
        """Return the message of the failed claim, with everything needed to look into it."""
        where = f" at index {self.index} of {self.size} elements" if self.size > 1 else ""
        unit = f" {self.unit}" if self.unit else ""
        stderr = "" if self.stderr is None else f", standard error {self.stderr!r}"
        return (
            f"claim {self.claim.id!r} does not hold{where}\n"
            f"  claimed:   {self.claim.kind}, {self.claim.source}\n"
            f"  statement: {self.claim.statement}\n"
            f"  measured:  {self.measured!r}{unit}{stderr}\n"
            f"  expected:  {self.claim.relation} {self.expected!r}{unit}\n"
            f"  tolerance: {self.claim.tolerance_text()} = {self.allowed!r}\n"
            f"  margin:    {self.margin!r}"
        )

    def _formatted(self) -> tuple[str, str]:
        gap = abs(self.measured - self.expected)
        resolution = min(filter(None, (self.allowed, gap, self.stderr)), default=0.0)
        if self.claim.relation == "close" and self.allowed:
            resolution = self.allowed
        return tuple(
            format_number(_integer(value), digits_for(value, resolution))
            for value in (self.measured, self.expected)
        )


class Badge:
    """A claim that holds, as a page or a terminal shows it (see `claim`).

    Parameters
    ----------
    check : Check
        The outcome, from `check_claim`.
    """

    def __init__(self, check: Check) -> None:
        self.check = check

    def __repr__(self) -> str:
        claim = self.check.claim
        return f"✓ {claim.statement} — {self.check.numbers()} [{claim.kind}]"

    def _repr_html_(self) -> str:
        check, claim = self.check, self.check.claim
        data = {
            "claim": claim.id,
            "kind": claim.kind,
            "measured": repr(check.measured),
            "expected": repr(check.expected),
            "margin": repr(check.margin),
            "numbers": check.numbers(),
        }
        attributes = " ".join(f'data-{key}="{html.escape(v)}"' for key, v in data.items())
        return (
            f'<div class="claim" id="claim-{claim.id}" {attributes}>'
            '<span class="claim-mark" role="img" aria-label="holds">✓</span> '
            f'<span class="claim-body"><span class="claim-statement">{html.escape(claim.statement)}'
            f'</span> <span class="claim-numbers">{html.escape(check.numbers())}</span></span> '
            f'<span class="claim-kind" title="{html.escape(claim.source)}">{claim.kind}</span>'
            "</div>"
        )


def claim(
    id: str,
    measured: ArrayLike,
    expected: ArrayLike,
    *,
    stderr: ArrayLike | None = None,
    unit: str = "",
    registry: Mapping[str, Claim] | None = None,
) -> Badge:
    """Check a claim on a page and show it.

    Parameters
    ----------
    id, measured, expected, stderr, unit, registry
        As in `check_claim`.

    Returns
    -------
    Badge
        To be the last expression of a cell.

    Raises
    ------
    ClaimFailed
        When the claim does not hold. The page, and with it the build, fails.
    """
    return Badge(check_claim(id, measured, expected, stderr=stderr, unit=unit, registry=registry))


def check_claim(
    id: str,
    measured: ArrayLike,
    expected: ArrayLike,
    *,
    stderr: ArrayLike | None = None,
    unit: str = "",
    registry: Mapping[str, Claim] | None = None,
) -> Check:
    """Check a claim and return the numbers.

    Parameters
    ----------
    id : str
        The claim's id in ``ledger/``.
    measured, expected : real number or array-like
        What was computed, and what the claim says; arrays are broadcast and compared element by
        element.
    stderr : real number or array-like, optional
        The standard error of `measured`; needed when the tolerance is in standard errors.
    unit : str, optional
        Printed after the numbers.
    registry : mapping of str to Claim, optional
        The claims to look the id up in; by default the book's.

    Returns
    -------
    Check
        The numbers, at the worst element.

    Raises
    ------
    ClaimFailed
        When the claim does not hold; the message has the statement, the numbers and the tolerance.
    KeyError
        When there is no claim with this id.
    TypeError
        When a value is not a real number or an array of them.
    ValueError
        When a value is empty, NaN or infinite, shapes do not broadcast, or `stderr` is missing or
        negative.
    """
    claims = load_claims() if registry is None else registry
    if id not in claims:
        import difflib

        near = difflib.get_close_matches(str(id), claims, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise KeyError(f"there is no claim {id!r} in ledger/{hint}")
    entry = claims[id]
    m, e = _array(measured, "measured", id), _array(expected, "expected", id)
    s = None if stderr is None else _array(stderr, "stderr", id)
    if s is None and "stderr" in entry.tolerance:
        raise ValueError(
            f"claim {id!r} has a tolerance in standard errors; pass stderr, the measured one"
        )
    if s is not None and (s < 0).any():
        raise ValueError(f"stderr of claim {id!r} is negative: {s.min()}")
    try:
        m, e, s_full = np.broadcast_arrays(m, e, 0.0 if s is None else s)
    except ValueError:
        raise ValueError(
            f"claim {id!r}: measured has shape {m.shape}, expected {e.shape}"
            + ("" if s is None else f", stderr {s.shape}")
        ) from None
    if entry.relation == "close":
        terms = {"abs": 1.0, "rel": np.abs(e), "stderr": s_full}
        allowed = sum(
            (weight * terms[key] for key, weight in entry.tolerance.items()), np.zeros(e.shape)
        )
        difference = np.abs(m - e)
        margin = allowed - difference
        holds = margin >= 0
        # The worst is the one that has used most of its tolerance: an element whose tolerance is
        # small and which agrees to the last bit has the smallest margin and is the best.
        used = np.where(difference > 0, np.inf, 0.0)
        with np.errstate(over="ignore"):  # A tolerance near the smallest float: the ratio is inf.
            np.divide(difference, allowed, out=used, where=allowed > 0)
        worst = int(np.argmax(used))
    else:
        allowed = np.zeros(e.shape)
        margin = e - m if entry.relation.startswith("<") else m - e
        holds = _OPERATORS[entry.relation](m, e)
        worst = int(np.argmin(margin))
    check = Check(
        claim=entry,
        measured=float(m.flat[worst]),
        expected=float(e.flat[worst]),
        allowed=float(allowed.flat[worst]),
        margin=float(margin.flat[worst]),
        holds=bool(np.all(holds)),
        stderr=None if s is None else float(s_full.flat[worst]),
        unit=unit,
        size=m.size,
        index=tuple(int(i) for i in np.unravel_index(worst, m.shape)),
    )
    if not check.holds:
        raise ClaimFailed(check)
    return check


def _array(value: ArrayLike, name: str, id: str) -> NDArray:
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} of claim {id!r} cannot be read as an array: {error}") from error
    if array.dtype.kind not in "iuf":
        raise TypeError(
            f"{name} of claim {id!r} is {value!r} ({type(value).__name__}); "
            "expected a real number or an array of them"
        )
    if array.size == 0:
        raise ValueError(f"{name} of claim {id!r} is empty")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        bad = array[~np.isfinite(array)].flat[0]
        raise ValueError(f"{name} of claim {id!r} contains {bad}; expected finite numbers")
    return array


def _integer(value: float) -> float | int:
    return int(value) if value.is_integer() and math.fabs(value) < 1e12 else value
