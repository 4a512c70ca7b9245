from __future__ import annotations

import io
import logging
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bentoml.exceptions import (
    BentoMLConfigException,
    BentoMLException,
    BundleIntegrityException,
    InvalidArgument,
    NotFound,
    YataiRepositoryException,
    YataiServiceRpcAborted,
)
from bentoml.types import Tag
from bentoml.yatai.client import get_yatai_client
from bentoml.yatai.models import BentoUri, SortBy, UploadStatus
from bentoml.yatai.repository import BentoRepository

WriteBundle = Callable[..., Path]
Save = Callable[..., Path]
CheckAgreement = Callable[[], set[str]]


def tags(bentos: list[Any]) -> list[str]:
    return [bento.tag for bento in bentos]


def test_upload_from_dir_registers_a_copy(
    repository: BentoRepository, write_bundle: WriteBundle, bentoml_home: Path, check_agreement: CheckAgreement
) -> None:
    source = write_bundle()
    path = Path(repository.upload_from_dir(source, {"team": "vision"}))
    assert path == bentoml_home / "repository" / "Iris" / "1"
    assert (path / "Iris" / "artifacts" / "model.pkl").read_bytes() == b"x" * 1000
    assert os.access(path / "docker-entrypoint.sh", os.X_OK)
    assert source.is_dir()
    assert check_agreement() == {"Iris:1"}


def test_upload_from_dir_logs_where(save: Save, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="bentoml"):
        path = save()
    assert f"BentoService bundle 'Iris:1' saved to: {path}" in caplog.messages


def test_upload_from_dir_when_tag_is_taken_refuses(
    repository: BentoRepository, save: Save, write_bundle: WriteBundle, tmp_path: Path
) -> None:
    save()
    with pytest.raises(
        BentoMLException,
        match=r"already registered in repository\. Reset BentoService version with BentoService#set_version",
    ) as caught:
        repository.upload_from_dir(tmp_path / "bundles" / "Iris-1")
    assert isinstance(caught.value, YataiServiceRpcAborted)
    assert len(repository.list()) == 1


def test_upload_from_dir_when_directory_is_there_but_unknown_refuses(
    repository: BentoRepository, write_bundle: WriteBundle, bentoml_home: Path
) -> None:
    stray = bentoml_home / "repository" / "Iris" / "1"
    stray.mkdir(parents=True)
    (stray / "mine.txt").write_text("keep")
    with pytest.raises(YataiRepositoryException, match=r"Bento bundle directory .*/Iris/1 already exist"):
        repository.upload_from_dir(write_bundle())
    assert (stray / "mine.txt").read_text() == "keep"
    assert repository.list() == []


@pytest.mark.parametrize("labels", [{"k": "value"}, {"key": "v v v"}, {"key": "x" * 64}, {"-key": "value"}])
def test_upload_from_dir_when_labels_are_invalid_registers_nothing(
    repository: BentoRepository, write_bundle: WriteBundle, labels: dict[str, str], bentoml_home: Path
) -> None:
    with pytest.raises(InvalidArgument, match="label"):
        repository.upload_from_dir(write_bundle(), labels)
    assert list(bentoml_home.iterdir()) == []


def test_upload_from_dir_when_no_bundle_says_so(repository: BentoRepository, tmp_path: Path) -> None:
    with pytest.raises(BentoMLConfigException, match="not a saved bundle"):
        repository.upload_from_dir(tmp_path)


