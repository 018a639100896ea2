"""The tables of the store in SQLAlchemy Core; ``migrations`` creates them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    false,
    text,
    true,
)

from mlcore.runs.status import LIVE

HEAD = "0007"
"""The migration that this code was written for."""

metadata = MetaData()

_LIVE = "status IN (" + ", ".join(f"'{status}'" for status in LIVE) + ")"

# SQLite gives out row ids by itself only for the exact type INTEGER
_key = BigInteger().with_variant(Integer(), "sqlite")

runs = Table(
    "runs",
    metadata,
    Column("key", _key, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("experiment", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("config", Text, nullable=False),  # canonical JSON
    Column("fingerprint", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("request", Text),  # "stop" or "pause", until the worker has answered it
    Column("seed", BigInteger),
    Column("created", Float, nullable=False),  # seconds since 1970, UTC, here and below
    Column("queued", Float),
    Column("started", Float),
    Column("finished", Float),
    Column("elapsed", Float, nullable=False, server_default="0"),  # s of work, pauses left out
    Column("step", BigInteger, nullable=False, server_default="0"),
    Column("done", Float, nullable=False, server_default="0"),
    Column("total", Float, nullable=False, server_default="0"),
    Column("latest", Text, nullable=False, server_default="{}"),  # JSON: last value of each metric
    Column("claim", Text),  # the token of the process that may write to this run
    Column("host", Text),
    Column("pid", Integer),
    Column("pid_started", Float),
    Column("heartbeat", Float),
    Column("versions", Text, nullable=False, server_default="{}"),
    Column("error", Text),
    Column("error_type", Text),
    Column("traceback", Text),
    Column("tags", Text, nullable=False, server_default="[]"),
    Column("note", Text, nullable=False, server_default=""),
    Column("name", Text, nullable=False, server_default=""),
    Column("starred", Boolean, nullable=False, server_default=false()),
    Column("archived", Boolean, nullable=False, server_default=false()),
    Column("deleted", Float),  # when it was put in the trash; NULL: it was not
    # NULL: trained here; "script": logged by a loop; "zip", "tensorboard", …: imported, read-only
    Column("source", Text),
    Column("origin", Text),  # JSON: what is known of where an imported run was made
    Column("edited", Integer, nullable=False, server_default="0"),  # grows with each edit
    # JSON: the data's checksum, the device, threads and processor it ran with
    Column("environment", Text, nullable=False, server_default="{}"),
    Column("ensemble", Text),  # runs of one ensemble may train as one program
    # how often it is queued again by itself when the process that holds it dies
    Column("retries", Integer, nullable=False, server_default="0"),
    Index("runs_by_created", "created"),
    Index("runs_by_fingerprint", "fingerprint"),
    Index("runs_by_status", "status"),
    Index("runs_by_ensemble", "ensemble"),
    # two tabs or two scripts that submit one config share one run
    Index(
        "runs_one_live",
        "fingerprint",
        unique=True,
        sqlite_where=text(_LIVE),
        postgresql_where=text(_LIVE),
    ),
)

metric_names = Table(
    "metric_names",
    metadata,
    Column("key", Integer, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False, unique=True),
)

points = Table(
    "points",
    metadata,
    Column("run", _key, ForeignKey("runs.key", ondelete="CASCADE"), primary_key=True),
    Column("name", Integer, ForeignKey("metric_names.key"), primary_key=True),
    Column("step", BigInteger, primary_key=True),
    Column("value", Float),  # NULL is NaN: SQLite has no NaN of its own
    Column("time", Float, nullable=False),  # s of work since the run's start
    sqlite_with_rowid=False,  # a curve lies in one piece, in order of step
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("run", _key, ForeignKey("runs.key", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("step", BigInteger, nullable=False),
    Column("file", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created", Float, nullable=False),
)

workers = Table(
    "workers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("pid_started", Float, nullable=False),
    Column("started", Float, nullable=False),
    Column("heartbeat", Float, nullable=False),
    Column("slots", Integer),  # runs at once, of a worker that stands for a whole cluster
)

# On a server the files of the runs lie in the database, where every machine finds them. Beside
# a SQLite file they lie in a folder, and this table stays empty.
files = Table(
    "files",
    metadata,
    Column("run", _key, ForeignKey("runs.key", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),  # of the artifact
    Column("content", LargeBinary, nullable=False),
)

sweeps = Table(
    "sweeps",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, server_default=""),
    Column("experiment", Text, nullable=False),
    Column("spec", Text, nullable=False),  # canonical JSON: all but the budget, as it began
    # JSON: [{"from": number of a setting, "space": …}, …], each time the space was changed
    Column("spaces", Text, nullable=False, server_default="[]"),
    Column("status", Text, nullable=False),  # running, stopped, finished or failed
    Column("settings", Integer),  # how many to try; NULL: as many as the time allows
    Column("deadline", Float),  # nothing is started after it; NULL: no limit of time
    Column("asked", Integer, nullable=False, server_default="0"),  # settings chosen so far
    Column("created", Float, nullable=False),
    Column("finished", Float),
    Column("error", Text),
    Index("sweeps_by_status", "status"),
    Index("sweeps_by_created", "created"),
)

sweep_runs = Table(
    "sweep_runs",
    metadata,
    Column("sweep", Text, ForeignKey("sweeps.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),  # of the setting, from 0
    Column("repeat", Integer, primary_key=True),  # of the seed, from 0
    Column("run", _key, ForeignKey("runs.key", ondelete="SET NULL")),  # NULL: refused or deleted
    Column("params", Text, nullable=False),  # JSON: the setting
    Column("attrs", Text, nullable=False, server_default="{}"),  # JSON: the sampler's own notes
    Column("own", Boolean, nullable=False, server_default=true()),  # false: shared or cached
    Column("decisions", Text, nullable=False, server_default="[]"),  # JSON: what rungs decided
    Column("error", Text),  # why the setting was refused
    Index("sweep_runs_by_run", "run"),
)

ensembles = Table(
    "ensembles",
    metadata,
    Column("id", Text, primary_key=True),
    Column("sweep", Text, ForeignKey("sweeps.id", ondelete="CASCADE")),
    Column("shape", Text, nullable=False),  # equal for configs that can train as one program
    Column("members", Integer, nullable=False),
    Column("host", Text),  # where the gain was measured
    Column("gain", Float),  # how many times as fast as one by one
    Column("used", Boolean),  # whether they were trained as one program
    Column("measured", Float),
    Index("ensembles_by_sweep", "sweep"),
    Index("ensembles_by_shape", "shape"),
)

progress = Table(
    "progress",
    metadata,
    Column("person", Text, primary_key=True),  # who solved it; so far one local person
    Column("chapter", Text, primary_key=True),  # of the course, such as "autograd"
    Column("task", Text, primary_key=True),  # its key within the chapter
    Column("solved", Float, nullable=False),  # when, the first time
)

# Each time a test set that was sealed while a run trained was looked at, once a run.
openings = Table(
    "openings",
    metadata,
    Column("run", _key, ForeignKey("runs.key", ondelete="CASCADE"), primary_key=True),
    Column("sweep", Text),  # whose winner the run was; NULL: a single run
    Column("data", Text, nullable=False),  # checksum: runs of one data set share its test set
    Column("person", Text, nullable=False),  # who asked
    Column("opened", Float, nullable=False),
    Column("trials", Integer, nullable=False),  # among how many trials the run had been chosen
    Column("metrics", Text, nullable=False),  # JSON: what was measured
    Index("openings_by_data", "data"),
)
