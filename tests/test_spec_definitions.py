"""Losses that are stated by an algorithm equal their textbook definitions, in balls."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, combinations, groupby, product
from typing import Any

import flint
import numpy as np
import numpy.typing as npt
import pytest
from flint import arb
from spec_points import questions

from lossproof.spec import evaluate
from lossproof.spec.loss import Loss, catalogue, get
from lossproof.spec.question import Question
from lossproof.spec.tracked import Arithmetic

EXACT = Arithmetic(exact=True)


@pytest.fixture(autouse=True)
def _precision() -> Iterator[None]:
    with flint.ctx.workprec(400):
        yield


def probabilities(row: npt.NDArray[Any]) -> list[arb]:
    """e**z / Σ e**z, as it is written in textbooks."""
    weights = [arb(float(z)).exp() for z in row]
    return [w / sum(weights, arb(0)) for w in weights]


def likelihood(logits: npt.NDArray[Any], labels: list[int], blank: int) -> arb:
    """The probabilities of all paths that collapse to the labels, one by one."""
    frames = [probabilities(row) for row in logits]
    result = arb(0)
    for path in product(range(logits.shape[1]), repeat=len(frames)):
        collapsed = [symbol for symbol, _ in groupby(path) if symbol != blank]
        if collapsed == labels:
            term = arb(1)
            for p, symbol in zip(frames, path, strict=True):
                term *= p[symbol]
            result += term
    return result


def rows_of(question: Question) -> Iterator[tuple[npt.NDArray[Any], list[int]]]:
    """The frames and the labels of every row, without their padding."""
    a = question.arguments
    for n, (frames, labels) in enumerate(zip(a["input_lengths"], a["target_lengths"], strict=True)):
        yield a["logits"][:frames, n], a["targets"][n, :labels].tolist()


def test_ctc_sums_over_all_paths() -> None:
    kinds = ("moderate", "hostile")
    for question in chain(*(questions(get("ctc"), kind, samples=60) for kind in kinds)):
        values = evaluate.value(question, EXACT).x
        blank = question.options["blank"]
        for value, (logits, labels) in zip(values, rows_of(question), strict=True):
            assert (-value).exp().overlaps(likelihood(logits, labels, blank))
            assert value.rad() < 2.0**-200


def rows_with_and_without_alignment() -> Question:
    rng = np.random.default_rng(5)
    return Question(
        loss=get("ctc"),
        arguments={
            "logits": rng.normal(size=(3, 4, 3)),
            "targets": np.asarray([[1, 2, 1], [1, 1, 2], [2, 2, 1], [1, 2, 1]]),
            "input_lengths": np.asarray([3, 3, 2, 2]),
            "target_lengths": np.asarray([3, 2, 2, 0]),
        },
        options={},
        cotangent=np.ones(4),
    )


def test_ctc_without_alignment_is_infinite_and_disturbs_no_other_row() -> None:
    question = rows_with_and_without_alignment()
    value = evaluate.value(question, Arithmetic())
    assert [bool(x.is_finite()) for x in value.x] == [True, True, False, True]
    assert value.x[2] > 0
    assert np.isfinite(value.e[[0, 1, 3]]).all()
    gradient = evaluate.gradients(question, Arithmetic(), "vjp")["logits"]
    finite = np.frompyfunc(lambda x: x.is_finite(), 1, 1)(gradient.x).astype(bool)
    assert finite[:, [0, 1, 3]].all()
    assert not finite[:2, 2].any()


def test_ctc_padding_has_gradient_exactly_zero() -> None:
    question = rows_with_and_without_alignment()
    question.arguments["logits"][2, 2:] = np.nan
    gradient = evaluate.gradients(question, Arithmetic(), "vjp")["logits"]
    assert all(x == 0 for x in gradient.x[2, 2:].ravel())
    assert (gradient.e[2, 2:] == 0).all()
    assert np.isfinite(gradient.e[:2, 3]).all()


def projection(row: npt.NDArray[Any]) -> list[arb]:
    """The nearest point of the simplex: of all supports the one that meets the KKT conditions."""
    x = [arb(float(v)) for v in row]
    for size in range(1, len(x) + 1):
        for support in combinations(range(len(x)), size):
            threshold = (sum((x[i] for i in support), arb(0)) - 1) / size
            inside = all(not x[i] < threshold for i in support)
            outside = all(not x[i] > threshold for i in range(len(x)) if i not in support)
            if inside and outside:
                zero = arb(0)
                return [x[i] - threshold if i in support else zero for i in range(len(x))]
    raise AssertionError("no support")


def test_sparsemax_is_the_projection_on_the_simplex() -> None:
    for kind in ("moderate", "hostile", "coarse"):
        for question in questions(get("sparsemax"), kind, samples=200):
            values = evaluate.value(question, EXACT).x
            for value, row in zip(values, question.arguments["x"], strict=True):
                for a, b in zip(value, projection(row), strict=True):
                    assert a.overlaps(b)
                    assert a.rad() < 2.0**-200


def test_ignored_rows_are_exactly_zero_even_if_they_hold_nan() -> None:
    arguments = {
        "logits": np.asarray([[1.0, 2.0], [np.nan, 0.0]]),
        "log_probabilities": np.asarray([[-1.0, -2.0], [np.nan, 0.0]]),
        "labels": np.asarray([1, -100]),
    }
    for name in ("cross_entropy", "nll"):
        loss = get(name)
        chosen = {k: arguments.get(k) for k in loss.arguments}
        for reduction in loss.reductions:
            question = Question(loss=loss, arguments=chosen, options={}, reduction=reduction)
            question = question.with_cotangent(1.0)
            value = evaluate.value(question, Arithmetic())
            assert np.isfinite(value.e).all()
            (gradient,) = evaluate.gradients(question, Arithmetic(), "gradient").values()
            assert all(x == 0 for x in gradient.x[1])
            # a product with the cotangent may underflow, no more
            assert (gradient.e[1] < 1e-300).all()


def test_directions_at_distance_zero_are_the_whole_interval() -> None:
    point = np.asarray([[0.5, -1.0, 2.0]])
    question = Question(
        loss=get("triplet_margin"),
        arguments={"anchor": point, "positive": point, "negative": point + 0.25},
        options={"eps": 0.0},
        cotangent=np.ones(1),
    )
    gradient = evaluate.gradients(question, Arithmetic(), "gradient")["positive"]
    assert all(x.contains(arb("-0.99")) and x.contains(arb("0.99")) for x in gradient.x[0])
    assert np.isfinite(gradient.e).all()


@pytest.mark.parametrize("loss", catalogue().values(), ids=lambda loss: loss.name)
def test_empty_batch_sums_to_zero_and_has_no_mean(loss: type[Loss]) -> None:
    (full, *_) = questions(loss, "moderate", samples=1)
    arguments: dict[str, Any] = {}
    for key, array in full.arguments.items():
        axes = loss.arguments[key].axes
        if loss.arguments[key].shape == "*":
            arguments[key] = np.zeros(0)
        elif "N" in axes:
            arguments[key] = np.take(array, [], axis=axes.index("N"))
        else:
            arguments[key] = array
    for reduction in loss.reductions:
        question = Question(loss=loss, arguments=arguments, options={}, reduction=reduction)
        value = evaluate.value(question, EXACT)
        if reduction == "sum":
            assert value.x[()] == 0
        elif reduction != "none" or loss.reductions == ("none",):
            assert not any(x.is_finite() for x in value.x.ravel()) or loss.name == "dice"
        question = question.with_cotangent(1.0)
        for method in loss.algorithms("gradient").values():
            for key, gradient in evaluate.gradients(question, EXACT, method).items():
                assert gradient.shape == np.shape(arguments[key])
