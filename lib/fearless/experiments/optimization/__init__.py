"""Experiments of the part *Optimization under interpolation*, one module a page or a question."""

__all__: list[str] = []
