"""Seconds from the command to the first violation on the screen, and to the verdict.

python benchmarks/verdicts.py [--times 3]

Functions that a newcomer writes, one right and the others wrong nearly everywhere, in torch, JAX
and NumPy; every check in every dtype, the best of so many times. `imports` is what Python takes to
import lossproof and the framework, one after the other, and is part of both.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tabulate import tabulate

TORCH = """
import torch
import torch.nn.functional as F

def right(logits, target):
    return F.binary_cross_entropy_with_logits(logits, target)

def naive(logits, target):
    p = torch.sigmoid(logits)
    return -(target * torch.log(p) + (1 - target) * torch.log(1 - p)).mean()

def unmasked(logits, labels, weight=None, ignore_index=-100):
    p = torch.exp(logits) / torch.exp(logits).sum(-1, keepdim=True)
    losses = -torch.log(p[torch.arange(len(labels)), labels.clamp(min=0)])
    return losses[labels != ignore_index].mean()

def rooted(anchor, positive, negative, margin=1.0):
    near = ((anchor - positive) ** 2).sum(-1).sqrt()
    far = ((anchor - negative) ** 2).sum(-1).sqrt()
    return torch.relu(near - far + margin).mean()
"""
JAX = """
import jax
import jax.numpy as jnp

def right(logits, target):
    yes, no = jax.nn.log_sigmoid(logits), jax.nn.log_sigmoid(-logits)
    return -target * yes - (1 - target) * no

def naive(logits, target):
    p = jax.nn.sigmoid(logits)
    return -(target * jnp.log(p) + (1 - target) * jnp.log(1 - p)).mean()
"""
NUMPY = """
import numpy as np

def right(prediction, target):
    return (prediction - target) ** 2

def right_backward(cotangent, prediction, target):
    slope = 2 * cotangent * (prediction - target)
    return slope, -slope

def naive(logits, target):
    p = 1 / (1 + np.exp(-logits))
    return -(target * np.log(p) + (1 - target) * np.log(1 - p))

def naive_backward(cotangent, logits, target):
    return cotangent * (1 / (1 + np.exp(-logits)) - target), None
"""
FILES = {"torch": TORCH, "jax": JAX, "numpy": NUMPY}
BCE = "binary_cross_entropy_with_logits"
CASES = (
    ("torch", "right", BCE),
    ("torch", "naive", BCE),
    ("torch", "unmasked", "cross_entropy"),
    ("torch", "rooted", "triplet_margin"),
    ("jax", "right", BCE),
    ("jax", "naive", BCE),
    ("numpy", "right", "mse"),
    ("numpy", "naive", BCE),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--times", type=int, default=3)
    times = parser.parse_args().times
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for backend, name, loss in CASES:
            path = Path(folder) / f"{backend}_losses.py"
            path.write_text(FILES[backend])
            target = [f"{path}:{name}", "--loss", loss, "--backend", backend]
            imports = min(imported(backend) for _ in range(times))
            seen = [checked(target) for _ in range(times)]
            first = min((s for s, _, _ in seen if s is not None), default=None)
            rows.append((backend, name, loss, imports, first, min(e for _, e, _ in seen),
                         seen[-1][2]))  # fmt: skip
    heads = ("backend", "function", "loss", "imports", "first violation", "verdict", "cells")
    print(tabulate(rows, heads, floatfmt=".1f"))


def imported(backend: str) -> float:
    """Seconds to import what a check needs."""
    started = time.perf_counter()
    for module in ("lossproof.conformance.cli", backend):
        subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
    return time.perf_counter() - started


def checked(target: list[str]) -> tuple[float | None, float, str]:
    """Seconds to the first violation and to the end, and the line that counts cells."""
    started, first, counts = time.perf_counter(), None, ""
    command = [sys.executable, "-u", "-m", "lossproof", "check", *target]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if first is None and line.startswith(("first violation: ", "failed: ")):
                first = time.perf_counter() - started
            counts = line if " (seed " in line else counts
    return first, time.perf_counter() - started, counts.partition(" (seed")[0].strip()


if __name__ == "__main__":
    main()
