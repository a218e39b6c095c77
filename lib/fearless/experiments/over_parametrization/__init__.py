"""Experiments of the part *Over-parametrization*, one module a page or a question."""

__all__: list[str] = []
