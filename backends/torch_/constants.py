"""Constants that torch's own losses hold and their callers cannot see, by loss and option.

Kept apart from the functions, for who asks after them need not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

HELD: Mapping[str, Mapping[str, Any]] = {
    # each logarithm is clamped below
    "binary_cross_entropy": {"eps": 0.0, "log_floor": -100.0},
    # 1e-12 rounded to float32: the kernel holds its epsilon so, in every dtype
    "cosine_embedding": {"eps": 9.999999960041972e-13},
}
