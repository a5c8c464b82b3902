"""The endpoint of a spec as OpenAPI 3.1, for its callers.

The schema of the body allows any object or array, because the endpoint accepts them. The
extension ``x-observed-schema`` has the schema inferred from samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from nbincoming.core.auth.proofs.proof import Proof
from nbincoming.core.auth.proofs.signature_format import SignatureFormat
from nbincoming.core.auth.proofs.wording import (
    ENCODINGS,
    TIMES,
    algorithm,
    covered,
    describe,
    written,
)
from nbincoming.core.auth.schemes import Authorization, Basic, HeaderToken, Jwt, NoAuthorization
from nbincoming.core.deduplication import MAX_OWN_HASH_BYTES, OWN_HASH_HEADER
from nbincoming.core.gateway import endpoint_path
from nbincoming.core.request.labels import parse
from nbincoming.core.request.values import Value
from nbincoming.core.spec.model import Spec
from nbincoming.errors import (
    BadHeader,
    BadJSON,
    BodyTooLarge,
    InboxUnavailable,
    LacksPermission,
    Refusal,
    TooManyRequests,
    Unauthorized,
    UnsupportedMediaType,
)
from nbincoming.export.example import good_examples
from nbincoming.export.payload import inferred

#: Where a spec is served by default.
LOCAL: Final = "http://127.0.0.1:8080"

_OK: Final = {
    "description": "Accepted, or filtered because no trigger matches.",
    "content": {"text/plain": {"schema": {"type": "string", "const": "OK"}}},
}

#: Headers that OpenAPI describes elsewhere and does not allow as parameters.
_DESCRIBED: Final = frozenset({"accept", "content-type", "authorization"})


def openapi(spec: Spec, *, url: str = LOCAL, bodies: Sequence[Value] = ()) -> dict[str, Value]:
    """Describe the endpoint of a spec.

    Parameters
    ----------
    spec
        The draft or version.
    url
        Where it is served: scheme, host and port.
    bodies
        Decoded bodies of samples, to infer the payload's schema from. By default, the bodies of
        the spec's examples.
    """
    schemes, required = _security(spec.authorization)
    path: dict[str, Value] = {"post": _post(spec, bodies, required)}
    if getattr(spec.authorization, "verify_token", None):
        path["get"] = _handshake()
    return {
        "openapi": "3.1.1",
        "info": {
            "title": spec.name,
            "version": str(spec.version) if spec.version else "draft",
            "description": _description(spec),
        },
        "servers": [{"url": url.rstrip("/")}],
        "paths": {endpoint_path(spec.endpoint): path},
        "components": {
            "schemas": {"Problem": _PROBLEM},
            **({"securitySchemes": schemes} if schemes else {}),
        },
    }


# --- the request -----------------------------------------------------------------------


def _post(spec: Spec, bodies: Sequence[Value], required: list[Value]) -> dict[str, Value]:
    examples = {each.name: {"value": body} for each, body in good_examples(spec)}
    observed = list(bodies) or [each["value"] for each in examples.values()]
    content: dict[str, Value] = {
        "schema": {
            "type": ["object", "array"],
            "description": "Any object or array. x-observed-schema describes those seen so far.",
            **({"x-observed-schema": inferred(observed)} if observed else {}),
        }
    }
    if examples:
        content["examples"] = examples
    parameters = list(_header_parameters(spec))
    return {
        "operationId": "trigger",
        "summary": f"Send an event to {spec.name}",
        **({"parameters": parameters} if parameters else {}),
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": _responses(spec),
        "security": required,
    }


def _header_parameters(spec: Spec) -> Iterator[dict[str, Value]]:
    """Describe the headers that a key or a condition reads."""
    paths = sorted({parse(label)[:2] for label in spec.labels()}, key=str)
    for root, *names in paths:
        if root != "headers" or not names or str(names[0]) in _DESCRIBED:
            continue
        name = str(names[0])
        schema: dict[str, Value] = {"type": "string"}
        if name == OWN_HASH_HEADER:
            # HTTP ignores spaces around a header's value
            schema["pattern"] = f"^ *[!-~]([ -~]{{0,{MAX_OWN_HASH_BYTES - 2}}}[!-~])? *$"
        yield {"name": name, "in": "header", "required": False, "schema": schema}


def _description(spec: Spec) -> str:
    """Describe what the spec does, in paragraphs of Markdown."""
    paragraphs = []
    if spec.deduplication is not None:
        labels = ", ".join(f"`{label}`" for label in spec.deduplication.parameters)
        paragraphs.append(
            f"A request with the same {labels} as an earlier one, within "
            f"{spec.deduplication.window}, is a duplicate and is answered 204."
        )
    if spec.triggers:
        paragraphs.append("A request is accepted if one of these conditions holds:")
        paragraphs.append(
            "\n".join(f"- **{_line(each.name)}**: {each.when.describe()}" for each in spec.triggers)
        )
    else:
        paragraphs.append("Every request that is not a duplicate is accepted.")
    return "\n\n".join(paragraphs)


def _line(text: str) -> str:
    return " ".join(text.split())


# --- authorization ---------------------------------------------------------------------


def _security(authorization: Authorization) -> tuple[dict[str, Value], list[Value]]:
    """Return the security schemes, and a requirement that names all of them."""
    match authorization:
        case NoAuthorization():
            return {}, []
        case Jwt() as scheme:
            needs = f" with {scheme.permission} in `{scheme.permissions_claim}`"
            schemes: dict[str, Value] = {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": f"A token signed by {scheme.algorithm}"
                    + (needs if scheme.permission else "")
                    + ".",
                }
            }
        case Basic():
            schemes = {"password": {"type": "http", "scheme": "basic"}}
        case HeaderToken(header="authorization", prefix="Bearer "):
            schemes = {"token": {"type": "http", "scheme": "bearer"}}
        case _:
            schemes = _proof_schemes(authorization.proof())
    return schemes, [{name: [] for name in schemes}] if schemes else []


def _proof_schemes(proof: Proof) -> dict[str, Value]:
    """Return the headers that carry a proof; none if it is in the body."""
    if not isinstance(proof, SignatureFormat):
        return {name: _key(name, f"Authorization: {describe(proof)}.") for name in proof.headers()}
    schemes: dict[str, Value] = {}
    for name in proof.signed_headers():
        if name == proof.timestamp_header:
            schemes["timestamp"] = _key(name, TIMES[proof.timestamp_format])
        elif name == proof.id_header:
            schemes["id"] = _key(name, "An id of the message.")
    how = f"{algorithm(proof)} of {covered(proof)}, in {ENCODINGS[proof.encoding]}."
    if proof.timestamp_member is not None:
        how = f"{written(proof)}, with the {how}"
    else:
        how = f"`{proof.start}` and the {how}" if proof.start else f"The {how}"
    schemes["signature"] = _key(proof.header, how)
    return schemes


def _key(header: str, description: str) -> dict[str, Value]:
    return {"type": "apiKey", "in": "header", "name": header, "description": description}


# --- the answers -----------------------------------------------------------------------

_PROBLEM: Final[dict[str, Value]] = {
    "type": "object",
    "description": "Why a request was refused (RFC 9457).",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {
            "type": "string",
            "description": "What was sent, what is needed, and what to do.",
        },
    },
    "required": ["type", "title", "status", "detail"],
}


def _responses(spec: Spec) -> dict[str, Value]:
    responses: dict[str, Value] = {"200": _OK}
    if spec.deduplication is not None:
        responses["204"] = {"description": "A duplicate of an earlier request."}
    refusals: list[tuple[type[Refusal], str]] = [
        (BadJSON, f"{BadJSON.title}, or deeper or larger than allowed; or {_small(BadHeader)}."),
        (BodyTooLarge, f"The body has more than {spec.max_body_bytes:,} bytes."),
        (UnsupportedMediaType, f"{UnsupportedMediaType.title}, or the body is compressed."),
        (TooManyRequests, f"{TooManyRequests.title}. Send it again later."),
        (
            InboxUnavailable,
            "The request could not be stored, so it was not accepted. Send it again later.",
        ),
    ]
    if not isinstance(spec.authorization, NoAuthorization):
        refusals.append((Unauthorized, f"{Unauthorized.title}."))
    if isinstance(spec.authorization, Jwt) and spec.authorization.permission:
        refusals.append((LacksPermission, f"{LacksPermission.title}."))
    for refusal, description in sorted(refusals, key=lambda each: each[0].status):
        responses[str(refusal.status)] = _refusal(description, _HEADERS.get(refusal))
    return responses


_HEADERS: Final[dict[type[Refusal], str]] = {
    TooManyRequests: "Retry-After",
    InboxUnavailable: "Retry-After",
}


def _refusal(description: str, header: str | None = None) -> dict[str, Value]:
    answer: dict[str, Any] = {
        "description": description,
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }
    if header is not None:
        answer["headers"] = {header: {"schema": {"type": "string"}}}
    return answer


def _small(refusal: type[Refusal]) -> str:
    return refusal.title[0].lower() + refusal.title[1:]


def _handshake() -> dict[str, Value]:
    """Describe Meta's verification of a subscription."""
    parameters = [
        {"name": f"hub.{name}", "in": "query", "required": True, "schema": schema}
        for name, schema in (
            ("mode", {"const": "subscribe"}),
            ("verify_token", {"type": "string"}),
            ("challenge", {"type": "string", "minLength": 1}),
        )
    ]
    return {
        "operationId": "subscribe",
        "summary": "Verify a subscription",
        "parameters": parameters,
        "responses": {
            "200": {
                "description": "The challenge, unchanged.",
                "content": {"text/plain": {"schema": {"type": "string"}}},
            },
            "400": _refusal("A parameter is missing or given twice."),
            "403": _refusal("The verify token is wrong."),
        },
        "security": [],
    }
