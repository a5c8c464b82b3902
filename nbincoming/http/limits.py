"""What a request may take where nothing else is set."""

from __future__ import annotations

from typing import Final

#: The request line and headers together: more than common servers let through, and several
#: times what webhooks send.
MAX_HEAD_BYTES: Final = 32_768

#: How long a request may take to arrive: well beyond what senders allow themselves, since GitHub
#: gives up after 10 s.
REQUEST_TIMEOUT_S: Final = 30.0
