"""A question: what an implementation is asked, as data that can be cut, stored and asked again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from lossproof.spec.formats import FORMATS, Format
from lossproof.spec.loss import Loss, SpecError, get

Array = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Question:
    """Arguments, options, a reduction and a cotangent for one loss.

    `arguments` are arrays in the dtype under test (labels and lengths int64; None where an optional
    one is not given); `cotangent` has the shape of the result.
    """

    loss: type[Loss]
    arguments: Mapping[str, Any]
    options: Mapping[str, Any]
    reduction: str = "none"
    cotangent: Any = None
    #: evaluations already made of this question, by whoever evaluates it
    memo: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    def with_arguments(self, **changed: Any) -> Question:
        """The same question with some arguments changed."""
        return replace(self, arguments={**self.arguments, **changed})

    def with_cotangent(self, value: float) -> Question:
        """The same question with a constant cotangent."""
        return replace(self, cotangent=np.full(self.output_shape, value))

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The shape of the result."""
        return self.loss.output_shape(self.arguments, self.reduction)

    @property
    def separable(self) -> bool:
        """Whether samples can be taken out one by one without changing their answers."""
        return self.reduction == "none" and self.loss.samples in ("*", "N")

    @property
    def samples(self) -> int:
        """The number of separable samples; 1 if they are coupled."""
        if not self.separable:
            return 1
        sizes = self.loss.axes_of(self.arguments)
        return int(np.prod(sizes["*"])) if self.loss.samples == "*" else int(sizes["N"])

    def take(self, indices: Any) -> Question:
        """The question about some of the samples only. Elementwise losses become 1-D."""
        if not self.separable:
            raise SpecError(f"{self.loss.name}: samples are coupled, none can be taken out")
        chosen: dict[str, Any] = {}
        for key, argument in self.loss.arguments.items():
            array = self.arguments.get(key)
            if array is None:
                chosen[key] = None
            elif argument.shape == "*":
                chosen[key] = np.asarray(array).reshape(-1)[indices]
            elif "N" in argument.axes:
                chosen[key] = np.take(array, indices, axis=argument.axes.index("N"))
            else:
                chosen[key] = array
        return replace(self, arguments=chosen, cotangent=self.take_from(self.cotangent, indices))

    def part(self, indices: Any) -> Question:
        """The question about some of the samples, reduced as this one is."""
        if self.separable:
            return self.take(indices)
        apart = replace(self, reduction="none", cotangent=None).take(indices)
        return replace(apart, reduction=self.reduction, cotangent=self.cotangent)

    def take_from(self, result: Any, indices: Any) -> Any:
        """The samples of a result, a cotangent or a gradient of this question."""
        if result is None:
            return None
        array = np.asarray(result)
        if self.loss.samples == "*":
            return array.reshape(-1)[indices]
        return array[indices]

    def to_json(self, dtype: str) -> dict[str, Any]:
        """Plain data, floats in hexadecimal."""
        return {
            "loss": self.loss.name,
            "dtype": dtype,
            "arguments": {k: _encode(v) for k, v in self.arguments.items() if v is not None},
            "options": dict(self.options),
            "reduction": self.reduction,
            "cotangent": None if self.cotangent is None else _encode(self.cotangent),
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Question:
        """The question that `to_json` wrote. Raises SpecError if it is not one."""
        try:
            loss = get(data["loss"])
            fmt = FORMATS[data["dtype"]]
            found = {k: _decode(v, fmt) for k, v in data["arguments"].items()}
            cotangent = data["cotangent"]
            return Question(
                loss=loss,
                arguments={k: found.get(k) for k in loss.arguments},
                options=dict(data["options"]),
                reduction=data["reduction"],
                cotangent=None if cotangent is None else _decode(cotangent, fmt),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, SpecError):
                raise
            raise SpecError(f"not a stored question: {error!r}") from error


def _encode(array: Any) -> dict[str, Any]:
    values = np.asarray(array)
    if values.dtype.kind in "iu":
        return {"shape": list(values.shape), "integers": values.ravel().tolist()}
    flat = values.astype(np.float64).ravel()
    return {"shape": list(values.shape), "hex": [float(v).hex() for v in flat]}


def _decode(data: Mapping[str, Any], fmt: Format) -> Array:
    shape = tuple(data["shape"])
    if "integers" in data:
        return np.asarray(data["integers"], dtype=np.int64).reshape(shape)
    numbers = np.asarray([float.fromhex(h) for h in data["hex"]], dtype=np.float64)
    return np.asarray(fmt.round(numbers)).reshape(shape)
