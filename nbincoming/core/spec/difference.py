"""How two versions of a spec differ in meaning, as sentences.

Other changes are left out: the order of conditions, ``P7D`` instead of ``P1W``, the observed
parameters, the examples, the publication.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, assert_never

from nbincoming.core.auth.schemes import Authorization, NoAuthorization
from nbincoming.core.conditions.tree import (
    All,
    AnyOf,
    Condition,
    ElementLeaf,
    Leaf,
    Not,
)
from nbincoming.core.deduplication import Deduplication
from nbincoming.core.request.values import Value, json_text, shorten
from nbincoming.core.spec.model import Spec, Trigger

#: Members with one value: the name in a sentence, and what a change means.
_PLAIN: Final = {
    "name": ("The name", ""),
    "icon": ("The icon", ""),
    "endpoint": ("The endpoint", " Senders must use the new URL."),
    "time_zone": ("The time zone", ""),
    "max_body_bytes": ("The largest body in bytes", ""),
    "max_depth": ("The deepest nesting of a body", ""),
    "max_parameters": ("The largest number of parameters of a body", ""),
}

_NEW_KEYS: Final = " Keys that were claimed before no longer count."


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    Attributes
    ----------
    place : str
        The member of the spec, such as ``deduplication.window``.
    sentence : str
        What it was and what it is.
    """

    place: str
    sentence: str

    def __str__(self) -> str:
        return self.sentence


def differences(old: Spec, new: Spec) -> list[Change]:
    """List the differences in meaning, in the order of the spec's members."""
    return [
        *_plain(old, new, ("name", "icon", "endpoint")),
        *_authorization(old.authorization, new.authorization),
        *_deduplication(old.deduplication, new.deduplication),
        *_triggers(old.triggers, new.triggers),
        *_plain(old, new, ("time_zone", "max_body_bytes", "max_depth", "max_parameters")),
    ]


def _plain(old: Spec, new: Spec, members: tuple[str, ...]) -> Iterator[Change]:
    for member in members:
        what, then = _PLAIN[member]
        before, after = getattr(old, member), getattr(new, member)
        if before != after:
            yield Change(member, f"{what} was {_value(before)} and is {_value(after)}.{then}")


def _value(value: Value) -> str:
    return f"{value:,}" if type(value) is int else str(value) or "empty"


# --- authorization ---------------------------------------------------------------------


def _authorization(old: Authorization, new: Authorization) -> Iterator[Change]:
    if old.scheme != new.scheme:
        then = " Anyone who knows the URL may call." if isinstance(new, NoAuthorization) else ""
        yield Change("authorization", f"Authorization was {old.scheme} and is {new.scheme}.{then}")
        return
    before, after = old.model_dump(mode="json"), new.model_dump(mode="json")
    for member, value in after.items():
        if value == before[member]:
            continue
        place = f"authorization.{member}"
        if member == "secrets":
            yield from _secrets(place, before[member], value)
        else:
            yield Change(
                place,
                f"Authorization: {member.replace('_', ' ')} was {_quoted(before[member])} and is "
                f"{_quoted(value)}.",
            )


def _secrets(place: str, old: list[str], new: list[str]) -> Iterator[Change]:
    """Name the secrets that were added and removed."""
    added, gone = _without(new, old), _without(old, new)
    if added:
        yield Change(place, f"Requests signed with {_listed(added)} are accepted now.")
    if gone:
        yield Change(place, f"Requests signed with {_listed(gone)} are no longer accepted.")
    if not added and not gone:
        yield Change(place, "The secrets have another order.")


# --- deduplication ---------------------------------------------------------------------


def _deduplication(old: Deduplication | None, new: Deduplication | None) -> Iterator[Change]:
    if new is None:
        if old is not None:
            yield Change("deduplication", "Requests are no longer deduplicated.")
        return
    if old is None:
        labels = _listed(list(new.parameters))
        yield Change(
            "deduplication", f"Requests are deduplicated by {labels}, within {new.window}."
        )
        return
    changes = list(_settings(old, new))
    if changes:  # changed settings start with an empty set of keys
        last = changes.pop()
        changes.append(Change(last.place, last.sentence + _NEW_KEYS))
    yield from changes


