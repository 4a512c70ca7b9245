"""`bentoml deployment`: what it prints of the records."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from bentoml.cli.main import commandline_interface
from bentoml.configuration import get_config
from bentoml.yatai.client import open_local_registry
from bentoml.yatai.deployment_models import DeploymentPhase, DeploymentState, Operator
from tests.yatai.contract_of_deployments import wanted
from tests.yatai.contract_tools import Put
from tests.yatai.server.bundles import write_bundle


@pytest.fixture
def run(bentoml_home: Path, tmp_path: Path) -> CliRunner:
    """In a home whose registry has two deployments."""
    registry = open_local_registry(get_config())
    Put(registry, lambda name="Iris", version="1": write_bundle(tmp_path, name, version))("Iris:1")
    registry.apply_deployment(wanted("dev/iris", team="vision", stage="prod"))
    registry.apply_deployment(wanted("prod/iris-vm", operator=Operator.AWS_EC2))
    registry.set_deployment_state("prod", "iris-vm", DeploymentState(DeploymentPhase.CRASH_LOOP_BACK_OFF))
    return CliRunner()


def printed(run: CliRunner, words: str, exit_code: int = 0) -> str:
    result = run.invoke(commandline_interface, ["deployment", *words.split()], prog_name="bentoml")
    assert result.exit_code == exit_code, result.output
    return re.sub(r"\d+ seconds?", "AGE", result.output)


def test_list_prints_a_table_of_all_namespaces(run: CliRunner) -> None:
    assert printed(run, "list") == (
        "NAME     NAMESPACE  PLATFORM    BENTO_SERVICE  STATUS               AGE\n"
        "iris-vm  prod       aws-ec2     Iris:1         crash loop back off  AGE\n"
        "iris     dev        aws-lambda  Iris:1         pending              AGE\n"
    )
    wide = printed(run, "list -n dev -o wide").splitlines()
    assert wide[0].split()[-1] == "LABELS"
    assert wide[1].endswith("stage:prod, team:vision")


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("list -p ec2", ["iris-vm"]),
        ("list -p kubernetes", []),
        ("list -l team=vision", ["iris"]),
        ("list --asc --limit 1", ["iris"]),
        ("list --order-by name --desc", ["iris-vm", "iris"]),
        ("list -n nowhere", []),
    ],
)
def test_list_prints_what_matches(run: CliRunner, words: str, names: list[str]) -> None:
    assert [line.split()[0] for line in printed(run, words).splitlines()[1:]] == names


def test_get_prints_the_record(run: CliRunner) -> None:
    document = json.loads(printed(run, "get iris"))
    assert (document["name"], document["namespace"], document["spec"]["operator"]) == ("iris", "dev", "AWS_LAMBDA")
    assert yaml.safe_load(printed(run, "get iris -o yaml")) == document
    assert "iris-vm  prod" in printed(run, "get iris-vm -n prod -o table")


def test_get_when_there_is_none_fails(run: CliRunner) -> None:
    said = printed(run, "get nothing", exit_code=1)
    text = "No deployment nothing is recorded in the namespace dev"
    assert said == f"Error: bentoml-cli deployment get failed: {text}\n"
