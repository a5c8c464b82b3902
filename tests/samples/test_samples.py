"""Captured requests: raw, in order, bounded, from any thread."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from nbincoming.core.outcomes import (
    Accepted,
    Challenge,
    Duplicate,
    Filtered,
    Outcome,
    Rejected,
)
from nbincoming.core.request.masking import MASK
from nbincoming.core.request.message import Request
from nbincoming.core.spec.model import Spec
from nbincoming.errors import BadJSON, BadSignature
from nbincoming.samples.sample import OUTCOME_NAMES
from nbincoming.samples.samples import (
    MAX_SAMPLES,
    Samples,
)
from tests.samples.making import candidate, request, sample, samples, spec

OUTCOMES: list[tuple[Outcome, str, int]] = [
    (Accepted("e"), "accepted", 200),
    (Duplicate(1, 2), "duplicate", 204),
    (Filtered(), "filtered", 200),
    (Rejected(BadSignature("No.")), "rejected", 401),
    (Challenge("c"), "challenge", 200),
]
by_outcome = pytest.mark.parametrize(("outcome", "name", "status"), OUTCOMES)


# --- one sample ------------------------------------------------------------------------


@by_outcome
def test_a_sample_says_what_became_of_it(outcome: Outcome, name: str, status: int) -> None:
    """Each outcome has a name and the status of its answer."""
    kept = Samples().add(request({}), outcome)
    assert (kept.outcome_name, kept.status) == (name, status)


def test_every_outcome_has_a_name() -> None:
    """The legend of names is complete and has no others."""
    assert tuple(name for _, name, _ in OUTCOMES) == OUTCOME_NAMES


def test_a_refused_sample_says_why() -> None:
    """Its reason is what the sender was told; others have none."""
    refused, good = Samples(), Samples()
    assert refused.add(request({}), Rejected(BadJSON("At line 1."))).reason == "At line 1."
    assert good.add(request({}), Accepted("e")).reason == ""


def test_a_sample_keeps_what_the_rules_made_of_it() -> None:
    """Triggers, key and version come from the candidate."""
    rules: Spec = spec(
        deduplication={"parameters": ["body.id"]},
        triggers=[{"name": "all", "when": {"parameter": "body.id", "operator": "exists"}}],
    )
    judged = candidate(request({"id": 1}), rules.model_copy(update={"version": 4}))
    kept = Samples().add(judged.request, Accepted("e"), judged)
    assert (kept.triggers, kept.key, kept.version) == (("all",), judged.key, 4)
    assert kept.key is not None


def test_a_refused_sample_has_neither_triggers_nor_key() -> None:
    """Whatever the gateway returned instead of a candidate, nothing is made up."""
    refusal = Rejected(BadJSON("No."))
    kept = Samples().add(request(b"{"), refusal, refusal)
    assert (kept.triggers, kept.key, kept.version) == ((), None, 0)


def test_a_sample_is_flat() -> None:
    """Every leaf of body and headers has its label, the body first."""
    assert list(sample({"a": {"b": [1, None]}, "c": {}}, {"X-Event": "new"}).flat().items()) == [
        ("body.a.b[0]", 1),
        ("body.a.b[1]", None),
        ("body.c", {}),
        ("headers.content-type", "application/json"),
        ("headers.x-event", "new"),
    ]


def test_a_sample_that_is_not_json_has_its_headers() -> None:
    """What can be read is shown: the headers, masked; there is no body to flatten."""
    kept = Samples().add(request(b"{'a': 1}", {"X-Api-Key": "sesame"}), Rejected(BadJSON("No.")))
    assert kept.parameters is None
    assert kept.flat() == {"headers.content-type": "application/json", "headers.x-api-key": MASK}


def test_what_a_generous_spec_accepted_is_shown() -> None:
    """A body that only its spec's own limits let in has its parameters, however deep."""
    kept = Samples().add(request(b"[" * 100 + b"1" + b"]" * 100), Accepted("e"))
    assert list(kept.flat()) == ["body" + "[0]" * 100, "headers.content-type"]


