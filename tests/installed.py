"""Compares the installed package with the tree beside this file; run by `tox -e package`."""

from __future__ import annotations

import sys
from importlib.metadata import distribution
from pathlib import Path

TREE = Path(__file__).parent.parent
ROOMS = {
    "lossproof/backends": TREE / "backends",
    "lossproof/conformance": TREE / "conformance",
    "lossproof/reports": TREE / "reports",
    "lossproof/spec": TREE / "spec",
    "lossproof": TREE / "src" / "lossproof",
}
SUFFIXES = {".py", ".typed", ".toml", ".json", ".html", ".js", ".css", ".md"}


def in_tree() -> set[str]:
    """Every file of the rooms that belongs in the package, by its installed name."""
    return {
        f"{prefix}/{path.relative_to(room).as_posix()}"
        for prefix, room in ROOMS.items()
        for path in room.rglob("*")
        if path.suffix in SUFFIXES and not {"__pycache__", "results"} & {*path.parts}
    }


def installed() -> set[str]:
    """Every file of the installed distribution that lies in the package."""
    files = distribution("lossproof").files or []
    names = {file.as_posix() for file in files}
    return {n for n in names if n.startswith("lossproof/") and Path(n).suffix in SUFFIXES}


def main() -> int:
    """0 if the installed package holds exactly the files of the tree."""
    wanted, found = in_tree(), installed()
    for name in sorted(wanted - found):
        print(f"not installed: {name}", file=sys.stderr)
    for name in sorted(found - wanted):
        print(f"not in the tree: {name}", file=sys.stderr)
    print(f"{len(wanted & found)} of {len(wanted)} files installed")
    return int(wanted != found)


if __name__ == "__main__":
    sys.exit(main())
