"""The formats that a spec can be exported to."""

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
from nbincoming.export.cloud_event import cloud_event
from nbincoming.export.example import example_body
from nbincoming.export.openapi import LOCAL, openapi
from nbincoming.export.payload import payload_schema
from nbincoming.export.shell import curl


class UnknownFormatError(NbIncomingError, ValueError):
    """There is no format of this name; the message lists the formats."""


@dataclass(frozen=True, slots=True)
class _Source:
    """What an export is made from."""

    spec: Spec
    url: str
    bodies: Sequence[Value]

    @property
    def endpoint_url(self) -> str:
        return self.url.rstrip("/") + endpoint_path(self.spec.endpoint)


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """A format that a spec can be exported to.

    Attributes
    ----------
    name : str
        Its name on the command line.
    title : str
        What it describes, and by which standard.
    suffix : str
        The end of a file's name.
    """

    name: str
    title: str
    suffix: str
    _write: Callable[[_Source], str]


def _json(value: Value) -> str:
    return laid_out(value) + "\n"


#: The formats by name, in the order in which to show them.
FORMATS: Final[dict[str, ExportFormat]] = {
    each.name: each
    for each in (
        ExportFormat(
            "openapi", "the endpoint, OpenAPI 3.1", ".openapi.json",
            lambda s: _json(openapi(s.spec, url=s.url, bodies=s.bodies)),
        ),
        ExportFormat(
            "jsonschema", "the payload, JSON Schema 2020-12", ".payload.schema.json",
            lambda s: _json(payload_schema(s.spec, s.bodies)),
        ),
        ExportFormat("cel", "the triggers, CEL", ".cel", lambda s: cel_document(s.spec)),
        ExportFormat(
            "cloudevent", "an event, CloudEvents 1.0", ".cloudevent.json",
            lambda s: _json(cloud_event(s.spec)),
        ),
        ExportFormat(
            "curl", "a request, curl", ".curl.sh",
            lambda s: curl(s.endpoint_url, s.spec.authorization, example_body(s.spec)) + "\n",
        ),
        ExportFormat(
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
        Decoded bodies of samples, to infer the payload's schema from. By default, the bodies of
        the spec's examples.

    Raises
    ------
    UnknownFormatError
        If there is no format of this name.
    MissingExtra
        If the format needs a library that is not installed.
    SpecError, NbIncomingError
        If the format cannot express the spec, such as a condition in CEL.
    """
    if format not in FORMATS:
        raise UnknownFormatError(
            f"{quote(format)} is not a format. Choose one of {', '.join(FORMATS)}."
        )
    return FORMATS[format]._write(_Source(spec, url, bodies))