def test_credentials_are_kept_and_never_shown() -> None:
    """The raw request has them; what is made of it to be looked at has not."""
    kept = sample({}, {"Authorization": "Bearer sesame", "Cookie": "sesame"})
    assert (b"Cookie", b"sesame") in kept.request.headers
    collected = Samples([kept])
    shown = [
        repr(kept), repr(kept.request), repr(kept.parameters), repr(collected), str(kept.flat()),
        collected.frame().to_string(), collected.profile().to_string(),
    ]  # fmt: skip
    assert [text for text in shown if "sesame" in text] == []


# --- many ------------------------------------------------------------------------------


def test_samples_are_in_order_and_numbered() -> None:
    """The first is number 0, whatever becomes of the later ones."""
    kept = samples({"n": 0}, {"n": 1}, {"n": 2})
    assert [each.number for each in kept] == [0, 1, 2]
    assert [each.flat()["body.n"] for each in kept] == [0, 1, 2]
    assert kept.next_number == 3


def test_samples_are_a_sequence() -> None:
    """Positions count from either end; what is beyond is an IndexError."""
    kept = samples(0, 1, 2)
    assert len(kept) == 3
    assert kept[-1].number == 2
    assert kept[1] in kept
    assert [each.number for each in reversed(kept)] == [2, 1, 0]
    with pytest.raises(IndexError):
        kept[3]


def test_a_slice_is_samples_with_their_numbers() -> None:
    """Part of them can do what all of them can, under the numbers they had."""
    part = samples({"n": 0}, {"n": 1}, {"n": 2})[1:]
    assert isinstance(part, Samples)
    assert part.frame().index.tolist() == [1, 2]


def test_the_oldest_go_first() -> None:
    """There is a bound, and numbers say how many there were."""
    kept = Samples(max_samples=3)
    for number in range(5):
        kept.add(request({"n": number}), Accepted("e"))
    assert [each.number for each in kept] == [2, 3, 4]
    assert kept.next_number == 5


def test_there_is_a_bound_by_default() -> None:
    """A notebook that runs for days does not fill the memory."""
    kept, made = Samples(), request({})
    for _ in range(MAX_SAMPLES + 1):
        kept.add(made, Filtered())
    assert len(kept) == MAX_SAMPLES


def test_clearing_goes_on_counting() -> None:
    """Forgotten samples' numbers are not given again."""
    kept = samples({}, {})
    kept.clear()
    assert len(kept) == 0
    assert kept.add(request({}), Accepted("e")).number == 2


def test_a_snapshot_stays() -> None:
    """What comes later is not in it."""
    kept = samples({})
    before = kept.snapshot()
    kept.add(request({}), Accepted("e"))
    assert len(before) == 1


def test_judged_are_those_that_were_not_refused() -> None:
    """Refused requests and handshakes tell nothing of a sender's data."""
    kept = Samples()
    for outcome, _, _ in OUTCOMES:
        kept.add(request({}), outcome)
    assert [each.outcome_name for each in kept.judged] == ["accepted", "duplicate", "filtered"]


def test_the_repr_counts_outcomes() -> None:
    """It is short, in the order of the legend, and holds no data."""
    kept = Samples()
    assert repr(kept) == "<Samples: none yet>"
    for outcome in (Filtered(), Accepted("e"), Filtered()):
        kept.add(request({"secret": "sesame"}), outcome)
    assert repr(kept) == "<Samples: 1 accepted, 2 filtered>"


def test_any_thread_may_add() -> None:
    """No sample is lost and no number given twice, while others read."""
    kept = Samples(max_samples=100_000)
    made: Request = request({})
    barrier = threading.Barrier(8)

    def run(work: Callable[[], object]) -> threading.Thread:
        def together() -> None:
            barrier.wait(10)
            for _ in range(500):
                work()

        thread = threading.Thread(target=together)
        thread.start()
        return thread

    threads = [run(lambda: kept.add(made, Filtered())) for _ in range(6)]
    threads += [run(lambda: list(kept)), run(lambda: repr(kept))]
    for thread in threads:
        thread.join(30)
    assert [each.number for each in kept] == list(range(3_000))
