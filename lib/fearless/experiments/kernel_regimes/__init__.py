"""Experiments of the part *Kernel regimes*, one module a page or a question."""

__all__: list[str] = []
