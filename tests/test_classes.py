"""A function that takes one count of classes, or carries their weights, is asked what it takes."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

import lossproof
from lossproof.backends import loading
from lossproof.conformance.evidence import told
from lossproof.conformance.identify import identify
from lossproof.conformance.registry import UsageError, backend
from lossproof.conformance.settle import Settled, settle
from lossproof.spec.loss import get

WEIGHTS = (1.0, 2.0, 0.5)


def settled(function: Any, fixed: Any = None, loss: str = "cross_entropy") -> Settled:
    claim = loading.claim(function, get(loss), "numpy", fixed=fixed)
    return settle(claim, get(loss), backend("numpy"))


def _log_softmax(logits: Any) -> Any:
    z = logits - logits.max(-1, keepdims=True)
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


def _losses(logits: Any, labels: Any, weights: Any) -> Any:
    w = np.asarray(weights, logits.dtype)[labels]
    return -w * _log_softmax(logits)[np.arange(len(labels)), labels], w


def weighted(logits: Any, labels: Any, weight: Any = WEIGHTS) -> Any:
    losses, w = _losses(logits, labels, weight)
    return losses.sum() / w.sum()


class Weighted:
    """Weights of classes by the name that libraries give them; the mean is over weights or rows."""

    def __init__(self, class_weights: Any, rows: bool = False) -> None:
        self.class_weights, self.rows = class_weights, rows

    def __call__(self, logits: Any, labels: Any) -> Any:
        losses, w = _losses(logits, labels, self.class_weights)
        return losses.mean() if self.rows else losses.sum() / w.sum()


def closing(w: Any) -> Any:
    def loss(logits: Any, labels: Any) -> Any:
        return weighted(logits, labels, w)

    return loss


def of_three(logits: Any, labels: Any) -> Any:
    return -(np.eye(3)[labels].astype(logits.dtype) * _log_softmax(logits)).sum(-1).mean()


def of_few(logits: Any, labels: Any) -> Any:
    if logits.shape[-1] > 3:
        raise ValueError("no more than 3 classes")
    return weighted(logits, labels, np.ones(logits.shape[-1]))


@pytest.mark.parametrize(
    "function",
    [
        weighted,
        partial(weighted, weight=WEIGHTS),
        Weighted(np.array(WEIGHTS)),
        Weighted(list(WEIGHTS)),
        closing(np.array(WEIGHTS, np.float32)),
    ],
    ids=["default", "partial", "attribute", "list", "closure"],
)
def test_weights_that_a_function_carries_are_part_of_every_question(function: Any) -> None:
    found = settled(function)
    assert found.implementation.held == {"weight": WEIGHTS}
    assert found.implementation.optional == ()
    assert found.implementation.reductions == ("mean",)
    assert "weight is [1.0, 2.0, 0.5] in every question" in found.notes


class Made(Weighted):
    """Weights that it makes itself."""

    def __init__(self) -> None:
        super().__init__(WEIGHTS)


class Wrapping:
    """Calls a criterion that carries the weights; what else it holds is no weight of classes."""

    def __init__(self, criterion: Any) -> None:
        self.criterion, self.schedule = criterion, Other(weight=[3.0, 1.0])

    def __call__(self, logits: Any, labels: Any) -> Any:
        return self.criterion(logits, labels)


def test_what_a_wrapped_criterion_carries_is_seen_where_it_fits() -> None:
    assert settled(Wrapping(Weighted(WEIGHTS))).implementation.held == {"weight": WEIGHTS}
    plain = Wrapping(lambda logits, labels: weighted(logits, labels, np.ones(9)))
    assert settled(plain).implementation.held == {}


class Unmade:
    def __init__(self) -> None:
        raise ValueError("no licence")

    def __call__(self, logits: Any, labels: Any) -> Any:
        return weighted(logits, labels)


def test_a_class_that_is_made_of_nothing_is_made_once_and_looked_into() -> None:
    assert settled(Made).implementation.held == {"weight": WEIGHTS}
    with pytest.raises(UsageError, match=r"Unmade\(\) raises ValueError: no licence"):
        settled(Unmade)


def test_weights_that_the_user_states_are_handed_over() -> None:
    found = settled(weighted, {"weight": [0.25, 4.0]})
    assert found.implementation.held == {"weight": (0.25, 4.0)}
    assert found.implementation.optional == ("weight",)
    found = settled(closing(np.ones(2)), {"weight": [1.0, 1.0]})
    assert found.implementation.held == {"weight": (1.0, 1.0)}


def test_what_carries_weights_is_identified_with_them() -> None:
    claims = (
        loading.claim(Weighted(WEIGHTS), get(name), "numpy") for name in ("cross_entropy", "nll")
    )
    first = next(told(identify(claims, backend("numpy"))))
    assert first == "cross_entropy, mean"


def test_weights_that_are_none_are_refused_in_one_line() -> None:
    words = r"cross_entropy takes weight non-negative, a list, one for each class; got"
    for wrong in ([1.0, -1.0], "abc", 0.5, [1.0]):
        with pytest.raises(UsageError, match=words):
            settled(weighted, {"weight": wrong})
    with pytest.raises(UsageError, match="named 'wieght'; did you mean weight"):
        settled(of_three, {"wieght": [1.0, 2.0, 3.0]})


class Other:
    """Right without weights, whatever it carries; of three classes only, if so made."""

    def __init__(self, one: bool = False, **carried: Any) -> None:
        self.one = one
        vars(self).update(carried)

    def __call__(self, logits: Any, labels: Any) -> Any:
        return of_three(logits, labels) if self.one else weighted(logits, labels, np.ones(9))

    @property
    def weights(self) -> Any:
        raise RuntimeError("not fitted yet")


@pytest.mark.parametrize(("one", "sizes"), [(False, {}), (True, {"C": 3})])
def test_what_only_bears_a_vague_name_is_not_held(one: bool, sizes: dict[str, int]) -> None:
    found = settled(Other(one, w=[3.0, 1.0, 2.0, 5.0, 1.0]))
    assert found.implementation.held == {}
    assert found.implementation.sizes == sizes
    said = "weight: what it carries by this name is something else, and is not examined"
    assert said in found.notes


class Summand:
    """Its weight is for whoever adds it to other losses."""

    weight = 0.5

    def __call__(self, logits: Any, target: Any) -> Any:
        tail = np.log1p(np.exp(-np.abs(logits)))
        return np.mean(np.maximum(logits, 0) - logits * target + tail)


def test_one_number_called_weight_need_not_be_that_of_the_loss() -> None:
    found = settled(Summand(), loss="binary_cross_entropy_with_logits")
    assert found.implementation.held == {}
    assert found.implementation.reductions == ("mean",)


def test_weights_that_are_carried_by_a_plain_name_or_stated_and_ignored_fail() -> None:
    how: dict[str, Any] = {"loss": "cross_entropy", "backend": "numpy", "checks": ["value"]}
    for found in (
        lossproof.check(Other(class_weight=[3.0, 1.0, 2.0]), dtypes=["float64"], **how),
        lossproof.check(Other(), dtypes=["float64"], fix={"weight": [3.0, 1.0, 2.0]}, **how),
    ):
        assert [r.status for r in found] == ["failed"]


def _with_an_empty_cell() -> Any:
    box: dict[str, Any] = {}

    def outer(fill: bool) -> None:
        if fill:
            late = 0.0

        def loss(logits: Any, labels: Any) -> Any:
            return weighted(logits, labels, np.ones(9)) if len(logits) else late

        box["loss"] = loss

    outer(fill=False)
    return box["loss"]


@pytest.mark.parametrize(
    "function",
    [
        Other(weight="heavy"), Other(class_weights=["1", "2", "3"]), Other(weight=[True, False]),
        Other(weight={0: 1.0}), Other(keywords=None), Other(weight=np.ones(2**15)),
        Other(weight=[-1.0, 2.0]), Other(weight=[np.nan, 2.0]), _with_an_empty_cell(),
    ],
)  # fmt: skip
def test_what_is_carried_may_be_anything(function: Any) -> None:
    assert settled(function).implementation.held == {}


def test_a_method_holds_what_its_object_carries() -> None:
    assert settled(Weighted(WEIGHTS).__call__).implementation.held == {"weight": WEIGHTS}
    assert settled(partial(Weighted(WEIGHTS))).implementation.held == {"weight": WEIGHTS}


def test_one_count_of_classes_is_asked_where_no_other_is_taken() -> None:
    found = settled(of_three)
    assert found.implementation.sizes == {"C": 3}
    (said,) = (n for n in found.notes if "classes" in n)
    assert said.startswith("only 3 classes are asked of it: with 4, IndexError: index 3 is out of")


def test_several_counts_are_no_reason_to_leave_one_out() -> None:
    assert settled(of_few).implementation.sizes == {}


def test_what_is_right_with_its_weights_passes_and_what_is_not_is_told_with_them() -> None:
    how: dict[str, Any] = {"loss": "cross_entropy", "backend": "numpy", "dtypes": ["float64"]}
    right = lossproof.check(Weighted(WEIGHTS), **how)
    assert {r.status for r in right} <= {"passed", "warned", "skipped"}
    assert next(r.status for r in right if r.check == "scale") == "passed"
    wrong = lossproof.check(Weighted(WEIGHTS, rows=True), **how, checks=["value"])
    (value,) = wrong
    assert value.status == "failed"
    assert "weight=[1.0, 2.0, 0.5]" in value.message
    assert (
        "of 6 losses divided by 6, the size of N, where 5.5 (the weights of the labels) is stated"
        in value.message
    )


def test_a_torch_module_is_put_into_every_dtype() -> None:
    torch = pytest.importorskip("torch")
    module = torch.nn.CrossEntropyLoss(weight=torch.tensor(WEIGHTS))
    found = lossproof.check(
        module, loss="cross_entropy", backend="torch", checks=["value", "dtype"]
    )
    assert {(r.check, r.dtype): r.status for r in found} == {
        (check, dtype): "passed"
        for check in ("value", "dtype")
        for dtype in ("float64", "float32", "float16", "bfloat16")
    }
    assert module.weight.dtype == torch.float32


def test_one_number_that_is_held_weighs_every_entry_and_deviations_of_torch_are_inherited() -> None:
    torch = pytest.importorskip("torch")
    module = torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor([3.0]))
    found = lossproof.check(
        module,
        loss="binary_cross_entropy_with_logits",
        backend="torch",
        checks=["value", "gradient.logits"],
        dtypes=["bfloat16"],
    )
    assert {r.check: r.status for r in found} == {"value": "xfailed", "gradient.logits": "passed"}
    assert next(r.reason for r in found if r.status == "xfailed").startswith("inherited from torch")
