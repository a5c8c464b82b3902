"""New versions of specs, taken while serving: all of them, or none."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nbincoming.core.verification import Secrets
from nbincoming.serve import metrics
from nbincoming.serve.catalogue import Catalogue, CatalogueError, load_catalogue, spec_files
from nbincoming.serve.log import log

#: What tells one state of the files from another.
Stamp = tuple[tuple[str, int, int, int], ...]


class Reloader:
    """Keeps a catalogue up to date with its files.

    Parameters
    ----------
    places
        Spec files, or folders of them.
    make_secrets
        Makes a fresh look at the secrets.
    install
        Told of each new catalogue.
    """

    def __init__(
        self,
        places: Sequence[str],
        make_secrets: Callable[[], Secrets],
        install: Callable[[Catalogue], object],
    ) -> None:
        self._places = places
        self._make_secrets = make_secrets
        self._install = install
        self._stamp = stamp(places)

    def check(self) -> bool:
        """Reload if a file has changed since the last time; tell whether it was tried."""
        latest = stamp(self._places)
        if latest == self._stamp:
            return False
        self._stamp = latest  # once for each change, also for a bad one
        self.reload()
        return True

    def reload(self) -> bool:
        """Load all specs and secrets anew; what is bad is refused, and the old kept."""
        self._stamp = stamp(self._places)
        try:
            catalogue = load_catalogue(self._places, self._make_secrets())
        except CatalogueError as error:
            metrics.RELOADS.labels("refused").inc()
            log.error(
                "Specs were not reloaded; the old ones stay in force",
                extra={"fields": {"reasons": error.reasons}},
            )
            return False
        self._install(catalogue)
        metrics.RELOADS.labels("taken").inc()
        announce(catalogue)
        return True


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


def announce(catalogue: Catalogue) -> None:
    """Log and count which specs are in force."""
    metrics.SPECS.clear()
    for route in catalogue.values():
        spec = route.spec
        metrics.SPECS.labels(spec.name, str(spec.version), spec.digest).set(1)
        fields = {"integration": spec.name, "version": spec.version, "digest": spec.digest}
        log.info("serving", extra={"fields": fields})
