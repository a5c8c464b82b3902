"""Spec files: drafts and published versions, each written atomically.

::

    published/complaints.incoming.json              the current version
    published/versions/complaints.v1.incoming.json  each version, never changed
    drafts/complaints.draft.incoming.json           a draft
    …/spec.schema.json                              the JSON Schema, beside specs that name it
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

#: Largest file read, in bytes: far more than any spec has.
_MAX_SPEC_BYTES = 64 * 1_048_576


class VersionExistsError(NbIncomingError, FileExistsError):
    """Another process published this version at the same moment."""


class VersionMissingError(NbIncomingError, FileNotFoundError):
    """The version does not exist; the message lists those that do."""


def load(path: str | Path, version: int | None = None) -> Spec:
    """Read a spec file, published or draft.

    Parameters
    ----------
    path
        The file.
    version
        Read this published version of the same integration instead.

    Raises
    ------
    SpecError
        If the spec has problems; the message lists each with its place.
    VersionMissingError
        If the version does not exist.
    OSError
        If the file cannot be read.
    """
    path = Path(path)
    if version is not None:
        path = _existing_version_path(path, version)
    if path.stat().st_size > _MAX_SPEC_BYTES:
        raise SpecError(
            [Problem("", f"It has more than {_MAX_SPEC_BYTES:,} bytes. Check that it is a spec.")],
            source=str(path),
        )
    spec = read_spec(path.read_bytes(), source=str(path))
    if version is not None and spec.version != version:
        message = f"The file is named version {version} but contains {spec.version}. Rename it."
        raise SpecError([Problem("version", message)], source=str(path))
    return spec


def history_of(path: str | Path) -> list[Spec]:
    """Read all versions of a published file, oldest first.

    Raises
    ------
    SpecError
        If one of them is not valid.
    """
    name, folder = _name_of(Path(path))
    return [load(path, version) for version in versions(name, folder)]


def save_draft(spec: Spec, folder: str | Path) -> Path:
    """Write a draft, replacing the previous one, and return its path."""
    path = Path(folder) / f"{spec.name}.draft{SUFFIX}"
    replace_file(path, spec.draft().text().encode())
    _write_schema(spec, path.parent)
    return path


def publish(
    spec: Spec, folder: str | Path, publication: Publication | None = None
) -> tuple[Spec, Path]:
    """Write the next version, and make it the current one.

    The version's own file is written first, and never changes. A rename then replaces the
    current file, so readers always see a complete version.

    Parameters
    ----------
    spec
        A draft, or any version.
    folder
        The folder, which is made if it does not exist.
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
        If another process published the same version at the same moment. Nothing changes.
    """
    folder = Path(folder)
    taken = max(_numbers(spec.name, folder), default=0)
    sealed = spec.sealed(version=taken + 1, publication=publication)
    version_file = version_path(sealed.name, sealed.version, folder)
    _create(version_file, sealed.text().encode())
    current = _make_current(sealed.name, folder)
    for place in (folder, version_file.parent):
        _write_schema(sealed, place)
    return sealed, current


def version_path(name: str, version: int, folder: str | Path) -> Path:
    """Return the path of a version's own file."""
    return Path(folder) / "versions" / f"{name}.v{version}{SUFFIX}"


def versions(name: str, folder: str | Path) -> list[int]:
    """List the published versions, oldest first."""
    numbers = _numbers(name, folder)
    # A file is empty if a process stopped right after `_reserve`.
    return [each for each in numbers if version_path(name, each, folder).stat().st_size > 0]


def latest_version(name: str, folder: str | Path) -> int:
    """Return the number of the newest version; 0 if there is none."""
    return max(versions(name, folder), default=0)


def _numbers(name: str, folder: str | Path) -> list[int]:
    """List the version numbers in use, in order, including those of empty files."""
    pattern = re.compile(rf"{re.escape(name)}\.v([1-9][0-9]*){re.escape(SUFFIX)}")
    kept = Path(folder) / "versions"
    if not kept.is_dir():
        return []
    matches = (pattern.fullmatch(entry.name) for entry in kept.iterdir())
    return sorted(int(match[1]) for match in matches if match)


def _name_of(path: Path) -> tuple[str, Path]:
    """Return the name and the folder of the integration that a published file belongs to."""
    name, folder = path.name.removesuffix(SUFFIX), path.parent
    if folder.name == "versions" and (match := re.fullmatch(r"(.+)\.v[1-9][0-9]*", name)):
        return match[1], folder.parent
    return name, folder


def _existing_version_path(path: Path, version: int) -> Path:
    name, folder = _name_of(path)
    existing = versions(name, folder)
    if version not in existing:
        shown = ", ".join(map(str, existing)) or "none"
        raise VersionMissingError(f"{path} has no version {version}. Its versions are: {shown}.")
    return version_path(name, version, folder)


def _make_current(name: str, folder: Path) -> Path:
    """Make the newest version the current file, and return its path.

    If two processes publish at the same moment, the one with the older version may write
    last. So each process looks for a newer version after it writes.
    """
    path = folder / f"{name}{SUFFIX}"
    written = 0
    while (newest := latest_version(name, folder)) > written:
        replace_file(path, version_path(name, newest, folder).read_bytes())
        written = newest
    return path


def _temporary(path: Path, content: bytes, mode: int = 0o644) -> Path:
    """Write a temporary file beside `path`, and sync it to the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)  # mkstemp lets only the owner read it
    except BaseException:
        temporary.unlink()
        raise
    return temporary


def replace_file(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write a file atomically, and sync it to the disk."""
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
        os.link(temporary, path)  # unlike a rename, fails if the file exists
    except FileExistsError:
        raise _version_exists(path) from None
    except OSError:  # exFAT and some network drives have no hard links
        _reserve(path)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _reserve(path: Path) -> None:
    """Reserve a version's path with an empty file, which the caller then replaces.

    If the process stops before that, the empty file stays and no version gets its number.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
    except FileExistsError:
        raise _version_exists(path) from None


def _version_exists(path: Path) -> VersionExistsError:
    return VersionExistsError(
        f"{path} exists, because another process published at the same moment. Publish again."
    )


def _write_schema(spec: Spec, folder: Path) -> None:
    """Write the JSON schema beside a spec that names it, for editors."""
    if spec.schema_uri != SCHEMA_FILE:
        return
    path, content = folder / SCHEMA_FILE, spec_schema_text().encode()
    if not path.is_file() or path.read_bytes() != content:
        replace_file(path, content)


def _sync_folder(folder: Path) -> None:
    """Sync a folder, so that a rename survives a power failure. Windows needs no sync."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
