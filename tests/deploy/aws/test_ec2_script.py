"""What instances run when they start; stand-ins for the programs of Amazon Linux write down how they are called."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from bentoml.deploy.aws.ec2_options import Ec2Options
from bentoml.deploy.aws.ec2_script import head, script

IMAGE = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/dev-iris@sha256:{'0' * 64}"
ENV = {"PLAIN": "1", "ODD": "${HOME} $(date) 'a' \"b\"\n c \\", "BENTOML__LOGGING__LEVEL": "DEBUG"}
STAND_IN = """#!/bin/bash
{ printf '%s' "${0##*/}"; printf '|%s' "$@"; printf '\\0'; } >>"$RECORD"
case "${0##*/} $1" in
  "aws ecr") echo password ;;
  "docker login") printf 'stdin|%s\\0' "$(cat)" >>"$RECORD" ;;
esac
case "${0##*/} $1" in
  "$FAIL"*) exit 7 ;;
  "$FAIL_ONCE"*) [ -e "$RECORD.failed" ] || { touch "$RECORD.failed"; exit 7; } ;;
esac
"""
PROGRAMS = ("aws", "cfn-signal", "curl", "dnf", "docker", "rm", "sleep", "systemctl")


def whole(image: str = IMAGE) -> str:
    values = {"AWS::StackName": "dev-iris", "AWS::Region": "eu-west-1", "Log": "/ec2/dev-iris", "Image": image}
    first = "".join(each if isinstance(each, str) else values[each["Ref"]] for each in head("Group"))
    return first + script(Ec2Options("eu-west-1", env=ENV))


def run(directory: Path, text: str, **variables: str) -> tuple[int, list[list[str]]]:
    """Run the script; its exit code, and the programs that it has called with their arguments."""
    programs = directory / "programs"
    programs.mkdir()
    for name in PROGRAMS:
        (programs / name).write_text(STAND_IN)
        (programs / name).chmod(0o755)
    record = directory / "record"
    env: Mapping[str, str] = {
        "FAIL": "nothing", "FAIL_ONCE": "nothing", **variables,
        "RECORD": str(record), "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    done = subprocess.run(["bash"], input=text, env=env, capture_output=True, text=True, check=False)
    return done.returncode, [line.split("|") for line in record.read_text().split("\0") if line]


def test_script_is_one_that_bash_takes() -> None:
    subprocess.run(["bash", "-n"], input=whole(), text=True, check=True)


@pytest.mark.environment("aws")
def test_script_has_nothing_that_shellcheck_warns_of() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "shellcheck", "--severity=warning", "-"],
        input=whole(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_script_pulls_and_runs_the_image_and_says_that_it_went_well(tmp_path: Path) -> None:
    code, called = run(tmp_path, whole())
    assert code == 0
    names = [" ".join(words[:2]) for words in called]
    assert [name for name in names if name.startswith("docker")] == [
        "docker login", "docker pull", "docker rm", "docker run",
    ]  # fmt: skip
    assert ["aws", "ecr", "get-login-password", "--region", "eu-west-1"] in called
    assert ["stdin", "password"] in called
    (started,) = [words for words in called if words[:2] == ["docker", "run"]]
    assert started[-1] == IMAGE
    assert "--read-only" in started
    assert started[started.index("--publish") + 1] == "5000:5000"
    assert started[started.index("--restart") + 1] == "always"
    assert started[started.index("--stop-timeout") + 1] == "70"
    values = [started[at + 1] for at, word in enumerate(started) if word == "--env"]
    assert values == ["BENTOML_PORT=5000", *(f"{name}={value}" for name, value in ENV.items())]
    assert called[-1] == [
        "cfn-signal", "--exit-code", "0", "--stack", "dev-iris", "--resource", "Group", "--region", "eu-west-1",
    ]  # fmt: skip
    # Old instances go at this word, so the load balancer has to have seen the new one: it looks twice.
    assert called[-2] == ["sleep", "25"]
    (asked,) = [words for words in called if words[0] == "curl"]
    assert asked[-1] == "http://127.0.0.1:5000/readyz"


def test_script_tries_again_what_has_failed_once(tmp_path: Path) -> None:
    code, called = run(tmp_path, whole(), FAIL_ONCE="docker pull")
    assert code == 0
    assert sum(words[:2] == ["docker", "pull"] for words in called) == 2


@pytest.mark.parametrize("step", ["dnf install", "systemctl enable", "docker login", "docker pull", "docker run"])
def test_script_when_a_step_fails_says_so_and_goes_no_further(tmp_path: Path, step: str) -> None:
    code, called = run(tmp_path, whole(), FAIL=step)
    assert code == 7
    assert called[-1][:3] == ["cfn-signal", "--exit-code", "7"]
    assert " ".join(called[-2][:2]) in {step, "stdin password"}
    assert not any(words[0] == "curl" for words in called)


def test_script_with_an_image_of_elsewhere_logs_in_nowhere(tmp_path: Path) -> None:
    code, called = run(tmp_path, whole("docker.io/team/iris:1"))
    assert code == 0
    assert not any(words[0] == "aws" or words[:2] == ["docker", "login"] for words in called)
