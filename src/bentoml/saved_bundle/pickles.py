"""Refusing bundles that carry pickles, before any code of theirs runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bentoml.exceptions import ArtifactLoadingException

if TYPE_CHECKING:
    from bentoml.saved_bundle.manifest import Manifest
    from bentoml.service.metadata import ArtifactMetadata

_WHAT_TO_DO = (
    "pack them in a format that cannot run code, such as that of SklearnModelArtifact(..., format='skops'), and save "
    "the service again; or, if you trust who made the bundle, allow pickles: bento_server.allow_pickle: true"
)


def refuse_pickles(manifest: Manifest) -> None:
    """Refuse a bundle of which an artifact is a pickle, or may be one.

    The manifest says it. An artifact of which it says nothing, as in bundles of older versions, counts as a pickle.

    Raises:
        ArtifactLoadingException: there is such an artifact; the text lists all of them.
    """
    refused = [artifact for artifact in manifest.metadata.artifacts if artifact.carries_pickle is not False]
    if refused:
        raise ArtifactLoadingException(
            f"BentoService {manifest.service_name}:{manifest.service_version} is not loaded, because pickles are not "
            f"allowed here: {', '.join(map(_describe, refused))}; {_WHAT_TO_DO}"
        )


def _describe(artifact: ArtifactMetadata) -> str:
    is_known = artifact.carries_pickle is not None
    return f"'{artifact.name}' ({artifact.artifact_type}{'' if is_known else ', of which the bundle does not say it'})"
