"""Adds name, star, archive and trash, the source of imported runs, and where a run ran."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_TEXTS = {"name": "", "surroundings": "{}"}
_MARKS = ("starred", "archived")


def upgrade() -> None:
    """Add the columns; existing runs get empty values."""
    for name, empty in _TEXTS.items():
        op.add_column("runs", sa.Column(name, sa.Text, nullable=False, server_default=empty))
    for name in _MARKS:
        op.add_column(
            "runs", sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())
        )
    op.add_column("runs", sa.Column("deleted", sa.Float))
    op.add_column("runs", sa.Column("source", sa.Text))
    op.add_column("runs", sa.Column("origin", sa.Text))
    op.add_column("runs", sa.Column("edited", sa.Integer, nullable=False, server_default="0"))


def downgrade() -> None:
    """Drop the columns."""
    for name in (*_TEXTS, *_MARKS, "deleted", "source", "origin", "edited"):
        op.drop_column("runs", name)
