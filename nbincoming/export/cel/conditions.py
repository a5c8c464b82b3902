"""Triggers as CEL, the expression language of Kubernetes, Envoy, Tekton and others.

If a request meets the :func:`assumptions`, an expression has the same result as
:mod:`nbincoming.core.conditions.evaluation`. A condition without such an expression is refused.
"""

from __future__ import annotations

import re
from datetime import UTC, tzinfo
from typing import Final, assert_never

from nbincoming.core.conditions.operators import BY_NAME
from nbincoming.core.conditions.tree import All, AnyOf, Condition, ElementLeaf, Leaf, Not, leaves
from nbincoming.core.spec.model import Spec
from nbincoming.errors import NbIncomingError, Problem, SpecError
from nbincoming.export.cel.leaves import LeafWriter
from nbincoming.export.cel.terms import EXACT_DIGITS, NoFaithfulForm

_ALWAYS_ASSUMED: Final = (
    "body is the decoded JSON body. headers maps each name in lower case to a string, or to a "
    "list of strings if the header is repeated.",
    "The endpoint would accept the body: it is an object or array without duplicate members.",
    f"Integers are within ±2^53; other numbers have at most {EXACT_DIGITS} significant digits and "
    "lie between 1e-300 and 1e300. (Other numbers are rounded, and some engines fail on them.)",
    "Texts have no NUL character. (Some engines cut the text there.)",
)
_MOMENTS_ASSUMED: Final = (
    "Date-times are valid by RFC 3339, with an offset and at most six decimals of a second. "
    "(The endpoint also reads dates and times without an offset; these expressions do not.)"
)
_NOW_ASSUMED: Final = "now is the timestamp at which the request was received."

#: Most levels of nesting: brackets and steps of a path. Google's engine parses 32, of which its
#: macros need some.
MAX_DEPTH: Final = 30

_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_TOKEN: Final = re.compile(r"[()\[\],]|!(?!=)|&&|\|\|")
_STEPS: Final = re.compile(r"(?:\[[^\[\]]*\])+")


class NotInCelError(NbIncomingError, ValueError):
    """CEL cannot express a leaf of a condition with the same meaning; the message names it."""


def condition_cel(condition: Condition, *, zone: tzinfo = UTC) -> str:
    """Write a condition as a CEL expression, on one line.

    Parameters
    ----------
    zone
        Time zone of date-times without an offset, and of "the current day".

    Raises
    ------
    NotInCelError
        If CEL cannot express a leaf; the message names the first.
    """
    text, refused = _written(condition, zone)
    if refused:
        raise NotInCelError(refused[0])
    return text


def trigger_cel(spec: Spec) -> dict[str, str]:
    """Write each trigger of a spec as a CEL expression, by name.

    Raises
    ------
    SpecError
        If CEL cannot express a leaf; the message lists all such leaves.
    """
    problems = [
        Problem(f"triggers[{index}].when", message)
        for index, trigger in enumerate(spec.triggers)
        for message in refusals(trigger.when, zone=spec.zone)
    ]
    if problems:
        raise SpecError(problems, source="The CEL export")
    return {each.name: condition_cel(each.when, zone=spec.zone) for each in spec.triggers}


def refusals(condition: Condition, *, zone: tzinfo = UTC) -> list[str]:
    """Return the reason for each leaf that CEL cannot express, in reading order."""
    return _written(condition, zone)[1]


def assumptions(spec: Spec) -> list[str]:
    """List what the expressions of a spec assume about each request."""
    rows = [
        row
        for trigger in spec.triggers
        for leaf in leaves(trigger.when)
        for row in BY_NAME[leaf.operator]
        if row.type == "datetime" and (leaf.type == "datetime" or len(BY_NAME[leaf.operator]) == 1)
    ]
    assumed = list(_ALWAYS_ASSUMED)
    if rows:
        assumed.append(_MOMENTS_ASSUMED)
    if any(row.at is not None for row in rows):
        assumed.append(_NOW_ASSUMED)
    return assumed


def cel_document(spec: Spec) -> str:
    """Write all triggers; comments state the assumptions and each condition in words."""
    lines = [
        f"// The triggers of {spec.name}, "
        + (f"version {spec.version}" if spec.version else "a draft")
        + ", in CEL (https://cel.dev).",
        "// Assumed:",
        *(f"// - {each}" for each in assumptions(spec)),
    ]
    whens = {trigger.name: trigger.when for trigger in spec.triggers}
    for name, text in trigger_cel(spec).items():
        words = f"{name}: {whens[name].describe()}"
        lines += ["", *(f"// {line}" for line in words.splitlines()), text]
    if not spec.triggers:
        lines += [
            "",
            "// There are no triggers: every request that is not a duplicate is accepted.",
        ]
        lines.append("true")
    return "\n".join(lines) + "\n"


def _written(condition: Condition, zone: tzinfo) -> tuple[str, list[str]]:
    refused: list[str] = []
    text = _write(condition, LeafWriter(zone), refused)
    if not refused and _depth(text) > MAX_DEPTH:
        refused.append(
            f"This is nested deeper than the {MAX_DEPTH} levels that Google's CEL engine parses. "
            "Split it into several triggers."
        )
    return text, refused


def _depth(text: str) -> int:
    """Count the levels of nesting: open brackets, the ``!`` before them, the steps of a path."""
    bare = _STRING.sub("", text)
    deepest = level = nots = 0
    outside: list[tuple[int, int]] = []
    for token in _TOKEN.findall(bare):
        match token:
            case "(" | "[":
                outside.append((level, nots))
                level, nots = level + 1 + nots, 0
                deepest = max(deepest, level)
            case ")" | "]":
                level, nots = outside.pop()
            case "!":
                nots += 1
            case _:  # a separator of two terms
                nots = 0
    return deepest + max((steps.count("[") for steps in _STEPS.findall(bare)), default=0)


def _write(condition: Condition, writer: LeafWriter, refused: list[str]) -> str:
    match condition:
        case All(conditions=parts):
            return "(" + " && ".join(_write(part, writer, refused) for part in parts) + ")"
        case AnyOf(conditions=parts):
            return "(" + " || ".join(_write(part, writer, refused) for part in parts) + ")"
        case Not(condition=part):
            return f"!{_write(part, writer, refused)}"
        case ElementLeaf():
            try:
                inner, variable = writer.within(condition)
            except NoFaithfulForm as reason:
                refused.append(_refusal(condition, reason))
                return "(false)"
            held = _write(condition.value, inner, refused)
            return f"({writer.elements(condition, variable, held)})"
        case Leaf():
            try:
                return f"({writer.leaf(condition)})"
            except NoFaithfulForm as reason:
                refused.append(_refusal(condition, reason))
                return "(false)"
        case _:
            assert_never(condition)


def _refusal(leaf: Leaf | ElementLeaf, reason: NoFaithfulForm) -> str:
    return f"CEL cannot express “{leaf.describe()}” with the same meaning: {reason}."
