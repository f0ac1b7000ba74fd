"""Files replaced whole: a kill at any moment leaves the old one or the new one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from lossproof.reports.model import ReportError


def replace_file(path: Path, lines: Iterable[bytes]) -> None:
    """Put `lines` in place of the file at once. Raises OSError where that cannot be done."""
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


def write_text(path: Path, text: str) -> None:
    """Put text in place of the file at once. Raises ReportError where that cannot be done."""
    try:
        replace_file(path, [text.removesuffix("\n").encode("utf-8")])
    except OSError as error:
        raise ReportError(f"{path}: cannot be written: {error.strerror or error}") from error
