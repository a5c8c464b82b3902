"""The URL of an inbox in Redis or Valkey: one server, or some servers of a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from nbincoming.errors import quote
from nbincoming.inbox.protocol import InboxURLError
from nbincoming.tls import CA_OPTION, trust

_CLUSTER: Final = "+cluster"

#: The option for how many replicas must confirm a claim, and the highest number. If there are
#: fewer replicas than it says, every request is refused.
REPLICAS_OPTION: Final = "replicas"
_MOST_REPLICAS: Final = 9


@dataclass(frozen=True, slots=True)
class RedisURL:
    """The parts of a URL.

    Attributes
    ----------
    scheme : str
        As it was given, in lower case.
    user : str
        User and password with the ``@``; empty for none.
    hosts : tuple of str
        ``host:port``, or without the port.
    rest : str
        Path and options, as redis-py reads them.
    replicas : int
        How many replicas must confirm a claim before it is answered.
    """

    scheme: str
    user: str
    hosts: tuple[str, ...]
    rest: str
    replicas: int = 0

    @property
    def is_cluster(self) -> bool:
        """Whether several servers share the keys."""
        return self.scheme.endswith(_CLUSTER)

    def of(self, host: str) -> str:
        """Return redis-py's URL of one server."""
        scheme = self.scheme.removesuffix(_CLUSTER).replace("valkey", "redis")
        return f"{scheme}://{self.user}{host}{self.rest}"

    def error(self) -> InboxURLError:
        """Make the error for a URL that cannot be used."""
        hosts = "host:port,host:port" if self.is_cluster else "host:port/0"
        return InboxURLError(
            "This URL of an inbox cannot be used: a host, a port, a database or an option of it "
            f"is wrong. Write {self.scheme}://{hosts}, and options of redis-py after a question "
            "mark."
        )


def parse_redis_url(url: str) -> RedisURL:
    """Parse a URL.

    Raises
    ------
    InboxURLError, CAFileError
        If it names no server, or the file of certificates in it cannot be used.
    """
    scheme, _, rest = url.partition("://")
    scheme = scheme.lower()
    netloc = rest.partition("/")[0].partition("?")[0].partition("#")[0]
    user, at, hosts = netloc.rpartition("@")
    path, _, query = rest[len(netloc) :].partition("#")[0].partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    replicas = options.pop(REPLICAS_OPTION, "0")
    ca_file = options.pop(CA_OPTION, None)
    if ca_file is not None:
        trust(ca_file)  # raises if the file is wrong
        options["ssl_ca_certs"] = ca_file  # redis-py's name for it
    if not replicas.isdecimal() or int(replicas) > _MOST_REPLICAS:
        raise InboxURLError(
            f"{REPLICAS_OPTION} of an inbox is a number from 0 to {_MOST_REPLICAS}, not "
            f"{quote(replicas)}."
        )
    rest = path + (f"?{urlencode(options)}" if options else "")
    found = RedisURL(scheme, user + at, tuple(hosts.split(",")), rest, int(replicas))
    if scheme != "unix" and not all(map(_is_host, found.hosts)):
        raise found.error()
    if not found.is_cluster and len(found.hosts) > 1:
        raise InboxURLError(
            f"The inbox {scheme}:// takes one host. For the servers of a cluster write "
            f"{scheme}+cluster://."
        )
    return found


def _is_host(text: str) -> bool:
    try:
        parts = urlsplit(f"//{text}")
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
