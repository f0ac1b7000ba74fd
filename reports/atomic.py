"""Files replaced whole: a kill at any moment leaves the old one or the new one.

What is no regular file, a device or a pipe, is written to and stays what it is.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from lossproof.reports.model import ReportError


def replace_file(path: Path, lines: Iterable[bytes]) -> None:
    """Put `lines` in place of the file at once. Raises OSError where that cannot be done."""
    stream = _stream(path)
    if stream is not None:
        with stream:
            stream.writelines(line + b"\n" for line in lines)
        return
    draft, target = _draft(path), path.resolve()
    try:
        with draft.open("wb") as file:
            file.writelines(line + b"\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _draft(path: Path) -> Path:
    """The file beside it that is written first."""
    target = path.resolve()
    return target.with_name(f".{target.name}.{os.getpid()}.tmp")


def _opened(path: Path) -> int | None:
    """The descriptor that a path stands for."""
    if match := re.fullmatch(r"/dev/fd/(\d+)", str(path)):
        return int(match[1])
    return {"/dev/stdout": 1, "/dev/stderr": 2}.get(str(path))


def _special(path: Path) -> bool:
    return path.exists() and not path.is_file() and not path.is_dir()


def _stream(path: Path) -> IO[bytes] | None:
    """What is open already or is no regular file, to write to; None for any other path."""
    opened = _opened(path)
    if opened is not None:
        return os.fdopen(os.dup(opened), "wb")
    return path.open("wb") if _special(path) else None


def write_text(path: Path, text: str) -> None:
    """Put text in place of the file at once. Raises ReportError where that cannot be done."""
    try:
        replace_file(path, [text.removesuffix("\n").encode("utf-8")])
    except OSError as error:
        raise cannot_write(path, error) from error


def must_be_writable(path: Path) -> None:
    """Raise ReportError where a file could not be put, as far as can be seen before; leave none."""
    if _opened(path) is not None or _special(path):
        return
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        draft = _draft(path)
        draft.touch()
        draft.unlink()
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError) -> ReportError:
    """The error in one line."""
    return ReportError(f"{path}: cannot be written: {error.strerror or error}")
