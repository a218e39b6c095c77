"""Figures of the part *Kernel regimes*, one module a page."""
