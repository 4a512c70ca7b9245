"""`bentoml kubernetes`, with a real kubectl against a look-alike of a cluster."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from bentoml.cli.main import commandline_interface
from bentoml.yatai.client import get_yatai_client
from bentoml.yatai.deployment_models import DeploymentQuery
from tests.cli.saved_home import BENTOML, SavedHome
from tests.deploy.kubernetes.lookalike import LookAlike

HOSTILE = "x'; touch hacked; $(touch hacked) \"\n---\nkind: Secret"


@pytest.fixture(autouse=True)
def work(tmp_path: Path, own_saved: SavedHome, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory to be in, and a home with `Scaler:1.0` and `Scaler:2.0`."""
    directory = tmp_path / "work"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


def run(line: str | list[str], status: int = 0) -> Result:
    words = shlex.split(line) if isinstance(line, str) else line
    done = CliRunner().invoke(commandline_interface, ["kubernetes", *words])
    assert done.exit_code == status, done.output
    return done


def recorded() -> list[str]:
    return [each.full_name for each in get_yatai_client().registry.list_deployments(DeploymentQuery())]


def document(done: Result) -> dict[str, Any]:
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def container(cluster: LookAlike) -> Any:
    return cluster.get("deployments", "dev", "scaler")["spec"]["template"]["spec"]["containers"][0]


