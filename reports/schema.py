"""The JSON Schema of a line of a report, made from the types; `report.schema.json` is a copy,
which `python -m lossproof.reports.schema` writes.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import msgspec

from lossproof.reports.curve import Curve
from lossproof.reports.encoding import NOT_FINITE
from lossproof.reports.model import READABLE, Footer, Header, Result
from lossproof.reports.stated import LossFacts

COPY = Path(__file__).with_name("report.schema.json")


def schema() -> dict[str, Any]:
    """A draft 2020-12 schema: each line of a report is one record."""
    lines, definitions = msgspec.json.schema_components((Header, LossFacts, Curve, Result, Footer))
    body: dict[str, Any] = with_names(definitions)
    body["Header"]["properties"]["schema_version"] = {"enum": list(READABLE)}
    body["Header"]["required"].append("schema_version")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "One line of a lossproof report",
        "description": (
            "The first line is the header, the last the footer; between are what is stated of each "
            "loss, curves for plots, and results. A number that is not finite is the string "
            '"nan", "inf" or "-inf"; within a case, the object {"$float": "nan"}.'
        ),
        "oneOf": list(lines),
        "$defs": body,
    }


def text() -> str:
    """The schema as it stands in `report.schema.json`."""
    return msgspec.json.format(msgspec.json.encode(schema()), indent=2).decode() + "\n"


def with_names(value: Any) -> Any:
    """The same, where each number can also be one of the names of what is not finite."""
    if isinstance(value, list):
        return [with_names(item) for item in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("description"), str):
        # Python 3.13 takes the indentation of docstrings out, earlier ones leave it
        value = {**value, "description": inspect.cleandoc(value["description"])}
    if value.get("type") == "number":
        rest = {name: item for name, item in value.items() if name != "type"}
        return {"anyOf": [{"type": "number"}, {"enum": list(NOT_FINITE)}], **rest}
    return {name: with_names(item) for name, item in value.items()}


def of_document(kind: type[msgspec.Struct], title: str, *versions: int) -> str:
    """The schema of a file that is one JSON document, which states its `schema_version`."""
    (line,), definitions = msgspec.json.schema_components((kind,))
    body: dict[str, Any] = with_names(definitions)
    body[kind.__name__]["properties"]["schema_version"] = (
        {"const": versions[0]} if len(versions) == 1 else {"enum": list(versions)}
    )
    body[kind.__name__]["required"].append("schema_version")
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        **line,
        "$defs": body,
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"


if __name__ == "__main__":
    COPY.write_text(text(), encoding="utf-8", newline="\n")
