"""Grading, offline: a folder of submissions becomes a table of marks and a page for each student.

- `submissions`: what students have handed in, however a course system packs it;
- `one`, `worker`: one notebook graded within limits, in a process of its own;
- `feedback`, `by_hand`: what the student reads, and what a human has still to mark;
- `grade`: the whole class, behind ``make grade``.
"""
