"""Whether the contents of bundles in a bucket are whole, and that those go which nobody needs."""

from __future__ import annotations

import io
import os
import random
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from bentoml.configuration import get_config
from bentoml.exceptions import NotFound, YataiRepositoryException, YataiServiceRpcAborted
from bentoml.storage.address import parse_address
from bentoml.storage.buckets import open_bucket
from bentoml.storage.object_store import BucketStore
from bentoml.types import Tag
from bentoml.yatai.client import open_local_registry
from bentoml.yatai.collection import CollectionReport
from bentoml.yatai.content_buckets import BucketUnavailable
from bentoml.yatai.content_store import key_path, new_key
from bentoml.yatai.local import LocalRegistry
from bentoml.yatai.registry import BentoQuery
from bentoml.yatai.repository import BentoRepository
from tests.storage.emulators import Emulator
from tests.storage.valve import valve_before
from tests.yatai.bucket_places import AZURE, bucket_url, emulator, emulator_in
from tests.yatai.conftest import WriteBundle
from tests.yatai.contract_tools import Put

__all__ = ["bucket_url", "emulator", "emulator_in"]

pytestmark = [pytest.mark.environment("storage"), pytest.mark.timeout(180)]

EACH_PROTOCOL = pytest.mark.parametrize("emulator_in", ["s3", AZURE], indirect=True)


@pytest.fixture
def registry(bucket_url: str) -> LocalRegistry:
    return open_local_registry(get_config())


@pytest.fixture
def put(registry: LocalRegistry, write_bundle: WriteBundle) -> Put:
    return Put(registry, write_bundle)


@pytest.fixture
def bucket(bucket_url: str) -> BucketStore:
    return open_bucket(parse_address(bucket_url))


def name_of(bucket: BucketStore, bucket_url: str, digest: str) -> str:
    """The object of a content."""
    prefix = parse_address(bucket_url).name
    return next(name for name in bucket.names(prefix) if digest.removeprefix("sha256:") in name)


@EACH_PROTOCOL
def test_check_finds_what_is_missing_cut_off_or_damaged(
    registry: LocalRegistry, put: Put, bucket: BucketStore, bucket_url: str
) -> None:
    put("Iris:1")
    bento = put("Iris:2")
    assert registry.inspect(deep=True).problems == ()
    entries = {entry.path: entry for entry in registry.tree(bento)}
    missing, cut, damaged = (
        name_of(bucket, bucket_url, entries[path].digest)
        for path in ("bentoml.yml", "Iris/iris.py", "docker-entrypoint.sh")
    )
    bucket.delete(missing)
    bucket.write(cut, io.BytesIO(b"x"), 1)
    size = entries["docker-entrypoint.sh"].size_bytes
    bucket.write(damaged, io.BytesIO(b"x" * size), size)
    found = registry.inspect().problems
    assert len(found) == 2
    assert any("is missing" in text for text in found)
    assert any("has 1 bytes, and not" in text for text in found)
    deep = registry.inspect(deep=True).problems
    assert len(deep) == 3
    assert any("is damaged: its digest is" in text for text in deep)


@EACH_PROTOCOL
def test_gc_leaves_young_orphans_and_what_can_be_restored(
    registry: LocalRegistry, put: Put, bucket: BucketStore, bucket_url: str
) -> None:
    put("Iris:1")
    put("Iris:2")
    prefix = parse_address(bucket_url).name
    before = set(bucket.names(prefix))
    orphan = f"{prefix}/blobs/{key_path(new_key('sha256:' + 'a' * 64))}"
    foreign = f"{prefix}/blobs/readme.txt"
    for name in (orphan, foreign):
        bucket.write(name, io.BytesIO(b"12345"), 5)
    assert registry.inspect().unknown == 1
    registry.delete(Tag("Iris", "1"))
    report = registry.collect()
    assert (report.orphans, report.contents) == (0, 0)
    assert set(bucket.names(prefix)) == before | {orphan, foreign}
    report = registry.collect(timedelta(0))
    assert (report.orphans, report.orphan_bytes) == (1, 5)
    assert set(bucket.names(prefix)) == before | {foreign}
    registry.restore(Tag("Iris", "1"))
    assert registry.inspect(deep=True).problems == ()
    registry.delete(Tag("Iris", "1"), purge=True)
    left = set(bucket.names(prefix)) - {foreign, f"{prefix}/blobs/catalog"}
    assert left < before
    assert len(left) == len(registry.tree(registry.find(Tag("Iris", "2"))).contents)


