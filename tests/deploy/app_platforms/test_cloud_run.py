"""The file of a service on Cloud Run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from bentoml.configuration.settings import environment_layer
from bentoml.deploy.app_platforms import CloudRunOptions, app_of, cloud_run_plan
from bentoml.deploy.plans import settings_of_server
from bentoml.exceptions import InvalidArgument
from bentoml.service.metadata import ApiMetadata, BentoServiceMetadata
from tests.deploy.app_platforms import gcloud
from tests.deploy.app_platforms.shapes import CLOUD_RUN, problems

HOSTILE = "a'b\"c\n---\nkind: Job\n$(HOME) `id` ${X} %s {{ .X }} \\ \u2028 é # : - \t"
PLAIN = ApiMetadata("predict", "JsonInput")
BATCH = ApiMetadata("predict", "DataframeInput", batch=True)

OPTIONS: dict[str, dict[str, Any]] = {
    "least": {},
    "most": {
        "region": "northamerica-northeast1",
        "cpu": 4,
        "memory": "16Gi",
        "min_instances": 1,
        "max_instances": 3,
        "concurrency": 7,
        "timeout_s": 3600,
        "workers": 2,
        "cpu_throttling": False,
        "gpu_type": "nvidia-l4",
        "ingress": "internal",
        "service_account": "models@a-project.iam.gserviceaccount.com",
        "env": {"NUMBER": "1e3", "WORD": "on", "TEXT": HOSTILE, "EMPTY": ""},
        "secrets": {"BENTOML__BENTO_SERVER__AUTH__INFERENCE_TOKENS": "iris-token", "KEY": "key:3"},
    },
}


def text(*apis: ApiMetadata, name: str = "iris", image: str = "docker.io/team/iris", **options: Any) -> str:
    app = app_of(name, image, BentoServiceMetadata("IrisClassifier", "20240517_3FA", apis=apis or (BATCH,)))
    (found,) = cloud_run_plan(app, CloudRunOptions(**options)).files.values()
    return found


def service(*apis: ApiMetadata, **options: Any) -> Any:
    return yaml.safe_load(text(*apis, **options))


def revision(*apis: ApiMetadata, **options: Any) -> Any:
    return service(*apis, **options)["spec"]["template"]["spec"]


def container(**options: Any) -> Any:
    return revision(**options)["containers"][0]


def variables(**options: Any) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container(**options)["env"] if "value" in each}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_service_has_keys_and_kinds_that_cloud_run_knows(options: dict[str, Any]) -> None:
    assert problems(service(**options), CLOUD_RUN) == []


class TestWithGcloud:
    """The real program reads the file, and says which field it does not know."""

    pytestmark = gcloud.needs_gcloud

    @pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
    def test_gcloud_takes_the_file(self, options: dict[str, Any], tmp_path: Path) -> None:
        (tmp_path / "service.yaml").write_text(text(**options), encoding="utf-8")
        command = ["run", "services", "replace", str(tmp_path / "service.yaml"), "--region", "europe-west1"]
        assert gcloud.problem(command, tmp_path) == ""

    def test_gcloud_refuses_a_file_with_another_field(self, tmp_path: Path) -> None:
        file = tmp_path / "service.yaml"
        file.write_text(text().replace("timeoutSeconds: 60", "timeoutSecond: 60"), encoding="utf-8")
        found = gcloud.problem(["run", "services", "replace", str(file), "--region", "europe-west1"], tmp_path)
        assert "spec.template.spec.timeoutSecond" in found


def test_service_says_all_that_is_asked() -> None:
    found = service(**OPTIONS["most"])
    assert found["metadata"]["labels"] == {"cloud.googleapis.com/location": "northamerica-northeast1"}
    assert found["metadata"]["annotations"] == {"run.googleapis.com/ingress": "internal"}
    annotations = found["spec"]["template"]["metadata"]["annotations"]
    assert annotations["autoscaling.knative.dev/minScale"] == "1"
    assert annotations["autoscaling.knative.dev/maxScale"] == "3"
    assert annotations["run.googleapis.com/cpu-throttling"] == "false"
    assert annotations["run.googleapis.com/execution-environment"] == "gen2"
    spec = found["spec"]["template"]["spec"]
    assert (spec["containerConcurrency"], spec["timeoutSeconds"]) == (7, 3600)
    assert spec["nodeSelector"] == {"run.googleapis.com/accelerator": "nvidia-l4"}
    assert spec["serviceAccountName"] == "models@a-project.iam.gserviceaccount.com"
    (only,) = spec["containers"]
    assert only["image"] == "docker.io/team/iris:20240517_3FA"
    assert only["resources"]["limits"] == {"cpu": "4", "memory": "16Gi", "nvidia.com/gpu": "1"}
    assert [each["valueFrom"]["secretKeyRef"] for each in only["env"] if "valueFrom" in each] == [
        {"name": "iris-token", "key": "latest"},
        {"name": "key", "key": "3"},
    ]
    assert variables(**OPTIONS["most"]).items() >= OPTIONS["most"]["env"].items()


def test_probes_ask_the_port_where_the_server_listens() -> None:
    found = container()
    (port,) = found["ports"]
    assert found["startupProbe"]["httpGet"] == {"path": "/readyz", "port": port["containerPort"]}
    assert found["livenessProbe"]["httpGet"] == {"path": "/livez", "port": port["containerPort"]}
    start = found["startupProbe"]
    assert start["periodSeconds"] * start["failureThreshold"] <= 240, "the most that Cloud Run takes"
    assert start["timeoutSeconds"] < start["periodSeconds"]
    assert not {"PORT", "BENTOML_PORT"} & set(variables()), "Cloud Run sets PORT, which the image reads"


def test_server_ends_before_it_is_killed_and_writes_no_files() -> None:
    found = variables(workers=2, timeout_s=30)
    assert float(found["BENTOML__BENTO_SERVER__GRACE_S"]) < 10
    assert found["BENTOML__LOGGING__FILE__ENABLED"] == "false"
    assert found["BENTOML__BENTO_SERVER__WORKERS"] == "2"
    assert found["BENTOML__BENTO_SERVER__TIMEOUT"] == "30"
    assert variables(env={"BENTOML__BENTO_SERVER__GRACE_S": "5"})["BENTOML__BENTO_SERVER__GRACE_S"] == "5"


def test_settings_of_the_server_are_such_that_it_takes_them() -> None:
    layer = environment_layer(settings_of_server(variables(workers=2)))
    assert layer.problems == []
    assert layer.settings["bento_server.trusted_proxies"].value == ["169.254.0.0/16"]


AT_ONCE = [
    pytest.param([PLAIN], 1, 4, id="one at a time"),
    pytest.param([PLAIN], 3, 12, id="three workers"),
    pytest.param([BATCH], 1, 80, id="batches without a limit"),
    pytest.param([ApiMetadata("p", "JsonInput", batch=True, mb_max_batch_size=16)], 2, 32, id="batches of 16"),
    pytest.param([PLAIN, BATCH], 1, 80, id="both"),
    pytest.param([BATCH], 20, 1000, id="the most that Cloud Run takes"),
]


@pytest.mark.parametrize(("apis", "workers", "at_once"), AT_ONCE)
def test_concurrency_follows_from_the_apis(apis: list[ApiMetadata], workers: int, at_once: int) -> None:
    assert revision(*apis, workers=workers)["containerConcurrency"] == at_once


TIMEOUTS = [
    pytest.param(PLAIN, 60, id="default"),
    pytest.param(ApiMetadata("p", "JsonInput", batch=True, mb_max_latency=90_001), 91, id="a patient batch"),
    pytest.param(ApiMetadata("p", "JsonInput", mb_max_latency=90_001), 60, id="no batch"),
]


@pytest.mark.parametrize(("api", "seconds"), TIMEOUTS)
def test_timeout_is_that_of_the_slowest_api(api: ApiMetadata, seconds: int) -> None:
    assert revision(api)["timeoutSeconds"] == seconds


def test_notes_name_routes_that_google_keeps() -> None:
    apis = (ApiMetadata("quiz", "JsonInput"), ApiMetadata("predict", "JsonInput"))
    app = app_of("iris", "iris", BentoServiceMetadata("Iris", "1", apis=apis))
    (note,) = cloud_run_plan(app, CloudRunOptions()).notes
    assert "/quiz" in note


REFUSED = [
    pytest.param({"name": "Iris"}, "small letters", id="name"),
    pytest.param({"name": "i" * 50}, "1 to 49", id="long name"),
    pytest.param({"image": "a b"}, "invalid", id="image"),
    pytest.param({"image": "iris@sha256:12"}, "64 hexadecimal digits", id="digest"),
    pytest.param({"region": "Europe"}, "europe-west1", id="region"),
    pytest.param({"cpu": 3}, "1, 2, 4, 6, 8", id="cpu"),
    pytest.param({"memory": "1G"}, "2Gi", id="unit"),
    pytest.param({"memory": "256Mi"}, "512Mi to 4096Mi", id="memory"),
    pytest.param({"cpu": 8, "memory": "2Gi"}, "4096Mi to 32768Mi", id="little memory"),
    pytest.param({"min_instances": 5, "max_instances": 4}, "max_instances", id="instances"),
    pytest.param({"concurrency": 1001}, "concurrency must be 1 to 1000", id="concurrency"),
    pytest.param({"timeout_s": 3601}, "timeout must be 1 to 3600", id="timeout"),
    pytest.param({"ingress": "none"}, "internal", id="ingress"),
    pytest.param({"gpu_type": "h100"}, "nvidia-l4", id="gpu"),
    pytest.param({"gpu_type": "nvidia-l4", "cpu_throttling": False}, "at least 4 CPU", id="small for a gpu"),
    pytest.param({"gpu_type": "nvidia-l4", "cpu": 4, "memory": "16Gi"}, "no_cpu_throttling", id="throttled gpu"),
    pytest.param({"service_account": "models"}, "gserviceaccount.com", id="account"),
    pytest.param({"env": {"PORT": "1"}}, "leave PORT out", id="port"),
    pytest.param({"env": {"K_SERVICE": "1"}}, "leave K_SERVICE out", id="variable of Cloud Run"),
    pytest.param({"env": {"BENTOML__BENTO_SERVER__TIMEOUT": "soon"}}, "timeout", id="setting"),
    pytest.param({"secrets": {"TOKEN": "a/b"}}, "VARIABLE=SECRET", id="secret"),
    pytest.param({"secrets": {"TOKEN": "a:newest"}}, "VARIABLE=SECRET", id="version"),
    pytest.param({"secrets": {"PORT": "a"}}, "leave PORT out", id="port in a secret"),
    pytest.param({"secrets": {"K_SERVICE": "a"}}, "leave K_SERVICE out", id="secret of Cloud Run"),
    pytest.param({"secrets": {"a b": "a"}}, "cannot be the name", id="name of a secret"),
    pytest.param({"secrets": {"A": "a"}, "env": {"A": "1"}}, "leave one of them out", id="twice"),
]


@pytest.mark.parametrize(("options", "words"), REFUSED)
def test_what_cannot_be_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        text(**options)


def test_image_by_its_digest_stays_as_it_is() -> None:
    image = f"team/iris@sha256:{'0' * 64}"
    assert container(image=image)["image"] == image
