"""Turn pydantic's validation errors into problems with plain messages."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from pydantic import ValidationError

from nbincoming.core.request.labels import format_name
from nbincoming.core.request.values import number_text
from nbincoming.errors import QUOTE_LIMIT, Problem, quote

#: Public, because pydantic finds lone surrogates only where it checks a text's length.
LONE_SURROGATE: Final = "This has a lone surrogate, which UTF-8 cannot encode. Remove it."

_MESSAGES: Final = {
    "extra_forbidden": "This field is unknown. Remove it, or check its spelling.",
    "missing": "This field is required. Add it.",
    "model_attributes_type": "Write an object, in braces.",
    "model_type": "Write an object, in braces.",
    "string_unicode": LONE_SURROGATE,
    "tuple_type": "Write a list, in brackets.",
    "union_tag_invalid": "The {discriminator} given is unknown. Write one of {expected_tags}.",
    "union_tag_not_found": "Write an object with the member {discriminator}.",
}

_EMPTY_GROUP: Final = (
    "This is empty, so it could never be true. Add a condition or remove the group."
)
#: What to do about an empty list, by the member's name.
_TOO_SHORT: Final = {
    "all": _EMPTY_GROUP,
    "any": _EMPTY_GROUP,
    "parameters": "Choose one parameter or more, or leave deduplication out.",
    "secrets": "Name a secret, such as env:NAME or file:/path.",
}

#: Errors whose messages nbincoming writes. They quote the value where that helps.
_OWN_ERRORS: Final = ("value_error", "leaf", "condition")

#: Members in which a user may have written a secret by mistake: their values are not shown.
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
            continue  # the list is not empty: its items have problems
        context = detail.get("ctx", {})
        if "member" in context:
            place = (*place, str(context["member"]))
        problems.append(Problem(place_text(place), _message(detail, place, context)))
    return tuple(dict.fromkeys(problems))


def place_text(place: tuple[int | str, ...]) -> str:
    """Write a place as a path: ``triggers[0].when.all[1].parameter``."""
    text = ""
    for index, part in enumerate(place):
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.startswith("<") or (index and place[index - 1] == "authorization"):
            # pydantic's tag of a union's member: a condition's kind, an authorization's scheme
            continue
        else:
            text += format_name(part[:QUOTE_LIMIT])
    return text.removeprefix(".")


def _message(detail: Mapping[str, Any], place: tuple[int | str, ...], context: Any) -> str:
    kind = detail["type"]
    if kind == "too_short":
        return _TOO_SHORT.get(str(place[-1]), "Give one or more.")
    if kind == "too_long":
        return f"Give at most {context['max_length']}; {context['actual_length']} are given."
    if kind in _MESSAGES:
        return _MESSAGES[kind].format(**context)
    message = str(detail["msg"]).removeprefix("Value error, ")
    if kind not in _OWN_ERRORS and not _HIDDEN.intersection(place):
        message = f"{message.rstrip('.')}; {_shown(detail['input'])} was given."
    return message if message[-1] in ".?!" else message + "."


def _shown(value: object) -> str:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return number_text(value)[:QUOTE_LIMIT]  # as a spec writes it, not as Python does
    return quote(value)
