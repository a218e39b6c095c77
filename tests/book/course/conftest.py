"""Puts this folder on the path: the tiny assignment and its class serve several folders."""
