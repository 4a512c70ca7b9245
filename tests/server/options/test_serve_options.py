from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from bentoml._util.cpus import cpu_count
from bentoml.exceptions import InvalidArgument
from bentoml.server.options.serve_options import ServeOptions


def write_config(home: Path, text: str) -> None:
    (home / "bentoml.yml").write_text(text)


def test_from_config_without_arguments_takes_the_defaults(tmp_path: Path) -> None:
    options = ServeOptions.from_config(tmp_path)
    assert options == ServeOptions(
        bundle_path=tmp_path,
        host="0.0.0.0",
        port=5000,
        uds=None,
        management_port=None,
        management_host="127.0.0.1",
        ssl_certfile=None,
        ssl_keyfile=None,
        workers=1,
        gpus=(),
        preload=False,
        timeout_s=60,
        worker_timeout_s=60,
        worker_max_rss_bytes=None,
        worker_max_requests=None,
        grace_s=60,
        header_timeout_s=20,
        body_timeout_s=30,
        keep_alive_s=75,
        max_request_size_bytes=20 * 1024 * 1024,
        trusted_proxies=(),
        mb_max_batch_size=None,
        mb_max_latency_ms=None,
        swagger_enabled=True,
        metrics_enabled=True,
        metrics_namespace="BENTOML",
        feedback_enabled=True,
        open_inference_enabled=True,
        sagemaker_enabled=False,
        sagemaker_api_name=None,
        inference_tokens=(),
        metrics_tokens=(),
        docs_tokens=(),
        cors=None,
        debug=False,
        quiet=False,
        verify=True,
        allow_pickle=True,
    )


def test_from_config_with_a_file_takes_its_values(tmp_path: Path, bentoml_home: Path) -> None:
    write_config(
        bentoml_home,
        "bento_server:\n"
        "  port: 6001\n  workers: 3\n  timeout: 7\n  max_request_size: 99\n"
        "  microbatch: {max_batch_size: 5, max_latency: 250}\n"
        "  swagger: {enabled: false}\n  metrics: {enabled: false, namespace: SHOP}\n"
        "  feedback: {enabled: false}\n  open_inference: {enabled: false}\n"
        "  sagemaker: {enabled: true, api_name: predict}\n",
    )
    options = ServeOptions.from_config(tmp_path)
    assert (options.port, options.workers, options.timeout_s) == (6001, 3, 7)
    assert (options.max_request_size_bytes, options.mb_max_batch_size, options.mb_max_latency_ms) == (99, 5, 250)
    assert (options.swagger_enabled, options.metrics_enabled, options.metrics_namespace) == (False, False, "SHOP")
    assert (options.feedback_enabled, options.open_inference_enabled) == (False, False)
    assert (options.sagemaker_enabled, options.sagemaker_api_name) == (True, "predict")


def test_from_config_with_arguments_lets_them_win_over_the_file(tmp_path: Path, bentoml_home: Path) -> None:
    write_config(
        bentoml_home,
        "bento_server: {port: 6001, workers: 3, timeout: 7, microbatch: {max_batch_size: 5, max_latency: 250}}",
    )
    options = ServeOptions.from_config(
        tmp_path,
        host="127.0.0.1",
        port=0,
        workers=2,
        timeout_s=0.5,
        mb_max_batch_size=1,
        mb_max_latency_ms=10,
        swagger_enabled=False,
        verify=False,
        debug=True,
    )
    assert (options.host, options.port, options.workers, options.timeout_s) == ("127.0.0.1", 0, 2, 0.5)
    assert (options.mb_max_batch_size, options.mb_max_latency_ms) == (1, 10)
    assert (options.swagger_enabled, options.verify, options.debug) == (False, False, True)


def test_from_config_with_workers_zero_takes_one_per_cpu(tmp_path: Path) -> None:
    assert ServeOptions.from_config(tmp_path, workers=0).workers == cpu_count() >= 1


def test_from_config_with_workers_null_takes_half_the_cpus_and_one(tmp_path: Path, bentoml_home: Path) -> None:
    write_config(bentoml_home, "bento_server: {workers: null}")
    assert ServeOptions.from_config(tmp_path).workers == cpu_count() // 2 + 1


