"""``%load_ext nbincoming`` and ``%incoming NAME``, in a shell of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from nbincoming import Integration, load_ipython_extension, unload_ipython_extension
from nbincoming.errors import SpecError


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    """A shell with the extension loaded."""
    made = InteractiveShell()
    load_ipython_extension(made)
    yield made
    unload_ipython_extension(made)


def test_the_magic_makes_an_integration(shell: InteractiveShell, tmp_path: Path) -> None:
    """Running it again returns the same integration."""
    made = shell.run_line_magic("incoming", f"magical --folder '{tmp_path}'")
    assert isinstance(made, Integration)
    assert made.name == "magical"
    assert shell.run_line_magic("incoming", "magical") is made


@pytest.mark.parametrize("line", ["a b", "", "x --nothing", "'"])
def test_wrong_use_says_how_to_use_it(shell: InteractiveShell, line: str) -> None:
    """A usage error shows the syntax."""
    with pytest.raises(UsageError, match="Write %incoming NAME"):
        shell.run_line_magic("incoming", line)


def test_a_name_that_cannot_name_a_file_is_refused(shell: InteractiveShell) -> None:
    """The error says which characters a name may have."""
    with pytest.raises(SpecError, match="name: A name has letters"):
        shell.run_line_magic("incoming", "../x")


def test_unloading_stops_the_endpoints(shell: InteractiveShell, tmp_path: Path) -> None:
    """The endpoints stop, and the magic is removed."""
    made = shell.run_line_magic("incoming", f"ending --folder '{tmp_path}'")
    made.listen()
    unload_ipython_extension(shell)
    assert not made.endpoint.listening
    assert "incoming" not in shell.magics_manager.magics["line"]
