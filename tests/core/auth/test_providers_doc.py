"""``docs/providers.md`` is the table of providers, written out."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import fill

from nbincoming.core.auth.proofs.wording import describe
from nbincoming.core.auth.providers import PROVIDERS, Provider

PAGE = Path(__file__).parents[3] / "docs" / "providers.md"
WIDTH = 120
VECTORS = json.loads((Path(__file__).parent / "provider_vectors.json").read_text())

INTRODUCTION = """\
# Providers

A provider is a sender whose way of proving who it is nbincoming knows:

```python
inc.authorization = nbi.provider("stripe", secret="env:STRIPE_SECRET")
```

In a spec: `{"scheme": "provider", "provider": "stripe", "secrets": ["env:STRIPE_SECRET"]}`. With
several secrets, oldest first, each is accepted, so that you can rotate them.

| Option | For | Meaning |
|---|---|---|
| `url` | senders that sign the URL | the URL entered at the sender, or `"forwarded"`; see below |
| `tolerance_s` | senders that sign a time | how far that time may be from now, in seconds |
| `verify_token` | Meta, WhatsApp | the secret that the GET handshake must present |

The URL that a sender signs is by default `https://`, the Host header and the target of the
request. A proxy may change them. Then set `url` to the URL that is entered at the sender, or to
`"forwarded"` if the proxy sets `X-Forwarded-Proto` and `X-Forwarded-Host`. Without that, these two
headers have no effect.

"Key" is what identifies an event: a suggestion for the deduplication key. If a sender is not here,
describe its signature by `nbi.hmac`, or use `nbi.header` for a token in a header and `nbi.basic`
for a user with a password; [the end of this page](#other-senders) has examples.

| Provider | Name | Proof |
|---|---|---|
"""

OTHERS = """
## Other senders

A signature of the time and the body in one header, as `t=1700000000,v1=5257a8…`:

```python
nbi.hmac(secret="env:KEY", header="X-Signature", member="v1", timestamp_member="t")
```

| Option of `nbi.hmac` | Meaning |
|---|---|
| `header` | the header that carries the signature |
| `signed` | a template of what is signed, such as `v0:{timestamp}:{body}` |
| `algorithm` | `sha256`, `sha1`, `sha384` or `sha512` |
| `encoding`, `prefix` | `hex`, `base64` or `base64url`, and what is before the signature |
| `separator` | what separates signatures, or members, in the header: `,`, `;` or a space |
| `member` | the member of the header with the signature |
| `timestamp_header`, `timestamp_member` | where the signed time is |
| `timestamp_format` | `s` or `ms` since the epoch, or `iso8601` |
| `tolerance_s` | how far the time may be from now, 300 seconds by default |
| `id_header` | the header that `{id}` stands for |
| `secret_encoding` | how the secret is written: `text`, `hex` or `base64` |
| `url` | what `{url}` stands for, as above |

A template may contain `{body}`, `{timestamp}`, `{id}`, `{method}`, `{path}`, `{url}` and
`{header:NAME}`.

A token that is the same in every request, or a user with a password:

```python
nbi.header("X-Api-Key", secret=["env:OLD_KEY", "env:NEW_KEY"])
nbi.header("Authorization", secret="env:TOKEN", prefix="Bearer ")
nbi.basic(secret="env:USER_AND_PASSWORD")  # the secret is user:password
```

The header must have a name whose values are masked, such as `X-Api-Key` or `X-Webhook-Token`.
Otherwise the token would be shown in samples and delivered with events.
"""


def section(row: Provider) -> str:
    """Write what there is to know about one provider."""
    oracles = dict.fromkeys(each["oracle"] for each in VECTORS if each["provider"] == row.name)
    options = [
        name
        for name, has in (
            ("url", row.signs_url),
            ("tolerance_s", row.signs_time),
            ("verify_token", row.has_meta_handshake),
        )
        if has
    ]
    lines = [f"## {row.title}", "", fill(row.setup, WIDTH), ""]
    if row.note:
        lines += [fill(row.note, WIDTH), ""]
    lines += [f"- Name: `{row.name}`", f"- Proof: {describe(row.proof)}"]
    lines += [f"- Key: {', '.join(f'`{label}`' for label in row.key)}"]
    if options:
        lines += [f"- Options: {', '.join(f'`{name}`' for name in options)}"]
    lines += [f"- Source: <{row.source}>", f"- Tested against: {'; '.join(oracles)}"]
    return "\n".join(lines) + "\n"


def written() -> str:
    """Write the page from the table."""
    rows = [f"| {row.title} | `{row.name}` | {describe(row.proof)} |" for row in PROVIDERS]
    sections = [section(row) for row in PROVIDERS]
    return INTRODUCTION + "\n".join(rows) + "\n\n" + "\n".join(sections) + OTHERS


def test_the_page_is_the_table() -> None:
    """Write it anew by: python -m tests.core.auth.test_providers_doc."""
    assert PAGE.read_text() == written()


if __name__ == "__main__":
    PAGE.write_text(written())
