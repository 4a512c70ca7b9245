"""The files that run the registry in containers, read by the programs and schemas of those who run them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from bentoml.deploy.registry.files import write_registry_files

pytestmark = pytest.mark.environment("kubernetes")
VERSIONS = ("1.29", "1.33")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("parent") / "yatai"
    write_registry_files(directory)
    return directory


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["kubernetes.yaml", "kubernetes-replicas.yaml"])
def test_manifests_have_the_form_that_kubernetes_has_published(written: Path, name: str, version: str) -> None:
    import kubernetes_validate

    documents: list[Any] = list(yaml.safe_load_all((written / name).read_text()))
    assert len(documents) == 5
    for document in documents:
        kubernetes_validate.validate(document, version, strict=True)
    documents[1]["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(documents[1], version, strict=True)


def compose(written: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "podman_compose", "-f", str(written / "compose.yaml"), "config"]
    env = {name: value for name, value in os.environ.items() if name != "POSTGRES_PASSWORD"}
    return subprocess.run(command, env={**env, **variables}, capture_output=True, text=True, check=False)


def test_compose_reads_its_file_and_asks_for_the_password(written: Path) -> None:
    done = compose(written, POSTGRES_PASSWORD="from-outside")
    assert done.returncode == 0, done.stderr
    read = yaml.safe_load(done.stdout)["services"]
    assert read["yatai"]["environment"]["PGPASSWORD"] == "from-outside"
    assert read["database"]["environment"]["POSTGRES_PASSWORD"] == "from-outside"
    refused = compose(written)
    assert refused.returncode != 0
    assert "write POSTGRES_PASSWORD=... into the file .env" in refused.stderr
