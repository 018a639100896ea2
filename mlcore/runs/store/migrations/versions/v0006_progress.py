"""Adds the table of solved tasks of the course."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the table, empty."""
    op.create_table(
        "progress",
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("chapter", sa.Text, primary_key=True),
        sa.Column("task", sa.Text, primary_key=True),
        sa.Column("solved", sa.Float, nullable=False),
    )


def downgrade() -> None:
    """Drop the table; solved tasks are lost."""
    op.drop_table("progress")
