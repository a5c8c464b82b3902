"""The grammar of labels: one label, one path, and back."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbincoming.core.request.labels import ELEMENTS, Path, format_name, format_path, parse
from nbincoming.errors import LabelError
from tests.core.strategies import HOSTILE_NAMES, element_paths, names


@given(element_paths)
def test_a_label_reads_back_as_its_path(path: Path) -> None:
    """Whatever a member is called, its label leads to it."""
    assert parse(format_path(path)) == path


@given(st.text())
def test_a_label_that_is_read_has_one_canonical_form(text: str) -> None:
    """Reading is total: a path, or a LabelError; and a path has one label."""
    try:
        path = parse(text)
    except LabelError:
        return
    assert parse(format_path(path)) == path


@given(st.lists(st.sampled_from([*'.[]"*\\a0 \n', "body", '["', '"]', "[0]"]), max_size=8))
def test_what_looks_like_a_label_is_read_or_refused(parts: list[str]) -> None:
    """Pieces of the grammar in any order raise nothing but a LabelError."""
    text = "body" + "".join(parts)
    try:
        path = parse(text)
    except LabelError:
        return
    assert parse(format_path(path)) == path


@given(element_paths, element_paths)
def test_different_paths_have_different_labels(one: Path, other: Path) -> None:
    """Two parameters never share a label."""
    assert (format_path(one) == format_path(other)) == (one == other)


@pytest.mark.parametrize(
    ("path", "label"),
    [
        (("body",), "body"),
        (("body", "complaint", "customer", "id"), "body.complaint.customer.id"),
        (("body", "attachments", 0, "fileName"), "body.attachments[0].fileName"),
        (("body", 0, 1), "body[0][1]"),
        (("headers", "x-event"), "headers.x-event"),
        (("headers", "a b"), 'headers["a b"]'),
        (("body", "a.b"), 'body["a.b"]'),
        (("body", "a", "b"), "body.a.b"),
        (("body", ""), 'body[""]'),
        (("body", "0"), "body.0"),
        (("body", 0), "body[0]"),
        (("body", "zażółć"), "body.zażółć"),
        (("body", "two words"), 'body["two words"]'),
        (("body", 'say "hi"'), 'body["say \\"hi\\""]'),
        (("body", "\\"), "body.\\"),
        (("body", "a\nb"), 'body["a\\nb"]'),
        (("body", "[*]"), 'body["[*]"]'),
        (("body", ELEMENTS, "price"), "body[*].price"),
        (("body", "*"), "body.*"),
    ],
)
def test_a_path_is_written_as_its_label(path: Path, label: str) -> None:
    """Plain names follow a dot, others are quoted, and indexes stand in brackets."""
    assert format_path(path) == label
    assert parse(label) == path


@pytest.mark.parametrize(
    ("label", "canonical"),
    [
        ('body["plain"]', "body.plain"),
        ('body["\\u0061"]', "body.a"),
        ("headers.X-Delivery-Id", "headers.x-delivery-id"),
        ('headers["X-Delivery-Id"]', "headers.x-delivery-id"),
        ("headers.X-Tags[0]", "headers.x-tags[0]"),
        ("body.Order.Id", "body.Order.Id"),
        ('body["a\\/b"]', "body.a/b"),
        ('body["\\ud83d\\ude00"]', "body.😀"),
        ('body["a\tb"]', 'body["a\\tb"]'),
    ],
)
def test_another_spelling_is_read_and_brought_to_the_canonical_one(
    label: str, canonical: str
) -> None:
    """A person may quote a plain name; a spec then holds the one label."""
    assert format_path(parse(label)) == canonical


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_hostile_name_is_one_segment(name: str) -> None:
    """No name can pass for a path of several members."""
    assert parse("body" + format_name(name)) == ("body", name)


@given(names, names)
def test_a_name_is_not_taken_for_two(one: str, other: str) -> None:
    """``a.b`` as a name and as a member of a member are apart."""
    assert format_path(("body", one, other)) != format_path(("body", f"{one}.{other}"))


@pytest.mark.parametrize(
    "label", ["", "bod", "Body", "bodyx", "body_a", "query.x", " body", "headersx", "0", "[0]"]
)
def test_a_label_starts_with_its_root(label: str) -> None:
    """What starts otherwise is told where parameters start."""
    with pytest.raises(LabelError, match="starts with 'body' or 'headers'"):
        parse(label)


@pytest.mark.parametrize(
    ("label", "character"),
    [
        ("body.", 5),
        ("body..a", 5),
        ("body.a.", 7),
        ("body.a b", 7),
        ("body[", 5),
        ("body[]", 5),
        ("body[-1]", 5),
        ("body[01]", 5),
        ("body[1.5]", 5),
        ("body[0", 5),
        ("body[0]]", 8),
        ("body[x]", 5),
        ("body['x']", 5),
        ('body["x]', 5),
        ('body["x"', 5),
        ("body[*", 5),
        ("body[**]", 5),
        ("body[9999999999]", 5),
        ("body.a\x7fb", 7),
        ("body.\ud800", 5),
        ("body.a\n", 7),
    ],
)
def test_a_broken_label_is_told_where_it_breaks(label: str, character: int) -> None:
    """The message names the character, and the form that would be right."""
    with pytest.raises(LabelError, match=f"stops being a parameter at character {character}\\."):
        parse(label)


@pytest.mark.parametrize(
    "label", [r'body["\x"]', r'body["\ud800"]', 'body["\ud800"]', r'body["\u12"]', r'body["\u{1}"]']
)
def test_a_quoted_name_is_a_json_string(label: str) -> None:
    """A bad escape and a lone surrogate are no names."""
    with pytest.raises(LabelError, match="is not a JSON string"):
        parse(label)


def test_a_long_label_is_cut_in_messages() -> None:
    """A message stays readable whatever was typed."""
    with pytest.raises(LabelError) as raised:
        parse("x" * 10_000)
    assert len(str(raised.value)) < 250


def test_a_label_error_is_a_value_error() -> None:
    """Callers who do not know the package catch it as such."""
    with pytest.raises(ValueError, match="not a parameter"):
        parse("x")


def test_elements_stays_itself() -> None:
    """The segment for all elements survives a copy and a pickle, and shows its name."""
    assert copy.deepcopy(ELEMENTS) is ELEMENTS
    assert pickle.loads(pickle.dumps(ELEMENTS)) is ELEMENTS
    assert repr(ELEMENTS) == "ELEMENTS"
