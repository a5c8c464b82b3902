"""The URL of an inbox in Redis or Valkey: one server, or some of a cluster's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from nbincoming.inbox import InboxURLError
from nbincoming.tls import CA_OPTION, trust

_CLUSTER: Final = "+cluster"


@dataclass(frozen=True, slots=True)
class RedisURL:
    """A URL, taken apart.

    Attributes
    ----------
    scheme : str
        As it was given, in lower case.
    user : str
        User and password with the ``@``, or nothing.
    hosts : tuple of str
        ``host:port``, or without the port.
    rest : str
        Path and options, as redis-py reads them.
    """

    scheme: str
    user: str
    hosts: tuple[str, ...]
    rest: str

    @property
    def is_cluster(self) -> bool:
        """Whether several servers share the keys."""
        return self.scheme.endswith(_CLUSTER)

    def of(self, host: str) -> str:
        """Return redis-py's URL of one server."""
        scheme = self.scheme.removesuffix(_CLUSTER).replace("valkey", "redis")
        return f"{scheme}://{self.user}{host}{self.rest}"

    def error(self) -> InboxURLError:
        """Return what to say of a URL that cannot be used."""
        hosts = "host:port,host:port" if self.is_cluster else "host:port/0"
        return InboxURLError(
            "This URL of an inbox cannot be used: a host, a port, a database or an option of it "
            f"is wrong. Write {self.scheme}://{hosts}, and options of redis-py after a question "
            "mark."
        )


def parse_redis_url(url: str) -> RedisURL:
    """Take a URL apart.

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
    pairs = parse_qsl(query, keep_blank_values=True)
    for name, value in pairs:
        if name == CA_OPTION:
            trust(value)  # what is wrong with it shows now
    # What redis-py calls it.
    renamed = [("ssl_ca_certs" if name == CA_OPTION else name, value) for name, value in pairs]
    rest = path + (f"?{urlencode(renamed)}" if renamed else "")
    found = RedisURL(scheme, user + at, tuple(hosts.split(",")), rest)
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
