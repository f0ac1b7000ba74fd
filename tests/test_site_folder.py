"""The folder of a site: written whole or not at all, and nothing of anybody else is touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lossproof.conformance import documentation
from lossproof.conformance.cli import main
from lossproof.reports.model import ReportError
from lossproof.reports.site import folder
from lossproof.spec.loss import get

FEW = {name: get(name) for name in ("mae", "huber", "pairwise_hinge")}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documentation, "catalogue", lambda: FEW)


def docs(*arguments: str) -> Any:
    return CliRunner().invoke(main, ["docs", *arguments])


def contents(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.mark.usefixtures("few")
def test_same_specification_gives_the_same_bytes(tmp_path: Path) -> None:
    site = tmp_path / "new" / "site"
    result = docs("-o", str(site))
    assert (result.exit_code, result.output) == (
        0, f"{site / 'index.html'}: 8 files, 8 changed\n",
    )  # fmt: skip
    first = contents(site)
    assert sorted(first) == [
        ".lossproof-site.json", "adding.html", "checks.html", "index.html", "losses/huber.html",
        "losses/mae.html", "losses/pairwise_hinge.html", "style.css", "tolerance.html",
    ]  # fmt: skip
    assert docs("-o", str(site)).output == f"{site / 'index.html'}: 8 files, 0 changed\n"
    assert contents(site) == first


@pytest.mark.usefixtures("few")
def test_pages_of_losses_that_are_gone_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docs("-o", str(tmp_path))
    gone, changed = tmp_path / "losses/pairwise_hinge.html", tmp_path / "losses/mae.html"
    changed.write_text("mine now")
    monkeypatch.setattr(documentation, "catalogue", lambda: {"huber": get("huber")})
    result = docs("-o", str(tmp_path))
    assert result.output.splitlines()[1:] == [
        f"{gone}: removed, no longer part of the specification",
        f"{changed}: kept, changed since it was written",
    ]
    assert not gone.exists()
    assert changed.read_text() == "mine now"


@pytest.mark.usefixtures("few")
def test_files_of_a_user_are_never_touched(tmp_path: Path) -> None:
    docs("-o", str(tmp_path))
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "losses" / "own.html").write_text("mine")
    assert docs("-o", str(tmp_path)).exit_code == 0
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "losses" / "own.html").read_text() == "mine"


@pytest.mark.usefixtures("few")
def test_a_site_that_was_cut_off_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = iter(range(4))
    real = folder.write_text

    def killed(path: Path, text: str) -> None:
        next(written)
        real(path, text)

    monkeypatch.setattr(folder, "write_text", killed)
    assert isinstance(docs("-o", str(tmp_path)).exception, StopIteration)
    monkeypatch.setattr(folder, "write_text", real)
    assert docs("-o", str(tmp_path)).output.endswith("8 files, 5 changed\n")


MISUSE = {
    "taken": "taken: not empty, and not written by lossproof docs; choose another folder",
    "file": "file: not a folder",
    "file/site": "file/site: cannot be made: Not a directory",
    "": "--out: an empty path",
    "broken": "broken/.lossproof-site.json: not a list that lossproof docs wrote",
    "outside": "outside/.lossproof-site.json: not a list that lossproof docs wrote",
    "mixed": "mixed/style.css: not written by lossproof docs; choose a folder that holds nothing "
    "else",
}


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("out", MISUSE)
def test_misuse_ends_in_one_line(out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("taken", "broken", "outside", "mixed"):
        Path(name).mkdir()
    Path("taken/thesis.tex").write_text("mine")
    Path("file").write_text("")
    Path("broken", folder.LIST).write_text("[1]")
    Path("outside", folder.LIST).write_text('{"version": 1, "files": {"../thesis.tex": "0"}}')
    Path("mixed", folder.LIST).write_text('{"version": 1, "files": {}}')
    Path("mixed/style.css").write_text("mine")
    before = contents(tmp_path)
    result = docs("-o", out)
    assert result.exit_code == 2
    assert result.stderr == f"lossproof: {MISUSE[out]}\n"
    assert contents(tmp_path) == before


def test_a_folder_that_cannot_be_written_ends_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, *arguments: Any, **options: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(ReportError, match="site: cannot be made: Permission denied"):
        folder.write(tmp_path / "site", {"index.html": ""})
