"""Two headers compared: every key in which one run has something else than another.

So are the specifications that runs were judged against, which stand beside their headers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

import msgspec
from msgspec.structs import replace

from lossproof.reports.model import Header
from lossproof.reports.stated import LossFacts

CLOCK = frozenset({"started"})
AXES = ("losses", "backends", "devices")  # in which a run divides: no unit depends on another
SHARD = "shard"  # of a selection: which parts of a run the report holds, such as "2/3"


class Difference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One key, such as `versions.torch`, and what stands there in words; of lists what differs."""

    key: str
    was: str
    now: str

    @property
    def text(self) -> str:
        """The difference as a clause."""
        return f"{self.key} was {self.was}, is {self.now} now"


def differences(was: Header, now: Header, ignoring: Set[str] = CLOCK) -> tuple[Difference, ...]:
    """Key by key, but for those ignored; `selection.checks` names one within another."""
    first, second = msgspec.to_builtins(was), msgspec.to_builtins(now)
    return tuple(_within("", first, second, ignoring))


def beyond_axes(was: Header, now: Header, ignoring: Set[str]) -> tuple[Difference, ...]:
    """The differences that remain between what two runs share, whatever each selects on the axes.

    Of devices and probes, those are compared that belong to backends of both, and of versions those
    that both name: a header names the libraries of its own backends.
    """
    shared = set(was.selection.get("backends", ())) & set(now.selection.get("backends", ()))
    named = was.versions.keys() & now.versions.keys()
    first, second = (_without_axes(header, shared, named) for header in (was, now))
    return differences(first, second, CLOCK | {"cells"} | ignoring)


def specifications(was: Iterable[LossFacts], now: Iterable[LossFacts]) -> tuple[Difference, ...]:
    """The losses that both runs state, each from another file, by the digests of these."""
    digests = {facts.name: facts.digest for facts in was}
    return tuple(
        Difference(key=f"specification.{f.name}", was=digests[f.name], now=f.digest)
        for f in now
        if digests.get(f.name, f.digest) != f.digest
    )


def sentence(found: Iterable[Difference]) -> str:
    """Differences as one line."""
    return "; ".join(difference.text for difference in found)


def shards(header: Header) -> tuple[str, ...]:
    """The parts of a run that the report holds, such as 2/3; none for a whole run."""
    return tuple(header.selection.get(SHARD, ()))


def same_questions(old: Header, new: Header) -> bool:
    """Whether both runs asked the same of what they share: then no difference is one of luck.

    The search is seeded, and it climbs by what all the checks selected see together.
    """
    return _asked(old) == _asked(new)


def _without_axes(header: Header, backends: Set[str], libraries: Set[str]) -> Header:
    divided = {*AXES, SHARD}
    return replace(
        header,
        versions={k: v for k, v in header.versions.items() if k in libraries},
        selection={k: v for k, v in header.selection.items() if k not in divided},
        devices={k: v for k, v in header.devices.items() if k in backends},
        probes={k: v for k, v in header.probes.items() if k.partition(".")[0] in backends},
    )


def _asked(header: Header) -> tuple[Any, ...]:
    return header.lossproof, header.seed, header.profile, header.selection.get("checks")


def _within(
    name: str, was: Mapping[str, Any], now: Mapping[str, Any], ignoring: Set[str]
) -> Iterator[Difference]:
    for key in (*was, *(key for key in now if key not in was)):
        full = f"{name}.{key}" if name else key
        before, after = was.get(key), now.get(key)
        if full in ignoring or before == after:
            continue
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _within(full, before, after, ignoring)
            continue
        if isinstance(before, list) and isinstance(after, list) and set(before) != set(after):
            before, after = (
                [x for x in before if x not in after],
                [x for x in after if x not in before],
            )
        yield Difference(key=full, was=_told(before), now=_told(after))


def _told(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "nothing more"
    return "unset" if value is None else str(value)
