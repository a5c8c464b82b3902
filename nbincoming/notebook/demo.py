"""``nbincoming demo``: the whole job in the terminal, over real HTTP."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from nbincoming import files
from nbincoming.core.auth.schemes import jwt
from nbincoming.core.conditions.builder import P
from nbincoming.core.examples import check_examples
from nbincoming.core.request.values import json_text
from nbincoming.errors import NbIncomingError
from nbincoming.export.example import EXAMPLE_BODY
from nbincoming.notebook.endpoint.sending import post
from nbincoming.notebook.integration import Integration
from nbincoming.secrets import new_secret

#: Prints one line.
Say = Callable[[str], object]

NAME = "complaints-demo"
SECRET = "env:COMPLAINTS_JWT_KEY"


class Walk:
    """Prints numbered steps, and records whether every outcome was as expected."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._number = 0
        self.well = True

    def step(self, title: str) -> None:
        """Print the title of the next step."""
        self._number += 1
        self._say(f"\n{self._number}. {title}")

    def show(self, text: str) -> None:
        """Print lines below the current step."""
        for line in text.splitlines():
            self._say(f"   {line}")

    def expect(self, what: str, found: object, wanted: object) -> None:
        """Print an outcome and whether it is the expected one."""
        good = found == wanted
        self.well = self.well and good
        self.show(f"{'✓' if good else '✗'} {what}: {found}" + ("" if good else f", not {wanted}"))


def run(say: Say, folder: str | Path | None = None) -> bool:
    """Run the demo; return whether every outcome was as expected.

    Parameters
    ----------
    say
        Prints a line.
    folder
        Where to publish; by default a new temporary folder, which is kept.

    Raises
    ------
    NbIncomingError
        If the folder already has a published demo.
    """
    place = Path(folder) if folder else Path(tempfile.mkdtemp(prefix="nbincoming-demo-"))
    if files.latest_version(NAME, place / "published"):
        raise NbIncomingError(
            f"{place} has a published {NAME} already, which would answer instead of a new draft. "
            "Name another folder."
        )
    inc = Integration(NAME, folder=place)
    try:
        return _walk(Walk(say), inc, place)
    finally:
        inc.close()


def _walk(walk: Walk, inc: Integration, place: Path) -> bool:
    body = json_text(EXAMPLE_BODY).encode()

    walk.step("An integration with an endpoint of its own, in this process")
    walk.show(f"POST {inc.listen()}")
    walk.expect("A request to a draft that is not retrieving data", post(inc.url, body, {}), 404)

    walk.step("Retrieve data: 90 seconds to send a request, as any system would")
    walk.show(inc.curl())
    answers: list[int] = []
    sender = threading.Thread(target=lambda: answers.append(post(inc.url, body, {})), daemon=True)
    window_open = inc.endpoint.open_window(count=1)
    sender.start()
    sender.join()
    walk.expect("Answer", answers, [200])
    walk.expect("Window closed after the request", inc.state.window is not window_open, True)

    walk.step("The request, flattened")
    frame = inc.samples[-1:].frame(outcomes=False)
    walk.show(frame.T.rename(columns={frame.index[0]: "value"}).to_string(max_colwidth=60))
    labels = set(frame.columns)
    for label in ("body.complaint.customer.email", "body.complaint.attachments[0].fileName"):
        walk.expect(f"{label} is a column", label in labels, True)

    walk.step("Authorization, deduplication and a trigger")
    inc.authorization = jwt(secret=SECRET)
    inc.set_secret(SECRET, new_secret())
    inc.deduplicate("body.complaint.id", window="P7D")
    priority, status = P.body.complaint.priority, P.body.complaint.status
    inc.trigger("urgent", (priority == "high") & ~status.is_in(["closed"]))
    walk.show(inc.code())
    walk.show(inc.explain()[["condition", "holds", "reason"]].to_string(index=False))

    walk.step("Publish")
    spec = inc.publish(place / "published")
    path = Path(inc.state.published_path)
    walk.show(f"{path}\ndigest {spec.digest}")
    walk.expect("Version", spec.version, 1)
    walk.expect("Problems that check finds", [str(p) for p in check_examples(files.load(path))], [])
    walk.expect("Examples in the spec", [e.name for e in spec.examples], ["accepted-urgent"])

    walk.step("The published version answers")
    good = {"Authorization": f"Bearer {inc.token()}"}
    walk.expect("The request with a token", post(inc.url, body, good), 200)
    walk.expect("The same request again, a duplicate", post(inc.url, body, good), 204)
    walk.expect("Without a token", post(inc.url, body, {}), 401)
    forged = {"Authorization": f"Bearer {inc.token()[:-8]}AAAAAAAA"}
    walk.expect("With a forged token", post(inc.url, body, forged), 401)
    powerless = {"Authorization": f"Bearer {inc.token(permissions=[])}"}
    walk.expect("With a token that lacks the permission", post(inc.url, body, powerless), 403)
    other = body.replace(b"cmp-20240610-001", b"cmp-20240610-002").replace(b'"high"', b'"low"')
    walk.expect("Another complaint, not urgent: filtered", post(inc.url, other, good), 200)
    walk.expect("Broken JSON", post(inc.url, body[:-1], good), 400)

    walk.step("The outcomes")
    outcomes = inc.samples.frame()[["received_at", "outcome", "status", "triggers"]]
    walk.show(outcomes.to_string())
    walk.expect("Events", len(inc.endpoint.events()), 1)

    if walk.well:
        walk.show(f"\nEverything as expected. Check the file: nbincoming check {path}")
    else:
        walk.show("\nNot everything was as expected: see the lines with ✗.")
    return walk.well
