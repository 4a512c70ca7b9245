"""What bundles consist of: trees, the files of the trees, and uploads that bring them."""

from __future__ import annotations

import sqlalchemy as sa

from bentoml.yatai.schema.columns import (
    ACTOR_LENGTH,
    DIGEST_LENGTH,
    HEX_ID_LENGTH,
    NAME_LENGTH,
    UtcDateTime,
    metadata,
)

# Lists of files; equal bundles share one.
trees = sa.Table(
    "trees",
    metadata,
    sa.Column("digest", sa.String(DIGEST_LENGTH), primary_key=True),
    sa.Column("document", sa.Text, nullable=False),  # canonical JSON, the bytes that the digest is of
    sa.Column("size_bytes", sa.BigInteger, nullable=False),  # of all files, those that are there twice counted twice
    sa.Column("files", sa.Integer, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

# Contents of files, each kept once.
blobs = sa.Table(
    "blobs",
    metadata,
    sa.Column("digest", sa.String(DIGEST_LENGTH), primary_key=True),
    sa.Column("key", sa.String(NAME_LENGTH), nullable=False, unique=True),  # where the bytes are in the store
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Index("ix_blobs_created_at", "created_at"),
)

# Uploads that have begun and are not committed; the files of their trees are kept.
uploads = sa.Table(
    "uploads",
    metadata,
    sa.Column("id", sa.String(HEX_ID_LENGTH), primary_key=True),
    sa.Column("name", sa.String(NAME_LENGTH), nullable=False),
    sa.Column("version", sa.String(NAME_LENGTH), nullable=False),
    sa.Column("tree_digest", sa.String(DIGEST_LENGTH), nullable=False),
    sa.Column("document", sa.JSON, nullable=False),  # {"tree": ..., "labels": ...}
    sa.Column("created_by", sa.String(ACTOR_LENGTH), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Index("ix_uploads_tag", "name", "version", "tree_digest"),
    sa.Index("ix_uploads_expires_at", "expires_at"),
)

# Buckets that belong to this catalog, each with the mark that lies in it.
stores = sa.Table(
    "stores",
    metadata,
    sa.Column("address", sa.String(1024), primary_key=True),
    sa.Column("mark", sa.String(HEX_ID_LENGTH), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)
