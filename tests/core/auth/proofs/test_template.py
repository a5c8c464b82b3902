"""Templates of what a sender signs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbincoming.core.auth.proofs.template import Part, parts_of, placeholders_of, shown

texts = st.text().filter(lambda text: not set("{}") & set(text))


@given(before=texts, between=texts)
def test_text_is_signed_as_it_is(before: str, between: str) -> None:
    """Around the placeholders, of which each may be used more than once."""
    parts = parts_of(f"{before}{{timestamp}}{between}{{body}}{{timestamp}}")
    written = "".join(
        f"{{{part.placeholder}}}" if part.placeholder else part.text for part in parts
    )
    assert written == f"{before}{{timestamp}}{between}{{body}}{{timestamp}}"


def test_a_header_is_named_in_lower_case() -> None:
    """Headers are found by it."""
    assert parts_of("{header:X-Event}{body}") == (Part("header", "x-event"), Part("body"))
    assert placeholders_of("a{header:X-Event}{body}b") == {"header", "body"}


@pytest.mark.parametrize(
    "template",
    ["{BODY}", "{body", "body}", "{}{body}", "{secret}{body}", "{header}{body}", "{body:x}",
     "{header:x y}{body}", "{{body}}"],
)  # fmt: skip
def test_a_brace_that_is_no_placeholder_is_refused(template: str) -> None:
    """The message lists the placeholders and does not repeat the template."""
    with pytest.raises(ValueError, match=r"Braces are for \{body\}, .* and \{header:NAME\}"):
        parts_of(template)


@pytest.mark.parametrize("template", ["", "{timestamp}", "x"])
def test_a_template_must_contain_the_body(template: str) -> None:
    """Otherwise the signature would fit any body."""
    with pytest.raises(ValueError, match="does not protect the body"):
        parts_of(template)


def test_a_template_is_shown_in_angle_brackets() -> None:
    """As messages and documents write it."""
    assert shown("v0:{timestamp}:{body}") == "v0:<time>:<body>"
    assert shown("{header:X-A}{body}") == "<x-a><body>"
