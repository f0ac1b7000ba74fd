"""A guess at a cause that goes wrong costs nothing but the guess."""

from click.testing import CliRunner

from lossproof.conformance import diagnose, targets
from lossproof.conformance.cli import main


def test_an_error_in_a_guess_costs_no_verdict(tmp_path, monkeypatch):
    def broken(*_):
        raise IndexError("beyond all entries")

    monkeypatch.setattr(diagnose, "looks", broken)
    monkeypatch.setattr(targets, "looks_like", broken)
    file = tmp_path / "case.py"
    file.write_text("def loss(prediction, target):\n    return (prediction - target) ** 2 / 2\n")
    asked = ["check", f"{file}:loss", "--loss", "mse", "--backend", "numpy", "--no-isolation"]
    came = CliRunner().invoke(main, [*asked, "--dtype", "float32", "--check", "value"])
    assert came.exit_code == 1
    assert came.output.count("an error of lossproof itself, IndexError('beyond all entries')") == 2
