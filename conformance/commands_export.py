"""The command that writes conformance vectors: `export`."""

from __future__ import annotations

from pathlib import Path

import click

from lossproof.backends.base import DTYPES
from lossproof.conformance.export import export as exported
from lossproof.conformance.given import PATH, pair, value
from lossproof.conformance.registry import choose
from lossproof.reports import vectors
from lossproof.reports.atomic import write_text
from lossproof.spec.loss import catalogue


@click.command()
@click.option("--loss", required=True, help="The loss.")
@click.option("--dtype", required=True, help=f"One of {', '.join(DTYPES)}.")
@click.option("--out", "-o", required=True, type=PATH, help="The file.")
@click.option(
    "--points",
    type=click.IntRange(min=1),
    default=128,
    show_default=True,
    help="Samples that are asked, one by one or in small batches.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed of the random half.",
)
@click.option(
    "--option",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of the loss; the others are at their defaults.",
)
def export(
    loss: str, dtype: str, out: Path, points: int, seed: int, settings: tuple[str, ...]
) -> None:
    """Write questions with certified answers, for tests in any language.

    Example: lossproof export --loss huber --dtype float32 -o huber.json
    """
    choose("loss", loss, tuple(catalogue()))
    choose("dtype", dtype, DTYPES)
    options = {k: value(v) for k, v in (pair(text, "--option") for text in settings)}
    document = exported(loss, dtype, options, points=points, seed=seed)
    write_text(out, vectors.text(document))
    entries = sum(len(q) for v in document.vectors for q in (v.value, *v.gradients.values()))
    click.echo(f"{out}: {len(document.vectors)} vectors, {entries} numbers")


COMMANDS = (export,)
