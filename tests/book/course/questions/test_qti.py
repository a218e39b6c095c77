"""The self-tests as packages for other systems: complete, of the right structure, and working."""

import io
import re
import warnings
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
from qti_structure import QTI, faults

from fearless.book.course.questions import exports, moodle, qti
from fearless.book.course.questions.banks import PageQuestions, book_macros, read_banks
from fearless.book.course.questions.markup import inline_html, paragraphs
from fearless.book.course.questions.self_tests import parse_question, self_tests

ROOT = Path(__file__).resolve().parents[4]
MACROS = {"R": r"\mathbb{R}", "norm": [r"\lVert #1 \rVert", 1]}
BODY = r"""Is $\norm{x} < 1$ & *small* in "R"?

Really?

- [ ] No, as $x > 2$ for `a<b`.
  > It is $\R$.
- [x] Yes.
  > Because $a & b$.
- [ ] Perhaps.
  > Hm.
"""


@pytest.fixture(scope="module")
def question():
    question, wrong = parse_question("st-one", BODY.split("\n"), "part/page")
    assert not wrong
    return question


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quiz")
    return folder, exports.export(ROOT, folder)


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def item(question):
    return qti.serialized(qti.item(question, MACROS, "On a page."))


class TestMarkup:
    def test_formulas_are_tex_without_macros(self):
        assert inline_html(r"$\norm{x} < \R$", MACROS) == r"\(\lVert x \rVert &lt; \mathbb{R}\)"

    def test_text_is_what_the_site_shows(self):
        assert inline_html('a *b* `c<d>` & "e" <f>', {}) == (
            "a <em>b</em> <code>c&lt;d&gt;</code> &amp; “e” &lt;f&gt;"
        )
        assert paragraphs("a\nb\n\nc", {}) == ["a b", "c"]


class TestItem:
    def test_has_the_structure_of_the_specification(self, question):
        assert faults(item(question)) == []

    def test_says_all_of_the_question(self, question):
        text = item(question).decode()
        assert r"<p>Is \(\lVert x \rVert &lt; 1\) &amp; <em>small</em> in “R”?</p>" in text
        assert "<p>Really?</p>" in text
        assert "<em>On a page.</em>" in text
        assert r"No, as \(x &gt; 2\) for <code>a&lt;b</code>." in text
        assert r"<p><strong>Wrong.</strong> It is \(\mathbb{R}\).</p>" in text
        assert r"<p><strong>Right.</strong> Because \(a &amp; b\).</p>" in text

    def test_the_right_choice_is_right(self, question):
        root = ElementTree.fromstring(item(question))
        (value,) = root.iterfind(f"{QTI}responseDeclaration/{QTI}correctResponse/{QTI}value")
        choices = [node.get("identifier") for node in root.iter(f"{QTI}simpleChoice")]
        assert choices == ["A", "B", "C"]
        assert value.text == "B"
        assert [node.get("identifier") for node in root.iter(f"{QTI}modalFeedback")] == choices

    @pytest.mark.parametrize(
        ("old", "new", "fault"),
        [
            (' adaptive="false"', "", "assessmentItem lacks adaptive"),
            ("<itemBody>", '<itemBody color="red">', "itemBody has color"),
            ('cardinality="single"', 'cardinality="one"', "has cardinality='one'"),
            ("<itemBody>", "<itemBody>text", "itemBody holds text"),
            ("<itemBody>", "<itemBody><video/>", "itemBody holds video"),
            ("<value>B</value>", "", "correctResponse has 0 value"),
            ('identifier="A"', 'identifier="a b"', "has identifier='a b'"),
            ("<responseIf>", "<responseIf><match/>", "responseIf has 2 match"),
            ('<baseValue baseType="float">1</baseValue>', "", "setOutcomeValue has 0 children"),
            ('identifier="FEEDBACK"', 'identifier="SCORE"', "SCORE names 2 elements"),
            ("<em>small</em>", '<em id="RESPONSE">small</em>', "RESPONSE names 2 elements"),
            ('normalMaximum="1"', 'normalMaximum="٣"', "has normalMaximum='٣'"),
        ],
    )
    def test_the_structure_is_really_checked(self, question, old, new, fault):
        text = item(question).decode()
        assert old in text
        assert fault in " | ".join(faults(text.replace(old, new, 1).encode()))

    def test_a_body_may_not_be_empty(self, question):
        text = re.sub("<itemBody>.*</itemBody>", "<itemBody />", item(question).decode())
        assert faults(text.encode()) == ["itemBody has 0 children"]

    def test_the_order_is_really_checked(self, question):
        text = item(question).decode()
        processing = re.search("<responseProcessing>.*</responseProcessing>", text)[0]
        moved = text.replace(processing, "").replace("<itemBody>", f"{processing}<itemBody>")
        assert "assessmentItem has its children in the order" in " ".join(faults(moved.encode()))


