"""How numbers lie in memory does not change the answer."""

from __future__ import annotations

from collections.abc import Iterator

from lossproof.conformance.check import MUST, Observation, check, compared
from lossproof.conformance.sources import PLAIN
from lossproof.conformance.subject import Subject
from lossproof.spec.question import Question


def _has_layouts(subject: Subject) -> str | None:
    if len(subject.backend.layouts) > 1:
        return None
    return f"arrays of {subject.backend.name} have no layout"


@check(
    "layout",
    level=MUST,
    sentence="strided, transposed, reversed, broadcast and read-only arrays give the same answer",
    source=PLAIN,
    needs=_has_layouts,
)
def layout(subject: Subject, question: Question) -> Iterator[Observation]:
    """The question in every layout of the backend."""
    for name in subject.backend.layouts:
        for quantity in subject.quantities:
            judgement = subject.judge(question, quantity, layout=name)
            yield compared(
                question, judgement, what=f"wrong for {name} arrays", how={"layout": name}
            )
