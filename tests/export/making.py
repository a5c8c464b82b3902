"""A published spec with examples of each outcome, under any authorization."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from nbincoming.core.spec.evidence import Publication
from nbincoming.core.spec.model import Spec
from nbincoming.review.golden_examples import choose_examples
from nbincoming.samples.profile import profile_of
from tests.samples import making

SECRET_NAME = "env:EXPORT_KEY"

BODIES: list[Any] = [
    {"id": "a-1", "priority": "high", "total": 12, "tags": ["vip"], "note": None},
    {"id": "a-2", "priority": "low", "total": Decimal("0.5"), "tags": [], "note": None},
    {"id": "a-3", "priority": "high", "total": 99999999999999999999, "tags": [], "note": None},
    [1, None],
]

AUTHORIZATIONS: dict[str, dict[str, Any]] = {
    "none": {"scheme": "none"},
    "jwt": {"scheme": "jwt", "secrets": [SECRET_NAME]},
    "jwt without permission": {"scheme": "jwt", "secrets": [SECRET_NAME], "permission": None},
    "meta": {"scheme": "meta", "secrets": [SECRET_NAME], "verify_token": "env:EXPORT_TOKEN"},
    "hmac": {"scheme": "hmac", "secrets": [SECRET_NAME], "header": "X-Sig", "prefix": "v0="},
    "hmac with a time": {
        "scheme": "hmac", "secrets": [SECRET_NAME], "header": "X-Sig", "timestamp_header": "X-At",
    },
    "standard-webhooks": {"scheme": "standard-webhooks", "secrets": [SECRET_NAME]},
    "hmac with members": {
        "scheme": "hmac", "secrets": [SECRET_NAME], "header": "X-Sig", "member": "v1",
        "timestamp_member": "t", "timestamp_format": "ms",
    },
    "header": {"scheme": "header", "secrets": [SECRET_NAME], "header": "X-Api-Key"},
    "bearer": {
        "scheme": "header", "secrets": [SECRET_NAME], "header": "Authorization",
        "prefix": "Bearer ",
    },
    "basic": {"scheme": "basic", "secrets": [SECRET_NAME]},
    **{
        name: {"scheme": "provider", "provider": name, "secrets": [SECRET_NAME]}
        for name in ("stripe", "svix", "twilio", "mailgun", "discord", "telegram")
    },
    "whatsapp": {
        "scheme": "provider", "provider": "whatsapp", "secrets": [SECRET_NAME],
        "verify_token": "env:EXPORT_TOKEN",
    },
}  # fmt: skip


def published(authorization: str = "none", **members: Any) -> Spec:
    """Publish, as version 2, what the bodies above showed."""
    draft = making.spec(
        **{
            "authorization": AUTHORIZATIONS[authorization],
            "deduplication": {"parameters": ["body.id"]},
            "triggers": [
                {
                    "name": "urgent",
                    "when": {"parameter": "body.priority", "operator": "equals", "value": "high"},
                }
            ],
            **members,
        }
    )
    samples = making.samples(*BODIES)
    complete = draft.model_copy(
        update={
            "parameters": tuple(p.observed() for p in profile_of([s.flat() for s in samples])),
            "examples": choose_examples(samples, draft),
        }
    )
    return complete.sealed(version=2, publication=Publication.of(making.NOW_MS, by="Ada"))
