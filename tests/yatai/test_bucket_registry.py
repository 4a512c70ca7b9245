"""The registry in this process over a bucket: the contract of registries, and what is different from a directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bentoml.configuration import get_config
from bentoml.exceptions import BentoMLException, YataiRepositoryException
from bentoml.storage.address import parse_address
from bentoml.storage.base import ObjectEntry
from bentoml.storage.buckets import open_bucket
from bentoml.types import Tag
from bentoml.yatai.blobs import FileSystemBlobStore
from bentoml.yatai.client import open_local_registry
from bentoml.yatai.database import Database
from bentoml.yatai.local import LocalRegistry
from bentoml.yatai.models import UriType
from bentoml.yatai.repository import BentoRepository
from bentoml.yatai.repository_store import open_blob_store, open_cache
from bentoml.yatai.resolve import is_held, release_all_but, resolve_bundle_path
from bentoml.yatai.sqlite_database import SqliteDatabase
from bentoml.yatai.transfer import copy_bundle_between
from tests.storage.emulators import Emulator
from tests.yatai.bucket_places import AZURE, bucket_url, emulator, emulator_in
from tests.yatai.conftest import WriteBundle
from tests.yatai.contract_of_deletion import ContractOfDeletion
from tests.yatai.contract_tools import Put, files_of
from tests.yatai.registry_contract import RegistryContract

__all__ = ["bucket_url", "emulator", "emulator_in"]

pytestmark = [pytest.mark.environment("storage"), pytest.mark.timeout(180)]

EVERY_STORE = pytest.mark.parametrize("emulator_in", ["s3", "gs", AZURE], indirect=True)


# What answers for Google Cloud Storage is the server for S3.
@pytest.mark.parametrize("emulator_in", ["s3", AZURE], indirect=True)
class TestBucketRegistry(ContractOfDeletion):
    """Bundles in a bucket, as far as files matter; the whole contract is kept below."""

    @pytest.fixture
    def registry(self, bucket_url: str, tmp_path: Path, actor: str) -> LocalRegistry:
        return open_local_registry(get_config()).acting_as(actor)

    @pytest.fixture
    def actor(self) -> str:
        return "ada"


class TestBucketAndPostgres(RegistryContract):
    """What a team shares that has no server: a bucket, and a catalog in PostgreSQL."""

    @pytest.fixture
    def registry(self, bucket_url: str, postgres_database: Database, actor: str) -> LocalRegistry:
        config = get_config()
        return LocalRegistry(postgres_database, open_blob_store(config), cache=open_cache(config), actor=lambda: actor)

    @pytest.fixture
    def actor(self) -> str:
        return "ada"


@pytest.fixture
def registry(bucket_url: str) -> LocalRegistry:
    return open_local_registry(get_config())


@pytest.fixture
def put(registry: LocalRegistry, write_bundle: WriteBundle) -> Put:
    return Put(registry, write_bundle)


def objects(bucket_url: str) -> list[ObjectEntry]:
    address = parse_address(bucket_url)
    return [entry for entry in open_bucket(address).entries(address.name) if not entry.name.endswith("/catalog")]


@EVERY_STORE
def test_bundle_has_an_address_and_its_contents_are_objects(
    registry: LocalRegistry, put: Put, bucket_url: str, emulator: Emulator
) -> None:
    bento = put("Iris:1")
    assert bento.uri.uri == f"{bucket_url}/Iris/1"
    assert bento.uri.type == {"s3": UriType.S3, "gs": UriType.GCS, "azure": UriType.AZURE_BLOB_STORAGE}[emulator.scheme]
    tree = registry.tree(bento)
    assert sorted(entry.size_bytes for entry in objects(bucket_url)) == sorted(tree.contents.values())


def test_versions_that_share_a_model_take_its_space_once(
    registry: LocalRegistry, write_bundle: WriteBundle, bucket_url: str
) -> None:
    model_bytes = 50 << 20
    model = os.urandom(model_bytes)
    repository = BentoRepository(registry)
    for version in range(10):
        bundle = write_bundle(version=str(version))
        (bundle / "Iris" / "artifacts" / "model.pkl").write_bytes(model)
        repository.upload_from_dir(bundle)
    stored = objects(bucket_url)
    assert [entry.size_bytes for entry in stored].count(model_bytes) == 1
    assert sum(entry.size_bytes for entry in stored) < model_bytes + (1 << 20)


def test_copy_is_held_until_it_is_released(registry: LocalRegistry, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENTOML__YATAI__CACHE__MAX_BYTES", "0")
    registry = open_local_registry(get_config())
    first, second = put("Iris:1"), put("Iris:2")
    held = registry.hold(first)
    assert held.is_copy
    files_of(registry, "Iris:2")
    assert (held.path / "bentoml.yml").is_file(), "it is in use"
    held.release()
    with registry.reading(second):
        files_of(registry, "Iris:2")
    put("Iris:3")
    files_of(registry, "Iris:3")
    assert not held.path.exists(), "nobody uses it, and there is no room"


def test_tag_is_resolved_to_a_copy_that_stays(put: Put, bentoml_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENTOML__YATAI__CACHE__MAX_BYTES", "0")
    put("Iris:1")
    put("Iris:2")
    path = resolve_bundle_path("Iris:1")
    assert path.parent == bentoml_home / "cache"
    assert resolve_bundle_path("Iris:1") == path
    assert is_held(path)
    other = resolve_bundle_path("Iris:2")
    assert (path / "bentoml.yml").is_file()
    release_all_but([other])
    put("Iris:3")
    resolve_bundle_path("Iris:3")
    assert (path.exists(), other.is_dir()) == (False, True)
    release_all_but([])


def test_bundle_of_another_kind_of_repository_is_named(
    put: Put, registry: LocalRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    bento = put("Iris:1")
    monkeypatch.setenv("BENTOML__YATAI__REPOSITORY__TYPE", "file_system")
    elsewhere = open_local_registry(get_config())
    with (
        pytest.raises(YataiRepositoryException, match=rf"{bento.uri.uri}, where yatai\.repository does not point"),
        elsewhere.reading(elsewhere.find(Tag("Iris", "1"))),
    ):
        pass


def test_bucket_that_is_not_there_is_named_and_nothing_is_registered(
    registry: LocalRegistry, write_bundle: WriteBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = write_bundle()
    monkeypatch.setenv("BENTOML__YATAI__REPOSITORY__S3__URL", "s3://no-such-bucket/x")
    with pytest.raises(BentoMLException, match=r"s3://no-such-bucket/.*no such bucket"):
        BentoRepository(open_local_registry(get_config())).upload_from_dir(bundle)
    repository = BentoRepository(registry)
    assert repository.list() == []
    repository.upload_from_dir(bundle)
    assert repository.get("Iris:latest").version == "1"


@EVERY_STORE
def test_bundle_goes_from_a_directory_to_a_bucket_and_back(
    registry: LocalRegistry, write_bundle: WriteBundle, bucket_url: str, tmp_path: Path
) -> None:
    here, there = (
        LocalRegistry(SqliteDatabase(tmp_path / name / "storage.db"), FileSystemBlobStore(tmp_path / name / "files"))
        for name in ("here", "there")
    )
    for version in "12":
        BentoRepository(here).upload_from_dir(write_bundle(version=version))
        for source, target in ((here, registry), (registry, there)):
            transfer = copy_bundle_between(source, target, Tag("Iris", version))
            assert not transfer.was_there
    assert len(objects(bucket_url)) == len(
        registry.tree(registry.find(Tag("Iris", "1"))).contents.keys()
        | registry.tree(registry.find(Tag("Iris", "2"))).contents.keys()
    )
    for version in "12":
        assert files_of(there, f"Iris:{version}") == files_of(here, f"Iris:{version}")
    assert copy_bundle_between(here, registry, Tag("Iris", "1")).was_there
    assert registry.inspect(deep=True).problems == ()
