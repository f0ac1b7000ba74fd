"""A report as JUnit XML: a suite for each loss and backend, a case for each cell.

JUnit knows failures, errors and skips; what it has no word for is mapped so that nothing looks
better than it is:

    failed            failure
    errored           error
    not-run           error: nobody knows what it would have been
    skipped           skipped, with the reason
    xfailed           skipped, of type xfailed, with the reason of the known deviation
    passed            a plain case
    warned, xpassed   a plain case that says so in its output, since neither fails a run

A report in which nothing ran gets a case of its own, an error: JUnit would show it green.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from lossproof.reports import summary
from lossproof.reports.model import Report, Result
from lossproof.reports.text import one_line, visible

#: what XML cannot hold besides what `visible` escapes
NONCHARACTER = re.compile("[\ufffe\uffff]")
FAILURES = ("failed",)
ERRORS = ("errored", "not-run")
SKIPS = ("skipped", "xfailed")


def render(report: Report) -> str:
    """The whole report; the same for any order of results."""
    suites: defaultdict[tuple[str, str], list[Result]] = defaultdict(list)
    for result in sorted(report.results, key=lambda r: r.id):
        suites[result.loss, result.backend].append(result)
    root = ET.Element("testsuites", name="lossproof")
    for loss, backend in sorted(suites):
        root.append(_suite(report, f"{loss}.{backend}", suites[loss, backend]))
    if summary.exit_code(summary.counts(report.results)) == 3 and not _incomplete(report.results):
        root.append(_nothing(report))
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(report: Report, name: str, results: list[Result]) -> ET.Element:
    suite = _head(report, name, len(results))
    for key, statuses in (("failures", FAILURES), ("errors", ERRORS), ("skipped", SKIPS)):
        suite.set(key, str(sum(r.status in statuses for r in results)))
    suite.set("time", _seconds(sum(r.seconds for r in results)))
    suite.extend(_case(name, r) for r in results)
    return suite


def _head(report: Report, name: str, tests: int) -> ET.Element:
    suite = ET.Element("testsuite", name=_line(name), tests=str(tests))
    suite.set("timestamp", _line(report.header.started))
    facts = ET.SubElement(suite, "properties")
    header = report.header
    values = {
        "lossproof": header.lossproof,
        "profile": header.profile,
        "seed": str(header.seed),
        "shortcomings": " ".join(summary.shortcomings(report)) or "none",
    }
    for key, value in values.items():
        ET.SubElement(facts, "property", name=key, value=_line(value))
    return suite


def _case(suite: str, result: Result) -> ET.Element:
    name = f"{result.check}[{result.dtype},{result.device}]"
    case = ET.Element("testcase", classname=_line(suite), name=_line(name))
    case.set("time", _seconds(result.seconds))
    if result.status in FAILURES:
        _child(case, "failure", result.sentence, result.level, _said(result))
    elif result.status in ERRORS:
        _child(case, "error", result.reason or result.sentence, result.status, _said(result))
    elif result.status in SKIPS:
        _child(case, "skipped", result.reason or "", result.status, result.link or "")
    elif result.status != "passed":
        said = "\n".join(text for text in (result.status, _said(result)) if text)
        ET.SubElement(case, "system-out").text = _text(said)
    return case


def _child(case: ET.Element, tag: str, message: str, kind: str, text: str) -> None:
    child = ET.SubElement(case, tag, type=_line(kind), message=_line(message))
    child.text = _text(text) or None


def _said(result: Result) -> str:
    return "\n".join(text for text in (result.message, result.reason) if text)


def _incomplete(results: Iterable[Result]) -> bool:
    return any(r.status == "not-run" for r in results)


def _nothing(report: Report) -> ET.Element:
    suite = _head(report, "lossproof", 1)
    suite.attrib |= {"failures": "0", "errors": "1", "skipped": "0", "time": "0.000"}
    case = ET.SubElement(suite, "testcase", classname="lossproof", name="run", time="0.000")
    _child(case, "error", "Nothing ran.", "nothing-ran", "")
    return suite


def _seconds(number: float) -> str:
    """With what is not finite, which a number of XML is not, as 0."""
    return f"{number:.3f}" if 0 < number < float("inf") else "0.000"


def _line(text: str) -> str:
    return _characters(one_line(text))


def _text(text: str) -> str:
    return _characters(visible(text))


def _characters(text: str) -> str:
    return NONCHARACTER.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
