"""Experiments of the part *Interpolation*, one module a page or a question."""

__all__: list[str] = []
