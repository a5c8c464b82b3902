"""What pydantic found, in our words: every problem, each with its place."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from pydantic import ValidationError

from nbincoming.core.labels import format_name
from nbincoming.core.values import number_text
from nbincoming.errors import QUOTE_LIMIT, Problem, quote

_MESSAGES: Final = {
    "extra_forbidden": "This field is unknown. Remove it, or check its spelling.",
    "missing": "This field is required. Add it.",
    "model_attributes_type": "Write an object {…}.",
    "model_type": "Write an object {…}.",
    "tuple_type": "Write a list […].",
    "union_tag_invalid": "The {discriminator} given is unknown. Write one of {expected_tags}.",
    "union_tag_not_found": "Write an object {{…}} with the member {discriminator}.",
}

#: What to do about a list that is too short, by the member's name.
_TOO_SHORT: Final = {
    "parameters": "Choose one parameter or more, or leave deduplication out.",
    "secrets": "Name a secret, such as env:NAME or file:/path.",
}
_EMPTY_GROUP: Final = (
    "This is empty, so it could never hold. Add a condition or remove the group."
)

#: Errors whose messages are ours and say what was given where that helps.
_OWN: Final = ("value_error", "leaf", "condition")

#: Where somebody may have written a secret by mistake: what was given is not shown.
_HIDDEN: Final = frozenset({"authorization", "secrets", "verify_token"})


def problems_of(error: ValidationError) -> tuple[Problem, ...]:
    """List the problems of a failed validation, in document order."""
    details = error.errors(include_url=False)
    places = [tuple(detail["loc"]) for detail in details]
    problems = []
    for detail, place in zip(details, places, strict=True):
        if detail["type"] == "too_short" and any(
            other[: len(place)] == place and len(other) > len(place) for other in places
        ):
            continue  # the list is not short: its items have problems of their own
        context = detail.get("ctx", {})
        if "member" in context:
            place = (*place, str(context["member"]))
        message = _MESSAGES.get(detail["type"])
        if message is None:
            message = detail["msg"].removeprefix("Value error, ")
            if detail["type"] not in _OWN and not _HIDDEN.intersection(place):
                message = f"{message.rstrip('.')}; {quote(detail['input'])} was given."
        if detail["type"] == "too_short":
            message = "This is empty, so it could never hold. Add a condition or remove the group."
        if message[-1] not in ".?!":
            message += "."
        problems.append(Problem(place_text(place), message))
    return tuple(dict.fromkeys(problems))


def place_text(place: tuple[int | str, ...]) -> str:
    """Write a place as a path: ``triggers[0].when.all[1].parameter``."""
    text = ""
    for index, part in enumerate(place):
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.startswith("<") or (index and place[index - 1] == "authorization"):
            # pydantic's tags, which tell the members of a union apart: a condition's kind,
            # an authorization's scheme
            continue
        else:
            text += f".{part}" if text else part
    return text
