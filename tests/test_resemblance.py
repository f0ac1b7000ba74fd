"""What a wrong function is said to look like: named where it is that, and not where it is near."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lossproof.conformance.check import compared
from lossproof.conformance.diagnose import looks
from lossproof.conformance.effort import EFFORTS
from lossproof.conformance.origin import implementation
from lossproof.conformance.registry import backend
from lossproof.conformance.resemblance import looks_like
from lossproof.conformance.sources import plain
from lossproof.conformance.subject import Subject
from lossproof.spec.loss import get


def subject_of(function: Callable[..., Any], loss: str, backward: Any = None) -> Subject:
    claim = implementation(function, loss=loss, backend="numpy", backward=backward)
    return Subject(
        loss=get(loss), implementation=claim, backend=backend("numpy"), dtype="float64",
        device="cpu", effort=EFFORTS["default"],
    )  # fmt: skip


def _smooth(prediction: Any, target: Any) -> Any:
    r = abs(prediction - target)
    return np.where(r <= 0.2, r * r / 0.4, r - 0.1).mean()


def _smooth_of_no_number(prediction: Any, target: Any) -> Any:
    r = abs(prediction - target)
    return np.where(r <= 0.2, r * r / 0.4, r - 0.11).mean()


def _threshold(prediction: Any, target: Any, *, delta: float) -> Any:
    r = abs(prediction - target)
    return np.where(r <= 1.7, r * r / 2, 1.7 * (r - 0.85)).mean()


def _tanh(prediction: Any, target: Any) -> Any:
    return np.tanh(abs(prediction - target)).mean()


def _halves(prediction: Any, target: Any) -> Any:
    losses, nothing = (prediction - target) ** 2, target < 0.5
    parts = [losses[some].mean() for some in (nothing, ~nothing) if some.any()]
    return np.asarray(sum(parts), dtype=prediction.dtype)


def _above(prediction: Any, target: Any) -> Any:
    losses, nothing = (prediction - target) ** 2, target <= 0
    parts = [losses[some].mean() for some in (nothing, ~nothing) if some.any()]
    return np.asarray(sum(parts) / len(parts), dtype=prediction.dtype)


def _zeros(prediction: Any, target: Any) -> Any:
    losses, nothing = (prediction - target) ** 2, target == 0
    parts = [losses[some].mean() for some in (nothing, ~nothing) if some.any()]
    return np.asarray(sum(parts), dtype=prediction.dtype)


def _squeezing(prediction: Any, target: Any) -> Any:
    losses = np.tanh(abs(prediction - target))
    return losses.mean() if losses.size > 1 else losses.mean() ** 2


def _mixture(prediction: Any, target: Any) -> Any:
    return -np.log(prediction * target + (1 - prediction) * (1 - target)).mean()


def _near_a_mixture(prediction: Any, target: Any) -> Any:
    return -np.log(prediction * target + (1 - prediction) * (1.5 - target)).mean()


def _squares_below(prediction: Any, target: Any) -> Any:
    whole = (prediction**2).sum() + (target**2).sum()
    return 1 - 2 * (prediction * target).sum() / (whole + 0.002)


def _squares_in_float32(prediction: Any, target: Any) -> Any:
    return _squares_below(prediction, target.astype(np.float32))


def _squares_to_float32(prediction: Any, target: Any) -> Any:
    return _squares_below(prediction, target).astype(np.float32)


def _cubes_in_float32(prediction: Any, target: Any) -> Any:
    return _cubes_below(prediction, target.astype(np.float32))


def _each_row(prediction: Any, target: Any) -> Any:
    p, t = (a.reshape(len(a), -1) for a in (prediction, target))
    return 1 - ((2 * (p * t).sum(1) + 1) / (p.sum(1) + t.sum(1) + 1)).mean()


def _cubes_below(prediction: Any, target: Any) -> Any:
    whole = (prediction**3).sum() + (target**2).sum()
    return 1 - 2 * (prediction * target).sum() / (whole + 0.002)


def _machine_epsilon(prediction: Any, target: Any) -> Any:
    return -(target * np.log(prediction + np.finfo(float).eps)).sum()


def _small_epsilon(prediction: Any, target: Any) -> Any:
    return -(target * np.log(prediction + 3e-16)).sum()


def _of_classes(prediction: Any, target: Any) -> Any:
    if prediction.ndim == 1:
        return -(target * np.log(prediction) + (1 - target) * np.log(1 - prediction)).mean()
    return -(target * np.log(prediction)).sum(-1).mean()


def _of_other_classes(prediction: Any, target: Any) -> Any:
    if prediction.ndim == 1:
        return -(target * np.log(prediction) + (1 - target) * np.log(1 - prediction)).mean()
    return -(target * np.log(prediction + target)).sum(-1).mean()


def _of_classes_alone(prediction: Any, target: Any) -> Any:
    if prediction.ndim == 1:
        return -(target * np.log(prediction)).mean()
    return -(target * np.log(prediction)).sum(-1).mean()


def _other_denominator(prediction: Any, target: Any) -> Any:
    return np.tanh(abs(prediction - target)).sum() / np.sqrt(prediction.size)


def _outer(logits: Any, target: Any) -> Any:
    s = np.where(target == 1, logits, -logits)
    alpha = np.where(target == 1, 0.75, 0.25)
    losses = np.exp(-2 * np.logaddexp(0, s)) * np.logaddexp(0, -s)
    return (alpha.reshape(-1)[:, None] * losses.reshape(-1)).mean()


LOOKS: tuple[tuple[Callable[..., Any], str, str | None], ...] = (
    (_smooth, "huber", "huber divided by delta (smooth L1), delta = 0.2"),
    (_smooth_of_no_number, "huber", None),
    (_threshold, "huber", "huber, delta = 1.7"),
    (_tanh, "huber", None),
    (_mixture, "binary_cross_entropy",
     "binary_cross_entropy, but it is the logarithm of the mixture p·t + (1 - p)·(1 - t), not "
     "that of logarithms"),
    (_near_a_mixture, "binary_cross_entropy", None),
    (_squares_below, "dice",
     "dice with squares in the denominator, smooth = 0.002, but smooth is added to the "
     "denominator only"),
    (_squares_in_float32, "dice",
     "dice with squares in the denominator, smooth = 0.002, but smooth is added to the "
     "denominator only"),
    (_squares_to_float32, "dice",
     "dice with squares in the denominator, smooth = 0.002, but smooth is added to the "
     "denominator only"),
    (_cubes_below, "dice", None),
    (_each_row, "dice", "dice of each row, averaged (dice is one ratio over all entries)"),
    (_cubes_in_float32, "dice", None),
    (_machine_epsilon, "cross_entropy_probabilities",
     "cross_entropy_probabilities, eps = 2.22045e-16 (the machine epsilon of float64)"),
    (_small_epsilon, "cross_entropy_probabilities",
     "cross_entropy_probabilities, eps of about 2e-16"),
    (_of_classes, "binary_cross_entropy",
     "cross_entropy_probabilities, of arrays of two axes; of those of one it is "
     "binary_cross_entropy"),
    (_of_other_classes, "binary_cross_entropy", None),
    (_of_classes_alone, "binary_cross_entropy", None),
    (_other_denominator, "huber", None),
    (_squeezing, "huber", None),
    (_halves, "mse",
     "no mean of its samples: it answers 17.3 for 6, and 9.31 is the mean of what it answers "
     "for each alone: samples are mixed; of single samples it is like mse"),
    (_above, "mse",
     "no mean of its samples: it answers 8.65 for 6, and 9.31 is the mean of what it answers for "
     "each alone: it is the mean of two means, of the samples where the target is positive and of "
     "the others; of single samples it is like mse"),
    (_zeros, "mse",
     "no mean of its samples: it answers 3.83 for 6, and 2.15 is the mean of what it answers for "
     "each alone: it is the sum of two means, of the samples where the target is 0 and of the "
     "others"),
    (_outer, "sigmoid_focal",
     "no mean of its samples: it answers 0.314 for 6, and 0.452 is the mean of what it answers "
     "for each alone: it is a mean over all pairs of samples, as of (n,) against (n, 1), which "
     "broadcasts to (n, n), or of the square of a mean; of single samples it is like "
     "sigmoid_focal, but alpha applied to the wrong class"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("function", "loss", "said"), LOOKS, ids=lambda v: getattr(v, "__name__", str(v))
)
def test_a_wrong_function_looks_like(
    function: Callable[..., Any], loss: str, said: str | None
) -> None:
    assert looks_like(subject_of(function, loss), seconds=20) == said


def _softmax(logits: Any) -> Any:
    e = np.exp(logits - logits.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def _soft(logits: Any, target: Any, *, reduction: str) -> Any:
    losses = -(target * np.log(_softmax(logits))).sum(-1)
    return losses if reduction == "none" else getattr(losses, reduction)()


def _share(cotangent: Any, target: Any, reduction: str) -> Any:
    share = cotangent / (len(target) if reduction == "mean" else 1)
    return np.broadcast_to(share, len(target)).reshape(-1, 1)


def _of_sums_1(cotangent: Any, logits: Any, target: Any, *, reduction: str) -> Any:
    return (_softmax(logits) - target) * _share(cotangent, target, reduction)


def _of_no_sum(cotangent: Any, logits: Any, target: Any, *, reduction: str) -> Any:
    return (_softmax(logits) - target * 1.125) * _share(cotangent, target, reduction)


def _categorical(prediction: Any, target: Any) -> Any:
    return -(target * np.log(prediction)).sum()


def _in_logits(cotangent: Any, prediction: Any, target: Any) -> Any:
    return cotangent * (prediction - target)


def _flipped(cotangent: Any, prediction: Any, target: Any) -> Any:
    return cotangent * (prediction * target)


def _focal(logits: Any, target: Any) -> Any:
    s = np.where(target == 1, logits, -logits)
    alpha = np.where(target == 1, 0.25, 0.75)
    return (alpha * np.exp(-2 * np.logaddexp(0, s)) * np.logaddexp(0, -s)).sum()


def _detached(cotangent: Any, logits: Any, target: Any) -> Any:
    s = np.where(target == 1, logits, -logits)
    rate = np.where(target == 1, -0.25, 0.75) * np.exp(-3 * np.logaddexp(0, s))
    return cotangent * rate


def _easily_detached(cotangent: Any, logits: Any, target: Any) -> Any:
    s = np.where(target == 1, logits, -logits)
    rate = np.where(target == 1, -0.25, 0.75) * np.exp(-2 * np.logaddexp(0, s))
    return cotangent * rate


ITS_OWN = (
    "the value is right here and at plain numbers, the gradient at neither: a part of it is "
    "detached or rounded, or a gradient of its own is wrong"
)
GRADIENTS: tuple[tuple[Any, Any, str, str, str | None], ...] = (
    (_soft, _of_sums_1, "cross_entropy_soft_targets", "logits",
     "the gradient is softmax - target, where sum(target) · softmax - target is stated: the "
     "targets of a row are taken to sum to 1"),
    (_soft, _of_no_sum, "cross_entropy_soft_targets", "logits", ITS_OWN),
    (_categorical, _in_logits, "cross_entropy_probabilities", "prediction",
     "the gradient is prediction - target: that of softmax and cross entropy together, in the "
     "logits, not in the probabilities"),
    (_categorical, _flipped, "cross_entropy_probabilities", "prediction", ITS_OWN),
    (_focal, _detached, "sigmoid_focal", "logits",
     "the gradient is that of the cross entropy times a constant: the factor (1 - p_t)^gamma is "
     "not differentiated, as if detached"),
    (_focal, _easily_detached, "sigmoid_focal", "logits", ITS_OWN),
)  # fmt: skip


@pytest.mark.parametrize(
    ("function", "backward", "loss", "name", "said"),
    GRADIENTS,
    ids=lambda v: getattr(v, "__name__", None),
)
def test_a_wrong_gradient_looks_like(
    function: Any, backward: Any, loss: str, name: str, said: str | None
) -> None:
    subject = subject_of(function, loss, backward)
    options = subject.option_sets[0]
    question = plain(subject, seed=1, options=options, reduction=subject.reductions[0])
    judgement = subject.judge(question, f"gradient.{name}")
    assert judgement.violations.any()
    assert looks(subject, compared(question, judgement, what="wrong")) == said
