"""Two lanes give what one gives: every part once, in order, whatever becomes of the other one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from threading import Event, Timer
from typing import Any, cast

import pytest

from lossproof.conformance import lanes, plan
from lossproof.conformance.check import checks
from lossproof.reports.model import Result

UNITS = [
    plan.Unit(loss="mse", backend="numpy", dtype=d, device="cpu", primary=d == "float32")
    for d in ("float32", "float64", "float16")
]
PARTS = [
    lanes.Part(unit=unit, checks=names) for unit in UNITS for names in (("value",), ("layout",))
]
EXAMINATION = cast("lanes.Examination", None)


class Pool:
    """Answers at once, for so many parts; then its process is gone."""

    def __init__(self, answers: int) -> None:
        self.left = answers
        self.asked: list[lanes.Part] = []

    def submit(self, run: Any, part: lanes.Part, examination: Any) -> Future[list[Result]]:
        found: Future[list[Result]] = Future()
        if self.left == 0:
            found.set_exception(BrokenProcessPool())
        else:
            self.left -= 1
            self.asked.append(part)
            found.set_result(_results(part, "there"))
        return found


def _results(part: lanes.Part, where: str) -> list[Result]:
    return [cast("Result", (part.unit.dtype, name, where)) for name in part.checks]


def _run(pool: Pool, parts: list[lanes.Part] = PARTS) -> list[tuple[str, str, str]]:
    def here(part: lanes.Part) -> Iterator[Result]:
        yield from _results(part, "here")

    found = lanes.two(parts, EXAMINATION, here, cast("Any", pool))
    return cast("list[tuple[str, str, str]]", list(found))


@pytest.mark.parametrize("answers", [0, 1, 3, 100])
def test_every_part_is_examined_once_and_told_in_order(answers: int) -> None:
    pool = Pool(answers)
    found = _run(pool)
    assert [f[:2] for f in found] == [(p.unit.dtype, p.checks[0]) for p in PARTS]
    assert found[0][2] == "here"
    assert {f[:2] for f in found if f[2] == "there"} == {
        (p.unit.dtype, p.checks[0]) for p in pool.asked
    }
    assert len(pool.asked) <= answers


def test_what_a_lost_process_had_taken_is_examined_here() -> None:
    assert [f[2] for f in _run(Pool(0))] == ["here"] * len(PARTS)


def test_one_part_needs_no_other_process() -> None:
    assert [f[2] for f in _run(Pool(100), PARTS[:1])] == ["here"]


class Slow(Pool):
    """Gives its first answer when it is let."""

    def __init__(self) -> None:
        super().__init__(100)
        self.let = Event()

    def submit(self, run: Any, part: lanes.Part, examination: Any) -> Future[list[Result]]:
        found = super().submit(run, part, examination)
        return cast("Future[list[Result]]", _Late(found, self.let))


class _Late:
    def __init__(self, found: Future[list[Result]], let: Event) -> None:
        self.found, self.let = found, let

    def result(self) -> list[Result]:
        assert self.let.wait(10)
        return self.found.result()


def test_what_is_raised_here_leaves_the_rest_unasked() -> None:
    pool = Slow()

    def here(part: lanes.Part) -> Iterator[Result]:
        Timer(0.2, pool.let.set).start()
        raise KeyboardInterrupt
        yield

    with pytest.raises(KeyboardInterrupt):
        list(lanes.two(PARTS, EXAMINATION, here, cast("Any", pool)))
    assert len(pool.asked) <= 1


def test_checks_that_share_a_search_are_one_part() -> None:
    unit = UNITS[0]
    named = plan.names(unit, tuple(checks()))
    parts = lanes.parted(unit, named)
    assert sorted(name for part in parts for name in part.checks) == sorted(n for _, n in named)
    together = next(part for part in parts if "value" in part.checks)
    assert {"value", "gradient.prediction", "gradient.target", "overflow"} <= {*together.checks}
    assert [part.checks for part in lanes.parted(unit, named, whole=True)] == [
        tuple(name for _, name in named)
    ]
    alone = [part.checks for part in parts if part is not together and "kink" not in part.checks]
    assert all(len(found) == 1 for found in alone)
