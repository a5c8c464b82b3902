"""Signs what schemathesis sends, as Meta does: a hook module, named in SCHEMATHESIS_HOOKS."""

from __future__ import annotations

import os
from typing import Any

import requests
import schemathesis

from nbincoming.core.auth.signing import credentials
from nbincoming.core.spec.model import read_spec

SPEC = read_spec(os.environ["SIGNED_SPEC"])
SECRETS = {name: os.environ["SIGNED_KEY"].encode() for name in SPEC.authorization.secret_names()}


@schemathesis.auth(refresh_interval=None)  # each body has a signature of its own
class Signature:
    """An authorization of schemathesis: where it means to send none, it sends none."""

    def get(self, case: schemathesis.Case, _: Any) -> dict[str, str]:
        """Sign the body as it will be sent."""
        options = case.as_transport_kwargs(base_url="http://127.0.0.1")
        names = ("method", "url", "json", "data", "headers")
        sent = requests.Request(**{n: options[n] for n in names if n in options}).prepare().body
        body = sent.encode() if isinstance(sent, str) else sent or b""
        return credentials(SPEC.authorization, SECRETS, body, 0)

    def set(self, case: schemathesis.Case, data: dict[str, str], _: Any) -> None:
        """Add the signature."""
        case.headers = {**(case.headers or {}), **data}
