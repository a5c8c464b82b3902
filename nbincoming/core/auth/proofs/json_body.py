"""The JSON body in which some senders put their proof.

It is decoded to find the proof. Nothing else is done with it before the proof is checked.
"""

from __future__ import annotations

from typing import Any, Final

from nbincoming.core.auth.signatures import missing_signature
from nbincoming.core.request.message import Request
from nbincoming.core.request.reading import Limits, decode
from nbincoming.core.request.values import Value, number_text
from nbincoming.errors import Refusal

#: The largest limits that a spec can set: its own limits are checked after authorization.
_LIMITS: Final = Limits(max_body_bytes=67_108_864, max_depth=150, max_parameters=1_000_000)


def json_body(request: Request) -> Any:
    """Decode the body of a request.

    Raises
    ------
    MissingCredentials
        If it is not JSON, because then it has no proof.
    """
    try:
        return decode(request.body, limits=_LIMITS)
    except Refusal as refusal:
        raise missing_signature(
            f"The proof of this sender is inside the JSON body. {refusal.detail}"
        ) from None


def member(value: Any, name: str) -> Any:
    """Return a member of an object; None if there is none, or no object."""
    return value.get(name) if isinstance(value, dict) else None


def json_object(value: Any) -> dict[str, Any]:
    """Return an object.

    Raises
    ------
    MissingCredentials
        If it is something else, because then it has no proof.
    """
    if not isinstance(value, dict):
        raise missing_signature("The body does not have the objects that this sender sends.")
    return value


def scalar(value: Value) -> bytes | None:
    """Return a scalar as the sender's text; None for anything else."""
    if value is None or isinstance(value, dict | list):
        return None
    if isinstance(value, bool):
        return b"true" if value else b"false"
    return (value if isinstance(value, str) else number_text(value)).encode()
