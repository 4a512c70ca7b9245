"""Which records a query means, in which order, and the texts that a search looks at.

A page is found in two steps: the ids, for which an index is enough however far the page is, then the rows.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bentoml.types import Tag
from bentoml.yatai.label_rows import BENTO, label_clause
from bentoml.yatai.models import SortBy, UploadState
from bentoml.yatai.schema import bento_texts, bentos

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from typing import Any

    from sqlalchemy.engine import Connection

    from bentoml.yatai.registry import BentoQuery

EVERY_NAME = "*"


def page(connection: Connection, query: BentoQuery) -> list[sa.Row[Any]]:
    """The DONE rows that match, cut to the page of the query, in its order."""
    statement = sa.select(bentos.c.id).where(*_visible(connection, query)).order_by(*_order(query)).offset(query.offset)
    if query.limit is not None:
        statement = statement.limit(query.limit)
    ids = connection.execute(statement).scalars().all()
    rows: dict[int, sa.Row[Any]] = {}
    for start in range(0, len(ids), 500):  # below the number of parameters that any SQLite takes
        some = sa.select(bentos).where(bentos.c.id.in_(ids[start : start + 500]))
        rows.update((row.id, row) for row in connection.execute(some))
    return [rows[found] for found in ids]


def count(connection: Connection, query: BentoQuery) -> int:
    """How many DONE rows match, whatever the page."""
    statement = sa.select(sa.func.count()).select_from(bentos).where(*_visible(connection, query))
    return connection.execute(statement).scalar_one()


def tags(connection: Connection, query: BentoQuery) -> list[Tag]:
    """Tags of all rows that match, DONE or not, in the order of the query."""
    statement = sa.select(bentos.c.name, bentos.c.version).where(*_matching(connection, query))
    return [Tag(name, version) for name, version in connection.execute(statement.order_by(*_order(query)))]


def replace_text(connection: Connection, bento_id: int, tag: str, labels: Mapping[str, str]) -> None:
    """Write down what a search finds a bundle by."""
    text = "\n".join([tag, *(f"{key}={value}" for key, value in sorted(labels.items()))]).lower()
    changed = connection.execute(sa.update(bento_texts).where(bento_texts.c.bento_id == bento_id).values(text=text))
    if changed.rowcount == 0:
        connection.execute(sa.insert(bento_texts).values(bento_id=bento_id, text=text))


def _visible(connection: Connection, query: BentoQuery) -> list[sa.ColumnElement[bool]]:
    return [*_matching(connection, query), bentos.c.upload_status == UploadState.DONE.name]


def _matching(connection: Connection, query: BentoQuery) -> list[sa.ColumnElement[bool]]:
    clauses: list[sa.ColumnElement[bool]] = [bentos.c.deleted == (sa.true() if query.deleted else sa.false())]
    if query.deleted:
        clauses.append(bentos.c.purged == sa.false())
    if query.name is not None:
        clauses.append(bentos.c.name == query.name)
    dialect = connection.dialect.name
    clauses += pattern_clauses((query.name_patterns, *query.also_patterns), bentos.c.name, dialect)
    terms = query.search.lower().split()
    if terms:
        found = sa.select(sa.literal(1)).where(bento_texts.c.bento_id == bentos.c.id)
        clauses.append(found.where(*(bento_texts.c.text.contains(term, autoescape=True) for term in terms)).exists())
    clauses += [label_clause(condition, BENTO, bentos.c.id, dialect) for condition in query.conditions]
    return clauses


def pattern_clauses(
    groups: Iterable[Collection[str]], name: sa.ColumnElement[str], dialect: str
) -> list[sa.ColumnElement[bool]]:
    """That a name matches, of each group, a pattern in which `*` stands for any characters; capital letters count."""
    return [
        sa.or_(sa.false(), *(_like_pattern(pattern, name, dialect) for pattern in patterns))
        for patterns in groups
        if EVERY_NAME not in patterns
    ]


def _like_pattern(pattern: str, name: sa.ColumnElement[str], dialect: str) -> sa.ColumnElement[bool]:
    if dialect == "sqlite":  # whose LIKE takes a capital letter for a small one
        return name.op("GLOB")(re.sub(r"([?\[])", r"[\1]", pattern))
    escaped = re.sub(r"([%_/])", r"/\1", pattern).replace("*", "%")
    return name.like(escaped, escape="/")


def _order(query: BentoQuery) -> tuple[sa.ColumnElement[Any], ...]:
    """What the rows are sorted by; rows that are equal in it come in the order of their ids."""
    if query.sort_by is SortBy.NAME:
        name = bentos.c.name.asc() if query.ascending else bentos.c.name.desc()
        return name, bentos.c.created_at.desc(), bentos.c.id.desc()
    if query.ascending:
        return bentos.c.created_at.asc(), bentos.c.id.asc()
    return bentos.c.created_at.desc(), bentos.c.id.desc()
