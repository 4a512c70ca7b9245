"""What the parts of the contract of registries share."""

from __future__ import annotations

from pathlib import Path

from bentoml.saved_bundle import load_bento_service_metadata
from bentoml.service.metadata import BentoServiceMetadata
from bentoml.types import Tag
from bentoml.yatai.models import Bento
from bentoml.yatai.registry import BentoQuery, Registry
from bentoml.yatai.trees import copy_tree
from tests.yatai.conftest import WriteBundle

ALL = BentoQuery(limit=None)


class Put:
    """Registers small bundles."""

    def __init__(self, registry: Registry, write_bundle: WriteBundle) -> None:
        self._registry = registry
        self._write = write_bundle
        self._written: dict[str, Path] = {}

    def __call__(self, tag: str, **labels: str) -> Bento:
        exact = Tag.parse(tag)
        if tag not in self._written:
            self._written[tag] = self._write(exact.name, exact.version)
        with self._registry.staging() as staged:
            copy_tree(self._written[tag], staged)
            metadata = load_bento_service_metadata(staged)
            document = {**metadata.to_json(), "labels": labels}
            return self._registry.register(staged, BentoServiceMetadata.from_json(document))


def tags(found: list[Bento]) -> list[str]:
    return [bento.tag for bento in found]


def files_of(registry: Registry, tag: str) -> dict[str, bytes]:
    with registry.reading(registry.find(Tag.parse(tag))) as directory:
        return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}
