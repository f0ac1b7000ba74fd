"""Landmark questions asked once for all the checks of a subject, item after item of pytest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache, lru_cache

from lossproof.conformance.check import Check
from lossproof.conformance.sources import Source
from lossproof.conformance.subject import Subject
from lossproof.spec.question import Question


@cache
def sharing(check: Check) -> Check:
    """The same check; its landmark questions are kept, with their answers, for the next one."""
    source = check.source

    def landmarks(subject: Subject) -> Iterator[Question]:
        if subject.effort.exhaustive:
            return source.landmarks(subject)  # too many to keep
        return iter(_questions(source, subject))

    return replace(check, source=replace(source, landmarks=landmarks))


@lru_cache(maxsize=8)
def _questions(source: Source, subject: Subject) -> tuple[Question, ...]:
    return tuple(source.landmarks(subject))
