"""What the pages of one bundle show, made of its record and of files that it carries."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml.yatai.server.web.foreign_values import mapping
from bentoml.yatai.server.web.templating import moment, size

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bentoml.service.metadata import ArtifactMetadata, EnvMetadata

_MOST_COMPONENTS = 2_000


@dataclass(frozen=True)
class ArtifactView:
    """One artifact; see `ArtifactMetadata`.

    Attributes:
        kind: name of its class, without the ending that all of them have.
        size_bytes: of its files.
    """

    name: str
    kind: str
    metadata: Mapping[str, Any]
    facts: Mapping[str, Any]
    carries_pickle: bool | None
    size_bytes: int


@dataclass(frozen=True)
class Component:
    """One component of a bill of materials."""

    name: str
    version: str
    kind: str
    licence: str


@dataclass(frozen=True)
class Provenance:
    """Where a bundle comes from; what is not known is empty.

    Attributes:
        digest: of all its files.
        signature: such as `signed`, or `none`.
        commit: of the repository that it was saved from.
    """

    uri: str
    digest: str = ""
    size_bytes: int | None = None
    created_by: str = ""
    signature: str = ""
    commit: str = ""


def view_artifact(artifact: ArtifactMetadata) -> ArtifactView:
    """What the page shows of an artifact."""
    return ArtifactView(
        artifact.name,
        artifact.artifact_type.removesuffix("ModelArtifact").removesuffix("Artifact") or artifact.artifact_type,
        artifact.metadata,
        {key.replace("_", " "): _fact(key, value) for key, value in artifact.facts.items()},
        artifact.carries_pickle,
        sum(file.size_bytes for file in artifact.files),
    )


def _fact(key: str, value: object) -> object:
    """Signatures as `name: dtype (shape)`, everything else as it is."""
    if not key.endswith("signature") or not isinstance(value, list):
        return value
    parts = []
    for row in map(mapping, value):
        shape = row.get("shape")
        sizes = ", ".join("?" if each is None else str(each) for each in shape) if isinstance(shape, list) else ""
        text = " ".join(part for part in (str(row.get("dtype") or ""), f"({sizes})" if sizes else "") if part)
        parts.append(f"{row['name']}: {text}" if row.get("name") else text)
    return ", ".join(parts)


def about(provenance: Provenance, created_at: Any, saved_at: Any) -> list[tuple[str, str]]:
    """Terms and what they are, for what is known."""
    rows = [
        ("Added", moment(created_at) if created_at else ""),
        ("Saved", moment(saved_at) if saved_at else ""),
        ("By", provenance.created_by),
        ("Commit", provenance.commit),
        ("Size", "" if provenance.size_bytes is None else size(provenance.size_bytes)),
        ("Signature", provenance.signature),
        ("Digest", provenance.digest),
        ("Storage", provenance.uri),
    ]
    return [(term, value) for term, value in rows if value]


def environment_facts(env: EnvMetadata, *, lock: str) -> list[tuple[str, str]]:
    """Terms and what they are, of an environment.

    Args:
        env: as the record has it.
        lock: what is known about locked requirements, in words; empty for nothing.
    """
    rows = [
        ("Python", env.python_version),
        ("Base image", env.docker_base_image),
        ("Lock", lock),
        ("Conda", env.conda_env),
        ("setup.sh", env.setup_sh),
    ]
    return [(term, value) for term, value in rows if value]


def reasons_of(manifest: Mapping[str, Any], requirements: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Each requirement with what brought it, as the bundle has recorded it."""
    kept = mapping(manifest.get("requirements")).get("kept")
    known: dict[str, list[str]] = {}
    for row in kept if isinstance(kept, list) else []:
        reasons = mapping(row).get("because")
        texts = [_reason(mapping(reason)) for reason in (reasons if isinstance(reasons, list) else [])]
        known[str(mapping(row).get("requirement"))] = [text for text in texts if text]
    return [(requirement, known.get(requirement, [])) for requirement in requirements]


def components_of(sbom: bytes | None) -> list[Component]:
    """The components that a CycloneDX document names, by name; none when it is not one."""
    try:
        document = mapping(json.loads(sbom or b"{}"))
    except ValueError:
        return []
    rows = document.get("components")
    found = [_component(mapping(row)) for row in (rows if isinstance(rows, list) else [])[:_MOST_COMPONENTS]]
    return sorted((each for each in found if each.name), key=lambda each: (each.kind, each.name.casefold()))


def _component(row: Mapping[str, Any]) -> Component:
    return Component(
        str(row.get("name") or ""), str(row.get("version") or ""), str(row.get("type") or ""), _licence(row)
    )


def _licence(row: Mapping[str, Any]) -> str:
    licences = row.get("licenses")
    texts = []
    for choice in licences if isinstance(licences, list) else []:
        licence = mapping(mapping(choice).get("license"))
        texts.append(str(mapping(choice).get("expression") or licence.get("id") or licence.get("name") or ""))
    return ", ".join(text for text in texts if text)


def _reason(reason: Mapping[str, Any]) -> str:
    kind, name, detail = (str(reason.get(key) or "") for key in ("kind", "name", "detail"))
    if kind == "import":
        return f"import of {name}, {detail}"
    if kind == "library":
        return detail
    return f"{'API' if kind == 'adapter' else kind} {name}{f' ({detail})' if detail else ''}"