class TestPackage:
    @pytest.fixture
    def files(self, question):
        pages = [PageQuestions("part/page", "A < B", (question,))]
        return [qti.serialized(qti.manifest("a", pages)), qti.serialized(qti.test("a", "A", pages))]

    def test_has_the_structure_of_the_specification(self, files):
        assert [faults(content) for content in files] == [[], []]

    @pytest.mark.parametrize(
        ("old", "new", "fault"),
        [
            ("<metadata>.*</metadata>", "", "manifest has 0 metadata"),
            ("<schemaversion>.*</schemaversion>", "", "metadata has 0 schemaversion"),
            ("1.0.0", "2.1", "schemaversion holds the text '2.1'"),
            ("<organizations", '<organizations default="a"', "organizations has default"),
            ("<organizations />", "<organizations> </organizations>", "organizations holds text"),
            ('ref="resource-', 'ref="', "st-one names nothing"),
            ('r="resource-a"', 'r="resource-st-one"', "resource-st-one names 2 elements"),
            ('"items/', '"items%', "has href='items%st-one.xml'"),
            ('r="part"', 'r="a"', "a names 2 elements"),
            ("<assessmentSection .*</assessmentSection>", "", "testPart has 0 assessmentSection"),
        ],
    )
    def test_the_structure_is_really_checked(self, files, old, new, fault):
        changed = [re.sub(old, new, content.decode(), count=1) for content in files]
        found = [found for content in changed for found in faults(content.encode())]
        assert fault in " | ".join(found)


