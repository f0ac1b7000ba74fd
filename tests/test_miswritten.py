"""Formulas that are often miswritten are named, and those that are only near to one are not."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from lossproof.conformance.cli import main

HEAD = """
import numpy as np

def log_softmax(z, axis=-1):
    z = z - z.max(axis, keepdims=True)
    return z - np.log(np.exp(z).sum(axis, keepdims=True))

def reduced(losses, reduction):
    return losses if reduction == "none" else getattr(losses, reduction)()

def own(a, labels):
    return a[np.arange(len(labels)), labels]

"""
HUBER = """
def loss(prediction, target, *, delta=1.0, reduction="mean"):
    r = np.abs(prediction - target)
    return reduced(np.where(r <= delta, {near}, {far}), reduction)
"""
GAUSSIAN = """
def loss(prediction, target, var, *, eps=1e-6, reduction="mean"):
    r = prediction - target
    return reduced({value}, reduction)
"""
MARGIN = """
def loss(logits, labels, *, margin=1.0, reduction="mean"):
    hinge = np.maximum(0, margin - own(logits, labels)[:, None] + logits)
    {body}
"""
MULTI = {
    "true": "return reduced(hinge.sum(1) / logits.shape[1], reduction)",
    "fewer": "hinge[np.arange(len(labels)), labels] = 0\n"
    "    return reduced(hinge.sum(1) / max(logits.shape[1] - 1, 1), reduction)",
    "twice": "hinge[np.arange(len(labels)), labels] *= 2\n"
    "    return reduced(hinge.sum(1) / logits.shape[1], reduction)",
}
BINARY = """
def loss(logits, target, pos_weight=None, *, reduction="mean"):
    a = target * np.logaddexp(0, -logits)
    b = (1 - target) * np.logaddexp(0, logits)
    c = 1 if pos_weight is None else pos_weight
    return reduced({value}, reduction)
"""
SMOOTHED = """
def loss(logits, labels, weight=None, *, label_smoothing=0.0, reduction="mean"):
    if np.any((labels < 0) | (labels >= logits.shape[1])):
        raise ValueError("labels")
    lp = log_softmax(logits)
    w = np.ones(logits.shape[1], logits.dtype) if weight is None else weight
    one = -own(lp, labels) * w[labels]
    a = (1 - label_smoothing) * one - label_smoothing * {rest}
    return a.sum() / w[labels].sum() if reduction == "mean" else reduced(a, reduction)
"""
PADDED = """
def loss(logits, labels, *, reduction="mean"):
    if np.any((labels < 0) | (labels >= logits.shape[1])):
        raise ValueError("labels")
    a = np.where(labels == {label}, 0, -own(log_softmax(logits), labels))
    return a.sum() / (labels != {label}).sum() if reduction == "mean" else reduced(a, reduction)
"""
OVER_THE_BATCH = """
def loss(logits, labels):
    p = np.exp(log_softmax(logits, 0))
    return -np.log(own(p, labels) + {guard}).mean()
"""
CONTRASTIVE = """
def loss(query, key, *, temperature=1.0, reduction="mean"):
    s = query @ key.T / temperature
    s = s - s.max(1, keepdims=True)
    e = np.exp(s)
    a = np.log(e.sum(1) - np.diag(e) * {left}) - np.diag(s)
    return reduced(a, reduction)
"""
FIRST = """
def loss(positive, negative, *, margin=1.0):
    return np.maximum(0, margin - ({mean})).mean()
"""
IGNORED = """
def loss(prediction, target, *, delta=1.0):
    r = np.abs(prediction - target)
    return np.where(r <= 1, r * r / 2, r - 0.5).mean()
"""
UNASKED = """
def loss(first, second, target, *, margin=0.0):
    one, other = np.linalg.norm(first, axis=1), np.linalg.norm(second, axis=1)
    cosine = (first * second).sum(1) / (one * other)
    return np.where(target > 0, 1 - cosine, np.maximum(0, cosine)).mean()
