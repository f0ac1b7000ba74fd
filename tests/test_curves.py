"""Curves: one rule sweeps an argument of every loss, and the numbers are those of the oracle."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lossproof.backends.registry import Implementation
from lossproof.conformance import plan
from lossproof.conformance.curves import curves
from lossproof.conformance.facts import facts
from lossproof.conformance.subject import Subject
from lossproof.conformance.sweeps import points
from lossproof.reports.curve import Curve
from lossproof.reports.encoding import decode, encode
from lossproof.spec.domain import NEGATIVE, NONNEGATIVE, POSITIVE, REAL, UNIT, Domain
from lossproof.spec.formats import FORMATS
from lossproof.spec.loss import catalogue


def subject(
    loss: str, dtype: str = "float32", profile: str = "default", like: Implementation | None = None
) -> Subject:
    unit = plan.Unit(
        loss=loss, backend="numpy", dtype=dtype, device="cpu", primary=dtype == "float32"
    )
    return plan.subject(unit, plan.backend("numpy"), profile, like)


@pytest.mark.parametrize("loss", [loss for loss in catalogue() if loss != "ctc"])
def test_every_loss_has_curves_that_conform(loss: str) -> None:
    shape, far = curves(subject(loss))
    for curve in (shape, far):
        assert list(curve.x) == sorted(set(curve.x))
        for trace in (curve.value, curve.gradient):
            assert trace is not None
            assert len(trace.error) == len(curve.x) > 15
            assert max(e for e in trace.error if e is not None) <= 1
        assert decode(encode(curve)) == curve
    assert len(shape.value.got) == len(shape.value.truth) == len(shape.x)
    assert not far.value.got


def test_the_curve_of_a_loss_is_the_loss() -> None:
    shape, _ = curves(subject("huber"))
    assert shape.held == "prediction=x, target=0, delta=1.0"
    assert shape.gradient is not None
    seen = dict(
        zip(shape.x, zip(shape.value.truth, shape.gradient.truth, strict=True), strict=True)
    )
    assert (seen[-3.0], seen[0.5]) == ((2.5, -1.0), (0.125, 0.5))
    assert shape.value.got == shape.value.truth


def test_a_kink_has_no_true_gradient_and_shows_what_came() -> None:
    shape, _ = curves(subject("mae"))
    assert shape.gradient is not None
    at = shape.x.index(0.0)
    assert shape.gradient.truth[at] is None
    assert shape.gradient.got[at] == 0.0
    assert shape.gradient.truth[at + 1] == 1.0


def test_losses_of_rows_and_of_a_whole_tensor_sweep_one_entry() -> None:
    rows, _ = curves(subject("cross_entropy"))
    assert rows.held.startswith("logits=(x, -1, 0.25, 1.5), labels=0, ")
    whole, _ = curves(subject("rmse"))
    assert whole.held.startswith("prediction=(x, 0, 0, 0, ... 8 in all), ")
    x, value = whole.x[0], whole.value.truth[0]
    assert value == float(f"{abs(x) / math.sqrt(8):.5g}")


def test_the_same_subject_gives_the_same_curves_in_any_effort() -> None:
    assert list(curves(subject("mse"))) == list(curves(subject("mse", profile="smoke")))


def test_a_thin_effort_asks_no_question_for_each_point() -> None:
    assert not list(curves(subject("rmse", profile="smoke")))


def test_only_one_dtype_shows_the_shape() -> None:
    assert [curve.sweep for curve in curves(subject("mse", "bfloat16"))] == ["range"]


def test_a_target_that_raises_has_no_curve() -> None:
    def raises(prediction, target, *, reduction):  # type: ignore[no-untyped-def]
        raise ZeroDivisionError

    broken = Implementation(loss="mse", backend="numpy", forward=raises, reverse=raises)
    assert not list(curves(subject("mse", like=broken)))


@pytest.mark.parametrize("sweep", ["shape", "range"])
@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize(
    "domain",
    [REAL, UNIT, POSITIVE, NONNEGATIVE, NEGATIVE, Domain(name="three up", low=3.0)],
    ids=str,
)
def test_sweeps_stay_inside_their_domain(domain: Domain, dtype: str, sweep: str) -> None:
    made = points(domain, FORMATS[dtype], sweep, 81)  # type: ignore[arg-type]
    assert domain.contains(made)
    assert (np.diff(made) > 0).all()
    assert len(made) > 20


def test_a_sweep_of_all_numbers_goes_from_end_to_end() -> None:
    fmt = FORMATS["float32"]
    made = points(REAL, fmt, "range", 81)
    assert made.max() > fmt.largest / 4
    assert 0.0 in made
    assert made[made > 0].min() < 4 * fmt.smallest_normal


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan, -0.0, 5e-324, None])
def test_every_number_of_a_curve_survives(number: float | None) -> None:
    shape, _ = curves(subject("mae"))
    changed = Curve(
        **{name: getattr(shape, name) for name in shape.__struct_fields__}
        | {"value": type(shape.value)(error=(number,), got=(number,), truth=(number,))}
    )
    assert repr(decode(encode(changed))) == repr(changed)


@pytest.mark.parametrize("loss", catalogue())
def test_facts_are_those_of_the_class(loss: str) -> None:
    cls = catalogue()[loss]
    stated = facts(cls)
    assert decode(encode(stated)) == stated
    assert stated.title == stated.text.partition("\n")[0] == cls.formula().partition("\n")[0]
    assert [a.name for a in stated.arguments] == list(cls.arguments)
    assert len({facts(other).digest for other in catalogue().values()}) == len(catalogue())