def test_from_config_with_a_timeout_uses_it_for_workers_and_grace_unless_they_are_configured(
    tmp_path: Path, bentoml_home: Path
) -> None:
    options = ServeOptions.from_config(tmp_path, timeout_s=7)
    assert (options.worker_timeout_s, options.grace_s) == (7, 7)
    write_config(bentoml_home, "bento_server: {timeout: 9, worker_timeout_s: 3}")
    options = ServeOptions.from_config(tmp_path, timeout_s=7)
    assert (options.timeout_s, options.worker_timeout_s, options.grace_s) == (7, 3, 7)
    assert ServeOptions.from_config(tmp_path, grace_s=0.5).grace_s == 0.5
    assert ServeOptions.from_config(tmp_path).grace_s == 9


def test_from_config_with_debug_in_the_environment_turns_it_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENTOML_DEBUG", "True")
    assert ServeOptions.from_config(tmp_path).debug
    assert not ServeOptions.from_config(tmp_path, debug=False).debug


def test_from_config_with_a_relative_path_makes_it_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert ServeOptions.from_config(Path("bundle")).bundle_path == tmp_path / "bundle"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param({"port": -1}, "port must be from 0 to 65535, not -1", id="negative port"),
        pytest.param({"port": 65536}, "port must be from 0 to 65535", id="port too large"),
        pytest.param({"port": True}, "port must be a whole number", id="port is a bool"),
        pytest.param({"port": "80"}, "port must be a whole number, not '80'", id="port is text"),
        pytest.param({"workers": -1}, "workers must be at least 1", id="negative workers"),
        pytest.param({"workers": False}, "workers must be a whole number", id="workers is a bool"),
        pytest.param({"timeout_s": 0}, "timeout_s must be more than 0", id="no time"),
        pytest.param({"timeout_s": float("nan")}, "timeout_s must be more than 0", id="time is nan"),
        pytest.param({"timeout_s": float("inf")}, "timeout_s must be more than 0", id="endless time"),
        pytest.param({"timeout_s": "5"}, "timeout_s must be a number of seconds", id="time is text"),
        pytest.param({"mb_max_batch_size": 0}, "mb_max_batch_size must be at least 1", id="no batch"),
        pytest.param({"mb_max_latency_ms": 0}, "mb_max_latency_ms must be at least 1", id="no latency"),
        pytest.param({"mb_max_latency_ms": 1.5}, "mb_max_latency_ms must be a whole number", id="fraction"),
        pytest.param({"host": " "}, "host must be an address", id="blank host"),
        pytest.param({"grace_s": -1}, "grace_s must be more than 0", id="negative grace"),
        pytest.param({"worker_max_rss_bytes": 0}, "worker_max_rss_bytes must be at least 1", id="no memory"),
        pytest.param({"uds": ""}, "uds must be the path of a file", id="empty socket path"),
        pytest.param({"ssl_keyfile": "key.pem"}, "ssl_keyfile is of no use without ssl_certfile", id="key alone"),
        pytest.param({"swagger_enabled": "no"}, "swagger_enabled must be true or false", id="switch is text"),
    ],
)
def test_from_config_with_a_bad_value_says_which(tmp_path: Path, given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        ServeOptions.from_config(tmp_path, **given)


def test_options_when_changed_refuse(tmp_path: Path) -> None:
    options = ServeOptions.from_config(tmp_path)
    with pytest.raises(dataclasses.FrozenInstanceError):
        options.port = 1  # type: ignore[misc]


def test_to_json_and_back_gives_the_same_options(tmp_path: Path) -> None:
    options = ServeOptions.from_config(tmp_path / "ünï code", port=0, timeout_s=1.5, mb_max_batch_size=3)
    assert ServeOptions.from_json(options.to_json()) == options
    assert ServeOptions.from_json(options.to_json().encode()) == options


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"port": 70000}, "port must be from 0", id="out of range"),
        pytest.param({"bundle_path": 3}, "bundle_path must be text", id="path is a number"),
        pytest.param({"surprise": 1}, "exactly the keys", id="unknown key"),
    ],
)
def test_from_json_with_a_bad_value_refuses(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    values = {**json.loads(ServeOptions.from_config(tmp_path).to_json()), **change}
    with pytest.raises(InvalidArgument, match=message):
        ServeOptions.from_json(json.dumps(values))


@pytest.mark.parametrize("text", ["", "[]", "{}", "{"], ids=["empty", "array", "no keys", "not JSON"])
def test_from_json_with_other_text_refuses(text: str) -> None:
    with pytest.raises(InvalidArgument, match="server options"):
        ServeOptions.from_json(text)
