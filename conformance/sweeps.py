"""Sweeps: where along its domain an argument is put, by one rule for every loss."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lossproof.reports.curve import Sweep
from lossproof.spec.domain import Domain
from lossproof.spec.formats import Format

Reals = npt.NDArray[np.float64]

#: the plain range where a domain has no end; with 81 points a step of 1/8, exact in every format
END = 5.0
#: exponents of 2 between which losses change character, and the share of points that goes there
MIDDLE, SHARE = 12, 0.7


def points(domain: Domain, fmt: Format, sweep: Sweep, count: int) -> Reals:
    """About `count` numbers inside the domain, ascending."""
    made = _even(domain, count) if sweep == "shape" else _far(domain, fmt, count // 2)
    rounded = fmt.round(made).astype(np.float64)
    return np.unique([v for v in rounded if np.isfinite(v) and domain.contains(v)])


def _even(domain: Domain, count: int) -> Reals:
    """Even steps over the domain, or over what lies within END of 0."""
    low, high = max(domain.low, -END), min(domain.high, END)
    step = (high - low) / (count - 1)
    found: Reals = np.linspace(low, high, count)
    if domain.low_open and low == domain.low:
        found[0] += step / 2
    if domain.high_open and high == domain.high:
        found[-1] -= step / 2
    return found


def _far(domain: Domain, fmt: Format, half: int) -> Reals:
    """From the least to the largest, or from one end of the domain to the other: both are
    approached in powers of 2."""
    if np.isfinite(domain.low) and np.isfinite(domain.high):
        width = domain.high - domain.low
        below = width * np.exp2(np.linspace(fmt.emin, -1, half))
        above = width * np.exp2(np.linspace(-fmt.precision, -1, half))
        return np.concatenate(
            [[domain.low], domain.low + below, domain.high - above, [domain.high]]
        )
    few = int(half * (1 - SHARE) / 2)
    low, high = max(fmt.emin, -fmt.emax), fmt.emax
    exponents = np.concatenate(
        [
            np.linspace(low, -MIDDLE, few, endpoint=False),
            np.linspace(-MIDDLE, MIDDLE, half - 2 * few, endpoint=False),
            np.linspace(MIDDLE, high, few),
        ]
    )
    sizes = np.asarray([float(f"{v:.4g}") for v in np.exp2(exponents)])
    if np.isfinite(domain.low):
        return np.concatenate([[domain.low], domain.low + sizes])
    if np.isfinite(domain.high):
        return np.concatenate([domain.high - sizes, [domain.high]])
    return np.concatenate([-sizes, [0.0], sizes])
