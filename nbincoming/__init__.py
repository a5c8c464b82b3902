"""Incoming webhooks in the notebook: receive, flatten, deduplicate, filter, publish, serve.

>>> import nbincoming as nbi
>>> inc = nbi.Integration("complaints")  # doctest: +SKIP

Names are loaded when they are first used, so that importing the package is cheap and
production never loads pandas, tornado or ipywidgets.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbincoming.core.auth.schemes import (
        basic,
        header,
        jwt,
        meta,
        no_authorization,
        provider,
        standard_webhooks,
    )
    from nbincoming.core.auth.schemes import hmac_signature as hmac
    from nbincoming.core.conditions.builder import P
    from nbincoming.core.gateway import judge
    from nbincoming.core.request.values import MISSING
    from nbincoming.export.formats import export_spec
    from nbincoming.files import load
    from nbincoming.notebook.integration import Integration
    from nbincoming.notebook.magics import load_ipython_extension, unload_ipython_extension
    from nbincoming.review.comparison import compare
    from nbincoming.review.lint import lint
    from nbincoming.secrets import new_secret

__version__ = "0.1.0.dev0"

#: Where each public name lives: module and name in it.
_NAMES = {
    "Integration": ("nbincoming.notebook.integration", "Integration"),
    "MISSING": ("nbincoming.core.request.values", "MISSING"),
    "P": ("nbincoming.core.conditions.builder", "P"),
    "basic": ("nbincoming.core.auth.schemes", "basic"),
    "compare": ("nbincoming.review.comparison", "compare"),
    "export_spec": ("nbincoming.export.formats", "export_spec"),
    "header": ("nbincoming.core.auth.schemes", "header"),
    "hmac": ("nbincoming.core.auth.schemes", "hmac_signature"),
    "judge": ("nbincoming.core.gateway", "judge"),
    "jwt": ("nbincoming.core.auth.schemes", "jwt"),
    "lint": ("nbincoming.review.lint", "lint"),
    "load": ("nbincoming.files", "load"),
    "load_ipython_extension": ("nbincoming.notebook.magics", "load_ipython_extension"),
    "meta": ("nbincoming.core.auth.schemes", "meta"),
    "new_secret": ("nbincoming.secrets", "new_secret"),
    "no_authorization": ("nbincoming.core.auth.schemes", "no_authorization"),
    "provider": ("nbincoming.core.auth.schemes", "provider"),
    "standard_webhooks": ("nbincoming.core.auth.schemes", "standard_webhooks"),
    "unload_ipython_extension": ("nbincoming.notebook.magics", "unload_ipython_extension"),
}

__all__ = [
    "MISSING", "Integration", "P", "basic", "compare", "export_spec", "header", "hmac", "judge",
    "jwt", "lint", "load", "load_ipython_extension", "meta", "new_secret", "no_authorization",
    "provider", "standard_webhooks", "unload_ipython_extension",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module 'nbincoming' has no attribute {name!r}")
    module, attribute = _NAMES[name]
    try:
        value = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if not module.startswith("nbincoming.notebook.") or str(error.name).startswith(__name__):
            raise
        from nbincoming.errors import MissingExtra

        raise MissingExtra(f"nbincoming.{name}", "lab") from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
