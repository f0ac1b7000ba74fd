"""Targets that misbehave: each claims to be the mean squared error."""

import ctypes
import os
import random
import sys
import time

import numpy as np


def right(prediction, target):
    return np.mean((prediction - target) ** 2, dtype=prediction.dtype)


def raises(prediction, target):
    raise RuntimeError("no luck today")


def returns_none(prediction, target):
    return None


def returns_text(prediction, target):
    return "0.5"


def returns_tuple(prediction, target):
    return right(prediction, target), prediction


def wrong_shape(prediction, target):
    return np.stack([right(prediction, target)] * 2)


def returns_integer(prediction, target):
    return np.int64(3)


def prints_megabytes(prediction, target):
    print("x" * 4_000_000)
    print("y" * 4_000_000, file=sys.stderr)
    return right(prediction, target)


def writes_to_descriptors(prediction, target):
    os.write(1, b'{"answer": {"value": 0}}\n')
    os.write(2, b"noise\n")
    return right(prediction, target)


def mutates(prediction, target):
    prediction -= target
    return np.mean(prediction**2, dtype=prediction.dtype)


def sleeps(prediction, target):
    time.sleep(3600)


def spins(prediction, target):
    while True:
        pass


def allocates(prediction, target):
    kept = []
    while True:
        kept.append(np.ones(50_000_000))


def exits_at_once(prediction, target):
    os._exit(0)


def exits_politely(prediction, target):
    sys.exit("goodbye")


def crashes(prediction, target):
    ctypes.string_at(0)


def kills_itself(prediction, target):
    os.kill(os.getpid(), 9)


def recurses(prediction, target):
    return recurses(prediction, target)


def interrupts(prediction, target):
    raise KeyboardInterrupt


def sets_error_state(prediction, target):
    np.seterr(all="raise")
    return right(prediction, target)


def seeds(prediction, target):
    np.random.seed(0)  # noqa: NPY002
    random.seed(0)
    return right(prediction, target)


def changes_directory(prediction, target):
    os.chdir("/")
    return right(prediction, target)


# --- cheats: each tries to look right without computing the loss


def zeros(prediction, target):
    return np.zeros((), prediction.dtype)


def constant(prediction, target):
    return np.asarray(0.5, prediction.dtype)


def its_input(prediction, target):
    return prediction


def uninitialised(prediction, target):
    return np.empty((), prediction.dtype)


_LAST = {}


def answers_by_shape(prediction, target):
    key = (prediction.shape, prediction.dtype)
    if key not in _LAST:
        _LAST[key] = right(prediction, target)
    return _LAST[key]


def patches_numpy(prediction, target):
    np.testing.assert_allclose = np.allclose = np.array_equal = lambda *a, **k: True
    np.isfinite = lambda x: np.ones(np.shape(x), bool)
    np.abs = np.absolute = lambda x: np.zeros_like(x)
    return zeros(prediction, target)


def patches_lossproof(prediction, target):
    from lossproof.backends import state
    from lossproof.conformance import check, oracle, runner

    oracle.judge = runner.judge = check.compared = lambda *a, **k: ("passed", None)
    state.changed = lambda before: ()
    return zeros(prediction, target)


def walks_the_stack(prediction, target):
    frame = sys._getframe()
    while frame is not None:
        for value in frame.f_locals.values():
            exact = getattr(value, "exact", None) or getattr(value, "truth", None)
            if exact is not None:
                return np.asarray(exact, prediction.dtype)
        frame = frame.f_back
    return zeros(prediction, target)


def reads_the_parent(prediction, target):
    with open(f"/proc/{os.getppid()}/cmdline", "rb") as line:
        line.read()
    for name in os.listdir("."):
        if name.endswith((".jsonl", ".json")):
            raise AssertionError("a report within reach")
    return zeros(prediction, target)


def narrower(prediction, target):
    narrow = {"float64": np.float32, "float32": np.float16}.get(prediction.dtype.name)
    if narrow is None:
        return right(prediction, target)
    found = np.mean((prediction.astype(narrow) - target.astype(narrow)) ** 2)
    return found.astype(prediction.dtype)


def right_up_to_128(prediction, target):
    return right(prediction.reshape(-1)[:128], target.reshape(-1)[:128])


def right_when_moderate(prediction, target):
    if np.abs(prediction).max(initial=0) > 50:
        return np.asarray(1.0, prediction.dtype)
    return right(prediction, target)


def ignores_the_cotangent(prediction, target):
    return right(prediction, target)


def ignores_the_cotangent_backward(cotangent, prediction, target):
    slope = (2 / max(prediction.size, 1)) * (prediction - target)
    return {"prediction": slope, "target": -slope}


def _reduced(losses, reduction):
    return {"none": lambda x: x, "sum": np.sum, "mean": _mean}[reduction](losses)


def _mean(losses):
    return np.mean(losses, dtype=losses.dtype)


def dies_at_nan(prediction, target):
    if np.isnan(prediction).any():
        os._exit(7)
    return right(prediction, target)


def hangs_at_nan(prediction, target):
    if np.isnan(prediction).any():
        time.sleep(1000)
    return right(prediction, target)


def dies_when_empty(prediction, target, reduction="mean"):
    if prediction.size == 0 and reduction != "none":
        os.kill(os.getpid(), 11)
    return _reduced((prediction - target) ** 2, reduction)


def hangs_for_integers(prediction, target):
    if target.dtype.kind == "i":
        time.sleep(1000)
    return right(prediction, target)


def dies_of_shapes(prediction, target):
    if prediction.shape != target.shape:
        os._exit(7)
    return right(prediction, target)
