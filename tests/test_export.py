"""Exported vectors hold what the specification says, and tell right from wrong."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
from click.testing import CliRunner
from flint import arb
from programs import changed

from lossproof.backends.builtin import backend
from lossproof.backends.process.protocol import unpack
from lossproof.conformance import oracle
from lossproof.conformance.cli import main
from lossproof.conformance.export import export, questions
from lossproof.conformance.landmarks import step
from lossproof.conformance.nearest import nearest, rounded
from lossproof.reports import vectors
from lossproof.spec.formats import FLOAT32, FLOAT64, FORMATS
from lossproof.spec.loss import get
from lossproof.spec.profile import IEEE

EXAMPLES = Path(__file__).parent.parent / "examples" / "node"
Answers = dict[str, np.ndarray]
Answerer = Callable[[vectors.Vectors, vectors.Vector], Answers]


def arrays(vector: vectors.Vector) -> dict[str, Any]:
    return {
        k: None if v is None else _array(v) for k, v in vector.arguments.items()
    }  # fmt: skip


def _array(numbers: vectors.Numbers) -> Any:
    found = {"dtype": numbers.dtype, "shape": list(numbers.shape)}
    form = "hex" if numbers.hex is not None else "values"
    return unpack({**found, form: list(getattr(numbers, form))})


def expected(vector: vectors.Vector) -> dict[str, tuple[vectors.Expected, ...]]:
    return {"value": vector.value, **vector.gradients}


def wrong(document: vectors.Vectors, answer: Answerer) -> Iterator[str]:
    """The numbers that do not conform, judged by nothing but the file."""
    for vector in document.vectors:
        for name, got in answer(document, vector).items():
            promised = expected(vector)[name]
            assert got.size == len(promised)
            for number, e in zip(got.astype(np.float64).reshape(-1), promised, strict=True):
                if e.accept is not None:
                    low, high = map(float.fromhex, e.accept)
                    if not low <= number <= high:
                        yield f"{vector.id}: {name}"


def by(name: str, change: Callable[[Answers], Answers] = lambda a: a) -> Answerer:
    """The answers of a backend's own implementation."""
    framework = backend(name)
    if framework.missing() is not None:
        pytest.skip(f"{name} is not installed")

    def answer(document: vectors.Vectors, vector: vectors.Vector) -> Answers:
        implementation = framework.implementations().get(document.loss)
        assert implementation is not None
        found = framework.call(
            implementation,
            arrays(vector),
            {**document.options, "reduction": vector.reduction},
            cotangent=_array(vector.cotangent),
            differentiate=tuple(vector.gradients),
        )
        return change({"value": np.asarray(found.value), **found.gradients})

    return answer


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("name", ["numpy", "torch"])
@pytest.mark.parametrize("loss", ["huber", "mae"])
def test_sound_implementations_pass_and_wrong_ones_do_not(loss: str, name: str, dtype: str) -> None:
    options = {"delta": 1.5} if loss == "huber" else {}
    document = export(loss, dtype, options, points=96, seed=3)
    assert not list(wrong(document, by(name)))
    last = {"value": -1, "prediction": -1, "target": -1}
    for quantity in last:
        more = by(name, lambda a, k=quantity: {**a, k: a[k] * a[k].dtype.type(1.5)})
        with np.errstate(over="ignore"):
            found = set(wrong(document, more))
        assert {where.partition(": ")[2] for where in found} == {quantity}


def test_a_huber_without_its_linear_branch_does_not_pass() -> None:
    def quadratic(document: vectors.Vectors, vector: vectors.Vector) -> Answers:
        given = arrays(vector)
        with np.errstate(all="ignore"):
            r = given["prediction"] - given["target"]
            losses = r * r / 2
            reduced = {"none": losses, "sum": losses.sum(), "mean": losses.mean()}
        return {"value": np.asarray(reduced[vector.reduction])}

    document = export("huber", "float32", {}, points=64, seed=0)
    found = set(wrong(document, quadratic))
    assert any(where.startswith("landmarks") for where in found)
    assert "mean-moderate: value" in found


@pytest.mark.parametrize("dtype", FORMATS)
def test_every_number_agrees_with_mpmath(dtype: str) -> None:
    """Huber in exact rational arithmetic, as mpmath has it at 50 digits and beyond."""
    delta = 0.3
    document = export("huber", dtype, {"delta": delta}, points=128, seed=7)
    compared = 0
    with mpmath.workdps(700):  # the largest number and the least in one sum
        for vector in document.vectors:
            given = arrays(vector)
            p, t = (
                [mpmath.mpf(float(x)) for x in given[k].reshape(-1)]
                for k in ("prediction", "target")
            )
            c = [mpmath.mpf(float(x)) for x in _array(vector.cotangent).reshape(-1)]
            truth = huber(p, t, c, mpmath.mpf(delta), vector.reduction)
            for name, promised in expected(vector).items():
                for e, exact in zip(promised, truth[name], strict=True):
                    compared += agrees(e, exact, dtype)
    assert compared > 400


