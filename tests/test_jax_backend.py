"""The JAX backend: arrays there and back, gradients, transformations, rules, masks."""

from __future__ import annotations

from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("jax")

import lossproof
from lossproof.backends.base import BackendError
from lossproof.backends.jax_.backend import JaxBackend
from lossproof.conformance.cli import main

BACKEND = JaxBackend()
LOSSES = BACKEND.implementations()
DTYPES = {
    "float64": np.float64,
    "float32": np.float32,
    "float16": np.float16,
    "bfloat16": ml_dtypes.bfloat16,
}


def call(loss, arguments, differentiate=(), transformation=None, cotangent=None, **options):
    return BACKEND.call(
        LOSSES.get(loss),
        arguments,
        options,
        cotangent=cotangent,
        differentiate=differentiate,
        transformation=transformation,
    )


def huber(dtype=np.float64, transformation=None, delta=1.0):
    return call(
        "huber",
        {
            "prediction": np.array([[3.0, 0.5], [-2.0, 0.0]], dtype),
            "target": np.zeros((2, 2), dtype),
        },
        ("prediction", "target"),
        transformation,
        np.full((2, 2), 2, dtype),
        delta=delta,
        reduction="none",
    )


@pytest.mark.parametrize("transformation", [None, *BACKEND.transformations])
def test_transformations_agree(transformation):
    answer = huber(transformation=transformation)
    assert answer.value.tolist() == [[2.5, 0.125], [1.5, 0.0]]
    assert answer.gradients["prediction"].tolist() == [[2.0, 1.0], [-2.0, 0.0]]
    assert answer.gradients["target"].tolist() == [[-2.0, -1.0], [2.0, 0.0]]


@pytest.mark.parametrize("dtype", DTYPES)
def test_value_and_gradients_keep_the_dtype(dtype):
    answer = huber(DTYPES[dtype])
    assert answer.value.dtype == answer.gradients["target"].dtype == DTYPES[dtype]


@pytest.mark.parametrize("transformation", [None, "eager"])
def test_bad_values_are_refused_in_and_out_of_jit(transformation):
    with pytest.raises(ValueError, match=r"huber: delta must be positive, got 0\.0"):
        huber(transformation=transformation, delta=0.0)


def test_a_label_out_of_range_is_refused():
    arguments = {"logits": np.zeros((2, 3)), "labels": np.array([0, 3])}
    with pytest.raises(ValueError, match=r"labels must lie in \[0, 3\), got 3"):
        call("cross_entropy", arguments, ignore_index=-100, label_smoothing=0.0, reduction="mean")


def test_nan_does_not_leak_from_an_ignored_row():
    answer = call(
        "cross_entropy",
        {"logits": np.array([[np.nan, 1.0], [0.0, 0.0]]), "labels": np.array([-100, 1])},
        ("logits",),
        cotangent=np.array(1.0),
        ignore_index=-100,
        label_smoothing=0.1,
        reduction="mean",
    )
    assert answer.value == pytest.approx(np.log(2))
    assert answer.gradients["logits"][0].tolist() == [0, 0]


def test_ctc_of_one_frame_is_cross_entropy_and_infeasible_rows_have_gradient_zero():
    answer = call(
        "ctc",
        {
            "logits": np.zeros((1, 2, 4)),
            "targets": np.array([[1, 0], [2, 2]]),
            "input_lengths": np.array([1, 1]),
            "target_lengths": np.array([1, 2]),
        },
        ("logits",),
        cotangent=np.ones(2),
        blank=0,
        reduction="none",
    )
    assert answer.value.tolist() == [pytest.approx(np.log(4)), np.inf]
    assert answer.gradients["logits"][0, 0] == pytest.approx([0.25, -0.75, 0.25, 0.25])
    assert answer.gradients["logits"][0, 1].tolist() == [0, 0, 0, 0]


def test_coupled_rows_have_no_vmap():
    arguments = {"query": np.eye(2), "key": np.eye(2)}
    with pytest.raises(BackendError, match="no vmap over the rows of info_nce"):
        call("info_nce", arguments, transformation="vmap", temperature=0.1, reduction="none")


def test_float64_is_enabled_for_the_call_alone():
    import jax

    before = jax.config.jax_enable_x64
    try:
        for setting in (False, True):
            jax.config.update("jax_enable_x64", setting)
            assert huber(np.float64).value.dtype == np.float64
            found = lossproof.check(
                LOSSES.get("huber"), loss="huber", backend="jax", dtypes=["float64", "float32"],
                checks=["value", "gradient", "transformations"], profile="smoke",
            )  # fmt: skip
            assert {r.status for r in found} <= {"passed", "skipped"}
            assert [r.check for r in found if r.status == "passed" and r.dtype == "float64"]
            assert jax.config.jax_enable_x64 is setting
            assert jax.numpy.ones(2).dtype == ("float64" if setting else "float32")
    finally:
        jax.config.update("jax_enable_x64", before)


STATIC = """
import jax
import jax.numpy as jnp
from functools import partial


@partial(jax.jit, static_argnames=("delta", "reduction"))
def by_name(prediction, target, delta=1.0, reduction="mean"):
    r = jnp.abs(prediction - target)
    losses = jnp.where(r <= delta, r * r / 2, delta * (r - delta / 2))
    return losses if reduction == "none" else getattr(jnp, reduction)(losses)


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def _losses(r, delta):
    a = jnp.abs(r)
    return jnp.where(a <= delta, r * r / 2, delta * (a - delta / 2))


_losses.defvjp(
    lambda r, delta: (_losses(r, delta), r),
    lambda delta, r, g: (g * jnp.clip(r, -delta, delta),),
)


def by_place(prediction, target, delta=1.0, reduction="mean"):
    losses = _losses(prediction - target, delta)
    return losses if reduction == "none" else getattr(jnp, reduction)(losses)


def broken(prediction, target, delta=1.0, reduction="mean"):
    raise ValueError("no licence")
"""


@pytest.mark.parametrize("name", ["by_name", "by_place"])
def test_options_that_must_be_hashable_are_constants(name: str, tmp_path: Path) -> None:
    path = tmp_path / "static.py"
    path.write_text(STATIC)
    asked = ["check", f"{path}:{name}", "--loss", "huber", "--backend", "jax", "--no-isolation"]
    asked += ["--dtype", "float32", "--check", "value,gradient", "--profile", "smoke"]
    came = CliRunner().invoke(main, asked)
    assert came.exit_code == 0, came.output
    assert "3 passed" in came.output


def test_what_a_function_raises_itself_is_told_whatever_its_options(tmp_path: Path) -> None:
    path = tmp_path / "static.py"
    path.write_text(STATIC)
    asked = ["check", f"{path}:broken", "--loss", "huber", "--backend", "jax", "--no-isolation"]
    came = CliRunner().invoke(main, [*asked, "--dtype", "float32", "--check", "value"])
    assert "ValueError: no licence" in came.output
