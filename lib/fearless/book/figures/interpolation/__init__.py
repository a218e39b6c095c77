"""Figures of the part *Interpolation*, one module a page."""
