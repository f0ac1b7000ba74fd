"""The two carriers never disagree on a verdict, and the oracle sees what a filter cannot."""

from dataclasses import replace

import numpy as np
import pytest

from lossproof.conformance import oracle
from lossproof.conformance.points import SIZES, Maker
from lossproof.spec.formats import FORMATS
from lossproof.spec.loss import catalogue, get
from lossproof.spec.profile import IEEE
from lossproof.spec.question import Question

NARROW = ("float32", "float16", "bfloat16")
REGIMES = ("moderate", "landmarks", "coarse", "near_tie", "confident", "offset", "small")


@pytest.mark.parametrize("dtype", NARROW)
@pytest.mark.parametrize("loss", tuple(catalogue()))
def test_the_float64_filter_never_passes_what_the_balls_refuse(loss, dtype):
    """Answers are put at, just inside and just outside the budget, where a filter would err."""
    fmt, cls = FORMATS[dtype], get(loss)
    maker = Maker(loss=cls, format=fmt)
    decided = 0
    for seed, regime in enumerate(REGIMES):
        question = maker.question(seed, regime, {**SIZES[0], "*": 24, "N": 6}, optional=True)
        for quantity in ("value", *(f"gradient.{a}" for a in cls.differentiable())):
            truth = oracle.truth(question, quantity, fmt, IEEE)
            middle = np.asarray([float(x.mid()) for x in truth.exact.flat]).reshape(
                truth.exact.shape
            )
            budget = np.where(np.isfinite(truth.budget), truth.budget, 0.0)
            for share in (0.0, 0.5, 1 - 1e-9, 1 + 1e-9, 2.0):
                got = middle + share * budget
                fast, _ = oracle._filter(question, quantity, got, fmt, IEEE)
                exact = oracle._authority(question, quantity, got, fmt, IEEE)[0]
                sure = ~np.isnan(fast)
                decided += int(sure.sum())
                assert (exact[sure] <= 1.0).all(), (regime, quantity, share)
                assert (fast[sure] <= 1.0).all()
    assert decided > 30


@pytest.mark.parametrize("loss", ["mse", "softmax", "binary_cross_entropy_with_logits"])
def test_a_ratio_is_the_error_in_budgets(loss):
    fmt = FORMATS["float64"]
    question = Maker(loss=get(loss), format=fmt).question(5, optional=False)
    truth = oracle.truth(question, "value", fmt, IEEE)
    middle = np.asarray([float(x) for x in truth.exact.flat]).reshape(truth.exact.shape)
    for share in (0.5, 3.0):
        judgement = oracle.judge(question, "value", middle + share * truth.budget, fmt, IEEE)
        # the sum is itself rounded to float64, whose spacing is of the order of the budget
        assert (abs(judgement.ratios - share) <= 1.0).all()


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_a_violation_where_a_budget_is(wrong):
    fmt = FORMATS["float32"]
    question = Maker(loss=get("mse"), format=fmt).question(1)
    got = np.full(question.output_shape, wrong, dtype=np.float32)
    judgement = oracle.judge(question, "value", got, fmt, IEEE)
    assert judgement.violations.all()
    assert judgement.grade == "F"


@pytest.mark.parametrize("got", [None, np.zeros(3, np.float32), np.zeros(8, np.int64)])
def test_answers_that_cannot_be_compared_are_violations(got):
    fmt = FORMATS["float32"]
    question = Maker(loss=get("mse"), format=fmt).question(1)
    judgement = oracle.judge(question, "value", got, fmt, IEEE)
    assert judgement.problem is not None
    assert judgement.violations.all()


def test_nothing_is_excused_away_from_kinks_and_overflow():
    for name, cls in catalogue().items():
        fmt = FORMATS["float32"]
        question = Maker(loss=cls, format=fmt).question(2, "moderate", optional=False)
        for quantity in ("value", *(f"gradient.{a}" for a in cls.differentiable())):
            truth = oracle.truth(question, quantity, fmt, IEEE)
            promised = np.isfinite(truth.budget) & ~truth.wide
            assert promised.mean() > 0.95, (name, quantity)


@pytest.mark.parametrize("dtype", NARROW)
def test_an_overflow_is_the_infinity_that_the_formula_gives(dtype):
    """A square overflows; nan, the other infinity and a moderate number are no answer to that."""
    fmt, cls = FORMATS[dtype], get("mse")
    large = fmt.round([fmt.largest**0.75] * 4)
    question = Question(
        loss=cls,
        arguments={"prediction": large, "target": np.zeros_like(large)},
        options=cls.complete({}),
    )
    got = fmt.round([np.inf, np.nan, -np.inf, 0.0])
    judgement = oracle.judge(question, "value", got, fmt, IEEE)
    assert judgement.violations.tolist() == [False, True, True, True]
    whole = replace(question, reduction="sum")
    assert not oracle.judge(whole, "value", fmt.round(np.nan), fmt, IEEE).violations.any()


def test_nan_is_an_answer_where_the_formula_runs_into_it():
    """exp(x) - t·x is inf - inf in float16, though the difference only overflows."""
    fmt, cls = FORMATS["float16"], get("poisson_nll")
    question = Question(
        loss=cls,
        arguments={"prediction": fmt.round([12.0]), "target": fmt.round([60000.0])},
        options=cls.complete({"log_input": True, "full": False}),
    )
    assert oracle.overflows(oracle.truth(question, "value", fmt, IEEE).exact[0], fmt)
    judgement = oracle.judge(question, "value", fmt.round([np.nan]), fmt, IEEE)
    assert not judgement.violations.any()


def test_the_division_of_a_mean_may_underflow_before_the_cotangent_is_multiplied():
    """As torch has it: the smallest normal number over 33 is rounded, and then taken 128 times."""
    fmt, one = FORMATS["float32"], np.float32
    target = np.zeros(33, one)
    target[0] = -(2.0**-126)
    question = Question(
        loss=get("huber"), arguments={"prediction": np.zeros(33, one), "target": target},
        options=get("huber").complete({}), reduction="mean", cotangent=np.float64(-128.0),
    )  # fmt: skip
    slope = (question.arguments["prediction"] - target) * (one(1) / one(33))
    first = slope * one(-128)
    judgement = oracle.judge(question, "gradient.prediction", first, fmt, IEEE)
    assert 0.1 < judgement.ratios.max() <= 1.0
    wrong = oracle.judge(question, "gradient.prediction", first * one(1.01), fmt, IEEE)
    assert wrong.violations.any()
