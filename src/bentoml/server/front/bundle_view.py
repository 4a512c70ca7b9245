"""What the front process knows of a bundle: its files as they lie there. The code in it is not imported."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml.adapters.open_inference.model_paths import INFER_TEMPLATE
from bentoml.exceptions import BentoMLException
from bentoml.saved_bundle.layout import OPENAPI_DOCUMENT, README, BundleLayout
from bentoml.saved_bundle.manifest import read_manifest
from bentoml.service.openapi import DEFAULT_DESCRIPTION
from bentoml.service.openapi_errors import UNAUTHORIZED

if TYPE_CHECKING:
    from pathlib import Path

    from bentoml.service.metadata import BentoServiceMetadata

# The ways in which a client may send a token; either will do.
_SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "api_key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


@dataclass(frozen=True)
class BundleView:
    """A saved bundle, read once.

    Attributes:
        metadata: name, version, APIs and the rest of the manifest.
        metadata_json: the same as a JSON object with camelCase names, UTF-8.
        docs_json: the OpenAPI document as it was saved, UTF-8.
        readme: markdown; the docstring of the service class, else the bundle's README; may be empty.
        web_content_dir: directory of the user's web pages, or None.
    """

    metadata: BentoServiceMetadata
    metadata_json: bytes
    docs_json: bytes
    readme: str
    web_content_dir: Path | None

    @property
    def name(self) -> str:
        """Name of the service."""
        return self.metadata.name

    @property
    def version(self) -> str:
        """Version of the service."""
        return self.metadata.version

    @classmethod
    def read(cls, bundle_path: Path) -> BundleView:
        """Read the bundle in a directory.

        Args:
            bundle_path: the directory.

        Raises:
            BentoMLConfigException: there is no manifest, it cannot be read, or the package of the service is missing.
            BentoMLException: the OpenAPI document cannot be read.
        """
        metadata = read_manifest(bundle_path).metadata
        web_content_dir = BundleLayout.of(bundle_path, metadata.name).static_content_dir
        stored = _read_docs(bundle_path / OPENAPI_DOCUMENT)
        document = stored[1] if stored else _minimal_document(metadata)
        return cls(
            metadata=metadata,
            metadata_json=json.dumps(metadata.to_json(), default=str).encode(),
            docs_json=stored[0] if stored else _encode(document),
            readme=_readme(document, bundle_path),
            web_content_dir=web_content_dir if web_content_dir.is_dir() else None,
        )

    def openapi_json(
        self,
        *,
        metrics_enabled: bool,
        feedback_enabled: bool,
        open_inference_enabled: bool = True,
        asks_for_tokens: bool = False,
    ) -> bytes:
        """The OpenAPI document of this server; UTF-8.

        Args:
            metrics_enabled: whether there is `/metrics`.
            feedback_enabled: whether there is `/feedback`.
            open_inference_enabled: whether the Open Inference Protocol is spoken.
            asks_for_tokens: whether requests for an API, and feedback, have to bring a token.
        """
        document = json.loads(self.docs_json)
        paths = document.get("paths", {})
        is_as_saved = True
        for path, is_there in (
            ("/metrics", metrics_enabled),
            ("/feedback", feedback_enabled),
            (INFER_TEMPLATE, open_inference_enabled),
        ):
            if not is_there and path in paths:
                del paths[path]
                is_as_saved = False
        if asks_for_tokens:
            components = document.setdefault("components", {})
            components["securitySchemes"] = _SECURITY_SCHEMES
            components.setdefault("responses", {})["Unauthorized"] = UNAUTHORIZED
            for path in ("/feedback", INFER_TEMPLATE, *(f"/{api.route}" for api in self.metadata.apis)):
                for operation in paths.get(path, {}).values():
                    operation.setdefault("responses", {})["401"] = {"$ref": "#/components/responses/Unauthorized"}
                    operation["security"] = [{name: []} for name in _SECURITY_SCHEMES]
            is_as_saved = False
        return self.docs_json if is_as_saved else _encode(document)


def _read_docs(path: Path) -> tuple[bytes, dict[str, Any]] | None:
    """The stored OpenAPI document as bytes and parsed; None when the bundle has none.

    Raises:
        BentoMLException: it is not a JSON object.
    """
    try:
        content = path.read_bytes()
        document = json.loads(content)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise BentoMLException(f"{path} cannot be read: {error}; save the bundle again") from error
    if not isinstance(document, dict) or not isinstance(document.get("paths", {}), dict):
        raise BentoMLException(f"{path} is not an OpenAPI document; save the bundle again")
    return content, document


def _minimal_document(metadata: BentoServiceMetadata) -> dict[str, Any]:
    """What can be said about the routes of a bundle that was saved without a document."""
    answers = {"200": {"description": "success"}}
    return {
        "openapi": "3.0.0",
        "info": {"title": metadata.name, "version": metadata.version, "description": DEFAULT_DESCRIPTION},
        "tags": [{"name": "infra"}, {"name": "app"}],
        "paths": {
            "/healthz": {"get": {"tags": ["infra"], "responses": answers}},
            "/metadata": {"get": {"tags": ["infra"], "responses": answers}},
            **{
                f"/{api.route}": {"post": {"tags": ["app"], "description": api.docs, "responses": answers}}
                for api in metadata.apis
            },
        },
    }


def _encode(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=2).encode()


def _readme(document: dict[str, Any], bundle_path: Path) -> str:
    info = document.get("info")
    description = info.get("description") if isinstance(info, dict) else None
    if isinstance(description, str) and description.strip() and description != DEFAULT_DESCRIPTION:
        return description
    path = bundle_path / README
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
