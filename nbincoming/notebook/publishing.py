"""What an integration leaves behind: drafts, versions with their evidence, exports, code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nbincoming import files
from nbincoming.clock import now_ms
from nbincoming.core.examples import check_examples
from nbincoming.core.gateway import endpoint_path
from nbincoming.core.spec.evidence import Publication
from nbincoming.core.spec.model import Spec
from nbincoming.errors import SpecError
from nbincoming.export.formats import export_spec
from nbincoming.export.openapi import LOCAL
from nbincoming.notebook import snippets
from nbincoming.notebook.inspection import Inspection
from nbincoming.notebook.wizard.state import Fail, Published, Saved
from nbincoming.review.advice import Advice
from nbincoming.review.golden_examples import choose_examples
from nbincoming.review.incremental import IncrementalReviews
from nbincoming.review.lint import lint
from nbincoming.review.sample_review import SampleReview
from nbincoming.samples.sample import Sample


class Publishing(Inspection):
    """The files of an integration."""

    _trial: IncrementalReviews | None

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
        return self._complete(*self._judged())

    def _complete(
        self, draft: Spec, samples: Sequence[Sample], reviews: Sequence[SampleReview]
    ) -> Spec:
        return draft.model_copy(
            update={
                "parameters": tuple(profile.observed() for profile in self.profiles()),
                "examples": choose_examples(samples, draft, reviews),
            }
        )

    def _judged(self) -> tuple[Spec, Sequence[Sample], list[SampleReview]]:
        """Return the draft, the samples that were not refused, and what each shows under it."""
        # The wizard asks at each sample, so only what is new is looked at.
        with self.store.lock:
            draft, samples = self.draft, list(self.samples.judged)
            if self._trial is None or self._trial.spec != draft:
                self._trial = IncrementalReviews(draft)
            found = self._trial.run(samples)
            return draft, samples, [found[sample.number] for sample in samples]

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
        draft, samples, reviews = self._judged()
        return lint(
            self._complete(draft, samples, reviews),
            samples=samples,
            profiles=self.profiles(),
            reviews=reviews,
            secrets=self.secrets,
        )

    def export(self, format: str) -> str:
        """Write what is published, or the draft, in a format that others read.

        Parameters
        ----------
        format
            ``openapi``, ``jsonschema``, ``cel``, ``cloudevent``, ``curl`` or ``specschema``.
            Schemas of the payload are inferred from all samples that were not refused.
        """
        spec = self.spec or self.complete()
        bodies = [each.parameters.body for each in self.samples.judged if each.parameters]
        url = self.url.removesuffix(endpoint_path(spec.endpoint)) if self.listening else LOCAL
        return export_spec(spec, format, url=url, bodies=bodies)

    def code(self) -> str:
        """Write the Python code that makes this draft."""
        return snippets.code(self.draft)
