"""The lists of theorems and figures, on a tiny book, and the small pictures."""

import io
import re
import subprocess
import sys

import pytest
from docutils import nodes
from PIL import Image

from fearless.book.sphinx.reference.indexes import first_sentence
from fearless.book.sphinx.reference.thumbnails import HEIGHT, WIDTH, to_png

CONF = """
project = "Tiny"
extensions = [
    "myst_nb", "sphinx_proof", "sphinx.ext.mathjax", "fearless.book.sphinx.reference.indexes",
]
html_theme = "basic"
numfig = True
myst_enable_extensions = ["dollarmath"]
nb_execution_mode = "off"
exclude_patterns = ["_out"]
"""
INDEX = """# Lists

```{toctree}
:numbered:
sub/page
```

## Theorems

```{theorem-index}
```

## Figures

```{figure-index}
```
"""
PAGE = """# A page

```{prf:theorem} The peak at $N = n$
:label: thm-peak

The error peaks.
```

```{prf:lemma}
:label: lem-silent

It has no title.
```

```{figure} drawing.svg
:name: fig-first
:alt: A line that falls.

The curve of {prf:ref}`thm-peak`, i.e. with $n = 10$ samples. A second sentence.
```

```{figure} slider.svg
:name: fig-slider
:alt: A line that falls.

Frames
```

```{figure} handles.svg
:name: fig-handles
:alt: A line that falls.

Handles
```
"""
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="100pt" height="200pt" viewBox="0 0 100 200">'
    '<rect width="100" height="200" fill="#dc762a"/></svg>'
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    root = tmp_path_factory.mktemp("lists")
    (root / "sub").mkdir()
    for name, text in (("conf.py", CONF), ("index.md", INDEX), ("sub/page.md", PAGE)):
        (root / name).write_text(text, encoding="utf8")
    for name, kind in (("slider", "slider"), ("handles", "manipulation")):
        carried = f'<metadata id="fearless-{kind}">AAAA</metadata></svg>'
        (root / "sub" / f"{name}.svg").write_text(SVG.replace("</svg>", carried), encoding="utf8")
    (root / "sub" / "drawing.svg").write_text(SVG, encoding="utf8")
    command = [sys.executable, "-m", "sphinx", "-W", "-n", "--keep-going", ".", "_out"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return root / "_out"


def section(tiny, name):
    text = (tiny / "index.html").read_text(encoding="utf8")
    return text.partition(f'<section id="{name}">')[2].partition("</section>")[0]


def words(markup):
    return " ".join(re.sub(r"<[^>]*>", " ", markup).split())


def test_statements_have_number_title_and_page(tiny):
    found = section(tiny, "theorems")
    assert 'href="sub/page.html#thm-peak">Theorem 1.1</a>' in found
    assert r"The peak at \(N = n\)" in words(found)
    assert 'href="sub/page.html#lem-silent">Lemma 1.1</a>' in found
    assert 'href="sub/page.html"' in found
    assert "Figure" not in words(found)


def test_figures_have_number_first_sentence_and_picture(tiny):
    found = section(tiny, "figures")
    assert 'href="sub/page.html#fig-first">Figure 1.1</a>' in found
    assert "second" not in found
    # The reference in the caption leads on from the list, too.
    assert 'href="sub/page.html#thm-peak"' in found
    assert r"i.e. with \(n = 10\) samples" in words(found)
    picture = re.search(r'<img src="([^"]+)" alt="" width="144" height="100" loading="lazy"', found)
    assert (tiny / picture[1]).is_file()


def test_figures_that_move_are_marked(tiny):
    rows = re.findall(r"<li>.*?</li>", section(tiny, "figures"), re.DOTALL)
    marked = [words(row) for row in rows if "index-mark" in row]
    assert marked == ["Figure 1.2 Frames interactive", "Figure 1.3 Handles interactive"]


def test_the_list_repeats_no_anchor(tiny):
    ids = re.findall(r'\bid="([^"]+)"', (tiny / "index.html").read_text(encoding="utf8"))
    assert len(ids) == len(set(ids))
    assert "fig-first" not in ids


@pytest.mark.parametrize(
    ("caption", "wanted"),
    [
        ("One. Two.", "One"),
        ("Loss, cf. the text. More", "Loss, cf. the text"),
        ("At 0.5 samples", "At 0.5 samples"),
        ("Where does it go? Up.", "Where does it go?"),
    ],
)
def test_first_sentence_of_a_caption(caption, wanted):
    assert "".join(part.astext() for part in first_sentence([nodes.Text(caption)])) == wanted


def test_first_sentence_ends_after_a_formula():
    parts = [nodes.Text("Here "), nodes.math("", "n"), nodes.Text(". There "), nodes.math("", "m")]
    assert [part.astext() for part in first_sentence(parts)] == ["Here ", "n", ""]


def test_pictures_are_small_and_keep_their_shape():
    png = to_png(SVG.replace("</svg>", "<metadata>" + "x" * 10_000 + "</metadata></svg>"))
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    assert picture.size == (2 * WIDTH, 2 * HEIGHT)
    assert len(png) < 5000
    middle, corner = picture.getpixel((WIDTH, HEIGHT)), picture.getpixel((2, 2))
    assert max(abs(a - b) for a, b in zip(middle, (0xDC, 0x76, 0x2A), strict=True)) < 8
    assert min(corner) > 245
