"""The form that imports requests from a file or a text."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import ipywidgets as widgets

from nbincoming.errors import NbIncomingError
from nbincoming.notebook.wizard.views import Callback, button, field, row, section, show, text

if TYPE_CHECKING:
    from nbincoming.notebook.integration import Integration

_HINT: Final = (
    "JSON lines, a HAR file, curl commands, or events of n8n or AWS. The draft judges the requests "
    "without checking their credentials. Nothing is sent."
)


class ImportForm:
    """A field for a text, a file chooser, and a button.

    Pasted commands can contain credentials, so the click on the button clears both fields in any
    case.
    """

    def __init__(
        self, integration: Integration, guard: Callable[[Callable[[], object]], Callback]
    ) -> None:
        self._integration = integration
        self._text = field(
            widgets.Textarea, "Requests", css="nbi-wide",
            placeholder="{\"complaint\": {\"id\": \"cmp-1\"}}     or     curl -d '…' https://…",
        )  # fmt: skip
        self._file = widgets.FileUpload(
            accept=".jsonl,.ndjson,.json,.har,.txt,.sh,.gz", description="Choose a file"
        )
        self._file.layout.width = "auto"
        take = button("Import", guard(self._on_take), primary=True)
        self.widget = section(
            "Import requests",
            [text(_HINT, css="nbi-quiet"), row([self._text]), row([take, self._file])],
            css="nbi-import",
        )
        show(self.widget, False)

    def toggle(self) -> None:
        """Open or close the form."""
        show(self.widget, self.widget.layout.display == "none")
        self._take()

    def close(self) -> None:
        """Close the form and clear its fields."""
        show(self.widget, False)
        self._take()

    def _take(self) -> tuple[str, list[bytes]]:
        taken = self._text.value, [bytes(each.content) for each in self._file.value]
        self._text.value, self._file.value = "", ()
        return taken

    def _on_take(self) -> None:
        pasted, contents = self._take()
        if not pasted.strip() and not contents:
            raise NbIncomingError("Paste requests, or choose a file, then import.")
        if pasted.strip():
            self._integration.import_samples(pasted)
        for content in contents:
            self._integration.import_samples(content)
        self.close()
