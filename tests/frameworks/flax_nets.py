"""Small networks of Flax for digits of 64 pixels, as the module of a service has them."""

from __future__ import annotations

from typing import Any

import jax
from flax import linen, nnx


class LinenDigits(linen.Module):  # type: ignore[misc]  # Flax is not in the environment of the checks
    hidden: int = 32
    activation: str = "relu"

    @linen.compact  # type: ignore[untyped-decorator]
    def __call__(self, images: Any, *, train: bool = False) -> Any:
        step = self.variable("counters", "step", lambda: jax.numpy.zeros((), "int32"))
        if train:
            step.value += 1
        norm = linen.BatchNorm(use_running_average=not train, momentum=0.9)
        hidden = norm(linen.Dense(self.hidden)(images / 16))
        return linen.Dense(10, name="last.layer")(getattr(linen, self.activation)(hidden))


class NnxDigits(nnx.Module):  # type: ignore[misc]  # as above
    def __init__(self, hidden: int, *, rngs: Any) -> None:
        self.layers = nnx.List([nnx.Linear(64, hidden, rngs=rngs), nnx.Linear(hidden, 10, rngs=rngs)])
        self.norm = nnx.BatchNorm(hidden, momentum=0.9, rngs=rngs)
        self.dropout = nnx.Dropout(0.2, rngs=rngs)

    def __call__(self, images: Any) -> Any:
        return self.layers[1](self.dropout(nnx.relu(self.norm(self.layers[0](images / 16)))))
