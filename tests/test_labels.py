"""A function that carries a number for each label, or channel, is asked in rows of so many."""

from __future__ import annotations

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

BCE = "binary_cross_entropy_with_logits"
WEIGHTS = (0.5, 2.0, 3.0)


def settled(function: Any, fixed: Any = None) -> Settled:
    claim = loading.claim(function, get(BCE), "numpy", fixed=fixed)
    return settle(claim, get(BCE), backend("numpy"))


def terms(logits: Any, target: Any, positive: Any = 1.0, negative: Any = 1.0) -> Any:
    tail = np.log1p(np.exp(-np.abs(logits)))
    hit, missed = tail + np.maximum(-logits, 0), tail + np.maximum(logits, 0)
    return positive * target * hit + negative * (1 - target) * missed


def naive(logits: Any, target: Any, positive: Any) -> Any:
    p = 1 / (1 + np.exp(-logits))
    return -(positive * target * np.log(p) + (1 - target) * np.log(1 - p))


class Labels:
    """Weights of positives; `how` they are put to use, and what is made of the losses."""

    def __init__(self, how: str = "rightly", weights: Any = WEIGHTS, mean: bool = True) -> None:
        self.pos_weight, self.how, self.mean = np.asarray(weights), how, mean

    def __call__(self, logits: Any, target: Any) -> Any:
        c = self.pos_weight.astype(logits.dtype)
        losses = {
            "rightly": lambda: terms(logits, target, c),
            "not at all": lambda: terms(logits, target),
            "in another order": lambda: terms(logits, target, c[::-1]),
            "of negatives": lambda: terms(logits, target, negative=c),
            "the first": lambda: terms(logits, target, c[0]),
            "for all of it": lambda: c * terms(logits, target),
            "naively": lambda: naive(logits, target, c),
        }[self.how]()
        return losses.mean() if self.mean else losses


class Exchanged(Labels):
    """Takes the target first."""

    def __call__(self, logits: Any, target: Any) -> Any:
        return super().__call__(target, logits)


CHANNELS = Labels(weights=np.reshape(WEIGHTS, (3, 1, 1)))


@pytest.mark.parametrize("mean", [True, False])
@pytest.mark.parametrize(
    ("weights", "arranged"),
    [
        (WEIGHTS, None),
        (np.reshape(WEIGHTS, (3, 1)), "sequences"),
        (np.reshape(WEIGHTS, (3, 1, 1)), "images"),
        (np.reshape(WEIGHTS, (3, 1, 1, 1)), "volumes"),
    ],
)
def test_numbers_of_labels_are_part_of_every_question(
    weights: Any, arranged: str | None, mean: bool
) -> None:
    found = settled(Labels(weights=weights, mean=mean))
    assert found.implementation.held == {"pos_weight": WEIGHTS}
    assert found.implementation.arranged == arranged
    assert "pos_weight is [0.5, 2.0, 3.0] in every question: arrays are asked in rows of 3" in (
        found.notes
    )
    assert found.implementation.reductions == ("mean" if mean else "none",)


@pytest.mark.parametrize("function", [Labels(), Labels(mean=False), CHANNELS])
def test_what_is_right_with_them_passes(function: Any) -> None:
    found = lossproof.check(function, loss=BCE, backend="numpy", dtypes=["float32"])
    assert {r.status for r in found} <= {"passed", "skipped"}
    looked = {r.check for r in found if r.status == "passed"}
    assert {"value", "layout", "special_values", "shapes", "properties", "overflow"} <= looked


@pytest.mark.parametrize("mean", [True, False])
@pytest.mark.parametrize(
    "how", ["not at all", "in another order", "of negatives", "the first", "for all of it"]
)
def test_what_puts_them_to_another_use_fails(how: str, mean: bool) -> None:
    (found,) = lossproof.check(
        Labels(how, mean=mean), loss=BCE, backend="numpy", dtypes=["float32"], checks=["value"]
    )
    assert found.status == "failed"
    # whole rows are shown, as few as show it
    assert "pos_weight=[0.5, 2.0, 3.0]," in found.message
    assert "does not fail so alone" not in found.message


class Turned(Labels):
    """Right for images of one row or column only: it compares with the target turned round."""

    def __call__(self, logits: Any, target: Any) -> Any:
        turned = np.swapaxes(target, -1, -2).reshape(target.shape)
        return super().__call__(logits, turned)


class Deep(Labels):
    """Right for arrays of two axes only."""

    def __call__(self, logits: Any, target: Any) -> Any:
        losses = terms(logits, target, self.pos_weight.astype(logits.dtype))
        return losses.sum(tuple(range(1, losses.ndim - 1))).mean()


