"""Deployments over HTTP: recorded and read in the JSON interface and the classic one, by those who may."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from bentoml.yatai.server.roles import Role
from tests.yatai.server.bundles import push, write_bundle
from tests.yatai.server.live_registry import LiveRegistry, live_registry, make_token

OK = {"status_code": "OK", "error_message": ""}
LAMBDA = {"operator": "AWS_LAMBDA", "operator_config": {"region": "eu-west-1", "memory_size": 1024}}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRegistry]:
    with live_registry(tmp_path_factory.mktemp("home"), "--auth") as running:
        bundles = tmp_path_factory.mktemp("bundles")
        with running.client(make_token(running.home, "pusher", Role.WRITE)) as client:
            for tag in ("Iris:1", "Iris:2", "Wine:1"):
                name, version = tag.split(":")
                push(client, write_bundle(bundles, name, version), tag)
        yield running


@pytest.fixture(scope="module")
def client(registry: LiveRegistry) -> Iterator[httpx.Client]:
    with registry.client(make_token(registry.home, "deployer", Role.WRITE)) as made:
        yield made


@pytest.fixture(scope="module")
def iris_client(registry: LiveRegistry) -> Iterator[httpx.Client]:
    """Of somebody who may know the bundles of one name only."""
    with registry.client(make_token(registry.home, "iris-deployer", Role.WRITE, "Iris")) as made:
        yield made


def put(client: httpx.Client, name: str, bundle: str = "Iris:1", **more: Any) -> httpx.Response:
    bento_name, bento_version = bundle.split(":")
    body = {"bento_name": bento_name, "bento_version": bento_version, **LAMBDA, **more}
    return client.put(f"/api/v1/deployments/{name}", json=body)


def names(answer: httpx.Response) -> list[str]:
    return [f"{each['namespace']}/{each['name']}" for each in answer.json()["deployments"]]


def test_deployment_is_recorded_looked_at_and_forgotten(client: httpx.Client) -> None:
    made = put(client, "dev/life", labels={"stage": "prod"}, annotations={"ticket": "ML-7"})
    assert made.status_code == 200, made.text
    document = made.json()
    assert (document["state"]["state"], document["revision"], document["created_by"]) == ("PENDING", 1, "deployer")
    assert document["operator_config"] == LAMBDA["operator_config"]
    assert client.get("/api/v1/deployments/dev/life").json() == document
    resource = {"kind": "s3_bucket", "id": "btml-dev-life", "detail": {}}
    report = {"state": "RUNNING", "info": {"endpoints": ["https://iris.example"]}, "resources": [resource]}
    told = client.put("/api/v1/deployments/dev/life/state", json={**report, "based_on": 1})
    assert told.status_code == 200, told.text
    assert told.json()["resources"] == [resource]
    assert client.put("/api/v1/deployments/dev/life/state", json={**report, "based_on": 1}).status_code == 409
    events = client.get("/api/v1/deployments/dev/life/events", params={"limit": 1}).json()
    assert [event["state"] for event in events["events"]] == ["RUNNING"]
    older = client.get("/api/v1/deployments/dev/life/events", params={"before": events["next_before"]}).json()
    assert [(event["kind"], event["actor"]) for event in older["events"]] == [("CREATED", "deployer")]
    assert older["next_before"] is None
    refused = client.delete("/api/v1/deployments/dev/life")
    assert refused.status_code == 409
    assert "s3_bucket btml-dev-life" in refused.json()["error"]["message"]
    assert client.delete("/api/v1/deployments/dev/life", params={"force": True, "based_on": 2}).status_code == 204
    assert client.get("/api/v1/deployments/dev/life").status_code == 404


def test_deployments_are_listed_in_pages(client: httpx.Client) -> None:
    for number in range(3):
        assert put(client, f"list/iris-{number}", labels={"number": f"no-{number}"}).status_code == 200
    put(client, "list/wine", "Wine:1", operator="KUBERNETES")
    client.put("/api/v1/deployments/list/wine/state", json={"state": "RUNNING"})
    first = client.get("/api/v1/deployments", params={"namespace": "list", "limit": 3, "count": True})
    assert names(first) == ["list/wine", "list/iris-2", "list/iris-1"]
    assert (first.json()["next_offset"], first.json()["total"]) == (3, 4)
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"offset": 3}, ["list/iris-0"]),
        ({"operator": "KUBERNETES"}, ["list/wine"]),
        ({"states": "RUNNING,FAILED"}, ["list/wine"]),
        ({"labels": "number In (no-0, no-1)", "order_by": "name", "ascending": True}, ["list/iris-0", "list/iris-1"]),
        ({"bento_name": "Wine", "bento_version": "1"}, ["list/wine"]),
        ({"search": "WINE"}, ["list/wine"]),
    ]
    for query, expected in cases:
        assert names(client.get("/api/v1/deployments", params={"namespace": "list", **query})) == expected, query
    everywhere = {"namespace": "__BENTOML_ALL_NAMESPACE", "search": "list/"}
    assert len(names(client.get("/api/v1/deployments", params=everywhere))) == 4


@pytest.mark.parametrize(
    ("change", "status"),
    [
        pytest.param({"bento_version": "9"}, 404, id="no-such-bundle"),
        pytest.param({"bento_version": "latest"}, 400, id="latest"),
        pytest.param({"operator": "UNSET"}, 400, id="no-operator"),
        pytest.param({"operator_config": {"a": "\0"}}, 400, id="nul"),
        pytest.param({"unknown": 1}, 400, id="unknown-field"),
        pytest.param({"based_on": 3}, 409, id="not-there-any-more"),
    ],
)
def test_deployment_that_cannot_be_recorded_is_refused(
    client: httpx.Client, change: dict[str, Any], status: int
) -> None:
    body = {"bento_name": "Iris", "bento_version": "1", **LAMBDA, **change}
    assert client.put("/api/v1/deployments/dev/refused", json=body).status_code == status
    assert client.get("/api/v1/deployments/dev/refused").status_code == 404


def test_deployments_of_bundles_that_somebody_may_not_know_are_not_there(
    client: httpx.Client, iris_client: httpx.Client
) -> None:
    assert put(client, "secret/wine", "Wine:1").status_code == 200
    assert put(iris_client, "secret/iris").status_code == 200
    assert names(iris_client.get("/api/v1/deployments", params={"namespace": "secret"})) == ["secret/iris"]
    for method, path, body in (
        ("GET", "", None),
        ("GET", "/events", None),
        ("PUT", "/state", {"state": "FAILED"}),
        ("DELETE", "", None),
    ):
        answer = iris_client.request(method, f"/api/v1/deployments/secret/wine{path}", json=body)
        assert answer.status_code == 404, (method, path)
    taken = put(iris_client, "secret/wine")
    assert (taken.status_code, "is taken by another deployment" in taken.text) == (409, True)
    assert put(iris_client, "secret/other", "Wine:1").status_code == 403
    assert client.get("/api/v1/deployments/secret/wine").json()["revision"] == 1
    found = iris_client.get("/api/GetDeployment", params={"namespace": "secret", "deployment_name": "wine"})
    assert found.status_code == 404


def test_changes_of_many_at_once_by_somebody_with_patterns_are_all_made(iris_client: httpx.Client) -> None:
    assert put(iris_client, "many/iris").status_code == 200

    def change(number: int) -> int:
        report = {"state": "PENDING", "message": f"step {number}"}
        return iris_client.put("/api/v1/deployments/many/iris/state", json=report).status_code

    with ThreadPoolExecutor(3) as pool:
        assert set(pool.map(change, range(3))) == {200}
    events = iris_client.get("/api/v1/deployments/many/iris/events").json()["events"]
    assert sorted(event["message"] for event in events) == ["Iris:1", "step 0", "step 1", "step 2"]
    assert iris_client.get("/api/v1/deployments/many/iris").json()["revision"] == 4
    stale = iris_client.put("/api/v1/deployments/many/iris/state", json={"state": "FAILED", "based_on": 1})
    assert (stale.status_code, "revision 4, not 1" in stale.text) == (409, True)
    assert iris_client.delete("/api/v1/deployments/many/iris").status_code == 204


def test_bundle_that_is_deployed_is_not_deleted(client: httpx.Client) -> None:
    assert put(client, "kept/iris", "Iris:2").status_code == 200
    refused = client.delete("/api/v1/bundles/Iris/2")
    assert refused.status_code == 409
    assert "Iris:2 is deployed as kept/iris" in refused.json()["error"]["message"]
    assert client.delete("/api/v1/deployments/kept/iris").status_code == 204
    assert client.delete("/api/v1/bundles/Iris/2").status_code == 204


CLASSIC: dict[str, Any] = {
    "name": "classic",
    "spec": {
        "bentoName": "Iris",
        "bentoVersion": "1",
        "operator": "AWS_LAMBDA",
        "awsLambdaOperatorConfig": {"region": "eu-west-1", "memorySize": 512},
    },
    "labels": {"stage": "prod"},
}


def test_classic_operations_record_and_answer_with_a_status(client: httpx.Client) -> None:
    applied = client.post("/api/ApplyDeployment", json=CLASSIC)
    assert applied.status_code == 200, applied.text
    deployment = applied.json()["deployment"]
    assert (applied.json()["status"], deployment["namespace"]) == (OK, "dev")
    assert deployment["spec"] == CLASSIC["spec"]
    assert deployment["state"]["state"] == "PENDING"
    again = client.post("/api/ApplyDeployment", json={"deployment": deployment})
    assert again.json()["deployment"] == deployment
    named = {"deployment_name": "classic"}
    assert client.get("/api/GetDeployment", params=named).json() == {"status": OK, "deployment": deployment}
    assert client.get("/api/DescribeDeployment", params=named).json() == {"status": OK, "state": deployment["state"]}
    for query, expected in (
        ({}, ["classic"]),
        ({"operator": "AWS_LAMBDA", "label_selectors": "stage=prod"}, ["classic"]),
        ({"operator": "3", "order_by": "1"}, ["classic"]),
        ({"label_selectors": "stage!=prod"}, []),
        ({"operator": "aws-ec2"}, []),
        ({"namespace": "nowhere"}, []),
    ):
        found = client.get("/api/ListDeployments", params=query).json()
        assert (found["status"], [each["name"] for each in found["deployments"]]) == (OK, expected), query
    everywhere = client.get("/api/ListDeployments", params={"namespace": "__BENTOML_ALL_NAMESPACE"}).json()
    assert {each["namespace"] for each in everywhere["deployments"]} > {"dev"}
    elsewhere = {**CLASSIC, "spec": {**CLASSIC["spec"], "operator": "AWS_EC2"}}
    refused = client.post("/api/ApplyDeployment", json=elsewhere)
    assert (refused.status_code, refused.json()["status"]["status_code"]) == (409, "ABORTED")
    assert "Can not change the target deploy platform" in refused.json()["status"]["error_message"]
    assert client.post("/api/DeleteDeployment", json=named).json() == {"status": OK}
    gone = client.get("/api/GetDeployment", params=named)
    assert (gone.status_code, gone.json()["status"]["status_code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"deployment": {"name": "some", "spec": {"operator": "MARS"}}}, id="no-such-operator"),
        pytest.param({**CLASSIC, "name": "abc"}, id="short-name"),
        pytest.param({**CLASSIC, "spec": [1]}, id="spec-is-none"),
    ],
)
def test_classic_deployment_that_is_none_is_refused(client: httpx.Client, body: dict[str, Any]) -> None:
    answer = client.post("/api/ApplyDeployment", json=body)
    assert (answer.status_code, answer.json()["status"]["status_code"]) == (400, "INVALID_ARGUMENT")
