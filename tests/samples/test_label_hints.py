"""What labels suggest of their parameters."""

from __future__ import annotations

import pytest

from nbincoming.samples.label_hints import LabelHints, is_personal


@pytest.mark.parametrize(
    ("label", "secret"),
    [
        ("headers.authorization", True),
        ("headers.cookie[0]", True),
        ("headers.x-event", False),
        ("body.authorization", False),
    ],
)
def test_only_headers_are_credentials(label: str, secret: bool) -> None:
    """By their names; a body is the sender's own business."""
    assert LabelHints(label).secret is secret


def test_few_values_do_not_show_that_a_parameter_repeats() -> None:
    """From three values on, one that occurred twice clears the parameter."""
    hints = LabelHints("body.timestamp")
    assert hints.is_volatile(1, 2)
    assert not hints.is_volatile(2, 3)


def test_label_or_value_suggests_a_person() -> None:
    """One of them is enough."""
    assert is_personal("body.email")
    assert is_personal("body.contact", [None, "jane@example.com"])
    assert not is_personal("body.id", ["cmp-1", 5])