def test_upload_from_dir_when_bundle_is_partial_says_so(repository: BentoRepository, write_bundle: WriteBundle) -> None:
    source = write_bundle()
    for file in sorted((source / "Iris").rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    (source / "Iris").rmdir()
    with pytest.raises(BentoMLException, match="not a whole bundle"):
        repository.upload_from_dir(source)


def test_upload_from_dir_when_a_byte_was_changed_names_the_file(
    repository: BentoRepository, write_bundle: WriteBundle, bentoml_home: Path
) -> None:
    from bentoml.saved_bundle.integrity import write_digests

    source = write_bundle()
    write_digests(source)
    (source / "Iris" / "iris.py").write_text("ANSWER = 43\n")
    with pytest.raises(BundleIntegrityException, match=r"iris\.py"):
        repository.upload_from_dir(source)
    assert repository.list() == []
    assert not (bentoml_home / "repository" / "Iris").exists()


def test_get_describes_the_bundle(repository: BentoRepository, save: Save) -> None:
    path = save(labels={"team": "vision"})
    bento = repository.get("Iris:1")
    assert (bento.name, bento.version, bento.tag) == ("Iris", "1", "Iris:1")
    assert bento.uri == BentoUri(BentoUri.LOCAL, str(path))
    assert bento.status.status is UploadStatus.DONE
    assert bento.bento_service_metadata.labels == {"team": "vision"}
    assert bento.bento_service_metadata.apis[0].mb_max_batch_size == 10
    assert bento.bento_service_metadata.artifacts[0].metadata == {"accuracy": 0.9}


def test_get_to_json_has_the_documented_shape(repository: BentoRepository, save: Save) -> None:
    path = save(labels={"team": "vision"})
    document = repository.get("Iris:1").to_json()
    status = document.pop("status")
    metadata = document.pop("bentoServiceMetadata")
    assert document == {"name": "Iris", "version": "1", "uri": {"type": "LOCAL", "uri": str(path)}}
    assert status["status"] == "DONE"
    assert set(status) == {"status", "updatedAt"}
    assert {"name", "version", "createdAt", "env", "artifacts", "apis", "labels"} == set(metadata)
    assert metadata["createdAt"] == "2024-05-01T10:00:00.000000Z"
    assert metadata["apis"][0]["mbMaxLatency"] == 1000
    assert metadata["labels"] == {"team": "vision"}


@pytest.mark.parametrize("version", ["latest", "Latest", "LATEST"])
def test_get_when_latest_gives_the_one_registered_last(repository: BentoRepository, save: Save, version: str) -> None:
    for saved in ("3", "1", "2"):
        save(version=saved)
    save(name="Other", version="9")
    assert repository.get(f"Iris:{version}").version == "2"
    repository.delete("Iris:2")
    assert repository.get(f"Iris:{version}").version == "1"


@pytest.mark.parametrize("tag", ["Iris:2", "Nobody:1", "Nobody:latest", "iris:1"])
def test_get_when_unknown_says_not_found(repository: BentoRepository, save: Save, tag: str) -> None:
    save()
    with pytest.raises(BentoMLException, match=f"^BentoService {tag} not found - NOT_FOUND:") as caught:
        repository.get(tag)
    assert isinstance(caught.value, NotFound)


@pytest.mark.parametrize("tag", ["Iris", "Iris:", ":1", ""])
def test_get_when_version_is_missing_says_so(repository: BentoRepository, tag: str) -> None:
    with pytest.raises(InvalidArgument, match="name:version"):
        repository.get(tag)


def test_list_and_get_when_nothing_was_ever_saved_make_no_files(
    repository: BentoRepository, bentoml_home: Path
) -> None:
    assert repository.list() == []
    with pytest.raises(NotFound):
        repository.get("Iris:1")
    assert list(bentoml_home.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param({}, ["B:1", "A:2", "C:1", "A:1"], id="newest-first"),
        pytest.param({"ascending_order": True}, ["A:1", "C:1", "A:2", "B:1"], id="oldest-first"),
        pytest.param({"order_by": "created_at"}, ["B:1", "A:2", "C:1", "A:1"], id="by-time"),
        pytest.param({"order_by": "name"}, ["C:1", "B:1", "A:2", "A:1"], id="by-name"),
        pytest.param({"order_by": "name", "ascending_order": True}, ["A:2", "A:1", "B:1", "C:1"], id="by-name-up"),
        pytest.param({"order_by": SortBy.NAME, "limit": 1}, ["C:1"], id="by-name-as-value"),
        pytest.param({"bento_name": "A"}, ["A:2", "A:1"], id="one-name"),
        pytest.param({"bento_name": "a"}, [], id="name-is-exact"),
        pytest.param({"bento_name": "Nobody"}, [], id="unknown-name"),
        pytest.param({"limit": 2}, ["B:1", "A:2"], id="limit"),
        pytest.param({"limit": 2, "offset": 2}, ["C:1", "A:1"], id="second-page"),
        pytest.param({"offset": 3}, ["A:1"], id="offset"),
        pytest.param({"offset": 9}, [], id="offset-beyond"),
        pytest.param({"limit": 0}, [], id="limit-zero"),
    ],
)
def test_list_orders_and_pages(
    repository: BentoRepository, save: Save, arguments: dict[str, Any], expected: list[str]
) -> None:
    for name, version in (("A", "1"), ("C", "1"), ("A", "2"), ("B", "1")):
        save(name=name, version=version)
    assert tags(repository.list(**arguments)) == expected


