"""Reports for the tests of the page: as large as a real one, and made in no time."""

from __future__ import annotations

import math
import random

from test_reports_model import report, result, worst

from lossproof.conformance.check import checks
from lossproof.conformance.facts import facts
from lossproof.reports.curve import Curve, Trace
from lossproof.reports.model import Report, Result
from lossproof.reports.stated import LossFacts
from lossproof.spec.loss import catalogue

BACKENDS = ("jax", "numpy", "torch")
DTYPES = ("bfloat16", "float16", "float32", "float64")
MESSAGE = """\
huber / gradient.prediction [torch 2.13.0, float32, cpu]: not the gradient of the spec
  at       prediction=3.0, target=0.0, delta=1.0, cotangent=1.0
  truth    1.0 (exact)
  got      3.0
  off      1.68e+07 ulp, 2.1 allowed: one rounding of each input and of 3 operations
  again    lossproof reproduce report.jsonl#huber/gradient.prediction[torch,float32,cpu]"""
SNIPPET = (
    "from lossproof.conformance.reproduce import ask\n\nask(\n    check='gradient.prediction',\n)\n"
)


def stated() -> tuple[LossFacts, ...]:
    """What the specification states of every loss."""
    return tuple(facts(cls) for cls in catalogue().values())


def curve(
    loss: str, backend: str, dtype: str, sweep: str = "range", seed: int = 0, device: str = "cpu"
) -> Curve:
    """A curve of 81 points with errors that nothing foresees."""
    rng = random.Random(f"{loss} {backend} {dtype} {sweep} {seed}")
    x = [float(f"{v / 8:g}") for v in range(-40, 41)]
    if sweep == "range":
        x = [math.copysign(2.0 ** (abs(v) * 3 - 60), v) if v else 0.0 for v in x]
    shape = [float(f"{math.log1p(math.exp(v / 8)):.5g}") for v in range(-40, 41)]

    def trace() -> Trace:
        errors = tuple(float(f"{10 ** rng.uniform(-3, 0):.3g}") for _ in x)
        if sweep == "range":
            return Trace(error=errors)
        return Trace(error=errors, got=tuple(shape), truth=tuple(shape))

    return Curve(
        loss=loss, backend=backend, dtype=dtype, device=device, sweep=sweep,  # type: ignore[arg-type]
        argument="prediction", held="prediction=x, target=0, delta=1.0", x=tuple(x),
        value=trace(), gradient=trace(),
    )  # fmt: skip


def whole(failing: tuple[str, ...] = ("huber", "mse"), seed: int = 0) -> Report:
    """Every loss, three backends, four dtypes: torch fails in `failing`."""
    rng = random.Random(seed)
    results: list[Result] = []
    curves = []
    for loss, cls in catalogue().items():
        for backend in BACKENDS:
            curves.append(curve(loss, backend, "float32", "shape", seed))
            for dtype in DTYPES:
                curves.append(curve(loss, backend, dtype, "range", seed))
                results += [
                    _cell(rng, name, loss, backend, dtype, loss in failing and backend == "torch")
                    for check in checks().values()
                    for name in check.names(cls)
                ]
    made = report(*results, cells=len(results))
    return Report(
        header=made.header,
        results=made.results,
        footer=made.footer,
        losses=stated(),
        curves=tuple(curves),
    )


def _cell(
    rng: random.Random, check: str, loss: str, backend: str, dtype: str, fails: bool
) -> Result:
    place = {"loss": loss, "backend": backend, "dtype": dtype}
    if check.startswith(("value", "gradient")):
        if fails:
            return result(
                check, "failed", sentence="not the gradient of the spec", message=MESSAGE,
                snippet=SNIPPET, worst=worst(8.4e6, ulps=None), grade="F", **place,
            )  # fmt: skip
        seen = worst(rng.uniform(0.1, 0.9))
        return result(check, worst=seen, grade=rng.choice("AAAB"), points=900, **place)
    if check == "kink":
        conventions = {"gradient at r = 0": "0", "empty batch, mean": "nan"}
        return result(check, level="NOTE", conventions=conventions, **place)
    if rng.random() < 0.3:
        return result(check, "skipped", reason="examined in one dtype only", **place)
    if rng.random() < 0.02:
        link = "https://example.org/issues/1"
        return result(check, "xfailed", reason="the tail cancels", link=link, **place)
    return result(check, **place)
