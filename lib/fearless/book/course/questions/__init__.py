"""Self-tests: read from the pages, and written as packages that course systems import.

- `self_tests`: the questions below "Test yourself", with an explanation for each choice;
- `markup`: the little Markdown of questions as HTML that other systems show;
- `banks`: all questions of a part, page by page;
- `qti`, `moodle`, `exports`: the banks as packages for Canvas, Moodle and others.
"""
