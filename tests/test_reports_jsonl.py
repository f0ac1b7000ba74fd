"""Reports on disk: nothing is lost, nothing is believed that is not whole."""

from __future__ import annotations

import itertools
import json
import math
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
from test_reports_model import NASTY, header, many, report, result, worst

from lossproof.reports import schema
from lossproof.reports.encoding import decode, encode
from lossproof.reports.jsonl import Writer, read, write
from lossproof.reports.model import Report, ReportError

THREE = (result("a"), result("b", "failed", worst=worst(math.inf)), result("c", "skipped"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "folder" / "report.jsonl"


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def truncate(path: Path, whole: Report, results: int, tail: bytes = b"") -> None:
    """What a kill leaves after so many results."""
    write(path, whole)
    path.write_bytes(b"".join(lines_of(path)[: 1 + results]) + tail)


@pytest.mark.parametrize("text", NASTY)
def test_every_text_survives(path: Path, text: str) -> None:
    case = {text: [text, {text: None, "$float": text}], "n": [-0.0, 2**63, 1.5e-320, True]}
    whole = report(
        result(
            text, "xfailed", reason=text or "?", message=text, snippet=text, link=text,
            sentence=text, conventions={text: text}, worst=worst(1.0, case=case),
        ),
        flags={text: text},
    )  # fmt: skip
    write(path, whole)
    assert read(path) == whole
    assert len(lines_of(path)) == 3


@pytest.mark.parametrize("number", [0.0, -0.0, 5e-324, 1e308, math.inf, -math.inf, math.nan])
def test_every_number_survives(number: float) -> None:
    one = result(
        worst=worst(number, ulps=number, case={"x": [number, {"y": number}]}), seconds=number
    )
    assert repr(decode(encode(one))) == repr(one)
    json.loads(encode(one), parse_constant=pytest.fail)


def test_a_lone_surrogate_is_written_as_its_escape() -> None:
    assert decode(encode(result(message="\udc80 é"))) == result(message="\\udc80 é")


def test_a_case_that_is_not_json_is_refused_by_name() -> None:
    with pytest.raises(ReportError, match=r"^huber/value\[.*\]: cannot be written as JSON: "):
        encode(result(worst=worst(1.0, case={"x": object()})))


def test_the_same_results_give_the_same_bytes_in_any_order(path: Path) -> None:
    seen = set()
    for order in itertools.permutations(THREE):
        with Writer(path) as writer:
            writer.start(header())
            for one in order:
                writer.add(one)
            footer = report(*THREE).footer
            assert footer is not None
            writer.finish(footer)
        seen.add(path.read_bytes())
    write(path, report(*reversed(THREE)))
    assert seen == {path.read_bytes()}
    assert [entry.name for entry in path.parent.iterdir()] == ["report.jsonl"]


def test_each_result_is_on_disk_as_soon_as_it_is_added(path: Path) -> None:
    with Writer(path) as writer:
        writer.start(header())
        for number, one in enumerate(THREE, start=1):
            writer.add(one)
            assert read(path, allow_truncated=True).results == THREE[:number]
        assert writer.finished == {one.id for one in THREE}
        assert writer.counts["failed"] == 1


def test_a_report_without_results_is_whole(path: Path) -> None:
    write(path, report())
    assert read(path) == report()


@pytest.mark.parametrize("tail", [b"", b'{"kind":"res', b"\0\0\0", b"{", b'{"kind":"footer"'])
def test_a_report_cut_off_is_refused_unless_allowed(path: Path, tail: bytes) -> None:
    truncate(path, report(*THREE), 2, tail)
    said = (
        f"{path}: no footer: the run was cut off after 2 of 4 results; "
        f"finish it with `lossproof run --resume {path}`"
    )
    with pytest.raises(ReportError, match=f"^{re.escape(said)}$"):
        read(path)
    assert read(path, allow_truncated=True) == Report(header=header(), results=THREE[:2])


def broken(change: Any) -> bytes:
    lines = [encode(record) for record in (header(), *THREE, report(*THREE).footer) if record]
    return b"\n".join(change(lines)) + b"\n"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda x: [x[0].replace(b'_version":3', b'_version":4'), *x[1:]],
         "line 1: schema_version 4 is unknown; this lossproof reads 1, 2 and 3"),
        (lambda x: [x[0].replace(b'"schema_version":3', b'"seed":1'), *x[1:]],
         "line 1: schema_version None is unknown; this lossproof reads 1, 2 and 3"),
        (lambda x: x[1:], "line 1: no header"),
        (lambda x: [x[0], *x], "line 2: a second header"),
        (lambda x: [*x[:2], b"{", *x[2:]], "line 3: not JSON: Input data was truncated"),
        (lambda x: [*x[:2], b"", *x[2:]], "line 3: not JSON: Input data was truncated"),
        (lambda x: [*x[:2], b"[1]", *x[2:]], "line 3: not an object"),
        (lambda x: [*x[:2], b'{"kind":"case"}', *x[2:]],
         "line 3: Invalid value 'case' - at `$.kind`"),
        (lambda x: [x[0], x[1].replace(b'"points":0', b'"points":"0"'), *x[2:]],
         "line 2: Expected `int`, got `str` - at `$.points`"),
        (lambda x: [x[0], x[1].replace(b'"points"', b'"point"'), *x[2:]],
         "line 2: Object contains unknown field `point`"),
        (lambda x: [*x[:2], *x[1:]], f"line 3: two results for {THREE[0].id}"),
        (lambda x: [*x, x[1]], "line 6: a record after the footer"),
        (lambda x: [*x[:2], *x[3:]], "the footer counts 3 results, there are 2"),
        (lambda x: [*x[:2], x[2].replace(b'"failed"', b'"passed"'), *x[3:]],
         "the footer counts 1 failed, there are 0"),
    ],
)  # fmt: skip
def test_a_report_that_is_not_whole_is_refused(path: Path, change: Any, said: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(broken(change))
    with pytest.raises(ReportError) as caught:
        read(path)
    assert str(caught.value) == f"{path}: {said}"


def test_half_a_line_after_the_footer_is_refused(path: Path) -> None:
    write(path, report(*THREE))
    path.write_bytes(path.read_bytes() + b'{"kind"')
    with pytest.raises(ReportError, match="line 6: not JSON"):
        read(path, allow_truncated=True)


def test_what_cannot_be_read_or_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    attempts: list[tuple[Any, Path, str]] = [
        (read, tmp_path / "none", "cannot be read: No such file or directory"),
        (read, tmp_path / "file", "no header: the file is empty"),
        (lambda path: Writer(path).__enter__(), tmp_path, "not a file"),
        (lambda path: Writer(path).__enter__(), tmp_path / "file" / "r.jsonl", "cannot be written"),
    ]
    for act, path, said in attempts:
        with pytest.raises(ReportError, match=f"^{re.escape(f'{path}: {said}')}[^\n]*$"):
            act(path)


def test_a_whole_report_is_written_at_once_or_not_at_all(path: Path) -> None:
    write(path, report(*THREE))
    before = path.read_bytes()
    with pytest.raises(ReportError, match=r"two results for huber/a\[torch,float32,cpu\]$"):
        write(path, report(THREE[0], THREE[0]))
    wrong = Report(header=header(), results=THREE[:2], footer=report(*THREE).footer)
    with pytest.raises(ReportError, match="the footer counts 3 results, there are 2$"):
        write(path, wrong)
    with pytest.raises(ReportError, match="cannot be written as JSON"):
        write(path, report(result("z", worst=worst(1.0, case={"x": object()}))))
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["report.jsonl"]


def test_misuse_of_a_writer_is_refused(path: Path) -> None:
    with Writer(path) as writer:
        with pytest.raises(ReportError, match="a result before the header$"):
            writer.add(THREE[0])
        writer.start(header())
        writer.add(THREE[0])
        with pytest.raises(ReportError, match="two results for huber/a"):
            writer.add(THREE[0])
        footer = report(*THREE).footer
        assert footer is not None
        with pytest.raises(ReportError, match="the footer counts 3 results, there are 1$"):
            writer.finish(footer)


def test_ten_thousand_results_take_seconds(path: Path) -> None:
    whole = many(10_000)
    begin = time.process_time()  # what else the machine does counts for nothing
    write(path, whole)
    back = read(path)
    assert time.process_time() - begin < 20
    assert back.results == tuple(sorted(whole.results, key=lambda r: r.id))


def test_the_committed_schema_is_that_of_the_types() -> None:
    assert schema.COPY.read_text(encoding="utf-8") == schema.text()


def test_a_report_through_a_link_keeps_the_link(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir(parents=True)
    (tmp_path / "real.jsonl").touch()
    os.symlink(tmp_path / "real.jsonl", path)
    write(path, report(*THREE))
    assert path.is_symlink()
    assert read(tmp_path / "real.jsonl") == report(*THREE)
