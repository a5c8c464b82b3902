"""What an integration leaves behind: drafts, versions with their evidence, exports, code."""

from __future__ import annotations

from pathlib import Path

from nbincoming import files
from nbincoming.core.gateway import endpoint_path
from nbincoming.core.spec import Publication, Spec
from nbincoming.errors import SpecError
from nbincoming.export.formats import export_spec
from nbincoming.export.openapi import LOCAL
from nbincoming.history.examples import choose_examples
from nbincoming.history.lint import Advice, lint
from nbincoming.history.replay import check_examples
from nbincoming.notebook import snippets
from nbincoming.notebook.endpoint import now_ms
from nbincoming.notebook.inspection import Inspection
from nbincoming.notebook.state import Fail, Published, Saved


class Publishing(Inspection):
    """The files of an integration."""

    def save(self, folder: str | Path | None = None) -> Path:
        """Write the draft; return where."""
        path = files.save_draft(self.draft, self._folder / "drafts" if folder is None else folder)
        self.store.dispatch(Saved(str(path)))
        return path

    def complete(self) -> Spec:
        """Return the draft with its evidence, as it would be published.

        That is what the samples showed of the parameters, and redacted examples with the
        outcomes that `nbincoming check` and production run again.
        """
        draft = self.draft
        return draft.model_copy(
            update={
                "parameters": tuple(profile.observed() for profile in self.profiles()),
                "examples": choose_examples(self.samples.judged, draft),
            }
        )

    def publish(self, folder: str | Path | None = None, *, changes: str = "", by: str = "") -> Spec:
        """Write the next version of the spec and serve it from now on.

        Parameters
        ----------
        folder
            Where; ``published`` in the integration's folder by default.
        changes
            One line that says what changed, for the list of versions.
        by
            Who publishes.

        Raises
        ------
        SpecError
            With all that stands in the way.
        """
        problems = self.problems()
        if problems:
            self.store.dispatch(Fail("publish", tuple(problems)))
            raise SpecError(problems, source="The draft")
        folder = self._folder / "published" if folder is None else Path(folder)
        complete = self.complete()
        found = check_examples(complete)
        if found:  # pragma: no cover - an example is made by the rules that check it
            raise SpecError(found, source="The draft")
        publication = Publication.of(now_ms(), by=by, changes=changes)
        spec, path = files.publish(complete, folder, publication)
        served = files.load(files.version_path(spec.name, spec.version, folder))
        self.store.dispatch(Published(served, str(path)))
        if self.listening:
            self._endpoint.mount()  # the version's limit may be another
        return spec

    def lint(self) -> list[Advice]:
        """Look the draft over as it would be published; each advice has a code and a way out."""
        return lint(
            self.complete(),
            samples=self.samples.judged,
            profiles=self.profiles(),
            secrets=self.secrets,
        )

    def export(self, format: str) -> str:
        """Write what is published, or the draft, in a format that others read.

        Parameters
        ----------
        format
            ``openapi``, ``jsonschema``, ``cel``, ``asyncapi``, ``cloudevent``, ``curl``,
            ``httpie``, ``har`` or ``specschema``. Schemas of the payload are inferred over
            all samples that were not refused.
        """
        spec = self.spec or self.complete()
        bodies = [each.parameters.body for each in self.samples.judged if each.parameters]
        url = self.url.removesuffix(endpoint_path(spec.endpoint)) if self.listening else LOCAL
        return export_spec(spec, format, url=url, bodies=bodies)

    def code(self) -> str:
        """Write the Python code that makes this draft."""
        return snippets.code(self.draft)
