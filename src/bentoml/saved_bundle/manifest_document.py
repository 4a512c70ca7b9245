"""Writing `bentoml.yml`."""

from __future__ import annotations

import base64
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from bentoml._version import __version__
from bentoml.saved_bundle.manifest import FORMAT_NUMBER, KIND
from bentoml.saved_bundle.manifest_artifacts import manifest_entry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bentoml.saved_bundle.code.service_module import ServiceModule
    from bentoml.service import BentoService
    from bentoml.service.metadata import ApiMetadata, ArtifactMetadata

_TIME_FORMAT = "%Y-%m-%d %H:%M:%S.%f"


def describe_bundle(
    service: BentoService,
    env: Mapping[str, Any],
    module: ServiceModule,
    other_entries: Sequence[str],
    deployment_version: str | None,
    artifacts: Sequence[ArtifactMetadata],
) -> dict[str, Any]:
    """The manifest of a service that is being saved, keys in the order of the file.

    Args:
        service: the service.
        env: the `env` section.
        module: where its class is defined.
        other_entries: names in the directory that do not belong to the bundle.
        deployment_version: library version to record; that of the running one when None.
        artifacts: what was written of its artifacts.
    """
    metadata = service.get_bento_service_metadata_pb()
    document: dict[str, Any] = {
        "version": deployment_version or __version__,
        "format": FORMAT_NUMBER,
        "kind": KIND,
        "metadata": {
            "created_at": datetime.now(timezone.utc),
            "service_name": metadata.name,
            "service_version": metadata.version,
            "module_name": module.name,
            "module_file": module.bundle_path,
            "class_name": module.class_name,
        },
        "env": dict(env),
        "apis": [_describe_api(api) for api in metadata.apis],
        "artifacts": [manifest_entry(artifact) for artifact in artifacts],
    }
    if other_entries:
        document["other_entries"] = list(other_entries)
    return document


def _describe_api(api: ApiMetadata) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": api.name,
        "docs": api.docs,
        "input_type": api.input_type,
        "output_type": api.output_type,
        "mb_max_batch_size": api.mb_max_batch_size,
        "mb_max_latency": api.mb_max_latency,
        "batch": api.batch,
        "route": api.route,
    }
    for key in ("input_config", "output_config"):
        if getattr(api, key):
            entry[key] = getattr(api, key)
    return entry


def format_manifest(document: Mapping[str, Any]) -> str:
    """Write a manifest as YAML, keys in the order given.

    Times are written in UTC without a zone and always with microseconds, because they are compared as text.
    """
    import yaml

    class ManifestDumper(yaml.SafeDumper):
        """Plain YAML without anchors."""

        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the signature of the base
            return True

    def represent_time(dumper: yaml.SafeDumper, value: datetime) -> yaml.ScalarNode:
        text = (value.astimezone(timezone.utc) if value.tzinfo else value).strftime(_TIME_FORMAT)
        return dumper.represent_scalar("tag:yaml.org,2002:timestamp", text)

    def represent_bytes(dumper: yaml.SafeDumper, value: bytes) -> yaml.ScalarNode:
        encoded = base64.encodebytes(value).decode("ascii")
        return dumper.represent_scalar("tag:yaml.org,2002:binary", encoded, style="|")

    def represent_text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    ManifestDumper.add_representer(datetime, represent_time)
    ManifestDumper.add_representer(str, represent_text)
    ManifestDumper.add_representer(bytes, represent_bytes)
    return yaml.dump(dict(document), Dumper=ManifestDumper, sort_keys=False, allow_unicode=True, width=120)
