"""What ``import nbincoming`` costs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from benchmarks.row import Row, in_turns


def rows() -> Iterator[Row]:
    """Measure whole processes, so that nothing is loaded before."""

    def run(code: str) -> None:
        subprocess.run([sys.executable, "-c", code], check=True)

    mine, theirs = in_turns(lambda: run("import nbincoming"), lambda: run("import pydantic"))
    whole, _ = in_turns(
        lambda: run("from nbincoming.core.gateway import Gateway"), lambda: run("pass")
    )
    yield Row(
        "import nbincoming", "import pydantic", mine / theirs, 0.7, True,
        f"{mine * 1e3:.0f} ms against {theirs * 1e3:.0f} ms a process; names load on use, and the "
        f"whole request path takes {whole * 1e3:.0f} ms",
    )  # fmt: skip
