"""The URL of a sink: hosts, user, path, options and the name of a secret."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from nbincoming.errors import quote
from nbincoming.relay.sinks.sink import SinkError
from nbincoming.tls import CA_OPTION, CAFileError, trust

#: Schemes without a host.
_PLAIN: Final = ("stdout", "jsonl")

#: Schemes whose connections are encrypted.
_SECURE: Final = ("https", "kafka+ssl", "tls", "amqps", "rediss")


@dataclass(frozen=True, slots=True)
class SinkAddress:
    """The parts of a sink's URL.

    Attributes
    ----------
    scheme : str
        The part before the colon, in lower case.
    hosts : tuple of str
        ``host:port`` or ``host``; several if the kind of sink allows it.
    user : str
        The user's name; empty for none.
    path : str
        From the first slash on; for ``jsonl:PATH`` the path.
    query : str
        The part between ``?`` and ``#``.
    secret_name : str
        The part after ``#``: ``env:NAME`` or ``file:PATH``; empty for none.
    """

    scheme: str
    hosts: tuple[str, ...]
    user: str
    path: str
    query: str
    secret_name: str

    @property
    def name(self) -> str:
        """Name of the sink in the store, logs and metrics: its URL without secrets and options."""
        if not self.hosts:
            return f"{self.scheme}:{self.path}" if self.path else self.scheme
        return f"{self.scheme}://{','.join(self.hosts)}{self.path}"

    @property
    def is_secure(self) -> bool:
        """Whether connections are encrypted, and the server shows a certificate."""
        return self.scheme in _SECURE

    @property
    def ca_file(self) -> str | None:
        """File of the certificate authorities to trust, if the URL names one."""
        options = dict(parse_qsl(self.query, keep_blank_values=True))
        return options.get(CA_OPTION) if self.is_secure else None

    @property
    def segments(self) -> list[str]:
        """The decoded parts of the path between its slashes."""
        return [unquote(part) for part in self.path.split("/") if part]

    def text_of(self, secret: bytes | None) -> str | None:
        """Return a password as text.

        Raises
        ------
        SinkError
            If the password is not UTF-8.
        """
        try:
            return None if secret is None else secret.decode()
        except UnicodeDecodeError:  # its message would quote the secret
            raise SinkError(
                f"The secret {quote(self.secret_name)} of the sink {self.name} is not UTF-8 text."
            ) from None

    def trusted(self) -> ssl.SSLContext | None:
        """Return the TLS context that checks certificates; None for a connection without TLS.

        Raises
        ------
        SinkError
            If the file of certificate authorities cannot be used.
        """
        try:
            return trust(self.ca_file) if self.is_secure else None
        except CAFileError as error:
            raise SinkError(f"The sink {self.name}: {error}") from None

    def host_and_port(self) -> tuple[str, int | None]:
        """Return the first host, and its port if there is one."""
        parts = urlsplit(f"//{self.hosts[0]}")
        return parts.hostname or "", parts.port

    def options(self, *known: str) -> dict[str, str]:
        """Return the options after ``?``. With TLS, ``ssl.ca.location`` is always allowed.

        Raises
        ------
        SinkError
            If an option is not one of `known`.
        """
        options = dict(parse_qsl(self.query, keep_blank_values=True))
        if self.is_secure:
            known = (*known, CA_OPTION)
        unknown = sorted(options.keys() - set(known))
        if unknown:
            allowed = f"It takes {', '.join(known)}." if known else "It takes none."
            raise SinkError(
                f"The sink {self.name} does not know {', '.join(map(quote, unknown))}. {allowed}"
            )
        return options


def parse_sink_address(url: str) -> SinkAddress:
    """Parse a sink's URL.

    Raises
    ------
    SinkError
        If it has no host, an invalid port, or a password.
    """
    scheme, _, rest = url.partition(":")
    scheme = scheme.lower()
    if scheme in _PLAIN:  # the name of a file may contain "#"
        return SinkAddress(scheme, (), "", rest, "", "")
    try:
        parts = urlsplit(url)
    except ValueError:  # its message may quote the URL
        raise SinkError(f"This URL of a sink is invalid. Write {scheme}://host:port/…") from None
    before, at, netloc = parts.netloc.rpartition("@")
    user, colon, _ = before.partition(":")
    if at and colon:
        raise SinkError(
            "A URL must not contain a password: the list of processes shows it. Remove it from "
            f"{scheme}://{netloc}, put it in an environment variable, and add #env:NAME to the URL."
        )
    hosts = tuple(netloc.split(","))
    for host in hosts:
        _check_host(scheme, host)
    return SinkAddress(scheme, hosts, unquote(user), parts.path, parts.query, parts.fragment)


def _check_host(scheme: str, host: str) -> None:
    parts = urlsplit(f"//{host}")
    try:
        is_valid = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid:
        raise SinkError(f"{quote(host)} is not a valid host. Write {scheme}://host:port/…")
