"""The left column: program, presets, and a slider or a text for each leaf; all of it in the URL."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import streamlit as st

from mlcore.autograd import Leaf, Program, ProgramError, parse, parse_leaf
from mlcore.autograd.backward_options import BackwardOptions
from mlcore.autograd.inputs import DTYPES, leaf_text
from mlcore.autograd.links import from_query, is_ours, to_query
from mlcore.autograd.presets import PRESETS
from mlcore.autograd.tokens import MAX_CHARACTERS
from mlcore.ui.autograd import ledger_form, seeds

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
        index=_index(seeds.default("preset", None)),
        placeholder="Your own program",
        on_change=_load_preset,
    )
    text = st.text_area(
        "Program",
        seeds.default("program", ""),
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
        for key, value in _widgets(name, Leaf(1.0)).items():
            seeds.put_first(key, value)
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
            left.selectbox(
                f"dtype of {name}",
                DTYPES,
                index=DTYPES.index(seeds.default(f"dtype_{name}", DTYPES[0])),
                key=f"dtype_{name}",
            )
            right.toggle(
                "as a list",
                seeds.default(f"listed_{name}", False),
                key=f"listed_{name}",
                help="Type a vector [1, 2] or a matrix [[1, 2], [3, 4]] instead of a slider.",
                on_change=_listed,
                args=(name,),
            )
        st.number_input(
            "Sliders reach ±", 1.0, 1e6, seeds.default("span", SPAN), step=1.0, key="span"
        )
    return leaves


def _leaf(name: str) -> Leaf:
    listed = seeds.now(f"listed_{name}")
    dtype = seeds.now(f"dtype_{name}")
    with st.container(
        horizontal=True, vertical_alignment="bottom" if listed else "center", key=f"row_{name}"
    ):
        value = _text(name) if listed else _slider(name, whole=dtype == "int64")
        wants = st.checkbox("grad", seeds.default(f"grad_{name}", False), key=f"grad_{name}")
    if isinstance(value, str):
        return parse_leaf(value, requires_grad=wants, dtype=dtype)
    return Leaf(value, wants, dtype)


def _text(name: str) -> str:
    return st.text_input(name, seeds.default(f"text_{name}", ""), key=f"text_{name}")


def _slider(name: str, *, whole: bool) -> float:
    span, key = float(seeds.now("span")), f"leaf_{name}"
    present = float(seeds.now(key))
    if abs(present) > span:
        seeds.put(key, math.copysign(span, present))
    value = st.slider(
        name,
        -span,
        span,
        seeds.default(key, None),
        step=1.0 if whole else span / 50,
        key=key,
        format="%g",
    )
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
    preset = seeds.now("preset")
    ledger_form.fill(BackwardOptions() if preset is None else PRESETS[preset].backward_options)


def _fill(program: str, leaves: Mapping[str, Leaf]) -> None:
    seeds.put("program", program)
    _put_preset(program)
    numbers = [given.value for given in leaves.values() if isinstance(given.value, float)]
    seeds.put("span", max([SPAN, *(2 * abs(number) for number in numbers if abs(number) > SPAN)]))
    for name, given in leaves.items():
        for key, value in _widgets(name, given).items():
            seeds.put(key, value)


def _widgets(name: str, given: Leaf) -> dict[str, object]:
    listed = isinstance(given.value, tuple)
    return {
        f"listed_{name}": listed,
        f"leaf_{name}": 1.0 if listed else given.value,
        f"text_{name}": leaf_text(given.value),
        f"grad_{name}": given.requires_grad,
        f"dtype_{name}": given.dtype,
    }


def _put_preset(program: str) -> None:
    seeds.put("preset", next((k for k, p in PRESETS.items() if p.program == program), None))


def _index(preset: str | None) -> int | None:
    return None if preset is None else list(PRESETS).index(preset)


def _load_preset() -> None:
    key = st.session_state["preset"]
    if key is not None:
        _fill(PRESETS[key].program, PRESETS[key].leaves)
        ledger_form.fill(PRESETS[key].backward_options)


def _forget_preset() -> None:
    _put_preset(st.session_state["program"])


def _listed(name: str) -> None:
    """Keep the number when a slider becomes a text."""
    if st.session_state[f"listed_{name}"]:
        seeds.put(f"text_{name}", f"[{seeds.now(f'leaf_{name}'):g}]")


def _share(program: Program, leaves: Mapping[str, Leaf]) -> None:
    st.session_state[_SAVED] = (program.text, leaves)
    before = {name: v for name, v in st.query_params.to_dict().items() if is_ours(name)}
    after = to_query(program.text, leaves)
    for name in before.keys() - after.keys():
        del st.query_params[name]
    changed = {name: value for name, value in after.items() if before.get(name) != value}
    if changed:  # the parameters of bound widgets, such as the open view, are Streamlit's own
        st.query_params.update(changed)
