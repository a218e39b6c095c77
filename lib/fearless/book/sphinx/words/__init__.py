"""Symbols and terms: their tables, their definitions on the spot, and a search that finds them."""
