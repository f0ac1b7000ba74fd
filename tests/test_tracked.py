"""Budgets bound the errors of float32, the carriers agree, and undecided branches give hulls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import flint
import numpy as np
import numpy.typing as npt
import pytest
from flint import arb

from lossproof.spec import maths
from lossproof.spec.carriers import BALLS, FLOATS, JETS
from lossproof.spec.formats import FLOAT32, FLOAT64
from lossproof.spec.profile import Profile
from lossproof.spec.tracked import Arithmetic, Tracked, summation_growth

SINGLE = Arithmetic(format=FLOAT32)
FAST = Arithmetic(format=FLOAT32, carrier=FLOATS)
EXACT = Arithmetic(exact=True)
Array = npt.NDArray[Any]


@pytest.fixture(autouse=True)
def _precision() -> Iterator[None]:
    with flint.ctx.workprec(200):
        yield


# ---- random programs, run in tracked arithmetic and in float32


def _total(a: Array) -> Array:
    return np.broadcast_to(a.sum(axis=-1, keepdims=True), a.shape)


def _spread(a: Tracked, shape: tuple[int, ...]) -> Tracked:
    return maths.expand(a, -1).broadcast_to(shape)


def _numpy_softmax(a: Array) -> Array:
    weights = np.exp(a - a.max(axis=-1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def _numpy_logsumexp(a: Array) -> Array:
    top = a.max(axis=-1, keepdims=True)
    return np.broadcast_to(top + np.log(np.exp(a - top).sum(axis=-1, keepdims=True)), a.shape)


def _numpy_sigmoid(a: Array) -> Array:
    weights = np.exp(-np.abs(a))
    return np.where(a < 0, weights / (1 + weights), 1 / (1 + weights)).astype(a.dtype)


@dataclass(frozen=True)
class Operation:
    """An operation of one or two operands, tracked and in NumPy."""

    tracked: Callable[..., Tracked]
    numpy: Callable[..., Array]
    operands: int = 1


OPERATIONS = {
    "add": Operation(lambda a, b: a + b, np.add, 2),
    "subtract": Operation(lambda a, b: a - b, np.subtract, 2),
    "multiply": Operation(lambda a, b: a * b, np.multiply, 2),
    "divide": Operation(lambda a, b: a / b, np.divide, 2),
    "from one": Operation(lambda a: 1 - a, lambda a: 1 - a),
    "negative": Operation(lambda a: -a, np.negative),
    "abs": Operation(abs, np.abs),
    "square": Operation(maths.square, np.square),
    "sqrt": Operation(lambda a: maths.sqrt(abs(a)), lambda a: np.sqrt(np.abs(a))),
    "exp": Operation(maths.exp, np.exp),
    "expm1": Operation(maths.expm1, np.expm1),
    "log": Operation(lambda a: maths.log(abs(a)), lambda a: np.log(np.abs(a))),
    "log1p": Operation(lambda a: maths.log1p(abs(a)), lambda a: np.log1p(np.abs(a))),
    "sigmoid": Operation(maths.sigmoid, _numpy_sigmoid),
    "maximum": Operation(maths.maximum, np.maximum, 2),
    "minimum": Operation(maths.minimum, np.minimum, 2),
    "choose": Operation(
        lambda a, b: maths.where(a <= b, a, 2 * b), lambda a, b: np.where(a <= b, a, 2 * b), 2
    ),
    "sign": Operation(maths.sign, lambda a: np.where(a >= 0, 1, -1).astype(a.dtype)),
    "total": Operation(lambda a: _spread(maths.total(a), a.shape), _total),
    "mean": Operation(
        lambda a: _spread(maths.mean(a), a.shape), lambda a: _total(a) / np.float32(a.shape[-1])
    ),
    "softmax": Operation(maths.softmax, _numpy_softmax),
    "logsumexp": Operation(lambda a: _spread(maths.logsumexp(a), a.shape), _numpy_logsumexp),
}
SHAPE = (6, 5)


def programs(count: int, length: int = 8) -> Iterator[tuple[list[Array], list[tuple[str, Any]]]]:
    """Inputs, no float32 numbers most of them, and operations on results so far."""
    rng = np.random.default_rng(3)
    names = list(OPERATIONS)
    for _ in range(count):
        inputs = [rng.normal(scale=scale, size=SHAPE) for scale in (0.1, 1.0, 10.0)]
        inputs[2][0] = np.round(inputs[2][0])
        steps = []
        for made in range(length):
            name = names[int(rng.integers(len(names)))]
            steps.append((name, rng.integers(0, 3 + made, size=OPERATIONS[name].operands)))
        yield inputs, steps


def run_tracked(
    arithmetic: Arithmetic, inputs: list[Array], steps: list[tuple[str, Any]]
) -> list[Tracked]:
    pool = [arithmetic.input(values) for values in inputs]
    for name, operands in steps:
        with np.errstate(all="ignore"):
            pool.append(OPERATIONS[name].tracked(*(pool[i] for i in operands)))
    return pool


def run_float32(inputs: list[Array], steps: list[tuple[str, Any]]) -> list[Array]:
    pool = [values.astype(np.float32) for values in inputs]
    for name, operands in steps:
        with np.errstate(all="ignore"):
            pool.append(np.asarray(OPERATIONS[name].numpy(*(pool[i] for i in operands))))
        assert pool[-1].dtype == np.float32
    return pool


def distances(truth: Tracked, numbers: Array) -> Array:
    """How far each number is from the enclosure."""
    off = np.frompyfunc(lambda ball, x: float(abs(ball - arb(float(x))).lower()), 2, 1)
    return np.asarray(off(truth.x, numbers), dtype=np.float64)


def test_budgets_bound_float32() -> None:
    bounded = undecided = 0
    worst = 0.0
    for inputs, steps in programs(400):
        exact, simulated = run_tracked(SINGLE, inputs, steps), run_float32(inputs, steps)
        for truth, numbers in zip(exact, simulated, strict=True):
            promised = np.isfinite(truth.e)
            off = distances(truth, numbers)
            assert (off[promised] <= truth.e[promised]).all(), steps
            with np.errstate(all="ignore"):
                ratios = off[promised] / truth.e[promised]
            worst = max(worst, float(np.nan_to_num(ratios).max(initial=0.0)))
            bounded += int(promised.sum())
            undecided += 0 if truth.undecided is None else int(np.sum(truth.undecided))
    assert bounded > 100_000
    assert undecided > 100
    # and not by much more than the errors are
    assert worst > 0.5


def test_carriers_agree() -> None:
    decided = 0
    for inputs, steps in programs(200):
        slow, fast = run_tracked(SINGLE, inputs, steps), run_tracked(FAST, inputs, steps)
        for a, b in zip(slow, fast, strict=True):
            sure = np.ones(SHAPE, np.bool_)
            for mask in (a.undecided, b.undecided):
                sure &= True if mask is None else ~mask
            np.testing.assert_array_equal(np.isfinite(a.e)[sure], np.isfinite(b.e)[sure])
            sure &= np.isfinite(a.e)
            # float64 rounds 2**29 times finer than float32, by the same rules
            assert (distances(a, b.x)[sure] <= 2.0**-29 * a.e[sure]).all(), steps
            assert (abs(a.e[sure] - b.e[sure]) <= 2.0**-20 * a.e[sure]).all(), steps
            decided += int(sure.sum())
    assert decided > 50_000


# ---- single rules


@pytest.mark.parametrize("arithmetic", [SINGLE, FAST], ids=["arb", "float64"])
def test_rearrangements_and_signs_add_no_error(arithmetic: Arithmetic) -> None:
    a = arithmetic.input([[0.1, -0.2, 0.3], [4.0, 5.0, -6.0]])
    for same in (-a, abs(a), a.reshape(2, 3), maths.where(np.ones((2, 3), bool), a, 7.0)):
        np.testing.assert_array_equal(same.e, a.e)
    np.testing.assert_array_equal(a[1].e, a.e[1])
    np.testing.assert_array_equal(a.swapaxes(0, 1).e, a.e.T)
    np.testing.assert_array_equal(maths.maximum(a, -100.0).e, a.e)
    assert (arithmetic.constant(3.0).e == 0).all()


@pytest.mark.parametrize("arithmetic", [SINGLE, FAST], ids=["arb", "float64"])
def test_overflow_promises_nothing(arithmetic: Arithmetic) -> None:
    big = arithmetic.input([3e38, 3e38])
    for beyond in (big * 10.0, big + big, maths.exp(arithmetic.input([89.0])), maths.square(big)):
        assert np.isinf(beyond.e).all()
    assert np.isinf(maths.total(big).e)
    # a partial sum overflows, though the sum does not
    assert np.isinf(maths.total(arithmetic.input([3e38, 3e38, -3e38, -3e38])).e)
    # a product that the largest cotangent would make overflow
    gradient = replace(arithmetic, reordered=4.0)
    ceiling = gradient.ceiling
    assert ceiling < arithmetic.ceiling < arithmetic.format.largest
    assert np.isinf((gradient.input([1.0]) * (1.01 * ceiling)).e).all()
    assert np.isfinite((gradient.input([1.0]) * (0.99 * ceiling)).e).all()
    assert np.isfinite((arithmetic.input([1.0]) * (1.01 * ceiling)).e).all()
    # sums have no order that matters so
    assert np.isfinite((gradient.input([1.0]) + 1.01 * ceiling).e).all()
    wide = Arithmetic(format=FLOAT64, carrier=arithmetic.carrier)
    assert np.isfinite((wide.input([3e38]) * 10.0).e).all()


@pytest.mark.parametrize("arithmetic", [SINGLE, FAST], ids=["arb", "float64"])
def test_a_number_within_its_budget_of_a_pole_promises_nothing(arithmetic: Arithmetic) -> None:
    one = arithmetic.input([1.0])
    nearly_zero = (one + 1e-9) - one
    with np.errstate(all="ignore"):
        assert np.isinf((one / nearly_zero).e).all()
        assert np.isinf(maths.log(nearly_zero).e).all()
        assert np.isfinite(maths.sqrt(nearly_zero).e).all()
        assert np.isinf((one / arithmetic.input([0.0])).e).all()
        assert np.isinf(maths.log(arithmetic.input([0.0])).e).all()


def test_undecided_branches_give_the_hull() -> None:
    a = SINGLE.input([-1.0, -1e-8, 0.0, 1e-8, 1.0])
    near = (a + 1) - 1
    for function, low in ((maths.sign, -1), (maths.step, 0)):
        x = function(near).x
        assert (x[0], x[4]) == (low, 1)
        assert all(ball.contains(low) and ball.contains(arb("0.5")) for ball in x[1:4])
    chosen = maths.where(near <= 0.0, SINGLE.input(10.0), SINGLE.input(20.0))
    np.testing.assert_array_equal(chosen.undecided, [False, True, True, True, False])
    assert all(ball.contains(10) and ball.contains(20) for ball in chosen.x[1:4])
    doubled = maths.total(chosen * 2.0)
    assert doubled.undecided
    assert doubled.x[()].contains(120)
    assert doubled.x[()].contains(180)
    low, high = (chosen * 2.0).bounds()
    assert low[2] <= 20 <= 40 <= high[2]


def test_numbers_given_exactly_are_decided_unless_equal() -> None:
    a = EXACT.input([-1e-300, 0.0, 1e-300])
    condition = a >= 0.0
    np.testing.assert_array_equal(condition.surely, [False, False, True])
    np.testing.assert_array_equal(condition.possibly, [False, True, True])
    # a sum that is 0, but known only up to the precision of its ball
    third = EXACT.constant(1.0) / 3.0
    zero = third + third + third - 1.0
    assert not (zero > 0.0).surely
    assert (zero > 0.0).possibly


def test_plain_masks_are_always_decided() -> None:
    a = SINGLE.input([0.0, 1.0])
    assert maths.where(np.asarray([True, False]), a, -a).undecided is None


def test_conditions_combine() -> None:
    a = SINGLE.input([-1.0, 0.0, 1.0])
    up, down = a >= 0.0, a <= 0.0
    np.testing.assert_array_equal((up & down).surely, [False, False, False])
    np.testing.assert_array_equal((up & down).possibly, [False, True, False])
    np.testing.assert_array_equal((up | down).surely, [True, False, True])
    np.testing.assert_array_equal((~up).surely, [True, False, False])
    np.testing.assert_array_equal((~up).possibly, [True, True, False])
    masked = up & np.asarray([True, False, False])
    np.testing.assert_array_equal(masked.possibly, [False, False, False])


def test_nothing_times_an_infinite_logarithm_is_nothing() -> None:
    a = SINGLE.input([0.0, 0.0, 0.5])
    p = SINGLE.input([0.0, 0.25, 0.0])
    with np.errstate(all="ignore"):
        product = maths.xlogy(a, maths.log(p))
    assert product.x[0] == 0
    assert product.e[0] == 0
    assert product.x[1] == 0
    assert not product.x[2].is_finite()


@pytest.mark.parametrize("scale", [1e3, 1e6, 1e8, 1e10, 1e30])
def test_a_softmax_of_numbers_that_are_uncertain_is_bounded_still(scale: float) -> None:
    """Logits off by more than 1 leave shares in [0, 1], and logarithms off by as much."""
    rng = np.random.default_rng(11)
    logits = scale * rng.normal(size=(200, 5))
    logits[::2, 1:3] = logits[::2, :1] * (1 + 2e-7 * rng.normal(size=(100, 2)))
    a, single = SINGLE.input(logits), logits.astype(np.float32)
    with np.errstate(all="ignore"):
        shares, total = _numpy_softmax(single), _numpy_logsumexp(single)
        spread = single - single.max(axis=-1, keepdims=True)
        logarithms = spread - np.log(np.exp(spread).sum(axis=-1, keepdims=True))
        results = [
            (maths.softmax(a), shares),
            (maths.log_softmax(a), logarithms),
            (maths.exp_log_softmax(a), np.exp(logarithms)),
            (_spread(maths.logsumexp(a), a.shape), total),
        ]
    widest = float(a.e.max())
    for (tracked, numbers), most in zip(results, [1.0, 2 * widest, 1.0, widest], strict=True):
        off = distances(tracked, numbers)
        assert (off <= tracked.e).all()
        slack = 2.0**-18 * (1 + np.abs(numbers.astype(np.float64)))
        assert (tracked.e <= most + slack).all()


def test_exact_arithmetic_has_no_budgets() -> None:
    a = EXACT.input([0.1, 0.2, 1e300])
    for result in (a * a, maths.exp(a / 1e300), maths.total(a), maths.softmax(a), a - 1.0):
        assert (result.e == 0).all()


def test_flushed_subnormals_are_budgeted() -> None:
    flushing = Arithmetic(format=FLOAT32, profile=Profile(name="gpu", flush_to_zero=True))
    assert flushing.input(1e-40).e >= 1e-40
    assert (flushing.input(1e-30) * 1e-10).e >= 1e-40
    assert (SINGLE.input(1e-30) * 1e-10).e < 1e-40


def test_a_profile_widens_elementary_functions_only() -> None:
    loose = Arithmetic(format=FLOAT32, profile=Profile(name="loose", default_ulps=64.0))
    assert maths.exp(loose.input(1.0)).e > 8 * maths.exp(SINGLE.input(1.0)).e
    assert (loose.input(1.0) * 2.0).e == (SINGLE.input(1.0) * 2.0).e


def test_sums_grow_with_the_logarithm_of_their_length() -> None:
    assert [summation_growth(n) for n in (0, 1, 2, 3, 8)] == [0, 0, 1, 2, 7]
    assert summation_growth(1 << 20) == 48
    numbers = np.random.default_rng(0).normal(size=100_000).astype(np.float32)
    total = maths.total(FAST.constant(numbers))
    assert abs(float(numbers.sum()) - float(total.x)) <= total.e


# ---- jets


@pytest.mark.parametrize("point", [-40.0, -1.5, -1e-3, 1e-3, 0.75, 40.0])
def test_jets_differentiate(point: float) -> None:
    cap, flint.ctx.cap = flint.ctx.cap, 2
    x = JETS.seed(np.asarray([point]), np.asarray([2.0]))
    b = arb(point)
    s = 1 / (1 + (-b).exp())
    slopes = {
        "exp": b.exp(), "expm1": b.exp(), "sigmoid": s * (1 - s), "softplus": s,
        "abs": b.sgn(),
    }  # fmt: skip
    if point > 0:
        slopes |= {"log": 1 / b, "log1p": 1 / (1 + b), "sqrt": 1 / (2 * b.sqrt())}
    for name, slope in slopes.items():
        jet = JETS.apply(name, x)[0]
        assert jet[1].overlaps(2 * slope), name
        assert jet[0].overlaps(BALLS.apply(name, BALLS.lift([point]))[0]), name
        assert jet[1].rad() <= 2.0**-100
    flint.ctx.cap = cap
