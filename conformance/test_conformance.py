"""The whole suite as plain pytest: `pytest --pyargs lossproof.conformance --lossproof-loss huber`.

Every cell is a Hypothesis test, so that whatever drives such tests can drive it. What is selected
may be said by environment variables instead of options: LOSSPROOF_LOSS=huber.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lossproof.conformance import suite


@pytest.mark.parametrize("cell", suite.parameters())
@suite.settings()
@given(data=st.data())
def test_conforms(cell: suite.Cell, data: st.DataObject) -> None:
    """The landmark questions, then a search that climbs towards the largest error / budget."""
    __tracebackhide__ = True
    suite.landmarks(cell)
    if suite.searches(cell):
        suite.ask(cell, data.draw(suite.questions(cell), label="question"))
