"""The configuration file over the defaults, and what is said about a bad one."""

from __future__ import annotations

from pathlib import Path

import pytest

from bentoml.configuration import Config, bentoml_home, get_config, is_debug
from bentoml.exceptions import BentoMLConfigException


def write(home: Path, text: str, name: str = "bentoml.yml") -> Path:
    path = home / name
    path.write_text(text, encoding="utf-8")
    return path


def test_config_without_a_file_is_the_default(bentoml_home: Path) -> None:
    config = get_config()
    assert config == Config()
    assert config.bento_server.port == 5000
    assert config.bento_server.max_request_size == 20971520
    assert config.yatai.remote.access_token_header == "access_token"


def test_config_in_the_home_directory_is_read_and_merged_deeply(bentoml_home: Path) -> None:
    write(bentoml_home, "bento_server: {port: 8080, microbatch: {max_latency: 300}}\nyatai:\n")
    config = get_config()
    assert config.bento_server.port == 8080
    assert config.bento_server.microbatch.max_latency == 300
    assert config.bento_server.microbatch.workers == 1
    assert config.bento_server.timeout == 60
    assert config.yatai == Config().yatai


def test_config_changes_on_disk_are_seen(bentoml_home: Path) -> None:
    write(bentoml_home, "bento_server: {port: 8080}")
    assert get_config().bento_server.port == 8080
    write(bentoml_home, "bento_server: {port: 18080}")
    assert get_config().bento_server.port == 18080


def test_config_variable_wins_over_the_home_file(
    bentoml_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(bentoml_home, "bento_server: {port: 8080}")
    write(tmp_path, "bento_server: {port: 9090}", "other.yaml")
    monkeypatch.setenv("SOME_DIR", str(tmp_path))
    monkeypatch.setenv("BENTOML_CONFIG", "$SOME_DIR/other.yaml")
    assert get_config().bento_server.port == 9090


def test_config_variable_naming_no_file_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENTOML_CONFIG", str(tmp_path / "gone.yml"))
    with pytest.raises(BentoMLConfigException, match=r"Config file .*gone\.yml not found"):
        get_config()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bento_server: {prot: 1}", r"unknown key 'bento_server\.prot'; did you mean 'bento_server\.port'"),
        ("zzzzzz: 1", "unknown key 'zzzzzz'; known keys: adapters"),
        ("bento_server: {port: '80'}", r"'bento_server\.port' must be a whole number, not '80' \(text\)"),
        ("bento_server: {port: true}", "must be a whole number, not True"),
        ("bento_server: {port: null}", "must be a whole number, not None"),
        ("bento_server: {port: 0}", "must be at least 1, not 0"),
        ("bento_server: 5", "'bento_server' must be a mapping"),
        ("[1]", "the file must be a mapping"),
        ("logging: {level: debug}", r"'logging\.level' must be one of CRITICAL"),
        ("logging: {access: {format: xml}}", r"'logging\.access\.format' must be one of text, json, not 'xml'"),
        ("logging: {prediction: {sample_rate: 1.5}}", "must be from 0 to 1, not 1.5"),
        ("logging: {prediction: {sample_rate: .nan}}", "must be from 0 to 1, not nan"),
        ("logging: {prediction: {sample_rate: true}}", "must be a number, not True"),
        ("logging: {prediction: {max_field_bytes: -1}}", "must be at least 0, not -1"),
        ("logging: {prediction: {redact_headers: cookie}}", "must be a list"),
        ("adapters: {image_input: {default_extensions: [1]}}", "must be a list"),
        ("a: [", "cannot be read"),
    ],
)
def test_config_with_a_fault_names_key_and_file(bentoml_home: Path, text: str, message: str) -> None:
    path = write(bentoml_home, text)
    with pytest.raises(BentoMLConfigException, match=message) as caught:
        get_config()
    assert str(path) in str(caught.value)


def test_config_values_of_either_type_are_taken(bentoml_home: Path) -> None:
    write(
        bentoml_home,
        "bento_server: {workers: null, cors: {access_control_allow_methods: [GET, POST],"
        " access_control_allow_headers: X-A}}",
    )
    server = get_config().bento_server
    assert server.workers is None
    assert server.cors.access_control_allow_methods == ["GET", "POST"]
    assert server.cors.access_control_allow_headers == "X-A"


def test_config_sample_rate_may_be_a_whole_number(bentoml_home: Path) -> None:
    write(bentoml_home, "logging: {prediction: {sample_rate: 0, redact_fields: [email]}}")
    prediction = get_config().logging.prediction
    assert prediction.sample_rate == 0
    assert prediction.redact_fields == ["email"]
    assert "authorization" in prediction.redact_headers


def test_config_file_with_another_ending_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENTOML_CONFIG", str(write(tmp_path, "{}", "bentoml.cfg")))
    with pytest.raises(BentoMLConfigException, match=r"must end in \.yml or \.yaml"):
        get_config()


def test_home_expands_user_and_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    monkeypatch.setenv("X", "y")
    monkeypatch.setenv("BENTOML_HOME", "~/$X")
    assert bentoml_home() == Path("/somewhere/y")
    monkeypatch.delenv("BENTOML_HOME")
    assert bentoml_home() == Path("/somewhere/bentoml")


@pytest.mark.parametrize(("value", "expected"), [("True", True), ("1", True), ("", False), ("no", False)])
def test_debug_variable(monkeypatch: pytest.MonkeyPatch, value: str, expected: bool) -> None:
    monkeypatch.setenv("BENTOML_DEBUG", value)
    assert is_debug() is expected
