"""Claims: when they hold, what a failure says, and the validation of their list."""

import math
import os
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fearless.book.claims import Badge, ClaimFailed, check_claim, claim
from fearless.book.numbers import digits_for, format_number, number
from fearless.book.registry import KINDS, RELATIONS, Claim, load_claims


def registry(relation="close", **tolerance):
    entry = Claim(
        id="a-claim",
        statement="The risk is smaller than 1 & finite.",
        source='Somebody (2019), "Theorem 2"',
        page="part/page",
        kind="exact",
        relation=relation,
        tolerance=tolerance,
    )
    return {"a-claim": entry}


def check(measured, expected, relation="close", stderr=None, **tolerance):
    return check_claim(
        "a-claim", measured, expected, stderr=stderr, registry=registry(relation, **tolerance)
    )


finite = st.floats(-1e6, 1e6)
positive = st.floats(0, 1e3)


@given(finite, finite, positive, positive, positive, positive)
@example(m=1e6, e=0.0, abs_=5e-324, rel=0.0, multiple=0.0, stderr=0.0)
def test_close_is_its_definition(m, e, abs_, rel, multiple, stderr):
    allowed = abs_ + rel * abs(e) + multiple * stderr
    claims = registry(abs=abs_, rel=rel, stderr=multiple)
    try:
        result = check_claim("a-claim", m, e, stderr=stderr, registry=claims)
    except ClaimFailed as failure:
        result = failure.check
        assert abs(m - e) > allowed * (1 - 1e-12)
    else:
        assert abs(m - e) <= allowed * (1 + 1e-12)
    assert result.margin == pytest.approx(allowed - abs(m - e), abs=1e-6 * (1 + allowed))


@pytest.mark.parametrize(
    ("relation", "holding"),
    [("<", [(1, 2)]), ("<=", [(1, 2), (2, 2)]), (">", [(3, 2)]), (">=", [(3, 2), (2, 2)])],
)
def test_inequalities(relation, holding):
    for m in (1, 2, 3):
        if (m, 2) in holding:
            result = check(m, 2, relation)
            assert result.holds
            assert result.margin == abs(m - 2)
        else:
            with pytest.raises(ClaimFailed) as failure:
                check(m, 2, relation)
            assert failure.value.check.margin == -abs(m - 2)


def test_the_worst_element_decides_and_is_reported():
    result = check([[1.0, 2.1], [3.0, 4.0]], [[1.0, 2.0], [3.0, 4.0]], abs=0.5)
    assert (result.measured, result.expected, result.index) == (2.1, 2.0, (0, 1))
    assert result.size == 4
    assert "worst of 4" in result.numbers()


def test_the_worst_has_used_most_of_its_tolerance_not_the_least_of_it():
    result = check([0.0, 99.0], [0.0, 100.0], rel=0.1)  # the first has no tolerance, and needs none
    assert (result.measured, result.index) == (99.0, (1,))
    with pytest.raises(ClaimFailed) as failure:
        check([1e-3, 99.0], [0.0, 100.0], rel=0.1)
    assert failure.value.check.index == (0,)


def test_one_element_that_fails_is_enough():
    with pytest.raises(ClaimFailed, match=re.escape("index (2,) of 3")):
        check([1, 2, 9], 2, "<=")


def test_an_element_that_fails_is_reported_even_beside_one_with_the_same_margin():
    # 2 < 2 fails with margin 0, and no element has a smaller one.
    with pytest.raises(ClaimFailed):
        check([2, 1], [2, 5], "<")


def test_scalars_broadcast_against_arrays():
    assert check(np.ones((3, 1)), np.ones(4), abs=0).size == 12
    assert check([1.1, 0.9], 1, stderr=[0.1, 0.05], abs=0.2).size == 2


def test_a_failure_says_everything():
    with pytest.raises(ClaimFailed) as failure:
        check_claim(
            "a-claim", 2.5, 2, stderr=0.1, unit="s", registry=registry(abs=0.1, rel=0.01, stderr=3)
        )
    message = str(failure.value)
    for part in ("a-claim", "exact", "Somebody", "The risk is smaller", "2.5 s", "2.0 s"):
        assert part in message
    assert "0.1 + 0.01 |expected| + 3 s.e. = 0.42" in message
    assert "standard error 0.1" in message
    assert isinstance(failure.value, AssertionError)


def test_an_unknown_id_suggests_the_near_one():
    with pytest.raises(KeyError, match=r"a-clam.*did you mean 'a-claim'"):
        check_claim("a-clam", 1, 1, registry=registry(abs=0))


@pytest.mark.parametrize("bad", [math.nan, math.inf, [1, -math.inf], []])
@pytest.mark.parametrize("argument", ["measured", "expected", "stderr"])
def test_values_must_be_finite(argument, bad):
    values = {"measured": 1.0, "expected": 1.0, "stderr": 1.0, argument: bad}
    with pytest.raises(ValueError, match=f"{argument} of claim 'a-claim'"):
        check_claim("a-claim", **values, registry=registry(stderr=1))


