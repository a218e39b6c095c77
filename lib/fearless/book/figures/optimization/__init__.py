"""Figures of the part *Optimization under interpolation*, one module a page."""
