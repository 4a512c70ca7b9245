"""The contract of registries about deletion, restoring and the audit log."""

from __future__ import annotations

import pytest

from bentoml.exceptions import BentoMLException, NotFound, YataiServiceRpcAborted
from bentoml.types import Tag
from bentoml.yatai.audit import AuditQuery
from bentoml.yatai.registry import BentoQuery, Registry
from tests.yatai.contract_tools import ALL, Put, files_of, tags


class ContractOfDeletion:
    """See `RegistryContract`."""

    def test_delete_then_restore_gives_the_same_bundle(self, registry: Registry, put: Put, actor: str) -> None:
        before = put("Iris:1", stage="prod")
        files = files_of(registry, "Iris:1")
        put("Iris:2")
        registry.delete(Tag("Iris", "1"))
        assert tags(registry.list_bentos(ALL)) == ["Iris:2"]
        with pytest.raises(NotFound):
            registry.find(Tag("Iris", "1"))
        (deleted,) = registry.list_bentos(BentoQuery(deleted=True))
        assert (deleted.tag, deleted.deleted_by) == ("Iris:1", actor)
        assert deleted.deleted_at is not None
        restored = registry.restore(Tag("Iris", "1"))
        assert restored == registry.find(Tag("Iris", "1"))
        assert restored.created_at == before.created_at
        assert restored.bento_service_metadata == before.bento_service_metadata
        assert files_of(registry, "Iris:1") == files
        assert tags(registry.list_bentos(ALL)) == ["Iris:2", "Iris:1"]
        assert registry.list_bentos(BentoQuery(deleted=True)) == []

    def test_delete_when_restored_before_can_be_restored_again(self, registry: Registry, put: Put) -> None:
        put("Iris:1")
        for _ in range(2):
            registry.delete(Tag("Iris", "1"))
            registry.restore(Tag("Iris", "1"))
        assert "Iris/iris.py" in files_of(registry, "Iris:1")

    def test_restore_when_the_tag_is_taken_again_is_refused(self, registry: Registry, put: Put) -> None:
        put("Iris:1", stage="old")
        registry.delete(Tag("Iris", "1"))
        put("Iris:1", stage="new")
        with pytest.raises(YataiServiceRpcAborted, match=r"Iris:1 cannot be restored: .*Delete that one first"):
            registry.restore(Tag("Iris", "1"))
        registry.delete(Tag("Iris", "1"))
        assert registry.restore(Tag("Iris", "1")).bento_service_metadata.labels == {"stage": "new"}

    def test_restore_when_nothing_was_deleted_is_not_found(self, registry: Registry) -> None:
        with pytest.raises(NotFound, match="Iris:1 not found - NOT_FOUND:no such bundle was deleted"):
            registry.restore(Tag("Iris", "1"))

    def test_delete_for_good_cannot_be_restored(self, registry: Registry, put: Put) -> None:
        put("Iris:1")
        registry.delete(Tag("Iris", "1"), purge=True)
        with pytest.raises(NotFound, match="it was purged"):
            registry.restore(Tag("Iris", "1"))
        assert registry.list_bentos(BentoQuery(deleted=True)) == []

    def test_delete_for_good_takes_those_that_were_deleted_before(self, registry: Registry, put: Put) -> None:
        put("Iris:1")
        registry.delete(Tag("Iris", "1"))
        registry.delete(Tag("Iris", "1"), purge=True)
        with pytest.raises(NotFound, match="it was purged"):
            registry.restore(Tag("Iris", "1"))
        with pytest.raises(NotFound, match="BentoService Iris:1 not found"):
            registry.delete(Tag("Iris", "1"), purge=True)

    def test_delete_when_an_alias_stands_for_it_needs_force(self, registry: Registry, put: Put) -> None:
        put("Iris:1")
        registry.set_alias(Tag("Iris", "1"), "production")
        registry.set_alias(Tag("Iris", "1"), "canary")
        with pytest.raises(YataiServiceRpcAborted, match="Iris:1 is Iris@canary and Iris@production: move or remove"):
            registry.delete(Tag("Iris", "1"))
        assert registry.find(Tag("Iris", "1")).aliases == ("canary", "production")
        registry.delete(Tag("Iris", "1"), force=True)
        assert registry.list_aliases() == []
        assert registry.restore(Tag("Iris", "1")).aliases == ()

    def test_delete_when_there_is_none_is_not_found(self, registry: Registry) -> None:
        with pytest.raises(NotFound, match="BentoService Iris:1 not found"):
            registry.delete(Tag("Iris", "1"))

    def test_audit_has_every_change_with_its_actor(self, registry: Registry, put: Put, actor: str) -> None:
        put("Iris:1", stage="dev")
        registry.set_labels(Tag("Iris", "1"), {"stage": "prod"})
        registry.set_labels(Tag("Iris", "1"), {"stage": "prod"})  # changes nothing
        registry.set_alias(Tag("Iris", "1"), "production")
        registry.remove_alias("Iris", "production")
        registry.delete(Tag("Iris", "1"))
        registry.restore(Tag("Iris", "1"))
        registry.delete(Tag("Iris", "1"), purge=True)
        entries = registry.list_audit(AuditQuery())
        assert [(entry.action, entry.resource_type, entry.resource, entry.detail) for entry in reversed(entries)] == [
            ("bundle.register", "bundle", "Iris:1", {"labels": {"stage": "dev"}}),
            ("bundle.labels", "bundle", "Iris:1", {"labels": {"stage": "prod"}, "before": {"stage": "dev"}}),
            ("alias.set", "alias", "Iris@production", {"version": "1", "before": None}),
            ("alias.remove", "alias", "Iris@production", {"before": "1"}),
            ("bundle.delete", "bundle", "Iris:1", {}),
            ("bundle.restore", "bundle", "Iris:1", {}),
            ("bundle.delete", "bundle", "Iris:1", {}),
            ("bundle.purge", "bundle", "Iris:1", {"expired": False}),
        ]
        assert {entry.actor for entry in entries} == {actor}
        assert [entry.at for entry in entries] == sorted((entry.at for entry in entries), reverse=True)

    def test_audit_when_a_change_fails_has_nothing_of_it(self, registry: Registry, put: Put) -> None:
        put("Iris:1")
        for fail in (
            lambda: registry.set_labels(Tag("Iris", "1"), {"stage": "?"}),
            lambda: registry.set_alias(Tag("Iris", "2"), "production"),
            lambda: registry.delete(Tag("Iris", "2")),
            lambda: registry.restore(Tag("Iris", "1")),
        ):
            with pytest.raises(BentoMLException):
                fail()
        assert [entry.action for entry in registry.list_audit(AuditQuery())] == ["bundle.register"]

    def test_audit_is_read_in_pages_and_by_what_it_is_about(self, registry: Registry, put: Put, actor: str) -> None:
        put("Iris:1")
        put("Iris:2")
        registry.set_alias(Tag("Iris", "2"), "production")
        newest, second = registry.list_audit(AuditQuery(limit=2))
        (oldest,) = registry.list_audit(AuditQuery(limit=2, before_id=second.id))
        assert [entry.resource for entry in (newest, second, oldest)] == ["Iris@production", "Iris:2", "Iris:1"]
        about = AuditQuery(resource_type="bundle", resource="Iris:1")
        assert registry.list_audit(about) == [oldest]
        assert registry.list_audit(AuditQuery(action="bundle")) == [second, oldest]
        assert registry.list_audit(AuditQuery(action="alias.set", actor=actor)) == [newest]
        assert registry.list_audit(AuditQuery(actor="nobody")) == []