def test_deployment_from_its_first_to_its_last_day(cluster: LookAlike) -> None:
    made = run("deploy scaler -b Scaler:latest --image registry.example/scaler --env LEVEL=1 -l team=core --no-wait")
    found = document(made)
    assert found["spec"]["bentoVersion"] == "2.0"
    assert found["spec"]["kubernetesOperatorConfig"]["context"] == "test", "kubectl may mean another cluster tomorrow"
    assert found["labels"] == {"team": "core"}
    assert "apply Deployment scaler" in made.stderr
    assert container(cluster)["image"] == "registry.example/scaler:2.0"

    cluster.put("deployments", "dev", "scaler", status={"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1})
    updated = run("update scaler -b Scaler:1.0 --workers 2 -q")
    assert updated.stderr == ""
    found = document(updated)
    assert found["state"]["state"] == "RUNNING"
    assert found["spec"]["kubernetesOperatorConfig"]["env"] == {"LEVEL": "1"}, "what is not given stays"
    assert container(cluster)["image"] == "registry.example/scaler:1.0"
    assert container(cluster)["args"] == ["--workers", "2"]

    assert yaml.safe_load(run("get scaler -o yaml").stdout)["state"]["state"] == "RUNNING"
    header, row = run("list -o wide").stdout.splitlines()
    assert header.split() == ["NAME", "NAMESPACE", "PLATFORM", "BENTO_SERVICE", "STATUS", "AGE", "LABELS"]
    assert row.split()[:5] == ["scaler", "dev", "kubernetes", "Scaler:1.0", "running"]
    assert row.endswith("team:core")
    for query, count in (("-l team=core", 2), ("-l team=web", 1), ("-n dev", 2), ("-n prod", 1), ("--limit 0", 1)):
        assert len(run(f"list {query}").stdout.splitlines()) == count, query

    assert run("delete scaler").stdout == "Deleted deployment dev/scaler\n"
    assert cluster.existing() == set()
    assert recorded() == []


def test_update_when_a_text_is_empty_takes_the_option_back(cluster: LookAlike) -> None:
    run(
        "deploy scaler -b Scaler:1.0 --image scaler --env A=1 --secret one --host a.example.com --workers 2 "
        "--max-replicas 3 --no-wait"
    )
    run(["update", "scaler", "--env", "", "--secret", "", "--host", "", "--no-wait"])
    assert "Ingress dev/scaler" not in cluster.existing()
    assert [each["name"] for each in container(cluster)["env"]] == ["BENTOML_PORT"]
    assert "envFrom" not in container(cluster)
    assert container(cluster)["args"] == ["--workers", "2"]
    run("update scaler --cpu-target-percent 0 --queue-target 3 --no-wait")
    scaler = cluster.get("horizontalpodautoscalers", "dev", "scaler")
    assert [metric["type"] for metric in scaler["spec"]["metrics"]] == ["Pods"]


def test_deploy_when_one_object_is_refused_says_what_to_do_and_delete_does_it(cluster: LookAlike) -> None:
    cluster.refused.add("Service")
    done = run("deploy scaler -b Scaler:1.0 --image scaler", 1)
    assert done.stderr.count("\nError: bentoml-cli kubernetes deploy failed: apply Service scaler: kubectl failed") == 1
    assert "update the deployment to go on, or delete it" in done.stderr
    state = document(run("get scaler"))["state"]
    assert state["state"] == "FAILED"
    assert "forbidden" in state["errorMessage"]
    assert "already, FAILED; update it, or delete it" in run("deploy scaler -b Scaler:1.0 --image scaler", 1).stderr
    cluster.refused.clear()
    run("delete scaler")
    assert cluster.existing() == set()


@pytest.mark.usefixtures("engine_that_fails")
def test_deploy_when_the_image_cannot_be_built_applies_nothing(cluster: LookAlike) -> None:
    done = run("deploy scaler -b Scaler:1.0 --image scaler --build --engine podman", 1)
    assert "build the image scaler: " in done.stderr
    assert "the oven is cold" in done.stderr
    assert cluster.existing() == set()
    found = document(run("get scaler"))
    assert found["state"]["state"] == "FAILED"
    assert "resources" not in found
    run("update scaler --no-wait -q")
    assert "unfinished" not in document(run("get scaler"))["state"]["infoJson"]


def test_delete_when_forced_says_what_may_be_left(cluster: LookAlike) -> None:
    run("deploy scaler -b Scaler:1.0 --image scaler --no-wait")
    cluster.refused.add("Service")
    run("delete scaler", 1)
    done = run("delete scaler --force")
    assert "may still exist: Service test:dev/scaler: " in done.stderr
    assert cluster.existing() == {"Service dev/scaler"}
    assert recorded() == []


def test_deploy_when_it_does_not_start_in_time_says_how_far_it_has_come(cluster: LookAlike) -> None:
    done = run("deploy scaler -b Scaler:1.0 --image scaler --wait-timeout 0", 1)
    assert "dev/scaler: PENDING, 0 of 1 pods" in done.stderr
    assert "does not run after 0 seconds" in done.stderr
    assert recorded() == ["dev/scaler"]


def test_plan_when_printed_or_written_needs_no_cluster_and_records_nothing(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    line = ["deploy", "scaler", "-b", "Scaler:1.0", "--image", "scaler", "--env", f"TEXT={HOSTILE}", "--push"]
    done = run([*line, "--dry-run", "--output-dir", "plan"])
    assert "\n# 1. build the image scaler\nbentoml containerize Scaler:1.0 --tag scaler --push\n" in done.stdout
    assert "kubectl --namespace=dev apply --filename=deployment.yaml" in done.stdout
    assert sorted(path.name for path in (work / "plan").iterdir()) == [
        "deployment.yaml",
        "networkpolicy.yaml",
        "poddisruptionbudget.yaml",
        "service.yaml",
        "steps.json",
        "steps.sh",
    ]
    (written,) = yaml.safe_load_all((work / "plan" / "deployment.yaml").read_text(encoding="utf-8"))
    (found,) = written["spec"]["template"]["spec"]["containers"]
    assert found["env"][1] == {"name": "TEXT", "value": HOSTILE.replace("$(", "$$(")}
    assert recorded() == []


def test_plan_when_written_is_carried_out_by_its_script(cluster: LookAlike, work: Path) -> None:
    run("deploy scaler -b Scaler:1.0 --image scaler --output-dir plan")
    assert cluster.existing() == set()
    done = subprocess.run(["./steps.sh"], cwd=work / "plan", capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    made = cluster.existing()
    # What was applied by hand belongs to the deployment of its name.
    run("deploy scaler -b Scaler:1.0 --image scaler --no-wait")
    assert cluster.existing() == made
    run("delete scaler")
    assert cluster.existing() == set()


def test_deploy_when_values_are_hostile_keeps_them_values(cluster: LookAlike, work: Path) -> None:
    run(["deploy", "scaler", "-b", "Scaler:1.0", "--image", "scaler", "--env", f"TEXT={HOSTILE}", "--no-wait"])
    assert container(cluster)["env"][1]["value"] == HOSTILE.replace("$(", "$$(")
    assert {each.partition(" ")[0] for each in cluster.existing()} == {
        "Deployment",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "Service",
    }
    assert list(work.rglob("hacked")) == []


def test_manifests_are_what_is_applied(cluster: LookAlike, work: Path) -> None:
    (work / "server.yml").write_text("bento_server: {workers: 2}\n")
    line = "scaler -b Scaler:1.0 --image scaler --config-file server.yml -l team=core"
    printed = list(yaml.safe_load_all(run(f"manifests {line}").stdout))
    run(f"manifests {line} --output-dir plain")
    assert not (work / "plain" / "steps.sh").exists()
    run(f"deploy {line} --no-wait")
    assert [each["kind"] for each in printed][:3] == ["ConfigMap", "NetworkPolicy", "Deployment"]
    applied = cluster.get("configmaps", "dev", "scaler")
    assert applied["data"] == printed[0]["data"] == {"bentoml.yml": "bento_server: {workers: 2}\n"}
    assert container(cluster) == printed[2]["spec"]["template"]["spec"]["containers"][0]


def test_manifests_when_for_kustomize_are_a_directory(work: Path) -> None:
    line = "manifests scaler -b Scaler:1.0 --image scaler --form kustomize"
    assert "give --output-dir" in run(line, 2).stderr
    run(f"{line} --output-dir base")
    assert (work / "base" / "kustomization.yaml").is_file()
    assert "is not empty" in run(f"{line} --output-dir base", 1).stderr
    line = "manifests scaler -b Scaler:1.0 --image scaler --form helm"
    assert "a chart is a directory: give --output-dir" in run(line, 2).stderr
    run(f"{line} --output-dir chart")
    assert (work / "chart" / "templates" / "deployment.yaml").is_file()


WRONG = [
    ("deploy scaler -b Scaler:1.0", 2, "Say which image the cluster shall pull"),
    ("deploy scaler -b Scaler:9 --image x", 1, "Scaler:9 not found"),
    ("deploy scaler --image x", 2, "Missing option '-b'"),
    ("deploy scaler -b Scaler:1.0 --image x --env A", 2, "'A' is no NAME=VALUE"),
    ("deploy scaler -b Scaler:1.0 --image x -l team", 2, "'team' is no KEY=VALUE"),
    ("deploy abc -b Scaler:1.0 --image x --dry-run", 1, "4 to 63"),
    ("deploy scaler -b Scaler:1.0 --image X --dry-run", 1, "Docker Image tag 'X' is invalid"),
    ("deploy scaler -b Scaler:1.0 --image x --context=--kubeconfig=y -n My.Team --dry-run", 1, "--kube-namespace"),
    ("update scaler", 1, "No deployment scaler"),
    ("get scaler", 1, "No deployment scaler"),
    ("delete scaler", 1, "No deployment scaler"),
    ("manifests scaler -b Scaler:1.0 --image x --form kserve --host a.b", 1, "leave host out for KServe"),
]


@pytest.mark.parametrize(("line", "status", "text"), WRONG, ids=[line[:60] for line, _, _ in WRONG])
def test_command_when_it_cannot_be_says_why_and_records_nothing(
    cluster: LookAlike, line: str, status: int, text: str
) -> None:
    assert text in run(line, status).stderr
    assert recorded() == []
    assert cluster.existing() == set()


def test_update_when_another_bundle_would_run_in_the_old_image_is_refused(cluster: LookAlike) -> None:
    run("deploy scaler -b Scaler:1.0 --image registry:5000/scaler:one --no-wait")
    done = run("update scaler -b Scaler:2.0", 1)
    assert "registry:5000/scaler:one is the image of Scaler:1.0: give --image for that of Scaler:2.0" in done.stderr
    run("update scaler -b Scaler:2.0 --image registry:5000/scaler:two --no-wait")
    assert container(cluster)["image"] == "registry:5000/scaler:two"


def test_context_when_it_looks_like_an_option_is_a_context(cluster: LookAlike) -> None:
    done = run("deploy scaler -b Scaler:1.0 --image x --context=--kubeconfig=/etc/x --no-wait", 1)
    assert 'context "--kubeconfig=/etc/x" does not exist' in done.stderr


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 1), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"])
def test_deploy_when_interrupted_records_what_may_exist(
    cluster: LookAlike, own_saved: SavedHome, number: signal.Signals, status: int
) -> None:
    cluster.held = "services"
    line = "deploy scaler -b Scaler:1.0 --image scaler"
    # Shells start what runs in the background deaf to ctrl-C, and so might be this process.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            [BENTOML, "kubernetes", *line.split()],
            env={**os.environ, **own_saved.env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    assert cluster.reached.wait(60)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == status
    # The request had come to the cluster, which does what it asks though nobody waits for the answer.
    cluster.go_on.set()
    deadline_s = time.monotonic() + 60
    while "Service dev/scaler" not in cluster.existing():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    found = document(run("get scaler"))
    assert found["state"]["errorMessage"].startswith("apply Service scaler: interrupted by ")
    assert [(each["kind"], each["detail"]["status"]) for each in found["resources"]] == [
        ("NetworkPolicy", "exists"),
        ("Deployment", "exists"),
        ("Service", "pending"),
    ]
    cluster.held = ""
    run("delete scaler")
    assert cluster.existing() == set()
