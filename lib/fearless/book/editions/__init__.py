"""Editions made from the built site: one PDF to print and read, one zip to take along.

Nothing here computes or renders a page; the site in ``_build/html`` is the only source, so that
numbers, figures and claims are the same everywhere.

- `contents`: the parts and chapters of the book, in the order of a printed volume;
- `chapter`: one built page, turned into a chapter of the volume;
- `answers`: hints and answers, which move to the end of their chapter;
- `volume`: title page, table of contents, part pages and all chapters as one HTML document;
- `pdf`: that document printed by Chromium (``make pdf``);
- `archive`: the site as one zip (``make zip``);
- `downloads`: the line on the site that offers both, where they were made.
"""
