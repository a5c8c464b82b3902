"""The published file: its model, its canonical text and its digest.

The canonical text is JSON with two spaces of indentation, members in the order of the model,
numbers as :func:`~nbincoming.core.request.values.number_text` writes them, and a final line feed.
The digest is the SHA-256 of that text without the member ``digest``. A file may have another
layout: :meth:`Spec.text` writes fewer lines, for people.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from datetime import tzinfo
from typing import Annotated, Any, Final, Self
from uuid import UUID

import jiter
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from nbincoming.core.auth.schemes import Authorization, NoAuthorization
from nbincoming.core.conditions.tree import Condition, referenced
from nbincoming.core.deduplication import Deduplication
from nbincoming.core.moments import time_zone
from nbincoming.core.problems import problems_of
from nbincoming.core.request.reading import (
    DEFAULT_LIMITS,
    Limits,
)
from nbincoming.core.request.values import Value, json_text, number_text
from nbincoming.core.spec.evidence import Example, ObservedParameter, Publication, Text, Whole
from nbincoming.core.spec.layout import laid_out
from nbincoming.errors import Problem, SpecError, quote

#: Version of the format. A newer one is refused.
SCHEMA_VERSION: Final = 1

#: The name of the JSON Schema file beside a spec, to which its member ``$schema`` refers.
SCHEMA_FILE: Final = "spec.schema.json"

#: End of a spec file's name.
SUFFIX: Final = ".incoming.json"

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")

#: An emoji can have several code points. An image has at most 48 kB; base64 adds a third.
_MAX_EMOJI: Final = 16
MAX_ICON: Final = 65_536
_IMAGE: Final = re.compile(r"data:image/(?:png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/]+={0,2}")


def _check_name(name: str) -> str:
    if not NAME.fullmatch(name) or name.endswith("."):
        raise ValueError(
            "Use letters, digits, dots, hyphens and underscores, starting with a letter or digit, "
            "at most 80 characters: the name is part of the file's name."
        )
    return name


def _check_icon(icon: str) -> str:
    if len(icon) <= _MAX_EMOJI or (len(icon) <= MAX_ICON and _IMAGE.fullmatch(icon)):
        return icon
    raise ValueError(
        f"An icon is an emoji of at most {_MAX_EMOJI} characters, or an image (PNG, JPEG, GIF, "
        f"WebP or SVG) as a data URI in base64, of at most {MAX_ICON:,} characters."
    )


def _check_zone(name: str) -> str:
    time_zone(name)
    return name


def _check_endpoint(endpoint: str) -> str:
    try:
        canonical: str | None = str(UUID(endpoint))
    except ValueError:
        canonical = None
    if canonical != endpoint:
        raise ValueError("An endpoint is a UUID in lower case with hyphens.")
    return endpoint


class Trigger(BaseModel):
    """A condition with a name: if it is true, the workflow of that name would start."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(strict=True, min_length=1, max_length=80)]
    when: Condition

    def data(self) -> dict[str, Value]:
        """Return the JSON form."""
        return {"name": self.name, "when": self.when.data()}


class Spec(BaseModel):
    """An integration as production runs it.

    Attributes
    ----------
    schema_uri : str
        The member ``$schema``: where an editor finds the JSON Schema of the format; empty if
        the file does not have it.
    schema_version : int
        Version of the format.
    name : str
        The integration's name, also part of the file's name.
    icon : str
        For people: an emoji, or an image as a data URI.
    version : int
        0 for a draft; each publication adds 1.
    digest : str
        ``sha256:`` and the SHA-256 of the canonical text without this member; empty for
        a draft.
    published : Publication or None
        Who published it, when, and what changed; None for a draft.
    endpoint : str
        The UUID in the endpoint's path.
    authorization, deduplication, triggers
        Who may call, which requests are duplicates, which ones start a workflow.
    time_zone : str
        IANA name, for date-times without an offset and for "the current day".
    max_body_bytes, max_depth, max_parameters : int
        How large a request may be.
    parameters : tuple of ObservedParameter
        What the samples showed about each parameter.
    examples : tuple of Example
        Requests with their outcomes, which `check` and `serve` run again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_uri: Annotated[Text, Field(alias="$schema", max_length=2_000)] = ""
    schema_version: Annotated[Whole, Field(ge=1, le=SCHEMA_VERSION)] = SCHEMA_VERSION
    name: Annotated[str, AfterValidator(_check_name)]
    icon: Annotated[Text, Field(max_length=MAX_ICON), AfterValidator(_check_icon)] = "📨"
    version: Annotated[Whole, Field(ge=0)] = 0
    digest: Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64})?$")] = ""
    published: Publication | None = None
    endpoint: Annotated[str, AfterValidator(_check_endpoint)]
    authorization: Authorization = NoAuthorization()
    deduplication: Deduplication | None = None
    triggers: tuple[Trigger, ...] = ()
    time_zone: Annotated[str, AfterValidator(_check_zone)] = "UTC"
    max_body_bytes: Annotated[Whole, Field(ge=2, le=67_108_864)] = DEFAULT_LIMITS.max_body_bytes
    max_depth: Annotated[Whole, Field(ge=1, le=150)] = DEFAULT_LIMITS.max_depth
    max_parameters: Annotated[Whole, Field(ge=1, le=1_000_000)] = DEFAULT_LIMITS.max_parameters
    parameters: tuple[ObservedParameter, ...] = ()
    examples: tuple[Example, ...] = ()

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        _check_unique("trigger", (trigger.name for trigger in self.triggers))
        _check_unique("example", (example.name for example in self.examples))
        return self

    def __repr__(self) -> str:
        # A notebook shows it below a cell, where the whole spec would fill the page.
        what = f"version {self.version}, {self.digest[:19]}…" if self.version else "draft"
        return f"<Spec {self.name}: {what}>"

    __str__ = __repr__

    @property
    def limits(self) -> Limits:
        """How large a request may be."""
        return Limits(self.max_body_bytes, self.max_depth, self.max_parameters)

    @property
    def zone(self) -> tzinfo:
        """The time zone."""
        return time_zone(self.time_zone)

    @property
    def key_space(self) -> str:
        """Name of the set of keys in which this spec's keys are claimed."""
        if self.deduplication is None:
            return self.endpoint
        return self.deduplication.key_space(self.endpoint)

    def labels(self) -> set[str]:
        """Return the labels that the key and the triggers use."""
        labels = set(self.deduplication.parameters) if self.deduplication else set()
        return labels.union(*(referenced(trigger.when) for trigger in self.triggers))

    def data(self) -> dict[str, Value]:
        """Return the JSON form."""
        data: dict[str, Value] = {
            **({"$schema": self.schema_uri} if self.schema_uri else {}),
            "schema_version": self.schema_version,
            "name": self.name,
            "icon": self.icon,
            "version": self.version,
            "digest": self.digest,
            **({"published": self.published.data()} if self.published else {}),
            "endpoint": self.endpoint,
            "authorization": self.authorization.data(),
            "deduplication": self.deduplication.data() if self.deduplication else None,
            "triggers": [trigger.data() for trigger in self.triggers],
            "time_zone": self.time_zone,
            "max_body_bytes": self.max_body_bytes,
            "max_depth": self.max_depth,
            "max_parameters": self.max_parameters,
            "parameters": [each.model_dump(mode="json") for each in self.parameters],
            "examples": [each.data() for each in self.examples],
        }
        return data

    def text(self) -> str:
        """Write the file's text."""
        return laid_out(self.data()) + "\n"

    def computed_digest(self) -> str:
        """Compute the digest of the canonical text."""
        data = self.data()
        del data["digest"]
        text = json_text(data, indent=2) + "\n"
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()

    def draft(self) -> Spec:
        """Return this spec as a draft: without version, digest and publication."""
        return self.model_copy(update={"version": 0, "digest": "", "published": None})

    def sealed(self, *, version: int, publication: Publication | None = None) -> Spec:
        """Return this spec as a published version, with its digest."""
        numbered = self.model_copy(
            update={"version": version, "digest": "", "published": publication}
        )
        return numbered.model_copy(update={"digest": numbered.computed_digest()})


