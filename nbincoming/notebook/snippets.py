"""Texts to copy: the curl command of an endpoint, the Python code of a draft."""

from __future__ import annotations

import re
import shlex
from typing import Any

from nbincoming.core.authorization import (
    Authorization,
    Hmac,
    Jwt,
    Meta,
    NoAuthorization,
    StandardWebhooks,
)
from nbincoming.core.conditions import All, AnyOf, Condition, ElementLeaf, Leaf, Not, Reference
from nbincoming.core.operators import BY_NAME
from nbincoming.core.spec import Spec
from nbincoming.core.values import Value, json_text

#: Text that means nothing to a shell within double quotes.
_HARMLESS = re.compile(r"[A-Za-z0-9 :;,.=_/+-]*")

#: The request of the platform's own page: a complaint.
EXAMPLE_BODY: dict[str, Value] = {
    "complaint": {
        "id": "cmp-20240610-001",
        "customer": {
            "id": "c123456789",
            "firstName": "Jane",
            "lastName": "Smith",
            "email": "jane.smith@example.com",
            "phone": "+1234567890",
        },
        "dateReceived": "2024-06-10T09:15:30Z",
        "orderId": "o987654321",
        "issueType": "product_defect",
        "description": "The wireless headphones stopped working after two days of use.",
        "priority": "high",
        "status": "new",
        "attachments": [
            {
                "fileName": "photo_of_defect.jpg",
                "fileUrl": "https://example.com/uploads/photo_of_defect.jpg",
            }
        ],
    },
    "source": "customer_support_portal",
}


def curl(url: str, authorization: Authorization, body: Value = None) -> str:
    """Write a curl command for an endpoint; secrets stand in it as shell variables."""
    text = json_text(EXAMPLE_BODY if body is None else body)
    lines = [f"curl --include {shlex.quote(url)}", "--header 'Content-Type: application/json'"]
    before = ""
    match authorization:
        case NoAuthorization():
            pass
        case Jwt():
            lines.append(_header("Authorization: Bearer ", "TOKEN"))
        case Meta():
            before = _signing(shlex.quote(text), "sha256", "hex")
            lines.append(_header("X-Hub-Signature-256: sha256=", "SIGNATURE"))
        case Hmac() as scheme:
            content = shlex.quote(text)
            if scheme.timestamp_header is not None:
                before = "TIMESTAMP=$(date +%s)\n"
                content = f'"$TIMESTAMP".{content}'
                lines.append(_header(f"{scheme.timestamp_header}: ", "TIMESTAMP"))
            before += _signing(content, scheme.algorithm, scheme.encoding)
            lines.append(_header(f"{scheme.header}: {scheme.prefix}", "SIGNATURE"))
        case StandardWebhooks():
            lines += [
                _header(f"webhook-{name}: ", name.upper())
                for name in ("id", "timestamp", "signature")
            ]
    lines.append(f"--data-raw {shlex.quote(text)}")
    return before + " \\\n  ".join(lines)


def _header(text: str, variable: str) -> str:
    """Write a header that ends with a shell variable.

    Whatever a spec from elsewhere names its headers, the shell must not run any of it.
    """
    if _HARMLESS.fullmatch(text):
        return f'--header "{text}${variable}"'
    return f'--header {shlex.quote(text)}"${variable}"'


def _signing(content: str, digest: str, encoding: str) -> str:
    written = "-r | cut -d' ' -f1" if encoding == "hex" else "-binary | openssl base64 -A"
    return f'SIGNATURE=$(printf %s {content} | openssl dgst -{digest} -hmac "$SECRET" {written})\n'


def code(spec: Spec) -> str:
    """Write the Python code that makes a draft."""
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


#: What a draft has that says nothing else.
_DEFAULTS = Spec.model_fields
_LIMITS = ("max_body_bytes", "max_depth", "max_parameters")

#: What must be imported where a spec says more than the builder, or a float, can.
_IMPORTS = {
    r"\bDecimal\(": "from decimal import Decimal",
    r"\bElementLeaf\.": "from nbincoming.core.conditions import ElementLeaf",
    r"\bLeaf\.": "from nbincoming.core.conditions import Leaf",
}


def _authorization(authorization: Authorization) -> str:
    data = authorization.data()
    scheme = str(data.pop("scheme")).replace("-", "_")
    secrets = data.pop("secrets", [])
    arguments = []
    if secrets:
        arguments.append(f"secret={(secrets[0] if len(secrets) == 1 else secrets)!r}")
    arguments += [f"{name}={_python(value)}" for name, value in data.items()]
    return f"nbi.{scheme}({', '.join(arguments)})"


#: How the builder writes an operator: by Python's own, or by a method of this name.
_INFIX = {
    "equals": "==",
    "not_equals": "!=",
    "less_than": "<",
    "less_or_equal": "<=",
    "greater_than": ">",
    "greater_or_equal": ">=",
}
_METHODS = {
    "matches_regex": "matches",
    "not_matches_regex": "not_matches",
    "in": "is_in",
    "matches_current": "in_current",
}

#: How the builder asks for a type.
_CONVERSIONS = {None: "", "number": ".as_number()", "datetime": ".as_datetime()"}


def expression(condition: Condition) -> str:
    """Write a condition as the builder takes it."""
    match condition:
        case All(conditions=parts):
            return " & ".join(_operand(part) for part in parts)
        case AnyOf(conditions=parts):
            return " | ".join(_operand(part) for part in parts)
        case Not(condition=part):
            return f"~{_operand(part, always=True)}"
        case ElementLeaf(type=None):
            # Labels inside name the element by themselves: body.items[*].price
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
    """Write what the builder has no words for, such as the type of a text."""
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
    """Write a JSON value as Python; decimals as the floats that the builder takes exactly."""
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
            # a float's own text reads back as the same decimal, or else Decimal keeps it
            return text if repr(float(text)) == text else f"Decimal({text!r})"
