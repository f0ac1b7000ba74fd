"""The NumPy backend: its implementations at spot values and extremes, and its calls."""

import ml_dtypes
import numpy as np
import pytest

from lossproof.backends.base import BackendError
from lossproof.backends.numpy_ import NumpyBackend
from lossproof.backends.registry import Implementation

BACKEND = NumpyBackend()
IMPLEMENTATIONS = BACKEND.implementations()
DTYPES = {name: np.dtype(name) for name in ("float64", "float32", "float16", "bfloat16")}


def call(loss, *arrays, layout="contiguous", cotangent=None, differentiate=(), **options):
    arguments = {str(i): None if a is None else np.asarray(a) for i, a in enumerate(arrays)}
    how = {"cotangent": cotangent, "differentiate": differentiate, "layout": layout}
    return BACKEND.call(IMPLEMENTATIONS.get(loss), arguments, options, **how)


def pull(loss, name, *arrays, **options):
    """The gradient in `name` under a cotangent of ones."""
    ones = np.ones_like(call(loss, *arrays, **options).value)
    answer = call(loss, *arrays, cotangent=ones, differentiate=(name,), **options)
    return answer.gradients[name]


def test_every_loss_has_a_backward():
    assert len(losses := IMPLEMENTATIONS.losses()) == 33
    assert [loss for loss in losses if IMPLEMENTATIONS.get(loss).reverse is None] == []


