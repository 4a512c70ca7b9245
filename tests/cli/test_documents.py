"""The JSON and YAML that scripts read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from click.testing import CliRunner

from bentoml.cli.main import commandline_interface
from bentoml.saved_bundle.requirements.lock import machine_name

if TYPE_CHECKING:
    from tests.cli.saved_home import SavedHome

API_KEYS = {"name", "inputType", "docs", "outputType", "mbMaxLatency", "mbMaxBatchSize", "batch", "route"}


def _stdout(saved: SavedHome, *argv: str) -> str:
    result = CliRunner(env=saved.env).invoke(commandline_interface, [*argv, "-q"], prog_name="bentoml")
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return result.stdout


def _json_documents(text: str) -> list[Any]:
    decoder = json.JSONDecoder()
    documents = []
    while text := text.lstrip():
        document, end = decoder.raw_decode(text)
        documents.append(document)
        text = text[end:]
    return documents


def test_get_when_asked_for_json_has_the_documented_shape(saved: SavedHome) -> None:
    bento = json.loads(_stdout(saved, "get", "Scaler:2.0"))
    assert {"name", "version", "uri", "bentoServiceMetadata", "status", "requirementsLock", "sbom"} == set(bento)
    assert bento["requirementsLock"]["madeFor"] == machine_name()
    assert bento["requirementsLock"]["hashes"] is False
    assert bento["sbom"]["format"] == "CycloneDX 1.6"
    assert bento["uri"] == {"type": "LOCAL", "uri": str(saved.bundle)}
    assert bento["status"]["status"] == "DONE"
    metadata = bento["bentoServiceMetadata"]
    assert {"name", "version", "createdAt", "env", "artifacts", "apis", "labels"} <= set(metadata)
    assert metadata["labels"] == {"stage": "prod"}
    assert [artifact["name"] for artifact in metadata["artifacts"]] == ["factor"]
    scale = next(api for api in metadata["apis"] if api["name"] == "scale")
    assert set(scale) >= API_KEYS
    assert scale["mbMaxLatency"] == 20000


def test_get_when_asked_for_yaml_says_the_same_as_json(saved: SavedHome) -> None:
    assert yaml.safe_load(_stdout(saved, "get", "Scaler:2.0", "-o", "yaml")) == json.loads(
        _stdout(saved, "get", "Scaler:2.0", "-o", "json")
    )


@pytest.mark.parametrize("command", [["list"], ["get", "Scaler"]], ids=["list", "get"])
def test_listing_when_asked_for_documents_prints_one_for_each(saved: SavedHome, command: list[str]) -> None:
    as_json = _json_documents(_stdout(saved, *command, "-o", "json"))
    as_yaml = list(yaml.safe_load_all(_stdout(saved, *command, "-o", "yaml")))
    assert [bento["version"] for bento in as_json] == ["2.0", "1.0"]
    assert as_json == as_yaml


def test_info_when_called_prints_snake_case_metadata(saved: SavedHome) -> None:
    text = _stdout(saved, "info", "Scaler:1.0")
    metadata = json.loads(text)
    assert text == json.dumps(metadata, indent=2) + "\n"
    assert list(metadata)[:6] == ["name", "version", "created_at", "env", "artifacts", "apis"]
    scale = next(api for api in metadata["apis"] if api["name"] == "scale")
    assert scale["input_type"] == "JsonInput"
    assert "mb_max_batch_size" in scale


def test_open_api_spec_when_called_prints_the_document_of_the_bundle(saved: SavedHome) -> None:
    text = _stdout(saved, "open-api-spec", "Scaler:2.0")
    document = json.loads(text)
    assert text == json.dumps(document, indent=2) + "\n"
    assert document["info"]["title"] == "Scaler"
    assert "/scale" in document["paths"]
    assert document == json.loads((saved.bundle / "docs.json").read_text())
