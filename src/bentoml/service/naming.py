"""What services, versions, APIs, routes, artifacts and labels may be called."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping

from bentoml.exceptions import InvalidArgument

RESERVED_API_NAMES = frozenset({"index", "swagger", "docs", "healthz", "metrics", "feedback"})

_PLAIN_VERSION = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]")

# Semantic Versioning 2.0.0: numbers carry no leading zeros, build identifiers may.
_NUMBER = r"(?:0|[1-9][0-9]*)"
_PRE_RELEASE_PART = rf"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_BUILD_PART = r"[0-9A-Za-z-]+"
_SEMANTIC_VERSION = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}"
    rf"(?:-{_PRE_RELEASE_PART}(?:\.{_PRE_RELEASE_PART})*)?"
    rf"(?:\+{_BUILD_PART}(?:\.{_BUILD_PART})*)?"
)
_LONGEST_VERSION = 255  # a version is the name of a directory


class ServiceName:
    """The `name` of a service; reads alike on the class and on its instances."""

    def __get__(self, instance: object, owner: type) -> str:
        name: object = getattr(owner, "_bento_service_name", None) or owner.__name__
        return validate_service_name(name)


def validate_service_name(name: object) -> str:
    """Check the name of a service.

    Raises:
        InvalidArgument: it is no Python identifier.
    """
    if not isinstance(name, str) or not name.isidentifier():
        raise InvalidArgument(
            f"Invalid BentoService name {name!r}: it must be a Python identifier (letters, digits and underscores); "
            "set the class attribute `_bento_service_name`"
        )
    return name


def validate_version_str(version_str: str) -> str:
    """Check a version.

    Args:
        version_str: 1 to 128 of `A-Z a-z 0-9 _ . -`, or a semantic version such as `1.2.0-rc.1+build.7`.

    Raises:
        InvalidArgument: it is neither of these, it is `latest` in any case, or it is made of dots alone.
    """
    if not isinstance(version_str, str):
        raise InvalidArgument(f"Invalid BentoService version {version_str!r}: it must be a str")
    if version_str.lower() == "latest":
        raise InvalidArgument('BentoService version can not be "latest": that word stands for the newest version')
    plain = _PLAIN_VERSION.fullmatch(version_str)
    semantic = _SEMANTIC_VERSION.fullmatch(version_str) and len(version_str) <= _LONGEST_VERSION
    if not (plain or semantic) or not version_str.strip("."):
        raise InvalidArgument(
            f"Invalid BentoService version {version_str!r}: use up to 128 letters, digits and `_`, `.`, `-`, "
            "or a semantic version (https://semver.org)"
        )
    return version_str


def generate_version() -> str:
    """A version nobody has used: local time and six random hex digits, `20210315141834_08BDA2`."""
    return time.strftime("%Y%m%d%H%M%S_") + secrets.token_hex(3).upper()


def validate_api_name(name: str) -> str:
    """Check the name of an API.

    Raises:
        InvalidArgument: it is no Python identifier, or the server needs the name itself.
    """
    if not isinstance(name, str) or not name.isidentifier():
        raise InvalidArgument(
            f"Invalid API name: {name!r}, an API name must be a Python identifier (letters, digits and underscores)"
        )
    if name in RESERVED_API_NAMES:
        raise InvalidArgument(f"Reserved API name: {name!r} is used by the server itself, choose another")
    return name


def validate_route(route: str) -> str:
    """Check the URL path of an API and return it without its leading slash.

    Raises:
        InvalidArgument: it is empty, contains `?`, `#` or a control character, starts with `//` or `:`, or the server
            needs it itself.
    """
    if not isinstance(route, str):
        raise InvalidArgument(f"Invalid API route {route!r}: it must be a str")
    path = route.removeprefix("/")
    if not path or path.startswith(("/", ":")):
        raise InvalidArgument(f"Invalid API route {route!r}: it must not be empty or start with `//` or `:`")
    if any(character in "?#" or not character.isprintable() for character in path):
        raise InvalidArgument(f"Invalid API route {route!r}: `?`, `#` and control characters can not be part of a path")
    if path in RESERVED_API_NAMES:
        raise InvalidArgument(f"Reserved API route: {route!r} is used by the server itself, choose another")
    return path


def validate_artifact_name(name: object) -> str:
    """Check the name of an artifact.

    Raises:
        ValueError: it is no Python identifier.
    """
    if not isinstance(name, str) or not name.isidentifier():
        raise ValueError(
            "Artifact name must be a valid python identifier, a string is considered a valid identifier if it only "
            "contains alphanumeric letters (a-z) and (0-9), or underscores (_). A valid identifier cannot start with "
            f"a number, or contain any spaces; got {name!r}."
        )
    return name


def validate_labels(labels: Mapping[str, str] | None) -> dict[str, str]:
    """Check the labels of a bundle or a deployment; None is no labels.

    Raises:
        InvalidArgument: they are no mapping, or a key or value is not 3 to 63 characters, or has other ones than
            letters, digits and, between the first and the last, `-`, `_` and `.`.
    """
    if labels is not None and not isinstance(labels, Mapping):
        raise InvalidArgument(f"Invalid labels {labels!r}: give a dict, such as {{'stage': 'prod'}}")
    for key, value in (labels or {}).items():
        for part, text in (("key", key), ("value", value)):
            if not isinstance(text, str) or not _LABEL.fullmatch(text):
                raise InvalidArgument(
                    f"Invalid label {part} {text!r}: use 3 to 63 letters, digits, `-`, `_` and `.`, "
                    "with a letter or digit first and last"
                )
    return dict(labels or {})
