"""The findings that several schemes share."""

from __future__ import annotations

from nbincoming.core.auth.diagnosis.finding import given_twice, missing_header


def test_findings_name_the_header() -> None:
    """A missing header is reported with the one sent instead."""
    assert str(missing_header("x-a")) == "The header x-a is missing. Send x-a."
    assert "but x-b is there" in str(missing_header("x-a", instead="x-b"))
    assert "x-a is given 3 times" in str(given_twice("x-a", 3))
