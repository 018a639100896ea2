"""Renames columns to the terms in use: environment and ensemble."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_INDEXES = ("runs_by_population", "populations_by_sweep", "populations_by_shape")


def upgrade() -> None:
    """Rename two columns, one table and their indexes; every value stays."""
    for name in _INDEXES:
        op.drop_index(name)
    op.alter_column("runs", "surroundings", new_column_name="environment")
    op.alter_column("runs", "population", new_column_name="ensemble", existing_type=sa.Text)
    op.rename_table("populations", "ensembles")
    op.create_index("runs_by_ensemble", "runs", ["ensemble"])
    op.create_index("ensembles_by_sweep", "ensembles", ["sweep"])
    op.create_index("ensembles_by_shape", "ensembles", ["shape"])


def downgrade() -> None:
    """Restore the old names."""
    for name in ("runs_by_ensemble", "ensembles_by_sweep", "ensembles_by_shape"):
        op.drop_index(name)
    op.rename_table("ensembles", "populations")
    op.alter_column("runs", "ensemble", new_column_name="population", existing_type=sa.Text)
    op.alter_column("runs", "environment", new_column_name="surroundings")
    op.create_index("runs_by_population", "runs", ["population"])
    op.create_index("populations_by_sweep", "populations", ["sweep"])
    op.create_index("populations_by_shape", "populations", ["shape"])
