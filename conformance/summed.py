"""Sums of bfloat16 by NumPy, which does not know the dtype: not charged to who calls `np.sum`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from lossproof.conformance.check import Observation
from lossproof.conformance.checks import scale
from lossproof.conformance.subject import Incomparable, Subject, TargetError
from lossproof.spec.question import Question


@dataclass(frozen=True, kw_only=True, eq=False)
class Summed:
    """Takes off the sums and means that NumPy makes of the function's own losses, bit for bit."""

    subject: Subject
    reason: str = (
        "inherited from numpy: np.sum of bfloat16, a dtype that NumPy does not know, rounds each "
        "partial sum to it"
    )
    link: str | None = None

    def rest(self, question: Question, observations: list[Observation]) -> list[Observation]:
        """The observations without the faults of NumPy's sum."""
        return [
            replace(o, fault=None, ratio=0.0, facts={}) if o.fault and self._of_numpy(o) else o
            for o in observations
        ]

    @cached_property
    def losses(self) -> Any:
        """The losses of the small batch, each sample asked alone; None where that cannot be."""
        subject = self.subject
        small = scale.small(subject)
        try:
            found = [
                subject.ask(replace(small.take([i]), reduction=subject.reductions[0])).value
                for i in range(small.samples)
            ]
        except (TargetError, Incomparable):
            return None
        return np.concatenate([np.reshape(value, -1) for value in found])

    def _of_numpy(self, seen: Observation) -> bool:
        times, reduction = seen.how.get("repeated"), seen.how.get("reduction")
        gradient = seen.judgement is not None
        if times is None or reduction is None or gradient or self.losses is None:
            return False
        try:
            came = self.subject.ask_again(scale.large(self.subject, times, reduction)).value
        except (TargetError, Incomparable):
            return False
        whole = np.tile(self.losses, times)
        total = np.sum(whole)
        made = (
            [total]
            if reduction == "sum"
            else [np.mean(whole), total / total.dtype.type(len(whole))]
        )
        return any(np.asarray(m).tobytes() == np.asarray(came).tobytes() for m in made)
