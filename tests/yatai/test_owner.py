from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

from bentoml.yatai.owner import Owner

TELL_TOKEN = "from bentoml.yatai.owner import Owner; print(Owner.current().token, flush=True); input()"


def test_owner_when_current_is_alive_and_survives_its_token() -> None:
    owner = Owner.current()
    assert owner.is_alive() is True
    assert Owner.parse(owner.token) == owner


def test_owner_when_host_name_has_dots_survives_its_token() -> None:
    owner = dataclasses.replace(Owner.current(), host="node-1.cluster.example")
    assert Owner.parse(owner.token) == owner


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c.d", "1.2.3"])
def test_parse_when_text_is_no_token_gives_none(token: str) -> None:
    assert Owner.parse(token) is None


def test_is_alive_when_process_was_killed_turns_false() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", TELL_TOKEN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        owner = Owner.parse(process.stdout.readline().strip())
        assert owner is not None
        assert owner.pid == process.pid
        assert owner.is_alive() is True
        process.kill()
    assert owner.is_alive() is False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="start times come from /proc")
def test_is_alive_when_pid_was_given_to_another_process_is_false() -> None:
    assert dataclasses.replace(Owner.current(), started="1").is_alive() is False


@pytest.mark.parametrize("change", [{"host": "elsewhere"}, {"boot": "another"}], ids=["other-host", "other-boot"])
def test_is_alive_when_process_cannot_be_seen_is_unknown(change: dict[str, str]) -> None:
    assert dataclasses.replace(Owner.current(), **change).is_alive() is None  # type: ignore[arg-type]  # both are text
