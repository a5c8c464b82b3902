"""What the authorization schemes have in common: names of secrets and of headers."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict

from nbincoming.core.auth.proofs.proof import Proof
from nbincoming.core.request.values import Value

SECRET_NAME: Final = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:\S(?:.*\S)?")
HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")


def _check_secret_name(name: str) -> str:
    if not SECRET_NAME.fullmatch(name):
        # Do not quote the name: users often enter the secret itself.
        raise ValueError(
            "This is not the name of a secret. Write env:NAME for an environment variable, or "
            "file:/path for a file. A spec never contains the secret itself."
        )
    return name


def _check_header_name(name: str) -> str:
    if not HEADER_NAME.fullmatch(name):
        raise ValueError("This is not the name of a header. Write a name such as X-Signature.")
    return name.lower()


SecretName = Annotated[str, AfterValidator(_check_secret_name)]
HeaderName = Annotated[str, AfterValidator(_check_header_name)]


class Scheme(BaseModel):
    """The base class of all schemes."""

    # Errors do not show the input, because users may enter a secret instead of its name.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    def data(self) -> dict[str, Value]:
        """Return the JSON form, without fields that have their default value."""
        data = self.model_dump(mode="json", exclude_defaults=True)
        return {"scheme": self.model_dump()["scheme"], **data}

    def secret_names(self) -> tuple[str, ...]:
        """Return the names of the secrets that the scheme needs."""
        return ()

    def proof(self) -> Proof | None:
        """Return the proof that a sender adds; None for none, or for a token."""
        return None

    def signed_headers(self) -> tuple[str, ...]:
        """Return the headers, in lower case, that the signature covers besides the body."""
        proof = self.proof()
        return () if proof is None else proof.signed_headers()
