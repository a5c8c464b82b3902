"""The commands that send a request: pasted into a shell, they do what they say."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import nbincoming as nbi
from nbincoming.core.auth.schemes import Authorization
from nbincoming.core.auth.signatures import sign, standard_key
from nbincoming.core.request.values import json_text
from nbincoming.export.example import EXAMPLE_BODY
from nbincoming.export.shell import curl

SECRET = 'it\'s a "secret" to $everybody of 32 bytes'


@pytest.fixture
def inc(tmp_path: Path) -> Iterator[nbi.Integration]:
    """An integration that retrieves data."""
    made = nbi.Integration("snippets", folder=tmp_path)
    made.set_secret("env:SNIPPETS_KEY", SECRET)
    made.set_secret("env:SNIPPETS_STANDARD", b"whsec_" + base64.b64encode(SECRET.encode()))
    yield made
    made.close()


def run(command: str, cwd: Path, **variables: str) -> str:
    """Paste a command into a shell and return what it prints."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=cwd,
        env={**os.environ, "NO_PROXY": "127.0.0.1", **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


key = "env:SNIPPETS_KEY"
SCHEMES: dict[str, Authorization] = {
    "none": nbi.no_authorization(),
    "meta": nbi.meta(secret=key),
    "hmac": nbi.hmac(secret=key, header="X-Signature", prefix="v1="),
    "hmac sha512 base64": nbi.hmac(
        secret=key, header="X-S", algorithm="sha512", encoding="base64"
    ),
    "hmac with a time": nbi.hmac(secret=key, header="X-S", timestamp_header="X-Time"),
    "hmac with an odd prefix": nbi.hmac(secret=key, header="x-`'$s", prefix="a \"b\" $HOME `id` !"),
    "hmac with an odd template": nbi.hmac(
        secret=key, header="x-s", id_header="x-id", timestamp_header="x-time",
        timestamp_format="ms",
        signed="$HOME `id` '\"\\ {id}{method}{path}{url}{timestamp}{body}", encoding="base64url",
    ),
    "hmac with members": nbi.hmac(secret=key, header="x-s", member="v1", timestamp_member="t"),
    "header": nbi.header("X-Api-Key", secret=key),
    "bearer": nbi.header("Authorization", secret=key, prefix="Bearer "),
    **{
        name: nbi.provider(name, secret=key)
        for name in (
            "github", "gitlab", "slack", "stripe", "shopify", "zoom", "zendesk", "hubspot",
            "typeform", "calendly", "pagerduty", "square", "paddle", "intercom", "telegram",
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
def test_the_command_is_accepted(
    inc: nbi.Integration, scheme: Authorization, tmp_path: Path
) -> None:
    """Pasted into a shell with the secret in SECRET, it sends the example and gets 200."""
    inc.authorization = scheme
    inc.endpoint.open_window(60)
    printed = run(curl(inc.url, scheme), tmp_path, SECRET=SECRET)
    assert printed.startswith("HTTP/1.1 200 OK")
    (sample,) = inc.samples
    assert sample.parameters is not None
    assert sample.parameters.body == EXAMPLE_BODY


def test_the_command_sends_user_and_password(inc: nbi.Integration, tmp_path: Path) -> None:
    """The pair stands in SECRET."""
    inc.set_secret("env:PAIR", "me:" + SECRET)
    inc.authorization = nbi.basic(secret="env:PAIR")
    inc.endpoint.open_window(60)
    command = curl(inc.url, inc.authorization)
    assert "200 OK" in run(command, tmp_path, SECRET="me:" + SECRET)
    assert "401" in run(command, tmp_path, SECRET="you:" + SECRET)


@pytest.mark.parametrize(
    ("scheme", "secret"),
    [
        (nbi.provider("svix", secret=key), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        (nbi.provider("adyen-platforms", secret=key), "44782DEF547AAA06C910C43932B1EB0C"),
        (nbi.hmac(secret=key, header="x-s", secret_encoding="base64"), "MfKQ9r8GKYqrTwjUPD8I"),
    ],
    ids=["standard", "hex", "base64"],
)
def test_the_command_decodes_a_secret(
    inc: nbi.Integration, scheme: Authorization, secret: str, tmp_path: Path
) -> None:
    """As the scheme says."""
    inc.set_secret(key, secret)
    inc.authorization = scheme
    inc.endpoint.open_window(60)
    assert "200 OK" in run(curl(inc.url, scheme), tmp_path, SECRET=secret)


def test_what_no_shell_computes_stands_in_variables() -> None:
    """A signature by a private key, or Twilio's; a proof in the body needs no header."""
    url = "http://127.0.0.1:9/hook"
    command = curl(url, nbi.provider("discord", secret=key))
    assert '--header "x-signature-ed25519: $HEADER_X_SIGNATURE_ED25519"' in command
    assert "$HEADER_X_TWILIO_SIGNATURE" in curl(url, nbi.provider("twilio", secret=key))
    command = curl(url, nbi.provider("microsoft-graph", secret=key))
    assert command.count("--header") == 1
    scheme = nbi.hmac(secret=key, header="x-s", signed="{header:X-Event}{body}")
    assert '"x-event: $HEADER_X_EVENT"' in curl(url, scheme)


def test_the_public_url_of_a_spec_is_signed() -> None:
    """It is what the server expects; a proxy's headers are not known here."""
    for option, shown in (
        ("https://public.example.com/in", "https://public.example.com/in"),
        ("forwarded", "https://127.0.0.1:9/hook"),
    ):
        command = curl("http://127.0.0.1:9/hook", nbi.provider("square", secret=key, url=option))
        assert f"printf %s {shown}" in command


def test_the_command_takes_a_token(inc: nbi.Integration, tmp_path: Path) -> None:
    """For JWT the token stands in TOKEN."""
    inc.authorization = nbi.jwt(secret=key)
    inc.endpoint.open_window(60)
    command = curl(inc.url, inc.authorization)
    assert "200 OK" in run(command, tmp_path, TOKEN=inc.token())
    assert "401" in run(command, tmp_path, TOKEN="x")


def test_the_command_takes_a_standard_webhook(inc: nbi.Integration, tmp_path: Path) -> None:
    """Id, time and signature stand in ID, TIMESTAMP and SIGNATURE."""
    inc.authorization = nbi.standard_webhooks(secret="env:SNIPPETS_STANDARD")
    window = inc.endpoint.open_window(60)
    stamp, body = str(window.opened_ms // 1000), json_text(EXAMPLE_BODY)
    mac = sign(standard_key(inc.secrets["env:SNIPPETS_STANDARD"]), f"i.{stamp}.{body}".encode())
    signature = "v1," + base64.b64encode(mac).decode()
    command = curl(inc.url, inc.authorization)
    assert "200 OK" in run(command, tmp_path, ID="i", TIMESTAMP=stamp, SIGNATURE=signature)


@pytest.mark.parametrize("name", ["none", "hmac", "hmac with an odd prefix"])
def test_a_body_of_ones_own_arrives_unchanged(
    inc: nbi.Integration, name: str, tmp_path: Path
) -> None:
    """Quotes, dollars, percents and line feeds mean nothing to the shell."""
    body = {"a": 'it\'s $HOME `id` \\ %s \n\t"x" !! żółw 😀', "@": [1, None], "b": "-"}
    inc.authorization = SCHEMES[name]
    inc.endpoint.open_window(60)
    run(curl(inc.url, inc.authorization, body), tmp_path, SECRET=SECRET)
    (sample,) = inc.samples
    assert sample.status == 200
    assert sample.parameters is not None
    assert sample.parameters.body == body


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
def test_no_command_runs_what_a_spec_says(scheme: Authorization, tmp_path: Path) -> None:
    """A spec from elsewhere cannot make the shell do anything but send a request."""
    command = curl("http://127.0.0.1:9/$(touch a)`touch b`", scheme, {"$(touch c)": "`touch d`"})
    arguments = tmp_path / "arguments"
    (tmp_path / "curl").write_text('#!/bin/sh\nprintf "%s\\n" "$@" > arguments\n')
    (tmp_path / "curl").chmod(0o755)
    run(command, tmp_path, SECRET=SECRET, PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert {path.name for path in tmp_path.iterdir()} == {"curl", "arguments"}
    assert "http://127.0.0.1:9/$(touch a)`touch b`" in arguments.read_text()


def test_no_command_can_hold_a_secret() -> None:
    """It is made of names alone; it may be pasted into a chat."""
    for scheme in SCHEMES.values():
        assert "KEY" not in curl("http://127.0.0.1:9", scheme)


def test_the_notebook_writes_the_same_command(inc: nbi.Integration) -> None:
    """There is one maker of curl commands; what is typed as a secret is in none."""
    inc.listen()
    for scheme in SCHEMES.values():
        inc.authorization = scheme
        assert inc.curl() == curl(inc.url, scheme)
        assert SECRET not in inc.curl()
        assert "everybody" not in inc.curl()
