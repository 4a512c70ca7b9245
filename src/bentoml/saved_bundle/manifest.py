"""`bentoml.yml`: what a bundle says about itself, in the present format and in the older ones.

The format number stands under `format`. Bundles of the classic system have none and count as format 0; what they lack
is filled in here, so that nobody else needs to know about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any

from bentoml._util.json_forms import camel_case, timestamp_text
from bentoml.exceptions import BentoMLConfigException
from bentoml.saved_bundle.layout import MANIFEST
from bentoml.saved_bundle.manifest_artifacts import read_entry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bentoml.service.metadata import BentoServiceMetadata

FORMAT_NUMBER = 1
KIND = "BentoService"

# Values of a classic bundle that were defaults of the code which read it.
_CLASSIC_API_DEFAULTS = {
    "output_type": "DefaultOutput",
    "mb_max_latency": 20000,
    "mb_max_batch_size": 4000,
    "batch": False,
    "docs": "",
}
_OLD_API_KEYS = {"handler_type": "input_type", "handler_config": "input_config"}


@dataclass(frozen=True)
class Manifest:
    """What `bentoml.yml` says.

    Attributes:
        format_number: number of the format; 0 for bundles of the classic system.
        library_version: version of the library that the bundle was saved with.
        created_at: when it was saved, UTC.
        service_name: name of the service.
        service_version: version of the service.
        module_name: dotted name under which the service's module is imported.
        module_file: path of that module relative to the package directory.
        class_name: name of the class in that module; it may differ from the name of the service.
        python_version: the Python that saved it, such as `3.12.5`; empty when unknown.
        other_entries: names that lay in the directory before the bundle was saved into it.
        metadata: the description that the registry keeps.
        document: the whole file as it was parsed.
    """

    format_number: int
    library_version: str
    created_at: datetime | None
    service_name: str
    service_version: str
    module_name: str
    module_file: str
    class_name: str
    python_version: str
    other_entries: tuple[str, ...]
    metadata: BentoServiceMetadata
    document: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """The whole file as it was parsed."""
        return self.document

    def get_bento_service_metadata_pb(self) -> BentoServiceMetadata:
        """The description that the registry keeps."""
        return self.metadata


def read_manifest(bundle_path: Path) -> Manifest:
    """Read the manifest of a bundle.

    Args:
        bundle_path: directory that holds `bentoml.yml`.

    Raises:
        BentoMLConfigException: there is none, it cannot be read, or its format is newer than this library.
    """
    path = bundle_path / MANIFEST
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise BentoMLConfigException(
            f"{path.parent} is not a saved bundle: it has no {path.name}; give the directory that save() returned"
        ) from error
    except OSError as error:
        raise BentoMLConfigException(f"{path} cannot be read: {error}") from error
    return parse_manifest(content, path)


def parse_manifest(content: bytes, path: Path) -> Manifest:
    """Read the content of a manifest.

    Args:
        content: of the file.
        path: where it is, for messages.

    Raises:
        BentoMLConfigException: it is no manifest, or its format is newer than this library.
    """
    document = _parse(content, path)
    try:
        return _build(document)
    except BentoMLConfigException as error:
        raise BentoMLConfigException(f"{path} is not the manifest of a bundle: {error}") from error


def _parse(content: bytes, path: Path) -> dict[str, Any]:
    import yaml

    try:
        document = yaml.load(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except (yaml.YAMLError, ValueError) as error:
        raise BentoMLConfigException(f"{path} cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise BentoMLConfigException(f"{path} is not the manifest of a bundle: it holds no keys")
    return document


def _section(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = document.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BentoMLConfigException(f"'{key}' must be a mapping")
    return value


def _entries(document: Mapping[str, Any], key: str, *required: str) -> list[dict[str, Any]]:
    """A list of mappings, in each of which some keys hold text."""
    value = document.get(key) or []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise BentoMLConfigException(f"'{key}' must be a list of mappings")
    for item in value:
        for name in required:
            if not isinstance(item.get(name), str):
                raise BentoMLConfigException(f"an entry of '{key}' has no '{name}'")
    return value


def _text(section: Mapping[str, Any], key: str, default: str | None = None) -> str:
    value = section.get(key, default)
    # A version such as 1.10 that was written without quotes parses as a number; its text is lost, the rest is not.
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or (default is None and not value):
        raise BentoMLConfigException(f"'{key}' is missing or not a text")
    return value


def _build(document: dict[str, Any]) -> Manifest:
    if document.get("kind") != KIND:
        raise BentoMLConfigException(f"'kind' is {document.get('kind')!r}, not {KIND!r}")
    format_number = document.get("format", 0)
    if not isinstance(format_number, int) or format_number > FORMAT_NUMBER:
        raise BentoMLConfigException(
            f"its format is {format_number!r}, but this version of bentoml reads formats up to {FORMAT_NUMBER}; "
            "install a newer bentoml"
        )
    section = _section(document, "metadata")
    service_name = _identifier(_text(section, "service_name"), "service_name")
    created_at = _parse_time(section.get("created_at"))
    return Manifest(
        format_number=format_number,
        library_version=_text(document, "version"),
        created_at=created_at,
        service_name=service_name,
        service_version=_text(section, "service_version"),
        module_name=_module_name(_text(section, "module_name")),
        module_file=_text(section, "module_file", ""),
        class_name=_identifier(_text(section, "class_name", service_name), "class_name"),
        python_version=_text(_section(document, "env"), "python_version", ""),
        other_entries=tuple(str(name) for name in document.get("other_entries") or ()),
        metadata=_metadata(document, section, created_at),
        document=document,
    )


def _identifier(value: str, key: str) -> str:
    if not value.isidentifier():
        raise BentoMLConfigException(f"'{key}' is {value!r}, which is no Python name")
    return value


def _module_name(value: str) -> str:
    if any(not part or "/" in part or "\\" in part or "\0" in part for part in value.split(".")):
        raise BentoMLConfigException(f"'module_name' is {value!r}, which is no module name")
    return value


def _parse_time(value: object) -> datetime | None:
    """Times are UTC; the classic system wrote them without a zone."""
    if isinstance(value, str):
        import yaml

        # The same reader as for a time without quotes; it takes any number of digits after the point.
        text = value
        try:
            value = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError):
            value = None
        if not isinstance(value, date):
            raise BentoMLConfigException(f"'created_at' is {text!r}, which is no time")
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
    if not isinstance(value, datetime):
        return None
    return value.astimezone(timezone.utc) if value.tzinfo else value.replace(tzinfo=timezone.utc)


def _metadata(
    document: Mapping[str, Any], section: Mapping[str, Any], created_at: datetime | None
) -> BentoServiceMetadata:
    from bentoml.service.metadata import BentoServiceMetadata

    return BentoServiceMetadata.from_json(
        {
            "name": section["service_name"],
            "version": _text(section, "service_version"),
            "createdAt": timestamp_text(created_at) if created_at else None,
            "env": _camel_env(_section(document, "env")),
            "artifacts": [read_entry(entry) for entry in _entries(document, "artifacts", "name", "artifact_type")],
            "apis": _camel_apis(document),
            "labels": {},
        }
    )


def _camel_env(env: Mapping[str, Any]) -> dict[str, Any]:
    values = {camel_case(key): value for key, value in env.items() if value is not None}
    for key, value in values.items():
        if isinstance(value, bytes):
            values[key] = value.decode(errors="replace")
    if isinstance(values.get("condaEnv"), dict):
        import yaml

        values["condaEnv"] = yaml.safe_dump(values["condaEnv"], sort_keys=False) if values["condaEnv"] else ""
    if isinstance(values.get("requirementsTxt"), list):
        values["requirementsTxt"] = "\n".join(map(str, values["requirementsTxt"]))
    return values


def _camel_apis(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    entries = [
        {_OLD_API_KEYS.get(key, key): value for key, value in entry.items() if value is not None}
        for entry in _entries(document, "apis", "name")
    ]
    return [
        {camel_case(key): value for key, value in {**_CLASSIC_API_DEFAULTS, "route": entry["name"], **entry}.items()}
        for entry in _entries({"apis": entries}, "apis", "input_type")
    ]
