"""No miss: every wrong implementation is caught by a check named for its fault."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("jax")

from gallery import Wrong, gallery
from saboteurs import SABOTEURS

from lossproof.backends.registry import Implementation
from lossproof.conformance.check import checks
from lossproof.conformance.effort import EFFORTS
from lossproof.conformance.registry import backend
from lossproof.conformance.runner import examine
from lossproof.conformance.subject import Subject
from lossproof.reports.model import Result
from lossproof.spec.loss import catalogue, get

CAUGHT = ("failed", "warned", "errored")


def subject_of(entry: Wrong, dtype: str) -> Subject:
    """An entry, to be asked in a dtype."""
    implementation = Implementation(
        loss=entry.loss,
        backend=entry.backend,
        forward=entry.forward,
        reverse=entry.reverse,
        label=entry.id,
    )
    return Subject(
        loss=get(entry.loss),
        implementation=implementation,
        backend=backend(entry.backend),
        dtype=dtype,
        device="cpu",
        effort=EFFORTS["default"],
    )


def examined(entry: Wrong, dtype: str, names: tuple[str, ...]) -> list[Result]:
    """The results of the named checks of an entry; `gradient` stands for all of its arguments."""
    subject = subject_of(entry, dtype)
    named = [
        (check, name)
        for check in checks().values()
        for name in check.names(subject.loss)
        if name in names or check.name in names
    ]
    assert named, f"{entry.id}: no check is named {names}"
    return list(examine(subject, named, seed=0))


def statuses(entry: Wrong, dtype: str, names: tuple[str, ...]) -> dict[str, str]:
    """The status of each of them."""
    return {result.check: result.status for result in examined(entry, dtype, names)}


@pytest.mark.parametrize("entry", gallery(), ids=lambda entry: entry.id)
def test_wrong_implementation_is_caught(entry):
    for dtype in entry.dtypes:
        found = statuses(entry, dtype, entry.caught_by)
        assert any(status in CAUGHT for status in found.values()), (dtype, entry.fault, found)


@pytest.mark.parametrize("name", sorted(SABOTEURS))
def test_saboteur_is_caught_by_its_own_check(name):
    entry = SABOTEURS[name]
    for dtype in entry.dtypes:
        found = statuses(entry, dtype, (entry.caught_by[0],))
        assert any(status in CAUGHT for status in found.values()), (dtype, entry.fault, found)


def test_every_check_has_a_saboteur():
    assert set(SABOTEURS) == set(checks())


def test_every_loss_has_two_wrong_implementations_or_more():
    entries = [entry.loss for entry in gallery()]
    assert len(entries) >= 80
    assert all(entries.count(loss) >= 2 for loss in catalogue())


def test_the_mistakes_of_the_reference_notebooks_are_among_them():
    assert sum(entry.from_notebook for entry in gallery()) >= 10
