"""Puts a site on disk, and takes away only what an earlier one put there.

A folder holds a list of the files that were written to it, with their digests. A folder that is not
empty and has no such list is somebody else's, and is refused. A page that is no longer made is
removed if it is still as it was written; one that was changed since is left alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lossproof.reports.atomic import write_text
from lossproof.reports.model import ReportError

LIST = ".lossproof-site.json"
VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Written:
    """What became of a folder: how many files it has, and which changed, left or were kept."""

    files: int
    changed: int
    removed: tuple[str, ...]
    kept: tuple[str, ...]


def write(folder: Path, pages: Mapping[str, str]) -> Written:
    """Make the folder hold these pages. Raises ReportError where it is not ours or not writable."""
    before = listed(folder)
    foreign = [path for path in pages if path not in before and (folder / path).exists()]
    if foreign:
        raise ReportError(f"{folder / foreign[0]}: not written by lossproof docs; choose a folder "
                          "that holds nothing else")  # fmt: skip
    digests = {path: _digest(text.encode()) for path, text in pages.items()}
    # the list first: what is killed half-way is then still known to be ours
    _list(folder, {**before, **digests})
    changed = 0
    for path, text in pages.items():
        file = folder / path
        if not file.is_file() or _digest_of(file) != digests[path]:
            _make(file.parent)
            write_text(file, text)
            changed += 1
    removed: list[str] = []
    kept: list[str] = []
    for path in sorted(set(before) - set(pages)):
        file = folder / path
        if file.is_file() and not file.is_symlink():
            (removed if _digest_of(file) == before[path] else kept).append(path)
    for path in removed:
        _remove(folder, path)
    _list(folder, digests)
    return Written(files=len(pages), changed=changed, removed=tuple(removed), kept=tuple(kept))


def listed(folder: Path) -> dict[str, str]:
    """Path -> digest of what was written earlier; nothing if the folder is new or empty.

    Raises ReportError if the folder is somebody else's.
    """
    try:
        if not folder.exists():
            return {}
        if not folder.is_dir():
            raise ReportError(f"{folder}: not a folder")
        if not any(folder.iterdir()):
            return {}
        file = folder / LIST
        if not file.is_file():
            raise ReportError(
                f"{folder}: not empty, and not written by lossproof docs; choose another folder"
            )
        return dict(_entries(file))
    except OSError as error:
        raise ReportError(f"{folder}: cannot be read: {error.strerror or error}") from error


def _entries(file: Path) -> Iterator[tuple[str, str]]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        entries = data["files"].items() if data["version"] == VERSION else None
    except (ValueError, TypeError, KeyError, AttributeError):
        entries = None
    if entries is None:
        raise ReportError(f"{file}: not a list that lossproof docs wrote")
    for path, digest in entries:
        inside = Path(path)
        if not isinstance(digest, str) or inside.is_absolute() or ".." in inside.parts:
            raise ReportError(f"{file}: not a list that lossproof docs wrote")
        yield path, digest


def _list(folder: Path, digests: Mapping[str, str]) -> None:
    text = json.dumps({"version": VERSION, "files": dict(sorted(digests.items()))}, indent=1)
    file = folder / LIST
    if not file.is_file() or file.read_text(encoding="utf-8") != text + "\n":
        _make(folder)
        write_text(file, text + "\n")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReportError(f"{folder}: cannot be made: {error.strerror or error}") from error


def _remove(folder: Path, path: str) -> None:
    try:
        (folder / path).unlink()
        parent = (folder / path).parent
        if parent != folder and not any(parent.iterdir()):
            parent.rmdir()
    except OSError as error:
        raise ReportError(
            f"{folder / path}: cannot be removed: {error.strerror or error}"
        ) from error


def _digest_of(file: Path) -> str:
    try:
        return _digest(file.read_bytes())
    except OSError as error:
        raise ReportError(f"{file}: cannot be read: {error.strerror or error}") from error


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
