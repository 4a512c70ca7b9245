"""The models of a bundle: its APIs, as the Open Inference Protocol calls those that take tensors or tables."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bentoml.adapters.open_inference.model_paths import infer_paths, models_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bentoml.server.front.routes import Route
    from bentoml.service.metadata import BentoServiceMetadata

_PLATFORM = "bentoml"


class Models:
    """The models of one generation. Which there are is only known once a worker has loaded the bundle.

    Args:
        metadata: of the bundle.

    Attributes:
        version: of all of them.
        is_known: whether a worker has said which there are.
    """

    def __init__(self, metadata: BentoServiceMetadata) -> None:
        self._service = metadata.name
        self.version = metadata.version
        self._apis = models_of(metadata.name, [api.name for api in metadata.apis])
        self._tensors: dict[str, list[dict[str, Any]]] = {}
        self.is_known = False

    def learn(self, facts: Iterable[Sequence[Any]]) -> None:
        """Take what a `HELLO` says about the APIs, in the order of the manifest."""
        self._tensors = {name: tensors for name, *_, tensors in facts if tensors is not None}
        self._apis = models_of(self._service, self._tensors)
        self.is_known = True

    def routes(self, routes: Iterable[Route]) -> list[Route]:
        """The ways on which the APIs of some routes are asked as models: other paths, and all else the same."""
        by_api = {route.policy.name: route for route in routes}
        return [
            replace(by_api[api], path=path, methods=frozenset({"POST"}), is_of_model=True)
            for name, api in self._apis.items()
            for path in infer_paths(name, self.version)
        ]

    @property
    def names(self) -> list[str]:
        """All models; before they are known, those that there may be."""
        return list(self._apis)

    def has(self, name: str, version: str | None) -> bool:
        """Whether there is such a model; before they are known, whether there may be.

        Args:
            name: that a client gives.
            version: that it gives; None for any.
        """
        return name in self._apis and version in {None, self.version}

    def describe(self, name: str) -> dict[str, Any]:
        """The metadata of a model that is known. What its function returns shows only when it has."""
        return {
            "name": name,
            "versions": [self.version],
            "platform": _PLATFORM,
            "inputs": self._tensors[self._apis[name]],
            "outputs": [],
        }
