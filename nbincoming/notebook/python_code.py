"""The Python code that defines a draft."""

from __future__ import annotations

import re
from typing import Any

from nbincoming.core.auth.schemes import (
    Authorization,
    NoAuthorization,
)
from nbincoming.core.conditions.label import Reference
from nbincoming.core.conditions.operators import BY_NAME
from nbincoming.core.conditions.tree import (
    All,
    AnyOf,
    Condition,
    ElementLeaf,
    Leaf,
    Not,
)
from nbincoming.core.spec.model import Spec


def code(spec: Spec) -> str:
    """Write the Python code that defines a draft like `spec`."""
    lines = [f"inc = nbi.Integration({spec.name!r})"]
    if spec.icon != _DEFAULTS["icon"].default:
        lines.append(f"inc.icon = {spec.icon!r}")
    limits = {name: getattr(spec, name) for name in _LIMITS}
    others = [f"{name}={n}" for name, n in limits.items() if n != _DEFAULTS[name].default]
    if others:
        lines.append(f"inc.set_limits({', '.join(others)})")
    if spec.time_zone != _DEFAULTS["time_zone"].default:
        lines.append(f"inc.time_zone = {spec.time_zone!r}")
    if spec.authorization != NoAuthorization():
        lines.append(f"inc.authorization = {_authorization(spec.authorization)}")
    if spec.deduplication is not None:
        settings = spec.deduplication
        arguments = [repr(label) for label in settings.parameters]
        arguments.append(f"window={settings.window!r}")
        if settings.anchor != "last_request":
            arguments.append(f"anchor={settings.anchor!r}")
        if settings.claims != "every_request":
            arguments.append(f"claims={settings.claims!r}")
        lines.append(f"inc.deduplicate({', '.join(arguments)})")
    if spec.triggers:
        lines.append("P = nbi.P")
        lines += [f"inc.trigger({each.name!r}, {expression(each.when)})" for each in spec.triggers]
    text = "\n".join(lines) + "\n"
    imports = [line for name, line in _IMPORTS.items() if re.search(name, text)]
    return "\n".join([*imports, "import nbincoming as nbi", "", text])


#: The fields of a spec. The code sets only those that differ from their defaults.
_DEFAULTS = Spec.model_fields
_LIMITS = ("max_body_bytes", "max_depth", "max_parameters")

#: Imports to add if the code matches a pattern.
_IMPORTS = {
    r"\bDecimal\(": "from decimal import Decimal",
    r"\bElementLeaf\.": "from nbincoming.core.conditions.tree import ElementLeaf",
    r"\bLeaf\.": "from nbincoming.core.conditions.tree import Leaf",
}


def _authorization(authorization: Authorization) -> str:
    data = authorization.data()
    scheme = str(data.pop("scheme")).replace("-", "_")
    secrets = data.pop("secrets", [])
    # The function's first argument is called `name`, as in nbi.provider("stripe", …).
    named = {"header": "header", "provider": "provider"}.get(scheme)
    arguments = [] if named is None else [repr(data.pop(named))]
    if secrets:
        arguments.append(f"secret={(secrets[0] if len(secrets) == 1 else secrets)!r}")
    arguments += [f"{name}={_python(value)}" for name, value in data.items()]
    return f"nbi.{scheme}({', '.join(arguments)})"


#: Operators that the builder writes as Python's own.
_INFIX = {
    "equals": "==",
    "not_equals": "!=",
    "less_than": "<",
    "less_or_equal": "<=",
    "greater_than": ">",
    "greater_or_equal": ">=",
}

#: Operators whose method in the builder has another name.
_METHODS = {
    "matches_regex": "matches",
    "not_matches_regex": "not_matches",
    "in": "is_in",
    "matches_current": "in_current",
}

#: How the builder converts to a type.
_CONVERSIONS = {None: "", "number": ".as_number()", "datetime": ".as_datetime()"}


def expression(condition: Condition) -> str:
    """Write a condition as an expression of the builder."""
    match condition:
        case All(conditions=parts):
            return " & ".join(_operand(part) for part in parts)
        case AnyOf(conditions=parts):
            return " | ".join(_operand(part) for part in parts)
        case Not(condition=part):
            return f"~{_operand(part, always=True)}"
        case ElementLeaf(type=None):
            # The labels inside already name the element, as in body.items[*].price.
            inner = expression(condition.value)
            return f"P[{condition.parameter!r}].{condition.operator}(lambda _: {inner})"
        case ElementLeaf():
            return _model(condition)
        case Leaf():
            return _leaf(condition)


def _leaf(leaf: Leaf) -> str:
    is_range = leaf.operator == "between"
    if leaf.type not in _CONVERSIONS or (is_range and isinstance(leaf.value, Reference)):
        return _model(leaf)
    subject = f"P[{leaf.parameter!r}]{_CONVERSIONS[leaf.type]}"
    if leaf.ignore_case:
        subject += ".ignoring_case()"
    value = (
        f"P[{leaf.value.parameter!r}]" if isinstance(leaf.value, Reference) else _python(leaf.value)
    )
    if leaf.operator in _INFIX:
        return f"{subject} {_INFIX[leaf.operator]} {value}"
    if leaf.operator.startswith("length_"):
        return f"{subject}.length {_INFIX[leaf.operator.removeprefix('length_')]} {value}"
    method = _METHODS.get(leaf.operator, leaf.operator)
    if is_range:
        return f"{subject}.between({', '.join(_python(item) for item in leaf.value)})"
    takes_value = BY_NAME[leaf.operator][0].operand != "none"
    return f"{subject}.{method}({value if takes_value else ''})"


def _model(leaf: Leaf | ElementLeaf) -> str:
    """Write a leaf that the builder cannot express, such as one with type string."""
    return f"{type(leaf).__name__}.model_validate({_python(leaf.data())})"


def _operand(part: Condition, *, always: bool = False) -> str:
    text = expression(part)
    bare = isinstance(part, Not | ElementLeaf) or (
        isinstance(part, Leaf)
        and part.operator not in _INFIX
        and not part.operator.startswith("length_")
    )
    return text if bare and not (always and isinstance(part, Not)) else f"({text})"


def _python(value: Any) -> str:
    """Write a JSON value as Python: a decimal as a float where that is exact."""
    match value:
        case None | bool() | str() | int():
            return repr(value)
        case list():
            return f"[{', '.join(map(_python, value))}]"
        case dict():
            members = (f"{name!r}: {_python(member)}" for name, member in value.items())
            return f"{{{', '.join(members)}}}"
        case _:
            text = str(value)
            # The builder reads a float by its repr, so an equal repr is the same decimal.
            return text if repr(float(text)) == text else f"Decimal({text!r})"
