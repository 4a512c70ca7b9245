"""Names of images: what a user gave, completed and checked, or one made from the service.

The grammar is that of https://github.com/distribution/reference: `[host[:port]/]path[/path...][:tag]`.
"""

from __future__ import annotations

import re

from bentoml.exceptions import InvalidArgument

LONGEST_NAME = 255
LONGEST_TAG = 128

_HOST_PART = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = rf"{_HOST_PART}(?:\.{_HOST_PART})*(?::[0-9]{{1,5}})?"
_PATH_PART = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"(?:{_HOST}/)?{_PATH_PART}(?:/{_PATH_PART})*")
_digest = re.compile(r"sha256:[0-9a-f]{64}").fullmatch
_TAG = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_.-]{{0,{LONGEST_TAG - 1}}}")

_NAME_RULE = (
    "Name components may contain lowercase letters, digits and separators. A separator is defined as a period, one or "
    "two underscores, or one or more dashes."
)
_TAG_RULE = (
    "A tag name must be valid ASCII and may contain lowercase and uppercase letters, digits, underscores, periods and "
    "dashes. A tag name may not start with a period or a dash and may contain a maximum of 128 characters."
)


def image_name(service_name: str, service_version: str, given: str | None = None) -> str:
    """The whole name of the image of a service, with its tag.

    Args:
        service_name: name of the service.
        service_version: its version; the tag, where none is given.
        given: what the user asked for, with or without a tag; None makes the name from that of the service.

    Raises:
        InvalidArgument: `given` is no name of an image.
    """
    if given is None:
        return f"{name_of_service(service_name)}:{tag_of_version(service_version)}"
    name, tag = _split(given)
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise InvalidArgument(f"Provided Docker Image tag {given!r} is invalid. {_NAME_RULE}")
    if tag is not None and not _TAG.fullmatch(tag):
        raise InvalidArgument(f"Provided Docker Image tag {given!r} is invalid. {_TAG_RULE}")
    return f"{name}:{tag_of_version(service_version) if tag is None else tag}"


def pulled_image(service_name: str, service_version: str, given: str) -> str:
    """The whole name of an image that others pull, with its tag, or with `@sha256:` and its digest.

    Raises:
        InvalidArgument: `given` is no name of an image.
    """
    repository, at, digest = given.partition("@")
    if not at:
        return image_name(service_name, service_version, given)
    if not _digest(digest):
        raise InvalidArgument(f"image cannot be {given!r}: after `@` stands sha256: with 64 hexadecimal digits")
    image_name(service_name, service_version, repository)
    return given


def has_registry(name: str) -> bool:
    """Whether the name of an image says in which registry it is."""
    host, slash, _ = name.partition("/")
    return bool(slash) and ("." in host or ":" in host or host == "localhost")


def name_of_service(service_name: str) -> str:
    """A name for the image of a service: lower-case ASCII, with no separator first or last."""
    ascii_name = service_name.lower().encode("ascii", "ignore").decode()
    # Of underscores one or two may stand side by side.
    name = re.sub(r"_{3,}", "__", re.sub(r"[^a-z0-9_]", "", ascii_name)).strip("_")
    return name[:LONGEST_NAME].rstrip("_") or "bento-service"


def tag_of_version(service_version: str) -> str:
    """A tag for a version: characters that no tag has are replaced by `_`; at most 128 are kept."""
    tag = re.sub(r"[^A-Za-z0-9_.-]", "_", service_version).lstrip(".-")
    return tag[:LONGEST_TAG] or "_"


def _split(given: str) -> tuple[str, str | None]:
    """Name and tag; a colon before the last slash belongs to a port."""
    head, slash, last = given.rpartition("/")
    name, colon, tag = last.partition(":")
    return f"{head}{slash}{name}", tag if colon else None
