"""A message of one reduction says which of the others are right."""

import numpy as np

from lossproof.conformance import message
from lossproof.conformance.items import items
from lossproof.conformance.origin import implementation
from lossproof.conformance.sources import plain


def without_sum(prediction, target, *, reduction):
    losses = (prediction - target) ** 2
    return np.mean(losses) if reduction == "mean" else losses


def test_a_sum_that_is_not_taken_leaves_the_others_right():
    claim = implementation(without_sum, loss="mse", backend="numpy")
    (item,) = items(claim, dtypes=["float32"], checks=["reductions"], device="cpu",
                        profile="smoke", seed=0, expected_failed=None)  # fmt: skip
    question = plain(item.subject, seed=1, reduction="sum")
    found = item.check.run(item.subject, question, item.name)
    broken = next(o for o in found if o.fault is not None)
    text = message.render(item.subject, item.name, broken, "#")
    assert "\n  right    the value by 'none' and 'mean'\n" in text + "\n"
