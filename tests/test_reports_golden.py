"""Reports as Markdown and in a terminal, letter by letter."""

from __future__ import annotations

import math
import random
import re

import pytest
from test_reports_model import report, result, worst

from lossproof.reports import markdown, terminal
from lossproof.reports.model import Report

SMALL = report(
    result("value", points=90, excused=10, grade="A", worst=worst(0.5123)),
    result("gradient.prediction", "failed", worst=worst(math.inf), violations=3,
           sentence="not the gradient of the spec", snippet="import torch\nprint(torch.ones(1))\n",
           message="huber / gradient.prediction: not the gradient\n  looks    like mse / 2"),
    result("special_values", points=2, excused=3, worst=worst(math.inf)),
    result("kink", level="NOTE", conventions={"subgradient at r=0": "0"}),
    result("dtype", "skipped", reason="no float16 on cpu", dtype="float16"),
    result("overflow", "xfailed", reason="overflows", link="https://example.org/1_2#x"),
    profile="smoke", sufficient=False, cells=6, exit_code=1,
)  # fmt: skip

MARKDOWN = """\
# lossproof report

**This smoke run is not sufficient evidence of conformance.**

## Counts

| status   | cells   |
|----------|---------|
| passed   | 3       |
| failed   | 1       |
| warned   | 0       |
| errored  | 0       |
| skipped  | 1       |
| xfailed  | 1       |
| xpassed  | 0       |
| not-run  | 0       |

92 sample points judged; 13 more (12 %) excused: at an undecided branch, or where no accuracy is \
promised. Cells with more than half of their points excused: 1.

## Failures

| status   | id                                             | what is not true             \
| at                                   | truth         | got   | off     | allowed   |
|----------|------------------------------------------------|------------------------------\
|--------------------------------------|---------------|-------|---------|-----------|
| FAIL     | `huber/gradient.prediction[torch,float32,cpu]` | not the gradient of the spec \
| `prediction=0x1.8p+1, target=0x0p+0` | `1.0 (exact)` | `3.0` | `9 ulp` | `2.1 ulp` |

<details>
<summary>Failures in full</summary>

### `huber/gradient.prediction[torch,float32,cpu]`

```text
huber / gradient.prediction: not the gradient
  looks    like mse / 2
```

```python
import torch
print(torch.ones(1))
```

</details>

<details>
<summary>Worst error of values and gradients, as a multiple of its budget</summary>

| loss   | backend   | float16   | float32   |
|--------|-----------|-----------|-----------|
| huber  | torch     | skip      | FAIL inf  |

</details>

<details>
<summary>Expected failures: 1</summary>

| id                                  | reason    | link                        |
|-------------------------------------|-----------|-----------------------------|
| `huber/overflow[torch,float32,cpu]` | overflows | <https://example.org/1_2#x> |

</details>

<details>
<summary>Skipped</summary>

| reason            | cells   |
|-------------------|---------|
| no float16 on cpu | 1       |

</details>

<details>
<summary>More than half excused</summary>

| loss   | backend   | dtype       | checks           | judged   | excused   |
|--------|-----------|-------------|------------------|----------|-----------|
| huber  | torch     | float32 cpu | `special_values` | 2        | 3         |

</details>

<details>
<summary>Conventions</summary>

| loss   | convention         | torch   |
|--------|--------------------|---------|
| huber  | subgradient at r=0 | 0       |

</details>

<details>
<summary>Environment</summary>

| environment   |         |
|---------------|---------|
| lossproof     | 0.1.0   |
| python        | 3.11.4  |
| platform      | Linux   |
| cpu           | a cpu   |
| jax           | missing |
| torch         | 2.13.0  |
| torch cpu     | a cpu   |
| profile       | smoke   |
| seed          | 0       |
| cells         | 6       |
| losses        | huber   |
| jax.x64       | yes     |
| TF32          | unset   |

</details>
"""

TERMINAL = """\
huber / gradient.prediction: not the gradient
  looks    like mse / 2

target               failed    passed    xfailed    skipped    worst  at
-----------------  --------  --------  ---------  ---------  -------  -------------------------
torch float16 cpu         0         0          0          1
torch float32 cpu         1         3          1          0      inf  huber/gradient.prediction

1 cell had more than half of the points excused
This smoke run is not sufficient evidence of conformance.
1 failed, 3 passed, 1 xfailed, 1 skipped in 1.5 s
"""


def test_markdown_is_as_agreed() -> None:
    assert markdown.render(SMALL) == MARKDOWN


def test_the_terminal_is_as_agreed() -> None:
    assert terminal.render(SMALL, 100) == TERMINAL


def test_the_order_of_arrival_does_not_show() -> None:
    for seed in range(5):
        results = random.Random(seed).sample(SMALL.results, len(SMALL.results))
        again = Report(header=SMALL.header, results=tuple(results), footer=SMALL.footer)
        assert markdown.render(again) == MARKDOWN
        assert terminal.render(again, 100) == TERMINAL


def test_colour_is_only_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"FORCE_COLOR": "1", "COLUMNS": "9", "TTY_COMPATIBLE": "1"}.items():
        monkeypatch.setenv(name, value)
    plain = terminal.render(SMALL, 100)
    monkeypatch.delenv("FORCE_COLOR")
    for name, value in {"NO_COLOR": "1", "TERM": "dumb", "TTY_COMPATIBLE": "0"}.items():
        monkeypatch.setenv(name, value)
    coloured = terminal.render(SMALL, 100, color=True)
    assert plain == TERMINAL
    assert "\x1b[1;31m1 failed\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == TERMINAL


@pytest.mark.parametrize("width", [40, 80, 95])
def test_the_table_fits_where_it_can(width: int) -> None:
    table = terminal.render(SMALL, width).split("\n\n")[1]
    assert max(map(len, table.splitlines())) <= max(width, 73)
