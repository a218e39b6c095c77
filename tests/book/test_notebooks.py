"""Pages as notebooks: every code cell, text that any notebook program can show, no macros."""

import os
import re
import subprocess
from pathlib import Path
from urllib.parse import parse_qs

import nbformat
import pytest
from small_project import SmallProject

from fearless.book.sphinx.running import launch, repository
from fearless.book.sphinx.running.notebooks import assemble
from fearless.book.sphinx.running.plain_markdown import Code
from fearless.book.sphinx.running.tex_macros import expand

ROOT = Path(__file__).resolve().parents[2]

TOC = """\
format: jb-book
root: chapters/index
parts:
  - caption: First part
    numbered: true
    chapters:
      - file: chapters/part/one
      - file: chapters/part/two
  - caption: Appendix
    chapters:
      - file: chapters/plain
"""
ONE = r"""# Page *one*: PL\*

See {doc}`two`, {doc}`/chapters/plain` and {eq}`eq-one`, {prf:ref}`thm-one`, [elsewhere](https://e.org/x).

```{code-cell} ipython3
:tags: [remove-cell]
hidden = 1
```

A formula $\norm{x} \in \R$, `code`, a_b and 2 * 3.

```{math}
:label: eq-one
a &= \norm{b} \\
  &= c
```

```{code-cell} ipython3
:tags: [hide-input]
shown = hidden + 1
```

## A section

:::{prf:theorem} Fame
:label: thm-one

Everything is $\norm{x}$.

- one
- two
:::

:::{prf:proof}
By $\R$.
:::

```{exercise}
:label: ex-one

Do it.
```

:::{dropdown} Hint
Try $\norm{h}$.
:::

| a | b |
|---|---|
| 1 | 2 |

:::{admonition} What is it?

An answer.
:::

:::{note}
Mind **this**.
:::

```{code-cell} ipython3
shown
```

Last words.

```{code-cell} ipython3
:tags: [remove-cell]
last = 3
```
"""


