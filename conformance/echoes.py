"""Violations that are echoes: the plain call is wrong there too, as another check says.

A function whose value is wrong everywhere is wrong in every layout, at every size and under every
transformation, which says nothing of layouts, sizes and transformations.
"""

from __future__ import annotations

from lossproof.conformance.check import Observation
from lossproof.conformance.subject import Incomparable, Subject, TargetError
from lossproof.spec.loss import SpecError


def echo(subject: Subject, observation: Observation) -> tuple[str, ...]:
    """The checks of which a violation is an echo: `value`, or `gradient.` and an argument.

    Nothing where it is a fault of its own: no plain call that the observation names is wrong.
    """
    judgement = observation.judgement
    if judgement is not None and judgement.problem is not None:
        return ()
    found = []
    for question, quantity in observation.plainly:
        if quantity in subject.quantities and quantity not in found:
            try:
                plain = subject.judge(question, quantity)
            except (TargetError, SpecError, Incomparable):
                continue
            if plain.problem is None and plain.violations.any():
                found.append(quantity)
    return tuple(found)