class Flat(Deep):
    """Takes no arrays but of two axes."""

    def __call__(self, logits: Any, target: Any) -> Any:
        if logits.ndim != 2:
            raise ValueError(f"expected 2 dimensions, got {logits.ndim}")
        return super().__call__(logits, target)


def test_images_have_more_than_one_row_and_column() -> None:
    (found,) = lossproof.check(
        Turned(weights=np.reshape(WEIGHTS, (3, 1, 1)), mean=False), loss=BCE, backend="numpy",
        dtypes=["float64"], checks=["value"],
    )  # fmt: skip
    assert found.status in ("failed", "errored")


def test_labels_of_more_than_two_axes_are_asked_where_they_are_not_refused() -> None:
    how: dict[str, Any] = {"loss": BCE, "backend": "numpy", "checks": ["shapes"]}
    (found,) = lossproof.check(Deep(), dtypes=["float64"], **how)
    assert found.status == "failed"
    assert "(2, 2, 3)" in found.message
    (found,) = lossproof.check(Flat(), dtypes=["float64"], **how)
    assert found.status == "passed"
    said = [n for n in settled(Flat()).notes if n.startswith("only arrays of two axes")]
    assert said == [
        "only arrays of two axes are asked of it: at shape (2, 4, 3) it raises, which is noted, "
        "not failed: ValueError: expected 2 dimensions, got 3"
    ]


@pytest.mark.parametrize("head", [[1.0, 0.5, 0.25], [0.9, 0.5, 0.25]])
def test_a_vector_called_weight_need_not_be_that_of_the_labels(head: Any) -> None:
    function = Labels("not at all")
    del function.pos_weight
    function.pos_weight = np.float64(1.0)  # of the loss, and does nothing
    function.weight = np.asarray(head)  # type: ignore[attr-defined]
    assert settled(function).implementation.held == {"pos_weight": (1.0,)}


def test_one_plain_number_is_carried_and_stated_as_an_array_is() -> None:
    assert settled(Labels(), {"pos_weight": 2}).implementation.held == {"pos_weight": (2.0,)}
    function = Labels()
    function.pos_weight = 2.0  # type: ignore[assignment]
    assert settled_held(function) == {"pos_weight": (2.0,)}


def settled_held(function: Any) -> Any:
    return loading.claim(function, get(BCE), "numpy").held


def test_doubtful_numbers_of_another_width_are_left_out() -> None:
    function = Labels()
    function.weight = np.ones(5)  # type: ignore[attr-defined]
    assert settled(function).implementation.held == {"pos_weight": WEIGHTS}


def test_numbers_that_the_user_states_are_handed_over() -> None:
    def loss(logits: Any, target: Any, pos_weight: Any) -> Any:
        return terms(logits, target, pos_weight).mean()

    found = settled(loss, {"pos_weight": [4.0, 0.25]})
    assert found.implementation.held == {"pos_weight": (4.0, 0.25)}
    (value,) = lossproof.check(
        loss, loss=BCE, backend="numpy", fix={"pos_weight": [4.0, 0.25]}, checks=["value"],
        dtypes=["float64"],
    )  # fmt: skip
    assert value.status == "passed"


def test_numbers_that_do_not_fit_are_refused_in_one_line() -> None:
    words = "non-negative, one number, or a list, one for each label; got"
    with pytest.raises(UsageError, match=words):
        settled(Labels(), {"pos_weight": [1.0, -1.0]})
    with pytest.raises(UsageError, match="but 3 of pos_weight and 2 of weight; --fix states"):
        settled(Labels(), {"weight": [1.0, 2.0]})


def test_what_carries_them_is_identified_with_them() -> None:
    def first(function: Any) -> str:
        claims = (loading.claim(function, get(name), "numpy") for name in (BCE, "sigmoid_focal"))
        return next(told(identify(claims, backend("numpy"))))

    assert first(Labels(mean=False)) == f"{BCE}, not reduced"
    # a loss of which one method calls another is exchanged once, and not twice
    assert "swapped" not in first(Labels("naively", weights=2.0))
    assert first(Exchanged(weights=2.0)) == f"{BCE} with arguments swapped, mean"


def test_torch_modules_of_labels_and_of_channels_pass() -> None:
    torch = pytest.importorskip("torch")
    weights = torch.tensor(WEIGHTS)
    how: dict[str, Any] = {"loss": BCE, "backend": "torch", "dtypes": ["float32"]}
    for module in (
        torch.nn.BCEWithLogitsLoss(pos_weight=weights),
        torch.nn.BCEWithLogitsLoss(pos_weight=weights.reshape(3, 1, 1)),
    ):
        found = lossproof.check(module, **how)
        assert {r.status for r in found} <= {"passed", "skipped", "xfailed"}
        assert "passed" in {r.status for r in found if r.check == "transformations"}
