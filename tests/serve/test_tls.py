"""`serve` with certificates that are not accepted: what the engineer on call reads."""

from __future__ import annotations

from pathlib import Path

from tests.inbox.server import Server
from tests.serve.running import complaint, publish, serving
from tests.servers import HOST
from tests.servers.certificates import Certificates
from tests.servers.receiver import HttpReceiver
from tests.servers.terminator import Terminator

#: A secret in the form of Standard Webhooks.
SESAME = "whsec_c2VzYW1lLXNlc2FtZS1zZXNhbWUtc2VzYW1l"


def test_a_receiver_that_is_not_trusted_gets_nothing_and_nothing_is_lost(tmp_path: Path) -> None:
    """The log says why it is away; trusted later, it gets what came meanwhile."""
    http, certificates = HttpReceiver(), Certificates(tmp_path / "certificates")
    wire = Terminator(http.port, certificates)
    options = (publish(tmp_path), "--sink", f"https://{HOST}:{wire.port}/hook#env:SESAME")
    try:
        with serving(*options, cwd=tmp_path, SESAME=SESAME) as served:
            assert served.post(complaint("a")) == 200
            line = served.wait_for("A delivery failed")
            assert served.post(complaint("b")) == 200
        assert line["cause"].startswith("the certificate is not accepted (")
        assert SESAME[6:] not in str([line, *served.lines])
        assert http.requests == http.refused == []
        trusting = {"SESAME": SESAME, "SSL_CERT_FILE": str(certificates.authority)}
        with serving(*options, cwd=tmp_path, **trusting):
            http.wait_for(2)
    finally:
        wire.close()
        http.close()
    assert ["cmp-a" in str(http.requests[0][1]), "cmp-b" in str(http.requests[1][1])] == [True] * 2


def test_an_inbox_that_is_not_trusted_is_503_and_said(tmp_path: Path, valkey: Server) -> None:
    """As one that is away; the password in its URL shows nowhere."""
    certificates = Certificates(tmp_path / "certificates")
    wire = Terminator(valkey.port, certificates)
    url = f"rediss://:sesame@{HOST}:{wire.port}/0"
    try:
        with serving(publish(tmp_path), "--inbox", url, cwd=tmp_path) as served:
            line = served.wait_for("The inbox cannot be reached")
            assert served.post(complaint("a")) == 503
        assert line["cause"].startswith("the certificate is not accepted (")
        assert "sesame" not in str([line, *served.lines])
    finally:
        wire.close()
