"""The commands that compare: `identify` a function, and set backends side by side."""

from __future__ import annotations

import sys

import click

from lossproof.backends.base import DTYPES, Backend
from lossproof.backends.loading import Source
from lossproof.backends.process.backend import Limits
from lossproof.backends.process.threads import single_threaded
from lossproof.conformance import claims, evidence, given
from lossproof.conformance import columns as parities
from lossproof.conformance.asker import Hopeless
from lossproof.conformance.claims import Claims
from lossproof.conformance.effort import EFFORTS
from lossproof.conformance.given import STYLE, split
from lossproof.conformance.given import source as source_of
from lossproof.conformance.identify import identify as found_of
from lossproof.conformance.parity import Column, compare
from lossproof.conformance.parity_table import STYLES
from lossproof.conformance.plan import Selection
from lossproof.conformance.registry import UsageError, backend_names, choose
from lossproof.conformance.registry import backend as backend_of
from lossproof.reports.text import visible
from lossproof.spec.loss import catalogue, get


@click.command()
@click.argument("target")
@click.option("--backend", required=True, help="numpy, torch or jax.")
@click.option(
    "--map",
    "bindings",
    multiple=True,
    metavar="NAME=PARAMETER",
    help="Bind an argument or option of a loss to a parameter of the target.",
)
@click.option(
    "--fix",
    "constants",
    multiple=True,
    metavar="NAME=VALUE",
    help="Hold a parameter of the target at a constant.",
)
@click.option("--dtype", help=f"One of {', '.join(DTYPES)}; default: the widest that it takes.")
@click.option("--isolation/--no-isolation", default=True, help="A process of its own (default).")
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0.1),
    default=5.0,
    show_default=True,
    help="Seconds for one call.",
)
def identify(
    target: str,
    backend: str,
    bindings: tuple[str, ...],
    constants: tuple[str, ...],
    dtype: str | None,
    isolation: bool,
    time_limit: float,
) -> None:
    """Say which loss of the catalogue TARGET is, or is nearly, and what speaks for it.

    TARGET is path/to/file.py:function, package.module:function, or an expression on it.

    Exit codes: 0 identified, 1 none of the catalogue, 2 usage, 3 it does not answer.

    Example: lossproof identify losses.py:criterion --backend torch
    """
    single_threaded()
    backend = given.backend(backend)
    choose("backend", backend, backend_names())
    inner = backend_of(backend)
    if dtype is not None:
        choose("dtype", dtype, DTYPES)
        choose(f"dtype of {backend}", dtype, inner.dtypes)
    absent = inner.missing()
    if absent is not None:
        raise UsageError(absent)
    source = source_of(target, bindings, constants)
    for key in source.map:
        losses = catalogue().values()
        names = {n for loss in losses for n in (*loss.arguments, *loss.options)}
        choose("argument or option of a loss", key, (*sorted(names), "reduction"))
    placed = _placed(source, inner, isolation, time_limit)
    try:
        found = found_of(placed.implementations, placed.backend, (dtype,) if dtype else ())
        lines = list(evidence.told(found))
    except Hopeless as error:
        click.echo(visible(f"does not answer: {error}"))
        sys.exit(3)
    finally:
        placed.close()
    click.echo(visible("\n".join(lines)))
    sys.exit(3 if not found.patience.answered else 1 if lines[0] == evidence.NONE else 0)


def _placed(source: Source, inner: Backend, isolation: bool, seconds: float) -> Claims:
    if isolation:
        return claims.isolated(source, inner, Limits(call=seconds))
    return claims.local(source, inner)


@click.command()
@click.option("--loss", required=True, help="The loss that is compared.")
@click.option("--backend", "backends", multiple=True, help="numpy, torch, jax; may be repeated.")
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="[NAME=]TARGET@BACKEND",
    help="A function of your own as a further column; may be repeated.",
)
@click.option("--dtype", "dtypes", multiple=True, help="Default: float32 and float64.")
@click.option("--profile", default="smoke", show_default=True, help=f"{', '.join(EFFORTS)}.")
@STYLE
@click.option("--differences", is_flag=True, help="Only the rows in which columns differ.")
def parity(
    loss: str,
    backends: tuple[str, ...],
    targets: tuple[str, ...],
    dtypes: tuple[str, ...],
    profile: str,
    style: str,
    differences: bool,
) -> None:
    """Set backends, and functions of your own, side by side for one loss.

    Rows in which columns differ begin with *. Nothing is judged here.

    Exit codes: 0 compared, 2 usage, 3 no column could be examined.

    Example: lossproof parity --loss cross_entropy --backend torch --backend jax
    """
    single_threaded()
    backends = given.backends(backends)
    chosen = Selection(
        losses=(choose("loss", loss, tuple(catalogue())),),
        backends=backends,
        dtypes=split(dtypes) or ("float32", "float64"),
        profile=profile,
    ).resolved()
    columns: list[Column] = []
    try:
        asked = dict.fromkeys(backends) or ({} if targets else chosen.backends)
        for name in asked:
            columns.append(parities.of_backend(loss, name))
        for text in targets:
            columns.append(parities.of_target(loss, text))
        names = [c.name for c in columns]
        for name in names:
            if names.count(name) > 1:
                raise UsageError(f"two columns are named {name}; write NAME=TARGET@BACKEND")
        table = compare(get(loss), columns, chosen.dtypes, profile=profile)
    finally:
        for column in columns:
            parities.close(column)
    text = STYLES[style](table, differences)
    click.echo(text if style == "json" else visible(text))
    sys.exit(0 if table.rows else 3)


COMMANDS = (identify, parity)
