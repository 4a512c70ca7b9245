"""What every registry promises, see `bentoml.yatai.registry`. A test module subclasses `RegistryContract`.

It gives a fixture `registry`, empty, and a fixture `actor`: who makes the changes, as the audit log should name them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bentoml.exceptions import NotFound, YataiServiceRpcAborted
from bentoml.types import Tag
from bentoml.yatai.audit import AuditQuery
from bentoml.yatai.bundle_tree import BundleTree
from bentoml.yatai.labels import parse_label_query
from bentoml.yatai.models import SortBy, UploadState
from bentoml.yatai.registry import BentoQuery, Registry
from bentoml.yatai.tree_reading import read_tree
from tests.yatai.conftest import WriteBundle
from tests.yatai.contract_of_changes import ContractOfChanges
from tests.yatai.contract_of_deletion import ContractOfDeletion
from tests.yatai.contract_of_deployments import ContractOfDeployments
from tests.yatai.contract_tools import ALL, Put, files_of, tags


class RegistryContract(ContractOfChanges, ContractOfDeletion, ContractOfDeployments):
    """The suite."""

    @pytest.fixture
    def put(self, registry: Registry, write_bundle: WriteBundle) -> Put:
        return Put(registry, write_bundle)

    def test_register_makes_the_bundle_visible_with_its_files(
        self, registry: Registry, put: Put, write_bundle: WriteBundle, tmp_path: Path
    ) -> None:
        put("Iris:1", stage="prod")
        found = registry.find(Tag("Iris", "1"))
        assert (found.tag, found.status.status, found.aliases) == ("Iris:1", UploadState.DONE, ())
        assert found.bento_service_metadata.labels == {"stage": "prod"}
        assert [api.name for api in found.bento_service_metadata.apis] == ["predict"]
        source = tmp_path / "bundles" / "Iris-1"
        assert files_of(registry, "Iris:1") == {
            str(path.relative_to(source)): path.read_bytes() for path in source.rglob("*") if path.is_file()
        }

    def test_register_when_the_tag_is_taken_is_refused(self, registry: Registry, put: Put) -> None:
        put("Iris:1", stage="first")
        with pytest.raises(YataiServiceRpcAborted, match="Iris:1 already exists"):
            put("Iris:1", stage="second")
        assert registry.find(Tag("Iris", "1")).bento_service_metadata.labels == {"stage": "first"}

    def test_fetch_copies_the_files(self, registry: Registry, put: Put, tmp_path: Path) -> None:
        put("Iris:1")
        registry.fetch(registry.find(Tag("Iris", "1")), tmp_path / "copy")
        assert (tmp_path / "copy" / "Iris" / "iris.py").read_text() == "ANSWER = 42\n"
        assert (tmp_path / "copy" / "docker-entrypoint.sh").stat().st_mode & 0o100

    def test_hold_gives_a_directory_until_it_is_released(self, registry: Registry, put: Put) -> None:
        held = registry.hold(put("Iris:1"))
        assert (held.path / "Iris" / "iris.py").read_text() == "ANSWER = 42\n"
        held.release()
        held.release()

    def test_place_makes_the_files_that_are_asked_for(self, registry: Registry, put: Put, tmp_path: Path) -> None:
        bento = put("Iris:1")
        wanted = ("Iris/artifacts/model.pkl", "docker-entrypoint.sh")
        part = BundleTree.of(entry for entry in registry.tree(bento) if entry.path in wanted)
        (tmp_path / "placed").mkdir()
        registry.place(bento, part, tmp_path / "placed")
        assert read_tree(tmp_path / "placed") == part

    @pytest.mark.parametrize("verb", ["hold", "place", "tree"])
    def test_files_of_a_bundle_that_is_gone_are_not_found(
        self, registry: Registry, put: Put, tmp_path: Path, verb: str
    ) -> None:
        bento = put("Iris:1")
        tree = registry.tree(bento)
        registry.delete(Tag("Iris", "1"))
        with pytest.raises(NotFound, match="Iris:1"):
            getattr(registry, verb)(bento, *((tree, tmp_path) if verb == "place" else ()))

    @pytest.mark.parametrize("tag", ["Iris:2", "Wine:latest", "Iris@production", "Wine@production"])
    def test_find_when_there_is_none_is_not_found(self, registry: Registry, put: Put, tag: str) -> None:
        put("Iris:1")
        with pytest.raises(NotFound, match=f"BentoService {tag} not found"):
            registry.find(Tag.parse(tag))

    def test_find_latest_is_the_bundle_registered_last(self, registry: Registry, put: Put) -> None:
        for tag in ("Iris:2", "Iris:10", "Iris:1", "Wine:3"):
            put(tag)
        assert registry.find(Tag("Iris", "latest")).version == "1"

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            pytest.param(BentoQuery(), "b:2 a:2 B:1 a:1", id="newest-first"),
            pytest.param(BentoQuery(ascending=True), "a:1 B:1 a:2 b:2", id="oldest-first"),
            pytest.param(BentoQuery(sort_by=SortBy.NAME, ascending=True), "B:1 a:2 a:1 b:2", id="by-name"),
            pytest.param(BentoQuery(sort_by=SortBy.NAME), "b:2 a:2 a:1 B:1", id="by-name-backwards"),
            pytest.param(BentoQuery(name="a"), "a:2 a:1", id="of-one-name"),
            pytest.param(BentoQuery(offset=1, limit=2), "a:2 B:1", id="second-page"),
            pytest.param(BentoQuery(offset=4), "", id="behind-the-end"),
            pytest.param(BentoQuery(limit=0), "", id="none"),
            pytest.param(BentoQuery(name_patterns=["b*"]), "b:2", id="of-a-pattern"),
            pytest.param(BentoQuery(name_patterns=["a", "B"]), "a:2 B:1 a:1", id="of-two-patterns"),
            pytest.param(BentoQuery(name_patterns=[]), "", id="of-no-pattern"),
            pytest.param(BentoQuery(name_patterns=["?", "[a]", "_", "%"]), "", id="only-stars-are-special"),
            pytest.param(BentoQuery(name_patterns=["a", "B"], also_patterns=[["*"], ["b", "B"]]), "B:1", id="groups"),
            pytest.param(BentoQuery(search="B"), "b:2 B:1", id="search-in-names"),
            pytest.param(BentoQuery(search=":2"), "b:2 a:2", id="search-in-versions"),
            pytest.param(BentoQuery(search="vis"), "a:2 B:1", id="search-in-values-of-labels"),
            pytest.param(BentoQuery(search="team=VISION b:"), "B:1", id="search-for-two-words"),
            pytest.param(BentoQuery(search="%"), "", id="search-for-a-wildcard"),
            pytest.param(BentoQuery(search="_"), "", id="search-for-another-wildcard"),
            pytest.param(BentoQuery(search="  "), "b:2 a:2 B:1 a:1", id="search-for-nothing"),
            pytest.param(BentoQuery(conditions=parse_label_query("team=vision")), "a:2 B:1", id="label"),
            pytest.param(BentoQuery(conditions=parse_label_query("team!=vision")), "b:2 a:1", id="not-label"),
            pytest.param(
                BentoQuery(conditions=parse_label_query("team In (vision, audio)")), "b:2 a:2 B:1", id="label-in"
            ),
            pytest.param(BentoQuery(conditions=parse_label_query("team NotIn (audio)")), "a:2 B:1 a:1", id="not-in"),
            pytest.param(BentoQuery(conditions=parse_label_query("stage")), "a:2", id="label-exists"),
            pytest.param(
                BentoQuery(conditions=parse_label_query("stage DoesNotExist")), "b:2 B:1 a:1", id="not-exists"
            ),
            pytest.param(
                BentoQuery(conditions=parse_label_query("team=vision, stage DoesNotExist")), "B:1", id="two-conditions"
            ),
            pytest.param(BentoQuery(deleted=True), "", id="deleted"),
        ],
    )
    def test_list_and_count(self, registry: Registry, put: Put, query: BentoQuery, expected: str) -> None:
        put("a:1")
        put("B:1", team="vision")
        put("a:2", team="vision", stage="prod")
        put("b:2", team="audio")
        assert tags(registry.list_bentos(query)) == expected.split()
        if query.offset == 0 and query.limit != 0:
            assert registry.count_bentos(query) == len(expected.split())

    def test_count_does_not_look_at_the_page(self, registry: Registry, put: Put) -> None:
        for tag in ("Iris:1", "Iris:2", "Wine:1"):
            put(tag)
        assert registry.count_bentos(BentoQuery(offset=5, limit=1)) == 3
        assert registry.count_bentos(BentoQuery(name="Iris", limit=0)) == 2

    def test_registry_when_nothing_was_ever_registered_is_empty(self, registry: Registry) -> None:
        assert registry.list_bentos(ALL) == []
        assert registry.count_bentos(ALL) == 0
        assert registry.matching_tags(ALL) == []
        assert registry.list_aliases() == []
        assert registry.alias_history("Iris") == []
        assert registry.list_audit(AuditQuery()) == []
