"""Formulas, typeset when the book is built."""