def _settings(old: Deduplication, new: Deduplication) -> Iterator[Change]:
    for verb, labels in (
        ("now has", _without(new.parameters, old.parameters)),
        ("no longer has", _without(old.parameters, new.parameters)),
    ):
        if labels:
            yield Change("deduplication.parameters", f"The key {verb} {_listed(labels)}.")
    if old.window_ms != new.window_ms:
        yield Change("deduplication.window", f"The window was {old.window} and is {new.window}.")
    for member, what in (("anchor", "The window counts from"), ("claims", "Keys are claimed by")):
        before, after = getattr(old, member), getattr(new, member)
        if before != after:
            words = f"{what} {_WORDS[after]}, no longer {_WORDS[before]}."
            yield Change(f"deduplication.{member}", words)


_WORDS: Final = {
    "last_request": "the last request",
    "first_accepted": "the first accepted request",
    "every_request": "every request",
    "triggered": "requests for which a trigger is true",
}


# --- triggers --------------------------------------------------------------------------


def _triggers(old: tuple[Trigger, ...], new: tuple[Trigger, ...]) -> Iterator[Change]:
    before = {each.name: each.when for each in old}
    after = {each.name: each.when for each in new}
    gone = [name for name in before if name not in after]
    for index, (name, when) in enumerate(after.items()):
        place = f"triggers[{index}]"
        if name in before:
            yield from _trigger(place, name, before[name], when)
            continue
        former = next((each for each in gone if _meaning(before[each]) == _meaning(when)), None)
        if former is not None:
            gone.remove(former)
            yield Change(f"{place}.name", f"The trigger {former!r} is now named {name!r}.")
        else:
            yield Change(place, f"There is a new trigger {name!r}: {when.describe()}.")
    for name in gone:
        yield Change("triggers", f"The trigger {name!r} was removed: {before[name].describe()}.")
    if old and not new:
        yield Change(
            "triggers", "Without triggers, every request that is no duplicate becomes an event."
        )


def _trigger(place: str, name: str, old: Condition, new: Condition) -> Iterator[Change]:
    if _meaning(old) == _meaning(new):
        return
    before, after = _parts(old), _parts(new)
    kept = {_meaning(each) for each in before} & {_meaning(each) for each in after}
    if kept and isinstance(old, All) and isinstance(new, All):
        added = [each.describe() for each in after if _meaning(each) not in kept]
        gone = [each.describe() for each in before if _meaning(each) not in kept]
        also = [f"now also requires that {' and that '.join(added)}"] if added else []
        less = [f"no longer requires that {' and that '.join(gone)}"] if gone else []
        yield Change(f"{place}.when", f"The trigger {name!r} {' and '.join(also + less)}.")
        return
    yield Change(
        f"{place}.when",
        f"The trigger {name!r} was: {old.describe()}. It is: {new.describe()}.",
    )


def _parts(condition: Condition) -> tuple[Condition, ...]:
    return condition.conditions if isinstance(condition, All) else (condition,)


def _meaning(condition: Condition) -> str:
    """Write a condition in a normal form; conditions with equal texts mean the same."""
    return json_text(_normal(condition))


def _normal(condition: Condition) -> Value:
    match condition:
        case All(conditions=parts) | AnyOf(conditions=parts):
            word = condition.word
            flat = [each for part in parts for each in _opened(_normal(part), word)]
            once = {json_text(each): each for each in flat}
            ordered = [once[text] for text in sorted(once)]
            return ordered[0] if len(ordered) == 1 else [word, ordered]
        case Not(condition=inner):
            normal = _normal(inner)
            return normal[1] if type(normal) is list and normal[0] == "not" else ["not", normal]
        case ElementLeaf():
            return [condition.operator, condition.parameter, _normal(condition.value)]
        case Leaf():
            return condition.data()
        case _:
            assert_never(condition)


def _opened(normal: Value, word: str) -> list[Value]:
    """Return the parts of a group joined by `word`; of anything else, the condition itself."""
    if type(normal) is list and normal[0] == word:
        parts: list[Value] = normal[1]
        return parts
    return [normal]


# --- words -----------------------------------------------------------------------------


def _without(some: Any, others: Any) -> list[str]:
    return [each for each in some if each not in others]


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _quoted(value: Value) -> str:
    return "unset" if value is None else shorten(value)