def test_content_that_is_missing_is_brought_by_the_next_who_has_it(
    registry: LocalRegistry, put: Put, bucket: BucketStore, bucket_url: str
) -> None:
    entry = registry.tree(put("Iris:1")).find("Iris/iris.py")
    assert entry is not None
    bucket.delete(name_of(bucket, bucket_url, entry.digest))
    put("Iris:2")
    assert registry.inspect(deep=True).problems == ()


def test_bucket_that_nobody_answers_for_is_an_error_and_no_loss(
    registry: LocalRegistry, put: Put, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("Iris:1")
    with valve_before(emulator.endpoint) as valve:
        monkeypatch.setenv("AWS_ENDPOINT_URL", valve.url)
        behind = open_local_registry(get_config())
        assert behind.inspect(deep=True).problems == ()
        valve.close()
        with pytest.raises(BucketUnavailable, match="The bucket of the repository cannot be used: s3://"):
            behind.inspect()
        with pytest.raises(BucketUnavailable):
            behind.collect(timedelta(0))
    assert len(behind.list_bentos(BentoQuery())) == 1
    assert registry.inspect(deep=True).problems == ()


def come_and_go(bundles: Sequence[Path], chance: random.Random) -> None:
    """Save, delete, restore and purge what others do the same with."""
    registry = open_local_registry(get_config())
    repository = BentoRepository(registry)
    for _ in range(15):
        bundle = chance.choice(bundles)
        tag = Tag("Iris", bundle.name.removeprefix("Iris-"))
        try:
            match chance.choice(("save", "save", "delete", "restore", "purge", "read")):
                case "save":
                    repository.upload_from_dir(bundle)
                case "read":
                    with registry.reading(registry.find(tag)) as copy:
                        assert (copy / "own.txt").read_text() == tag.version
                case "restore":
                    registry.restore(tag)
                case step:
                    registry.delete(tag, purge=step == "purge")
        except (NotFound, YataiServiceRpcAborted):
            continue


def test_nothing_is_lost_when_bundles_come_and_go_while_contents_are_collected(
    registry: LocalRegistry, write_bundle: WriteBundle, bucket: BucketStore, bucket_url: str
) -> None:
    bundles = []
    for number in range(4):
        bundle = write_bundle(version=str(number))
        (bundle / "own.txt").write_text(str(number))
        bundles.append(bundle)
    with ThreadPoolExecutor(4) as pool:
        working = [pool.submit(come_and_go, bundles, random.Random(seed)) for seed in range(3)]
        while not all(task.done() for task in working):
            open_local_registry(get_config()).collect()
        for task in working:
            task.result()
    assert registry.inspect(deep=True).problems == ()
    registry.collect(timedelta(0))
    found = registry.inspect(deep=True)
    assert (found.problems, found.unknown) == ((), 0)
    assert found.contents == len(list(bucket.names(parse_address(bucket_url).name))) - 1, "and the mark of the catalog"
    for bento in registry.list_bentos(BentoQuery()):
        with registry.reading(bento) as copy:
            assert (copy / "own.txt").read_text() == bento.version


def test_outage_while_a_large_file_is_fetched_leaves_nothing(
    registry: LocalRegistry,
    write_bundle: WriteBundle,
    emulator: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    bentoml_home: Path,
) -> None:
    bundle = write_bundle()
    (bundle / "model.bin").write_bytes(random.Random(1).randbytes(150 << 20))
    BentoRepository(registry).upload_from_dir(bundle)
    with valve_before(emulator.endpoint) as valve:
        monkeypatch.setenv("AWS_ENDPOINT_URL", valve.url)
        behind = open_local_registry(get_config())
        bento = behind.find(Tag("Iris", "1"))
        closer = threading.Thread(target=valve.close_after, args=(48 << 20,))
        closer.start()
        with pytest.raises(BucketUnavailable), behind.reading(bento):
            pass
        closer.join()
        assert not list((bentoml_home / "cache").glob("[0-9a-f]*/"))
        assert not list((bentoml_home / "cache" / ".staging").iterdir())
        valve.open()
        with behind.reading(bento) as copy:
            assert (copy / "model.bin").read_bytes() == (bundle / "model.bin").read_bytes()


@EACH_PROTOCOL
def test_bucket_of_another_catalog_is_left_alone(
    registry: LocalRegistry,
    put: Put,
    bucket: BucketStore,
    bucket_url: str,
    write_bundle: WriteBundle,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    assert registry.collect() == CollectionReport(), "nobody has used it yet"
    put("Iris:1")
    before = set(bucket.names(parse_address(bucket_url).name))
    own_home = os.environ["BENTOML_HOME"]
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "elsewhere"))
    other = BentoRepository(open_local_registry(get_config()))
    bundle = write_bundle("Wine")
    with pytest.raises(YataiRepositoryException, match=rf"{bucket_url} belongs to another catalog.*blobs/catalog: "):
        other.upload_from_dir(bundle)
    assert other.list() == []
    with pytest.raises(YataiRepositoryException, match="belongs to another catalog"):
        open_local_registry(get_config()).collect(timedelta(0))
    assert set(bucket.names(parse_address(bucket_url).name)) == before
    monkeypatch.setenv("BENTOML_HOME", own_home)
    open_local_registry(get_config()).collect(timedelta(0))
    assert registry.inspect(deep=True).problems == ()

    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "elsewhere"))
    bucket.delete(f"{parse_address(bucket_url).name}/blobs/catalog")
    other.upload_from_dir(bundle)
    with pytest.raises(YataiRepositoryException, match="belongs to another catalog"):
        registry.collect()


