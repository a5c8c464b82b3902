"""Posting to an endpoint as a sender does."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping

#: Time limit for an answer. Unless the machine is busy, it takes milliseconds.
_ANSWER_TIMEOUT_S = 10


def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Post a JSON body and return the status of the answer.

    Raises
    ------
    OSError
        If there is no answer.
    """
    request = urllib.request.Request(  # noqa: S310 - the URL is our own listener's
        url, data=body, headers={"Content-Type": "application/json", **headers}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=_ANSWER_TIMEOUT_S) as answer:  # noqa: S310 - as above
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