"""
CASES: tuple[tuple[str, str, str | None], ...] = (
    ("huber", HUBER.format(near="r * r / 2", far="r - delta / 2"),
     "its linear part lacks the factor delta: |r| - delta / 2, where delta = 0.25 is asked"),
    ("huber", HUBER.format(near="r * r / 2", far="delta * (r - 0.5)"),
     "its linear part is delta * (|r| - 1/2), not (|r| - delta / 2), where delta = 0.25 is asked"),
    ("huber", HUBER.format(near="r * r / 2", far="delta * r"),
     "its linear part is not lowered by delta / 2: the loss jumps at delta"),
    ("huber", HUBER.format(near="r * r", far="delta * (r - delta / 2)"),
     "its square is not halved"),
    ("huber", HUBER.format(near="r * r / 2", far="r - 0.5"),
     "its linear part is |r| - 1/2 whatever delta is, where delta = 0.25 is asked"),
    ("huber", HUBER.format(near="r * r / 2", far="delta * r - 0.4 * delta"), None),
    ("huber", HUBER.format(near="r * r / 2", far="r / 2"), None),
    ("huber", HUBER.format(near="r * r / 2", far="delta * r - 0.5"), None),
    ("huber",
     HUBER.format(near="r * r / 2", far="delta * (r - delta / 2)")
     .replace("where(r", "where(target - prediction"),
     "delta is compared with target - prediction, not with its absolute value"),
    ("huber", IGNORED, "huber, delta = 1, where delta = 0.25 is asked"),
    ("cosine_embedding", UNASKED, "cosine_embedding, margin = 0, where margin = 0.5 is asked"),
    ("gaussian_nll",
     GAUSSIAN.format(value="np.log(var + eps) / 2 + r * r / (2 * (var + eps))"),
     "eps is added to the variance, which is to be at least eps"),
    ("gaussian_nll",
     GAUSSIAN.format(value="np.log(var + 1e-6) / 2 + r * r / (2 * (var + 1e-6))"), None),
    ("gaussian_nll", GAUSSIAN.format(value="np.log(var + eps) / 2 + r * r / (2 * var + eps)"),
     "eps is added to the variance below the logarithm, and to twice the variance below the "
     "square"),
    ("gaussian_nll",
     GAUSSIAN.format(value="np.log(np.maximum(var, eps)) + r * r / (2 * np.maximum(var, eps))"),
     "the logarithm is not halved"),
    ("gaussian_nll",
     GAUSSIAN.format(value="np.log(np.maximum(var, eps)) / 2 + r * r / np.maximum(var, eps)"),
     "the square is not halved"),
    ("gaussian_nll",
     GAUSSIAN.format(value="np.log(np.maximum(var, eps)) / 2 + r * r / (2 * var ** 2 + eps)"),
     None),
    ("multi_margin", MARGIN.format(body=MULTI["true"]),
     "the true class is in the sum, with a hinge of max(0, margin)"),
    ("multi_margin", MARGIN.format(body=MULTI["fewer"]),
     "divided by the C - 1 other classes, not by C"),
    ("multi_margin", MARGIN.format(body=MULTI["twice"]), None),
    ("binary_cross_entropy_with_logits", BINARY.format(value="c * (a + b)"),
     "pos_weight multiplies the loss of both classes, not that of the positive one alone"),
    ("binary_cross_entropy_with_logits", BINARY.format(value="a + c * b"), None),
    ("binary_cross_entropy_with_logits",
     BINARY.format(value="np.where(target > 0, c * (a + b), a + b)"), None),
    ("cross_entropy", SMOOTHED.format(rest="lp.mean(1)"),
     "the smoothed part is not multiplied by the weights of the classes, where label_smoothing = "
     "0.1"),
    ("cross_entropy", SMOOTHED.format(rest="lp.mean(1) * w[labels] ** 2"), None),
    ("cross_entropy", PADDED.format(label=0),
     "labels of 0 are ignored, as if ignore_index were 0"),
    ("cross_entropy", PADDED.format(label=1), None),
    ("cross_entropy", OVER_THE_BATCH.format(guard="1e-8"),
     "softmax runs over the batch, and 1e-08 is added below the logarithm"),
    ("cross_entropy", OVER_THE_BATCH.format(guard="3e-2"), None),
    ("info_nce", CONTRASTIVE.format(left="1"),
     "the matching key is left out of the sum over all keys, which is to include it"),
    ("info_nce", CONTRASTIVE.format(left="0.5"), None),
    ("pairwise_hinge", FIRST.format(mean="(positive - negative).mean()"),
     "it is the loss of the mean of all samples, which is taken first, not the mean of losses"),
    ("pairwise_hinge", FIRST.format(mean="np.median(positive - negative)"), "samples are mixed"),
)  # fmt: skip
NAMED = [words for _, _, words in CASES if words is not None]


@pytest.mark.parametrize(("loss", "body", "words"), CASES)
def test_what_is_miswritten_is_named(
    loss: str, body: str, words: str | None, tmp_path: Path
) -> None:
    said = checked(loss, body, tmp_path, "--check", "value")
    if words is None:
        assert "failed: " in said
        assert not any(each in said for each in NAMED), said
    else:
        assert words in said, said


CLAMPED = """
def loss(prediction, target):
    return (np.exp({inside}) - target * prediction).mean()