@pytest.mark.parametrize("bad", ["2", None, True, 1j, [True], object(), {"a": 1}])
@pytest.mark.parametrize("argument", ["measured", "expected"])
def test_values_must_be_real_numbers(argument, bad):
    values = {"measured": 1.0, "expected": 1.0, argument: bad}
    with pytest.raises(TypeError, match=f"{argument} of claim 'a-claim'"):
        check_claim("a-claim", **values, registry=registry(abs=1))


def test_other_wrong_arguments():
    with pytest.raises(ValueError, match="pass stderr"):
        check_claim("a-claim", 1, 1, registry=registry(stderr=2))
    with pytest.raises(ValueError, match="negative"):
        check_claim("a-claim", 1, 1, stderr=-1, registry=registry(stderr=2))
    with pytest.raises(ValueError, match=r"shape \(2,\), expected \(3,\)"):
        check([1, 2], [1, 2, 3], abs=1)


def test_the_badge_as_text():
    badge = claim("a-claim", 2.001, 2, registry=registry(abs=0.02))
    assert isinstance(badge, Badge)
    assert repr(badge) == (
        "✓ The risk is smaller than 1 & finite. — measured 2.001, expected 2 ± 0.02 [exact]"
    )


@pytest.mark.parametrize(
    ("measured", "expected", "relation", "tolerance", "text"),
    [
        (297, 300, "close", {"abs": 15}, "measured 297, expected 300 ± 15"),
        (0.1432, 0.1876, "<", {}, "measured 0.143, claimed < 0.188"),
        (0.99996, 1, "<=", {}, "measured 0.99996, claimed ≤ 1"),
        (3.1e-14, 0, "close", {"abs": 1e-10}, "measured 3.1 × 10⁻¹⁴, expected 0 ± 1 × 10⁻¹⁰"),
        (-2.0004, -2, "close", {"abs": 0.001}, "measured −2.0004, expected −2 ± 0.001"),
        (5, 5, "close", {"abs": 0}, "measured 5, expected 5"),
        (12345.6, 12345, "close", {"abs": 10}, "measured 12,346, expected 12,345 ± 10"),
    ],
)
def test_numbers_have_the_digits_that_matter(measured, expected, relation, tolerance, text):
    assert check(measured, expected, relation, **tolerance).numbers() == text


class _Page(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.attributes, self.text = {}, ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.attributes = self.attributes or dict(attrs)

    def handle_data(self, data):
        self.text += data


def test_the_badge_as_html():
    badge = claim("a-claim", 2.001, 2, stderr=0.01, registry=registry(abs=0.02))
    page = _Page(badge._repr_html_())
    assert page.attributes["id"] == "claim-a-claim"
    assert page.attributes["data-claim"] == "a-claim"
    assert float(page.attributes["data-measured"]) == 2.001
    assert float(page.attributes["data-expected"]) == 2
    assert float(page.attributes["data-margin"]) == pytest.approx(0.019)
    assert page.text == (
        "✓ The risk is smaller than 1 & finite. measured 2.001 (s.e. 0.01), expected 2 ± 0.02 exact"
    )


def test_a_claim_that_fails_gives_no_badge():
    with pytest.raises(ClaimFailed):
        claim("a-claim", 3, 2, registry=registry(abs=0.1))


VALID = """
a-claim: {statement: It is so., source: this book, kind: exact,
          relation: close, tolerance: {abs: 0.1, rel: 1.0e-3}}
another: {statement: m < 1., source: this book, kind: negative, relation: "<"}
"""


def load(tmp_path, text, page="part/page"):
    path = tmp_path / f"{page}.yml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf8")
    return load_claims(tmp_path)


def test_a_list_of_claims(tmp_path):
    claims = load(tmp_path, VALID)
    assert list(claims) == ["a-claim", "another"]
    assert dict(claims["a-claim"].tolerance) == {"abs": 0.1, "rel": 0.001}
    assert claims["another"].relation == "<"
    assert {claim.page for claim in claims.values()} == {"part/page"}
    assert dict(load(tmp_path, "# nothing yet\n")) == {}


def test_a_changed_list_is_read_again(tmp_path):
    assert len(load(tmp_path, VALID)) == 2
    path = tmp_path / "part" / "page.yml"
    stamp = path.stat().st_mtime_ns
    path.write_text("{}", encoding="utf8")
    os.utime(path, ns=(stamp + 1, stamp + 1))
    assert len(load_claims(tmp_path)) == 0


def test_every_page_has_a_file_and_no_two_share_an_id(tmp_path):
    load(tmp_path, VALID)
    claims = load(tmp_path, VALID.replace("a-claim", "b").replace("another", "c"), "part/next")
    assert {id: claim.page for id, claim in claims.items()} == {
        "b": "part/next",
        "c": "part/next",
        "a-claim": "part/page",
        "another": "part/page",
    }
    with pytest.raises(ValueError, match=r"page\.yml: claim 'another' is also in part/next\.yml"):
        load(tmp_path, VALID.replace("a-claim", "b"), "part/next")


