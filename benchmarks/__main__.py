"""``python -m benchmarks``: every row, each against its reference, in one run."""

from __future__ import annotations

import sys
from importlib import import_module

MODULES = ("importing", "parameters", "conditions", "listener", "latency", "serving")


def main() -> int:
    """Print the rows; the exit code tells whether each reached its ratio."""
    reached = True
    for name in MODULES:
        for row in import_module(f"benchmarks.{name}").rows():
            print(row, flush=True)
            reached = reached and row.reached
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
