"""A spec in each format that others read, as text: one table for the command and for Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from nbincoming.core.gateway import endpoint_path
from nbincoming.core.request.values import Value
from nbincoming.core.spec.json_schema import spec_schema_text
from nbincoming.core.spec.layout import laid_out
from nbincoming.core.spec.model import Spec
from nbincoming.errors import NbIncomingError, quote
from nbincoming.export.cel.conditions import cel_document
from nbincoming.export.events import asyncapi, cloud_event
from nbincoming.export.example import example_body
from nbincoming.export.har import har
from nbincoming.export.openapi import LOCAL, openapi
from nbincoming.export.payload import payload_schema
from nbincoming.export.shell import curl, httpie


class UnknownFormatError(NbIncomingError, ValueError):
    """There is no such format; the message lists those that there are."""


@dataclass(frozen=True, slots=True)
class _Source:
    """What a format is made of."""

    spec: Spec
    url: str
    bodies: Sequence[Value]

    @property
    def endpoint_url(self) -> str:
        return self.url.rstrip("/") + endpoint_path(self.spec.endpoint)


@dataclass(frozen=True, slots=True)
class Format:
    """A format.

    Attributes
    ----------
    name : str
        As the command line takes it.
    title : str
        What it is, for a menu.
    suffix : str
        End of a file's name.
    """

    name: str
    title: str
    suffix: str
    _write: Callable[[_Source], str]


def _json(value: Value) -> str:
    return laid_out(value) + "\n"


#: Every format, in the order of a menu.
FORMATS: Final[dict[str, Format]] = {
    each.name: each
    for each in (
        Format(
            "openapi", "the endpoint, OpenAPI 3.1", ".openapi.json",
            lambda s: _json(openapi(s.spec, url=s.url, bodies=s.bodies)),
        ),
        Format(
            "jsonschema", "the payload, JSON Schema 2020-12", ".payload.schema.json",
            lambda s: _json(payload_schema(s.spec, s.bodies)),
        ),
        Format("cel", "the triggers, CEL", ".cel", lambda s: cel_document(s.spec)),
        Format(
            "asyncapi", "the events, AsyncAPI 3", ".asyncapi.json",
            lambda s: _json(asyncapi(s.spec, bodies=s.bodies)),
        ),
        Format(
            "cloudevent", "an event, CloudEvents 1.0", ".cloudevent.json",
            lambda s: _json(cloud_event(s.spec)),
        ),
        Format(
            "curl", "a request, curl", ".curl.sh",
            lambda s: curl(s.endpoint_url, s.spec.authorization, example_body(s.spec)) + "\n",
        ),
        Format(
            "httpie", "a request, HTTPie", ".httpie.sh",
            lambda s: httpie(s.endpoint_url, s.spec.authorization, example_body(s.spec)) + "\n",
        ),
        Format("har", "the examples, HAR 1.2", ".har", lambda s: _json(har(s.spec, url=s.url))),
        Format(
            "specschema", "the spec's own format, JSON Schema 2020-12", ".spec.schema.json",
            lambda _: spec_schema_text(),
        ),
    )
}  # fmt: skip


def export_spec(spec: Spec, format: str, *, url: str = LOCAL, bodies: Sequence[Value] = ()) -> str:
    """Write a spec in another format.

    Parameters
    ----------
    format
        A name in :data:`FORMATS`.
    url
        Where the spec is served: scheme, host and port.
    bodies
        Decoded bodies of samples, from which schemas of the payload are inferred; those of
        the spec's examples by default.

    Raises
    ------
    UnknownFormatError
        If there is none of this name.
    MissingExtra
        If the format needs a library that is not installed.
    SpecError, NbIncomingError
        If the format cannot say what the spec says.
    """
    if format not in FORMATS:
        raise UnknownFormatError(
            f"{quote(format)} is not a format. Choose of {', '.join(FORMATS)}."
        )
    return FORMATS[format]._write(_Source(spec, url, bodies))
