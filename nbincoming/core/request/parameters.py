"""The parameters of a request: its decoded body and its headers, looked up by path.

Conditions and keys look up only the paths that they need, and do not flatten the request.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from nbincoming.core.request.flattening import flatten
from nbincoming.core.request.headers import Headers
from nbincoming.core.request.labels import ELEMENTS, Path, Segment
from nbincoming.core.request.masking import masked_headers
from nbincoming.core.request.values import MISSING, Missing, Value


def resolve(value: Value, path: Iterable[Segment]) -> Value | Missing:
    """Follow a path into a value; return :data:`MISSING` if it does not exist.

    ``[*]`` returns an array of what the rest of the path finds in each element. Elements without
    such a value are left out.
    """
    segments = tuple(path)
    for position, segment in enumerate(segments):
        if isinstance(segment, str):
            if type(value) is not dict:
                return MISSING
            value = value.get(segment, MISSING)
        elif segment is ELEMENTS:
            if type(value) is not list:
                return MISSING
            rest = segments[position + 1 :]
            found = (resolve(element, rest) for element in value)
            gathered = [each for each in found if each is not MISSING]
            # if the path has a second [*], join its arrays
            return [x for each in gathered for x in each] if ELEMENTS in rest else gathered
        else:
            if type(value) is not list or segment >= len(value):
                return MISSING
            value = value[segment]
        if value is MISSING:
            return MISSING
    return value


@dataclass(slots=True)  # not frozen, which takes twice as long to make
class Parameters:
    """The decoded body and the headers of a request.

    Attributes
    ----------
    body
        The decoded JSON value.
    headers : dict
        By name in lower case; a list if the header is repeated.
    """

    body: Value
    headers: Headers = field(default_factory=dict)

    def __repr__(self) -> str:
        # Headers may hold secrets, and a repr ends up in logs and tracebacks.
        return f"<Parameters: a body and {len(self.headers)} headers>"

    def roots(self) -> dict[str, Value]:
        """Return the values by root."""
        return {"body": self.body, "headers": self.headers}

    def at(self, path: Path) -> Value | Missing:
        """Return the value at a path, or :data:`MISSING`."""
        return resolve(self.body if path[0] == "body" else self.headers, path[1:])

    def flat(self, *, masked: bool = True) -> dict[str, Value]:
        """Return every leaf by its label, body first; credentials are `masked` by default."""
        headers = masked_headers(self.headers) if masked else self.headers
        flat = flatten(self.body, "body")
        if headers:
            flat.update(flatten(headers, "headers"))
        return flat
