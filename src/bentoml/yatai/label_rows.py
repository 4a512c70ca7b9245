"""Labels in the database: stored, read and turned into conditions on their resource. Every query names the type."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bentoml.yatai.labels import LabelOperator
from bentoml.yatai.schema import labels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.engine import Connection

    from bentoml.yatai.labels import LabelCondition

BENTO = "bento"
DEPLOYMENT = "deployment"


def replace_labels(connection: Connection, resource_type: str, resource_id: int, values: Mapping[str, str]) -> None:
    """Make `values` the whole set of labels of a resource."""
    connection.execute(
        sa.delete(labels).where(labels.c.resource_type == resource_type, labels.c.resource_id == resource_id)
    )
    if values:
        rows = [
            {"resource_type": resource_type, "resource_id": resource_id, "key": key, "value": value}
            for key, value in values.items()
        ]
        connection.execute(sa.insert(labels), rows)


def read_labels(
    connection: Connection, resource_type: str, resource_ids: Sequence[int]
) -> Mapping[int, Mapping[str, str]]:
    """Labels by resource id, each set sorted by key; a resource without labels has an empty set."""
    found: dict[int, dict[str, str]] = defaultdict(dict)
    for start in range(0, len(resource_ids), 500):  # below the number of parameters that any SQLite takes
        statement = (
            sa.select(labels.c.resource_id, labels.c.key, labels.c.value)
            .where(labels.c.resource_type == resource_type, labels.c.resource_id.in_(resource_ids[start : start + 500]))
            .order_by(labels.c.key)
        )
        for resource_id, key, value in connection.execute(statement):
            found[resource_id][key] = value
    return found


def label_clause(
    condition: LabelCondition, resource_type: str, resource_id: sa.ColumnElement[int], dialect: str
) -> sa.ColumnElement[bool]:
    """The SQL condition on `resource_id` that a label condition stands for.

    The negative operators hold for every resource without a matching label, also for one with no label at all.
    """
    with_label = sa.select(labels.c.resource_id).where(
        labels.c.resource_type == resource_type, labels.c.key == condition.key
    )
    if condition.operator in {LabelOperator.IN, LabelOperator.NOT_IN}:
        with_label = with_label.where(labels.c.value.in_(condition.values))
    if condition.operator in {LabelOperator.IN, LabelOperator.EXISTS}:
        return resource_id.in_(with_label)
    if dialect == "sqlite":  # makes the list once, and would look into the labels of each resource for `NOT EXISTS`
        return resource_id.not_in(with_label)
    # PostgreSQL joins for it, and would read the whole list for each resource where that does not fit into memory.
    return ~with_label.where(labels.c.resource_id == resource_id).exists()
