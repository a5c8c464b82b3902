"""The default limits of a request."""

from __future__ import annotations

from typing import Final

#: Size of the request line and headers: more than common servers allow, and several times what
#: webhooks need.
MAX_HEAD_BYTES: Final = 32_768

#: Time in which a request must arrive. Senders give up earlier, GitHub after 10 s.
REQUEST_TIMEOUT_S: Final = 30.0
