"""Figures of the part *Double descent*, one module a page."""
