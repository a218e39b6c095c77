"""The editions for students and for instructors, and the scan that keeps one free of the other.

- `secrets`: what only instructors may see, and what everybody may;
- `texts`: the text in the files of an edition, whatever their format;
- `leaks`: the scan, which finds the first in the second;
- `student`, `instructor`: the editions, behind ``make student`` and ``make instructor``.
"""
