"""Writing the artifacts of a service, and what a bundle records of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bentoml.saved_bundle.layout import ARTIFACTS_DIR
from bentoml.saved_bundle.verified_files import file_digest
from bentoml.service.metadata import ArtifactFile, ArtifactMetadata
from bentoml.service.plain_values import plain_value

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bentoml.service.artifacts import ArtifactCollection, BentoServiceArtifact


def save_artifacts(artifacts: ArtifactCollection, service_dir: Path) -> list[ArtifactMetadata]:
    """Write the artifacts of a service, and say what was written.

    Args:
        artifacts: they; those that hold no object are left out with a warning, and have no facts and no files.
        service_dir: directory that gets `artifacts/`.

    Raises:
        InvalidArgument: an object cannot be written, or a fact is no plain value.
    """
    written = artifacts.save(service_dir)
    directory = service_dir / ARTIFACTS_DIR
    return [_record(artifact, directory, written.get(artifact.name)) for artifact in artifacts.values()]


def _record(artifact: BentoServiceArtifact, directory: Path, files: Sequence[str] | None) -> ArtifactMetadata:
    kind = type(artifact)
    return ArtifactMetadata(
        name=artifact.name,
        artifact_type=kind.__name__,
        metadata=artifact.metadata,
        artifact_class=f"{kind.__module__}.{kind.__qualname__}",
        carries_pickle=None if files is None else bool(artifact.carries_pickle),
        facts={} if files is None else plain_value(artifact.facts(), f"facts of artifact '{artifact.name}'"),
        files=tuple(
            ArtifactFile(path, (directory / path).stat().st_size, file_digest(directory / path)) for path in files or ()
        ),
    )


def known_digests(records: Sequence[ArtifactMetadata]) -> dict[str, str]:
    """The digests of all files of artifacts, by their paths relative to the package directory."""
    return {f"{ARTIFACTS_DIR}/{file.path}": file.sha256 for record in records for file in record.files}