def huber(p: Any, t: Any, c: Any, delta: Any, reduction: str) -> dict[str, list[Any]]:
    residuals = [a - b for a, b in zip(p, t, strict=True)]
    losses = [r * r / 2 if abs(r) <= delta else delta * (abs(r) - delta / 2) for r in residuals]
    slopes = [max(-delta, min(delta, r)) for r in residuals]
    if reduction != "none":
        share = len(losses) if reduction == "mean" else 1
        losses, c = [mpmath.fsum(losses) / share], [c[0] / share] * len(slopes)
    pulled = [a * b for a, b in zip(c, slopes, strict=True)]
    return {"value": losses, "prediction": pulled, "target": [-x for x in pulled]}


def agrees(e: vectors.Expected, exact: Any, dtype: str) -> bool:
    """The enclosure holds the exact value, to 39 digits, and the nearest number is the nearest."""
    assert e.exact is not None
    middle, radius = (mpmath.mpf(text) for text in e.exact)
    assert abs(middle - exact) <= radius * (1 + mpmath.mpf(10) ** -600)  # as mpmath reads decimals
    assert radius <= abs(exact) * mpmath.mpf(10) ** -39
    assert e.nearest is not None
    number = float.fromhex(e.nearest)
    fmt = FORMATS[dtype]
    if math.isinf(number):
        assert abs(exact) > fmt.largest
        return False
    assert float(fmt.round(number)) == number
    off = abs(mpmath.mpf(number) - exact)
    for steps in (-1, 1):
        beside = float(step(fmt, np.asarray([number]), steps)[0])
        assert off <= abs(mpmath.mpf(beside) - exact)
    if e.budget is None:
        assert e.accept is None
        return False
    budget = float.fromhex(e.budget)
    assert off <= budget
    low, high = map(float.fromhex, e.accept or ())
    assert low <= number <= high
    # every number within the budget of the exact value conforms
    assert mpmath.mpf(low) - fmt.largest * fmt.unit_roundoff <= exact
    for end, outward in ((low, -1), (high, 1)):
        beside = float(step(fmt, np.asarray([end]), outward)[0])
        assert beside == end or abs(mpmath.mpf(beside) - exact) > budget
    return True


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
@pytest.mark.parametrize("loss", ["huber", "mae", "sigmoid_focal", "cross_entropy", "info_nce"])
def test_what_is_accepted_is_what_the_oracle_accepts(loss: str, dtype: str) -> None:
    """The ends of every interval conform, and what lies beyond them does not."""
    fmt, stated = FORMATS[dtype], get(loss)
    settings = stated.complete({})
    points = 8 if loss == "info_nce" else 64
    document = export(loss, dtype, {}, points=points, seed=1)
    asked = list(questions(stated, fmt, settings, points, 1))
    assert [name for name, _ in asked] == [v.id for v in document.vectors]
    checked = 0
    for vector, (_, question) in zip(document.vectors, asked, strict=True):
        for name, promised in expected(vector).items():
            quantity = name if name == "value" else f"gradient.{name}"
            shape = question.output_shape if name == "value" else np.shape(question.arguments[name])
            for place, outward in ((0, -1), (1, 1)):
                ends = np.asarray(
                    [float.fromhex((e.accept or ("0x0p+0",) * 2)[place]) for e in promised]
                )
                beyond = step(fmt, ends, outward)
                free = np.asarray([e.accept is None for e in promised])
                for answer, conforms in ((ends, True), (beyond, False)):
                    got = answer.reshape(shape).astype(fmt.dtype)
                    judged = oracle.judge(question, quantity, got, fmt, IEEE)
                    bad = judged.violations.reshape(-1)
                    meant = ~free & (conforms | (beyond != ends))
                    assert (bad[meant] != conforms).all(), (vector.id, name, conforms)
                    checked += int(meant.sum())
    assert checked > 100


def test_kinks_have_two_ends() -> None:
    """Where prediction and target are one, the slope of |r| may be anything from -1 to 1."""
    document = export("mae", "float64", {}, points=256, seed=0)
    kinks = 0
    for vector in document.vectors:
        given, c = arrays(vector), _array(vector.cotangent).reshape(-1)
        equal = (given["prediction"] == given["target"]).reshape(-1)
        share = 1 if vector.reduction != "mean" else equal.size
        for i in np.flatnonzero(equal):
            size = abs(float(c[i if c.size > 1 else 0])) / share
            e = vector.gradients["prediction"][i]
            if size == 0 or e.budget is None:
                continue
            assert e.kink is not None
            assert e.exact is e.nearest is None
            low, high = map(float, e.kink)
            assert low <= -size * (1 - 1e-8) < size * (1 - 1e-8) <= high
            assert float.fromhex(e.accept[0]) <= -size < size <= float.fromhex(e.accept[1])
            kinks += 1
    assert kinks > 3


