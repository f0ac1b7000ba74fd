"""Parts of a run put together: one report as if it had never been divided, or a refusal."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from test_reports_model import header, many, report, result

from lossproof.reports import jsonl, summary
from lossproof.reports.encoding import encode
from lossproof.reports.merge import Part, merge
from lossproof.reports.model import Footer, Report, ReportError, Result
from lossproof.reports.stated import LossFacts

SELECTION = {
    "losses": ["huber", "mse"], "backends": ["torch"], "dtypes": ["float32"], "devices": ["cpu"],
    "checks": ["value", "kink", "dtype"], "expected": ["known.toml (sha256 1)"],
}  # fmt: skip
CELLS = (
    result("value", loss="huber"), result("kink", "failed", loss="huber"),
    result("value", loss="mse"), result("dtype", "skipped", loss="mse"),
)  # fmt: skip


def part(name: str, results: Sequence[Result] = (), *, shard: str = "", **changes: Any) -> Part:
    """A report of some results, its selection that of a shard where one is named."""
    selection = SELECTION | changes.pop("select", {}) | ({"shard": [shard]} if shard else {})
    facts = {"cells": len(results), "selection": selection} | changes
    return Part(name=name, report=report(*results, exit_code=0, **facts))


def shards(**changes: Any) -> list[Part]:
    """The same run in three shards, one of them from elsewhere as `changes` say."""
    return [
        part("a.jsonl", CELLS[2:3], shard="1/3", started="2026-01-02T00:00:00Z"),
        part("b.jsonl", CELLS[:1], shard="2/3"),
        part("c.jsonl", (CELLS[3], CELLS[1]), shard="3/3", **changes),
    ]


def refused(*parts: Part, **options: bool) -> str:
    with pytest.raises(ReportError) as caught:
        merge(parts, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_shards_make_the_report_of_the_whole_run_in_any_order(tmp_path: Path) -> None:
    whole = part("whole", CELLS).report
    assert whole.footer is not None
    expected = structs.replace(
        whole,
        results=tuple(sorted(CELLS, key=lambda r: r.id)),
        footer=structs.replace(whole.footer, seconds=4.5, exit_code=1),
    )
    for order in itertools.permutations(shards()):
        assert merge(order) == expected
    jsonl.write(tmp_path / "merged.jsonl", expected)
    assert jsonl.read(tmp_path / "merged.jsonl") == expected


def test_shards_of_other_specifications_are_refused_and_what_is_stated_is_kept_once() -> None:
    facts = LossFacts(name="huber", family="a family", title="Huber.", text="Huber.", digest="1")
    stating = [replace(p, report=structs.replace(p.report, losses=(facts,))) for p in shards()]
    assert merge(stating).losses == (facts,)
    other = structs.replace(facts, digest="2")
    stating[2] = replace(stating[2], report=structs.replace(stating[2].report, losses=(other,)))
    assert refused(*stating) == (
        "c.jsonl: not of one run with a.jsonl: specification.huber was 1, is 2 now"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lossproof": "0.2.0"}, "lossproof was 0.1.0, is 0.2.0 now"),
        ({"python": "3.12.1"}, "python was 3.11.4, is 3.12.1 now"),
        ({"versions": {"torch": "2.14", "jax": None}}, "versions.torch was 2.13.0, is 2.14 now"),
        ({"versions": {"torch": "2.13.0", "jax": "1"}}, "versions.jax was unset, is 1 now"),
        ({"seed": 1}, "seed was 0, is 1 now"),
        ({"profile": "smoke", "sufficient": False},
         "profile was default, is smoke now; sufficient was True, is False now"),
        ({"flags": {"TF32": "1"}}, "flags.TF32 was unset, is 1 now"),
        ({"cpu": "another"}, "cpu was a cpu, is another now"),
        ({"platform": "Darwin"}, "platform was Linux, is Darwin now"),
        ({"devices": {"torch": {"cpu": "a cpu", "cuda": "a GPU"}}},
         "devices.torch.cuda was unset, is a GPU now"),
        ({"probes": {"torch.tf32": True}}, "probes.torch.tf32 was unset, is True now"),
        ({"select": {"expected": ["known.toml (sha256 2)"]}},
         "selection.expected was known.toml (sha256 1), is known.toml (sha256 2) now"),
        ({"select": {"dtypes": ["float32", "float64"]}},
         "selection.dtypes was nothing more, is float64 now"),
        ({"select": {"checks": ["value"]}},
         "selection.checks was kink, dtype, is nothing more now"),
        ({"schema_version": 1}, "schema_version was 3, is 1 now"),
    ],
)  # fmt: skip
def test_parts_of_different_runs_are_refused_and_what_differs_is_named(
    changes: dict[str, Any], words: str
) -> None:
    assert refused(*shards(**changes)) == f"c.jsonl: not of one run with a.jsonl: {words}"


def test_machines_may_differ_where_that_is_asked_for_and_all_are_named() -> None:
    other = shards(cpu="another", platform="Darwin")
    merged = merge(other, any_cpu=True).header
    assert (merged.cpu, merged.platform) == ("a cpu; another", "Darwin; Linux")
    assert refused(*shards(cpu="another", seed=1), any_cpu=True).endswith(": seed was 0, is 1 now")


def test_a_missing_shard_is_named() -> None:
    first, second, third = shards()
    assert refused(second) == "shard 1/3, 3/3 of b.jsonl is missing; --partial does without"
    assert refused(first, third) == "shard 2/3 of a.jsonl is missing; --partial does without"


def test_a_partial_report_says_what_it_holds_and_can_be_completed() -> None:
    first, second, third = shards()
    some = merge([third, first], partial=True)
    assert some.header.selection["shard"] == ["1/3", "3/3"]
    assert "Only shard 1/3, 3/3 of the run." in summary.shortcomings(some)
    rest = merge([Part(name="some.jsonl", report=some), second])
    assert rest == merge([first, second, third])
    passing = merge([second], partial=True)
    assert passing.footer is not None
    assert passing.footer.exit_code == 3
    assert merge([first, second, third], partial=True) == rest


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([part("a", CELLS[:1], shard="1/2"), part("b", CELLS[1:], shard="1/2")],
         "b: shard 1/2 is in a already"),
        ([part("a", CELLS[:1], shard="1/2"), part("b", CELLS[1:], shard="2/3")],
         "shards of different splits: 1/2 (a), 2/3 (b)"),
        ([part("a", CELLS[:1], shard="1/2"), part("b", CELLS[1:])], "b: the same selection as a"),
        ([part("a", CELLS[:1]), part("b", CELLS[1:], shard="1/2")], "b: the same selection as a"),
        ([part("a", CELLS[:1]), part("b", CELLS[1:])], "b: the same selection as a"),
        ([part("a", CELLS), part("b", CELLS[2:])],
         "two results for mse/value[torch,float32,cpu]: a, b"),
        ([part("a", CELLS, shard="x")], "no shard is called 'x'"),
        ([part("a", CELLS, shard="2/1")], "no shard is called '2/1'"),
        ([part("a", CELLS, shard="1/999999")],
         "shard 2/999999, 3/999999, 4/999999, 5/999999, 6/999999, 7/999999, 8/999999, 9/999999 "
         "and more of a is missing; --partial does without"),
        ([part("a", CELLS, cells=5)], "a: 5 cells were planned, there are 4"),
        ([part("a", CELLS[:2], select={"losses": ["huber"]}),
          part("b", CELLS[2:], select={"losses": ["mse"], "backends": ["jax"]})],
         "none of the reports selects huber on jax on cpu"),
        ([part("a", CELLS[:2]), part("b", CELLS[2:], select={"losses": ["mse"]})],
         "more than one of the reports selects mse on torch on cpu"),
    ],
)  # fmt: skip
def test_parts_that_do_not_fit_together_are_refused(parts: list[Part], words: str) -> None:
    assert refused(*parts) == words


def test_a_part_that_was_cut_off_is_refused() -> None:
    cut = Part(name="a", report=Report(header=header(cells=1), results=CELLS[:1]))
    assert refused(cut) == "a: no footer: the run was cut off"


def test_runs_of_other_losses_backends_and_devices_make_one_report() -> None:
    numpy = {"backends": ["numpy"]}
    merged = merge([
        part("a", CELLS[2:], select={"losses": ["mse"]}),
        part("b", [result("value", backend="numpy")], select=numpy, devices={"numpy": {"cpu": "x"}},
             versions={"torch": "2.13.0", "numpy": "2"}, probes={"numpy.flush_to_zero": False}),
        part("c", CELLS[:2], select={"losses": ["huber"]}),
    ])  # fmt: skip
    assert merged.header.selection == SELECTION | {"backends": ["numpy", "torch"]}
    assert merged.header.versions == {"torch": "2.13.0", "jax": None, "numpy": "2"}
    assert merged.header.devices == {"torch": {"cpu": "a cpu"}, "numpy": {"cpu": "x"}}
    assert merged.header.probes == {"jax.x64": True, "numpy.flush_to_zero": False}
    assert merged.header.cells == len(merged.results) == 5


def test_every_two_parts_with_a_backend_in_common_agree_on_its_devices() -> None:
    numpy = part("a", [result("value", backend="numpy")], select={"backends": ["numpy"]})
    second, third = part("b", CELLS[:2], shard="1/2"), part(
        "c", CELLS[2:], shard="2/2", devices={"torch": {"cpu": "another"}}
    )  # fmt: skip
    words = "c: not of one run with b: devices.torch.cpu was a cpu, is another now"
    assert refused(numpy, second, third) == words


@pytest.mark.parametrize(
    ("statuses", "code"),
    [(["passed", "failed"], 1), (["passed", "skipped"], 0), (["skipped", "skipped"], 3),
     (["passed", "not-run"], 3), (["errored", "not-run"], 1)],
)  # fmt: skip
def test_the_verdict_is_made_anew(statuses: list[str], code: int) -> None:
    parts = [
        part(f"{i}", [result(f"c{i}", status)], shard=f"{i + 1}/2", complete=status != "not-run")
        for i, status in enumerate(statuses)
    ]
    footer = merge(parts).footer
    assert footer is not None
    assert footer.exit_code == code
    assert footer.complete == ("not-run" not in statuses)


def test_one_whole_report_stays_as_it_is() -> None:
    whole = part("a", sorted(CELLS[2:], key=lambda r: r.id)).report
    assert merge([Part(name="a", report=whole)]) == whole


class Noted(Report, frozen=True, kw_only=True):
    """A report with further records, as a later model may have them."""

    notes: tuple[Footer, ...] = ()


def test_further_records_are_kept_each_once() -> None:
    one, two = (
        Footer(counts={}, results=n, seconds=0.0, exit_code=0, complete=True) for n in (1, 2)
    )
    parts = [
        Part(name=p.name, report=Noted(**structs.asdict(p.report), notes=notes))
        for p, notes in zip(shards(), [(one,), (two, one), ()], strict=True)
    ]
    merged = merge(parts)
    assert isinstance(merged, Noted)
    assert merged.notes == tuple(sorted((one, two), key=encode))


def test_ten_thousand_results_are_merged_in_two_seconds() -> None:
    results = list(many(10_000).results)
    random.Random(1).shuffle(results)
    parts = [part(str(i), results[i::8], shard=f"{i + 1}/8") for i in range(8)]
    begin = time.process_time()
    assert len(merge(parts).results) == 10_000
    assert time.process_time() - begin < 2
