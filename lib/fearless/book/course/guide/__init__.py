"""The teaching guide: what pages teach and need, in which week, and drawn as a map.

- `objectives`: objectives and prerequisites, read from the pages;
- `syllabus`: the weeks of a course, written as YAML;
- `graph`: a drawing of what needs what.
"""