def test_landmarks_come_first_and_do_not_depend_on_the_seed() -> None:
    one, two, again = (export("huber", "float32", {}, points=64, seed=s) for s in (1, 2, 1))
    assert one == again
    marked = [v.id.startswith("landmarks") for v in one.vectors]
    count = sum(marked)
    assert marked == [True] * count + [False] * (len(marked) - count)
    assert count == 4  # of eight samples each: half of the points
    assert one.vectors[:count] == two.vectors[:count]
    assert one.vectors[count:] != two.vectors[count:]
    assert {v.reduction for v in one.vectors} == {"none", "sum", "mean"}


def test_numbers_are_rounded_once() -> None:
    third = Fraction(1, 3)
    assert rounded(third, FLOAT64) == 1 / 3
    assert rounded(third, FLOAT32) == float(np.float32(1 / 3))
    # a tie, and what lies beside it by less than float64 can tell
    tie = Fraction(1) + Fraction(1, 2**24)
    assert rounded(tie, FLOAT32) == 1
    assert rounded(tie + Fraction(1, 2**80), FLOAT32) == 1 + 2.0**-23
    assert rounded(-tie - Fraction(1, 2**80), FLOAT32) == -1 - 2.0**-23
    assert rounded(Fraction(FLOAT32.largest), FLOAT32) == FLOAT32.largest
    assert rounded(Fraction(2) ** 128 - Fraction(2) ** 103 - 1, FLOAT32) == FLOAT32.largest
    assert rounded(Fraction(2) ** 128 - Fraction(2) ** 103, FLOAT32) == math.inf
    assert rounded(Fraction(3, 2) * Fraction(2) ** -149, FLOAT32) == 2.0**-148
    assert rounded(Fraction(1, 2) * Fraction(2) ** -149, FLOAT32) == 0
    assert nearest(arb(2) ** -1000000000, FLOAT64) == 0
    assert nearest(-(arb(2) ** 1000000000), FLOAT64) == -math.inf
    assert nearest(arb(1, arb(2) ** -1000000000), FLOAT64) == 1
    assert nearest(arb(1, 0.5), FLOAT64) is None
    assert nearest(arb("nan"), FLOAT64) is None


def run(*arguments: str) -> Any:
    return CliRunner().invoke(main, ["export", *arguments])


def test_the_command_writes_what_the_schema_describes(tmp_path: Path) -> None:
    out = tmp_path / "huber.json"
    result = run(
        "--loss", "huber", "--dtype", "float32", "-o", str(out),
        "--option", "delta=2", "--points", "16", "--seed", "4",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert result.output == f"{out}: 6 vectors, 116 numbers\n"
    document = vectors.read(out)
    assert document == export("huber", "float32", {"delta": 2}, points=16, seed=4)
    assert document.options == {"delta": 2}
    assert vectors.COPY.read_text(encoding="utf-8") == vectors.schema_text()
    schema = json.loads(vectors.schema_text())
    data = json.loads(out.read_text())
    assert set(data) == set(schema["$defs"]["Vectors"]["properties"])


@pytest.mark.parametrize("loss", ["mae", "cross_entropy"])
def test_a_validator_of_schemas_agrees(loss: str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(vectors.schema_text())
    data = json.loads(vectors.text(export(loss, "float32", {}, points=32, seed=0)))
    jsonschema.validate(data, schema)
    data["vectors"][0]["value"][0]["budget"] = 0.5
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, schema)


def test_misuse_is_one_line(tmp_path: Path) -> None:
    out = str(tmp_path / "x.json")
    base = ("--dtype", "float32", "-o", out)
    cases = {
        ("--loss", "hubr", *base): "no loss named 'hubr'; did you mean huber?",
        ("--loss", "huber", "--dtype", "float8", "-o", out): "no dtype named 'float8'",
        ("--loss", "huber", *base, "--option", "delta=0"): "delta must be positive, got 0",
        ("--loss", "huber", *base, "--option", "eps=0"): "no option 'eps'; choose from delta",
        ("--loss", "huber", *base, "--option", "delta"): "--option takes NAME=VALUE, got 'delta'",
        ("--loss", "mse", "--dtype", "float32", "-o", f"{tmp_path}/no/such/x.json"): "no/such/",
    }
    for arguments, words in cases.items():
        result = run(*arguments)
        assert result.exit_code == 2
        assert words in result.stderr
        assert result.stderr.count("\n") == 1


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_consumer_in_another_language_tells_right_from_wrong(dtype: str, tmp_path: Path) -> None:
    file = tmp_path / "huber.json"
    file.write_text(vectors.text(export("huber", dtype, {"delta": 0.3}, points=64, seed=0)))
    shutil.copytree(EXAMPLES, tmp_path / "node")
    command = ["node", str(tmp_path / "node" / "vectors.js"), str(file)]
    right = subprocess.run(command, capture_output=True, text=True)
    assert (right.returncode, right.stdout) == (0, "conforms\n")
    text = (EXAMPLES / "huber.js").read_text(encoding="utf-8")
    broken = changed(text, (("Math.min(size, delta)", "size"),))
    (tmp_path / "node" / "huber.js").write_text(broken, encoding="utf-8")
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode == 1
    assert "value[" in found.stdout
    assert "gradient" not in found.stdout
