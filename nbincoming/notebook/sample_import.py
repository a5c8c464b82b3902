"""Requests from a file or a text, added to the samples as if they had been captured."""

from __future__ import annotations

from pathlib import Path

from nbincoming.clock import now_ms
from nbincoming.core.examples import consider
from nbincoming.core.gateway import Rules
from nbincoming.errors import NbIncomingError, counted, quote
from nbincoming.inbox.memory import MemoryInbox
from nbincoming.notebook.wizard.state import NoteImport
from nbincoming.notebook.wizard.store import Store
from nbincoming.samples.request_files import ImportFormat, read_requests
from nbincoming.samples.samples import Samples


def import_requests(
    source: str | bytes | Path, store: Store, samples: Samples, *, format: ImportFormat | None
) -> Samples:
    """Judge requests by the draft, add them to the samples and return those added."""
    content = source.read_bytes() if isinstance(source, Path) else source
    if isinstance(content, str) and _names_a_file(content):
        raise NbIncomingError(
            f"{quote(content)} is the name of a file. Give Path({content!r}) to read the file."
        )
    requests = read_requests(content, now_ms=now_ms(), format=format)
    with store.lock:
        rules, inbox = Rules(store.state.draft), MemoryInbox(max_events=0)
        added = []
        for request in requests:
            judged = consider(request, rules)
            outcome = inbox.outcome_of(judged)
            added.append(samples.add(request, outcome, judged))
        store.dispatch(NoteImport(f"{counted(len(added), 'request')} imported."))
    return Samples(added, max_samples=len(added))


def _names_a_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # too long for a name, or with a null character
        return False
