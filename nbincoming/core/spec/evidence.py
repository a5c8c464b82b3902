"""Parts of a spec for people and checks: observed parameters, examples, the publication.

They do not influence the outcome of a request.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from nbincoming.core.moments import utc_text
from nbincoming.core.problems import LONE_SURROGATE
from nbincoming.core.request.labels import format_path, parse
from nbincoming.core.request.masking import has_credentials
from nbincoming.core.request.reading import decode
from nbincoming.core.request.values import Kind, Value, exact, json_text
from nbincoming.errors import Refusal, quote

_UTC: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3})?Z$"

#: The outcome of an example, which counts as the first request with its key.
ExpectedOutcome = Literal["accepted", "filtered", "rejected"]


def _check_text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(LONE_SURROGATE) from None
    return text


def _check_observed(label: str) -> str:
    return format_path(parse(label))


def _check_headers(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    secret = sorted({name for name, value in headers if has_credentials(name.lower(), value)})
    if secret:
        # No values, because they are the credentials.
        names = ", ".join(quote(name) for name in secret)
        raise ValueError(f"An example must not contain credentials. Remove {names}.")
    return headers


def _body_text(body: object) -> object:
    return json_text(exact(body)) if isinstance(body, dict | list) else body


def _body_value(text: str) -> Value:
    """Return a body's JSON value if :func:`json_text` restores the same text, else the text."""
    try:
        value = decode(text.encode())
    except Refusal:
        return text
    return value if json_text(value) == text else text


#: Free text, and integers. Neither "1" nor 1.0 nor true counts as an integer.
Text = Annotated[str, Field(strict=True), AfterValidator(_check_text)]
Whole = Annotated[int, Field(strict=True)]

#: One line of text.
Line = Annotated[Text, Field(max_length=400, pattern=r"^[^\r\n]*$")]


class ObservedParameter(BaseModel):
    """What the samples showed about a parameter.

    Attributes
    ----------
    label : str
        The parameter.
    kinds : tuple of str
        Types of the values seen, the most frequent first.
    coverage : str
        ``"28/40"``: 28 of 40 samples have it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: Annotated[str, AfterValidator(_check_observed)]
    kinds: tuple[Kind, ...]
    coverage: Annotated[str, Field(pattern=r"^[0-9]+/[0-9]+$")]


class Example(BaseModel):
    """A redacted sample with the outcome that it must have in every driver.

    It counts as authorized, because it contains no credentials.

    Attributes
    ----------
    name : str
        Unique in the spec.
    headers : tuple of (str, str)
        In order, without credentials.
    body : str
        The raw text. A file contains its JSON value instead, if the same text can be restored.
    received_at_ms : int
        The time at which its conditions are checked, in milliseconds since the epoch.
    outcome : str
        ``accepted``, ``filtered`` or ``rejected``; it counts as the first request with its key.
    triggers : tuple of str
        Names of the triggers that are true.
    key : str or None
        Its deduplication key.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Text
    headers: Annotated[tuple[tuple[Text, Text], ...], AfterValidator(_check_headers)]
    body: Annotated[Text, BeforeValidator(_body_text)]
    received_at_ms: Annotated[Whole, Field(ge=0)]
    outcome: ExpectedOutcome
    triggers: tuple[Text, ...] = ()
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None

    def data(self) -> dict[str, Value]:
        """Return the JSON form."""
        return {**self.model_dump(mode="json"), "body": _body_value(self.body)}


class Publication(BaseModel):
    """Who published a version, when, and what changed.

    Attributes
    ----------
    at : str
        Time of publication, in ISO 8601, UTC.
    by : str
        Who published it; may be empty.
    changes : str
        What changed, in one line.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: Annotated[Text, Field(pattern=_UTC)]
    by: Line = ""
    changes: Line = ""

    @classmethod
    def of(cls, at_ms: int, *, by: str = "", changes: str = "") -> Publication:
        """Make a publication at `at_ms` since the epoch; line breaks in texts become spaces."""
        return cls(at=utc_text(at_ms), by=" ".join(by.split()), changes=" ".join(changes.split()))

    def __str__(self) -> str:
        said = self.at + (f" by {self.by}" if self.by else "")
        return said + (f": {self.changes}" if self.changes else "")

    def data(self) -> dict[str, str]:
        """Return the JSON form."""
        return {"at": self.at, "by": self.by, "changes": self.changes}
