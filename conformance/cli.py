"""The command line: `lossproof list | spec | run | check | reproduce`, and the other commands."""

from __future__ import annotations

import math
import os
import secrets
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from io import UnsupportedOperation
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from click.core import ParameterSource

from lossproof import __version__
from lossproof.backends.base import DTYPES
from lossproof.backends.process.backend import Limits
from lossproof.backends.process.threads import single_threaded
from lossproof.conformance import (
    commands_compare,
    commands_docs,
    commands_export,
    commands_reports,
    deviations,
    given,
    present,
    session,
    targets,
)
from lossproof.conformance.effort import EFFORTS
from lossproof.conformance.given import PATH, source, split
from lossproof.conformance.interrupts import INTERRUPTED
from lossproof.conformance.plan import Selection, Shard
from lossproof.conformance.registry import UsageError
from lossproof.reports.model import ReportError
from lossproof.reports.text import visible
from lossproof.spec.loss import SpecError

Command = TypeVar("Command", bound=Callable[..., Any])
USAGE = 2


class Group(click.Group):
    """Commands whose mistakes end in one line and exit code 2, never in a traceback."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            _misused(error)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            _misused(error)
        except (UsageError, SpecError, ReportError) as error:
            said = visible(str(error)).replace("\n", "\\n")  # it may quote what a file holds
            click.echo(f"lossproof: {said}", err=True)
            sys.exit(USAGE)
        except KeyboardInterrupt:
            more = "; --resume REPORT finishes the run" if ctx.invoked_subcommand == "run" else ""
            click.echo(f"lossproof: interrupted{more}", err=True)
            sys.exit(INTERRUPTED)
        except BrokenPipeError:
            _hush()
            sys.exit(1)
        except OSError as error:  # such as a full disk under standard output
            click.echo(f"lossproof: {visible(str(error))}", err=True)
            _hush()
            sys.exit(USAGE)


def _hush() -> None:
    """What is left to print goes nowhere; what captures the output has no descriptor."""
    with suppress(UnsupportedOperation):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _misused(error: click.UsageError) -> NoReturn:
    """Say in one line what click says in four. Raises what is no misuse but a wish for help."""
    if isinstance(error, getattr(click.exceptions, "NoArgsIsHelpError", ())):  # since 8.2
        raise error
    said = " ".join(visible(error.format_message()).split())
    where = "lossproof" if error.ctx is None else error.ctx.command_path
    click.echo(f"lossproof: {said.rstrip('.')}; see {where} --help", err=True)
    sys.exit(USAGE)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lossproof")
def main() -> None:
    """Conformance suite and executable specification for loss functions.

    Exit codes: 0 conforms, 1 failures, 2 usage or configuration, 3 nothing ran.
    """
    # where Hypothesis would leave a folder in the working one
    scratch = Path(tempfile.gettempdir()) / f"lossproof-{getattr(os, 'getuid', int)()}"
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(scratch))


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
        click.option(
            "--expected",
            multiple=True,
            type=PATH,
            help="A file of expected deviations; may be repeated.",
        ),
    ):
        command = option(command)
    return command


def _number(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    """A number of seconds. Raises UsageError for nan, which no range excludes."""
    if value is not None and math.isnan(value):
        raise UsageError(f"{param.opts[0]} is a number of seconds, got nan")
    return value


_max_time = click.option(
    "--max-time",
    type=click.FloatRange(min=0),
    callback=_number,
    help="Seconds after which no further cell is begun.",
)


@main.command()
@click.option("--loss", "losses", multiple=True, help="A loss, or a pattern with *.")
@click.option("--seed", default=0, show_default=True, help="Seed of the search.")
@click.option("--backend", "backends", multiple=True, help="Default: numpy, torch, jax.")
@_effort_options
@_max_time
@click.option("--jobs", "-j", type=click.IntRange(min=1), help="Processes; default: one a core.")
@click.option("--out", type=PATH, default=Path(), help="Folder of the report.")
@click.option("--resume", type=PATH, help="Finish a report that was cut off, as it was begun.")
@click.option("--overwrite", is_flag=True, help="Replace a report that was cut off.")
@click.option("--shard", metavar="I/N", help="Only the I-th of N parts, for `merge` to join.")
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
    overwrite: bool,
    shard: str | None,
) -> None:
    """Conformance of the backends; writes report.jsonl and report.md.

    A whole report that lies there is replaced. One that was cut off is not, without --overwrite.

    Example: lossproof run --loss huber --backend torch --dtype float32
    """
    if resume is not None and overwrite:
        raise UsageError("--resume finishes a report, --overwrite replaces it: not both")
    selection = Selection(
        losses=split(losses),
        backends=given.backends(backends),
        dtypes=split(dtypes),
        devices=split(devices),
        checks=split(checks),
        profile=profile,
    )
    part = None if shard is None else Shard.read(shard)
    if resume is not None and not _said("losses", "backends", "dtypes", "devices", "checks",
                                        "profile", "seed", "shard"):  # fmt: skip
        selection, seed, part = session.as_before(resume)
    code = present.run(
        selection,
        out=out,
        seed=seed,
        jobs=jobs or os.cpu_count() or 1,
        max_time=max_time,
        resume=resume,
        overwrite=overwrite,
        expected=(*deviations.OWN, *expected),
        shard=part,
    )
    sys.exit(code)


def _said(*names: str) -> bool:
    """Whether any of these options of the command was given by the user."""
    source = click.get_current_context().get_parameter_source
    return any(source(name) is not ParameterSource.DEFAULT for name in names)


@main.command()
@click.argument("target")
@click.option("--loss", required=True, help="What the target claims to be.")
@click.option("--backend", required=True, help="numpy, torch, jax or program.")
@click.option(
    "--map",
    "bindings",
    multiple=True,
    metavar="NAME=PARAMETER",
    help="Bind an argument or option of the loss to a parameter of the target.",
)
@click.option(
    "--fix",
    "constants",
    multiple=True,
    metavar="NAME=VALUE",
    help="Hold a parameter, or an option that the target does not take, at a constant.",
)
@click.option("--backward", help="NumPy: the gradient; default: NAME_backward beside NAME.")
@_effort_options
@click.option("--seed", type=int, help="Seed of the search; default: a fresh one, printed.")
@click.option("--json", type=click.Path(path_type=Path), help="Write the verdict to this file.")
@click.option(
    "--baseline", type=click.Path(path_type=Path), help="An earlier --json file: fail on new only."
)
@_max_time
@click.option("--strict", is_flag=True, help="Fail on an expected deviation that passes, too.")
@click.option("--isolation/--no-isolation", default=True, help="A process of its own (default).")
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0.1),
    default=20.0,
    show_default=True,
    help="Seconds for one call; an import may take 120.",
)
@click.option(
    "--memory-limit",
    type=click.IntRange(min=1),
    default=4096,
    show_default=True,
    help="MiB beyond what the imports take.",
)
def check(
    target: str,
    loss: str,
    backend: str,
    bindings: tuple[str, ...],
    constants: tuple[str, ...],
    backward: str | None,
    dtypes: tuple[str, ...],
    devices: tuple[str, ...],
    checks: tuple[str, ...],
    profile: str,
    seed: int | None,
    expected: tuple[Path, ...],
    json: Path | None,
    baseline: Path | None,
    max_time: float | None,
    strict: bool,
    isolation: bool,
    time_limit: float,
    memory_limit: int,
) -> None:
    """Check TARGET: path/to/file.py:function, package.module:function, or an expression on it,
    such as package.losses:FocalLoss(gamma=2.0).

    Exit codes: 0 conforms, 1 violations, 2 usage, 3 nothing or not all was examined.

    Example: lossproof check losses.py:focal --loss sigmoid_focal --backend torch
    """
    single_threaded()
    request = targets.Request(
        source=source(target, bindings, constants, backward),
        selection=Selection(
            losses=(loss,),
            backends=(given.backend(backend),),
            dtypes=split(dtypes),
            devices=split(devices),
            checks=split(checks),
            profile=profile,
        ),
        # inputs that nobody can foresee, unless they are asked for again
        seed=secrets.randbelow(2**31) if seed is None else seed,
        expected=expected,
        limits=Limits(call=time_limit, memory=memory_limit << 20),
        isolation=isolation,
        json=json,
        baseline=baseline,
        strict=strict,
        max_time=max_time,
    )
    sys.exit(targets.check(request))


@main.command()
@click.argument("reference")
@click.option("--entry", is_flag=True, help="Write it as an expected deviation, in TOML, instead.")
def reproduce(reference: str, entry: bool) -> None:
    """Ask again the question of a cell, named FILE#ID.

    Exit codes: 1 reproduced, 0 not reproduced: what is required holds there now.

    Example: lossproof reproduce 'report.jsonl#huber/value[torch,float32,cpu]'
    """
    if entry:
        click.echo(present.entry(reference), nl=False)
    else:
        sys.exit(present.reproduce(reference))


for _command in (
    *commands_compare.COMMANDS,
    *commands_docs.COMMANDS,
    *commands_export.COMMANDS,
    *commands_reports.COMMANDS,
):
    main.add_command(_command)
