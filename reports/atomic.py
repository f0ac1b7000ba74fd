"""Files replaced whole: a kill at any moment leaves the old one or the new one.

What is no regular file, a device or a pipe, is written to and stays what it is.
"""

from __future__ import annotations

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
    target = path.resolve()
    draft = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with draft.open("wb") as file:
            file.writelines(line + b"\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _stream(path: Path) -> IO[bytes] | None:
    """What is open already or is no regular file, to write to; None for any other path."""
    opened = {"/dev/stdout": 1, "/dev/stderr": 2}.get(str(path))
    if opened is None and (match := re.fullmatch(r"/dev/fd/(\d+)", str(path))):
        opened = int(match[1])
    if opened is not None:
        return os.fdopen(os.dup(opened), "wb")
    special = path.exists() and not path.is_file() and not path.is_dir()
    return path.open("wb") if special else None


def write_text(path: Path, text: str) -> None:
    """Put text in place of the file at once. Raises ReportError where that cannot be done."""
    try:
        replace_file(path, [text.removesuffix("\n").encode("utf-8")])
    except OSError as error:
        raise ReportError(f"{path}: cannot be written: {error.strerror or error}") from error
