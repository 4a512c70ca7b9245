"""Profiles of AWS: which one counts, what is read, and what is said where that is no use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bentoml.exceptions import BentoMLConfigException, MissingDependencyException
from bentoml.storage import aws_profile
from bentoml.storage.aws_profile import profile_options

CONFIG = """
[default]
region = eu-west-1
[profile team]
region = eu-central-1
aws_access_key_id = IN-CONFIG
aws_secret_access_key = of-config
[profile role]
role_arn = arn:aws:iam::1:role/x
source_profile = team
[profile login]
sso_session = company
[profile empty]
output = json
"""
CREDENTIALS = """
[default]
aws_access_key_id = DEFAULT
aws_secret_access_key = of-default
[team]
aws_access_key_id = TEAM
aws_secret_access_key = of=team%x
aws_session_token = token
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with both files, and no variable that counts."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    directory = tmp_path / ".aws"
    directory.mkdir()
    (directory / "config").write_text(CONFIG, encoding="utf-8")
    (directory / "credentials").write_text(CREDENTIALS, encoding="utf-8")
    return directory


TEAM = {
    "aws_access_key_id": "TEAM",
    "aws_secret_access_key": "of=team%x",
    "aws_session_token": "token",
    "region": "eu-central-1",
}


def test_profile_called_default_counts_by_itself() -> None:
    assert profile_options() == {
        "aws_access_key_id": "DEFAULT",
        "aws_secret_access_key": "of-default",
        "region": "eu-west-1",
    }


def test_named_profile_counts_and_the_file_of_credentials_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "team")
    assert profile_options() == TEAM
    monkeypatch.setenv("AWS_REGION", "us-east-2")
    assert profile_options() == {**TEAM, "region": "us-east-2"}


def test_files_may_lie_elsewhere(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, variable in (("config", "AWS_CONFIG_FILE"), ("credentials", "AWS_SHARED_CREDENTIALS_FILE")):
        monkeypatch.setenv(variable, str((home / name).rename(tmp_path / name)))
    monkeypatch.setenv("AWS_PROFILE", "team")
    assert profile_options() == TEAM


@pytest.mark.parametrize("variable", ["AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_SKIP_SIGNATURE"])
def test_what_the_environment_says_comes_before_profiles(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "true")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert profile_options() == {}


def test_without_files_no_profile_counts(home: Path) -> None:
    for path in home.iterdir():
        path.unlink()
    assert profile_options() == {}


@pytest.mark.parametrize("name", ["role", "login"])
def test_keys_that_have_to_be_asked_for_need_boto3(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(aws_profile, "is_installed", lambda _: False)
    monkeypatch.setenv("AWS_PROFILE", name)
    with pytest.raises(MissingDependencyException, match=rf"profile '{name}' of AWS needs it for .*pip install boto3"):
        profile_options()


@pytest.mark.parametrize(
    ("name", "text"),
    [("nobody", "there is no profile 'nobody' in .*credentials"), ("empty", "'empty' has no aws_access_key_id")],
)
def test_profile_that_is_no_use_is_said(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv("AWS_PROFILE", name)
    with pytest.raises(BentoMLConfigException, match=text):
        profile_options()


def test_file_that_is_none_is_said_without_what_is_in_it(home: Path) -> None:
    (home / "credentials").write_text("aws_secret_access_key = geheim\n", encoding="utf-8")
    with pytest.raises(BentoMLConfigException, match=r"credentials is no file of profiles") as caught:
        profile_options()
    assert "geheim" not in str(caught.value)
    assert caught.value.__cause__ is None
