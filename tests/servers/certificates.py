"""Certificates for tests, of an authority that nobody knows."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme

from tests.servers import HOST


class Certificates:
    """A server's certificate, for the address and not for any name.

    Whoever connects by ``localhost`` finds the wrong name in it.

    Attributes
    ----------
    authority : Path
        What a client has to trust.
    certificate, key : Path
        The server's.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.authority, self.certificate, self.key = (
            folder / name for name in ("authority.pem", "certificate.pem", "key.pem")
        )
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.authority))
        issued = authority.issue_cert(HOST)
        for number, part in enumerate(issued.cert_chain_pems):
            part.write_to_path(str(self.certificate), append=number > 0)
        issued.private_key_pem.write_to_path(str(self.key))

    def context(self) -> ssl.SSLContext:
        """Return what a server in Python shows them by."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        return context