def read_spec(text: str | bytes, *, source: str = "The spec") -> Spec:
    """Read a spec, published or draft.

    Parameters
    ----------
    text
        The file's content.
    source
        What to call it in messages, such as the file's name.

    Raises
    ------
    SpecError
        With every problem and its place: bad JSON, unknown fields or operators, a newer
        format, a digest that does not match the content.
    """
    # Encode a lone surrogate, too: jiter refuses it and says where it is.
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    try:
        data = jiter.from_json(
            raw, allow_inf_nan=False, catch_duplicate_keys=True, float_mode="decimal"
        )
    except ValueError as error:
        raise SpecError([Problem("", f"It is not valid JSON: {error}.")], source=source) from None
    spec = spec_from_data(data, source=source)
    if (spec.version > 0 or spec.digest) and spec.digest != spec.computed_digest():
        raise SpecError(_digest_problems(data, spec), source=source)
    return spec


def _digest_problems(data: dict[str, Value], spec: Spec) -> list[Problem]:
    """Say why a digest does not match: header labels in upper case, or a changed file."""
    problems = [
        Problem(
            place,
            f"The label {quote(written)} is read as {quote(label)}, because names of headers "
            "are in lower case. So the meaning of this file has changed since it was published. "
            "Publish it again from the notebook.",
        )
        for place, written, label in _header_labels(data, spec.data(), "")
    ]
    return problems or [
        Problem(
            "digest",
            "The digest does not match the content, so the file was changed after it was "
            "published. Publish again from the notebook instead of editing it.",
        )
    ]


def _header_labels(written: Value, read: Value, place: str) -> Iterator[tuple[str, str, str]]:
    """Yield header labels in upper case: the place, the label as written, and as read."""
    if isinstance(written, dict) and isinstance(read, dict):
        for name in (name for name in read if name in written):
            below = f"{place}.{name}" if place else name
            yield from _header_labels(written[name], read[name], below)
    elif isinstance(written, list) and isinstance(read, list):
        for index, (one, other) in enumerate(zip(written, read, strict=False)):
            yield from _header_labels(one, other, f"{place}[{index}]")
    elif (
        isinstance(written, str)
        and isinstance(read, str)
        and written != read
        and written.startswith("headers")
        and written.lower() == read.lower()
    ):
        yield place, written, read


def spec_from_data(data: Any, *, source: str = "The spec") -> Spec:
    """Validate a spec's JSON form; see :func:`read_spec`."""
    if not isinstance(data, dict):
        raise SpecError([Problem("", "It is not a JSON object. Is it a spec?")], source=source)
    version = data.get("schema_version", 0)
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise SpecError(
            [
                Problem(
                    "schema_version",
                    f"This is format {number_text(version)[:20]}, and this nbincoming reads up "
                    f"to {SCHEMA_VERSION}. Upgrade nbincoming.",
                )
            ],
            source=source,
        )
    try:
        return Spec.model_validate(data)
    except ValidationError as error:
        raise SpecError(problems_of(error), source=source) from None


def _check_unique(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"Two {what}s are named {name!r}. Give each a name of its own.")
        seen.add(name)
