"""The accuracy of elementary functions, against the profile of each backend: nothing exceeds it.

python benchmarks/elementary.py [--points 1000000] [--backend numpy,torch,jax]

Points are log-uniform in magnitude, half of them over all normal numbers of the dtype and half
within 256 and 1/256, of both signs where the function takes them. float64 is compared with balls,
at a tenth of the points; narrower dtypes with float64. Results that overflow or are subnormal are
left out. Exits with 1 if a profile states less than what is found.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from flint import ctx
from tabulate import tabulate

from lossproof.conformance.registry import backend
from lossproof.spec.carriers import BALLS, FLOATS
from lossproof.spec.formats import FORMATS, Format

#: function → whether it takes negative numbers
FUNCTIONS = {
    "exp": True, "expm1": True, "log": False, "log1p": True, "sqrt": False, "sigmoid": True,
    "softplus": True,
}  # fmt: skip


Function = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]


def numpy_functions(fmt: Format) -> dict[str, Function]:
    """The library's own, and for sigmoid and softplus what the backend composes of them.

    Nothing for 16 bits: the backend computes in float32, and rounds.
    """
    from lossproof.backends.numpy_ import maths

    if fmt.precision < 24:
        return {}
    own = {name: getattr(np, name) for name in ("exp", "expm1", "log", "log1p", "sqrt")}
    return {**own, "sigmoid": maths.sigmoid, "softplus": maths.softplus}


def torch_functions(fmt: Format) -> dict[str, Function]:
    """Functions of torch."""
    import torch

    dtype = getattr(torch, fmt.name)

    def through(function: Callable[[Any], Any]) -> Function:
        def call(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
            answer = function(torch.from_numpy(x.astype(np.float64)).to(dtype))
            return np.asarray(answer.to(torch.float64).numpy())

        return call

    own = {name: getattr(torch, name) for name in ("exp", "expm1", "log", "log1p", "sqrt")}
    every = {
        **own,
        "sigmoid": torch.sigmoid,
        # torch.nn.functional.softplus gives up the logarithm above 20: the backend composes this
        "softplus": lambda x: -torch.nn.functional.logsigmoid(-x),
    }
    return {name: through(function) for name, function in every.items()}


def jax_functions(fmt: Format) -> dict[str, Function]:
    """Functions of JAX, jitted."""
    import jax
    from jax import numpy as jnp

    jax.config.update("jax_enable_x64", True)
    own = {name: getattr(jnp, name) for name in ("exp", "expm1", "log", "log1p", "sqrt")}
    every = {**own, "sigmoid": jax.nn.sigmoid, "softplus": jax.nn.softplus}
    return {name: jax.jit(function) for name, function in every.items()}


LIBRARIES = {"numpy": numpy_functions, "torch": torch_functions, "jax": jax_functions}


def points(fmt: Format, count: int, signed: bool) -> npt.NDArray[Any]:
    """Normal numbers of the dtype, log-uniform in magnitude."""
    generator = np.random.default_rng(7)
    exponents = generator.uniform(fmt.emin, fmt.emax + 1, count)
    exponents[::2] = generator.uniform(-8, 8, exponents[::2].size)
    numbers = np.exp2(exponents)
    if signed:
        numbers *= generator.choice((-1.0, 1.0), count)
    rounded = fmt.round(numbers)
    size = np.abs(rounded.astype(np.float64))
    return rounded[(size >= fmt.smallest_normal) & (size <= fmt.largest)]


def worst(name: str, function: Function, fmt: Format, x: npt.NDArray[Any]) -> float:
    """The largest error in units in the last place."""
    with np.errstate(all="ignore"):
        got = np.asarray(function(x)).astype(np.float64)
        numbers = x.astype(np.float64)
        if fmt.precision == 53:
            with ctx.workprec(128):
                exact = BALLS.apply(name, BALLS.lift(numbers))
                truth = np.array([float(v) for v in exact])
                error = np.array([_apart(g, v) for g, v in zip(got, exact, strict=True)])
        else:
            truth = np.asarray(FLOATS.apply(name, FLOATS.lift(numbers)), dtype=np.float64)
            error = np.abs(got - truth)
        size = np.abs(truth)
        judged = (size >= fmt.smallest_normal) & (size <= fmt.largest)
        unit = np.ldexp(1.0, np.frexp(size[judged])[1] - fmt.precision)
        return float((error[judged] / unit).max())


def _apart(got: float, exact: Any) -> float:
    return abs(float(got - exact)) if np.isfinite(got) else np.inf


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--backend", default=",".join(LIBRARIES))
    parser.add_argument("--dtype", default=",".join(FORMATS))
    options = parser.parse_args()
    rows, exceeded = [], False
    for library in options.backend.split(","):
        found = backend(library)
        if found.missing() is not None:
            print(f"{library}: {found.missing()}", file=sys.stderr)
            continue
        for fmt in (FORMATS[name] for name in options.dtype.split(",")):
            profile = found.profile(fmt.name, "cpu")
            count = options.points // 10 if fmt.precision == 53 else options.points
            for name, function in LIBRARIES[library](fmt).items():
                seen = worst(name, function, fmt, points(fmt, count, FUNCTIONS[name]))
                stated = profile.error_of(name)
                exceeded |= not seen <= stated
                mark = "" if seen <= stated else "exceeded"
                rows.append((found.version(), fmt.name, name, seen, stated, mark))
    print(tabulate(rows, ("library", "dtype", "function", "ulps", "profile", ""), floatfmt=".3g"))
    return 1 if exceeded else 0


if __name__ == "__main__":
    sys.exit(main())
