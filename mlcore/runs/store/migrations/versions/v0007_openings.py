"""Adds the table of openings of a test set that was sealed while runs trained."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the table, empty."""
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "openings",
        sa.Column("run", key, sa.ForeignKey("runs.key", ondelete="CASCADE"), primary_key=True),
        sa.Column("sweep", sa.Text),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("opened", sa.Float, nullable=False),
        sa.Column("trials", sa.Integer, nullable=False),
        sa.Column("metrics", sa.Text, nullable=False),
    )
    op.create_index("openings_by_data", "openings", ["data"])


def downgrade() -> None:
    """Drop the table; what was seen of test sets is lost."""
    op.drop_table("openings")
