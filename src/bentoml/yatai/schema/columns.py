"""What the tables have in common: names of constraints, times, lengths."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

NAME_LENGTH = 255
OWNER_LENGTH = 512
LABEL_LENGTH = 63
DIGEST_LENGTH = 71  # sha256: and 64 hexadecimal digits
ACTOR_LENGTH = 255
HEX_ID_LENGTH = 32

# Names of bundles, sorted by code point in every database.
BENTO_NAME = sa.String(NAME_LENGTH).with_variant(sa.String(NAME_LENGTH, collation="C"), "postgresql")

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


class UtcDateTime(sa.TypeDecorator[datetime]):
    """Aware UTC time in Python, naive UTC with microseconds in the database."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """To the database."""
        return None if value is None else value.astimezone(timezone.utc).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """From the database."""
        return None if value is None else value.replace(tzinfo=timezone.utc)
