"""The README in what students get: how to begin, how to check, what to hand in."""

from __future__ import annotations

import os
from collections.abc import Mapping

from fearless.book.course.assignments.model import Assignment
from fearless.book.course.assignments.notebook import points
from fearless.book.sphinx.running.repository import repository_url

__all__ = ["OTTER", "student_readme"]

#: What makes the checks in a notebook; a test compares it with requirements-grading.txt.
OTTER = "otter-grader==7.0.0"

_TEXT = """\
# {title}

About {hours:g} hours, {points}. It belongs to the part `{part}` of *Fit without Fear*.

| here | what |
| --- | --- |
| `{name}.ipynb` | the notebook to work in, and the one file to hand in |
| `tests/` | the public checks; leave the folder beside the notebook |

## Begin

You need Python 3.11 with the book's library, which brings all data along, and otter-grader, which
makes the checks:

```
{install}
```

Where your course gives you a Jupyter server, all this is installed; open the notebook there. On
Colab, upload the folder `tests` beside the notebook.

## Work

Run the cells from the top. Put your work in the place of each `...`. You may add cells and use what
you like of the book's library, unless a question says otherwise. Keep the names of functions and
their arguments, for the checks call them.

## Check

`grader.check("q1")` makes the public checks of a question and says what to look at. They are worth
some of the points. The others are earned by checks that are made when your work is marked: the same
laws, tried with numbers nobody has seen. What holds in general passes them; what was fitted to the
public checks does not.

## Hand in

1. Restart the kernel and run all cells: your work is marked in just this way, from the first cell
   to the last. A cell that stops with an error costs only what depends on it.
2. Save, and hand in `{name}.ipynb`. The name of the file does not matter; no other file is needed.

Your notebook runs for at most some minutes, in some gigabytes of memory and without a network.
"""


def student_readme(assignment: Assignment, environment: Mapping[str, str] = os.environ) -> str:
    """Return the README for students of an assignment.

    Parameters
    ----------
    assignment : Assignment
        Its source.
    environment : mapping
        Environment variables, for the address of the book's repository.
    """
    url = repository_url(environment)
    library = f'"fearless[book] @ git+{url}"' if url else "-e .   # in the folder of the book"
    return _TEXT.format(
        title=assignment.title,
        hours=assignment.hours,
        points=points(assignment.points),
        part=assignment.part,
        name=assignment.name,
        install=f"pip install {OTTER} {library}",
    )
