"""A parity table as text for a terminal, as Markdown, and as JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Mapping

from tabulate import tabulate

from lossproof.conformance.parity import GROUPS, Row, Table

#: characters of a cell, beyond which a terminal's lines are broken
CELL = 34


def terminal(table: Table, differences: bool) -> str:
    """A block of lines for each group of rows, then what could not be examined."""
    blocks = [f"{table.loss}; * where columns differ"]
    for group, rows in _groups(table, differences):
        wrapped = [[_broken(cell) for cell in line] for line in _lines(table, rows)]
        blocks.append(tabulate(wrapped, [group, *table.columns], "simple", disable_numparse=True))
    return "\n\n".join([*blocks, *_notes(table)])


def markdown(table: Table, differences: bool) -> str:
    """A heading and a table for each group of rows."""
    blocks = [f"# {table.loss}", "`*`: columns differ."]
    for group, rows in _groups(table, differences):
        lines = [[cell.replace("|", "\\|") for cell in line] for line in _lines(table, rows)]
        heads = [group, *table.columns]
        blocks.append(tabulate(lines, heads, "github", disable_numparse=True))
    return "\n\n".join([*blocks, *(f"* {note}" for note in table.notes)])


def as_json(table: Table, differences: bool) -> str:
    """The rows as they are."""
    rows = [
        {"group": r.group, "what": r.what, "cells": dict(r.cells), "differs": r.differs}
        for r in table.rows
        if r.differs or not differences
    ]
    found = {"loss": table.loss, "columns": table.columns, "rows": rows, "notes": table.notes}
    return json.dumps(found, indent=2, ensure_ascii=False)


STYLES: Mapping[str, Callable[[Table, bool], str]] = {
    "terminal": terminal,
    "md": markdown,
    "json": as_json,
}


def _groups(table: Table, differences: bool) -> list[tuple[str, list[Row]]]:
    found = []
    for group in GROUPS:
        rows = [r for r in table.rows if r.group == group and (r.differs or not differences)]
        if rows:
            found.append((group, rows))
    return found


def _lines(table: Table, rows: list[Row]) -> list[list[str]]:
    return [
        [("* " if r.differs else "") + r.what, *(r.cells[c] for c in table.columns)] for r in rows
    ]


def _broken(text: str) -> str:
    return "\n".join(textwrap.wrap(text, CELL, break_on_hyphens=False)) or text


def _notes(table: Table) -> list[str]:
    return ["\n".join(table.notes)] if table.notes else []
