"""Aliases and the audit log over HTTP."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from bentoml.types import Tag
from bentoml.yatai.audit import AuditQuery
from bentoml.yatai.server import messages
from bentoml.yatai.server.roles import Role
from bentoml.yatai.server.routes import About, Query, Route

if TYPE_CHECKING:
    from bentoml.yatai.server.call import Call

_LAST = (1 << 31) - 1


def list_aliases(call: Call) -> messages.Aliases:
    """The aliases of a name."""
    found = call.registry.list_aliases(call.path("name"))
    return messages.Aliases([messages.Alias(**asdict(alias)) for alias in found])


def list_all_aliases(call: Call) -> messages.Aliases:
    """The aliases of all names that the caller may know."""
    found = [alias for alias in call.registry.list_aliases() if call.principal.covers(alias.name)]
    return messages.Aliases([messages.Alias(**asdict(alias)) for alias in found])


def set_alias(call: Call) -> messages.Alias:
    """Make an alias, or move it."""
    given: messages.AliasTarget = call.body
    return messages.Alias(**asdict(call.registry.set_alias(Tag(call.path("name"), given.version), call.path("alias"))))


def remove_alias(call: Call) -> None:
    """Forget an alias."""
    call.registry.remove_alias(call.path("name"), call.path("alias"))


def alias_history(call: Call) -> messages.AliasHistory:
    """What the aliases of a name, or one of them, stood for."""
    changes = call.registry.alias_history(call.path("name"), call.query["alias"])
    return messages.AliasHistory([messages.AliasChange(**asdict(change)) for change in changes])


def list_audit(call: Call) -> messages.AuditPage:
    """Changes, newest first."""
    query, limit = call.query, call.query["limit"]
    asked = AuditQuery(
        actor=query["actor"],
        action=query["action"],
        resource_type=query["resource_type"],
        resource=query["resource"],
        before_id=query["before"],
        limit=limit + 1,
    )
    found = call.registry.list_audit(asked)
    entries = [messages.AuditEntry(**asdict(entry)) for entry in found[:limit]]
    return messages.AuditPage(entries, entries[-1].id if len(found) > limit > 0 else None)


_ALIASES = "/api/v1/aliases/{name}"

ROUTES = (
    Route(
        "GET",
        "/api/v1/aliases",
        "list_all_aliases",
        "List the aliases of all names.",
        list_all_aliases,
        Role.READ,
        answer=messages.Aliases,
    ),
    Route(
        "GET",
        _ALIASES,
        "list_aliases",
        "List the aliases of a name.",
        list_aliases,
        Role.READ,
        About.NAME,
        answer=messages.Aliases,
    ),
    Route(
        "PUT",
        f"{_ALIASES}/{{alias}}",
        "set_alias",
        "Let an alias stand for a version; one that is there is moved.",
        set_alias,
        Role.WRITE,
        About.NAME,
        body=messages.AliasTarget,
        answer=messages.Alias,
        errors=(404,),
    ),
    Route(
        "DELETE",
        f"{_ALIASES}/{{alias}}",
        "remove_alias",
        "Forget an alias; its history stays.",
        remove_alias,
        Role.WRITE,
        About.NAME,
        status=204,
        errors=(404,),
    ),
    Route(
        "GET",
        "/api/v1/alias-history/{name}",
        "alias_history",
        "Say what aliases stood for, newest first.",
        alias_history,
        Role.READ,
        About.NAME,
        query=(Query("alias", "One of them; all without it.", most=63),),
        answer=messages.AliasHistory,
    ),
    Route(
        "GET",
        "/api/v1/audit",
        "list_audit",
        "List changes, newest first.",
        list_audit,
        Role.ADMIN,
        About.WHOLE,
        query=(
            Query("actor", "Who made them.", most=255),
            Query("action", "What was done, such as `bundle.delete`, or `bundle` for all of these.", most=64),
            Query("resource_type", "Kind of thing, such as `bundle`.", most=32),
            Query("resource", "What it was done to, such as `Name:version`.", most=511),
            Query("before", "Only those with a smaller id.", kind=int, least=1, most=_LAST),
            Query("limit", "Most changes to give.", kind=int, default=100, most=1000),
        ),
        answer=messages.AuditPage,
    ),
)
