"""Every stated gradient is the derivative of the stated value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import flint
import numpy as np
import numpy.typing as npt
import pytest
from flint import arb
from spec_points import questions, samples_of

from lossproof.spec import evaluate
from lossproof.spec.carriers import BALLS, JETS
from lossproof.spec.loss import Gradients, Loss, catalogue
from lossproof.spec.losses.huber import Huber
from lossproof.spec.question import Question
from lossproof.spec.tracked import Arithmetic, Tracked

EXACT = Arithmetic(carrier=BALLS, exact=True)
SERIES = Arithmetic(carrier=JETS, exact=True)
PRECISIONS = (160, 640, 2560)
Mask = npt.NDArray[np.bool_]


@pytest.fixture(autouse=True)
def _two_terms() -> Iterator[None]:
    cap, prec = flint.ctx.cap, flint.ctx.prec
    flint.ctx.cap = 2
    yield
    flint.ctx.cap, flint.ctx.prec = cap, prec


def contracted(question: Question, entries: npt.NDArray[Any], axes: tuple[str, ...]) -> Any:
    """The entries of each independent sample added up (or any of them, for masks)."""
    samples = question.loss.samples if question.reduction == "none" else ""
    if samples == "*":
        return entries
    operation = np.logical_or if entries.dtype == np.bool_ else np.add
    if samples == "N" and axes[:1] == ("N",):
        return operation.reduce(entries.reshape(entries.shape[0], -1), axis=1)
    return np.asarray([operation.reduce(entries.reshape(-1))])


def slope_of_value(question: Question, directions: dict[str, Any]) -> npt.NDArray[Any]:
    """The cotangent times the derivative of the value along `directions`, per sample."""
    moved: dict[str, Any] = dict(question.arguments)
    for key, direction in directions.items():
        seeds = JETS.seed(question.arguments[key], direction)
        moved[key] = Tracked(SERIES, seeds, np.zeros(seeds.shape))
    series = evaluate.value(question.with_arguments(**moved), SERIES)
    slopes = np.frompyfunc(lambda s: s[1], 1, 1)(series.x)
    return np.asarray(contracted(question, np.asarray(slopes * question.cotangent, object), ("N",)))


def slope_of_gradient(
    question: Question, gradients: Gradients, directions: dict[str, Any]
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], Mask]:
    """Gradient · direction per sample, the sum of its absolute terms, and where it is undecided."""
    slope: Any = 0
    size: Any = 0
    undecided: Any = False
    for key, gradient in gradients.items():
        axes = question.loss.arguments[key].axes
        terms = np.asarray(gradient.x * directions[key], object)
        slope = slope + contracted(question, terms, axes)
        size = size + contracted(question, np.asarray(abs(terms), object), axes)
        quantity = f"gradient.{key}"
        mask = question.loss.outside(question.arguments, question.options, quantity)
        for unsure in (gradient.undecided, mask):
            if unsure is not None:
                full = np.broadcast_to(unsure, gradient.shape)
                undecided = undecided | contracted(question, full, axes)
    return slope, size, np.broadcast_to(undecided, np.shape(slope))


def straight_through(question: Question) -> Mask | bool:
    """Where a gradient is by convention not the derivative: the clamped variance."""
    if question.loss.name == "gaussian_nll":
        return np.asarray(question.arguments["var"] <= question.options["eps"])
    return False


def compare(question: Question, method: str, directions: dict[str, Any]) -> tuple[int, int]:
    """How many sums were compared, and how many left out, at rising precision until tiny."""
    for precision in PRECISIONS:
        flint.ctx.prec = precision
        gradients = evaluate.gradients(question, EXACT, method)
        assert set(gradients) == set(question.loss.differentiable())
        right, size, undecided = slope_of_gradient(question, gradients, directions)
        left = slope_of_value(question, directions)
        assert left.shape == right.shape == size.shape
        left_out = undecided | contracted_mask(question, straight_through(question))
        finite = np.frompyfunc(lambda a, b: a.is_finite() and b.is_finite(), 2, 1)(left, right)
        left_out = np.broadcast_to(left_out | ~finite.astype(np.bool_), left.shape)
        pairs = list(zip(left[~left_out], right[~left_out], size[~left_out], strict=True))
        if all(is_tiny(a, scale) and is_tiny(b, scale) for a, b, scale in pairs):
            for a, b, _ in pairs:
                assert a.overlaps(b), (question, method, a, b)
            return len(pairs), int(left_out.sum())
    raise AssertionError(f"{question}: enclosures stay wide")


def contracted_mask(question: Question, mask: Mask | bool) -> Mask | bool:
    return mask if isinstance(mask, bool) else contracted(question, mask, ())  # type: ignore[no-any-return]


def is_tiny(ball: arb, scale: arb) -> bool:
    """Whether the radius is far below the scale."""
    return bool(arb(ball.rad()) <= scale * arb(2) ** -60 + arb(2) ** -1100)


def directions_of(question: Question, rng: np.random.Generator) -> dict[str, Any]:
    return {
        key: rng.normal(size=np.shape(question.arguments[key]))
        for key in question.loss.differentiable()
    }


LOSSES = list(catalogue().values())
METHODS = [
    pytest.param(loss, method, id=f"{loss.name}-{method}")
    for loss in LOSSES
    for method in loss.algorithms("gradient").values()
]


@pytest.mark.parametrize(("loss", "method"), METHODS)
def test_gradient_is_derivative_of_value(loss: type[Loss], method: str) -> None:
    rng = np.random.default_rng(1)
    samples = compared = left_out = 0
    for kind, wanted in (("moderate", 500), ("hostile", 500), ("coarse", 150)):
        for question in questions(loss, kind, samples=wanted):
            done, out = compare(question, method, directions_of(question, rng))
            share = samples_of(question) / (done + out)
            samples += round(done * share)
            compared, left_out = compared + done, left_out + out
    assert samples >= 1000
    assert left_out <= 0.2 * (compared + left_out)


def test_a_gradient_wrong_by_one_part_in_a_trillion_is_noticed() -> None:
    class Steeper(Huber):
        name = "steeper"

        def gradient(self, prediction: Tracked, target: Tracked) -> Gradients:
            right = super().gradient(prediction, target)
            return {**right, "target": right["target"] * (1 + 2.0**-40)}

    (question,) = questions(Steeper, "moderate", samples=50)
    with pytest.raises(AssertionError, match="steeper|Steeper"):
        compare(question, "gradient", directions_of(question, np.random.default_rng(0)))


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_gradient_of_reduced_value(loss: type[Loss]) -> None:
    rng = np.random.default_rng(2)
    for reduction in set(loss.reductions) - {"none"}:
        compared = 0
        for question in questions(loss, "moderate", samples=100, reduction=reduction):
            for method in loss.algorithms("gradient").values():
                compared += compare(question, method, directions_of(question, rng))[0]
        assert compared > 0
