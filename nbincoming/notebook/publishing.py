"""The files of an integration: its draft, its published versions, its exports."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

from nbincoming import files
from nbincoming.clock import now_ms
from nbincoming.core.examples import check_examples
from nbincoming.core.gateway import endpoint_path
from nbincoming.core.spec.evidence import Publication
from nbincoming.core.spec.model import SCHEMA_FILE, SUFFIX, Spec, spec_from_data
from nbincoming.errors import Problem, SpecError, quote
from nbincoming.export.formats import export_spec
from nbincoming.export.openapi import LOCAL
from nbincoming.notebook.endpoint.session import EndpointSession
from nbincoming.notebook.inspection import Inspection
from nbincoming.notebook.wizard.state import NotePublished, NoteSaved, ShowProblems, State
from nbincoming.notebook.wizard.store import Store
from nbincoming.samples.samples import Samples


class Publisher:
    """Writes the draft and its versions.

    Parameters
    ----------
    folder
        Holds the folders ``drafts`` and ``published``.
    """

    def __init__(
        self,
        folder: Path,
        store: Store,
        samples: Samples,
        endpoint: EndpointSession,
        inspection: Inspection,
    ) -> None:
        self.folder = folder
        self._store = store
        self._samples = samples
        self._endpoint = endpoint
        self._inspection = inspection

    def save(self, folder: str | Path | None = None) -> Path:
        """Write the draft; return the file's path."""
        place = self.folder / "drafts" if folder is None else folder
        path = files.save_draft(self._store.state.draft, place)
        self._store.dispatch(NoteSaved(str(path)))
        return path

    def publish(self, folder: str | Path | None, *, changes: str, by: str) -> Spec:
        """Write the next version and serve it from now on."""
        self._endpoint.check_open()
        problems = self._endpoint.problems()
        if problems:
            self._store.dispatch(ShowProblems("publish", tuple(problems)))
            raise SpecError(problems, source="The draft")
        place = self.folder / "published" if folder is None else Path(folder)
        complete = self._inspection.complete()
        found = check_examples(complete)
        if found:  # pragma: no cover - the same rules made the examples
            raise SpecError(found, source="The draft")
        publication = Publication.of(now_ms(), by=by, changes=changes)
        spec, path = files.publish(complete, place, publication)
        served = files.load(files.version_path(spec.name, spec.version, place))
        self._store.dispatch(NotePublished(served, str(path)))
        self._endpoint.update_body_limit()
        return spec

    def export(self, format: str) -> str:
        """Write the published spec, or else the draft, in another format."""
        spec = self._store.state.published or self._inspection.complete()
        bodies = [each.parameters.body for each in self._samples.judged if each.parameters]
        url = LOCAL
        if self._endpoint.listening:
            url = self._endpoint.url.removesuffix(endpoint_path(spec.endpoint))
        return export_spec(spec, format, url=url, bodies=bodies)


def opened_state(name: str, folder: Path, *, taken: Mapping[str, str]) -> State:
    """Read the draft and the published spec of this name, or make a new draft.

    Parameters
    ----------
    taken
        The endpoints of the other integrations in this kernel, with their names.

    Raises
    ------
    SpecError
        If the name is invalid, a file is damaged or holds another name, or the endpoint is
        taken: requests would reach only one of the two.
    """
    new = _new_draft(name)  # checks the name before it becomes part of a path
    draft = published = None
    path = ""
    if (drafted := folder / "drafts" / f"{name}.draft{SUFFIX}").is_file():
        draft = _load(name, drafted)
    if (current := folder / "published" / f"{name}{SUFFIX}").is_file():
        published, path = _load(name, current), str(current)
    if draft is None:
        draft = new if published is None else _draft_of(published)
    if draft.endpoint in taken:
        message = (
            f"{quote(taken[draft.endpoint])} has this endpoint already. Give this one a UUID of "
            "its own, or close the other."
        )
        raise SpecError([Problem("endpoint", message)], source=name)
    return State(draft=draft, published=published, published_path=path)


def _load(name: str, path: Path) -> Spec:
    spec = files.load(path)
    if spec.name != name:
        message = f"The file is named after {quote(name)} and holds {quote(spec.name)}. Rename it."
        raise SpecError([Problem("name", message)], source=str(path))
    return spec


def _new_draft(name: str) -> Spec:
    data = {"$schema": SCHEMA_FILE, "name": name, "endpoint": str(uuid4())}
    return spec_from_data(data, source="The integration")


def _draft_of(published: Spec) -> Spec:
    return published.draft().model_copy(update={"parameters": (), "examples": ()})
