"""Functions are known by their numbers, whatever they are called, and by what they do wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from lossproof.backends.loading import Source
from lossproof.conformance import claims, evidence
from lossproof.conformance.cli import main
from lossproof.conformance.effort import EFFORTS
from lossproof.conformance.identify import identify
from lossproof.conformance.origin import implementation
from lossproof.conformance.registry import backend
from lossproof.conformance.resemblance import looks_like
from lossproof.conformance.subject import Subject
from lossproof.spec.loss import get

HERE = Path(__file__).parent
KNOWN = {
    "criterion": "huber, delta = 0.7, not reduced",
    "objective": "huber, mean",
    "smooth": "huber divided by delta (smooth L1), delta = 0.5, sum",
    "half": "mse times 1/2, mean",
    "per_row": "mse, mean over the last axis",
    "by_batch": "mse",
    "unbiased": "mse, sum divided by n - 1",
    "score": "mse with the sign flipped plus 1, mean",
    "one_axis_only": "mse, mean",
    "narrow": "mse, mean",
    "logarithmic": "mse of log(1 + x), mean",
    "percentage": "mae relative to the target times 100, mean",
    "root": "rmse",
    "logits_loss": "binary_cross_entropy_with_logits with the sign flipped, mean",
    "signs": "binary_cross_entropy_with_logits of targets -1 and +1, mean",
    "guarded": "binary_cross_entropy, eps = 1e-08, mean",
    "bits": "cross_entropy_probabilities times 1/ln 2, mean",
    "wrong_way_round": "cross_entropy_probabilities with arguments swapped, mean",
    "divergence": "kl_div of probabilities, not of their logarithms, sum over the last axis",
    "batchmean": "kl_div, reduction batchmean",
    "classes": "cross_entropy, mean",
    "softmax_twice": "cross_entropy, mean, but softmax is applied twice",
    "wrong_axis": "cross_entropy, mean, but softmax runs over the batch",
    "likelihood": "nll of probabilities, their logarithm taken, mean",
    "crammed": "multi_margin, p = 1, margin = 1, mean, but not divided by the number of classes",
    "focal": "sigmoid_focal, mean, but alpha applied to the wrong class",
    "focal_fixed": "sigmoid_focal, alpha = 0.25, gamma = 2, mean, "
    "but alpha applied to the wrong class",
    "focal_positive": "sigmoid_focal, alpha = 0.25, gamma = 2, mean, "
    "but alpha applied to the positive class only",
    "log_variance": "gaussian_nll of the logarithm of the variance, eps = 1e-06, not reduced",
    "full_normal": "gaussian_nll, eps = 1e-06, full = True, mean",
    "counts": "poisson_nll, log_input = False, eps = 1e-08, mean",
    "overlap": "dice with the sign flipped plus 1, smooth = 0",
    "overlap_below": "dice, smooth = 1e-07, but smooth is added to the denominator only",
    "ranked": "bpr, not reduced",
    "triplet": "triplet_margin of squared distances, margin = 0.2, p = 2, eps = 0, mean",
    "pairs": "cosine_embedding, margin = 0.5, eps = 1e-16, mean",
    "clip_style": "info_nce of normalised rows in both directions, temperature = 0.07, mean",
    "normaliser": "logsumexp",
    "no_loss": "none of the catalogue",
    "often": "none of the catalogue",
    "nothing": "none of the catalogue",
    "raises": "raises on every question: RuntimeError: no licence",
    "text": "raises on every question: NotAnArray: returned '0.5', an array is wanted",
}


def _told(name: str) -> list[str]:
    placed = claims.local(Source(target=f"{HERE / 'guises.py'}:{name}"), backend("numpy"))
    return list(evidence.told(identify(placed.implementations, placed.backend)))


@pytest.mark.parametrize("name", KNOWN)
def test_a_function_is_known(name: str) -> None:
    assert _told(name)[0] == KNOWN[name]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("objective", "  but    delta is ignored"),
        ("by_batch", "  but    reduction 'mean' is: sum divided by the batch"),
        ("by_batch", "  takes  reduction"),
        ("ranked", "  or     pairwise_logistic, not reduced"),
        ("focal_fixed", "  or     sigmoid_focal, alpha = 0.75, gamma = 2, mean"),
        ("criterion", "  binds  prediction = y_pred (alias), target = y_true (alias)"),
        ("nothing", "  gives  0, whatever it is asked"),
        ("half", "  at     prediction=[[1.5, 0.5], [0, -1]], target=[[-0.75, -2], [-1.75, -2]]: "
         "it gives 1.921875, the same as this 1.921875; mse itself 3.84375"),
    ],
)  # fmt: skip
def test_the_evidence_says(name: str, line: str) -> None:
    assert line in _told(name)


def test_what_is_near_is_told_where_nothing_fits() -> None:
    near = [line for line in _told("often") if line.startswith("  near   mae, not reduced: ")]
    assert near
    assert "of 53 entries" in near[0]


def _identify(target: str, *options: str, name: str = "numpy") -> Result:
    named = ("identify", f"{HERE / 'guises.py'}:{target}", "--backend", name)
    return CliRunner().invoke(main, [*named, *options])


def test_the_command_identifies_in_a_process_of_its_own() -> None:
    found = _identify("half")
    assert found.exit_code == 0
    assert found.output.splitlines()[0] == KNOWN["half"]
    assert "(float64)" in found.output


def test_a_dtype_may_be_asked_for() -> None:
    assert "(float32)" in _identify("half", "--dtype", "float32").output


def test_exit_code_1_means_none_of_the_catalogue() -> None:
    assert _identify("no_loss").exit_code == 1


def test_a_target_that_hangs_is_not_waited_for() -> None:
    found = _identify("hangs", "--time-limit", "0.3")
    assert found.output == "does not answer: it gave no answer within 0.3 s\n"
    assert found.exit_code == 3


def test_a_target_that_always_raises_has_exit_code_3() -> None:
    found = _identify("raises")
    assert found.output == "raises on every question: RuntimeError: no licence\n"
    assert found.exit_code == 3


MISUSE = {
    ("absent",): "no function in ",
    ("half", "--dtype", "float8"): "no dtype named 'float8'; did you mean float64",
    ("half", "--map", "prediktion=u"): "no argument or option of a loss named 'prediktion'; did "
    "you mean prediction or reduction?",
    ("half", "--map", "prediction=w"): "half has no parameter 'w'; it has u, v",
    ("half", "--map", "prediction"): "--map takes NAME=VALUE, got 'prediction'",
    ("half", "--fix", "width=1"): "no parameter or option of ",
    ("wants",): "it takes the arguments of no loss of the catalogue: wants needs k, which ",
}


@pytest.mark.parametrize("arguments", MISUSE, ids=" ".join)
def test_misuse_ends_in_one_line(arguments: tuple[str, ...]) -> None:
    found = _identify(*arguments)
    assert found.exit_code == 2
    assert MISUSE[arguments] in found.output
    assert found.output.count("\n") == 1


def test_an_unknown_backend_is_named() -> None:
    found = _identify("half", name="touch")
    assert "no backend named 'touch'; did you mean torch?" in found.output


def test_a_torch_function_and_a_class_are_known(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    (tmp_path / "modules.py").write_text(
        "import torch\nclass Loss(torch.nn.Module):\n"
        "    def __init__(self, delta=2.0):\n        super().__init__()\n"
        "        self.delta = delta\n"
        "    def forward(self, pred, y):\n"
        "        return torch.nn.functional.huber_loss(pred, y, delta=self.delta)\n"
    )
    target = f"{tmp_path / 'modules.py'}:Loss(delta=2.0)"
    found = CliRunner().invoke(main, ["identify", target, "--backend", "torch"])
    assert found.output.splitlines()[0] == "huber, delta = 2, mean"


def _reduced(losses: Any, reduction: str) -> Any:
    return losses if reduction == "none" else getattr(losses, reduction)()


def _ce(logits: Any, labels: Any, weight: Any) -> Any:
    logp = logits - logits.max(-1, keepdims=True)
    logp = logp - np.log(np.exp(logp).sum(-1, keepdims=True))
    known = np.where(labels == -100, 0, labels)
    losses = np.where(labels == -100, 0.0, -logp[np.arange(len(labels)), known])
    return losses if weight is None else losses * weight[known]


def _halved(prediction: Any, target: Any, *, reduction: str) -> Any:
    return _reduced((prediction - target) ** 2 / 2, reduction)


def _fixed(prediction: Any, target: Any, *, delta: float, reduction: str) -> Any:
    r = abs(prediction - target)
    return _reduced(np.where(r <= 1, r * r / 2, r - 0.5), reduction)


def _squared(prediction: Any, target: Any, *, delta: float, reduction: str) -> Any:
    return _reduced((prediction - target) ** 2, reduction)


def _rows(prediction: Any, target: Any, *, reduction: str) -> Any:
    losses = (prediction - target) ** 2
    return losses.sum() / len(losses) if reduction == "mean" else _reduced(losses, reduction)


def _all_rows(logits: Any, labels: Any, weight: Any = None, *, reduction: str) -> Any:
    return _reduced(_ce(logits, labels, weight), reduction)


def _unweighted(logits: Any, labels: Any, weight: Any = None, *, reduction: str) -> Any:
    losses = _ce(logits, labels, None)
    return losses.sum() / (labels != -100).sum() if reduction == "mean" else _reduced(
        losses, reduction
    )  # fmt: skip


def _saturating(logits: Any, target: Any) -> Any:
    p = 1 / (1 + np.exp(-logits))
    return -(target * np.log(p) + (1 - target) * np.log(1 - p))


def _right(prediction: Any, target: Any, *, reduction: str) -> Any:
    return _reduced((prediction - target) ** 2, reduction)


def _odd(prediction: Any, target: Any, *, reduction: str) -> Any:
    return _reduced(np.tanh(prediction * target), reduction)


def _raising(prediction: Any, target: Any, *, reduction: str) -> Any:
    raise RuntimeError("no")


LOOKS: tuple[tuple[Callable[..., Any], str, str | None], ...] = (
    (_halved, "mse", "mse times 1/2"),
    (_fixed, "huber", "huber, delta = 1, where delta = 0.25 is asked"),
    (_squared, "huber", "mse"),
    (_rows, "mse", "mse, sum divided by the batch, where mean is asked"),
    (_all_rows, "cross_entropy",
     "cross_entropy, sum divided by the batch, where mean is asked, "
     "with weights or ignored labels"),
    (_unweighted, "cross_entropy",
     "cross_entropy, but weight has no effect, with weights or ignored labels"),
    (_right, "mse", None),
    (_saturating, "binary_cross_entropy_with_logits", None),
    (_odd, "mse", None),
    (_raising, "mse", None),
)  # fmt: skip


@pytest.mark.parametrize(
    ("function", "loss", "said"), LOOKS, ids=lambda v: getattr(v, "__name__", str(v))
)
def test_a_wrong_function_looks_like(
    function: Callable[..., Any], loss: str, said: str | None
) -> None:
    subject = Subject(
        loss=get(loss), implementation=implementation(function, loss=loss, backend="numpy"),
        backend=backend("numpy"), dtype="float32", device="cpu", effort=EFFORTS["default"],
    )  # fmt: skip
    assert looks_like(subject, seconds=20) == said
