"""The label of a parameter as a spec may name it: canonical, and never a credential's."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from nbincoming.core.request.labels import format_path, parse
from nbincoming.core.request.masking import is_secret
from nbincoming.errors import LabelError, quote


def check_label(label: str) -> str:
    """Bring a label to its canonical form, or refuse it."""
    try:
        path = parse(label)
    except LabelError as error:
        raise ValueError(f"{error}") from error
    if is_secret(path):
        raise ValueError(
            f"{quote(label)} carries credentials, which neither conditions nor keys may read. "
            "Choose another parameter."
        )
    return format_path(path)


#: A parameter's label in its canonical form.
Label = Annotated[str, AfterValidator(check_label)]


class Reference(BaseModel):
    """The value of another parameter, in place of a value of one's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parameter: Label
