"""A body to send: of a spec's own example, or the complaint of the platform's own page."""

from __future__ import annotations

from typing import Final

from nbincoming.core.parameters import decode
from nbincoming.core.spec import Example, Spec
from nbincoming.core.values import Value

#: The request of the platform's own page: a complaint.
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


def good_examples(spec: Spec) -> list[Example]:
    """List the examples that are not refused, accepted ones first."""
    return [
        each
        for outcome in ("accepted", "filtered")
        for each in spec.examples
        if each.outcome == outcome
    ]


def example_body(spec: Spec) -> Value:
    """Choose a body to send: of the first accepted example, or the complaint."""
    return next(iter(example_bodies(spec)), EXAMPLE_BODY)


def example_bodies(spec: Spec) -> list[Value]:
    """Decode the bodies of all examples that are not refused."""
    return [decode(each.body.encode(), limits=spec.limits) for each in good_examples(spec)]


__all__ = ["EXAMPLE_BODY", "example_bodies", "example_body", "good_examples"]
