"""Looking at what came: profiles, outcomes under the draft, reasons, a sender's mistakes."""

from __future__ import annotations

from typing import Any

import pandas as pd

from nbincoming.core.auth.diagnosis.diagnose import diagnose
from nbincoming.core.auth.diagnosis.signature_mistakes import Finding
from nbincoming.core.conditions.explain import Explanation, explain
from nbincoming.core.outcomes import Outcome
from nbincoming.notebook.reception import Reception
from nbincoming.review.replay import replay
from nbincoming.samples.profile import ParameterProfile, Profiler
from nbincoming.samples.sample import Sample


class Inspection(Reception):
    """What the samples of an integration show."""

    _profiler: Profiler
    _profiled: int

    def profiles(self) -> list[ParameterProfile]:
        """Profile the parameters of the samples that were not refused."""
        # The wizard asks at each change of anything, so only what is new is looked at.
        with self.store.lock:
            kept = self.samples.snapshot()
            self._profiler.forget(kept[0].number if kept else self.samples.next_number)
            fresh = [sample for sample in kept if sample.number >= self._profiled]
            for sample in fresh:
                if sample.judged:
                    self._profiler.add(sample.number, sample.flat())
                self._profiled = sample.number + 1
            return self._profiler.profiles()

    def try_out(self) -> list[tuple[Sample, Outcome]]:
        """Say what the draft would make of each sample that was not refused."""
        samples = list(self.samples.judged)
        return list(zip(samples, replay([s.request for s in samples], self.draft), strict=True))

    def explain(self, index: int) -> pd.DataFrame:
        """Say why a sample has its outcome under the draft, leaf by leaf.

        Parameters
        ----------
        index
            Position in :attr:`samples`; negative ones count from the end.

        Returns
        -------
        DataFrame
            One row a leaf: trigger, condition, holds, parameter, seen, type, reason.
        """
        rows: list[dict[str, Any]] = []
        for name, explanation in self.explanations(index).items():
            rows += [
                {
                    "trigger": name,
                    "condition": leaf.sentence,
                    "holds": leaf.holds,
                    "seen": leaf.seen,
                    "type": leaf.kind,
                    "reason": leaf.reason,
                }
                for leaf in explanation.leaves()
            ]
        columns = ["trigger", "condition", "holds", "seen", "type", "reason"]
        return pd.DataFrame(rows, columns=pd.Index(columns), dtype=object)

    def explanations(self, index: int) -> dict[str, Explanation]:
        """Explain each trigger of the draft on one sample."""
        sample = self.samples[index]
        if sample.parameters is None:
            return {}
        return {
            trigger.name: explain(
                trigger.when,
                sample.parameters,
                now_ms=sample.request.received_at_ms,
                zone=self.draft.zone,
            )
            for trigger in self.draft.triggers
        }

    def diagnose(self, index: int) -> list[Finding]:
        """Say what a sender whose request was refused may have done wrong.

        Parameters
        ----------
        index
            Position in :attr:`samples`.

        Returns
        -------
        list of Finding
            The usual mistakes that would explain it; empty where the credentials are
            right. No finding holds a secret or a signature.
        """
        authorization = (self.spec or self.draft).authorization
        return diagnose(self.samples[index].request, authorization, self.secrets)
