"""Icons of integrations: an emoji, or an image that the spec contains as a data URI."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Final

from nbincoming.core.spec.model import MAX_ICON
from nbincoming.errors import NbIncomingError

#: The first bytes of each kind of image that a spec accepts.
_STARTS: Final = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF8", "gif"),
    (b"RIFF", "webp"),
)


def is_image(icon: str) -> bool:
    """Tell whether an icon is an image."""
    return icon.startswith("data:")


def icon_of(image: bytes | Path) -> str:
    """Return an image as the icon of a spec.

    Raises
    ------
    NbIncomingError
        If it is no image, or is too large.
    """
    content = image.read_bytes() if isinstance(image, Path) else image
    kind = next((name for start, name in _STARTS if content.startswith(start)), None)
    if kind is None and b"<svg" in content[:1_000]:
        kind = "svg+xml"
    if kind is None:
        raise NbIncomingError("Choose a PNG, JPEG, GIF, WebP or SVG image.")
    uri = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    if len(uri) > MAX_ICON:
        raise NbIncomingError(
            f"The image has {len(content):,} bytes. An icon has at most {MAX_ICON * 3 // 4:,}: "
            "make it smaller; 64 by 64 pixels are enough."
        )
    return uri
