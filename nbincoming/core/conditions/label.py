"""Labels in a spec: canonical, and never of a parameter that carries credentials."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from nbincoming.core.request.labels import format_path, parse
from nbincoming.core.request.masking import is_secret
from nbincoming.errors import LabelError, quote


def check_label(label: str) -> str:
    """Return a label in its canonical form.

    Raises
    ------
    ValueError
        If it is no label, or its parameter carries credentials.
    """
    try:
        path = parse(label)
    except LabelError as error:
        raise ValueError(f"{error}") from error
    if is_secret(path):
        raise ValueError(
            f"{quote(label)} carries credentials, which no condition and no key may use. "
            "Choose another parameter."
        )
    return format_path(path)


#: A parameter's label in its canonical form.
Label = Annotated[str, AfterValidator(check_label)]


class Reference(BaseModel):
    """The value of another parameter, used in place of a constant."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parameter: Label