def loss_backward(cotangent, prediction, target):
    slope = cotangent * (np.exp({inside}) * ({open}) - target) / prediction.size
    return slope, -cotangent * prediction / prediction.size
"""


@pytest.mark.parametrize("check", ["value", "gradient.prediction"])
def test_the_place_of_a_clamp_is_named(check: str, tmp_path: Path) -> None:
    body = CLAMPED.format(inside="np.minimum(prediction, 20)", open="prediction < 20")
    said = checked("poisson_nll", body, tmp_path, "--check", check, "--fix", "log_input=True")
    assert "looks    the value is the same for all prediction above 20: clamped there" in said
    other = CLAMPED.format(inside="np.minimum(prediction, 20 + prediction / 99)", open="True")
    said = checked("poisson_nll", other, tmp_path, "--check", check, "--fix", "log_input=True")
    assert "failed: " in said
    assert "clamped there" not in said


ROUNDED = """
def loss(x):
    return np.log(1 + np.exp(x))
"""
STOPS = """
def loss(x):
    return np.where(x > 20, x.dtype.type(90), np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))
"""


@pytest.mark.parametrize("body", [ROUNDED, STOPS])
def test_what_is_rounded_away_or_stops_at_another_number_is_not_clamped(
    body: str, tmp_path: Path
) -> None:
    said = checked("softplus", body, tmp_path, "--check", "value")
    assert "failed: " in said
    assert "clamped there" not in said


HALF = """
def loss(prediction, target):
    return {value}

def loss_backward(cotangent, prediction, target):
    slope = cotangent * {slope}
    return slope, -slope
"""


@pytest.mark.parametrize(
    ("value", "slope", "is_told"),
    [
        ("(prediction - target) ** 2", "(prediction - target) * np.abs(prediction)", True),
        ("(prediction - target) ** 2 * 1.5", "(prediction - target) * np.abs(prediction)", False),
        ("(prediction - target) ** 2", "(prediction - target) * 2.001", False),
    ],
)
def test_a_gradient_of_another_function_is_told_where_the_value_is_right(
    value: str, slope: str, is_told: bool, tmp_path: Path
) -> None:
    body = HALF.format(value=value, slope=slope)
    said = checked("mse", body, tmp_path, "--check", "gradient.prediction")
    assert "failed: " in said
    assert ("the value is right here and at plain numbers, the gradient at neither" in said) is (
        is_told
    )


def checked(loss: str, body: str, folder: Path, *more: str) -> str:
    file = folder / f"case_{len(list(folder.iterdir()))}.py"
    file.write_text(HEAD + body, encoding="utf-8")
    asked = ["check", f"{file}:loss", "--loss", loss, "--backend", "numpy", "--seed", "1"]
    came = CliRunner().invoke(main, [*asked, "--dtype", "float32", "--no-isolation", *more])
    assert came.exit_code == 1, came.output
    return came.output
