"""Spec files: drafts, published versions, nothing overwritten half-way.

::

    published/complaints.incoming.json              the current version
    published/versions/complaints.v1.incoming.json  each version, for good
    drafts/complaints.draft.incoming.json           a draft
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from nbincoming.core.spec import SUFFIX, Spec, read_spec
from nbincoming.errors import NbIncomingError, Problem, SpecError

#: Largest file read: far more than any spec, far less than memory.
_MAX_SPEC_BYTES = 64 * 1_048_576


class VersionExistsError(NbIncomingError, FileExistsError):
    """Somebody else published this version at the same moment."""


def load(path: str | Path) -> Spec:
    """Read a spec file, published or draft.

    Raises
    ------
    SpecError
        With every problem and its place.
    OSError
        If the file cannot be read.
    """
    path = Path(path)
    if path.stat().st_size > _MAX_SPEC_BYTES:
        raise SpecError(
            [Problem("", f"It has more than {_MAX_SPEC_BYTES:,} bytes. Is it a spec?")],
            source=str(path),
        )
    return read_spec(path.read_bytes(), source=str(path))


def save_draft(spec: Spec, folder: str | Path) -> Path:
    """Write a draft, replacing the one before it; return where."""
    path = Path(folder) / f"{spec.name}.draft{SUFFIX}"
    replace_file(path, spec.model_copy(update={"version": 0, "digest": ""}).text().encode())
    return path


def publish(spec: Spec, folder: str | Path) -> tuple[Spec, Path]:
    """Write the next version, and make it the current one.

    The version's own file is written first and never again; the current file follows
    by a rename, so that whoever reads it sees one version or the other, whole.

    Returns
    -------
    Spec
        The spec with its version and digest.
    Path
        The current file.

    Raises
    ------
    VersionExistsError
        If the version appeared meanwhile. Nothing was changed.
    """
    folder = Path(folder)
    sealed = spec.sealed(version=latest_version(spec.name, folder) + 1)
    _create(version_path(sealed.name, sealed.version, folder), sealed.text().encode())
    return sealed, _make_current(sealed.name, folder)


def version_path(name: str, version: int, folder: str | Path) -> Path:
    """Return where a version is kept."""
    return Path(folder) / "versions" / f"{name}.v{version}{SUFFIX}"


def versions(name: str, folder: str | Path) -> list[int]:
    """List the published versions, oldest first."""
    pattern = re.compile(rf"{re.escape(name)}\.v([1-9][0-9]*){re.escape(SUFFIX)}")
    kept = Path(folder) / "versions"
    if not kept.is_dir():
        return []
    matches = (pattern.fullmatch(entry.name) for entry in kept.iterdir())
    return sorted(int(match[1]) for match in matches if match)


def latest_version(name: str, folder: str | Path) -> int:
    """Return the newest version's number, 0 where there is none."""
    return max(versions(name, folder), default=0)


def _make_current(name: str, folder: Path) -> Path:
    """Let the current file be the newest version, and return it.

    Whoever publishes looks once more afterwards: of two at the same moment, the one with
    the older version may come second.
    """
    path = folder / f"{name}{SUFFIX}"
    written = 0
    while (newest := latest_version(name, folder)) > written:
        replace_file(path, version_path(name, newest, folder).read_bytes())
        written = newest
    return path


def _temporary(path: Path, content: bytes, mode: int = 0o644) -> Path:
    """Write a file durably beside its destination, which a rename then reaches."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)  # mkstemp makes it private, but a spec holds no secret
    except BaseException:
        temporary.unlink()
        raise
    return temporary


def replace_file(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write a file whole or not at all, and durably."""
    temporary = _temporary(path, content, mode)
    try:
        temporary.replace(path)
    except BaseException:
        temporary.unlink()
        raise
    _sync_folder(path.parent)


def _create(path: Path, content: bytes) -> None:
    temporary = _temporary(path, content)
    try:
        os.link(temporary, path)  # unlike a rename, fails where there is a file
    except FileExistsError:
        raise VersionExistsError(
            f"{path} exists already: somebody published at the same moment. Publish again."
        ) from None
    finally:
        temporary.unlink()
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make a rename durable; Windows cannot open folders and needs no such step."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
