"""The service that the command line tests save, list, run and serve."""

from __future__ import annotations

from typing import Any

import bentoml
from bentoml.adapters import DataframeInput, JsonInput
from bentoml.service.artifacts.common import PickleArtifact


@bentoml.artifacts([PickleArtifact("factor")])
class Scaler(bentoml.BentoService):
    """Multiplies numbers."""

    @bentoml.api(input=JsonInput(), batch=True)
    def scale(self, numbers: list[Any]) -> list[Any]:
        """Multiply each number."""
        return [number * self.artifacts.factor for number in numbers]

    @bentoml.api(input=DataframeInput(), batch=True)
    def scale_column(self, table: Any) -> Any:
        """Multiply column a."""
        return table["a"] * self.artifacts.factor

    @bentoml.api(input=JsonInput(), batch=True)
    def fail(self, numbers: list[Any]) -> list[Any]:
        """Fail, whatever is asked."""
        raise ValueError("no luck today")