@pytest.mark.parametrize(
    ("loss", "arrays", "options", "expected"),
    [
        ("mse", ([0.0, 0.1, 0.2], [0.0, 0.2, 0.25]), {}, 0.004166666666666667),
        ("huber", ([2.5, 5.5, 2.0], [3.0, 5.0, 2.5]), {"delta": 1.0}, 0.125),
        ("bpr", ([3.0, 2.5, 1.2], [1.0, 2.0, 1.0]), {}, 0.3997146215348904),
        ("binary_cross_entropy", ([1.0, 0.0], [0.9, 0.2]), {"log_floor": -100.0}, 15.0),
        ("logsumexp", ([[np.log(3.0), 0.0]],), {}, np.log(4.0)),
        ("sparsemax", ([[0.5, 0.0, -9.0]],), {}, [[0.75, 0.25, 0.0]]),
        ("ctc", (np.zeros((2, 1, 3)), [[1]], [2], [1]), {}, np.log(3.0)),
    ],
)
def test_values_known_from_elsewhere(loss, arrays, options, expected):
    np.testing.assert_allclose(call(loss, *arrays, **options).value, expected, rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_tails_keep_their_digits(dtype):
    z, zero = np.array([-20.0], DTYPES[dtype]), np.array([0.0], DTYPES[dtype])
    rtol = 4 * float(ml_dtypes.finfo(DTYPES[dtype]).eps)
    loss, row = "binary_cross_entropy_with_logits", np.stack([zero, z], axis=1)
    for value, slope in (
        (call(loss, z, zero).value, pull(loss, "logits", z, zero)),
        (call("cross_entropy", row, [0]).value, pull("cross_entropy", "logits", row, [0])[0, 1]),
    ):
        assert value.dtype == slope.dtype == DTYPES[dtype]
        np.testing.assert_allclose(value.astype(float), np.log1p(np.exp(-20.0)), rtol=rtol)
        np.testing.assert_allclose(slope.astype(float), 1 / (1 + np.exp(20.0)), rtol=rtol)


def test_nothing_overflows_or_underflows_that_has_an_answer():
    big = np.array([1e200, 0.0])
    assert call("rmse", big, np.zeros(2)).value == pytest.approx(1e200 / np.sqrt(2))
    assert call("rmse", 1 / big[:1], [0.0]).value == pytest.approx(1e-200)
    assert call("mae", np.full(4, 1.5e308), np.zeros(4)).value == pytest.approx(1.5e308)
    assert call("cosine_embedding", [big], [big], [1.0]).value == pytest.approx(0, abs=1e-15)
    tiny = call("mse", [1e308], [0.0], cotangent=np.array(1e-308), differentiate=("prediction",))
    np.testing.assert_allclose(tiny.gradients["prediction"], 2.0, rtol=1e-13)


def test_kinks_have_finite_subgradients():
    assert pull("mae", "prediction", [1.0], [1.0]) == 0
    assert (pull("rmse", "prediction", np.ones(3), np.ones(3)) == 0).all()
    same = np.ones((2, 3))
    assert (pull("triplet_margin", "anchor", same, same, same, eps=0.0) == 0).all()


def test_nan_stays_in_its_sample_and_ignored_rows_are_zero():
    rows = np.array([[np.nan, 0.0], [1.0, 2.0], [np.nan, np.inf]]), [0, 1, -100]
    losses = call("cross_entropy", *rows, reduction="none").value
    gradient = pull("cross_entropy", "logits", *rows, reduction="none")
    assert [*np.isnan(losses)] == [*np.isnan(gradient).any(axis=1)] == [True, False, False]
    assert losses[2] == abs(gradient[2]).max() == 0


def test_nothing_sums_to_zero_and_has_no_mean():
    for loss, arrays in {"mse": (np.zeros(0),) * 2, "info_nce": (np.zeros((0, 3)),) * 2}.items():
        assert call(loss, *arrays, reduction="sum").value == 0
        assert np.isnan(call(loss, *arrays, reduction="mean").value)
    ignored = np.zeros((2, 3)), [-100, -100]
    assert np.isnan(call("cross_entropy", *ignored).value)
    assert (pull("cross_entropy", "logits", *ignored) == 0).all()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_sixteen_bits_are_rounded_once(dtype):
    x, ones = np.linspace(-4, 4, 1001).astype(DTYPES[dtype]), np.ones(2000, DTYPES[dtype])
    for loss in ("sigmoid", "softplus", "log_sigmoid"):
        exact = call(loss, x.astype(np.float64)).value
        np.testing.assert_array_equal(call(loss, x).value, exact.astype(DTYPES[dtype]))
    assert call("mse", ones * 8, ones * 0, reduction="mean").value == 64


@pytest.mark.parametrize("layout", NumpyBackend.layouts)
def test_layouts_give_the_same_answer(layout):
    arrays = np.arange(12.0).reshape(3, 4) ** 2 / 40, np.ones((3, 4)) / 4, None
    names = ("logits", "target")
    how = {"cotangent": np.arange(3.0), "differentiate": names, "reduction": "none"}
    plain = call("cross_entropy_soft_targets", *arrays, **how)
    other = call("cross_entropy_soft_targets", *arrays, layout=layout, **how)
    np.testing.assert_array_equal(plain.value, other.value)
    np.testing.assert_equal(plain.gradients, other.gradients)
    assert other.mutated == other.warnings == ()


@pytest.mark.parametrize(
    ("loss", "arrays", "options", "message"),
    [
        ("huber", ([1.0], [2.0]), {"delta": 0}, "huber: delta must be positive, got 0"),
        ("mse", ([1.0], [[1.0]]), {}, "same shape, got (1,) and (1, 1)"),
        ("mse", ([1.0], [1.0]), {"reduction": "avg"}, "one of none, sum, mean, got 'avg'"),
        ("mse", ([1], [1.0]), {}, "mse: prediction must have a dtype of float64, float32"),
        ("nll", (np.zeros((1, 3)), [3]), {}, "nll: labels must be in [0, 3), got 3"),
        ("nll", (np.zeros((1, 3)), [0.0]), {}, "nll: labels must be integers, got float64"),
        ("gaussian_nll", ([1.0], [1.0], [-1.0]), {}, "var must not be negative, got -1.0"),
        ("margin_ranking", ([1.0], [1.0], [0.5]), {}, "target must be -1 or 1, got 0.5"),
    ],
)
def test_misuse_is_refused_with_its_rule_and_value(loss, arrays, options, message):
    with pytest.raises((ValueError, TypeError)) as caught:
        call(loss, *arrays, **options)
    assert message in str(caught.value)


def test_a_call_reports_what_the_function_wrote_into_and_wants_a_backward():
    def careless(x):
        x *= 2
        return x.sum()

    target = Implementation(loss="softplus", backend="numpy", forward=careless)
    answer = BACKEND.call(target, {"x": np.ones(3)}, {})
    assert (answer.mutated, answer.value) == (("x",), 6)
    assert {k: v.tolist() for k, v in answer.after.items()} == {"x": [2.0, 2.0, 2.0]}
    with pytest.raises(BackendError, match="has no backward"):
        BACKEND.call(target, {"x": np.ones(3)}, {}, cotangent=np.ones(()), differentiate=("x",))
    with pytest.raises(BackendError, match="no layout 'diagonal'; choose from contiguous"):
        BACKEND.call(target, {"x": np.ones(3)}, {}, layout="diagonal")
