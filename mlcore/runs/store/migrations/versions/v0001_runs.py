"""The first tables: runs, their points, artifacts, and the workers."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_LIVE = "status IN ('queued', 'running', 'paused')"
_key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "runs",
        sa.Column("key", _key, primary_key=True, autoincrement=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("experiment", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("config", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("request", sa.Text),
        sa.Column("seed", sa.BigInteger),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("queued", sa.Float),
        sa.Column("started", sa.Float),
        sa.Column("finished", sa.Float),
        sa.Column("elapsed", sa.Float, nullable=False, server_default="0"),
        sa.Column("step", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("done", sa.Float, nullable=False, server_default="0"),
        sa.Column("total", sa.Float, nullable=False, server_default="0"),
        sa.Column("latest", sa.Text, nullable=False, server_default="{}"),
        sa.Column("claim", sa.Text),
        sa.Column("host", sa.Text),
        sa.Column("pid", sa.Integer),
        sa.Column("pid_started", sa.Float),
        sa.Column("heartbeat", sa.Float),
        sa.Column("versions", sa.Text, nullable=False, server_default="{}"),
        sa.Column("error", sa.Text),
        sa.Column("error_type", sa.Text),
        sa.Column("traceback", sa.Text),
        sa.Column("tags", sa.Text, nullable=False, server_default="[]"),
        sa.Column("note", sa.Text, nullable=False, server_default=""),
    )
    op.create_index("runs_by_created", "runs", ["created"])
    op.create_index("runs_by_fingerprint", "runs", ["fingerprint"])
    op.create_index("runs_by_status", "runs", ["status"])
    op.create_index(
        "runs_one_live",
        "runs",
        ["fingerprint"],
        unique=True,
        sqlite_where=sa.text(_LIVE),
        postgresql_where=sa.text(_LIVE),
    )
    op.create_table(
        "metric_names",
        sa.Column("key", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
    )
    op.create_table(
        "points",
        sa.Column("run", _key, sa.ForeignKey("runs.key", ondelete="CASCADE"), primary_key=True),
        sa.Column("name", sa.Integer, sa.ForeignKey("metric_names.key"), primary_key=True),
        sa.Column("step", sa.BigInteger, primary_key=True),
        sa.Column("value", sa.Float),
        sa.Column("time", sa.Float, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "artifacts",
        sa.Column("run", _key, sa.ForeignKey("runs.key", ondelete="CASCADE"), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("step", sa.BigInteger, nullable=False),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
    )
    op.create_table(
        "workers",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("pid_started", sa.Float, nullable=False),
        sa.Column("started", sa.Float, nullable=False),
        sa.Column("heartbeat", sa.Float, nullable=False),
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in ("workers", "artifacts", "points", "metric_names", "runs"):
        op.drop_table(table)
