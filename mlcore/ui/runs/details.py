"""The details of one run: state, name, tags, note, environment, code."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import streamlit as st

from mlcore.runs import Run
from mlcore.runs.store.run_table import plain
from mlcore.ui import live_data, page, run_parts
from mlcore.ui.draft import as_text
from mlcore.ui.runs import callbacks, media, metric_curves, model_view, system
from mlcore.ui.widget_state import changed_by_user, set_widget

_HEIGHT: Final = 38 + 35 * 10
_MOST_FILES: Final = 20
_MOST_SHOWN: Final = 20_000


def show(run: Run) -> None:
    """Draw everything below the table for one chosen run."""
    run_parts.card(run, key="runs.card", link=True)
    if run.followed:
        live = run.status.live
        st.caption(
            f"`mlcore follow` {'reads' if live else 'read'} this run from the event files in "
            f"{page.plain(_folder(run))}." + " *Stop* ends the reading, not the training." * live
        )
    elif run.imported:
        st.info(
            f"This run was imported ({page.plain(str(run.source))}): it can be read and compared, "
            "not resumed.",
            icon=":material/move_to_inbox:",
        )
    if run.logged and run.status.live:
        st.caption(
            "A script logs this run. *Stop* sets its `run.stop_requested`; when to end is the "
            "script's own decision."
        )
    if live_data.any_metric(run):
        metric_curves.show(run)
    media.show(run)
    words, facts = st.columns(2, gap="medium")
    with words:
        _words(run)
    with facts:
        _code(run)
        _saved(run)
        _changes(run)
        with st.expander("Environment", icon=":material/dns:", key="runs.facts"):
            _facts(run)
    model_view.show(run)
    system.show(run)


def _folder(run: Run) -> str:
    return page.one_line(str(run.origin.get("folder", "")), 200)


def _words(run: Run) -> None:
    """Name, tags and note, saved separately so that two tabs do not undo each other."""
    st.text_input(
        "Name",
        placeholder=run_parts.config_name(run.experiment, run.config_fields),
        key=set_widget(f"runs.words.name.{run.id}", run.name),
        persist_state="session",
        on_change=_write,
        args=(run.id, "name"),
    )
    st.multiselect(
        "Tags",
        list(run.tags),
        accept_new_options=True,
        placeholder="Write a tag and press Enter",
        key=set_widget(f"runs.words.tags.{run.id}", list(run.tags)),
        persist_state="session",
        on_change=_retag,
        args=(run.id, run.tags),
    )
    st.text_area(
        "Note",
        placeholder="What was this run for? What did it show?",
        key=set_widget(f"runs.words.note.{run.id}", run.note),
        persist_state="session",
        on_change=_write,
        args=(run.id, "note"),
    )


def _write(run_id: str, field: str) -> None:
    key = f"runs.words.{field}.{run_id}"
    if changed_by_user(key):
        callbacks.change([run_id], **{field: st.session_state[key]})


def _retag(run_id: str, before: tuple[str, ...]) -> None:
    """Apply the user's change of tags, and leave other tabs' changes alone."""
    key = f"runs.words.tags.{run_id}"
    if changed_by_user(key):
        now: list[str] = st.session_state[key]
        callbacks.change(
            [run_id],
            add_tags=[tag for tag in now if tag not in before],
            remove_tags=[tag for tag in before if tag not in now],
        )


def _code(run: Run) -> None:
    config = run_parts.config_of(run)
    if config is None:
        page.as_code(f'import mlcore\n\nrun = mlcore.get_run("{run.id}")', key="runs.code")
        if not (run.logged or run.followed):
            st.caption(
                "Its experiment or its values are unknown to this version, so there is no config."
            )
        _fields(run)
        return
    page.config_as_code(config, key="runs.code")
    st.caption(f'What is stored of this run: `mlcore.get_run("{run.id}")`')


def _fields(run: Run) -> None:
    """The settings of a run whose config class is not known."""
    if not run.config_fields:
        return
    values = [page.one_line(as_text(plain(value)), 400) for value in run.config_fields.values()]
    st.dataframe(
        {"setting": [page.one_line(name) for name in run.config_fields], "value": values},
        hide_index=True,
        height=min(_HEIGHT, 38 + 35 * len(values)),
        key="runs.fields",
        alt="The settings of this run",
    )


def _saved(run: Run) -> None:
    """A button for each file that the run's script saved."""
    files = run.files()
    if not files:
        return
    with st.expander(f"Files ({len(files):,})", icon=":material/folder:", key="runs.files"):
        for place, (name, size) in enumerate(list(files.items())[:_MOST_FILES]):
            st.download_button(
                f"{page.plain(page.one_line(name, 60))} · {_size(size)}",
                partial(run.file, name),
                file_name=name,
                icon=":material/download:",
                on_click="ignore",
                key=f"runs.files.{run.id}.{place}",
            )
        if len(files) > _MOST_FILES:
            st.caption(
                f"{len(files) - _MOST_FILES:,} more: `mlcore.get_run({run.id!r}).files()` has all."
            )


def _changes(run: Run) -> None:
    """What was not committed, and what was installed, where a script logged the run."""
    if not run.logged:
        return
    part = st.expander(
        "Uncommitted changes and packages",
        icon=":material/difference:",
        on_change="rerun",
        key="runs.changes",
    )
    if not part.open:
        return
    with part:
        if changes := run.diff():
            st.code(changes[:_MOST_SHOWN], language="diff", height=_HEIGHT)
            st.caption(
                f"All of it: `mlcore.get_run({run.id!r}).diff()`. It may hold passwords, so no "
                "export has it."
            )
        else:
            st.caption("No uncommitted changes were found.")
        if installed := run.packages():
            st.code("\n".join(installed), language=None, height=_HEIGHT // 2)


def _size(count: int) -> str:
    return f"{count:,} B" if count < 10_000 else f"{count / 1024:,.0f} KiB"


def _facts(run: Run) -> None:
    moments = {
        "created": run.created,
        "started": run.started,
        "finished": run.finished,
    }
    facts: dict[str, object] = {
        **{name: f"{at:%Y-%m-%d %H:%M:%S} UTC" for name, at in moments.items() if at is not None},
        "seconds of work": f"{run.elapsed:.2f}",
        "host": run.host,
        **_named("", run.environment),
        **_named("version of ", run.versions),
        **_named("origin: ", run.origin),
        "fingerprint": run.fingerprint,
    }
    rows = {name: fact for name, fact in facts.items() if fact not in (None, "")}
    st.dataframe(
        {"fact": list(rows), "value": [page.one_line(str(fact), 400) for fact in rows.values()]},
        hide_index=True,
        height="content",
        key="runs.facts.table",
        alt="Where and when this run was made",
    )


def _named(prefix: str, facts: Mapping[str, Any]) -> dict[str, object]:
    return {f"{prefix}{name}": value for name, value in facts.items()}
