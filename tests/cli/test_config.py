"""`bentoml config`: one table of what is typed over a file, and what comes out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner, Result

from bentoml.cli.config import COMMANDS
from bentoml.cli.lazy_group import CommandEntry
from bentoml.cli.main import commandline_interface
from bentoml.configuration import get_config
from bentoml.configuration.keys import known_keys
from tests.cli.test_cli_table import like

FILE = """\
# mine
bento_server:
  port: 81  # the old one
yatai: {remote: {access_token: hush}, database: {url: "postgresql://ada:hush@db/x"}}
"""


def run(*argv: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner(env=env).invoke(commandline_interface, ["config", *argv], prog_name="bentoml")


def failed(command: str, text: str) -> str:
    return f"Error: bentoml-cli config {command} failed: {text}\n"


CASES = {
    "no command": ([], 2, "", "Usage: bentoml config [OPTIONS] COMMAND..."),
    "help": (["--help"], 0, "Usage: bentoml config...view ...get ...set ...unset ...validate...", ""),
    "unknown command": (["show"], 2, "", "...No such command 'show'..."),
    "get": (["get", "bento_server.port"], 0, "81\n", ""),
    "get a default": (["get", "bento_server.workers"], 0, "1\n", ""),
    "get null": (["get", "bento_server.grace_s"], 0, "null\n", ""),
    "get a list": (["get", "adapters.image_input.default_extensions"], 0,
                   "[.jpg, .png, .jpeg, .tiff, .webp, .bmp]\n", ""),
    "get JSON": (["get", "bento_server.preload", "-o", "json"], 0, "false\n", ""),
    "get JSON text": (["get", "yatai.namespace", "-o", "json"], 0, '"dev"\n', ""),
    "get YAML": (["get", "yatai.namespace", "-o", "yaml"], 0, "dev\n", ""),
    "get a secret by its name": (["get", "yatai.remote.access_token"], 0, "hush\n", ""),
    "get an unknown key": (["get", "bento_server.prot"], 1, "",
                           failed("get", "unknown key 'bento_server.prot'; did you mean 'bento_server.port'?")),
    "get a section": (["get", "bento_server.swagger"], 1, "",
                      failed("get", "'bento_server.swagger' is a section; its keys: bento_server.swagger.enabled")),
    "get an old name": (["get", "apiserver.default_port"], 0, "81\n",
                        "Note: 'apiserver.default_port' is now 'bento_server.port'\n"),
    "get an old name, quiet": (["get", "apiserver.default_port", "-q"], 0, "81\n", ""),
    "get an old name that is gone": (["get", "core.debug"], 1, "", failed("get", "...BENTOML_DEBUG instead")),
    "get nothing": (["get"], 2, "", "...Missing argument 'KEY'...\n"),
    "set": (["set", "bento_server.port=8080"], 0, "bento_server.port = 8080 in {file}\n", ""),
    "set several": (["set", "bento_server.port=8080", "logging.level=DEBUG"], 0,
                    "bento_server.port = 8080 in {file}\nlogging.level = DEBUG in {file}\n", ""),
    "set an old name": (["set", "yatai_service.url=http://r:3000"], 0, "yatai.remote.url = http://r:3000 in {file}\n",
                        "Note: 'yatai_service.url' is now 'yatai.remote.url'\n"),
    "set a secret": (["set", "yatai.remote.access_token=x"], 0, "yatai.remote.access_token = ****** in {file}\n", ""),
    "set what has an equals sign": (["set", "yatai.database.url=sqlite:///x?a=b"], 0,
                                    "yatai.database.url = sqlite:///x?a=b in {file}\n", ""),
    "set null": (["set", "bento_server.workers=null"], 0, "bento_server.workers = null in {file}\n", ""),
    "set out of range": (["set", "bento_server.port=0"], 1, "",
                         failed("set", "'bento_server.port' must be from 1 to 65535, not 0 (a whole number)")),
    "set a wrong type": (["set", "bento_server.port=many"], 1, "",
                         failed("set", "'bento_server.port' must be a whole number, not 'many' (text)")),
    "set no YAML": (["set", "bento_server.port=["], 1, "",
                    failed("set", "the value of 'bento_server.port' is no YAML: ...")),
    "set an unknown key": (["set", "colour=red"], 1, "", failed("set", "unknown key 'colour'; known keys: ...")),
    "set without a value": (["set", "bento_server.port"], 2, "",
                            "...'bento_server.port' is not of the form KEY=VALUE, such as bento_server.port=8080.\n"),
    "set twice": (["set", "bento_server.port=1", "apiserver.default_port=2"], 2, "", "...given twice.\n"),
    "set nothing": (["set"], 2, "", "...Missing argument 'KEY=VALUE...'...\n"),
    "unset": (["unset", "bento_server.port"], 0, "bento_server.port is no longer in {file}\n", ""),
    "unset what is not there": (["unset", "logging.level"], 1, "",
                                failed("unset", "{file}: 'logging.level' is not there")),
    "validate": (["validate"], 0, "{file}: ok, 3 keys set\n", ""),
    "validate no file": (["validate", "gone.yml"], 1, "", failed("validate", "gone.yml not found")),
    "validate no YAML file": (["validate", "gone.json"], 1, "",
                              failed("validate", "Config file gone.json must end in .yml or .yaml")),
    "view": (["view"], 0, ("KEY ... VALUE ... SOURCE\n...bento_server.port ... 81 ... file\n..."
                           "access_token ... ****** ... file\n...postgresql://ada:******@db/x..."), ""),
    "view changes": (["view", "--changed"], 0,
                     ("KEY                        VALUE                         SOURCE\n"
                     "bento_server.port          81                            file\n"
                     "yatai.remote.access_token  ******                        file\n"
                     "yatai.database.url         postgresql://ada:******@db/x  file\n"), ""),
    "view places": (["view", "--changed", "-o", "wide"], 0, "... PLACE\nbento_server.port ... {file}, line 3\n...", ""),
    "view secrets": (["view", "--show-secrets", "--changed", "-o", "yaml"], 0,
                     ("bento_server:\n  port: 81  # {file}, line 3\nyatai:\n  remote:\n"
                     "    access_token: hush  # {file}, line 4\n  database:\n"
                     "    url: 'postgresql://ada:hush@db/x'  # {file}, line 4\n"), ""),
}  # fmt: skip


@pytest.mark.parametrize(("argv", "status", "stdout", "stderr"), CASES.values(), ids=CASES)
def test_config_when_typed_exits_and_prints(
    bentoml_home: Path, argv: list[str], status: int, stdout: str, stderr: str
) -> None:
    file = bentoml_home / "bentoml.yml"
    file.write_text(FILE)
    result = run(*argv)
    assert result.exit_code == status, result.output
    assert like(stdout.replace("{file}", str(file)), result.stdout), result.stdout
    assert like(stderr.replace("{file}", str(file)), result.stderr), result.stderr


def test_set_changes_the_file_in_force_and_nothing_else_in_it(bentoml_home: Path) -> None:
    file = bentoml_home / "bentoml.yml"
    file.write_text(FILE)
    assert run("set", "bento_server.port=8080", "yatai_service.url=http://r:3000").exit_code == 0
    assert file.read_text() == FILE.replace("81", "8080").replace("hush}", 'hush, url: "http://r:3000"}').replace(
        '"http://r:3000"', "'http://r:3000'"
    )
    assert (get_config().bento_server.port, get_config().yatai.remote.url) == (8080, "http://r:3000")


def test_set_with_a_named_file_makes_that_one(bentoml_home: Path, tmp_path: Path) -> None:
    env = {"BENTOML_CONFIG": str(tmp_path / "mine.yml")}
    assert run("set", "bento_server.port=8080", env=env).exit_code == 0
    assert (tmp_path / "mine.yml").read_text() == "bento_server:\n  port: 8080\n"
    assert list(bentoml_home.iterdir()) == []


def test_set_under_a_variable_says_that_it_wins() -> None:
    result = run("set", "bento_server.port=8080", env={"BENTOML__BENTO_SERVER__PORT": "82"})
    assert result.stderr == "Note: the environment variable BENTOML__BENTO_SERVER__PORT wins over the file\n"
    assert get_config().bento_server.port == 8080


def test_view_as_json_has_every_key_with_its_source(bentoml_home: Path) -> None:
    (bentoml_home / "bentoml.yml").write_text(FILE)
    result = run("view", "-o", "json", env={"BENTOML__BENTO_SERVER__WORKERS": "3"})
    shown: dict[str, Any] = json.loads(result.stdout)
    assert list(shown) == list(known_keys())
    assert shown["bento_server.port"] == {
        "value": 81,
        "source": "file",
        "place": f"{bentoml_home / 'bentoml.yml'}, line 3",
    }
    assert shown["bento_server.workers"] == {
        "value": 3,
        "source": "environment",
        "place": "environment variable BENTOML__BENTO_SERVER__WORKERS",
    }
    assert shown["bento_server.timeout"] == {"value": 60, "source": "default", "place": ""}
    assert "hush" not in result.stdout


def test_view_as_yaml_is_a_file_with_the_same_configuration(bentoml_home: Path, tmp_path: Path) -> None:
    (bentoml_home / "bentoml.yml").write_text(FILE)
    before = get_config()
    (bentoml_home / "bentoml.yml").write_text(run("view", "--show-secrets", "-o", "yaml").stdout)
    assert get_config() == before
    assert run("validate").exit_code == 0
    assert "hush" not in run("view", "-o", "yaml").stdout


@pytest.mark.parametrize("command", [["view"], ["get", "bento_server.port"], ["validate"]], ids=" ".join)
def test_reading_a_broken_configuration_says_why(bentoml_home: Path, command: list[str]) -> None:
    (bentoml_home / "bentoml.yml").write_text("colour: red\n")
    result = run(*command)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "line 1: unknown key 'colour'" in result.stderr


def test_validate_lists_every_fault_of_file_and_environment(bentoml_home: Path) -> None:
    (bentoml_home / "bentoml.yml").write_text("colour: red\nbento_server:\n  port: 0\n")
    result = run("validate", env={"BENTOML__SHAPE": "round"})
    assert result.stderr.splitlines()[0] == "Error: bentoml-cli config validate failed: 3 faults"
    assert [line.partition(": ")[0].rpartition("/")[2] for line in result.stderr.splitlines()[1:]] == [
        "bentoml.yml, line 1",
        "bentoml.yml, line 3",
        "environment variable BENTOML__SHAPE",
    ]


def test_validate_of_a_file_looks_at_that_one_alone(bentoml_home: Path, tmp_path: Path) -> None:
    (bentoml_home / "bentoml.yml").write_text("colour: red\n")
    (tmp_path / "good.yaml").write_text("logging: {level: DEBUG}\n")
    result = run("validate", str(tmp_path / "good.yaml"), env={"BENTOML__SHAPE": "round"})
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 'good.yaml'}: ok, 1 key set\n")


def test_validate_without_a_file_is_fine(bentoml_home: Path) -> None:
    result = run("validate", env={"BENTOML__LOGGING__LEVEL": "DEBUG"})
    assert result.stdout == (f"{bentoml_home / 'bentoml.yml'}: not there, which is fine; environment: ok, 1 key set\n")


def test_a_broken_configuration_is_repaired_by_the_command_line(bentoml_home: Path) -> None:
    file = bentoml_home / "bentoml.yml"
    file.write_text("colour: red\nbento_server:\n  port: 0\n")
    assert run("unset", "colour").exit_code == 0
    assert run("set", "bento_server.port=82").exit_code == 0
    assert yaml.safe_load(file.read_text()) == {"bento_server": {"port": 82}}


def test_no_command_writes_a_log_or_makes_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "home"))
    for command in (["view"], ["get", "bento_server.port"], ["validate"]):
        assert run(*command).exit_code == 0
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("entry", COMMANDS, ids=[entry.name for entry in COMMANDS])
def test_config_command_table_agrees_with_the_command(entry: CommandEntry) -> None:
    command: click.Command = entry.load()
    assert (command.name, command.short_help) == (entry.name, entry.short_help)
