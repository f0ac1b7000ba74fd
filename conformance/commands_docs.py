"""The command that renders the specification: `docs`."""

from __future__ import annotations

from pathlib import Path

import click

from lossproof.backends.process.threads import single_threaded
from lossproof.conformance import documentation
from lossproof.conformance.given import PATH
from lossproof.reports.site import folder, pages


@click.command()
@click.option("--out", "-o", required=True, type=PATH, help="The folder.")
def docs(out: Path) -> None:
    """Write the specification as a static site: a page for each loss, checks and tolerances.

    The folder is new, empty, or one that this command wrote; in that one, pages of losses that are
    gone are removed. The site needs no server: open index.html.

    Example: lossproof docs -o site/
    """
    single_threaded()
    folder.listed(out)  # a mistake is told before the work is done
    written = folder.write(out, pages.pages(documentation.site()))
    click.echo(f"{out / 'index.html'}: {written.files} files, {written.changed} changed")
    for path in written.removed:
        click.echo(f"{out / path}: removed, no longer part of the specification")
    for path in written.kept:
        click.echo(f"{out / path}: kept, changed since it was written")


COMMANDS = (docs,)
