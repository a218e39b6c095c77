"""Figures of the part *Over-parametrization*, one module a page."""
