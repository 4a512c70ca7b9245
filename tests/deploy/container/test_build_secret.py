"""Secrets are read from what the user names, and their values stand in no command line and no message."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bentoml.deploy.container import BuildSecret, ImageOptions, parse_secret
from bentoml.deploy.container.build_secret import engine_variables, secret_options
from bentoml.exceptions import InvalidArgument

NOT_SECRETS = [
    "",
    "hunter2",
    "TOKEN=hunter2",
    "id=TOKEN",
    "id=TOKEN,env=",
    "id=TOKEN,src=/file,env=HOME",
    "id=TOKEN,env=HOME,env=PATH",
    "id=TOKEN,type=env,env=HOME",
    "id=,env=HOME",
    "id=$(id),env=HOME",
    "id=A\nB,env=HOME",
    "id=TOKEN,env=$(id)",
    "id=TOKEN,env=NOT_SET_ANYWHERE",
    "id=TOKEN,src=/no/such/file",
    "id=TOKEN,src=/tmp",
    "id=TOKEN,src=/no\0file",
    "id=TOKEN,src=" + "x" * 5000,
]


@pytest.mark.parametrize("text", NOT_SECRETS)
def test_parse_secret_refuses_what_is_none_without_repeating_values(text: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse_secret(text)
    assert "hunter2" not in str(caught.value)


def test_secret_options_name_files_one_by_one_and_all_variables_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("hunter2\n")
    monkeypatch.setenv("PIP_CONF", "[global]\n")
    texts = [f"id=A,src={tmp_path}/token", "id=B,env=PIP_CONF", f"id=netrc,source={tmp_path}/token"]
    secrets = [*map(parse_secret, texts), BuildSecret("pip_config", variable="PIP_CONF")]
    assert secret_options(secrets) == (
        f"id=netrc,src={tmp_path}/token",
        "id=pip_config,env=PIP_CONF",
        "id=variables,env=BENTOML_BUILD_VARIABLES",
    )
    assert engine_variables(secrets) == {"BENTOML_BUILD_VARIABLES": "export A=hunter2\nexport B='[global]\n'\n"}
    assert engine_variables(secrets[2:]) == {}


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8")))
def test_engine_variables_are_a_script_that_sets_any_text(value: str) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("SECRET", value)
        script = engine_variables([BuildSecret("TOKEN", variable="SECRET")])["BENTOML_BUILD_VARIABLES"]
    done = subprocess.run(["sh", "-c", f'{script}printf %s "$TOKEN"'], capture_output=True, check=True, timeout=30)
    assert done.stdout == value.encode()


@pytest.mark.parametrize(
    ("content", "text"),
    [(b"a\0b", "has a NUL"), (b"\xff", "no readable text"), (b"x" * 200_000, "more than 127 KiB")],
    ids=["NUL", "bytes", "long"],
)
def test_engine_variables_that_no_environment_can_hold_are_refused(tmp_path: Path, content: bytes, text: str) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(InvalidArgument, match=text):
        engine_variables([BuildSecret("TOKEN", tmp_path / "token")])


def test_options_with_two_secrets_of_one_id_are_refused(tmp_path: Path) -> None:
    (tmp_path / "netrc").touch()
    with pytest.raises(InvalidArgument, match="the secret netrc is given more than once"):
        ImageOptions(netrc=tmp_path / "netrc", secrets=(BuildSecret("netrc", tmp_path / "netrc"),))


@pytest.mark.parametrize("name", ["a,b", 'a"b', "a\nb", "a\u2028b"])
def test_secret_whose_path_an_engine_would_read_otherwise_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(InvalidArgument, match="choose another"):
        BuildSecret("TOKEN", tmp_path / name)
