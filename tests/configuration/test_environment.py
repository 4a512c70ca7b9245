"""Keys in environment variables: over the file, read as YAML, and never ignored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bentoml.configuration import Config, get_config
from bentoml.configuration.environment import key_of, variable_of
from bentoml.configuration.keys import known_keys
from bentoml.exceptions import BentoMLConfigException


def value_in(config: Config, name: str) -> Any:
    value: Any = config
    for part in name.split("."):
        value = getattr(value, part)
    return value


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("bento_server.port", "8080", 8080),
        ("bento_server.port", " 8080\n", 8080),
        ("bento_server.workers", "null", None),
        ("bento_server.workers", "", None),
        ("bento_server.grace_s", "0.5", 0.5),
        ("bento_server.preload", "true", True),
        ("bento_server.cors.access_control_allow_methods", "[GET, POST]", ["GET", "POST"]),
        ("bento_server.cors.access_control_allow_methods", "GET, POST", "GET, POST"),
        ("adapters.image_input.default_extensions", "[.png]", [".png"]),
        ("logging.advanced.config", "{version: 1}", {"version": 1}),
        ("yatai.remote.url", "http://user:p#ss@host:3000/x", "http://user:p#ss@host:3000/x"),
        ("yatai.remote.access_token", "12345", "12345"),
        ("yatai.remote.access_token", "true", "true"),
        ("yatai.remote.access_token", "*a: [b", "*a: [b"),
        ("yatai.remote.access_token", "[a]", "[a]"),
        ("yatai.remote.access_token", "'null'", "null"),
        ("yatai.remote.access_token", '"a\\nb"', "a\nb"),
        ("yatai.remote.access_token", "'tis", "'tis"),
        ("yatai.remote.access_token", "~", None),
        ("yatai.namespace", "null", "null"),
        ("tracing.type", "OTLP", "OTLP"),
    ],
)
def test_variable_of_a_key_sets_it(monkeypatch: pytest.MonkeyPatch, name: str, text: str, expected: Any) -> None:
    monkeypatch.setenv(variable_of(name), text)
    value = value_in(get_config(), name)
    assert (value, type(value)) == (expected, type(expected))


def test_variable_wins_over_the_file_for_its_key_alone(bentoml_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (bentoml_home / "bentoml.yml").write_text("bento_server: {port: 81, workers: 3}")
    assert get_config().bento_server.port == 81
    monkeypatch.setenv("BENTOML__BENTO_SERVER__PORT", "82")
    assert (get_config().bento_server.port, get_config().bento_server.workers) == (82, 3)
    monkeypatch.delenv("BENTOML__BENTO_SERVER__PORT")
    assert get_config().bento_server.port == 81


def test_variable_in_small_letters_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("bentoml__bento_server__Port", "82")
    assert get_config().bento_server.port == 82
    monkeypatch.setenv("BENTOML__BENTO_SERVER__PORT", "83")
    with pytest.raises(BentoMLConfigException, match=r"also set by BENTOML__BENTO_SERVER__PORT; unset one of them"):
        get_config()


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("BENTO_SERVER__PORT", "x", r"'bento_server\.port' must be a whole number, not 'x' \(text\)"),
        ("BENTO_SERVER__PORT", "", r"'bento_server\.port' must be a whole number, not None \(null\)"),
        ("BENTO_SERVER__PORT", "70000", "from 1 to 65535, not 70000"),
        ("BENTO_SERVER__PORT", "[", "the value of 'bento_server.port' is no YAML: "),
        ("BENTO_SERVER__PORT", "*x", "the alias"),
        ("BENTO_SERVER__PORT", "!!int 5", "the tag"),
        ("BENTO_SERVER__PROT", "1", r"no key 'bento_server\.prot'; did you mean BENTOML__BENTO_SERVER__PORT\?"),
        ("PORT", "1", r"no key 'port'; did you mean BENTOML__BENTO_SERVER__PORT\?"),
        ("COLOUR", "1", "no key 'colour' .names that begin with BENTOML__ are kept .*unset it"),
        ("", "1", "no key ''"),
        ("BENTO_SERVER", "{port: 1}", "is a section; set its keys one by one, such as BENTOML__BENTO_SERVER__PORT"),
        ("BENTO_SERVER_PORT", "1", "did you mean BENTOML__BENTO_SERVER__PORT"),
        ("APISERVER__DEFAULT_PORT", "1", "before 0.12: .* so the variable is BENTOML__BENTO_SERVER__PORT"),
        ("CORE__DEBUG", "1", "set the environment variable BENTOML_DEBUG instead"),
        ("YATAI__REPOSITORY__TYPE", "ftp", "must be one of file_system, s3, gcs"),
        ("ADAPTERS__IMAGE_INPUT__DEFAULT_EXTENSIONS", ".png,.jpg", "must be a list, not '.png,.jpg'"),
    ],
)
def test_variable_with_a_fault_names_it(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, message: str
) -> None:
    monkeypatch.setenv(f"BENTOML__{variable}", text)
    with pytest.raises(BentoMLConfigException, match=f"environment variable BENTOML__{variable}: .*{message}"):
        get_config()


def test_every_key_has_a_variable_of_its_own() -> None:
    assert {key_of(variable_of(name)) for name in known_keys()} == set(known_keys())
