"""Real requests: GitHub's webhook payloads, as a sender writes them.

``github_webhooks.json.gz`` holds the 329 examples for api.github.com of the npm package
``@octokit/webhooks-examples`` 7.6.1, which is MIT-licensed, Copyright (c) Octokit contributors.
"""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path

_FILE = Path(__file__).parent / "github_webhooks.json.gz"


@cache
def bodies() -> tuple[bytes, ...]:
    """Return the bodies, compact as GitHub sends them."""
    examples = json.loads(gzip.decompress(_FILE.read_bytes()))
    return tuple(
        json.dumps(example["payload"], separators=(",", ":"), ensure_ascii=False).encode()
        for example in examples
    )
