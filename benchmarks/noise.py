"""How far a worst error moves by chance: the same run with several seeds, cell by cell.

python benchmarks/noise.py [--loss huber,dice] [--backend numpy,torch] [--seeds 5]

Where two runs did not ask the same questions, `lossproof diff` takes for noise what moves by no
more than the factor of `reports/compare.py`.
"""

from __future__ import annotations

import argparse
import math
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

from tabulate import tabulate

from lossproof.conformance import plan, session
from lossproof.reports.model import Report

LOSSES = (
    "bpr,cosine_embedding,cross_entropy,dice,gaussian_nll,huber,kl_div,logsumexp,mse,sigmoid_focal,"
    "softplus,triplet_margin"
)
FACTORS = (1.0, 1.25, 1.5, 2.0, 4.0, 8.0)


def pairs(reports: list[Report]) -> list[tuple[float, bool]]:
    """(factor between the worst errors, whether grades differ) of each cell in every two runs."""
    found = []
    for one, other in combinations(reports, 2):
        cells = {r.id: r for r in other.results if r.worst is not None}
        for result in one.results:
            if result.worst is None or result.id not in cells:
                continue
            again = cells[result.id]
            assert again.worst is not None
            low, high = sorted((result.worst.ratio, again.worst.ratio))
            factor = 1.0 if low == high else high / low if low else math.inf
            found.append((factor, result.grade != again.grade))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loss", default=LOSSES)
    parser.add_argument("--backend", default="numpy,torch")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    chosen = plan.Selection(
        losses=tuple(options.loss.split(",")),
        backends=tuple(options.backend.split(",")),
        checks=("value", "gradient"),
    )
    reports = []
    with TemporaryDirectory() as folder:
        for seed in range(options.seeds):
            settings = session.Settings(out=Path(folder) / str(seed), seed=seed)
            reports.append(session.conduct(chosen, settings, lambda *_: None).report)
    found = pairs(reports)
    rows = []
    for factor in FACTORS:
        moved = sum(f > factor for f, _ in found)
        rows.append((f"{factor:g}", moved, f"{100 * moved / len(found):.2g}"))
    print(tabulate(rows, headers=("moved by more than", "pairs", "%"), tablefmt="github"))
    print(f"\nof {len(found)} pairs; {sum(differs for _, differs in found)} differ in grade")


if __name__ == "__main__":
    main()
