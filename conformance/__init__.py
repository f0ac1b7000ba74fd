"""The conformance suite: checks, the runner that asks their questions, and ways to drive it.

Nothing is imported here: the pytest plugin of this package is loaded in every run of pytest.
"""
