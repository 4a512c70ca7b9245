"""The value that describes a service."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta, timezone

import pytest

from bentoml.service.metadata import (
    ApiMetadata,
    ArtifactMetadata,
    BentoServiceMetadata,
    EnvMetadata,
    parse_timestamp,
)

FULL = BentoServiceMetadata(
    name="Iris",
    version="1.0",
    created_at=datetime(2024, 3, 1, 12, 30, 0, 5, tzinfo=timezone.utc),
    env=EnvMetadata(
        setup_sh="true",
        conda_env="name: x\n",
        python_version="3.12.5",
        docker_base_image="python:3.12-slim",
        pip_packages=("a==1", "b"),
        requirements_txt="a==1\n",
    ),
    artifacts=(ArtifactMetadata("model", "SklearnModelArtifact", {"max_depth": 3}),),
    apis=(
        ApiMetadata(
            name="predict",
            input_type="DataframeInput",
            docs="text",
            input_config={"input_dtypes": {"sepal_length": "float"}},
            output_config={"output_orient": "records"},
            output_type="JsonOutput",
            mb_max_latency=1000,
            mb_max_batch_size=2000,
            batch=True,
            route="v1/predict",
        ),
    ),
    labels={"team": "abc"},
)


def test_to_json_gives_camel_case_and_keeps_free_form_names() -> None:
    assert FULL.to_json() == {
        "name": "Iris",
        "version": "1.0",
        "createdAt": "2024-03-01T12:30:00.000005Z",
        "env": {
            "setupSh": "true",
            "condaEnv": "name: x\n",
            "pythonVersion": "3.12.5",
            "dockerBaseImage": "python:3.12-slim",
            "pipPackages": ["a==1", "b"],
            "requirementsTxt": "a==1\n",
        },
        "artifacts": [{"name": "model", "artifactType": "SklearnModelArtifact", "metadata": {"max_depth": 3}}],
        "apis": [
            {
                "name": "predict",
                "inputType": "DataframeInput",
                "docs": "text",
                "inputConfig": {"input_dtypes": {"sepal_length": "float"}},
                "outputConfig": {"output_orient": "records"},
                "outputType": "JsonOutput",
                "mbMaxLatency": 1000,
                "mbMaxBatchSize": 2000,
                "batch": True,
                "route": "v1/predict",
            }
        ],
        "labels": {"team": "abc"},
    }


def test_to_snake_json_has_the_same_content_under_snake_names() -> None:
    snake = FULL.to_snake_json()
    assert (snake["created_at"], snake["env"]["pip_packages"]) == ("2024-03-01T12:30:00.000005Z", ["a==1", "b"])
    assert snake["apis"][0]["mb_max_batch_size"] == 2000
    assert snake["artifacts"][0]["artifact_type"] == "SklearnModelArtifact"


def test_to_json_leaves_out_what_is_empty_and_optional() -> None:
    bare = BentoServiceMetadata(
        "A", "1", apis=(ApiMetadata("p", "JsonInput"),), artifacts=(ArtifactMetadata("m", "X"),)
    )
    document = bare.to_json()
    assert set(document) == {"name", "version", "env", "artifacts", "apis"}
    assert set(document["env"]) == {"pythonVersion", "dockerBaseImage", "pipPackages"}
    assert document["apis"][0] == {
        "name": "p",
        "inputType": "JsonInput",
        "docs": "",
        "outputType": "DefaultOutput",
        "mbMaxLatency": 20000,
        "mbMaxBatchSize": 4000,
        "batch": False,
        "route": "p",
    }
    assert document["artifacts"] == [{"name": "m", "artifactType": "X", "metadata": {}}]


@pytest.mark.parametrize("metadata", [FULL, BentoServiceMetadata("A", "1")], ids=["full", "bare"])
def test_from_json_after_json_text_gives_an_equal_value(metadata: BentoServiceMetadata) -> None:
    assert BentoServiceMetadata.from_json(json.loads(json.dumps(metadata.to_json()))) == metadata


def test_from_json_skips_unknown_keys_and_fills_missing_ones() -> None:
    metadata = BentoServiceMetadata.from_json(
        {"name": "A", "version": "1", "future": 1, "apis": [{"name": "p", "inputType": "JsonInput", "color": "red"}]}
    )
    assert metadata == BentoServiceMetadata("A", "1", apis=(ApiMetadata("p", "JsonInput"),))


def test_to_json_when_old_metadata_holds_dates_is_still_json() -> None:
    free = {"day": date(2020, 1, 2), "at": [datetime(2020, 1, 2, tzinfo=timezone.utc)]}
    document = BentoServiceMetadata("A", "1", artifacts=(ArtifactMetadata("m", "X", free),)).to_json()
    stored = json.loads(json.dumps(document))["artifacts"][0]["metadata"]
    assert stored == {"day": "2020-01-02", "at": ["2020-01-02T00:00:00.000000Z"]}


@pytest.mark.parametrize(
    "value",
    [
        "2024-03-01T12:00:00Z",
        "2024-03-01T12:00:00.000000Z",
        "2024-03-01 12:00:00",
        "2024-03-01T14:00:00+02:00",
        datetime(2024, 3, 1, 12, 0),  # noqa: DTZ001 - the point of the test
        datetime(2024, 3, 1, 14, 0, tzinfo=timezone(timedelta(hours=2))),
    ],
    ids=str,
)
def test_parse_timestamp_gives_utc(value: str | datetime) -> None:
    assert parse_timestamp(value) == datetime(2024, 3, 1, 12, 0, tzinfo=timezone.utc)
