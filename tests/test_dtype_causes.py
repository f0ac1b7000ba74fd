"""What a message says of why a dtype is another than that of the input."""

import numpy as np
import pytest

from lossproof.conformance.items import items
from lossproof.conformance.origin import implementation
from lossproof.conformance.sources import plain


def told(function, loss, backend, dtype):
    claim = implementation(function, loss=loss, backend=backend)
    (item,) = items(claim, dtypes=[dtype], checks=["dtype"], device="cpu", profile="smoke",
                        seed=0, expected_failed=None)  # fmt: skip
    question = plain(item.subject, seed=1, reduction="mean", optional=False)
    found = item.check.run(item.subject, question, item.name)
    return next(o.cause() for o in found if o.fault is not None)


def promoted(prediction, target, *, reduction):
    torch = pytest.importorskip("torch")
    one = torch.ones(prediction.shape, dtype=torch.float32)
    return _reduced((prediction - target) ** 2 * one, reduction)


def cast(prediction, target, *, reduction):
    return _reduced((prediction.float() - target.float()) ** 2, reduction)


def widened(prediction, target, *, reduction):
    if prediction.element_size() == 2:
        prediction, target = prediction.float(), target.float()
    return _reduced((prediction - target) ** 2, reduction)


def target_cast(prediction, target, *, reduction):
    return _reduced((prediction - target.float()) ** 2, reduction)


def one_hot(log_probabilities, labels, *, reduction):
    torch = pytest.importorskip("torch")
    chosen = torch.eye(log_probabilities.shape[1], dtype=torch.float32)[labels]
    return _reduced(-(log_probabilities * 3 / 3 * chosen).sum(1), reduction)


def _reduced(losses, reduction):
    return losses if reduction == "none" else getattr(losses, reduction)()


def test_what_promotes_is_told_from_what_casts():
    pytest.importorskip("torch")
    kept = "float64 keeps its dtype: "
    assert told(promoted, "mse", "torch", "float16") == (
        f"{kept}what is computed in 16 bits meets an array of float32, which promotes"
    )
    assert told(widened, "mse", "torch", "bfloat16") == (
        f"{kept}16 bits are widened, by a cast or an array of float32, and not cast back"
    )
    assert told(target_cast, "mse", "torch", "float16") == (
        f"{kept}target is cast to float32, which promotes"
    )
    assert told(one_hot, "nll", "torch", "float16") == (
        f"{kept}what is computed in 16 bits meets an array of float32, such as one_hot, which "
        "promotes"
    )
    assert told(cast, "mse", "torch", "float16") == (
        "float32 whatever it is given: its input, or its answer, is cast to float32"
    )


def unweighted(log_probabilities, labels, weight=None, *, ignore_index, reduction):
    """Ones of float64 in the place of weights that are not given."""
    given = np.ones(log_probabilities.shape[1]) if weight is None else weight
    picked = np.take_along_axis(log_probabilities, labels[:, None], 1)[:, 0]
    losses, weights = -given[labels] * picked, given[labels]
    if reduction == "none":
        return losses
    return losses.sum() / (weights.sum() if reduction == "mean" else 1)


def test_a_dtype_that_weights_mend_says_so():
    assert told(unweighted, "nll", "numpy", "float32") == (
        "float64 whatever it is given: a float64 array or scalar is mixed in, or its "
        "input is widened and not cast back; "
        "only where weight is not given"
    )