def test_backup_of_a_bucket_belongs_to_its_catalog(
    registry: LocalRegistry, put: Put, bucket: BucketStore, bucket_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("Iris:1")
    prefix = parse_address(bucket_url).name
    for name in list(bucket.names(prefix)):
        with bucket.open(name) as stream:
            content = b"".join(stream.chunks)
        bucket.write(f"{prefix}-backup{name.removeprefix(prefix)}", io.BytesIO(content), len(content))
    monkeypatch.setenv("BENTOML__YATAI__REPOSITORY__S3__URL", f"{bucket_url}-backup")
    restored = open_local_registry(get_config())
    assert restored.collect(timedelta(0)) == CollectionReport()
    with restored.reading(restored.find(Tag("Iris", "1"))) as copy:
        assert (copy / "bentoml.yml").is_file()
    Put(restored, put._write)("Iris:2")
    assert restored.inspect(deep=True).problems == ()


def test_catalog_keeps_its_files_in_one_place(
    registry: LocalRegistry, bucket_url: str, write_bundle: WriteBundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first, second = write_bundle(version="1"), write_bundle(version="2")
    BentoRepository(registry).upload_from_dir(first)
    in_bucket = rf"Files of this catalog are in {bucket_url}, and all have to be in one place"
    monkeypatch.setenv("BENTOML__YATAI__REPOSITORY__S3__URL", f"{bucket_url}-other")
    with pytest.raises(YataiRepositoryException, match=in_bucket):
        BentoRepository(open_local_registry(get_config())).upload_from_dir(second)
    monkeypatch.setenv("BENTOML__YATAI__REPOSITORY__TYPE", "file_system")
    with pytest.raises(YataiRepositoryException, match=in_bucket):
        BentoRepository(open_local_registry(get_config())).upload_from_dir(second)
    BentoRepository(registry).upload_from_dir(second)
    assert registry.inspect(deep=True).problems == ()

    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "elsewhere"))
    BentoRepository(open_local_registry(get_config())).upload_from_dir(first)
    monkeypatch.setenv("BENTOML__YATAI__REPOSITORY__TYPE", "s3")
    with pytest.raises(YataiRepositoryException, match=r"Files of this catalog are in .*elsewhere/repository/Iris/1,"):
        BentoRepository(open_local_registry(get_config())).upload_from_dir(second)
