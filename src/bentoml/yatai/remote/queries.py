"""Which bundles and deployments are asked for, as parameters of an address, and one page after the other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from bentoml.yatai.labels import LabelOperator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bentoml.yatai.deployment_models import DeploymentQuery
    from bentoml.yatai.labels import LabelCondition
    from bentoml.yatai.registry import BentoQuery

Found = TypeVar("Found")
Query = TypeVar("Query", "BentoQuery", "DeploymentQuery")

MOST_AT_ONCE = 1000
"""What a server gives at most for one request."""
_WRITTEN = {
    LabelOperator.IN: "In",
    LabelOperator.NOT_IN: "NotIn",
    LabelOperator.EXISTS: "Exists",
    LabelOperator.DOES_NOT_EXIST: "DoesNotExist",
}


def query_of(query: BentoQuery) -> dict[str, Any]:
    """The parameters that say which bundles match, in which order; without those of the page."""
    return {
        **_shared(query),
        "name": query.name,
        "deleted": query.deleted,
    }


def deployment_query_of(query: DeploymentQuery) -> dict[str, Any]:
    """The same for deployments."""
    return {
        **_shared(query),
        "namespace": query.namespace,
        "operator": None if query.operator is None else query.operator.name,
        "states": ",".join(state.name for state in query.states) or None,
        "bento_name": query.bento_name,
        "bento_version": query.bento_version,
    }


def gathered(query: Query, ask: Callable[[Query], tuple[Sequence[Found], bool]]) -> list[Found]:
    """All that a query is about; where there are thousands, they are asked for one page after the other.

    Args:
        query: its limit may be None.
        ask: gives what matches a query with a limit, and whether there is more.
    """
    found: list[Found] = []
    while query.limit is None or len(found) < query.limit:
        left = MOST_AT_ONCE if query.limit is None else query.limit - len(found)
        some, is_more = ask(replace(query, offset=query.offset + len(found), limit=min(left, MOST_AT_ONCE)))
        found += some
        if not (is_more and some):
            break
    return found


def _shared(query: BentoQuery | DeploymentQuery) -> dict[str, Any]:
    return {
        "patterns": _patterns([query.name_patterns, *query.also_patterns]),
        "search": query.search or None,
        "labels": _labels(query.conditions),
        "order_by": query.sort_by.name.lower(),
        "ascending": query.ascending,
    }


def _patterns(groups: Sequence[Sequence[str]]) -> str | None:
    # No name has a comma or a semicolon, so a pattern with one matches none.
    some = [[pattern for pattern in group if not {",", ";"} & set(pattern)] for group in groups if "*" not in group]
    return ";".join(",".join(group) for group in some) if some else None


def _labels(conditions: Sequence[LabelCondition]) -> str | None:
    return ", ".join(_label(condition) for condition in conditions) or None


def _label(condition: LabelCondition) -> str:
    values = f" ({', '.join(condition.values)})" if condition.values else ""
    return f"{condition.key} {_WRITTEN[condition.operator]}{values}"
