"""The controls of the autograd page: preset, program, and a slider or a text box for each leaf."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import streamlit as st

from mlcore.autograd import Leaf, Program, ProgramError, parse, parse_leaf
from mlcore.autograd.backward_options import BackwardOptions
from mlcore.autograd.functions import FUNCTIONS
from mlcore.autograd.inputs import DTYPES, Nested, leaf_text
from mlcore.autograd.links import from_query, is_ours, to_query
from mlcore.autograd.presets import PRESETS
from mlcore.autograd.tokens import MAX_CHARACTERS
from mlcore.ui import page
from mlcore.ui.autograd import ledger_form, seeds

SPAN: Final = 5.0
MAX_SPAN: Final = 1e6
SLIDER_DIGITS: Final = 9
"""Decimals that a slider keeps; values with more are typed."""
_SAVED: Final = "autograd_saved"
_SAID: Final = "autograd_said"


def program_form() -> tuple[Program, Mapping[str, Leaf]] | None:
    """Show the form; None, with an error, while the program or a leaf cannot be read."""
    _seed()
    with st.container(key="autograd_program"):
        program = _program()
    if program is None:
        return None
    with st.container(key="autograd_inputs"):
        leaves = _leaves(program)
    if leaves is None:
        return None
    _share(program, leaves)
    return program, leaves


def _program() -> Program | None:
    for said in st.session_state.pop(_SAID, ()):
        st.warning(page.plain(said), icon=":material/link_off:")
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
        help="One line per step: `name = expression`, for example `loss = (w*x - y)**2`. The "
        "gradient is that of the last line. A name that no line assigns is an input (a *leaf* in "
        "PyTorch's words). You can use + - * / ** @, indexing such as x[0], and the functions "
        + ", ".join(FUNCTIONS)
        + ".",
        on_change=_forget_preset,
    )
    try:
        return parse(text)
    except ProgramError as error:
        show_pointer(error)
        return None


def show_pointer(error: ProgramError) -> None:
    """Show an error's sentence, and the typed line with a caret under the character."""
    page.error(error)
    if error.text_line:
        st.code(error.pointer(), language=None)


def _leaves(program: Program) -> Mapping[str, Leaf] | None:
    for name in program.leaves:
        for key, value in _widgets(name, Leaf(1.0)).items():
            seeds.put_first(key, value)
    leaves: dict[str, Leaf] = {}
    try:
        with st.container(gap="xsmall", key="leaves"):
            st.caption("Inputs (leaf tensors). *grad*: PyTorch computes its gradient.")
            for name in program.leaves:
                leaves[name] = _leaf(name)
    except ProgramError as error:
        show_pointer(error)
        return None
    finally:
        _settings(program)
    return leaves


def _settings(program: Program) -> None:
    with st.popover("Input settings", icon=":material/tune:", key="leaf_settings"):
        for name in program.leaves:
            left, right = st.columns(2, vertical_alignment="bottom")
            left.selectbox(
                f"dtype of {name}",
                DTYPES,
                index=DTYPES.index(seeds.default(f"dtype_{name}", DTYPES[0])),
                key=f"dtype_{name}",
            )
            right.toggle(
                f"type {name}",
                seeds.default(f"listed_{name}", False),
                key=f"listed_{name}",
                help="A text box instead of the slider, for a number of any size such as 1e-6, a "
                "vector [1, 2] or a matrix [[1, 2], [3, 4]].",
                on_change=_listed,
                args=(name,),
            )
        st.number_input(
            "Sliders go from −s to s, with s =",
            1.0,
            MAX_SPAN,
            seeds.default("span", SPAN),
            step=1.0,
            key="span",
            on_change=seeds.keep_number,
            args=("span", SPAN, 1.0, MAX_SPAN),
        )


def _leaf(name: str) -> Leaf:
    listed = seeds.now(f"listed_{name}")
    dtype = seeds.now(f"dtype_{name}")
    with st.container(
        horizontal=True, vertical_alignment="bottom" if listed else "center", key=f"row_{name}"
    ):
        value = _text(name) if listed else _slider(name, whole=dtype == "int64")
        wants = st.checkbox("grad", seeds.default(f"grad_{name}", False), key=f"grad_{name}")
    if isinstance(value, str):
        try:
            return parse_leaf(value, requires_grad=wants, dtype=dtype)
        except ProgramError as error:
            raise error.within(f"the value of {name}") from None
    return Leaf(value, wants, dtype)


def _text(name: str) -> str:
    return st.text_input(name, seeds.default(f"text_{name}", ""), key=f"text_{name}")


def _slider(name: str, *, whole: bool) -> float:
    span, key = float(seeds.now("span")), f"leaf_{name}"
    present = float(seeds.now(key))
    if not math.isfinite(present):
        present = 1.0
        seeds.put(key, present)
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
    return round(float(value), SLIDER_DIGITS)


def _seed() -> None:
    """Fill the widgets on the first run, from the link or from the last visit in this tab."""
    if "program" in st.session_state:
        return
    try:
        linked, said = from_query(st.query_params.to_dict())
    except ProgramError as error:
        linked, said = None, (f"The link cannot be read. {error}",)
    st.session_state[_SAID] = said
    saved = st.session_state.get(_SAVED)
    first = next(iter(PRESETS.values()))
    program, leaves = linked or saved or (first.program, first.leaves)
    _fill(program, leaves)
    preset = seeds.now("preset")
    ledger_form.fill(BackwardOptions() if preset is None else PRESETS[preset].backward_options)


def _fill(program: str, leaves: Mapping[str, Leaf]) -> None:
    seeds.put("program", program)
    _put_preset(program)
    numbers = [
        number
        for given in leaves.values()
        if isinstance(number := given.value, float) and not _typed(number)
    ]
    seeds.put("span", max([SPAN, *(2 * abs(far) for far in numbers if abs(far) > SPAN)]))
    for name, given in leaves.items():
        for key, value in _widgets(name, given).items():
            seeds.put(key, value)


def _widgets(name: str, given: Leaf) -> dict[str, object]:
    typed = _typed(given.value)
    return {
        f"listed_{name}": typed,
        f"leaf_{name}": 1.0 if typed else given.value,
        f"text_{name}": leaf_text(given.value),
        f"grad_{name}": given.requires_grad,
        f"dtype_{name}": given.dtype,
    }


def _typed(value: Nested) -> bool:
    """Whether a value needs a text box: a list, or a number that no slider reaches."""
    return (
        isinstance(value, tuple)
        or abs(value) > MAX_SPAN / 2
        or round(value, SLIDER_DIGITS) != value
    )


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
    """Keep the number when a slider becomes a text box."""
    if st.session_state[f"listed_{name}"]:
        seeds.put(f"text_{name}", leaf_text(round(float(seeds.now(f"leaf_{name}")), SLIDER_DIGITS)))


def _share(program: Program, leaves: Mapping[str, Leaf]) -> None:
    st.session_state[_SAVED] = (program.text, leaves)
    before = {name: v for name, v in st.query_params.to_dict().items() if is_ours(name)}
    after = to_query(program.text, leaves)
    for name in before.keys() - after.keys():
        del st.query_params[name]
    changed = {name: value for name, value in after.items() if before.get(name) != value}
    if changed:  # the parameters of bound widgets, such as the open view, are Streamlit's own
        st.query_params.update(changed)
