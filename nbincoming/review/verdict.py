"""What a sample shows under a spec, as advice and examples want it: small, to be kept."""

from __future__ import annotations

from dataclasses import dataclass

from nbincoming.core.examples import expectation
from nbincoming.core.gateway import Rules
from nbincoming.core.spec.evidence import Outcome
from nbincoming.core.spec.leaves import placed_leaves
from nbincoming.core.spec.model import Spec
from nbincoming.review.coverage import branches
from nbincoming.review.redaction import redact
from nbincoming.samples.sample import Sample


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a sample that is the first of its key.

    Attributes
    ----------
    outcome : str
        ``accepted``, ``filtered`` or ``rejected``.
    triggers : tuple of str
        Names of the triggers that match.
    key : str or None
        Its deduplication key.
    shown : frozenset of (int, bool) or None
        Which leaves of the triggers hold and do not, by their index; None where no example
        can be made of it, since the same does not become of it redacted.
    """

    outcome: Outcome
    triggers: tuple[str, ...]
    key: str | None
    shown: frozenset[tuple[int, bool]] | None


class Judge:
    """Says what samples show under a spec; authorization is taken as given."""

    def __init__(self, spec: Spec) -> None:
        self._spec, self._rules, self._placed = spec, Rules(spec), placed_leaves(spec)

    def verdict(self, sample: Sample) -> Verdict:
        """Look at one."""
        found, shown = expectation(sample.request, self._rules), None
        redacted = redact(sample.request, self._spec)
        if redacted is not None and expectation(redacted, self._rules) == found:
            shown = frozenset(branches(redacted, self._spec, self._rules, self._placed))
        return Verdict(**found, shown=shown)
