"""What there is in the look-alike of AWS, and a program that stands in for one that builds images."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

ACCOUNT = "123456789012"
REGION = "eu-west-1"
# The registry of ECR is the one thing that the look-alike has not, so the program tells it what would be in it.
PUSH = """
import boto3, json, os, sys
host, _, name = sys.argv[1].partition("/")
repository, _, tag = name.partition(":")
manifest = {
    "schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
    "layers": [{"digest": "sha256:" + os.environ.get("CONTENT", "a") * 64}],
}
ecr = boto3.client("ecr", region_name=host.split(".")[3])
try:
    ecr.put_image(repositoryName=repository, imageManifest=json.dumps(manifest), imageTag=tag)
except ecr.exceptions.ImageAlreadyExistsException:
    pass
"""
RECORD = """#!/bin/sh
printf '%s ' "$@" >>"$RECORD"
case "$1" in login) printf '< %s' "$(cat)" >>"$RECORD" ;; esac
printf '\\n' >>"$RECORD"
case "$*" in "${FAIL:-nothing}"*) echo "no such luck" >&2; exit 1 ;; esac
case "$1" in push) exec "$PUSH_PYTHON" -W ignore -c "$PUSH" "$2" ;; esac
"""


class Cloud:
    """What boto3 sees of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def client(self, service: str) -> Any:
        import boto3

        return boto3.Session(region_name=REGION).client(service)

    def stacks(self) -> list[dict[str, Any]]:
        return list(self.client("cloudformation").describe_stacks()["Stacks"])

    def network(self) -> dict[str, Any]:
        """The one that every account has: the look-alike cannot remove one that a stack has made."""
        subnets = self.client("ec2").describe_subnets()["Subnets"]
        return {"vpc": subnets[0]["VpcId"], "subnets": [each["SubnetId"] for each in subnets[:2]]}

    def parameters(self, name: str) -> dict[str, str]:
        """Those of a stack."""
        (found,) = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        return {each["ParameterKey"]: each["ParameterValue"] for each in found["Parameters"]}

    def repositories(self) -> list[str]:
        return [each["repositoryName"] for each in self.client("ecr").describe_repositories()["repositories"]]

    def functions(self) -> dict[str, dict[str, Any]]:
        return {each["FunctionName"]: each for each in self.client("lambda").list_functions()["Functions"]}

    def existing(self) -> set[str]:
        """As the record of a deployment has it."""
        found = [f"cloudformation_stack {ACCOUNT}:{REGION}/{each['StackName']}" for each in self.stacks()]
        return {*found, *(f"ecr_repository {ACCOUNT}:{REGION}/{name}" for name in self.repositories())}

    def cut(self) -> None:
        """From now on nothing answers."""
        self._monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")


def engine_on_path(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the program on PATH as the only one that builds."""
    path = directory / "engine" / "podman"
    path.parent.mkdir()
    path.write_text(RECORD)
    path.chmod(0o755)
    record = directory / "record"
    monkeypatch.setenv("RECORD", str(record))
    monkeypatch.setenv("PUSH", PUSH)
    monkeypatch.setenv("PUSH_PYTHON", sys.executable)
    monkeypatch.setenv("BENTOML_CONTAINER_ENGINE", "podman")
    monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")
    return record
