"""Adds sweeps, their members, and ensembles of runs that train as one program."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables; existing runs belong to no sweep and no ensemble."""
    op.create_table(
        "sweeps",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, server_default=""),
        sa.Column("experiment", sa.Text, nullable=False),
        sa.Column("spec", sa.Text, nullable=False),
        sa.Column("spaces", sa.Text, nullable=False, server_default="[]"),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("settings", sa.Integer),
        sa.Column("deadline", sa.Float),
        sa.Column("asked", sa.Integer, nullable=False, server_default="0"),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("finished", sa.Float),
        sa.Column("error", sa.Text),
    )
    op.create_index("sweeps_by_status", "sweeps", ["status"])
    op.create_index("sweeps_by_created", "sweeps", ["created"])
    op.create_table(
        "sweep_runs",
        sa.Column(
            "sweep", sa.Text, sa.ForeignKey("sweeps.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("repeat", sa.Integer, primary_key=True),
        sa.Column("run", _key, sa.ForeignKey("runs.key", ondelete="SET NULL")),
        sa.Column("params", sa.Text, nullable=False),
        sa.Column("attrs", sa.Text, nullable=False, server_default="{}"),
        sa.Column("own", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("decisions", sa.Text, nullable=False, server_default="[]"),
        sa.Column("error", sa.Text),
    )
    op.create_index("sweep_runs_by_run", "sweep_runs", ["run"])
    op.create_table(
        "populations",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("sweep", sa.Text, sa.ForeignKey("sweeps.id", ondelete="CASCADE")),
        sa.Column("shape", sa.Text, nullable=False),
        sa.Column("members", sa.Integer, nullable=False),
        sa.Column("host", sa.Text),
        sa.Column("gain", sa.Float),
        sa.Column("used", sa.Boolean),
        sa.Column("measured", sa.Float),
    )
    op.create_index("populations_by_sweep", "populations", ["sweep"])
    op.create_index("populations_by_shape", "populations", ["shape"])
    op.add_column("runs", sa.Column("population", sa.Text))
    op.create_index("runs_by_population", "runs", ["population"])


def downgrade() -> None:
    """Drop the tables."""
    op.drop_index("runs_by_population", "runs")
    op.drop_column("runs", "population")
    for table in ("populations", "sweep_runs", "sweeps"):
        op.drop_table(table)
