"""The ledger of ``.grad``: options of ``backward()``, its table, and PyTorch's exceptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

import streamlit as st

from mlcore.autograd import Leaf, Program
from mlcore.autograd.as_pytorch import as_pytorch
from mlcore.autograd.backward_options import MAX_CALLS, BackwardOptions, mended
from mlcore.autograd.explain import Failure
from mlcore.autograd.export import value_text
from mlcore.autograd.ledger import ledger
from mlcore.course.autograd import State
from mlcore.ui import page, tasks
from mlcore.ui.autograd import seeds


def fill(backward_options: BackwardOptions) -> None:
    """Set the widgets to these options; call it before they are drawn."""
    for field in fields(BackwardOptions):
        seeds.put(f"ledger_{field.name}", getattr(backward_options, field.name))


def ledger_view(program: Program, leaves: Mapping[str, Leaf]) -> None:
    """The options, the table of what each call added, and an exception with its remedy."""
    st.markdown(
        "Each call of `backward()` **adds** to `.grad`. Choose what happens between the calls and "
        "see what each call adds."
    )
    backward_options = _switches(program, leaves)
    found = ledger(program, leaves, backward_options)
    if found.failure:
        failure_view(found.failure)
        mend = mended(backward_options, found.failure)
        if mend != backward_options:
            st.button(
                "Fix it", key="ledger_mend", icon=":material/build:", on_click=fill, args=(mend,)
            )
    rows = [
        {
            "call": f"{entry.call}. {entry.what}",
            "tensor": entry.tensor,
            ".grad before": value_text(entry.before),
            "added": value_text(entry.added),
            ".grad after": value_text(entry.after),
            ".grad if zeroed first": value_text(entry.if_zeroed),
        }
        for entry in found.entries
    ]
    if rows:
        st.dataframe(
            rows,
            hide_index=True,
            key="ledger_table",
            alt="What each call of backward() added to the .grad of each tensor",
        )
    with st.expander("These calls as PyTorch lines", key="ledger_lines"):
        st.code(as_pytorch(program, leaves, backward_options=backward_options), language="python")
    tasks.look("autograd", State(ledger=found))


def failure_view(failure: Failure, *, expected: bool = False) -> None:
    """PyTorch's exception in its own words, its meaning, and what to do."""
    show = st.warning if expected else st.error
    show(
        f"`{failure.during}` raised **{failure.kind}**\n\n> "
        + page.plain(" ".join(failure.message.split())),
        icon=":material/bolt:",
    )
    st.markdown(f"**What it means.** {page.plain(failure.meaning.meaning)}")
    st.markdown(f"**What to do.** {page.plain(failure.meaning.mend)}")


def _switches(program: Program, leaves: Mapping[str, Leaf]) -> BackwardOptions:
    results = [name for name, _ in program.names if name != program.output_name]
    wanted = [name for name, given in leaves.items() if given.requires_grad]
    options = {
        "detach": ["", *leaves, *results],
        "retain_grad": ["", *results, program.output_name],
        "edit": ["", *leaves, *results, program.output_name],
        "then_by": ["", *wanted],
    }
    for name, allowed in options.items():
        if seeds.now(f"ledger_{name}") not in allowed:
            seeds.put(f"ledger_{name}", "")
    toggles = {
        "zero_grad": "Set every .grad to None before each call",
        "forward_again": "Run the program again before each call, as a training loop does",
        "retain_graph": "Keep the saved tensors, so that backward() can be called again",
        "create_graph": "Record the backward pass too, so that .grad can be differentiated",
        "no_grad": "Run the program under torch.no_grad(): nothing is recorded",
        "edit_no_grad": "Make the in-place edit (see *edit*) under torch.no_grad()",
    }
    labels = {"forward_again": "forward again", "edit_no_grad": "edit under no_grad"}
    columns = st.columns(3)
    chosen: dict[str, object] = {}
    for i, (name, text) in enumerate(toggles.items()):
        chosen[name] = columns[i % 3].toggle(
            labels.get(name, name),
            seeds.default(f"ledger_{name}", False),
            key=f"ledger_{name}",
            help=text,
        )
    first, *others = st.columns(5)
    numbers = list(range(1, MAX_CALLS + 1))
    chosen["calls"] = first.selectbox(
        "calls",
        numbers,
        index=numbers.index(seeds.default("ledger_calls", 1)),
        key="ledger_calls",
        help="How many times backward() is called",
    )
    texts = {
        "detach": ("detach", "Use this tensor as name.detach(): no gradient flows back through it"),
        "retain_grad": (
            "retain_grad",
            "Keep this result's .grad; otherwise only leaves keep theirs",
        ),
        "edit": ("edit", "Add 1 to this tensor in place before each backward()"),
        "then_by": ("2nd call", "The second call is g.backward() with g = this .grad"),
    }
    for column, (name, (label, text)) in zip(others, texts.items(), strict=True):
        chosen[name] = column.selectbox(
            label,
            options[name],
            index=options[name].index(seeds.default(f"ledger_{name}", "")),
            key=f"ledger_{name}",
            help=text,
            format_func=lambda option: option or "none",
        )
    return BackwardOptions(**chosen)  # type: ignore[arg-type]  # the widgets' types are those of the fields
