"""The contract of registries about deployments, see `bentoml.yatai.deployment_registry`."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest

from bentoml.exceptions import BentoMLException, InvalidArgument, NotFound, YataiServiceRpcAborted
from bentoml.types import Tag
from bentoml.yatai.audit import AuditQuery
from bentoml.yatai.deployment_models import (
    Deployment,
    DeploymentPhase,
    DeploymentQuery,
    DeploymentResource,
    DeploymentSpec,
    DeploymentState,
    EventKind,
    NewDeployment,
    Operator,
)
from bentoml.yatai.labels import parse_label_query
from bentoml.yatai.models import SortBy
from bentoml.yatai.registry import BentoQuery, Registry
from tests.yatai.contract_tools import Put, tags

CONFIG = {"region": "eu-west-1", "memory_size": 1024, "tags": {"owner": ["ada", None, 1.5, True]}}
BUCKET = DeploymentResource("s3_bucket", "btml-dev-iris", {"region": "eu-west-1"})


def wanted(
    full_name: str = "dev/iris",
    bundle: str = "Iris:1",
    operator: Operator = Operator.AWS_LAMBDA,
    config: dict[str, Any] | None = None,
    **labels: str,
) -> NewDeployment:
    namespace, name = full_name.split("/")
    bento_name, bento_version = bundle.split(":")
    spec = DeploymentSpec(bento_name, bento_version, operator, CONFIG if config is None else config)
    return NewDeployment(namespace, name, spec, labels, {"ticket": "ML-7"})


def names(found: list[Deployment]) -> str:
    return " ".join(deployment.full_name for deployment in found)


class ContractOfDeployments:
    """See `RegistryContract`."""

    def test_apply_records_what_is_wanted(self, registry: Registry, put: Put, actor: str) -> None:
        put("Iris:1")
        before = datetime.now(timezone.utc)
        made = registry.apply_deployment(wanted(stage="prod"))
        assert registry.find_deployment("dev", "iris") == made
        assert made.spec == DeploymentSpec("Iris", "1", Operator.AWS_LAMBDA, CONFIG)
        assert (made.labels, made.annotations) == ({"stage": "prod"}, {"ticket": "ML-7"})
        assert (made.state.state, made.state.error_message, made.state.info) == (DeploymentPhase.PENDING, "", {})
        assert (made.revision, made.created_by, made.resources) == (1, actor, ())
        assert made.created_at is not None
        assert before <= made.created_at == made.last_updated_at == made.state.timestamp

    def test_apply_when_bundle_or_configuration_change_makes_it_pending_again(
        self, registry: Registry, put: Put
    ) -> None:
        put("Iris:1")
        put("Iris:2")
        registry.apply_deployment(wanted())
        info = {"endpoints": ["https://iris.example"]}
        registry.set_deployment_state("dev", "iris", DeploymentState(DeploymentPhase.RUNNING, info=info))
        changed = registry.apply_deployment(wanted(bundle="Iris:2"))
        assert (changed.spec.bento_tag, changed.state.state, changed.revision) == ("Iris:2", DeploymentPhase.PENDING, 3)
        assert changed.state.info == info
        registry.set_deployment_state("dev", "iris", DeploymentState(DeploymentPhase.ERROR, "no such region"))
        changed = registry.apply_deployment(wanted(bundle="Iris:2", config={"region": "us-east-1"}))
        assert (changed.state.state, changed.state.error_message) == (DeploymentPhase.PENDING, "")
        assert changed.spec.operator_config == {"region": "us-east-1"}
        assert changed.created_at is not None
        assert changed.last_updated_at is not None
        assert changed.created_at < changed.last_updated_at

    def test_apply_when_labels_change_leaves_the_state(self, registry: Registry, put: Put) -> None:
        put("Iris:1")
        registry.apply_deployment(wanted(stage="dev"))
        registry.set_deployment_state("dev", "iris", DeploymentState(DeploymentPhase.RUNNING))
        changed = registry.apply_deployment(wanted(stage="prod"))
        assert (changed.labels, changed.state.state) == ({"stage": "prod"}, DeploymentPhase.RUNNING)
        assert names(registry.list_deployments(DeploymentQuery(conditions=parse_label_query("stage=prod")))) == (
            "dev/iris"
        )

    def test_apply_when_nothing_changes_changes_nothing(self, registry: Registry, put: Put) -> None:
        put("Iris:1")
        made = registry.apply_deployment(wanted(stage="dev"))
        assert registry.apply_deployment(wanted(stage="dev")) == made
        assert len(registry.deployment_events("dev", "iris")) == 1

    def test_apply_to_another_platform_is_refused(self, registry: Registry, put: Put) -> None:
        put("Iris:1")
        made = registry.apply_deployment(wanted())
        with pytest.raises(YataiServiceRpcAborted, match="Can not change the target deploy platform of existing"):
            registry.apply_deployment(wanted(operator=Operator.AWS_EC2))
        assert registry.find_deployment("dev", "iris") == made

    @pytest.mark.parametrize("bundle", ["Iris:2", "Wine:1"])
    def test_apply_of_a_bundle_that_is_not_there_is_not_found(self, registry: Registry, put: Put, bundle: str) -> None:
        put("Iris:1")
        with pytest.raises(NotFound, match=f"BentoService {bundle} not found"):
            registry.apply_deployment(wanted(bundle=bundle))
        registry.apply_deployment(wanted())
        with pytest.raises(NotFound, match=f"BentoService {bundle} not found"):
            registry.apply_deployment(wanted(bundle=bundle))

    @pytest.mark.parametrize(
        ("asked", "text"),
        [
            pytest.param(wanted("dev/abc"), "the name of a deployment: use 4 to 63", id="short-name"),
            pytest.param(wanted("dv/iris"), "the namespace of a deployment: use 3 to 63", id="short-namespace"),
            pytest.param(wanted("dev/" + "i" * 64), "the name of a deployment", id="long-name"),
            pytest.param(wanted("dev/iris-"), "the name of a deployment", id="name-ends-with-a-hyphen"),
            pytest.param(wanted("dev/iris one"), "the name of a deployment", id="name-with-a-blank"),
            pytest.param(wanted(bundle="Iris:latest"), "Iris:VERSION", id="latest"),
            pytest.param(wanted(bundle="Iris:@production"), "Iris:VERSION", id="alias"),
            pytest.param(wanted(bundle=":1"), "has no bento_name", id="no-bundle"),
            pytest.param(wanted(operator=Operator.UNSET), "names no operator; give one of", id="no-operator"),
            pytest.param(wanted(config={"a": float("nan")}), "operator_config", id="not-a-number"),
            pytest.param(wanted(config={"a": "\0"}), "operator_config", id="nul"),
            pytest.param(wanted(config={"a": 1 << 64}), "operator_config", id="large-number"),
            pytest.param(wanted(config={"a": "\ud800"}), "operator_config", id="half-a-character"),
            pytest.param(wanted(config={"a": "x" * 70_000}), "operator_config must take at most", id="too-large"),
            pytest.param(wanted(stage="?"), "Invalid label value", id="label"),
        ],
    )
    def test_apply_of_what_cannot_be_recorded_is_refused(
        self, registry: Registry, put: Put, asked: NewDeployment, text: str
    ) -> None:
        put("Iris:1")
        with pytest.raises(InvalidArgument, match=text):
            registry.apply_deployment(asked)
        assert registry.list_deployments(DeploymentQuery()) == []

    def test_settings_keep_their_names(self, registry: Registry, put: Put) -> None:
        put("Iris:1")
        config = {"memory_size": 1, "memorySize_": 2, "some_thing": {"memory_size": 3, "memorySize": 4}, "Ä": "ß"}
        for operator in (Operator.AWS_LAMBDA, Operator.KUBERNETES):
            made = registry.apply_deployment(wanted(f"dev/{operator.name.lower()}", operator=operator, config=config))
            assert made.spec.operator_config == config

    def test_change_that_is_based_on_an_older_revision_is_refused(self, registry: Registry, put: Put) -> None:
        put("Iris:1")
        made = registry.apply_deployment(wanted(), based_on=0)
        with pytest.raises(YataiServiceRpcAborted, match="changed by somebody else: it is there already"):
            registry.apply_deployment(wanted(config={}), based_on=0)
        running = DeploymentState(DeploymentPhase.RUNNING)
        newer = registry.set_deployment_state("dev", "iris", running, based_on=made.revision)
        for change in (
            lambda: registry.apply_deployment(wanted(config={}), based_on=made.revision),
            lambda: registry.set_deployment_state("dev", "iris", running, message="again", based_on=made.revision),
            lambda: registry.delete_deployment("dev", "iris", based_on=made.revision),
        ):
            with pytest.raises(YataiServiceRpcAborted, match="it is at revision 2, not 1"):
                change()
        assert registry.find_deployment("dev", "iris") == newer
        registry.delete_deployment("dev", "iris", based_on=newer.revision)
        with pytest.raises(YataiServiceRpcAborted, match="it is not there any more"):
            registry.apply_deployment(wanted(), based_on=newer.revision)

    def test_of_changes_that_are_based_on_one_revision_one_is_made(self, registry: Registry, put: Put) -> None:
        put("Iris:1")
        registry.apply_deployment(wanted())
        outcomes: list[str] = []

        def change(number: int) -> None:
            try:
                registry.apply_deployment(wanted(config={"number": number}), based_on=1)
                outcomes.append("made")
            except YataiServiceRpcAborted:
                outcomes.append("refused")

        threads = [threading.Thread(target=change, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["made"] + ["refused"] * 5
        assert registry.find_deployment("dev", "iris").revision == 2

    def test_state_is_written_with_what_exists(self, registry: Registry, put: Put) -> None:
        put("Iris:1")
        registry.apply_deployment(wanted())
        failed = DeploymentState(DeploymentPhase.FAILED, "CREATE_FAILED: no right to make roles", {"stack": "dev-iris"})
        registry.set_deployment_state("dev", "iris", failed, resources=[BUCKET])
        found = registry.find_deployment("dev", "iris")
        assert replace(found.state, timestamp=None) == failed
        assert found.resources == (BUCKET,)
        registry.set_deployment_state("dev", "iris", DeploymentState(DeploymentPhase.INACTIVATED))
        assert registry.find_deployment("dev", "iris").resources == (BUCKET,)
        registry.set_deployment_state("dev", "iris", DeploymentState(DeploymentPhase.INACTIVATED), resources=[])
        assert registry.find_deployment("dev", "iris").resources == ()

    def test_state_that_is_the_same_only_gets_its_time(self, registry: Registry, put: Put) -> None:
        put("Iris:1")
        registry.apply_deployment(wanted())
        running = DeploymentState(DeploymentPhase.RUNNING)
        first = registry.set_deployment_state("dev", "iris", running)
        seen = datetime(2030, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
        second = registry.set_deployment_state("dev", "iris", replace(running, timestamp=seen))
        assert second == replace(first, state=replace(first.state, timestamp=seen))
        assert len(registry.deployment_events("dev", "iris")) == 2

    @pytest.mark.parametrize(
        ("state", "resources"),
        [
            pytest.param(DeploymentState(error_message="\0"), None, id="error"),
            pytest.param(DeploymentState(info={"a": float("inf")}), None, id="info"),
            pytest.param(DeploymentState(), [DeploymentResource("", "x")], id="resource-without-a-kind"),
            pytest.param(DeploymentState(), [DeploymentResource("x", "y", {"a": "\0"})], id="detail"),
        ],
    )
    def test_state_that_cannot_be_recorded_is_refused(
        self, registry: Registry, put: Put, state: DeploymentState, resources: list[DeploymentResource] | None
    ) -> None:
        put("Iris:1")
        made = registry.apply_deployment(wanted())
        with pytest.raises(InvalidArgument):
            registry.set_deployment_state("dev", "iris", state, resources=resources)
        assert registry.find_deployment("dev", "iris") == made

    def test_deployment_that_is_not_there_is_not_found(self, registry: Registry, put: Put) -> None:
        put("Iris:1")
        registry.apply_deployment(wanted("dev/iris"))
        for ask in (
            lambda: registry.find_deployment("prod", "iris"),
            lambda: registry.deployment_events("prod", "iris"),
            lambda: registry.set_deployment_state("prod", "iris", DeploymentState()),
            lambda: registry.delete_deployment("prod", "iris", force=True),
        ):
            with pytest.raises(NotFound, match="No deployment iris is recorded in the namespace prod"):
                ask()

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            pytest.param(DeploymentQuery(), "dev/wine prod/iris dev/iris", id="newest-first"),
            pytest.param(DeploymentQuery(ascending=True), "dev/iris prod/iris dev/wine", id="oldest-first"),
            pytest.param(
                DeploymentQuery(sort_by=SortBy.NAME, ascending=True), "dev/iris prod/iris dev/wine", id="by-name"
            ),
            pytest.param(DeploymentQuery(sort_by=SortBy.NAME), "dev/wine prod/iris dev/iris", id="by-name-backwards"),
            pytest.param(DeploymentQuery(namespace="dev"), "dev/wine dev/iris", id="of-a-namespace"),
            pytest.param(DeploymentQuery(namespace="Dev"), "", id="namespaces-have-capitals"),
            pytest.param(DeploymentQuery(operator=Operator.KUBERNETES), "dev/wine", id="of-an-operator"),
            pytest.param(DeploymentQuery(states=[DeploymentPhase.RUNNING]), "prod/iris", id="of-a-state"),
            pytest.param(
                DeploymentQuery(states=[DeploymentPhase.RUNNING, DeploymentPhase.PENDING]),
                "dev/wine prod/iris dev/iris",
                id="of-two-states",
            ),
            pytest.param(DeploymentQuery(bento_name="Iris"), "prod/iris dev/iris", id="of-a-bundle"),
            pytest.param(DeploymentQuery(bento_name="Iris", bento_version="1"), "dev/iris", id="of-a-version"),
            pytest.param(DeploymentQuery(search="IRIS prod"), "prod/iris", id="search"),
            pytest.param(DeploymentQuery(search="wine:1"), "dev/wine", id="search-for-the-bundle"),
            pytest.param(DeploymentQuery(search="%"), "", id="search-for-a-wildcard"),
            pytest.param(DeploymentQuery(conditions=parse_label_query("team=vision")), "prod/iris", id="label"),
            pytest.param(
                DeploymentQuery(conditions=parse_label_query("team NotIn (vision)")), "dev/wine dev/iris", id="not-in"
            ),
            pytest.param(
                DeploymentQuery(conditions=parse_label_query("team DoesNotExist")), "dev/iris", id="does-not-exist"
            ),
            pytest.param(
                DeploymentQuery(conditions=parse_label_query("shape=round")), "", id="labels-of-bundles-are-not-theirs"
            ),
            pytest.param(DeploymentQuery(name_patterns=["Wi*", "W"]), "dev/wine", id="of-a-pattern"),
            pytest.param(DeploymentQuery(also_patterns=[[]]), "", id="of-no-pattern"),
            pytest.param(DeploymentQuery(offset=1, limit=1), "prod/iris", id="second-page"),
            pytest.param(DeploymentQuery(limit=0), "", id="none"),
            pytest.param(DeploymentQuery(limit=None), "dev/wine prod/iris dev/iris", id="all"),
        ],
    )
    def test_list_and_count_deployments(
        self, registry: Registry, put: Put, query: DeploymentQuery, expected: str
    ) -> None:
        put("Iris:1", shape="round")  # which has the id of the first deployment
        put("Iris:2")
        put("Wine:1")
        registry.apply_deployment(wanted("dev/iris"))
        registry.apply_deployment(wanted("prod/iris", "Iris:2", team="vision"))
        registry.apply_deployment(wanted("dev/wine", "Wine:1", Operator.KUBERNETES, team="audio"))
        registry.set_deployment_state("prod", "iris", DeploymentState(DeploymentPhase.RUNNING))
        assert names(registry.list_deployments(query)) == expected
        if query.offset == 0 and query.limit != 0:
            assert registry.count_deployments(query) == len(expected.split())

    def test_labels_of_deployments_are_not_those_of_bundles(self, registry: Registry, put: Put) -> None:
        put("Iris:1")
        registry.apply_deployment(wanted(team="vision"))
        assert registry.list_bentos(BentoQuery(conditions=parse_label_query("team"))) == []
        assert registry.find(Tag("Iris", "1")).bento_service_metadata.labels == {}

    def test_delete_deployment_forgets_all_of_it(self, registry: Registry, put: Put) -> None:
        put("Iris:1")
        registry.apply_deployment(wanted(team="vision"))
        registry.delete_deployment("dev", "iris")
        with pytest.raises(NotFound):
            registry.find_deployment("dev", "iris")
        again = registry.apply_deployment(wanted())
        assert (again.labels, again.revision) == ({}, 1)
        assert len(registry.deployment_events("dev", "iris")) == 1

    def test_delete_deployment_when_something_of_it_exists_takes_force(self, registry: Registry, put: Put) -> None:
        put("Iris:1")
        registry.apply_deployment(wanted())
        left = [BUCKET, *(DeploymentResource("function", f"f{number}") for number in range(6))]
        registry.set_deployment_state("dev", "iris", DeploymentState(DeploymentPhase.FAILED), resources=left)
        with pytest.raises(YataiServiceRpcAborted, match=r"s3_bucket btml-dev-iris, function f0, .*, \.\.\.\. Remove"):
            registry.delete_deployment("dev", "iris")
        registry.delete_deployment("dev", "iris", force=True)
        (entry,) = registry.list_audit(AuditQuery(action="deployment.delete"))
        assert entry.detail["left"] == [f"{resource.kind} {resource.id}" for resource in left]

    def test_delete_of_a_bundle_that_is_deployed_takes_force(self, registry: Registry, put: Put) -> None:
        put("Iris:1")
        put("Iris:2")
        registry.apply_deployment(wanted("dev/iris"))
        registry.apply_deployment(wanted("prod/iris"))
        registry.delete(Tag("Iris", "2"))
        with pytest.raises(YataiServiceRpcAborted, match="Iris:1 is deployed as dev/iris and prod/iris"):
            registry.delete(Tag("Iris", "1"))
        registry.delete_deployment("dev", "iris")
        registry.set_deployment_state("prod", "iris", DeploymentState(DeploymentPhase.FAILED))
        with pytest.raises(YataiServiceRpcAborted, match="Iris:1 is deployed as prod/iris"):
            registry.delete(Tag("Iris", "1"))
        assert tags(registry.list_bentos(BentoQuery())) == ["Iris:1"]
        registry.delete(Tag("Iris", "1"), force=True)
        assert registry.find_deployment("prod", "iris").spec.bento_tag == "Iris:1"
        registry.set_deployment_state("prod", "iris", DeploymentState(DeploymentPhase.RUNNING))

    def test_delete_of_a_bundle_whose_deployment_is_turned_off_needs_no_force(
        self, registry: Registry, put: Put
    ) -> None:
        put("Iris:1")
        registry.apply_deployment(wanted())
        registry.set_deployment_state("dev", "iris", DeploymentState(DeploymentPhase.INACTIVATED))
        registry.delete(Tag("Iris", "1"))

    def test_events_tell_what_happened(self, registry: Registry, put: Put, actor: str) -> None:
        put("Iris:1")
        put("Iris:2")
        registry.apply_deployment(wanted(stage="dev"))
        pending, running = DeploymentState(), DeploymentState(DeploymentPhase.RUNNING)
        registry.set_deployment_state("dev", "iris", pending, message="The image is pushed")
        registry.set_deployment_state("dev", "iris", running, resources=[BUCKET])
        registry.set_deployment_state("dev", "iris", running)
        registry.apply_deployment(wanted(bundle="Iris:2", stage="dev"))
        registry.apply_deployment(wanted(bundle="Iris:2", config={}, stage="prod"))
        registry.set_deployment_state("dev", "iris", DeploymentState(DeploymentPhase.ERROR, "It is gone"))
        events = registry.deployment_events("dev", "iris")
        assert [(event.kind, event.state, event.message) for event in reversed(events)] == [
            (EventKind.CREATED, DeploymentPhase.PENDING, "Iris:1"),
            (EventKind.STATE, DeploymentPhase.PENDING, "The image is pushed"),
            (EventKind.STATE, DeploymentPhase.RUNNING, ""),
            (EventKind.UPDATED, DeploymentPhase.PENDING, "from Iris:1 to Iris:2"),
            (EventKind.UPDATED, DeploymentPhase.PENDING, "configuration, labels"),
            (EventKind.STATE, DeploymentPhase.ERROR, "It is gone"),
        ]
        assert {event.actor for event in events} == {actor}
        assert [event.id for event in events] == sorted((event.id for event in events), reverse=True)
        assert registry.deployment_events("dev", "iris", limit=2) == events[:2]
        assert registry.deployment_events("dev", "iris", before_id=events[1].id, limit=2) == events[2:4]
        assert registry.deployment_events("dev", "iris", limit=0) == []

    def test_audit_has_every_change_of_a_deployment(self, registry: Registry, put: Put, actor: str) -> None:
        put("Iris:1")
        put("Iris:2")
        registry.apply_deployment(wanted())
        for change in (
            lambda: registry.apply_deployment(wanted("dev/other", "No:1")),
            lambda: registry.apply_deployment(wanted(operator=Operator.ECS)),
            lambda: registry.delete_deployment("dev", "iris", based_on=7),
        ):
            with pytest.raises(BentoMLException):
                change()
        registry.apply_deployment(wanted(bundle="Iris:2"))
        registry.set_deployment_state("dev", "iris", DeploymentState(DeploymentPhase.RUNNING))
        registry.set_deployment_state("dev", "iris", DeploymentState(DeploymentPhase.RUNNING), message="Still there")
        registry.delete_deployment("dev", "iris")
        entries = registry.list_audit(AuditQuery(resource_type="deployment", resource="dev/iris"))
        assert [(entry.action, entry.detail) for entry in reversed(entries)] == [
            ("deployment.create", {"bundle": "Iris:1", "operator": "AWS_LAMBDA"}),
            ("deployment.update", {"bundle": "Iris:2", "before": "Iris:1"}),
            ("deployment.state", {"state": "RUNNING", "before": "PENDING"}),
            ("deployment.delete", {"bundle": "Iris:2", "left": []}),
        ]
        assert {entry.actor for entry in entries} == {actor}

    def test_registry_without_deployments_is_empty(self, registry: Registry) -> None:
        assert registry.list_deployments(DeploymentQuery()) == []
        assert registry.count_deployments(DeploymentQuery()) == 0
