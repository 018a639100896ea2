"""The buttons of a sweep: stop, resume, extend, change ranges, rename, delete."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from mlcore.core import ConfigError, MlcoreError
from mlcore.runs import open_store
from mlcore.sweeps import Conditional, Range, Sweep, get_sweep, parse_range, verdict
from mlcore.ui.common import clicks
from mlcore.ui.sweeps import selection


def show(sweep: Sweep) -> None:
    """Draw the buttons that fit the sweep's state, outside of the polled part."""
    clicks.show_refusal()
    with st.container(horizontal=True, vertical_alignment="center", key="sweeps.actions"):
        if sweep.running:
            st.button(
                "Stop",
                icon=":material/stop:",
                help="Stops the runs and saves their state; Resume continues them.",
                key="sweeps.stop",
                on_click=_ask,
                args=(sweep.id, "stop"),
            )
        elif sweep.status == "stopped":
            st.button(
                "Resume",
                icon=":material/play_arrow:",
                key="sweeps.resume",
                on_click=_ask,
                args=(sweep.id, "resume"),
            )
        if not sweep.running and sweep.config.sealed() and sweep.best is not None:
            st.button(
                "Examine the winner on the test set",
                icon=":material/lock_open:",
                disabled=verdict.opening(sweep) is not None,
                help="Opens the sealed test set once, for the run of the best trial. It is "
                "written down when, by whom, and after how many trials. "
                + verdict.which_run(sweep),
                key="sweeps.examine",
                on_click=_examine,
                args=(sweep.id,),
            )
        if sweep.status != "failed":
            with st.popover("Extend", icon=":material/add:", key="sweeps.extend"):
                _extend(sweep)
            with st.popover("Change ranges", icon=":material/swap_horiz:", key="sweeps.ranges"):
                _ranges(sweep)
        with st.popover(
            "", icon=":material/more_horiz:", help="Rename or delete", key=f"sweeps.more.{sweep.id}"
        ):
            _more_rarely(sweep)


def _more_rarely(sweep: Sweep) -> None:
    name = st.text_input("Name", sweep.name, max_chars=200, key=f"sweeps.name.{sweep.id}")
    st.button("Rename", key="sweeps.rename", on_click=_rename, args=(sweep.id, name))
    st.button(
        "Delete",
        icon=":material/delete:",
        disabled=sweep.running,
        help="Stop it first."
        if sweep.running
        else "Removes the sweep from this list. Its runs stay; if you start an equal sweep later, "
        "it reuses their results.",
        key="sweeps.delete",
        on_click=_delete,
        args=(sweep.id,),
    )


def _examine(sweep_id: str) -> None:
    clicks.attempt(get_sweep(sweep_id, open_store()).examine_winner)


def _rename(sweep_id: str, name: str) -> None:
    clicks.attempt(get_sweep(sweep_id, open_store()).rename, name)


def _delete(sweep_id: str) -> None:
    if clicks.attempt(get_sweep(sweep_id, open_store()).delete):
        selection.forget()


def _ask(sweep_id: str, what: str) -> None:
    sweep = get_sweep(sweep_id, open_store())
    clicks.attempt(sweep.stop if what == "stop" else sweep.resume)


def _extend(sweep: Sweep) -> None:
    by_time = sweep.settings is None
    if by_time:
        more: float = st.number_input(
            "More minutes", 0.1, 10_000.0, 2.0, key="sweeps.extend.minutes"
        )
    else:
        more = st.number_input("More trials", 1, 100_000, 8, key="sweeps.extend.settings")
        if sweep.sampler == "grid":
            st.caption("A grid ends with its last combination; change a range to add more.")
    st.button(
        "Run more",
        type="primary",
        key="sweeps.extend.go",
        on_click=_more,
        args=(sweep.id, more, by_time),
    )


def _more(sweep_id: str, more: float, by_time: bool) -> None:
    sweep = get_sweep(sweep_id, open_store())
    if by_time:
        clicks.attempt(sweep.extend, minutes=float(more))
    else:
        clicks.attempt(sweep.extend, int(more))


def _ranges(sweep: Sweep) -> None:
    specs = {spec.name: spec for spec in sweep.config.specs()}
    st.caption(
        "Trials so far stay and still count; new ones come from these ranges. `log:0.001:1`, "
        "`lin:0:0.9`, `int:1:9` or values such as `0.1, 0.3`."
    )
    typed = {
        name: st.text_input(
            specs[name].label, swept.text(), key=f"sweeps.ranges.{sweep.id}.{name}.{swept.text()}"
        )
        for name, swept in sweep.space.ranges.items()
    }
    st.button(
        "Use these ranges from now on",
        type="primary",
        key="sweeps.ranges.go",
        on_click=_change,
        args=(sweep.id, typed),
    )


def _change(sweep_id: str, typed: Mapping[str, str]) -> None:
    clicks.attempt(change_ranges, sweep_id, typed)


def change_ranges(sweep_id: str, typed: Mapping[str, str]) -> None:
    """Set a sweep's ranges from text; conditions given by the user stay.

    Raises:
        ConfigError: If one is no range, or does not fit its field.
    """
    sweep = get_sweep(sweep_id, open_store())
    specs = {spec.name: spec for spec in sweep.config.specs()}
    space: dict[str, Range | Conditional] = {}
    problems: dict[str, str] = {}
    for name, text in typed.items():
        try:
            found = parse_range(text, specs[name])
        except MlcoreError as error:
            problems[name] = str(error)
            continue
        condition = sweep.space.conditions.get(name)
        space[name] = found if condition is None else Conditional(found, *condition)
    if problems:
        raise ConfigError(problems)
    sweep.change_space(space)


def narrow_button(sweep: Sweep, ranges: Mapping[str, str]) -> None:
    """A button that limits the search to the marked ranges.

    Args:
        sweep: The sweep.
        ranges: Text of the range of each marked field.
    """
    words = " · ".join(
        f"{spec.label} `{ranges[spec.name]}`"
        for spec in sweep.config.specs()
        if spec.name in ranges
    )
    whole = {name: swept.text() for name, swept in sweep.space.ranges.items()} | dict(ranges)
    with st.container(horizontal=True, vertical_alignment="center", key="sweeps.narrow"):
        changed = st.button(
            "Search only there from now on",
            icon=":material/zoom_in:",
            key="sweeps.narrow.go",
            on_click=_change,
            args=(sweep.id, whole),
            help="Changes the sweep's ranges to the marked ones; trials so far stay and still "
            "count.",
        )
        st.caption(words)
    if changed:
        st.rerun()  # the ranges stand outside of what is polled as well
