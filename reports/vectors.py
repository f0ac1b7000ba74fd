"""Conformance vectors: questions with their certified answers, for projects that run no Python.

`vectors.schema.json` is a copy of the schema, which `python -m lossproof.reports.vectors` writes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from lossproof.reports import schema
from lossproof.reports.model import ReportError

VECTORS_VERSION: Final = 1
COPY = Path(__file__).with_name("vectors.schema.json")

Hex = Annotated[
    str,
    Meta(
        pattern=r"^-?(0x[01](\.[0-9a-f]+)?p[+-][0-9]+|inf)$",
        description="A number in hexadecimal, as C's %a writes it and strtod reads it.",
    ),
]
Decimal = Annotated[
    str,
    Meta(
        pattern=r"^-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?$",
        description="A number in decimal, with more digits than a double holds.",
    ),
]
Places = tuple[Annotated[int, Meta(ge=0)], ...]
Option = bool | int | float | str | None


class Numbers(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An array in row-major order; floating-point numbers as `hex`, labels as `values`."""

    dtype: str
    shape: Places
    hex: tuple[Hex, ...] | None = None
    values: tuple[int, ...] | None = None


class Expected(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is promised of one number.

    An answer y conforms where `accept` is null, and otherwise where accept[0] <= y <= accept[1],
    which nan does not.
    """

    exact: Annotated[
        tuple[Decimal, Decimal] | None,
        Meta(
            description="Middle and radius of an interval that holds the exact value; null at an "
            "exact kink, and where the value is no finite number."
        ),
    ]
    nearest: Annotated[
        Hex | None,
        Meta(description="The number of the dtype nearest to it, ties to even; null without it."),
    ]
    budget: Annotated[
        Hex | None,
        Meta(description="The error that is allowed; null where nothing is promised."),
    ]
    accept: Annotated[
        tuple[Hex, Hex] | None,
        Meta(
            description="The least and the largest number of the dtype that conform: within the "
            "budget of the exact value, or within that of inputs some roundings away."
        ),
    ]
    kink: Annotated[
        tuple[Decimal, Decimal] | None,
        Meta(
            description="At a kink, and within a rounding of one, the ends to 9 digits of the "
            "interval that is admissible."
        ),
    ] = None


class Vector(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One question and its answer, entry by entry in row-major order.

    The value has the shape of `cotangent`, the gradient of an argument that of the argument. A
    gradient is the vector-Jacobian product with `cotangent`.
    """

    id: str
    reduction: str
    arguments: dict[str, Numbers | None]
    cotangent: Numbers
    value: tuple[Expected, ...]
    gradients: dict[str, tuple[Expected, ...]]


class Vectors(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Conformance vectors of one loss in one dtype at one setting of its options."""

    generator: str
    loss: str
    formula: str
    dtype: str
    options: dict[str, Option]
    seed: int
    #: what elementary functions are taken to be accurate to, and who says so
    ulps: dict[str, float]
    source: str
    vectors: tuple[Vector, ...]
    schema_version: int = VECTORS_VERSION


def text(document: Vectors) -> str:
    """The document as JSON, a vector a line."""
    data = msgspec.to_builtins(document)
    head = {k: v for k, v in data.items() if k != "vectors"}
    lines = ",\n  ".join(msgspec.json.encode(v).decode() for v in data["vectors"])
    whole = msgspec.json.format(msgspec.json.encode(head), indent=1).decode().rstrip("}\n")
    return f'{whole},\n "vectors": [\n  {lines}\n ]\n}}\n'


def read(path: Path) -> Vectors:
    """The document of a file. Raises ReportError, in one line."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Vectors)
    except OSError as error:
        raise ReportError(f"{path}: cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ReportError(f"{path}: not the vectors of lossproof export: {error}") from error


def schema_text() -> str:
    """The schema as it stands in `vectors.schema.json`."""
    return schema.of_document(Vectors, "Conformance vectors of lossproof export", VECTORS_VERSION)


if __name__ == "__main__":
    COPY.write_text(schema_text(), encoding="utf-8", newline="\n")
