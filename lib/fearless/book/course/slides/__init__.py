"""Slides for lectures, made from the built pages.

- `content`: what of a page goes on slides;
- `deck`: the slides of a chapter as one file that works offline, behind ``make slides``.
"""
