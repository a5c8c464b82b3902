"""New versions of specs, taken while serving: all of them, or none."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nbincoming.logs import log
from nbincoming.serve.routes import Catalogue, CatalogueError, spec_files

#: What tells one state of the files from another.
Stamp = tuple[tuple[str, int, int, int], ...]


class Reloader:
    """Keeps what is served up to date with its files.

    Parameters
    ----------
    places
        Spec files, or folders of them.
    load
        Loads and checks everything anew, the secrets too; raises CatalogueError.
    catalogue
        What is in force now.
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
        """Tell whether a file has changed since the last reload, a refused one too."""
        return stamp(self._places) != self._stamp

    def reload(self) -> None:
        """Take what the files say now; what is bad is refused, and the old kept."""
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
    """Look at the files."""
    found = []
    for path in spec_files(places):
        try:
            stat = path.stat()
        except OSError:
            continue
        found.append((str(path), stat.st_mtime_ns, stat.st_size, stat.st_ino))
    return tuple(found)