def test_names_of_folders_and_files(tmp_path):
    with pytest.raises(ValueError, match=r"Page\.yml is no page"):
        load(tmp_path, VALID, "part/Page")
    with pytest.raises(FileNotFoundError, match=r"one with a \.yml file a page"):
        load_claims(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("another", "a-claim", "'a-claim' is given twice, first in line 2"),
        ("abs: 0.1", "abs: 0.1, abs: 0.2", "'abs' is given twice"),
        ("source: this book, kind: exact", "sauce: this book, kind: exact", "unknown key 'sauce'"),
        ("source: this book, kind: exact", "kind: exact", "'source' is None"),
        ("kind: negative", "kind: negative, page: part/page", "unknown key 'page'"),
        ("kind: exact", "kind: proven", "'kind' is 'proven'; expected one of"),
        ("relation: close", "relation: equals", "'relation' is 'equals'"),
        ("tolerance: {abs: 0.1, rel: 1.0e-3}", "", "'tolerance' is None"),
        ("abs: 0.1", "abs: -0.1", "'abs' is -0.1"),
        ("rel: 1.0e-3", "rel: 1e-3", "YAML wants 1.0e-9"),
        ("abs: 0.1", "abs: true", "'abs' is True"),
        ("abs: 0.1", "sigma: 0.1", "has 'sigma'"),
        ('relation: "<"', 'relation: "<", tolerance: {abs: 1}', "belongs to 'close'"),
        ("statement: It is so.", "statement: ''", "'statement' is ''"),
        ("statement: It is so.", "statement: 'It is $x$.'", "plain Unicode"),
        ("another:", "Another_One:", "lower-case words"),
        ("another: {", "another: [", "part/page.yml"),
        ("another: {statement: m < 1.", "another: 7\nthird: {statement: m < 1.", "claim 'another'"),
    ],
)
def test_mistakes_in_the_list(tmp_path, old, new, message):
    assert VALID.count(old) == 1
    with pytest.raises(ValueError, match=re.escape(message)):
        load(tmp_path, VALID.replace(old, new))


def test_a_list_that_is_no_mapping(tmp_path):
    with pytest.raises(ValueError, match="holds a list"):
        load(tmp_path, "- a\n- b\n")


def test_the_books_own_list_is_valid():
    for id, entry in load_claims().items():
        assert entry.id == id
        assert entry.kind in KINDS
        assert entry.relation in RELATIONS


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (60_000, "60,000"),
        (-3, "−3"),
        (2.00134, "2.001"),
        (0.5, "0.5"),
        (99.996, "100"),
        (12345.678, "12,346"),
        (0.00012346, "0.0001235"),
        (0.000012345, "1.234 × 10⁻⁵"),
        (-3.2e-14, "−3.2 × 10⁻¹⁴"),
        (6.02e23, "6.02 × 10²³"),
        (math.inf, "∞"),
        (math.nan, "not a number"),
        (np.float32(0.25), "0.25"),
        (np.int64(1234), "1,234"),
    ],
)
def test_format_number(value, text):
    assert format_number(value) == text


@given(st.floats(1e-30, 1e30), st.integers(1, 12))
def test_a_formatted_number_is_right_to_its_digits(value, digits):
    text = format_number(value, digits).replace(",", "")
    superscripts = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
    back = float(text.replace(" × 10", "e").translate(superscripts))
    assert back == pytest.approx(value, rel=0.5 * 10 ** (1 - digits) * (1 + 1e-9))


@given(st.floats(1e-6, 1e6), st.integers(-9, 0))
def test_a_resolution_is_visible_in_the_digits(value, exponent):
    resolution = abs(value) * 10.0**exponent
    digits = digits_for(value, resolution)
    assert 3 <= digits <= 12
    assert format_number(value, digits) != format_number(value + resolution, digits)


def test_wrong_arguments_of_format_number():
    for bad in ("1", None, True, 1j, [1]):
        with pytest.raises(TypeError, match="value is"):
            format_number(bad)
    with pytest.raises(ValueError, match="digits"):
        format_number(1.0, 0)


def test_numbers_for_the_prose():
    assert number("a", 12345.678) == "12,346"
    assert number("a", -0.1234, ".1%") == "−12.3%"
    assert number("a", 3, lambda v: f"{v} seeds") == "3 seeds"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((1, 2.0), TypeError, "key is a int"),
        (("", 2.0), ValueError, "key is ''"),
        (("a:b", 2.0), ValueError, "colon"),
        (("a", math.nan), ValueError, "'a' is nan"),
        (("a", "text"), TypeError, "value is 'text'"),
        (("a", 2.0, "d"), ValueError, "fmt 'd' does not fit"),
    ],
)
def test_wrong_numbers_for_the_prose(arguments, error, message):
    with pytest.raises(error, match=message):
        number(*arguments)
