"""The verdict on one target, as one JSON document with a published schema.

`verdict.schema.json` is a copy of the schema, which `python -m lossproof.reports.verdict` writes.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from lossproof.reports import encoding, schema
from lossproof.reports.model import ReportError, Result

VERDICT_VERSION: Final = 2
READABLE: Final = (1, 2)  # 1 has no echoes
Verdict = Literal["conforms", "violates", "not examined"]
WORDS: Final[dict[int, Verdict]] = {0: "conforms", 1: "violates", 3: "not examined"}
COPY = Path(__file__).with_name("verdict.schema.json")


class Check(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The verdict of `lossproof check` on one target, with every result."""

    target: str
    loss: str
    backend: str
    framework: str  # such as "torch 2.13.0"
    seed: int
    profile: str
    sufficient: bool  # False: a smoke run, which is no evidence of conformance
    isolated: bool  # whether the target ran in a process of its own
    notes: tuple[str, ...]  # how arguments were bound, what is held fixed, what is not offered
    held: dict[str, Any]  # options that the target does not take, at the values it is judged under
    results: tuple[Result, ...]
    new: tuple[str, ...]  # ids of violations that the baseline, if any, does not have
    exit_code: int
    verdict: Verdict
    seconds: float
    schema_version: int = VERDICT_VERSION


def exit_code(results: Iterable[Result], *, strict: bool = False) -> int:
    """0 conforms, 1 violations (with `strict`, unexpected passes too), 3 not examined: nothing was,
    or a time limit came before the end."""
    statuses = {r.status for r in results}
    if statuses & {"failed", "errored"} or (strict and "xpassed" in statuses):
        return 1
    if "not-run" in statuses:
        return 3
    return 0 if statuses & {"passed", "warned", "xfailed", "xpassed"} else 3


def text(document: Check) -> str:
    """The document as JSON; what is not finite as in reports. Raises ReportError."""
    data = msgspec.to_builtins(document, str_keys=True)
    data["results"] = [msgspec.json.decode(encoding.encode(r)) for r in document.results]
    return msgspec.json.format(msgspec.json.encode(data), indent=1).decode() + "\n"


def read(path: Path) -> Check:
    """The document of a file. Raises ReportError, in one line."""
    try:
        data = msgspec.json.decode(path.read_bytes())
        version = data["schema_version"]
        if version not in READABLE:
            known = " or ".join(map(str, READABLE))
            raise ReportError(f"{path}: schema_version {version} is not {known}")
        results = [encoding.decode(msgspec.json.encode(r)) for r in data.pop("results")]
        document: Check = msgspec.convert({**data, "results": []}, Check)
        return msgspec.structs.replace(
            document, results=tuple(r for r in results if isinstance(r, Result))
        )
    except OSError as error:
        raise ReportError(f"{path}: cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ReportError(f"{path}: not a verdict of lossproof check: {error}") from error


def schema_text() -> str:
    """The schema as it stands in `verdict.schema.json`."""
    return schema.of_document(Check, "The verdict of lossproof check on one target", *READABLE)


if __name__ == "__main__":
    COPY.write_text(schema_text(), encoding="utf-8", newline="\n")
