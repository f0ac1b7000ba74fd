"""docs/findings.md, from the expected deviations of libraries. Run it to write the page.

A reason that begins with "documented: " is a convention that the library states; these are apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tabulate import tabulate

from lossproof.conformance import deviations
from lossproof.conformance.deviations import Deviation

TREE = Path(__file__).parent.parent
PAGE = TREE / "docs" / "findings.md"
LIBRARIES = TREE / "conformance" / "expected-deviations-libraries.toml"
DOCUMENTED = "documented: "
#: dtypes as a pattern → in words
PATTERNS = {"*": "all", "*float16": "16 bits"}
#: backend → its distribution
DISTRIBUTIONS = {
    "optax": "optax",
    "rax": "rax",
    "keras_jax": "keras",
    "keras_torch": "keras",
    "keras_*": "keras",
    "sklearn": "scikit-learn",
    "torchmetrics": "torchmetrics",
    "kornia": "kornia",
    "monai": "monai",
    "pytorch_metric_learning": "pytorch-metric-learning",
}
KERAS = (
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy",
    "cross_entropy_soft_targets", "ctc", "dice", "huber", "log_sigmoid", "log_softmax", "logsumexp",
    "mae", "mse", "poisson_nll", "sigmoid", "sigmoid_focal", "softmax", "softplus", "sparsemax",
)  # fmt: skip
#: backend → the losses that its adapters cover
COVERED = {
    "optax": (
        "binary_cross_entropy_with_logits", "cross_entropy", "cross_entropy_soft_targets", "ctc",
        "dice", "huber", "kl_div", "listnet", "mse", "sigmoid_focal", "sparsemax", "triplet_margin",
    ),
    "rax": (
        "binary_cross_entropy_with_logits", "cross_entropy_soft_targets", "listnet", "mse",
        "pairwise_hinge", "pairwise_logistic",
    ),
    "keras_jax": KERAS,
    "keras_torch": KERAS,
    "sklearn": (
        "binary_cross_entropy_with_logits", "cross_entropy", "huber", "mae", "mse", "poisson_nll",
        "rmse", "softmax",
    ),
    "torchmetrics": ("kl_div", "mae", "mse", "rmse"),
    "kornia": ("sigmoid_focal",),
    "monai": ("dice", "sigmoid_focal"),
    "pytorch_metric_learning": ("info_nce", "triplet_margin"),
}  # fmt: skip

HEAD = """\
# What was found in libraries

Departures from the specification of the libraries that lossproof has adapters for, on CPUs, in the
default profile. Each was proven by the oracle, and is asked again by `tests/test_deviations.py`.
This page is written from `conformance/expected-deviations-libraries.toml` by
`python tests/findings.py`.

"""
CONVENTIONS = (
    "\n\n## Conventions\n\nWhat a library states of itself, and the specification otherwise.\n\n"
)


def page() -> str:
    """The page."""
    known = deviations.read(LIBRARIES)
    faults = [d for d in known if not d.reason.startswith(DOCUMENTED)]
    stated = [d for d in known if d.reason.startswith(DOCUMENTED)]
    covered = [
        (f"`{name}`", _version(name), ", ".join(f"`{loss}`" for loss in losses))
        for name, losses in COVERED.items()
    ]
    return (
        HEAD
        + "## What is examined\n\n"
        + tabulate(covered, headers=("backend", "version", "losses"), tablefmt="github")
        + "\n\n## Findings\n\n"
        + _table(faults)
        + CONVENTIONS
        + _table(stated)
        + "\n"
    )


def _version(backend: str) -> str:
    """The version that the tests run with."""
    text = (TREE / "constraints.txt").read_text(encoding="utf-8")
    name = DISTRIBUTIONS[backend]
    found = re.search(rf"^{name}==(\S+)", text, re.MULTILINE)
    assert found is not None, f"constraints.txt has no {name}"
    return f"{name} {found[1]}"


def _table(known: list[Deviation]) -> str:
    """A row for each library and reason, with the losses and the checks that see it."""
    rows: dict[tuple[str, str], list[Deviation]] = {}
    for entry in known:
        backend = _parts(entry.id)[2][0]
        rows.setdefault((_version(backend), entry.reason.removeprefix(DOCUMENTED)), []).append(
            entry
        )
    return tabulate(
        [
            (
                library,
                ", ".join(dict.fromkeys(f"`{_parts(e.id)[0]}`" for e in entries)),
                (reason + "".join(_links(entries))).replace("|", r"\|"),
                entries[0].input.replace("|", r"\|"),
                _seen(entries),
            )
            for (library, reason), entries in rows.items()
        ],
        headers=("library", "loss", "what is wrong", "smallest input, and what comes", "seen by"),
        tablefmt="github",
    )


def _parts(identifier: str) -> tuple[str, str, list[str]]:
    """Loss, check, and [backend, dtype, device] of an id."""
    cell, _, target = identifier.rstrip("]").partition("[")
    loss, _, check = cell.partition("/")
    return loss, check, target.split(",")


def _links(entries: list[Deviation]) -> Iterator[str]:
    for link in dict.fromkeys(e.link for e in entries if e.link):
        yield f" ([{link.rsplit('/', 1)[-1]}]({link}))"


def _seen(entries: list[Deviation]) -> str:
    """`check (dtypes)` of every entry, the framework where Keras departs on one only."""
    found: dict[str, dict[str, None]] = {}
    for entry in entries:
        _, check, (backend, dtype, *_) = _parts(entry.id)
        on = f" on {backend[6:]}" if backend in ("keras_jax", "keras_torch") else ""
        dtypes = found.setdefault(check.replace("*", "every check"), {})
        dtypes[PATTERNS.get(dtype, dtype) + on] = None
    return "; ".join(f"{check} ({', '.join(dtypes)})" for check, dtypes in found.items())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
