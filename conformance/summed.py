"""Sums of bfloat16 by NumPy, which does not know the dtype: not charged to who calls `np.sum`."""

from __future__ import annotations

from dataclasses import dataclass, replace

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

    def _of_numpy(self, seen: Observation) -> bool:
        times, reduction = seen.how.get("repeated"), seen.how.get("reduction")
        if times is None or reduction is None or seen.judgement is not None:
            return False  # a judgement is of a gradient
        few = seen.question
        try:
            losses = [
                self.subject.ask(replace(few.take([i]), reduction=self.subject.reductions[0])).value
                for i in range(few.samples)
            ]
            came = self.subject.ask_again(scale.large(self.subject, few, times, reduction)).value
        except (TargetError, Incomparable):
            return False
        whole = np.tile(np.concatenate([np.reshape(value, -1) for value in losses]), times)
        total = np.sum(whole)
        made = (
            [total]
            if reduction == "sum"
            else [np.mean(whole), total / total.dtype.type(len(whole))]
        )
        return any(np.asarray(m).tobytes() == np.asarray(came).tobytes() for m in made)
