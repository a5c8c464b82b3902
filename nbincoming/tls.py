"""TLS: which certificates to trust, and why a certificate was refused."""

from __future__ import annotations

import ssl
from errno import ENOENT
from typing import Final

from nbincoming.errors import NbIncomingError, quote

#: The URL option that names a PEM file of certificates. Only these are trusted then; otherwise
#: those of the system, or of SSL_CERT_FILE. The name is librdkafka's: the Kafka sink passes it on.
CA_OPTION: Final = "ssl.ca.location"


class CAFileError(NbIncomingError, ValueError):
    """A file of certificates cannot be used."""


def trust(ca_file: str | None) -> ssl.SSLContext:
    """Make a context that checks certificates and host names.

    Raises
    ------
    CAFileError
        If the file cannot be read, or contains no certificate.
    """
    try:
        if ca_file == "":  # ssl would ignore an empty name
            raise FileNotFoundError(ENOENT, "none is named")
        return ssl.create_default_context(cafile=ca_file)
    except (ssl.SSLError, ValueError):  # ValueError: the path contains a NUL
        reason = "it contains no certificate in PEM format"
    except OSError as error:
        reason = error.strerror or type(error).__name__
    raise CAFileError(f"The file {quote(ca_file)} of {CA_OPTION} cannot be used: {reason}.")


def certificate_fault(error: BaseException | None) -> str:
    """Say why a certificate was refused; empty if the connection failed for another reason.

    The text is OpenSSL's. Of the certificate and the URL, it may contain only the host name.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"the certificate is not accepted ({error.verify_message.rstrip('.')})"
        inner = [each for each in error.args if isinstance(each, BaseException)]
        error = error.__cause__ or error.__context__ or next(iter(inner), None)
    return ""
