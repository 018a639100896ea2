"""Adds what clusters need: retries of a run, an engine's room, and files in the database."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the columns and the table; existing runs get no automatic retries."""
    op.add_column("runs", sa.Column("retries", sa.Integer, nullable=False, server_default="0"))
    op.add_column("workers", sa.Column("slots", sa.Integer))
    op.create_table(
        "files",
        sa.Column("run", _key, sa.ForeignKey("runs.key", ondelete="CASCADE"), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        # weights do not shrink, and trying to takes longer than writing them
        op.execute("ALTER TABLE files ALTER COLUMN content SET STORAGE EXTERNAL")


def downgrade() -> None:
    """Drop them; on a server the files are lost with the table."""
    op.drop_table("files")
    op.drop_column("workers", "slots")
    op.drop_column("runs", "retries")