class TestBook:
    def test_every_question_is_in_the_banks_of_its_part_and_page(self, exported):
        folder, counted = exported
        labels = {question.label for question in self_tests(ROOT / "chapters")}
        assert counted.questions == len(labels) >= 75
        assert (counted.banks, counted.pages) == (5, 25)
        for packages in (folder.glob("qti/*.zip"), folder.glob("qti/pages/*.zip")):
            found = [
                name.removeprefix("items/").removesuffix(".xml")
                for path in packages
                for name in members(path)
                if name.startswith("items/")
            ]
            assert sorted(found) == sorted(labels)
        found = re.findall(
            "<idnumber>(.+)</idnumber>",
            "".join(path.read_text(encoding="utf8") for path in folder.glob("moodle/*.xml")),
        )
        assert sorted(found) == sorted(labels)

    def test_every_file_has_the_structure_of_the_specification(self, exported):
        wrong = {
            f"{path.name} {name}": found
            for path in exported[0].rglob("*.zip")
            for name, content in members(path).items()
            if (found := faults(content))
        }
        assert wrong == {}

    def test_the_manifest_lists_what_is_there(self, exported):
        for path in exported[0].rglob("*.zip"):
            files = members(path)
            text = files.pop("imsmanifest.xml").decode()
            assert sorted(set(re.findall(' href="([^"]+)"', text))) == sorted(files)
            resources = set(re.findall('resource identifier="([^"]+)"', text))
            assert set(re.findall('identifierref="([^"]+)"', text)) < resources
            named = set(re.findall(' href="([^"]+)"', files["test.xml"].decode()))
            assert named == set(files) - {"test.xml"}
            assert next(iter(members(path))) == "imsmanifest.xml"  # readers look there first

    def test_no_macro_of_the_book_is_left(self, exported):
        names = "|".join(book_macros(ROOT))
        left = re.compile(rf"\\({names})(?![A-Za-z])")
        for path in exported[0].rglob("*.xml"):
            assert not left.search(path.read_text(encoding="utf8")), path
        for path in exported[0].rglob("*.zip"):
            for name, content in members(path).items():
                assert not left.search(content.decode()), name

    def test_the_same_questions_give_the_same_bytes(self, exported, tmp_path):
        exports.export(ROOT, tmp_path)
        first, second = (
            {p.relative_to(f): p.read_bytes() for p in f.rglob("*") if p.is_file()}
            for f in (exported[0], tmp_path)
        )
        assert first == second

    # It warns of methods of its own that it calls by their old names.
    @pytest.mark.filterwarnings("ignore::DeprecationWarning:pyslet")
    def test_an_independent_reader_runs_every_item(self, exported):
        """pyslet, which implements the specification, scores each choice and picks its feedback."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            xml = pytest.importorskip("pyslet.qtiv2.xml")
            variables = pytest.importorskip("pyslet.qtiv2.variables")
        count = 0
        for path in exported[0].glob("qti/*.zip"):
            for name, content in members(path).items():
                if name == "imsmanifest.xml":
                    continue
                document = xml.QTIDocument()
                document.read(io.BytesIO(content))
                if not name.startswith("items/"):
                    continue
                (right,) = re.findall(rb"<value>([A-D])</value>", content)
                for letter in re.findall(rb'simpleChoice identifier="(\w)"', content):
                    state = variables.ItemSessionState(document.root)
                    state.begin_session()
                    state.begin_attempt()
                    state["RESPONSE"].set_value(letter.decode())
                    state.end_attempt()
                    assert state["SCORE"].value == (letter == right)
                    assert state["FEEDBACK"].value == letter.decode()
                count += 1
        assert count == exported[1].questions


class TestMoodle:
    def test_a_quiz_has_what_moodle_asks_for(self):
        bank = read_banks(ROOT)[0]
        root = moodle.quiz(bank, "The Book", MACROS)
        assert root.tag == "quiz"
        categories = [
            node.findtext("category/text") for node in root if node.get("type") == "category"
        ]
        assert categories == [
            f"$course$/top/The Book/{bank.title}/{page.title}" for page in bank.pages
        ]
        questions = [node for node in root if node.get("type") == "multichoice"]
        assert len(questions) == len(bank.questions)
        for node, question in zip(questions, bank.questions, strict=True):
            assert node.findtext("single") == "true"
            assert node.find("questiontext").get("format") == "html"
            answers = node.findall("answer")
            fractions = [answer.get("fraction") for answer in answers]
            assert fractions.index("100") == question.answer
            assert set(fractions) == {"100", "0"}
            assert all(answer.findtext("feedback/text") for answer in answers)
            assert node.findtext("idnumber") == question.label

    def test_slashes_in_titles_begin_no_category(self):
        bank = read_banks(ROOT)[0]
        page = type(bank.pages[0])("chapters/a/b", "Bias/variance", bank.pages[0].questions)
        root = moodle.quiz(type(bank)("a", "A", (page,)), "Book", {})
        assert root.findtext("question/category/text").endswith("/Bias//variance")

    def test_the_declaration_is_the_first_thing_in_the_file(self, exported):
        for path in exported[0].glob("moodle/*.xml"):
            content = path.read_bytes()
            assert content.startswith(b"<?xml")
            ElementTree.fromstring(content)
