"""What an endpoint requires of a token: signature, times, issuer, audience, permission."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from nbincoming.core.auth.token_keys import AlgorithmName, TokenKey
from nbincoming.core.auth.tokens import (
    PERMISSION,
    PERMISSIONS_CLAIM,
    Token,
    bad_token,
    challenge,
    is_signed_by,
    keys_for,
)
from nbincoming.core.request.values import Value
from nbincoming.errors import LacksPermission, quote

#: How far two clocks may differ, in seconds.
LEEWAY_S: Final = 60

#: Latest time that a claim may hold: the end of the year 9999.
_LAST_S: Final = 253_402_300_799


@dataclass(frozen=True, slots=True)
class TokenPolicy:
    """What an endpoint requires of a token. :class:`~.schemes.Jwt` describes the fields."""

    algorithm: AlgorithmName
    permission: str | None = PERMISSION
    permissions_claim: str = PERMISSIONS_CLAIM
    leeway_s: int = LEEWAY_S
    audience: str | None = None
    issuer: str | None = None


def verify_token(
    token: Token, keys: Sequence[TokenKey], policy: TokenPolicy, now_ms: int
) -> Mapping[str, Value]:
    """Verify a token and return its claims.

    Raises
    ------
    BadToken
        If its signature, times, issuer or audience are wrong.
    LacksPermission
        If it is valid but does not grant the permission.
    """
    if token.algorithm != policy.algorithm:
        raise bad_token(
            f"The token is not signed with {policy.algorithm}, which this endpoint requires."
        )
    if not is_signed_by(token, policy.algorithm, keys_for(token, keys)):
        raise bad_token(
            "The token's signature matches no key in force. Sign it with a key of this endpoint."
        )
    claims = token.claims()
    check_times(claims, policy, now_ms)
    check_parties(claims, policy)
    check_permission(claims, policy)
    return claims


def check_times(claims: Mapping[str, Value], policy: TokenPolicy, now_ms: int) -> None:
    """Refuse a token that has expired, is not valid yet or never expires."""
    leeway_ms = policy.leeway_s * 1000
    end_ms = ends_at_ms(claims, policy)
    if now_ms >= end_ms:
        ago_s = (now_ms - end_ms + leeway_ms) // 1000
        raise bad_token(f"The token expired {ago_s:,} s ago. Log in again for a new one.")
    for name in ("nbf", "iat"):
        time_ms = _time_ms(claims, name)
        if time_ms is not None and time_ms > now_ms + leeway_ms:
            ahead_s = (time_ms - now_ms) // 1000
            raise bad_token(
                f"The token becomes valid in {ahead_s:,} s ({name}). Check the issuer's clock."
            )


def ends_at_ms(claims: Mapping[str, Value], policy: TokenPolicy) -> int:
    """Return a token's expiry time plus the leeway, in milliseconds since the epoch.

    Raises
    ------
    BadToken
        If its ``exp`` is missing or is not a time.
    """
    expires_ms = _time_ms(claims, "exp")
    if expires_ms is None:
        raise bad_token("The token has no exp. Issue tokens with an expiry time.")
    return expires_ms + policy.leeway_s * 1000


def _time_ms(claims: Mapping[str, Value], name: str) -> int | None:
    if name not in claims:
        return None
    time = claims[name]
    is_number = isinstance(time, int | Decimal) and not isinstance(time, bool)
    if not is_number or not 0 <= time <= _LAST_S:
        raise bad_token(f"The token's {name} is not a number of seconds since the epoch.")
    # Convert to int first, because decimal arithmetic depends on the caller's context.
    return int(time) * 1000


def check_parties(claims: Mapping[str, Value], policy: TokenPolicy) -> None:
    """Refuse a token from another issuer or for another audience."""
    if policy.issuer is not None and claims.get("iss") != policy.issuer:
        raise bad_token("The token is not from the issuer that this endpoint requires (iss).")
    if policy.audience is not None:
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if policy.audience not in audiences:
            raise bad_token("The token is not for the audience that this endpoint requires (aud).")


def check_permission(claims: Mapping[str, Value], policy: TokenPolicy) -> None:
    """Refuse a token that does not grant the permission."""
    if policy.permission is None:
        return
    granted = claims.get(policy.permissions_claim)
    # In a string, "in" would find substrings.
    if not isinstance(granted, list) or policy.permission not in granted:
        raise LacksPermission(
            f"The token does not grant {policy.permission} in its claim "
            f"{quote(policy.permissions_claim)}. Give the API key this permission.",
            headers=challenge("insufficient_scope"),
        )
