"""The configuration file over the defaults, and what is said about a bad one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bentoml.configuration import Config, bentoml_home, fix_config, get_config, is_debug
from bentoml.exceptions import BentoMLConfigException

if TYPE_CHECKING:
    from collections.abc import Callable


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
        ("bento_server: {port: null}", "must be a whole number, not None \\(null\\)"),
        ("bento_server: {port: 0}", "must be from 1 to 65535, not 0"),
        ("bento_server: 5", "'bento_server' must be a mapping"),
        ("[1]", "the file must be a mapping"),
        ("logging: {level: debug}", r"'logging\.level' must be one of CRITICAL"),
        ("logging: {access: {format: xml}}", r"'logging\.access\.format' must be one of text, json, not 'xml'"),
        ("logging: {prediction: {sample_rate: 1.5}}", "must be from 0 to 1, not 1.5"),
        ("logging: {prediction: {sample_rate: .nan}}", "must be a number, not nan"),
        ("logging: {prediction: {sample_rate: true}}", "must be a number, not True"),
        ("logging: {prediction: {max_field_bytes: -1}}", "must be at least 0, not -1"),
        ("logging: {prediction: {redact_headers: cookie}}", "must be a list"),
        ("adapters: {image_input: {default_extensions: [1]}}", "must be a list"),
        ("a: [", "cannot be read"),
        ("a: 1\na: 2", "line 2: the key 'a' is there twice, first in line 1"),
        ("bento_server:\n\tport: 1", "line 2: .*character '\\\\t'"),
        ("bento_server: {port: !!str 1}", "line 1: the tag"),
        ("bento_server: {port: !!python/name:os.system 1}", "line 1: the tag"),
        ("bento_server: &a {port: 1}\nyatai: *a", r"line 2: the alias \*a"),
        ("bento_server: &a {port: [*a]}", r"line 1: the alias \*a"),
        ("bento_server: {port: 1}\n---\nyatai:", "line 2: .*another document"),
        ("[" * 40, "more than 32 levels"),
        ("bento_server: {port: 0b_}", "line 1: a number that cannot be read"),
        ("bento_server: {port: %s}" % ("1" * 5000), "line 1: a number that cannot be read"),
        ("on: 1", "a key must be text, not on; put it into quotes"),
        ("[1]: 1", "a key must be text, not a list or a mapping"),
        ('logging: {level: "\\x07"}', "must be one of CRITICAL"),
        ("\x07", "cannot be read: .*special characters are not allowed"),
        ("#" * 300_000, "more than 256 KiB"),
        ("port: 8080", r"unknown key 'port'; did you mean 'bento_server\.port'"),
        ("bento_serve: {port: 1}", r"unknown key 'bento_serve'; did you mean 'bento_server'"),
        ("yatai_service: {url: x}", "of releases before 0.12: the section 'yatai_service' is now 'yatai'"),
        ("bento_server:\n  workers: 1\n  port: 70000", "line 3: .*from 1 to 65535, not 70000"),
        ("bento_server: {timeout: 0}", "must be more than 0, not 0"),
        ("bento_server: {timeout: .inf}", "must be a number, not inf"),
        ("bento_server: {timeout: .nan}", "must be a number, not nan"),
        ("bento_server: {timeout: %s}" % ("9" * 400), "must be a number"),
        ("bento_server: {timeout: true}", "must be a number, not True"),
        ("yatai: {repository: {type: ftp}}", "must be one of file_system, s3, gcs, azure, not 'ftp'"),
        ("bento_server: {auth: {docs_tokens: hush}}", "must be a list, not text$"),
        ("yatai: {remote: {access_token: [hush]}}", "must be text or null, not a list$"),
        ("bento_server: {port: %s}" % ("x" * 9999), r"not 'x+\.\.\.x+' \(text\)"),
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


def test_config_with_many_faults_says_the_first_and_how_many_more(bentoml_home: Path) -> None:
    write(bentoml_home, "a: 1\nbento_server:\n  port: 0\n  worker: 1\n")
    with pytest.raises(BentoMLConfigException, match=r"line 1: unknown key 'a'.* \(2 more; `bentoml config validate`"):
        get_config()


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "null\n", "{}", "bento_server:\n", "\ufeff# mark\n"])
def test_config_that_says_nothing_is_the_default(bentoml_home: Path, text: str) -> None:
    write(bentoml_home, text)
    assert get_config() == Config()


def test_config_with_a_byte_order_mark_and_windows_line_ends_is_read(bentoml_home: Path) -> None:
    (bentoml_home / "bentoml.yml").write_bytes(b"\xef\xbb\xbfbento_server:\r\n  port: 81\r\n  grace_s: 0.5\r\n")
    assert (get_config().bento_server.port, get_config().bento_server.grace_s) == (81, 0.5)


def test_config_keeps_dates_and_odd_words_as_text(bentoml_home: Path) -> None:
    write(bentoml_home, "logging: {advanced: {config: {since: 2020-01-01, sign: =, merge: <<, no key: [1, 2.5, ~]}}}")
    assert get_config().logging.advanced.config == {
        "since": "2020-01-01",
        "sign": "=",
        "merge": "<<",
        "no key": [1, 2.5, None],
    }


def bytes_of_latin_1(path: Path) -> None:
    path.write_bytes("logging:\n  level: caf\u00e9".encode("latin-1"))


def a_loop_of_links(path: Path) -> None:
    path.symlink_to(path.name)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        pytest.param(bytes_of_latin_1, "line 2: not UTF-8 text", id="not UTF-8"),
        pytest.param(Path.mkdir, "it is a directory", id="a directory"),
        pytest.param(os.mkfifo, "it is no regular file", id="a pipe"),
        pytest.param(a_loop_of_links, "[Ss]ymbolic links", id="a loop of links"),
    ],
)
def test_config_file_that_is_none_is_an_error(bentoml_home: Path, make: Callable[[Path], None], reason: str) -> None:
    path = bentoml_home / "bentoml.yml"
    make(path)
    with pytest.raises(BentoMLConfigException, match=f"Config file {path} cannot be read: .*{reason}"):
        get_config()


def test_config_that_is_fixed_stays_whatever_happens_to_the_file(bentoml_home: Path) -> None:
    write(bentoml_home, "bento_server: {port: 81}")
    fix_config(get_config())
    try:
        write(bentoml_home, "nonsense: 1")
        assert get_config().bento_server.port == 81
    finally:
        fix_config(None)
    with pytest.raises(BentoMLConfigException, match="nonsense"):
        get_config()
