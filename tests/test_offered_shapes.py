"""Functions as they come: what they take, return and guard is found out, and the rest told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lossproof.backends import loading
from lossproof.backends.base import Answer
from lossproof.conformance.arrangement import COLUMNS, arranged, normalised
from lossproof.conformance.registry import backend
from lossproof.conformance.settle import Settled, settle
from lossproof.conformance.subject import Subject
from lossproof.spec.loss import get


def settled(function: Any, loss: str, **given: Any) -> Settled:
    claim = loading.claim(function, get(loss), "numpy", **given)
    return settle(claim, get(loss), backend("numpy"))


def subject(found: Settled) -> Subject:
    from lossproof.conformance.effort import EFFORTS

    claim = found.implementation
    return Subject(
        loss=get(claim.loss), implementation=claim, backend=backend("numpy"), dtype="float64",
        device="cpu", effort=EFFORTS["default"],
    )  # fmt: skip


def rows(y_true: Any, y_pred: Any) -> Any:
    return np.mean((y_pred - y_true) ** 2, axis=-1)


def matrices(y_pred: Any, y_true: Any) -> Any:
    if y_pred.ndim != 2:
        raise ValueError("expected (N, D)")
    return np.mean((y_pred - y_true) ** 2)


def lines(y_pred: Any, y_true: Any) -> Any:
    if y_pred.ndim != 1:
        raise ValueError("expected (N,)")
    return np.mean((y_pred - y_true) ** 2)


def columns(y_pred: Any, y_true: Any) -> Any:
    if y_pred.shape[1] != 1:
        raise ValueError("expected (N, 1)")
    return (y_pred - y_true) ** 2


def slope(cotangent: Any, y_pred: Any, y_true: Any) -> Any:
    return 2 * cotangent * (y_pred - y_true) / len(y_pred) / len(y_pred[0])


@pytest.mark.parametrize(
    ("function", "kind", "reductions"),
    [
        (columns, "column", ("none",)),
        (rows, "rows", ("none", "mean")),
        (matrices, "matrix", ("mean",)),
        (lines, "flat", ("mean",)),
    ],
)
def test_the_shapes_that_a_function_takes_are_found_out(
    function: Any, kind: str, reductions: tuple[str, ...]
) -> None:
    found = settled(function, "mse")
    assert found.implementation.arranged == kind
    assert found.implementation.reductions == reductions


def test_two_axes_are_asked_where_only_the_gradient_needs_them() -> None:
    found = settled(lambda y_pred, y_true: np.mean((y_pred - y_true) ** 2), "mse", backward=slope)
    assert found.implementation.arranged == "matrix"
    (said,) = [n for n in found.notes if n.startswith("only arrays of two axes are asked of it")]
    assert "at shape (" in said
    assert "noted, not failed: TypeError: object of type 'numpy.float64' has" in said
    assert (
        not subject(found)
        .judge(subject(found).maker.question(3, reduction="mean"), "gradient.prediction")
        .violations.any()
    )


@pytest.mark.parametrize("function", [rows, matrices, lines, columns])
def test_a_question_is_answered_in_its_own_shape(function: Any) -> None:
    one = subject(settled(function, "mse"))
    for reduction in one.reductions:
        question = one.maker.question(3, reduction=reduction)
        assert not one.judge(question, "value").violations.any()


@pytest.mark.parametrize("size", [0, 1, 6, 7, 8, 33])
def test_every_number_of_entries_makes_a_matrix(size: int) -> None:
    given = {"prediction": np.arange(size), "target": np.arange(size)}
    found = arranged("matrix", given, np.zeros(size), reduced=False, whole=False)
    assert found is not None
    shape = found.arguments["prediction"].shape
    assert len(shape) == 2
    assert shape[1] in COLUMNS
    assert np.prod(shape) == size
    assert found.cotangent.shape == shape


def test_arrays_of_other_shapes_are_left_as_they_are() -> None:
    given = {"prediction": np.zeros(3), "target": np.zeros((3, 1))}
    assert arranged("matrix", given, None, reduced=True, whole=True) is None


def tuples(input: Any, target: Any) -> Any:
    return np.abs(input - target), "more"


def dicts(input: Any, target: Any) -> Any:
    return {"accuracy": 1.0, "loss": np.abs(input - target)}


@pytest.mark.parametrize(
    ("function", "note"),
    [
        (tuples, "it returns a tuple of 2: the first is examined"),
        (dicts, "it returns a dict: 'loss' is examined"),
    ],
)
def test_the_loss_is_taken_out_of_what_is_returned(function: Any, note: str) -> None:
    found = settled(function, "mae")
    assert note in found.notes
    one = subject(found)
    assert not one.judge(one.maker.question(1), "value").violations.any()


def single(y_pred: Any, y_true: Any) -> Any:
    if y_pred.dtype != np.float32:
        raise TypeError(f"expected float32, got {y_pred.dtype}")
    return np.mean(np.abs(y_pred - y_true))


def test_dtypes_that_are_refused_are_not_asked() -> None:
    assert settled(single, "mae").implementation.dtypes == ("float32",)


def floored(y_pred: Any, y_true: Any) -> Any:
    with np.errstate(divide="ignore"):
        a, b = (np.maximum(np.log(v), -100.0) for v in (y_pred, 1 - y_pred))
    return -(y_true * a + (1 - y_true) * b)


def test_a_floor_of_logarithms_is_told_by_the_ends_of_the_domain() -> None:
    assert settled(floored, "binary_cross_entropy").implementation.dialect["log_floor"] == -100.0


def guarded(y_pred: Any, y_true: Any, eps: float = 1e-8) -> Any:
    return -(y_true * np.log(y_pred + eps) + (1 - y_true) * np.log(1 - y_pred + eps))


def clamped(y_pred: Any, y_true: Any, eps: float = 1e-7) -> Any:
    p = np.clip(y_pred, eps, 1 - eps)
    return -(y_true * np.log(p) + (1 - y_true) * np.log(1 - p))


def test_a_guard_is_held_at_its_own_default() -> None:
    found = settled(guarded, "binary_cross_entropy")
    assert found.implementation.dialect["eps"] == 1e-8
    assert "eps" not in (found.implementation.options or ())
    assert "eps is held at 1e-08, its default: at 0 it guards nothing" in found.notes
    assert found.implementation.dtypes == ("float64", "float32", "bfloat16")


def test_an_eps_that_is_a_clamp_is_not_that_of_the_loss() -> None:
    found = settled(clamped, "binary_cross_entropy")
    assert "eps" not in (found.implementation.options or ())
    assert any("another guard" in note for note in found.notes)


def switched(log_probs: Any, target: Any, reduce: bool = True) -> Any:
    found = -log_probs[np.arange(len(target)), target]
    return found.sum() if reduce else found


def test_a_switch_is_no_reduction() -> None:
    found = settled(switched, "nll").implementation
    assert not found.reducible
    assert found.reductions == ("sum",)


def weighing(logits: Any, labels: Any, weight: Any = None, class_weight: Any = None) -> Any:
    z = logits - logits.max(axis=1, keepdims=True)
    losses = -(z - np.log(np.exp(z).sum(axis=1, keepdims=True)))[np.arange(len(labels)), labels]
    losses = losses if class_weight is None else losses * class_weight[labels]
    return losses if weight is None else losses * weight


def test_beside_a_class_weight_the_weight_is_that_of_samples() -> None:
    found = settled(weighing, "cross_entropy")
    assert "weight = class_weight (alias)" in found.implementation.bound
    assert found.implementation.optional == ("weight",)


def by_sample(logits: Any, labels: Any, weight: Any = None) -> Any:
    if weight is not None and weight.shape != labels.shape:
        raise ValueError("a weight for each sample is wanted")
    return weighing(logits, labels, weight)


def test_a_weight_that_takes_other_arrays_is_not_examined() -> None:
    found = settled(by_sample, "cross_entropy")
    assert found.implementation.optional == ()
    assert "weight: its parameter means something else, and is not examined" in found.notes


def forecasts(target: Any, forecast: Any) -> Any:
    return np.abs(target - forecast)


def test_a_forecast_is_a_prediction() -> None:
    assert settled(forecasts, "mae").implementation.bound == "prediction = forecast (alias)"


def log_probabilities(
    log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int = 0
) -> Any:
    from lossproof.backends.numpy_.ctc import ctc

    assert np.allclose(np.exp(log_probs.astype(np.float64)).sum(axis=-1), 1.0, atol=1e-2)
    return ctc(log_probs, targets, input_lengths, target_lengths, blank=blank, reduction="none")


def test_log_probabilities_are_given_where_their_name_asks_for_them() -> None:
    found = settled(log_probabilities, "ctc")
    assert found.implementation.arranged == "logs"
    assert "logits: log_probs are log-probabilities, and are given as such" in found.notes
    one = subject(found)
    assert not one.judge(one.maker.question(2), "value").violations.any()


def test_a_gradient_in_log_probabilities_is_pulled_back_to_logits() -> None:
    logits = np.array([[1.0, 2.0, -3.0]])
    found = normalised("logits", {"logits": logits}, None)
    p = np.exp(found.arguments["logits"])
    slope = np.array([[-1.0, 0.0, 0.0]])  # of -log p at the first class
    pulled = found.back(Answer(value=np.zeros(1), gradients={"logits": slope})).gradients["logits"]
    np.testing.assert_allclose(pulled, p + slope, rtol=1e-14)


def looking_up(log_probs: Any, target: Any, ignore_index: int = 0) -> Any:
    found = -np.take_along_axis(log_probs, np.asarray(target)[:, None], axis=1)[:, 0]
    return np.where(target == ignore_index, 0.0, found).astype(log_probs.dtype)


def test_a_label_that_is_looked_up_first_is_ignored_only_if_it_is_a_class() -> None:
    found = settled(looking_up, "nll")
    assert found.implementation.dialect["ignore_index"] == 1
    assert any(note.startswith("ignore_index = -100 is not offered") for note in found.notes)
    assert all(s["ignore_index"] == 1 for s in subject(found).option_sets)


def balancing(logits: Any, target: Any, alpha: float = 0.25, gamma: float = 2.0) -> Any:
    s = np.where(target == 1, logits, -logits)
    losses = np.logaddexp(0, -s) * np.exp(-gamma * np.logaddexp(0, s))
    return np.where(target == 1, alpha, 1 - alpha) * losses


def test_a_choice_that_is_refused_is_not_asked() -> None:
    found = settled(balancing, "sigmoid_focal")
    assert found.implementation.refused == {"alpha": (None,)}
    assert all(s.get("alpha", 0.25) is not None for s in subject(found).option_sets)


class Triplet:
    def __init__(self, margin: float = 1.0, p: float = 2.0) -> None:
        self.margin, self.p = margin, p

    def __call__(self, a: Any, p: Any, n: Any) -> Any:
        near, far = (np.linalg.norm(a - x, ord=self.p, axis=1) for x in (p, n))
        return np.maximum(near - far + self.margin, 0)


def test_a_norm_and_a_positive_may_both_be_called_p() -> None:
    found = settled(Triplet, "triplet_margin")
    assert "positive = p (alias)" in found.implementation.bound
    assert found.implementation.options == ("margin",)


def test_the_reduction_of_the_last_axis_is_said_to_be_over_that_axis() -> None:
    found = settled(lambda y_pred, y_true: np.mean((y_pred - y_true) ** 2, axis=-1), "mse")
    assert "reduction: it has no such parameter, and over that axis is 'mean'" in found.notes
