"""Reloads spec files while serving: all of them, or none."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nbincoming.logs import log
from nbincoming.serve.routes import Catalogue, CatalogueError, spec_files

#: Path, modification time, size and inode of each file; differs after a change.
Stamp = tuple[tuple[str, int, int, int], ...]


class Reloader:
    """Holds the specs that are served, and replaces them by new versions.

    Parameters
    ----------
    places
        Spec files, or folders of them.
    load
        Loads and checks specs and secrets; raises CatalogueError.
    catalogue
        The specs that are served at first.
    """

    def __init__(
        self, places: Sequence[str], load: Callable[[], Catalogue], catalogue: Catalogue
    ) -> None:
        self._places = places
        self._load = load
        self._stamp = stamp(places)
        self.catalogue = catalogue
        self.is_current = True

    def has_changed(self) -> bool:
        """Return whether a file has changed since the last reload, successful or not."""
        return stamp(self._places) != self._stamp

    def reload(self) -> None:
        """Load the files; if one is invalid, log why and keep the old specs."""
        self._stamp = stamp(self._places)
        try:
            self.catalogue = self._load()
        except CatalogueError as error:
            self.is_current = False
            log.error(
                "Specs were not reloaded; the old ones stay in force",
                extra={"fields": {"reasons": error.reasons}},
            )
        else:
            self.is_current = True


def stamp(places: Sequence[str]) -> Stamp:
    """Return a value that differs after a file has changed."""
    found = []
    for path in spec_files(places):
        try:
            stat = path.stat()
        except OSError:
            continue
        found.append((str(path), stat.st_mtime_ns, stat.st_size, stat.st_ino))
    return tuple(found)
