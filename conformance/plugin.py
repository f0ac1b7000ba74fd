"""The pytest plugin: options of `pytest --pyargs lossproof.conformance`.

It is loaded in every run of pytest wherever lossproof is installed, so it imports nothing but
pytest until one of its options is given. Each option may be given as an environment variable
instead, LOSSPROOF_LOSS for `--lossproof-loss`; the option wins.
"""

from __future__ import annotations

import os

import pytest

OPTIONS = {
    "backend": "numpy, torch, jax, or a backend that is installed",
    "loss": "a loss, or a pattern with *",
    "dtype": "float64, float32, float16, bfloat16",
    "device": "cpu (default), cuda, gpu",
    "check": "a check, such as value or gradient.prediction, or a pattern with *",
    "profile": "smoke, default, thorough, exhaustive",
    "expected": "a file of expected deviations, beside the one that comes with lossproof",
}


def variable(option: str) -> str:
    """The environment variable of an option."""
    return f"LOSSPROOF_{option.upper()}"


def separator(option: str) -> str:
    """What stands between several values of an option."""
    return os.pathsep if option == "expected" else ","


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("lossproof", "lossproof: conformance of loss functions")
    for option, meaning in OPTIONS.items():
        group.addoption(
            f"--lossproof-{option}",
            action="append",
            metavar=option.upper(),
            help=f"{meaning} (or {variable(option)})",
        )


def pytest_configure(config: pytest.Config) -> None:
    """Hand the options to the suite as environment variables. Raises pytest.UsageError."""
    given = {option: config.getoption(f"lossproof_{option}") for option in OPTIONS}
    if any(given.values()):
        patch = pytest.MonkeyPatch()
        config.add_cleanup(patch.undo)
        for option, values in given.items():
            if values:
                patch.setenv(variable(option), separator(option).join(values))
    asked = any(str(argument).startswith("lossproof") for argument in config.args)
    if any(given.values()) or (asked and any(k.startswith("LOSSPROOF_") for k in os.environ)):
        from lossproof.conformance import suite

        try:
            suite.cells()
        except ValueError as error:
            raise pytest.UsageError(f"lossproof: {error}") from None


def pytest_report_header() -> str | None:
    """What the options and the environment select."""
    selected = _selected()
    return f"lossproof: {', '.join(selected)}" if selected else None


def _selected() -> list[str]:
    return [f"{o} = {os.environ[variable(o)]}" for o in OPTIONS if os.environ.get(variable(o))]
