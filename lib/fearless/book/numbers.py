"""Numbers as a reader wants to see them, and computed numbers in the prose of a page."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable
from typing import Any

__all__ = ["digits_for", "format_number", "number"]

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def format_number(value: float, digits: int = 4) -> str:
    """Return a number with `digits` significant digits, in words a page can print.

    Integers and values of ordinary size are written out, with thousands separated and trailing
    zeros dropped (digits before the point are never rounded away); others as a mantissa and
    a power of ten. The minus sign is typographic.

    >>> format_number(2.00134), format_number(60_000), format_number(-3.2e-14)
    ('2.001', '60,000', '−3.2 × 10⁻¹⁴')

    Raises
    ------
    TypeError
        When `value` is not a real number.
    ValueError
        When `digits` is less than 1.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"value is {value!r} ({type(value).__name__}); expected a real number")
    if digits < 1:
        raise ValueError(f"digits is {digits}; expected at least 1")
    x = float(value)
    if not math.isfinite(x):
        return {math.inf: "∞", -math.inf: "−∞"}.get(x, "not a number")
    if x == 0:
        return "0"
    if isinstance(value, numbers.Integral) and abs(value) < 10**12:
        return f"{int(value):,}".replace("-", "−")
    # Rounding may carry into the next power of ten, so the exponent is read after rounding.
    mantissa, exponent = f"{x:.{digits - 1}e}".split("e")
    power = int(exponent)
    if -4 <= power < max(6, digits):
        text = f"{x:,.{max(0, digits - 1 - power)}f}"
        return _without_zeros(text).replace("-", "−")
    mantissa = _without_zeros(mantissa).replace("-", "−")
    return f"{mantissa} × 10{str(power).translate(_SUPERSCRIPTS)}"


def digits_for(value: float, resolution: float) -> int:
    """Return how many significant digits of `value` are needed to see a `resolution`.

    One digit more than the resolution's first, at least 3 and at most 12.
    """
    if not (math.isfinite(value) and value and math.isfinite(resolution) and resolution > 0):
        return 4
    needed = math.floor(math.log10(abs(value))) - math.floor(math.log10(resolution)) + 2
    return min(12, max(3, needed))


def _without_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def number(key: str, value: Any, fmt: str | Callable[[Any], str] | None = None) -> str:
    """Glue a computed number into the page, so that the prose can print it.

    In the prose, ``{glue:text}`key``` prints the formatted number; nothing is shown where it is
    computed.

    Parameters
    ----------
    key : str
        The name under which the prose finds it; unique on the page.
    value : object
        The number.
    fmt : str or callable, optional
        A format specification such as ``".1%"``, or a function of `value`; by default
        `format_number` (four significant digits).

    Returns
    -------
    str
        The formatted number.

    Raises
    ------
    TypeError
        When `key` is not a string, or `value` not a number and `fmt` not given.
    ValueError
        When `key` is empty or contains a colon (which separates a format in ``{glue:text}``),
        when `value` is not finite, or when `fmt` does not fit.
    """
    if not isinstance(key, str):
        raise TypeError(f"key is a {type(key).__name__}; expected a string")
    if not key or ":" in key:
        raise ValueError(f"key is {key!r}; expected a non-empty name without a colon")
    if isinstance(value, numbers.Number) and not _is_finite(value):
        raise ValueError(f"the number {key!r} is {value}; expected a finite one")
    if fmt is None:
        text = format_number(value)
    elif callable(fmt):
        text = fmt(value)
    else:
        try:
            text = format(value, fmt).replace("-", "−")
        except (ValueError, TypeError) as error:
            raise ValueError(f"fmt {fmt!r} does not fit the number {key!r}: {error}") from error
    _glue(key, text)
    return text


def _is_finite(value: Any) -> bool:
    return bool(math.isfinite(abs(value)))


def _glue(key: str, text: str) -> None:
    """Publish a text under a key in the way myst-nb's ``glue`` does, in a kernel; else nothing.

    The convention (a mime type with a prefix, and the name in the output's metadata) is written
    out here because a reader's kernel has no myst-nb. The text goes as a quoted literal, which
    myst-nb evaluates: bare, ``12,346`` would come back as a pair of numbers.
    """
    import sys

    ipython = sys.modules.get("IPython")
    if ipython is None or ipython.get_ipython() is None:
        return
    prefix = "application/papermill.record/"
    ipython.display.display(
        {f"{prefix}text/plain": repr(text)},
        raw=True,
        metadata={"scrapbook": {"name": key, "mime_prefix": prefix}, "strip_text_quotes": True},
    )