def test_list_when_no_limit_is_given_returns_40(repository: BentoRepository, save: Save) -> None:
    for number in range(42):
        save(version=str(number))
    assert tags(repository.list()) == [f"Iris:{number}" for number in range(41, 1, -1)]
    assert len(repository.list(limit=100)) == 42


@pytest.mark.parametrize(
    "arguments",
    [{"limit": -1}, {"offset": -1}, {"order_by": "size"}, {"labels": "a=b=c"}],
    ids=str,
)
def test_list_when_argument_is_invalid_refuses(repository: BentoRepository, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        repository.list(**arguments)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("team=vision", {"1", "2"}, id="equal"),
        pytest.param("team!=vision", {"3", "4"}, id="not-equal-includes-unlabelled"),
        pytest.param("team In (vision, speech)", {"1", "2", "3"}, id="in"),
        pytest.param("team NotIn (vision)", {"3", "4"}, id="not-in-includes-unlabelled"),
        pytest.param("stage", {"1", "3"}, id="bare-key"),
        pytest.param("stage exists", {"1", "3"}, id="exists"),
        pytest.param("stage DoesNotExist", {"2", "4"}, id="does-not-exist-includes-unlabelled"),
        pytest.param("team=vision, stage DoesNotExist", {"2"}, id="and"),
        pytest.param("team=vision,team=speech", {"3"}, id="last-equal-wins"),
        pytest.param("team In (vision, speech), stage=prod", {"1"}, id="in-and-equal"),
        pytest.param("Team=vision", set(), id="keys-are-case-sensitive"),
        pytest.param("team=%", set(), id="no-wildcards"),
        pytest.param("team=vision' OR '1'='1", None, id="no-injection"),
        pytest.param("", {"1", "2", "3", "4"}, id="empty"),
    ],
)
def test_list_when_labels_are_queried(
    repository: BentoRepository, save: Save, query: str, expected: set[str] | None
) -> None:
    save(version="1", labels={"team": "vision", "stage": "prod"})
    save(version="2", labels={"team": "vision"})
    save(version="3", labels={"team": "speech", "stage": "dev-1"})
    save(version="4")
    if expected is None:
        with pytest.raises((InvalidArgument, AssertionError)):
            repository.list(labels=query)
    else:
        assert {bento.version for bento in repository.list(labels=query)} == expected


def test_list_when_labels_of_another_kind_of_resource_match_ignores_them(
    repository: BentoRepository, save: Save, bentoml_home: Path
) -> None:
    save()
    with closing(sqlite3.connect(bentoml_home / "storage.db")) as connection:
        connection.execute(
            "INSERT INTO labels (resource_type, resource_id, key, value) "
            "SELECT 'deployment', id, 'team', 'ops' FROM bentos"
        )
        connection.commit()
    assert repository.list(labels="team=ops") == []
    assert tags(repository.list(labels="team DoesNotExist")) == ["Iris:1"]
    assert repository.get("Iris:1").bento_service_metadata.labels == {}


@pytest.fixture
def five(save: Save) -> None:
    """Five bundles: Iris:1, Iris:2 (team vision), Iris:3, Other:1 (team vision), Other:2."""
    save(version="1")
    save(version="2", labels={"team": "vision"})
    save(version="3")
    save(name="Other", version="1", labels={"team": "vision"})
    save(name="Other", version="2")


ALL = {"Iris:1", "Iris:2", "Iris:3", "Other:1", "Other:2"}


