"""Assignments: read from one source, built for students and instructors, tried by their authors.

- `source` (`pieces`, `model`): one Markdown notebook with questions, solutions and checks, read;
- `notebook`, `readme`, `checking`: its notebooks, what explains them, and what their checks call;
- `secret`, `traces`: what instructors keep, and the scan for it in what students get;
- `build`: what both get, made by otter-grader, behind ``make assignments``;
- `rehearsal`, `try_one`: the marks of reference, blank and wrong solutions, for authors.
"""
