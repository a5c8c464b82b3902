"""Connections that are encrypted: whom they trust, and what to say of a certificate."""

from __future__ import annotations

import ssl
from errno import ENOENT
from typing import Final

from nbincoming.errors import NbIncomingError, quote

#: The option of a URL that names a file of certificates in PEM: those to trust, and no others.
#: librdkafka's name, which the Kafka sink has anyway. Without it the system's are trusted, or
#: those in the file that the environment variable SSL_CERT_FILE names.
CA_OPTION: Final = "ssl.ca.location"


class CAFileError(NbIncomingError, ValueError):
    """A file that holds no certificates to trust."""


def trust(ca_file: str | None) -> ssl.SSLContext:
    """Make a context that checks certificates and the names of hosts.

    Raises
    ------
    CAFileError
        If the file cannot be read, or holds no certificate.
    """
    try:
        if ca_file == "":  # which Python would take for none
            raise FileNotFoundError(ENOENT, "none is named")
        return ssl.create_default_context(cafile=ca_file)
    except (ssl.SSLError, ValueError):  # a path with a NUL is a ValueError
        reason = "it holds no certificate in PEM"
    except OSError as error:
        reason = error.strerror or type(error).__name__
    raise CAFileError(f"The file {quote(ca_file)} of {CA_OPTION} cannot be used: {reason}.")


def certificate_fault(error: BaseException | None) -> str:
    """Say what is wrong with a certificate, if that is why a connection failed; else nothing.

    The text is OpenSSL's, and has the name of the host at the most.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"the certificate is not accepted ({error.verify_message.rstrip('.')})"
        inner = [each for each in error.args if isinstance(each, BaseException)]
        error = error.__cause__ or error.__context__ or next(iter(inner), None)
    return ""
