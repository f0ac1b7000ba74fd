"""The command line: `lossproof list | spec | run | check | report | reproduce`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from lossproof import __version__
from lossproof.backends.base import DTYPES
from lossproof.conformance import deviations, present, targets
from lossproof.conformance.effort import EFFORTS
from lossproof.conformance.plan import Selection
from lossproof.conformance.registry import UsageError
from lossproof.conformance.worker import single_threaded
from lossproof.reports.model import ReportError
from lossproof.spec.loss import SpecError

Command = TypeVar("Command", bound=Callable[..., Any])
USAGE = 2


class Group(click.Group):
    """Commands whose mistakes end in one line and exit code 2, never in a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (UsageError, SpecError, ReportError) as error:
            click.echo(f"lossproof: {error}", err=True)
            sys.exit(USAGE)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lossproof")
def main() -> None:
    """Conformance suite and executable specification for loss functions.

    Exit codes: 0 conforms, 1 failures, 2 usage or configuration, 3 nothing ran.
    """


@main.command("list")
def list_() -> None:
    """The losses, checks and backends.

    Example: lossproof list
    """
    click.echo(present.overview())


@main.command()
@click.argument("loss")
def spec(loss: str) -> None:
    """What the specification says of LOSS.

    Example: lossproof spec huber
    """
    click.echo(present.specification(loss))


def _effort_options(command: Command) -> Command:
    for option in (
        click.option("--dtype", "dtypes", multiple=True, help=f"One of {', '.join(DTYPES)}."),
        click.option("--device", "devices", multiple=True, help="cpu (default), cuda, gpu."),
        click.option("--check", "checks", multiple=True, help="A check, or a pattern with *."),
        click.option(
            "--profile", default="default", show_default=True, help=f"{', '.join(EFFORTS)}."
        ),
        click.option("--seed", default=0, show_default=True, help="Seed of the search."),
        click.option(
            "--expected",
            multiple=True,
            type=click.Path(path_type=Path),
            help="A file of expected deviations.",
        ),
    ):
        command = option(command)
    return command


def _split(values: tuple[str, ...]) -> tuple[str, ...]:
    """`--dtype a,b` and `--dtype a --dtype b` mean the same."""
    parts = tuple(part.strip() for v in values for part in v.split(","))
    if not all(parts):
        raise UsageError(f"an empty name in {','.join(values)!r}")
    return parts


@main.command()
@click.option("--loss", "losses", multiple=True, help="A loss, or a pattern with *.")
@click.option("--backend", "backends", multiple=True, help="numpy, torch, jax.")
@_effort_options
@click.option(
    "--max-time", type=click.FloatRange(min=0), help="Seconds after which no further cell is begun."
)
@click.option("--jobs", "-j", type=click.IntRange(min=1), help="Processes; default: one a core.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path(), help="Folder of the report."
)
@click.option("--resume", type=click.Path(path_type=Path), help="Finish a report that was cut off.")
def run(
    losses: tuple[str, ...],
    backends: tuple[str, ...],
    dtypes: tuple[str, ...],
    devices: tuple[str, ...],
    checks: tuple[str, ...],
    profile: str,
    seed: int,
    expected: tuple[Path, ...],
    max_time: float | None,
    jobs: int | None,
    out: Path,
    resume: Path | None,
) -> None:
    """Conformance of the backends; writes report.jsonl and report.md.

    Example: lossproof run --loss huber --backend torch --dtype float32
    """
    single_threaded()
    selection = Selection(
        losses=_split(losses),
        backends=_split(backends),
        dtypes=_split(dtypes),
        devices=_split(devices),
        checks=_split(checks),
        profile=profile,
    )
    code = present.run(
        selection,
        out=out,
        seed=seed,
        jobs=jobs or os.cpu_count() or 1,
        max_time=max_time,
        resume=resume,
        expected=(deviations.OWN, *expected),
    )
    sys.exit(code)


@main.command()
@click.argument("target")
@click.option("--loss", required=True, help="What the target claims to be.")
@click.option("--backend", required=True, help="numpy, torch or jax.")
@_effort_options
def check(
    target: str,
    loss: str,
    backend: str,
    dtypes: tuple[str, ...],
    devices: tuple[str, ...],
    checks: tuple[str, ...],
    profile: str,
    seed: int,
    expected: tuple[Path, ...],
) -> None:
    """Check TARGET, `path/to/file.py:function` or `package.module:function`.

    Example: lossproof check losses.py:focal --loss sigmoid_focal --backend torch
    """
    single_threaded()
    selection = Selection(
        losses=(loss,),
        backends=(backend,),
        dtypes=_split(dtypes),
        devices=_split(devices),
        checks=_split(checks),
        profile=profile,
    )
    sys.exit(targets.check(target, selection, seed=seed, expected=expected))


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--format", "style", type=click.Choice(["terminal", "md"]), default="terminal")
def report(file: Path, style: str) -> None:
    """Show a report.

    Example: lossproof report report.jsonl --format md
    """
    click.echo(present.report(file, style), nl=False)


@main.command()
@click.argument("reference")
def reproduce(reference: str) -> None:
    """Ask again the question of a cell, named FILE#ID.

    Example: lossproof reproduce 'report.jsonl#huber/value[torch,float32,cpu]'
    """
    sys.exit(present.reproduce(reference))
