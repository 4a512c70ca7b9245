"""Credentials that would get into an image are found, and never repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bentoml.deploy.container.credentials import addresses_with_credentials, refuse_credentials
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from pathlib import Path

WITH = [
    "--extra-index-url https://ada:hunter2@pypi.example/simple",
    "--index-url=https://hunter2@pypi.example/simple",
    "x @ https://ada:hunter2@h/x.whl",
    "--index-url https://ada:it's-hunter2@h/simple",
    '--index-url https://ada:"hunter2"@h/simple',
    "git+https://hunter2@github.com/a/b.git",
    "git+ssh://git:hunter2@h/x",
    "HTTPS://ada:hunter2@H/",
    "  - https://conda.example/t/hunter2-token/channel",
    "curl https://${NAME}:hunter2@h/",
]
WITHOUT = [
    "--index-url https://pypi.example/simple",
    "git+ssh://git@github.com/a/b.git",
    "https://${NAME}:${PASSWORD}@h/simple",
    "https://${TOKEN}@h/simple",
    "https://h/a@b",
    "https://h/path?x=a:b@c",
    "mail ada@example.com: https://h",
    "numpy==2.0  # see https://h",
    "https://h/t/x",
]


@pytest.mark.parametrize("text", WITH)
def test_addresses_with_credentials_are_found_and_not_repeated(text: str) -> None:
    found = addresses_with_credentials(f"numpy==2.0\n{text}\n")
    assert len(found) == 1
    assert "hunter2" not in found[0]
    assert "ada" not in found[0]


@pytest.mark.parametrize("text", WITHOUT)
def test_addresses_without_credentials_are_left_alone(text: str) -> None:
    assert addresses_with_credentials(text) == []


@pytest.mark.parametrize(
    "name", ["requirements.txt", "environment.yml", "setup.sh", "bentoml.yml", "requirements.lock"]
)
def test_refuse_credentials_of_a_file_names_it_and_what_to_do(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("https://ada:hunter2@h/\n")
    with pytest.raises(InvalidArgument, match=r"(?s)^" + name + ".*--pip-config FILE") as caught:
        refuse_credentials(tmp_path, {})
    assert "hunter2" not in str(caught.value)


def test_refuse_credentials_of_a_build_argument_names_it(tmp_path: Path) -> None:
    refuse_credentials(tmp_path, {"EXTRA_PIP_INSTALL_ARGS": "--index-url https://h/simple"})
    with pytest.raises(InvalidArgument, match="the build argument EXTRA_PIP_INSTALL_ARGS has an address") as caught:
        refuse_credentials(tmp_path, {"EXTRA_PIP_INSTALL_ARGS": "--index-url https://hunter2@h/simple"})
    assert "hunter2" not in str(caught.value)


WORD = st.from_regex(r"[A-Za-z0-9%_.~-]{1,20}", fullmatch=True)


@given(WORD, WORD, st.sampled_from(["https", "http", "git+https", "ftp"]), st.text(max_size=20))
def test_addresses_with_any_password_are_found_in_any_text(user: str, password: str, scheme: str, around: str) -> None:
    # What stands right before an address may be part of its scheme; a blank ends it.
    assert addresses_with_credentials(f"{around} {scheme}://{user}:{password}@host/{around}")


SECRET_NAMES = [
    "TOKEN",
    "API_TOKEN",
    "apiToken",
    "PASSWORD2",
    "db_passwd",
    "AWS_SECRET_ACCESS_KEY",
    "API_KEY",
    "sshKeys",
]


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_refuse_credentials_of_a_build_argument_with_the_name_of_a_secret_says_how_else(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(InvalidArgument, match=f"let the build alone see it: --secret id={name},env={name}") as caught:
        refuse_credentials(tmp_path, {name: "hunter2"})
    assert "hunter2" not in str(caught.value)
    refuse_credentials(tmp_path, {name: ""})


@pytest.mark.parametrize("name", ["TOKENIZER", "KEYBOARD", "UID", "AUTHOR", "CACHE_KEY", "EXTRA_PIP_INSTALL_ARGS"])
def test_refuse_credentials_leaves_other_names_alone(tmp_path: Path, name: str) -> None:
    refuse_credentials(tmp_path, {name: "x"})


TOKENS = [
    "ghp_" + "a1" * 18,
    "github_pat_" + "a1_" * 10,
    "glpat-" + "a1" * 10,
    "pypi-AgE" + "a1" * 20,
    "hf_" + "a1" * 17,
    "AKIA" + "A1" * 8,
    "-----BEGIN OPENSSH PRIVATE KEY-----",
]


@pytest.mark.parametrize("token", TOKENS)
def test_refuse_credentials_knows_tokens_by_how_they_begin(tmp_path: Path, token: str) -> None:
    (tmp_path / "setup.sh").write_text(f"curl -H 'Authorization: Bearer {token}' https://h\n")
    with pytest.raises(
        InvalidArgument, match=r"setup\.sh of the bundle has what looks like a token or a key"
    ) as caught:
        refuse_credentials(tmp_path, {})
    assert token not in str(caught.value)
    with pytest.raises(InvalidArgument, match="the build argument A has what looks like a token"):
        refuse_credentials(tmp_path / "none", {"A": token})
