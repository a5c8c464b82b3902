"""Parameters are found by path, and show no values."""

from __future__ import annotations

from typing import Any

import pytest

from nbincoming.core.request.labels import ELEMENTS, Path
from nbincoming.core.request.masking import (
    MASK,
)
from nbincoming.core.request.parameters import (
    Parameters,
    resolve,
)
from nbincoming.core.request.values import MISSING

ORDER = {
    "id": 7,
    "note": None,
    "items": [
        {"sku": "a", "tags": ["x", "y"]},
        {"sku": "b"},
        {"tags": []},
        {"sku": None, "tags": ["z"]},
    ],
    "grid": [[1, 2], [3], "x"],
}


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ((), ORDER),
        (("id",), 7),
        (("note",), None),
        (("none",), MISSING),
        (("id", "x"), MISSING),
        (("id", 0), MISSING),
        (("note", "x"), MISSING),
        (("items", 1, "sku"), "b"),
        (("items", 4), MISSING),
        (("items", "0"), MISSING),
        (("items", 1, "tags"), MISSING),
        (("items", 1, "tags", 0), MISSING),
        (("items", ELEMENTS, "sku"), ["a", "b", None]),
        (("items", ELEMENTS, "tags"), [["x", "y"], [], ["z"]]),
        (("items", ELEMENTS, "tags", ELEMENTS), ["x", "y", "z"]),
        (("items", ELEMENTS, "tags", 0), ["x", "z"]),
        (("items", ELEMENTS, "none"), []),
        (("grid", ELEMENTS, ELEMENTS), [1, 2, 3]),
        (("id", ELEMENTS), MISSING),
        (("none", ELEMENTS), MISSING),
    ],
)
def test_a_path_is_followed_as_far_as_it_goes(path: Path, wanted: Any) -> None:
    """Null is a value, missing is none, and [*] gathers what the elements have."""
    assert resolve(ORDER, path) == wanted


def test_the_flat_form_masks_secrets_unless_told_otherwise() -> None:
    """A frame shows that there was a header, and not what it carried."""
    parameters = Parameters({"id": 1}, {"authorization": "Bearer x", "x-a": ["1", "2"]})
    assert parameters.flat() == {
        "body.id": 1,
        "headers.authorization": MASK,
        "headers.x-a[0]": "1",
        "headers.x-a[1]": "2",
    }
    assert parameters.flat(masked=False)["headers.authorization"] == "Bearer x"
    assert Parameters([]).flat() == {"body": []}


def test_parameters_are_found_by_path_in_either_root() -> None:
    """The first segment chooses body or headers."""
    parameters = Parameters({"id": 1}, {"x-a": "2"})
    assert parameters.at(("body", "id")) == 1
    assert parameters.at(("headers", "x-a")) == "2"
    assert parameters.at(("headers", "id")) is MISSING
    assert parameters.roots() == {"body": {"id": 1}, "headers": {"x-a": "2"}}


def test_parameters_show_no_values() -> None:
    """Their text ends up in logs and tracebacks."""
    assert repr(Parameters({"a": "s3cr3t"}, {"cookie": "s3cr3t"})) == (
        "<Parameters: a body and 1 headers>"
    )