@pytest.mark.usefixtures("five")
@pytest.mark.parametrize(
    ("arguments", "deleted"),
    [
        pytest.param({"bento_tag": "Iris:2"}, {"Iris:2"}, id="tag"),
        pytest.param({"bento_tag": Tag("Iris", "2")}, {"Iris:2"}, id="tag-value"),
        pytest.param({"bento_tag": "Iris:latest"}, {"Iris:3"}, id="latest"),
        pytest.param({"bento_tag": "Iris:2", "prune": True}, {"Iris:2"}, id="tag-narrows-prune"),
        pytest.param({"bento_name": "Iris"}, {"Iris:1", "Iris:2", "Iris:3"}, id="name"),
        pytest.param({"bento_name": "Iris", "bento_version": "2"}, {"Iris:2"}, id="name-and-version"),
        pytest.param({"labels": "team=vision"}, {"Iris:2", "Other:1"}, id="labels"),
        pytest.param({"labels": "team DoesNotExist"}, {"Iris:1", "Iris:3", "Other:2"}, id="labels-not"),
        pytest.param({"labels": "team=vision", "bento_name": "Iris"}, {"Iris:2"}, id="name-and-labels"),
        pytest.param({"labels": "team=vision", "prune": True}, {"Iris:2", "Other:1"}, id="labels-narrow-prune"),
        pytest.param({"labels": "team=nobody"}, set(), id="labels-of-nobody"),
        pytest.param({"prune": True}, ALL, id="prune"),
    ],
)
def test_delete_removes_exactly_what_is_named(
    repository: BentoRepository, check_agreement: CheckAgreement, arguments: dict[str, Any], deleted: set[str]
) -> None:
    repository.delete(**arguments)
    assert set(tags(repository.list())) == ALL - deleted
    assert check_agreement() == ALL - deleted


