"""The bodies of a spec's examples, and a body for specs without examples."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from nbincoming.core.request.reading import decode
from nbincoming.core.request.values import Value
from nbincoming.core.spec.evidence import Example
from nbincoming.core.spec.model import Spec
from nbincoming.errors import Refusal

#: A complaint, as a support portal might send it.
EXAMPLE_BODY: Final[dict[str, Value]] = {
    "complaint": {
        "id": "cmp-20240610-001",
        "customer": {
            "id": "c123456789",
            "firstName": "Jane",
            "lastName": "Smith",
            "email": "jane.smith@example.com",
            "phone": "+1234567890",
        },
        "dateReceived": "2024-06-10T09:15:30Z",
        "orderId": "o987654321",
        "issueType": "product_defect",
        "description": "The wireless headphones stopped working after two days of use.",
        "priority": "high",
        "status": "new",
        "attachments": [
            {
                "fileName": "photo_of_defect.jpg",
                "fileUrl": "https://example.com/uploads/photo_of_defect.jpg",
            }
        ],
    },
    "source": "customer_support_portal",
}


def good_examples(spec: Spec) -> list[tuple[Example, Value]]:
    """Return the examples that are not refused, accepted ones first, with their bodies.

    Examples whose body is not JSON are left out; `check` reports them.
    """
    found = []
    for example in sorted(spec.examples, key=lambda each: each.outcome != "accepted"):
        if example.outcome != "rejected":
            with suppress(Refusal):
                found.append((example, decode(example.body.encode(), limits=spec.limits)))
    return found


def example_bodies(spec: Spec) -> list[Value]:
    """Decode the bodies of all examples that are not refused."""
    return [body for _, body in good_examples(spec)]


def example_body(spec: Spec) -> Value:
    """Return the first body of :func:`example_bodies`, or :data:`EXAMPLE_BODY` if there is none."""
    return next(iter(example_bodies(spec)), EXAMPLE_BODY)
