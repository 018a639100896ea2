"""The left column: program, presets, and a slider or a text for each leaf; all of it in the URL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import streamlit as st

from mlcore.autograd import Leaf, Program, ProgramError, parse, parse_leaf
from mlcore.autograd.leaves import DTYPES, leaf_text
from mlcore.autograd.links import from_query, is_ours, to_query
from mlcore.autograd.presets import PRESETS
from mlcore.autograd.switches import Switches
from mlcore.autograd.tokens import MAX_CHARACTERS
from mlcore.ui.autograd import ledger_form

SPAN: Final = 5.0
_SAVED: Final = "autograd_saved"


def program_form() -> tuple[Program, Mapping[str, Leaf]] | None:
    """Show the form; None while the program or a leaf cannot be read, which is then said."""
    _seed()
    st.selectbox(
        "Preset",
        list(PRESETS),
        format_func=lambda key: PRESETS[key].title,
        key="preset",
        index=None,
        placeholder="Your own program",
        on_change=_load_preset,
    )
    text = st.text_area(
        "Program",
        key="program",
        height=104,
        max_chars=MAX_CHARACTERS,
        help="Lines `name = expression`; the gradient is taken of the last. Names that are never "
        "assigned are leaves. Operators + - * / ** @, indexing, and sin cos tan exp log sqrt abs "
        "relu sigmoid tanh softplus softmax log_softmax sum mean max min dot mse.",
        on_change=_forget_preset,
    )
    try:
        program = parse(text)
    except ProgramError as error:
        show_pointer(error)
        return None
    leaves = _leaves(program)
    if leaves is not None:
        _share(program, leaves)
    return None if leaves is None else (program, leaves)


def show_pointer(error: ProgramError) -> None:
    """Show an error's sentence, and the typed line with a caret under the column."""
    st.error(str(error), icon=":material/error:")
    if error.text_line:
        st.code(error.pointer(), language=None)


def _leaves(program: Program) -> Mapping[str, Leaf] | None:
    for name in program.leaves:
        _seed_leaf(name, Leaf(1.0))
    leaves: dict[str, Leaf] = {}
    try:
        with st.container(gap="xsmall", key="leaves"):
            st.caption("Leaves; *grad* is PyTorch's requires_grad")
            for name in program.leaves:
                leaves[name] = _leaf(name)
    except ProgramError as error:
        show_pointer(error)
        return None
    with st.popover("Leaf settings", icon=":material/tune:", key="leaf_settings"):
        for name in program.leaves:
            left, right = st.columns(2, vertical_alignment="bottom")
            left.selectbox(f"dtype of {name}", DTYPES, key=f"dtype_{name}")
            right.toggle(
                "as a list",
                key=f"listed_{name}",
                help="Type a vector [1, 2] or a matrix [[1, 2], [3, 4]] instead of a slider.",
                on_change=_listed,
                args=(name,),
            )
        st.number_input("Sliders reach ±", min_value=1.0, max_value=1e6, key="span")
    return leaves


def _leaf(name: str) -> Leaf:
    listed = st.session_state[f"listed_{name}"]
    dtype = st.session_state[f"dtype_{name}"]
    with st.container(
        horizontal=True, vertical_alignment="bottom" if listed else "center", key=f"row_{name}"
    ):
        value = _text(name) if listed else _slider(name, whole=dtype == "int64")
        wants = st.checkbox("grad", key=f"grad_{name}")
    if isinstance(value, str):
        return parse_leaf(value, requires_grad=wants, dtype=dtype)
    return Leaf(value, wants, dtype)


def _text(name: str) -> str:
    return st.text_input(name, key=f"text_{name}")


def _slider(name: str, *, whole: bool) -> float:
    span = float(st.session_state["span"])
    state = f"leaf_{name}"
    st.session_state[state] = min(span, max(-span, float(st.session_state[state])))
    value = st.slider(name, -span, span, step=1.0 if whole else span / 50, key=state, format="%g")
    return round(float(value), 9)


def _seed() -> None:
    """Fill the widgets on the first run, from the link, else from the last visit in this tab."""
    if "program" in st.session_state:
        return
    try:
        linked = from_query(st.query_params.to_dict())
    except ProgramError as error:
        st.warning(f"The link's leaves cannot be read. {error}")
        linked = None
    saved = st.session_state.get(_SAVED)
    first = next(iter(PRESETS.values()))
    program, leaves = linked or saved or (first.program, first.leaves)
    _fill(program, leaves)
    key = next((k for k, p in PRESETS.items() if p.program == program), None)
    ledger_form.fill(PRESETS[key].switches if key else Switches())


def _fill(program: str, leaves: Mapping[str, Leaf]) -> None:
    state = st.session_state
    state["program"] = program
    state["preset"] = next((k for k, p in PRESETS.items() if p.program == program), None)
    numbers = [given.value for given in leaves.values() if isinstance(given.value, float)]
    state["span"] = max([SPAN, *(2 * abs(number) for number in numbers if abs(number) > SPAN)])
    for name, given in leaves.items():
        for part in ("leaf", "text", "listed", "grad", "dtype"):
            state.pop(f"{part}_{name}", None)
        _seed_leaf(name, given)


def _seed_leaf(name: str, given: Leaf) -> None:
    state = st.session_state
    listed = isinstance(given.value, tuple)
    state.setdefault("span", SPAN)
    state.setdefault(f"listed_{name}", listed)
    state.setdefault(f"leaf_{name}", 1.0 if isinstance(given.value, tuple) else given.value)
    state.setdefault(f"text_{name}", leaf_text(given.value))
    state.setdefault(f"grad_{name}", given.requires_grad)
    state.setdefault(f"dtype_{name}", given.dtype)


def _load_preset() -> None:
    key = st.session_state["preset"]
    if key is not None:
        _fill(PRESETS[key].program, PRESETS[key].leaves)
        ledger_form.fill(PRESETS[key].switches)


def _forget_preset() -> None:
    text = st.session_state["program"]
    st.session_state["preset"] = next((k for k, p in PRESETS.items() if p.program == text), None)


def _listed(name: str) -> None:
    """Keep the number when a slider becomes a text."""
    if st.session_state[f"listed_{name}"]:
        st.session_state[f"text_{name}"] = f"[{st.session_state[f'leaf_{name}']:g}]"


def _share(program: Program, leaves: Mapping[str, Leaf]) -> None:
    st.session_state[_SAVED] = (program.text, leaves)
    before = st.query_params.to_dict()
    others = {name: value for name, value in before.items() if not is_ours(name)}
    after = others | to_query(program.text, leaves)
    if after != before:
        st.query_params.from_dict(after)
