"""A message of one reduction says which of the others are right, and how others are wrong."""

import numpy as np

from lossproof.conformance import message
from lossproof.conformance.items import items
from lossproof.conformance.origin import implementation
from lossproof.conformance.sources import plain


def told(function, loss, check):
    claim = implementation(function, loss=loss, backend="numpy")
    (item,) = items(claim, dtypes=["float32"], checks=[check], device="cpu",
                        profile="smoke", seed=0, expected_failed=None)  # fmt: skip
    found = item.check.run(item.subject, plain(item.subject, seed=1, reduction="sum"), item.name)
    broken = next(o for o in found if o.fault is not None)
    return message.render(item.subject, item.name, broken, "#") + "\n"


def without_sum(prediction, target, *, reduction):
    losses = (prediction - target) ** 2
    return np.mean(losses) if reduction == "mean" else losses


def by_rows(log_probabilities, labels, weight=None, *, reduction):
    weights = np.ones_like(labels, log_probabilities.dtype) if weight is None else weight[labels]
    losses = -weights * np.take_along_axis(log_probabilities, labels[:, None], 1)[:, 0]
    return losses.mean() if reduction == "mean" else losses


def test_a_sum_that_is_not_taken_leaves_the_others_right():
    text = told(without_sum, "mse", "reductions")
    assert "\n  right    the value by 'none' and 'mean'\n" in text


def test_a_reduction_that_is_wrong_in_another_way_is_told_beside_one_that_is_not_made():
    text = told(by_rows, "nll", "value")
    assert "\n  right    the value by 'none'\n  also     by 'mean': the sum of 4 losses " in text
    assert "(the weights of the labels) is stated" in text.partition("by 'mean'")[2]
