"""TLS: which certificates are trusted, and why one was not."""

from __future__ import annotations

import ssl
from errno import ENOENT
from typing import Final

from nbincoming.errors import NbIncomingError, quote

#: The option of a URL that names a PEM file with the only certificates to trust. Without it,
#: those of the system are trusted, or those in the file that the environment variable
#: SSL_CERT_FILE names. The name is librdkafka's, because the Kafka sink passes it on.
CA_OPTION: Final = "ssl.ca.location"


class CAFileError(NbIncomingError, ValueError):
    """A file of certificates that cannot be used."""


def trust(ca_file: str | None) -> ssl.SSLContext:
    """Make a context that checks certificates and host names.

    Raises
    ------
    CAFileError
        If the file cannot be read, or contains no certificate.
    """
    try:
        if ca_file == "":  # Python would take this for no file
            raise FileNotFoundError(ENOENT, "none is named")
        return ssl.create_default_context(cafile=ca_file)
    except (ssl.SSLError, ValueError):  # ValueError: the path contains a NUL
        reason = "it contains no certificate in PEM format"
    except OSError as error:
        reason = error.strerror or type(error).__name__
    raise CAFileError(f"The file {quote(ca_file)} of {CA_OPTION} cannot be used: {reason}.")


def certificate_fault(error: BaseException | None) -> str:
    """Say why a certificate was refused; empty if the connection failed for another reason.

    The text is OpenSSL's. The only thing it may quote is the host name.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"the certificate is not accepted ({error.verify_message.rstrip('.')})"
        inner = [each for each in error.args if isinstance(each, BaseException)]
        error = error.__cause__ or error.__context__ or next(iter(inner), None)
    return ""
