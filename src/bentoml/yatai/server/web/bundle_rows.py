"""What lists and heads of pages say about a bundle."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bentoml.yatai.server.web.templating import path_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from bentoml.service.metadata import ArtifactMetadata
    from bentoml.yatai.models import Bento


@dataclass(frozen=True)
class BundleRow:
    """One bundle in a list.

    Attributes:
        size_bytes: of all its files; None when nobody has counted them.
        aliases: names that point to it.
        metrics: numbers from the metadata of its artifacts, see `metrics_of`.
    """

    name: str
    version: str
    created_at: datetime | None
    size_bytes: int | None
    labels: Mapping[str, str]
    aliases: Sequence[str]
    apis: Sequence[str]
    artifacts: Sequence[str]
    metrics: Mapping[str, float]

    @classmethod
    def of(cls, bento: Bento) -> BundleRow:
        """The row of a record."""
        metadata = bento.bento_service_metadata
        return cls(
            name=bento.name,
            version=bento.version,
            created_at=bento.created_at,
            size_bytes=bento.size_bytes,
            labels=metadata.labels,
            aliases=bento.aliases,
            apis=[api.name for api in metadata.apis],
            artifacts=[artifact.name for artifact in metadata.artifacts],
            metrics=metrics_of(metadata.artifacts),
        )

    @property
    def path(self) -> str:
        """Name and version as they stand in addresses."""
        return f"{self.name_path}/{path_text(self.version)}"

    @property
    def name_path(self) -> str:
        """The name as it stands in addresses."""
        return path_text(self.name)

    @property
    def tag(self) -> str:
        """`name:version`."""
        return f"{self.name}:{self.version}"


def metrics_of(artifacts: Sequence[ArtifactMetadata]) -> dict[str, float]:
    """Numbers that the user gave to `pack`, by key; with the name of the artifact before it when there are several."""
    found: dict[str, float] = {}
    for artifact in artifacts:
        for key, value in artifact.metadata.items():
            if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
                found[key if len(artifacts) == 1 else f"{artifact.name}.{key}"] = float(value)
    return found