def project(root):
    made = SmallProject(root, ["running.notebooks"])
    made.write("_toc.yml", TOC)
    made.page("chapters/index", "# Small Book\n\nA front page.\n")
    made.page("chapters/part/one", ONE, notebook=True)
    made.page("chapters/part/two", "# Two\n\n```{code-cell} ipython3\n2\n```\n", notebook=True)
    made.page("chapters/plain", "# Plain\n\nNo code.\n")
    return made


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Made where no address is known."""
    made = project(tmp_path_factory.mktemp("notebooks"))
    status, printed = made.build()
    assert status == 0, printed
    return made


def notebook(made, name="chapters/part/one"):
    book = nbformat.read(made.html / "notebooks" / f"{name}.ipynb", as_version=4)
    nbformat.validate(book)
    return book


def texts(book):
    return "\n\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")


class TestNotebooks:
    def test_only_pages_with_code_are_notebooks(self, built):
        found = [p.relative_to(built.html) for p in built.html.rglob("*.ipynb")]
        assert sorted(map(str, found)) == [
            "notebooks/chapters/part/one.ipynb",
            "notebooks/chapters/part/two.ipynb",
        ]

    def test_all_code_is_there_in_order_without_outputs(self, built):
        code = [cell for cell in notebook(built).cells if cell.cell_type == "code"]
        assert [c.source for c in code] == ["hidden = 1", "shown = hidden + 1", "shown", "last = 3"]
        assert [c.outputs for c in code] == [[]] * 4
        assert [bool(c.metadata.get("jupyter")) for c in code] == [True, True, False, True]

    def test_what_only_serves_the_text_does_not_end_the_notebook(self, built):
        cells = notebook(built).cells
        assert cells[-1].source == "Last words."
        assert cells[-2].source == "last = 3"

    def test_text_is_where_the_page_has_it(self, built):
        sources = [cell.source for cell in notebook(built).cells]
        section = next(k for k, s in enumerate(sources) if s.startswith("## A section"))
        assert sources.index("shown = hidden + 1") < section < sources.index("shown")

    def test_text_is_plain_markdown(self, built):
        text = texts(notebook(built))
        assert text.startswith("# Page *one*: PL\\*")
        assert not re.search(r"\{[a-z:]+\}`|```\{|:::", text)
        assert "> **Theorem 1.1 (Fame).**\n>\n> Everything is" in text
        assert "> - one\n> - two" in text
        assert "*Proof.* By $\\mathbb{R}$. ∎" in text
        assert "> **Exercise 1.1**\n>\n> Do it." in text
        assert "| a | b |\n| --- | --- |\n| 1 | 2 |" in text
        assert "<details><summary>Hint</summary>\n\nTry $\\lVert h \\rVert$.\n\n</details>" in text
        assert "> **What is it?**\n>\n> An answer." in text
        assert "> **Note**\n>\n> Mind **this**." in text
        assert "`code`, a_b and 2 \\* 3." in text

    def test_formulas_need_no_macros_and_have_the_number_of_the_page(self, built):
        text = texts(notebook(built))
        assert "$\\lVert x \\rVert \\in \\mathbb{R}$" in text
        assert "$$\n\\begin{aligned}\na &= \\lVert b \\rVert \\\\\n" in text
        assert "\\end{aligned} \\tag{1.1}\n$$" in text
        assert "(1.1)" in built.read("chapters/part/one.html")

    def test_links_without_an_address_lead_to_the_notebook_beside(self, built):
        text = texts(notebook(built))
        assert "See [Two](two.ipynb), Plain and " in text
        assert "[elsewhere](https://e.org/x)" in text
        assert "*A page of Small Book.*" in text

    def test_links_and_installation_where_the_addresses_are_known(self, tmp_path):
        made = project(tmp_path)
        site, url = "https://site.example/book/", "https://forge.example/owner/name"
        status, printed = made.build(FEARLESS_SITE_URL=site, FEARLESS_REPOSITORY_URL=url)
        assert status == 0, printed
        book = notebook(made)
        text = texts(book)
        assert f"[Two]({site}chapters/part/two.html), [Plain]({site}chapters/plain.html)" in text
        assert f"*A page of [Small Book]({site}chapters/part/one.html).*" in text
        first = next(cell for cell in book.cells if cell.cell_type == "code")
        assert f"git+{url}@main" in first.source
        assert book.cells.index(first) == 1

    def test_the_same_page_gives_the_same_bytes(self, built):
        path = built.html / "notebooks/chapters/part/one.ipynb"
        before = path.read_bytes()
        built.build()
        assert path.read_bytes() == before


def test_cells_that_the_page_does_not_show_keep_their_order():
    v4 = nbformat.v4
    cells = [v4.new_code_cell(text, metadata={"tags": []}) for text in "abc"]
    book = assemble(["# T", 1, "end"], v4.new_notebook(cells=cells))
    assert [c.source for c in book.cells] == ["# T", "a", "b", "c", "end"]


def test_what_the_page_computes_comes_before_the_code_of_readers():
    v4 = nbformat.v4
    cells = [v4.new_code_cell(text, metadata={"tags": []}) for text in "abcd"]
    page = ["# T", 0, "## Exercises", Code("mine = ..."), "Check.", Code("assert mine"), 2, "end"]
    book = assemble(page, v4.new_notebook(cells=cells))
    code = ["a", "b", "mine = ...", "assert mine", "c", "d"]  # b and d show nothing on the page
    assert [c.source for c in book.cells if c.cell_type == "code"] == code
    assert [c.source for c in book.cells][2:4] == ["b", "## Exercises"]


MACROS = {"R": r"\mathbb{R}", "norm": [r"\lVert #1 \rVert", 1], "in": [r"(#1 , #2)", 2]}


class TestMacros:
    @pytest.mark.parametrize(
        ("tex", "expected"),
        [
            (r"x \in", r"x \in"),
            (r"\R^n", r"\mathbb{R}^n"),
            (r"\norm{\R}", r"\lVert \mathbb{R} \rVert"),
            (r"\norm{a_{1}} b", r"\lVert a_{1} \rVert b"),
            (r"\norm x", r"\lVert x \rVert"),
            (r"\norm\alpha y", r"\lVert \alpha \rVert y"),
            (r"\norm{\{x\}}", r"\lVert \{x\} \rVert"),
            (r"a \\R", r"a \\R"),  # the end of a line, then a letter
            (r"\Re", r"\Re"),
        ],
    )
    def test_expansion(self, tex, expected):
        macros = {name: MACROS[name] for name in ("R", "norm")}
        assert expand(tex, macros) == expected

    def test_two_arguments(self):
        assert expand(r"\in{a}{\in bc}", MACROS) == "(a , (b , c))"

    @pytest.mark.parametrize("tex", [r"\norm", r"\norm{x"])
    def test_a_missing_argument(self, tex):
        with pytest.raises(ValueError, match=r"argument"):
            expand(tex, MACROS)

    def test_a_circle(self):
        with pytest.raises(ValueError, match=r"without end"):
            expand(r"\a", {"a": r"\b", "b": r"\a"})


class TestLaunch:
    PAGE = "chapters/part/one"

    def links(self, url, **more):
        return repository.launch_links(self.PAGE, {repository.URL_VARIABLE: url} | more)

    def test_nothing_without_an_address(self):
        assert repository.launch_links(self.PAGE, {}) == {}

    def test_github_opens_in_binder_and_colab(self):
        path = "chapters/part/one.ipynb"
        assert self.links("https://github.com/o/n") == {
            "Binder": f"https://mybinder.org/v2/gh/o/n/notebooks?urlpath=lab/tree/{path}",
            "Colab": f"https://colab.research.google.com/github/o/n/blob/notebooks/{path}",
        }

    def test_other_forges_open_in_binder(self):
        gitlab = self.links("https://gitlab.com/o/n", FEARLESS_NOTEBOOKS_BRANCH="a/b")
        assert list(gitlab) == ["Binder"]
        assert "/v2/gl/o%2Fn/a%2Fb?" in gitlab["Binder"]
        own = self.links("https://git.example/group/o/n")
        assert "/v2/git/https%3A%2F%2Fgit.example%2Fgroup%2Fo%2Fn/notebooks?" in own["Binder"]

    def test_a_hub_where_its_address_is_known(self):
        links = self.links(
            "https://git.example/o/n", FEARLESS_JUPYTERHUB_URL="https://hub.example/at/"
        )
        assert list(links) == ["Binder", "JupyterHub"]
        address, _, asked = links["JupyterHub"].partition("?")
        assert address == "https://hub.example/at/hub/user-redirect/git-pull"
        assert parse_qs(asked) == {
            "repo": ["https://git.example/o/n"],
            "branch": ["notebooks"],
            "urlpath": [f"lab/tree/n/{self.PAGE}.ipynb"],
        }
        assert (
            repository.launch_links(self.PAGE, {repository.HUB_VARIABLE: "https://h.example"}) == {}
        )

    @pytest.mark.parametrize("url", ["hub.example", "https://hub.example?x=1"])
    def test_an_address_that_is_none(self, url):
        with pytest.raises(ValueError, match=r"FEARLESS_JUPYTERHUB_URL is .* must be of the form"):
            self.links("https://github.com/o/n", FEARLESS_JUPYTERHUB_URL=url)

    def test_three_ways_to_open(self):
        three = {name: f"https://{name}.example" for name in ("Binder", "Colab", "JupyterHub")}
        text = re.sub("<[^>]+>", "", launch.foot("x.ipynb", "", three))
        assert "open it in Binder, Colab or JupyterHub" in text
        group = launch.buttons(three)["buttons"]
        assert [button["text"] for button in group] == list(three)

    def test_the_line_at_the_foot(self):
        bare = launch.foot("../x.ipynb", "", {})
        assert bare.count("<a ") == 1
        assert 'href="../x.ipynb" download' in bare
        full = launch.foot("x.ipynb", "x.md", {"Binder": "https://b.example/?a=1&b"})
        assert 'href="https://b.example/?a=1&amp;b"' in full
        text = re.sub("<[^>]+>", "", full)
        assert text.endswith("open it in Binder, download the notebook, or read its source.")
        both = launch.foot(
            "x.ipynb", "", {"Binder": "https://b.example", "Colab": "https://c.example"}
        )
        text = re.sub("<[^>]+>", "", both)
        assert text.endswith("open it in Binder or Colab or download the notebook.")


def test_notebooks_are_pushed_beside_the_sources(tmp_path):
    """The script of the publish workflow, with a repository that stands for the forge's."""

    def git(*arguments, cwd=tmp_path / "book"):
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@t.invalid", *arguments]
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    book = tmp_path / "book"
    (book / ".ci").mkdir(parents=True)
    script = book / ".ci" / "push-notebooks"
    script.write_bytes((ROOT / ".ci" / "push-notebooks").read_bytes())
    script.chmod(0o755)
    (book / "chapters").mkdir()
    (book / "chapters" / "x.md").write_text("# X\n")
    (book / ".gitignore").write_text("_build/\n")
    git("init", "--quiet", "--bare", str(tmp_path / "forge"), cwd=tmp_path)
    git("init", "--quiet", "--initial-branch=main")
    git("remote", "add", "origin", str(tmp_path / "forge"))
    git("add", ".")
    git("commit", "--quiet", "-m", "one")

    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}

    def push():
        return subprocess.run([script], capture_output=True, text=True, env=environment)

    failed = push()
    assert failed.returncode == 1
    assert "run 'make book' first" in failed.stderr

    made = book / "_build" / "html" / "notebooks" / "chapters"
    made.mkdir(parents=True)
    # Not made from the page beside it, or from one that is not there.
    (made / "x.ipynb").write_text("{}")
    os.utime(made / "x.ipynb", (0, 0))
    failed = push()
    assert failed.returncode == 1
    assert "is not in step with chapters/x.md" in failed.stderr
    (made / "y.ipynb").write_text("{}")
    assert "is not in step with chapters/y.md" in push().stderr
    (made / "y.ipynb").unlink()

    tips = []
    for content in ("{}", '{"a": 1}'):
        (made / "x.ipynb").write_text(content)
        done = push()
        assert done.returncode == 0, done.stderr
        files = git("ls-tree", "-r", "--name-only", "notebooks", cwd=tmp_path / "forge")
        assert {"chapters/x.md", "chapters/x.ipynb", ".gitignore"} <= set(files.split())
        shown = git("show", "notebooks:chapters/x.ipynb", cwd=tmp_path / "forge")
        assert shown == content
        tips.append(git("rev-parse", "notebooks", cwd=tmp_path / "forge"))
    # One follows the other, and both the sources they were made from.
    parents = git("rev-parse", "notebooks^@", cwd=tmp_path / "forge").split()
    assert parents == [tips[0], git("rev-parse", "HEAD")]
    again = push()
    assert "has these 1 notebooks already" in again.stdout
    assert git("rev-parse", "notebooks", cwd=tmp_path / "forge") == tips[1]

    # A hub brings a student's copy up to date and keeps what the student has written.
    student = tmp_path / "student"
    git(
        "clone",
        "--quiet",
        "--branch=notebooks",
        str(tmp_path / "forge"),
        str(student),
        cwd=tmp_path,
    )
    (student / "mine.txt").write_text("mine")
    (made / "x.ipynb").write_text('{"a": 2}')
    assert push().returncode == 0
    git("fetch", "--quiet", cwd=student)
    git("merge", "--quiet", "-Xours", "origin/notebooks", cwd=student)
    assert (student / "chapters" / "x.ipynb").read_text() == '{"a": 2}'
    assert (student / "mine.txt").read_text() == "mine"
    assert git("status", "--porcelain") == ""
