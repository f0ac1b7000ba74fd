"""What a message says of a number that came in place of nan."""

import numpy as np
import pytest

from lossproof.conformance.items import items
from lossproof.conformance.origin import implementation
from lossproof.conformance.sources import plain


def told(function, loss="mse", backend="numpy"):
    claim = implementation(function, loss=loss, backend=backend)
    (item,) = items(claim, dtypes=["float32"], checks=["special_values"], device="cpu",
                        profile="smoke", seed=0, expected_failed=None)  # fmt: skip
    found = item.check.run(item.subject, plain(item.subject, seed=1), item.name)
    faults = [o for o in found if o.fault is not None and o.fault.startswith("nan in ")]
    return [o.cause() for o in faults if o.facts["quantity"] == "value"][0]


def _reduced(losses, reduction, mean=np.mean):
    if reduction == "none":
        return losses
    return losses.sum() if reduction == "sum" else mean(losses)


def left_out(prediction, target):
    return np.nanmean((prediction - target) ** 2)


def of_no_loss(prediction, target):
    return np.mean(np.nan_to_num((prediction - target) ** 2))


def taken_for_0(prediction, target):
    return np.mean((np.nan_to_num(prediction) - np.nan_to_num(target)) ** 2)


def of_one(prediction, target):
    return np.mean(np.where(np.isnan(prediction - target), 1, (prediction - target) ** 2))


def test_a_nan_that_is_left_out_is_told_from_one_that_is_counted():
    assert told(left_out) == "the mean of the other 7: nan is left out, as by nanmean"
    assert told(of_no_loss) == (
        "the sum of the other 7 divided by 8: a loss of nan is counted as 0"
    )
    assert told(taken_for_0) == "the value with 0 in prediction: nan is counted as 0"


def test_of_what_fits_no_account_nothing_is_said():
    assert told(of_one) is None


def filtered(x):
    with np.errstate(all="ignore"):
        most = x.max(axis=-1)
        found = most + np.log(np.exp(x - most[..., None]).sum(axis=-1))
    return np.where(np.isfinite(found), found, np.float32(0))


def entries(x):
    x = np.where(np.isfinite(x), x, np.float32(0))
    found = np.log(np.exp(x).sum(axis=-1))
    return np.where(np.any(x == 0, axis=-1), x.max(axis=-1) * 0, found)


def test_results_that_are_replaced_are_told_with_what_comes_for_each():
    said = told(filtered, "logsumexp")
    assert said.startswith("nan gives 0, inf gives 0, -inf gives ")
    assert said.endswith(": a result that is not finite counts as 0")
    said = told(entries, "logsumexp")
    assert said.endswith(": an entry that is not finite counts as 0")


def test_what_is_replaced_under_differentiation_alone_says_so():
    jax = pytest.importorskip("jax")

    @jax.custom_jvp
    def plain(x):
        return jax.scipy.special.logsumexp(x, axis=-1)

    @plain.defjvp
    def tangent(primals, tangents):
        (x,), (dx,) = primals, tangents
        y = jax.numpy.nan_to_num(plain(x), nan=0, posinf=0, neginf=0)
        return y, (dx * jax.nn.softmax(x)).sum(-1)

    said = told(lambda x: plain(x), "logsumexp", "jax")
    assert said.endswith("counts as 0, where it is differentiated: a plain call gives nan")


def coupled(query, key):
    z = np.nan_to_num(query) @ np.nan_to_num(key).T / query.dtype.type(0.07)
    z = z - z.max(axis=1, keepdims=True)
    return np.log(np.exp(z).sum(axis=1)) - np.diagonal(z)


def test_of_samples_that_are_coupled_with_a_value_for_each_nothing_is_said():
    assert told(coupled, "info_nce") is None
