"""The contract of registries about labels and aliases."""

from __future__ import annotations

import pytest

from bentoml.exceptions import InvalidArgument, NotFound
from bentoml.types import Tag
from bentoml.yatai.registry import BentoQuery, Registry
from tests.yatai.contract_tools import ALL, Put, tags


class ContractOfChanges:
    """See `RegistryContract`."""

    def test_set_labels_replaces_all(self, registry: Registry, put: Put) -> None:
        put("Iris:1", stage="dev", team="vision")
        changed = registry.set_labels(Tag("Iris", "latest"), {"stage": "prod"})
        assert changed.bento_service_metadata.labels == {"stage": "prod"}
        assert registry.find(Tag("Iris", "1")).bento_service_metadata.labels == {"stage": "prod"}
        assert tags(registry.list_bentos(BentoQuery(search="stage=prod"))) == ["Iris:1"]
        assert registry.list_bentos(BentoQuery(search="vision")) == []

    def test_change_labels_leaves_the_others(self, registry: Registry, put: Put) -> None:
        put("Iris:1", stage="dev", team="vision", owner="ada")
        changed = registry.change_labels(Tag("Iris", "1"), {"stage": "prod", "tier": "gold"}, ["team"])
        assert changed.bento_service_metadata.labels == {"stage": "prod", "owner": "ada", "tier": "gold"}

    def test_change_labels_when_one_to_remove_is_not_there_changes_nothing(self, registry: Registry, put: Put) -> None:
        put("Iris:1", stage="dev")
        with pytest.raises(NotFound, match=r"Iris:1 has no label team; it has: stage"):
            registry.change_labels(Tag("Iris", "1"), {"stage": "prod"}, ["team"])
        assert registry.find(Tag("Iris", "1")).bento_service_metadata.labels == {"stage": "dev"}

    def test_set_labels_when_one_is_not_valid_changes_nothing(self, registry: Registry, put: Put) -> None:
        put("Iris:1", stage="dev")
        with pytest.raises(InvalidArgument, match="Invalid label value 'no spaces'"):
            registry.set_labels(Tag("Iris", "1"), {"stage": "no spaces"})
        assert registry.find(Tag("Iris", "1")).bento_service_metadata.labels == {"stage": "dev"}

    def test_labels_when_there_is_no_bundle_are_not_found(self, registry: Registry) -> None:
        with pytest.raises(NotFound, match="BentoService Iris:1 not found"):
            registry.set_labels(Tag("Iris", "1"), {})
        with pytest.raises(NotFound, match="BentoService Iris:1 not found"):
            registry.change_labels(Tag("Iris", "1"), {})

    def test_set_alias_stands_for_the_bundle_until_it_is_moved(self, registry: Registry, put: Put) -> None:
        put("Iris:1")
        put("Iris:2")
        first = registry.set_alias(Tag("Iris", "1"), "production")
        assert (first.name, first.alias, first.version) == ("Iris", "production", "1")
        assert registry.find(Tag.parse("Iris@production")).version == "1"
        registry.set_alias(Tag("Iris", "latest"), "production")
        assert registry.find(Tag.parse("Iris@production")).version == "2"
        assert registry.find(Tag("Iris", "1")).aliases == ()
        assert [bento.aliases for bento in registry.list_bentos(ALL)] == [("production",), ()]

    def test_set_alias_takes_another_alias_for_the_bundle(self, registry: Registry, put: Put) -> None:
        put("Iris:1")
        registry.set_alias(Tag("Iris", "1"), "staging")
        registry.set_alias(Tag.parse("Iris@staging"), "production")
        assert registry.find(Tag("Iris", "1")).aliases == ("production", "staging")

    def test_aliases_of_different_names_have_nothing_to_do_with_each_other(self, registry: Registry, put: Put) -> None:
        put("Iris:1")
        put("Wine:7")
        registry.set_alias(Tag("Wine", "7"), "production")
        registry.set_alias(Tag("Iris", "1"), "production")
        registry.set_alias(Tag("Iris", "1"), "canary")
        found = [(alias.name, alias.alias, alias.version) for alias in registry.list_aliases()]
        assert found == [("Iris", "canary", "1"), ("Iris", "production", "1"), ("Wine", "production", "7")]
        assert [alias.version for alias in registry.list_aliases("Wine")] == ["7"]

    def test_alias_history_is_kept_newest_first(self, registry: Registry, put: Put, actor: str) -> None:
        put("Iris:1")
        put("Iris:2")
        for version in ("1", "2", "2", "1"):
            registry.set_alias(Tag("Iris", version), "production")
        registry.set_alias(Tag("Iris", "1"), "staging")
        registry.remove_alias("Iris", "production")
        history = registry.alias_history("Iris", "production")
        assert [(change.version, change.changed_by) for change in history] == [
            (None, actor), ("1", actor), ("2", actor), ("1", actor),
        ]  # fmt: skip
        assert history[0].changed_at >= history[-1].changed_at
        assert len(registry.alias_history("Iris")) == 5

    def test_remove_alias_makes_it_unknown(self, registry: Registry, put: Put) -> None:
        put("Iris:1")
        registry.set_alias(Tag("Iris", "1"), "production")
        registry.remove_alias("Iris", "production")
        with pytest.raises(NotFound, match="Iris@production not found"):
            registry.find(Tag.parse("Iris@production"))
        with pytest.raises(NotFound, match="Iris has no alias production"):
            registry.remove_alias("Iris", "production")

    @pytest.mark.parametrize("alias", ["", "Latest", "a b", "-a", "a:b", "a/b", "x" * 64])
    def test_set_alias_when_it_cannot_be_one_is_refused(self, registry: Registry, put: Put, alias: str) -> None:
        put("Iris:1")
        with pytest.raises(InvalidArgument, match="cannot be an alias"):
            registry.set_alias(Tag("Iris", "1"), alias)

    def test_set_alias_when_there_is_no_bundle_is_not_found(self, registry: Registry) -> None:
        with pytest.raises(NotFound, match="BentoService Iris:1 not found"):
            registry.set_alias(Tag("Iris", "1"), "production")
