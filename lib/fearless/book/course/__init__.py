"""The course made from the book: questions, assignments, editions for students and instructors.

Nothing here is imported by a page or by the library; it only reads the sources and the built site.

- `blocks`: directives of a Markdown page, read without Sphinx;
- `questions`: the self-tests of the pages, and packages of them for course systems;
- `editions`: the book for students and for instructors, and the scan between the two;
- `assignments`: from one source to what students and instructors get;
- `grading`: a class graded offline, within limits, with feedback that says why;
- `guide`: objectives, prerequisites and syllabi, read from the pages;
- `slides`: slides for lectures, made from the built pages.
"""
