"""The login of the kernel's listener: API keys go in, tokens of their integration come out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from nbincoming.core.auth.login import ApiKey, login
from nbincoming.core.auth.schemes import Jwt
from nbincoming.core.request.message import Request, Response
from nbincoming.errors import BadApiKey

#: The scheme of a login that knows no key.
_NOBODY: Final = Jwt(secrets=("env:NOBODY",))


@dataclass(frozen=True, slots=True)
class Desk:
    """Where one integration's API keys are exchanged for its tokens."""

    keys: tuple[ApiKey, ...]
    secret: bytes
    scheme: Jwt


def answer_login(request: Request, desks: Iterable[Desk]) -> Response:
    """Answer a login at whichever desk knows the key.

    Raises
    ------
    Refusal
        As :func:`nbincoming.core.auth.login.login`.
    """
    for desk in desks:
        try:
            return login(request, desk.keys, desk.scheme, desk.secret)
        except BadApiKey:
            continue
    return login(request, (), _NOBODY, b"")  # refuses as any unknown key is refused
