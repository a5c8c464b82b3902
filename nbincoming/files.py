"""Spec files: drafts, published versions, nothing overwritten half-way.

::

    published/complaints.incoming.json              the current version
    published/versions/complaints.v1.incoming.json  each version, for good
    drafts/complaints.draft.incoming.json           a draft
    …/spec.schema.json                              beside specs whose $schema names it
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from nbincoming.core.spec.evidence import Publication
from nbincoming.core.spec.json_schema import spec_schema_text
from nbincoming.core.spec.model import (
    SCHEMA_FILE,
    SUFFIX,
    Spec,
    read_spec,
)
from nbincoming.errors import NbIncomingError, Problem, SpecError

#: Largest file read: far more than any spec, far less than memory.
_MAX_SPEC_BYTES = 64 * 1_048_576


class VersionExistsError(NbIncomingError, FileExistsError):
    """Somebody else published this version at the same moment."""


class VersionMissingError(NbIncomingError, FileNotFoundError):
    """There is no such version; the message lists those that there are."""


def load(path: str | Path, version: int | None = None) -> Spec:
    """Read a spec file, published or draft.

    Parameters
    ----------
    path
        The file.
    version
        Read this version instead, which is kept beside the published `path`.

    Raises
    ------
    SpecError
        With every problem and its place.
    VersionMissingError
        If there is no such version.
    OSError
        If the file cannot be read.
    """
    path = Path(path)
    if version is not None:
        path = _kept(path, version)
    if path.stat().st_size > _MAX_SPEC_BYTES:
        raise SpecError(
            [Problem("", f"It has more than {_MAX_SPEC_BYTES:,} bytes. Is it a spec?")],
            source=str(path),
        )
    spec = read_spec(path.read_bytes(), source=str(path))
    if version is not None and spec.version != version:
        message = f"The file is named version {version} and holds {spec.version}. Rename it."
        raise SpecError([Problem("version", message)], source=str(path))
    return spec


def history_of(path: str | Path) -> list[Spec]:
    """Read all versions of a published file, oldest first.

    Raises
    ------
    SpecError
        If one of them is damaged.
    """
    name, folder = _name_of(Path(path))
    return [load(path, version) for version in versions(name, folder)]


def save_draft(spec: Spec, folder: str | Path) -> Path:
    """Write a draft, replacing the one before it; return where."""
    path = Path(folder) / f"{spec.name}.draft{SUFFIX}"
    replace_file(path, spec.draft().text().encode())
    _write_schema(spec, path.parent)
    return path


def publish(
    spec: Spec, folder: str | Path, publication: Publication | None = None
) -> tuple[Spec, Path]:
    """Write the next version, and make it the current one.

    The version's own file is written first and never again; the current file follows
    by a rename, so that whoever reads it sees one version or the other, whole.

    Parameters
    ----------
    spec
        A draft, or any version to go on from.
    folder
        Where; it is made if need be.
    publication
        Who published it, when, and what changed.

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
    taken = max(_numbers(spec.name, folder), default=0)
    sealed = spec.sealed(version=taken + 1, publication=publication)
    kept = version_path(sealed.name, sealed.version, folder)
    _create(kept, sealed.text().encode())
    current = _make_current(sealed.name, folder)
    for place in (folder, kept.parent):
        _write_schema(sealed, place)
    return sealed, current


def version_path(name: str, version: int, folder: str | Path) -> Path:
    """Return where a version is kept."""
    return Path(folder) / "versions" / f"{name}.v{version}{SUFFIX}"


def versions(name: str, folder: str | Path) -> list[int]:
    """List the published versions, oldest first."""
    numbers = _numbers(name, folder)
    # An empty file is a number that was taken and never written, see `_claim`.
    return [each for each in numbers if version_path(name, each, folder).stat().st_size > 0]


def latest_version(name: str, folder: str | Path) -> int:
    """Return the newest version's number, 0 where there is none."""
    return max(versions(name, folder), default=0)


def _numbers(name: str, folder: str | Path) -> list[int]:
    """List the numbers that are taken, in order."""
    pattern = re.compile(rf"{re.escape(name)}\.v([1-9][0-9]*){re.escape(SUFFIX)}")
    kept = Path(folder) / "versions"
    if not kept.is_dir():
        return []
    matches = (pattern.fullmatch(entry.name) for entry in kept.iterdir())
    return sorted(int(match[1]) for match in matches if match)


def _name_of(path: Path) -> tuple[str, Path]:
    """Say which integration a published file is of, and where its versions are kept."""
    name, folder = path.name.removesuffix(SUFFIX), path.parent
    if folder.name == "versions" and (match := re.fullmatch(r"(.+)\.v[1-9][0-9]*", name)):
        return match[1], folder.parent
    return name, folder


def _kept(path: Path, version: int) -> Path:
    name, folder = _name_of(path)
    there = versions(name, folder)
    if version not in there:
        shown = ", ".join(map(str, there)) or "none"
        raise VersionMissingError(
            f"{path} has no version {version}. The versions beside it are: {shown}."
        )
    return version_path(name, version, folder)


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
        raise _exists(path) from None
    except OSError:  # exFAT, some network drives and phones have no hard links
        _claim(path)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _claim(path: Path) -> None:
    """Take a name by an empty file of one's own, over which the whole one is then renamed.

    Whoever dies in between leaves the empty file: a number that nobody uses again.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
    except FileExistsError:
        raise _exists(path) from None


def _exists(path: Path) -> VersionExistsError:
    return VersionExistsError(
        f"{path} exists already: somebody published at the same moment. Publish again."
    )


def _write_schema(spec: Spec, folder: Path) -> None:
    """Put the schema of the format beside a spec that names it, for editors."""
    if spec.schema_uri != SCHEMA_FILE:
        return
    path, content = folder / SCHEMA_FILE, spec_schema_text().encode()
    if not path.is_file() or path.read_bytes() != content:
        replace_file(path, content)


def _sync_folder(folder: Path) -> None:
    """Make a rename durable; Windows cannot open folders and needs no such step."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
