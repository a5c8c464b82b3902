"""The public names: loaded when they are used, and clear about what is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

import nbincoming as nbi
from nbincoming.errors import MissingExtra


@pytest.mark.parametrize("name", nbi.__all__)
def test_every_public_name_is_there(name: str) -> None:
    """It can be had, and is offered when one looks around."""
    assert getattr(nbi, name) is not None
    assert name in dir(nbi)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As in every module."""
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = nbi.nothing


LAZY = """
import sys
import nbincoming
heavy = {"pandas", "tornado", "ipywidgets", "IPython", "pydantic", "jwt", "re2"}
print(sorted(heavy & {name.partition(".")[0] for name in sys.modules}))
"""


def test_importing_the_package_loads_nothing() -> None:
    """Names are loaded when they are first used, so the import costs next to nothing."""
    assert subprocess.check_output([sys.executable, "-c", LAZY], text=True).strip() == "[]"


#: Asks for a name where a package is not installed.
WITHOUT = """
import sys
sys.modules[sys.argv[1]] = None
import nbincoming
try:
    nbincoming.Integration
except nbincoming.errors.MissingExtra as error:
    print(error)
"""


@pytest.mark.parametrize("missing", ["pandas", "tornado", "httptools", "IPython"])
def test_a_missing_package_is_one_sentence(missing: str) -> None:
    """With the command that installs it, instead of a bare ImportError."""
    said = subprocess.check_output([sys.executable, "-c", WITHOUT, missing], text=True)
    assert said == (
        "nbincoming.Integration needs packages that are not installed. "
        "Install them with: pip install 'nbincoming[lab]'\n"
    )


def test_a_fault_of_our_own_is_not_called_a_missing_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who breaks a module of this package sees which one."""
    monkeypatch.setitem(nbi._NAMES, "broken", ("nbincoming.notebook.gone", "x"))
    with pytest.raises(ModuleNotFoundError, match=r"nbincoming\.notebook\.gone") as caught:
        _ = nbi.broken
    assert not isinstance(caught.value, MissingExtra)
