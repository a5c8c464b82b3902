"""What the captured samples show, and what the draft would decide about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from nbincoming.core.auth.diagnosis.diagnose import diagnose
from nbincoming.core.auth.diagnosis.finding import Finding
from nbincoming.core.conditions.explain import explain
from nbincoming.core.spec.model import Spec
from nbincoming.errors import NbIncomingError
from nbincoming.notebook.wizard.store import Store
from nbincoming.review.advice import Advice
from nbincoming.review.golden_examples import choose_examples
from nbincoming.review.incremental import IncrementalReviews
from nbincoming.review.lint import lint
from nbincoming.review.sample_review import SampleReview
from nbincoming.samples.profile import ParameterProfile, Profiler
from nbincoming.samples.sample import Sample
from nbincoming.samples.samples import Samples
from nbincoming.secrets import SecretStore

#: The columns of :meth:`Inspection.explain`.
_EXPLAINED = ("trigger", "condition", "holds", "seen", "type", "reason")


class UnknownSample(NbIncomingError, LookupError):
    """No captured sample has the number that was asked for."""


class Inspection:
    """Looks at the samples of an integration.

    The wizard asks again after every change, so profiles and outcomes are cached, and only
    new samples are processed.
    """

    def __init__(self, store: Store, samples: Samples, secrets: SecretStore) -> None:
        self._store = store
        self._samples = samples
        self._secrets = secrets
        self._profiler, self._next_number = Profiler(), 0
        self._trial: IncrementalReviews | None = None

    def sample(self, number: int | None) -> Sample:
        """Return the sample with this number; None means the last one.

        Raises
        ------
        UnknownSample
            If there is none; the message says which numbers there are.
        """
        samples = self._samples.snapshot()
        if not samples:
            raise UnknownSample("There are no samples yet. Call retrieve(), then send a request.")
        if number is None:
            return samples[-1]
        for sample in samples:
            if sample.number == number:
                return sample
        first, last = samples[0].number, samples[-1].number
        numbers = f"samples are #{first} to #{last}" if first != last else f"only one is #{first}"
        raise UnknownSample(
            f"No sample has the number {number!r}. The {numbers}, as the index of samples.frame() "
            "shows. Leave the number out for the last sample."
        )

    def profiles(self) -> list[ParameterProfile]:
        """Profile the parameters of the samples that were not refused."""
        with self._store.lock:
            kept = self._samples.snapshot()
            self._profiler.forget(kept[0].number if kept else self._samples.next_number)
            for sample in kept:
                if sample.number < self._next_number:
                    continue
                if sample.judged:
                    self._profiler.add(sample.number, sample.flat())
                self._next_number = sample.number + 1
            return self._profiler.profiles()

    def explain(self, number: int | None) -> pd.DataFrame:
        """Explain each trigger of the draft on one sample, one row for each leaf."""
        sample, draft = self.sample(number), self._store.state.draft
        rows: list[list[Any]] = []
        parameters = sample.parameters
        if parameters is None:  # the body is not JSON
            return pd.DataFrame(rows, columns=pd.Index(_EXPLAINED), dtype=object)
        for trigger in draft.triggers:
            explanation = explain(
                trigger.when,
                parameters,
                now_ms=sample.request.received_at_ms,
                zone=draft.zone,
            )
            rows += [
                [trigger.name, leaf.sentence, leaf.holds, leaf.seen, leaf.kind, leaf.reason]
                for leaf in explanation.leaves()
            ]
        return pd.DataFrame(rows, columns=pd.Index(_EXPLAINED), dtype=object)

    def diagnose(self, number: int | None) -> list[Finding]:
        """Look for the usual mistakes in a sample's credentials."""
        state = self._store.state
        authorization = (state.published or state.draft).authorization
        return diagnose(self.sample(number).request, authorization, self._secrets)

    def complete(self) -> Spec:
        """Return the draft with its observed parameters and redacted examples."""
        return self._complete(*self._reviewed())

    def lint(self) -> list[Advice]:
        """Check the completed draft against the samples and the secrets."""
        draft, samples, reviews = self._reviewed()
        return lint(
            self._complete(draft, samples, reviews),
            samples=samples,
            profiles=self.profiles(),
            reviews=reviews,
            secrets=self._secrets,
        )

    def _complete(
        self, draft: Spec, samples: Sequence[Sample], reviews: Sequence[SampleReview]
    ) -> Spec:
        return draft.model_copy(
            update={
                "parameters": tuple(profile.observed() for profile in self.profiles()),
                "examples": choose_examples(samples, draft, reviews),
            }
        )

    def _reviewed(self) -> tuple[Spec, Sequence[Sample], list[SampleReview]]:
        """Return the draft, the samples that were not refused, and their reviews by the draft."""
        with self._store.lock:
            draft, samples = self._store.state.draft, list(self._samples.judged)
            if self._trial is None or self._trial.spec != draft:
                self._trial = IncrementalReviews(draft)
            found = self._trial.run(samples)
            return draft, samples, [found[sample.number] for sample in samples]