@pytest.mark.usefixtures("five")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({}, "Say what to delete", id="nothing"),
        pytest.param({"labels": ""}, "Say what to delete", id="empty-labels"),
        pytest.param({"labels": "  "}, "Say what to delete", id="blank-labels"),
        pytest.param({"bento_name": ""}, "Say what to delete", id="empty-name"),
        pytest.param({"bento_tag": ""}, "name:version", id="empty-tag"),
        pytest.param({"bento_tag": "Iris"}, "name:version", id="tag-without-version"),
        pytest.param({"bento_version": "1"}, "A version alone", id="version-alone"),
        pytest.param({"bento_name": "Iris", "bento_version": ""}, "A version alone", id="empty-version"),
        pytest.param(
            {"bento_tag": "Iris:1", "bento_name": "Iris", "bento_version": "1"}, "Too much arguments", id="all-three"
        ),
        pytest.param({"bento_tag": "Iris:1", "bento_name": "Iris"}, "Too much arguments", id="tag-and-name"),
        pytest.param({"bento_tag": "Iris:1", "labels": "team"}, "Too much arguments", id="tag-and-labels"),
        pytest.param({"bento_name": "Iris", "bento_version": "1", "labels": "team"}, "leave out", id="one-and-labels"),
        pytest.param({"labels": "team="}, "can't have empty value", id="bad-labels"),
        pytest.param({"bento_tag": "Iris:9"}, "BentoService Iris:9 not found - NOT_FOUND", id="unknown-tag"),
        pytest.param({"bento_name": "Nobody"}, "BentoService Nobody not found - NOT_FOUND", id="unknown-name"),
    ],
)
def test_delete_when_refused_deletes_nothing(
    repository: BentoRepository, check_agreement: CheckAgreement, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(BentoMLException, match=message):
        repository.delete(**arguments)
    assert check_agreement() == ALL


def test_delete_when_nothing_is_named_is_an_invalid_argument(repository: BentoRepository) -> None:
    with pytest.raises(InvalidArgument):
        repository.delete()


def test_delete_when_more_than_one_page_matches_deletes_all(
    repository: BentoRepository, save: Save, check_agreement: CheckAgreement
) -> None:
    for number in range(55):
        save(version=str(number))
    repository.delete(bento_name="Iris")
    assert check_agreement() == set()


@pytest.mark.parametrize("version", ["1", "latest"])
def test_delete_logs_each_bundle_by_its_version(
    repository: BentoRepository, save: Save, caplog: pytest.LogCaptureFixture, version: str
) -> None:
    save()
    with caplog.at_level(logging.INFO, logger="bentoml"):
        repository.delete(f"Iris:{version}")
    assert "Deleting saved Bento bundle Iris:1" in caplog.messages


def test_delete_then_upload_again_gives_the_new_bundle(
    repository: BentoRepository, save: Save, tmp_path: Path, check_agreement: CheckAgreement
) -> None:
    save(labels={"team": "vision"})
    repository.delete("Iris:1")
    (tmp_path / "bundles" / "Iris-1" / "Iris" / "iris.py").write_text("ANSWER = 43\n")
    path = Path(repository.upload_from_dir(tmp_path / "bundles" / "Iris-1"))
    assert (path / "Iris" / "iris.py").read_text() == "ANSWER = 43\n"
    assert repository.get("Iris:1").bento_service_metadata.labels == {}
    assert check_agreement() == {"Iris:1"}


@pytest.mark.parametrize(("answer", "stays"), [("y", False), ("YES", False), ("n", True), ("", True)])
def test_delete_when_confirmation_is_required_asks(
    repository: BentoRepository, save: Save, monkeypatch: pytest.MonkeyPatch, answer: str, stays: bool
) -> None:
    save()
    questions: list[str] = []

    def reply(question: str) -> str:
        questions.append(question)
        return answer

    monkeypatch.setattr("builtins.input", reply)
    repository.delete("Iris:1", require_confirm=True)
    assert questions == ["Permanently delete Iris:1? [y/N]: "]
    assert (tags(repository.list()) == ["Iris:1"]) is stays


def test_delete_when_nobody_can_answer_keeps_the_bundle(
    repository: BentoRepository, save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    save()
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    repository.delete("Iris:1", require_confirm=True)
    assert tags(repository.list()) == ["Iris:1"]


def test_delete_when_files_are_gone_already_removes_the_record(
    repository: BentoRepository, save: Save, check_agreement: CheckAgreement
) -> None:
    path = save()
    path.rename(path.parents[2] / "taken")
    repository.delete("Iris:1")
    assert check_agreement() == set()


def test_download_to_directory_copies_the_files(repository: BentoRepository, save: Save, tmp_path: Path) -> None:
    save()
    repository.download_to_directory(repository.get("Iris:1"), tmp_path / "copy")
    assert (tmp_path / "copy" / "Iris" / "iris.py").is_file()
    repository.download_to_directory("Iris:latest", str(tmp_path / "again"))
    assert (tmp_path / "again" / "bentoml.yml").is_file()


def test_download_to_directory_when_target_exists_refuses(
    repository: BentoRepository, save: Save, tmp_path: Path
) -> None:
    save()
    (tmp_path / "copy").mkdir()
    with pytest.raises(YataiRepositoryException, match="copy exists already"):
        repository.download_to_directory("Iris:1", tmp_path / "copy")


def test_download_to_directory_when_deleted_meanwhile_says_not_found(
    repository: BentoRepository, save: Save, tmp_path: Path
) -> None:
    save()
    bento = repository.get("Iris:1")
    repository.delete("Iris:1")
    with pytest.raises(NotFound, match="BentoService Iris:1 not found - NOT_FOUND"):
        repository.download_to_directory(bento, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_reading_when_files_are_missing_says_what_to_do(repository: BentoRepository, save: Save) -> None:
    path = save()
    path.rename(path.parents[2] / "taken")
    with pytest.raises(YataiRepositoryException, match="files of Iris:1 are missing"):
        repository.reading("Iris:1").__enter__()


def test_repository_when_directory_is_configured_uses_it(
    bentoml_home: Path, tmp_path: Path, write_bundle: WriteBundle
) -> None:
    (bentoml_home / "bentoml.yml").write_text(
        f"yatai:\n  repository:\n    file_system:\n      directory: {tmp_path / 'elsewhere'}\n"
        f"  database:\n    url: sqlite:///{tmp_path / 'my catalog.db'}\n"
    )
    path = get_yatai_client().repository.upload_from_dir(write_bundle())
    assert Path(path) == tmp_path / "elsewhere" / "Iris" / "1"
    assert (tmp_path / "my catalog.db").is_file()
    assert tags(get_yatai_client().repository.list()) == ["Iris:1"]
