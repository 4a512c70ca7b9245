"""The bill of materials of a bundle: CycloneDX 1.6 as JSON, https://cyclonedx.org/docs/1.6/json/.

It names the bundle, the library, every distribution that they need, and the models. The same bundle gives the same
bytes, its number included. What an author wrote into metadata gets into it as text, or not at all.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass
from datetime import timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bentoml._version import __version__
from bentoml.exceptions import BentoMLConfigException
from bentoml.saved_bundle.library_wheel import DISTRIBUTION, WHEEL_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from bentoml.saved_bundle.requirements.closure import Closure
    from bentoml.saved_bundle.requirements.installed import InstalledDistribution
    from bentoml.saved_bundle.requirements.lock import Pin
    from bentoml.service.metadata import ArtifactMetadata

SPEC_VERSION = "1.6"
_LONGEST_VERSION = 1024  # as the schema has it


@dataclass(frozen=True)
class BundleFacts:
    """What a bill says about the bundle itself.

    Attributes:
        service_name: name of the service.
        service_version: its version.
        created_at: when it was saved, with a zone.
        python_version: the Python that saved it, such as `3.12.5`.
        base_image: the image that it is built on.
        library_sha256: digest of the library's wheel, in hex.
        artifacts: what was written of its artifacts.
    """

    service_name: str
    service_version: str
    created_at: datetime
    python_version: str
    base_image: str
    library_sha256: str
    artifacts: Sequence[ArtifactMetadata]

    @classmethod
    def of(cls, manifest: Mapping[str, Any], library_sha256: str, artifacts: Sequence[ArtifactMetadata]) -> BundleFacts:
        """The facts of a bundle that is being saved.

        Args:
            manifest: the document that becomes `bentoml.yml`.
            library_sha256: digest of the library's wheel, in hex.
            artifacts: what was written of its artifacts.
        """
        metadata, env = manifest["metadata"], manifest["env"]
        return cls(
            service_name=metadata["service_name"],
            service_version=metadata["service_version"],
            created_at=metadata["created_at"],
            python_version=env["python_version"],
            base_image=env["docker_base_image"],
            library_sha256=library_sha256,
            artifacts=artifacts,
        )


def format_sbom(closure: Closure, facts: BundleFacts) -> str:
    """The bill of a bundle as JSON text, ASCII alone."""
    bundle = _bundle(closure, facts)
    refs = {one.name: _purl(one, facts) for one in closure.distributions}
    models = [_model(artifact, facts) for artifact in facts.artifacts]
    document: dict[str, Any] = {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC_VERSION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "version": 1,
        "metadata": {
            "timestamp": facts.created_at.astimezone(timezone.utc).isoformat(timespec="seconds"),
            "tools": {"components": [{"type": "application", "name": DISTRIBUTION, "version": __version__}]},
            "component": bundle,
        },
        "components": [*(_distribution(one, facts) for one in closure.distributions), *models],
        "dependencies": [
            {
                "ref": bundle["bom-ref"],
                "dependsOn": [*(refs[name] for name in closure.direct), *(model["bom-ref"] for model in models)],
            },
            *(_dependency(refs[one.name], [refs[name] for name in one.needs]) for one in closure.distributions),
            *(_dependency(model["bom-ref"], []) for model in models),
        ],
        "compositions": [
            {"aggregate": "incomplete" if closure.missing else "complete", "dependencies": [bundle["bom-ref"]]}
        ],
    }
    return _with_number(document)


def with_hashes(text: str, pins: Iterable[Pin]) -> str:
    """A bill with the digests of a lock: to each distribution those of all files that may be installed.

    Args:
        text: the bill of a bundle.
        pins: of the same bundle.

    Raises:
        BentoMLConfigException: it is no bill of a bundle.
    """
    known = {str(pin): pin.hashes for pin in pins}
    try:
        document: Any = json.loads(text)
        for one in document["components"]:
            hashes = known.get(f"{one['name']}=={one.get('version')}") if one["type"] == "library" else None
            if hashes:
                one["hashes"] = _hashes(*hashes)
        document.pop("serialNumber", None)
        return _with_number(document)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BentoMLConfigException(f"its JSON is not of that form ({type(error).__name__}: {error})") from error


def _with_number(document: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
    document["serialNumber"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'sha256:{digest}')}"
    return json.dumps(document, indent=1) + "\n"


def _bundle(closure: Closure, facts: BundleFacts) -> dict[str, Any]:
    purl = f"pkg:generic/{_quoted(facts.service_name)}@{_quoted(facts.service_version)}"
    return {
        "type": "application",
        "bom-ref": purl,
        "name": _text(facts.service_name),
        "version": _text(facts.service_version)[:_LONGEST_VERSION],
        "purl": purl,
        "properties": _properties(
            ("python_version", facts.python_version),
            ("docker_base_image", facts.base_image),
            *(("missing", text) for text in closure.missing),
        ),
    }


def _distribution(one: InstalledDistribution, facts: BundleFacts) -> dict[str, Any]:
    purl = _purl(one, facts)
    version = one.version[:_LONGEST_VERSION]
    component: dict[str, Any] = {"type": "library", "bom-ref": purl, "name": one.name, "version": version}
    sha256 = facts.library_sha256 if one.name == DISTRIBUTION else one.origin.sha256 if one.origin else None
    if sha256 is not None:
        component["hashes"] = _hashes(sha256)
    if one.licence is not None:
        text = _text(one.licence.text)
        component["licenses"] = [{"expression": text} if one.licence.is_expression else {"license": {"name": text}}]
    component["purl"] = purl
    return component


def _purl(one: InstalledDistribution, facts: BundleFacts) -> str:
    """The address of a distribution: on PyPI, unless what is installed cannot have come from an index.

    An index may have a distribution of another author under the same name.
    """
    named = f"{_quoted(one.name)}@{_quoted(one.version)}"
    if one.name == DISTRIBUTION:
        return f"pkg:generic/{named}?checksum=sha256:{facts.library_sha256}&file_name={_quoted(WHEEL_NAME)}"
    if one.origin is None or (one.origin.is_archive and not one.origin.url):
        return f"pkg:pypi/{named}"
    if not one.origin.url:  # a directory of this machine
        return f"pkg:generic/{named}"
    return f"pkg:pypi/{named}?{'download_url' if one.origin.is_archive else 'vcs_url'}={_quoted(one.origin.url)}"


def _model(artifact: ArtifactMetadata, facts: BundleFacts) -> dict[str, Any]:
    properties = [("artifact_type", artifact.artifact_type)]
    if artifact.carries_pickle is not None:
        properties.append(("carries_pickle", str(artifact.carries_pickle).lower()))
    model: dict[str, Any] = {
        "type": "machine-learning-model",
        "bom-ref": f"artifact:{_quoted(artifact.name)}",
        "name": _text(artifact.name),
        "version": _text(facts.service_version)[:_LONGEST_VERSION],
        "properties": _properties(*properties),
    }
    if artifact.files:
        model["components"] = [
            {"type": "file", "name": _text(file.path), "hashes": _hashes(file.sha256)} for file in artifact.files
        ]
    return model


def _dependency(ref: str, needs: Sequence[str]) -> dict[str, Any]:
    return {"ref": ref, "dependsOn": list(needs)} if needs else {"ref": ref}


def _hashes(*sha256: str) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": one} for one in sorted(sha256)]


def _properties(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"name": f"bentoml:{name}", "value": _text(value)} for name, value in pairs]


def _quoted(text: str) -> str:
    """A part of a package URL."""
    return quote(_text(text), safe="")


def _text(value: str) -> str:
    """Text without code points that are no characters, such as half of a surrogate pair."""
    return value.encode("utf-8", "replace").decode()
