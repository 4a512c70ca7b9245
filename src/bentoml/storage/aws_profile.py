"""Profiles in `~/.aws`, as `aws configure` writes them; the library that reaches the stores does not read them.

Keys in `AWS_ACCESS_KEY_ID`, and a web identity, come first, as with the tools of the maker. Else the profile counts
that `AWS_PROFILE` names, or the one called `default`. Keys that stand in the files are read here; for what has to be
asked for, such as roles and single sign-on, boto3 is needed.
"""

from __future__ import annotations

import configparser
import os
from pathlib import Path
from typing import Any

from bentoml._util.optional import is_installed, require
from bentoml.exceptions import BentoMLConfigException, MissingDependencyException

_COMES_FIRST = ("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_SKIP_SIGNATURE")
_KEYS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
# Each says that keys have to be asked for.
_ASKED_FOR = ("role_arn", "sso_session", "sso_start_url", "credential_process", "web_identity_token_file")


def profile_options() -> dict[str, Any]:
    """What a profile says about access to S3, as arguments of the store; empty where no profile counts.

    Raises:
        BentoMLConfigException: there is no such profile, it has no keys, or a file cannot be read.
        MissingDependencyException: its keys have to be asked for, and boto3 is not installed.
    """
    named = os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE")
    if any(os.environ.get(variable) for variable in _COMES_FIRST):
        return {}
    name = named or "default"
    files = [
        _file("AWS_CONFIG_FILE", "config"),
        _file("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
    ]
    config, credentials = (_sections(file) for file in files)
    own = config.get(name if name == "default" else f"profile {name}")
    keys = credentials.get(name)
    if own is None and keys is None:
        if named is None:
            return {}
        raise BentoMLConfigException(
            f"AWS_PROFILE: there is no profile {name!r} in {files[0]} and {files[1]}; name another, or unset it"
        )
    return _options(name, {**(own or {}), **(keys or {})}, is_named=named is not None)


def _options(name: str, profile: dict[str, str], *, is_named: bool) -> dict[str, Any]:
    options: dict[str, Any] = {key: profile[key] for key in _KEYS if profile.get(key)}
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or profile.get("region")
    found = {} if region is None else {"region": region}
    if {"aws_access_key_id", "aws_secret_access_key"} <= options.keys() and not profile.get("role_arn"):
        return {**found, **options}
    asked_for = [key for key in _ASKED_FOR if profile.get(key)]
    if not asked_for:
        if is_named:
            raise BentoMLConfigException(
                f"AWS_PROFILE: the profile {name!r} has no aws_access_key_id and aws_secret_access_key; write them "
                f"with: aws configure --profile {name}"
            )
        return found
    if not is_installed("boto3"):
        raise MissingDependencyException(
            f"boto3 is not installed, and the profile {name!r} of AWS needs it for {asked_for[0]}; run: pip install "
            "boto3, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    session = require("boto3").Session(profile_name=name)
    return {**found, "credential_provider": require("obstore.auth.boto3").Boto3CredentialProvider(session)}


def _file(variable: str, name: str) -> Path:
    return Path(os.environ.get(variable) or f"~/.aws/{name}").expanduser()


def _sections(path: Path) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise BentoMLConfigException(f"{path} cannot be read: {error.strerror}") from error
    except (configparser.Error, UnicodeDecodeError) as error:
        # The text of the error may have a line with a key in it.
        raise BentoMLConfigException(f"{path} is no file of profiles ({type(error).__name__})") from None
    return {section: dict(parser[section]) for section in parser.sections()}
