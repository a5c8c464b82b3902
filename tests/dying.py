"""Writes spec files and dies at each step of doing so; run by ``tests/test_files.py``.

A child is forked for each step, in a folder of its own. It is killed by SIGKILL when it
comes to that step, a line of Python in the writing module or below it, so that neither a
``finally`` nor an exit handler runs. One line of JSON a child: where it was killed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from nbincoming import files
from tests.test_files import spec, write_draft, write_version

WATCHED = {files.__file__, tempfile.__file__, os.__file__}
#: Writing does not take so many steps.
MANY = 2_000


def killer(step: int) -> Callable[[FrameType, str, Any], Any]:
    """Make a trace function that kills its process at a step."""
    seen = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal seen
        if frame.f_code.co_filename not in WATCHED:
            return None
        if event == "line":
            seen += 1
            if seen == step:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    return trace


def main(what: str, root: Path) -> None:
    """Fork for each step until a child comes to its end."""
    if what == "version without links":
        os.link = no_links
    for step in range(1, MANY):
        folder = root / str(step)
        shutil.copytree(root / "before", folder)
        child = os.fork()
        if child == 0:
            sys.settrace(killer(step))
            (write_draft if what == "draft" else write_version)(folder)
            sys.settrace(None)
            os._exit(0)
        killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
        sys.stdout.write(json.dumps({"step": step, "killed": killed}) + "\n")
        sys.stdout.flush()  # before the next fork, which would inherit what is buffered
        if not killed:
            return


def no_links(*_: object, **__: object) -> None:
    """Fail as a file system without hard links does."""
    raise PermissionError(1, "Operation not permitted")


if __name__ == "__main__":
    root = Path(sys.argv[2])
    files.save_draft(spec(icon="1"), root / "before")
    files.publish(spec(icon="1"), root / "before")
    main(sys.argv[1], root)
