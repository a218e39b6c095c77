"""The course made from the book: questions, assignments, editions for students and instructors.

Nothing here is imported by a page or by the library; it only reads the sources and the built site.

- `blocks`: directives of a Markdown page, read without Sphinx;
- `self_tests`: the questions below "Test yourself", with an explanation for each choice;
- `markup`: the little Markdown of questions as HTML that other systems show;
- `banks`, `qti`, `moodle`, `exports`: the questions as packages that Canvas, Moodle and others
  import;
- `secrets`, `texts`, `leaks`: what only instructors may see, and the scan that finds it elsewhere;
- `student`, `instructor`: the two editions, behind ``make student`` and ``make instructor``;
- `assignment_source` (`assignment_pieces`, `assignment_model`): the source of an assignment, read;
- `assignment_notebook`, `checking`: its notebooks, and the functions that check them;
- `assignment_secret`, `assignment_traces`: what instructors keep, and the scan for it;
- `assignments`: what students and instructors get, by otter-grader, behind ``make assignments``;
- `rehearsal`, `try_assignment`: the marks of reference, blank and wrong solutions, for authors;
- `submissions`, `grading` (`grade_one`), `feedback`, `by_hand`, `grade`: a class graded, behind
  ``make grade``.
"""
