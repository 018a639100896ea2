"""Whether a sweep asks its sampler for several trials at once, to train them as one program."""

from __future__ import annotations

from sqlalchemy import select

from mlcore.core import Config
from mlcore.runs.store.ensemble_grouping import shape_name
from mlcore.runs.store.schema import ensembles
from mlcore.runs.store.store import Store

ASKED_TOGETHER = 8
"""Settings that a sampler is asked for at once where they can train as one program."""


def worthwhile(store: Store, config: Config) -> bool:
    """Whether an ensemble of this config's shape may be faster: not known to be slower."""
    shape = shape_name(config)
    if shape is None:
        return False
    with store.reading() as connection:
        query = select(ensembles.c.used).where(
            ensembles.c.shape == shape, ensembles.c.used.is_not(None)
        )
        found = connection.execute(query.order_by(ensembles.c.measured.desc()).limit(1))
        last = found.scalar_one_or_none()
    return last is not False
