"""What the options of a deployment on Kubernetes must be like; a cluster says it later, and less clearly."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Iterable

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?")
_POWERS = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    "k": Decimal(1000),
    **{unit: Decimal(1000) ** power for power, unit in enumerate("MGTPE", 2)},
    **{unit: Decimal(1024) ** power for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)},
}
_is_subdomain = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*").fullmatch
_is_host = re.compile(r"(\*\.)?(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*").fullmatch
_is_label_value = re.compile(r"(?=.{0,63}$)([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?").fullmatch
_is_label_name = re.compile(r"(?=.{1,63}$)[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?").fullmatch


def amount(what: str, text: str) -> Decimal:
    """The number that a quantity such as `500m` or `2Gi` means.

    Raises:
        InvalidArgument: it is none, or 0.
    """
    found = _QUANTITY.fullmatch(text)
    number = Decimal(found[1]) * _POWERS[found[2] or ""] if found else Decimal(0)
    if number <= 0:
        raise InvalidArgument(f"{what} cannot be {text!r}: write a quantity more than 0, such as 500m, 2 or 1Gi")
    return number


def check_pair(what: str, request: str | None, limit: str | None) -> None:
    """Refuse a request over its limit.

    Raises:
        InvalidArgument: it is, or one of them is no quantity.
    """
    asked = None if request is None else amount(f"{what}_request", request)
    most = None if limit is None else amount(f"{what}_limit", limit)
    if asked is not None and most is not None and asked > most:
        raise InvalidArgument(f"{what}_request {request} is more than {what}_limit {limit}")


def check_names(what: str, names: Iterable[str | None]) -> None:
    """Refuse what cannot be the name of an object of a cluster; None is unset.

    Raises:
        InvalidArgument: one cannot.
    """
    for name in names:
        if name is not None and not _is_subdomain(name):
            raise InvalidArgument(f"{what} cannot be {name!r}: use small letters, digits, `-` and `.`")


def check_host(host: str | None) -> None:
    """Refuse what is no name of a host.

    Raises:
        InvalidArgument: it is none.
    """
    if host is not None and not _is_host(host):
        raise InvalidArgument(f"host cannot be {host!r}: write a name such as iris.example.com, in small letters")


def check_label(what: str, key: str, value: str) -> None:
    """Refuse what cannot be a label of an object or a node.

    Raises:
        InvalidArgument: it cannot.
    """
    prefix, slash, name = key.rpartition("/")
    if not _is_label_name(name) or (slash and not _is_subdomain(prefix)) or not _is_label_value(value):
        raise InvalidArgument(f"{what} cannot be {key}={value!r}: both are texts as labels of nodes have them")


def read_toleration(text: str) -> dict[str, str]:
    """A toleration out of `KEY=VALUE:EFFECT` or `KEY:EFFECT`; an effect may be left out for all.

    Raises:
        InvalidArgument: it is none.
    """
    pair, _, effect = text.partition(":")
    key, equals, value = pair.partition("=")
    check_label("tolerations", key, value)
    if effect and effect not in EFFECTS:
        raise InvalidArgument(f"tolerations: the effect of {text!r} must be one of {', '.join(EFFECTS)}")
    toleration = {"key": key, "operator": "Equal", "value": value} if equals else {"key": key, "operator": "Exists"}
    return {**toleration, "effect": effect} if effect else toleration
