"""What a script changes of its run after it began: config, name, tags and note."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from mlcore.core import InputError, canonical_json
from mlcore.core.fingerprint import fingerprint
from mlcore.runs.logged.fields import LARGEST, fields_of
from mlcore.runs.recorded_run import SCRIPT
from mlcore.runs.store.organize import checked_tags, checked_text


class Changed(NamedTuple):
    """Columns of a run's row that change.

    Attributes:
        columns: By name.
        as_text: A sentence on each value of the config that JSON cannot hold.
    """

    columns: dict[str, Any]
    as_text: list[str]


def own_fingerprint(experiment: str, run_id: str, config: Mapping[str, Any]) -> str:
    """The fingerprint of a logged run: its own, as two loops with one config are two runs."""
    return fingerprint(experiment, 0, dict(config), f"{SCRIPT} {run_id}")


def changed(
    row: Mapping[str, Any],
    *,
    config: Any = None,
    name: str | None = None,
    tags: Iterable[str] | None = None,
    note: str | None = None,
) -> Changed:
    """The columns that a change sets; what is None stays.

    Args:
        row: The run's row as it was.
        config: Settings that are added, or that replace those of the same name; what was within a
            replaced one goes with it.
        name: A new name.
        tags: All tags from now on.
        note: A new note.

    Raises:
        InputError: If the config is too large, or a text is none that every store can hold.
        InputTypeError: If the config is no config, or the tags are no list of texts.
    """
    columns: dict[str, Any] = {}
    as_text: list[str] = []
    if config is not None:
        fields = fields_of(config)
        as_text = fields.as_text
        replaced = {field.partition(".")[0] for field in fields.values}
        before = json.loads(row["config"])
        stay = {k: v for k, v in before.items() if k.partition(".")[0] not in replaced}
        values = stay | fields.values
        columns["config"] = canonical_json(values)
        if len(columns["config"]) > LARGEST:
            raise InputError(f"config has more than {LARGEST:,} characters as JSON. Shorten it.")
        columns["fingerprint"] = own_fingerprint(row["experiment"], row["id"], values)
        seed = values.get("seed")
        if row["seed"] is None and type(seed) is int and abs(seed) < 2**63:
            columns["seed"] = seed
    texts = {"name": checked_text("name", name), "note": checked_text("note", note)}
    columns |= {key: text for key, text in texts.items() if text is not None}
    if tags is not None:
        columns["tags"] = json.dumps(checked_tags(tags), ensure_ascii=False)
    return Changed(columns, as_text)
