"""Bundles on their way from one registry to another; both are in this process."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bentoml.exceptions import BundleIntegrityException, InvalidArgument, NotFound, YataiServiceRpcAborted
from bentoml.types import Tag
from bentoml.yatai.audit import AuditQuery
from bentoml.yatai.blobs import FileSystemBlobStore
from bentoml.yatai.bundle_tree import BundleTree
from bentoml.yatai.client import get_yatai_client
from bentoml.yatai.local import LocalRegistry
from bentoml.yatai.models import Bento
from bentoml.yatai.repository import BentoRepository
from bentoml.yatai.sqlite_database import SqliteDatabase
from bentoml.yatai.transfer import copy_bundle_between
from tests.yatai.conftest import WriteBundle
from tests.yatai.contract_tools import Put, files_of

IRIS = Tag("Iris", "1")


class Watched(LocalRegistry):
    """Writes down which files it gives away; something may happen before."""

    placed: list[str]
    before_placing: Callable[[], object] = staticmethod(lambda: None)

    def place(self, bento: Bento, part: BundleTree, directory: Path) -> None:
        self.before_placing()
        self.placed = [entry.path for entry in part]
        super().place(bento, part, directory)


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Watched]:
    with closing(SqliteDatabase(tmp_path / "source.db")) as database:
        yield Watched(database, FileSystemBlobStore(tmp_path / "source"), actor=lambda: "ada")


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Watched]:
    with closing(SqliteDatabase(tmp_path / "target.db")) as database:
        yield Watched(database, FileSystemBlobStore(tmp_path / "target"), actor=lambda: "grace")


@pytest.fixture
def put(source: LocalRegistry, write_bundle: WriteBundle) -> Put:
    return Put(source, write_bundle)


def test_copy_brings_files_and_labels(source: Watched, target: Watched, put: Put) -> None:
    put("Iris:1", stage="prod")
    done = copy_bundle_between(source, target, IRIS)
    assert (done.bento, done.was_there) == (target.find(IRIS), False)
    assert done.bento.bento_service_metadata.labels == {"stage": "prod"}
    assert done.bento.tree_digest == source.find(IRIS).tree_digest
    assert files_of(target, "Iris:1") == files_of(source, "Iris:1")
    assert (Path(done.bento.uri.uri) / "docker-entrypoint.sh").stat().st_mode & 0o100
    assert [(entry.actor, entry.action) for entry in target.list_audit(AuditQuery())] == [("grace", "bundle.register")]


def test_copy_without_labels_leaves_them_behind(source: Watched, target: Watched, put: Put) -> None:
    put("Iris:1", stage="prod")
    done = copy_bundle_between(source, target, IRIS, with_labels=False)
    assert done.bento.bento_service_metadata.labels == {}


@pytest.mark.parametrize("asked", ["Iris:latest", "Iris@production"])
def test_copy_when_a_version_is_meant_otherwise_asks_the_source(
    source: Watched, target: Watched, put: Put, asked: str
) -> None:
    put("Iris:1")
    source.set_alias(IRIS, "production")
    if asked == "Iris:latest":
        put("Iris:0")
    done = copy_bundle_between(source, target, Tag.parse(asked))
    assert done.bento.tag == ("Iris:0" if asked == "Iris:latest" else "Iris:1")
    assert done.bento.aliases == ()


def test_copy_when_the_target_has_contents_brings_the_others_alone(source: Watched, target: Watched, put: Put) -> None:
    put("Iris:1")
    put("Iris:2")
    copy_bundle_between(source, target, IRIS)
    copy_bundle_between(source, target, Tag("Iris", "2"))
    assert source.placed == ["bentoml.yml"]
    assert files_of(target, "Iris:2") == files_of(source, "Iris:2")


def test_copy_when_it_is_there_already_changes_nothing(source: Watched, target: Watched, put: Put) -> None:
    put("Iris:1", stage="prod")
    first = copy_bundle_between(source, target, IRIS)
    again = copy_bundle_between(source, target, IRIS)
    assert (again.was_there, again.labels_differ) == (True, False)
    target.set_labels(IRIS, {"stage": "test"})
    assert not copy_bundle_between(source, target, IRIS, with_labels=False).labels_differ
    again = copy_bundle_between(source, target, IRIS)
    assert (again.was_there, again.labels_differ) == (True, True)
    assert again.bento == dataclasses.replace(
        first.bento,
        bento_service_metadata=dataclasses.replace(first.bento.bento_service_metadata, labels={"stage": "test"}),
    )


def test_copy_when_another_one_is_there_is_refused(source: Watched, target: Watched, put: Put, tmp_path: Path) -> None:
    put("Iris:1")
    written = tmp_path / "bundles" / "Iris-1"
    (written / "Iris" / "iris.py").write_text("ANSWER = 41\n")
    Put(target, lambda *_: written)("Iris:1")
    with pytest.raises(YataiServiceRpcAborted, match="Iris:1 is there already, with other files"):
        copy_bundle_between(source, target, IRIS)


def test_copy_when_there_is_none_is_not_found(source: Watched, target: Watched) -> None:
    with pytest.raises(NotFound, match="BentoService Iris:1 not found"):
        copy_bundle_between(source, target, IRIS)


def test_copy_when_a_file_is_damaged_names_it_and_registers_nothing(source: Watched, target: Watched, put: Put) -> None:
    path = Path(put("Iris:1").uri.uri) / "Iris" / "artifacts" / "model.pkl"
    path.write_bytes(b"y" * 1000)
    with pytest.raises(BundleIntegrityException, match=r"Iris/artifacts/model\.pkl of Iris:1 is not the file"):
        copy_bundle_between(source, target, IRIS)
    with pytest.raises(NotFound):
        target.find(IRIS)


def test_copy_when_somebody_is_quicker_with_the_same_is_a_success(source: Watched, target: Watched, put: Put) -> None:
    put("Iris:1")
    quicker = LocalRegistry(source._database, source._blobs)
    source.before_placing = lambda: copy_bundle_between(quicker, target, IRIS)
    assert copy_bundle_between(source, target, IRIS).was_there


def test_push_and_pull_are_between_this_machine_and_the_registry(
    bentoml_home: Path, target: Watched, write_bundle: WriteBundle
) -> None:
    here = get_yatai_client().repository
    path = here.upload_from_dir(write_bundle(), labels={"stage": "prod"})
    there = BentoRepository(target, "http://yatai:3000", lambda: here._registry)
    assert there.push("Iris:latest") == target.find(IRIS).uri.uri
    here.delete("Iris:1", purge=True)
    there.set_alias("Iris:1", "production")
    assert there.pull("Iris@production") == path
    assert here.get("Iris:1").bento_service_metadata.labels == {"stage": "prod"}


@pytest.mark.parametrize(("verb", "said"), [("push", "push to"), ("pull", "pull from")])
def test_push_and_pull_without_a_registry_say_how_to_name_one(bentoml_home: Path, verb: str, said: str) -> None:
    with pytest.raises(InvalidArgument, match=f"no registry to {said}.*--yatai-url URL.*yatai.remote.url=URL"):
        getattr(get_yatai_client().repository, verb)("Iris:1")
