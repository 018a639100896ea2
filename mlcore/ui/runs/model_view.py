"""The network of a run: its layers with shapes, parameters and costs, folded away."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import streamlit as st

from mlcore.core import MODEL_PREFIX, Config, MlcoreError
from mlcore.experiments import config_class
from mlcore.runs import Run, open_store
from mlcore.runs.store.artifacts import WEIGHTS
from mlcore.ui import navigation, page, run_parts, trained_models
from mlcore.ui.common.torch_threads import one_thread

if TYPE_CHECKING:
    import pandas as pd

_HEIGHT: Final = 38 + 35 * 20
"""Pixels of twenty rows."""
_PAGES: Final = (
    ("draw", "Draw a digit for it", ":material/draw:"),
    ("inside", "Look inside", ":material/biotech:"),
)
"""Pages for networks that are given images: their names, words and icons."""
_LAYERS, _GRAPH = "Layers", "Autograd graph"
_NUMBERS: Final = (
    ("Parameters", "Parameters", 80),
    ("Multiply-adds", "Mult.-adds", 80),
    ("Act. bytes", "Act. bytes", 75),
)
"""Columns of numbers: what they hold, their heading, and their width in pixels.

Together with the others they are as wide as the page is beside the table of runs.
"""


def show(run: Run) -> None:
    """Draw the expander, if the run's network is known or its weights are saved."""
    config = run_parts.config_of(run)
    built = config is not None and type(config).build_model is not Config.build_model
    saved = None if built else _saved(run)
    if not built and saved is None:
        return
    with st.expander(
        "Model", icon=":material/account_tree:", on_change="rerun", key="runs.model"
    ) as part:
        if not part.open:
            return
        if config is not None and built:
            _network(run, config)
        elif saved is not None:
            _tensors(run, saved)


def _saved(run: Run) -> str | None:
    """The checksum of the weights that a script saved, or None."""
    if not run.logged:
        return None
    return next((row.sha256 for row in run.artifacts.kept() if row.name == WEIGHTS), None)


def _network(run: Run, config: Config) -> None:
    if type(config).example_input is Config.example_input:
        st.info(
            f"To see its layers here, `{type(config).__name__}` needs a method `example_input` "
            "that returns what its network takes."
        )
        return
    chosen = st.segmented_control(
        "Show",
        [_LAYERS, _GRAPH],
        default=_LAYERS,
        required=True,
        help="Layers: shapes, parameters and costs. Autograd graph: one forward and one backward "
        "pass, step by step, with the gradient's norm at each.",
        key="runs.model.what",
    )
    if chosen == _GRAPH:
        from mlcore.ui.runs import model_graph  # imports torch

        model_graph.show(run, config)
    else:
        _layers(config)
    if trained_models.takes_images(config):
        with st.container(horizontal=True, key="runs.model.pages"):
            for name, label, icon in _PAGES:
                st.page_link(
                    navigation.page(name), label=label, icon=icon, query_params={"run": run.id}
                )


def _layers(config: Config) -> None:
    try:
        table, totals = _summary(config.experiment, config.to_json())
    except (MlcoreError, RuntimeError, NotImplementedError) as error:
        st.info(page.plain(f"The layers of this network cannot be listed: {error}"))
        return
    for column, (name, value) in zip(st.columns(len(totals)), totals.items(), strict=True):
        column.metric(name, value)
    st.dataframe(
        table,
        hide_index=True,
        height=min(_HEIGHT, 38 + 35 * len(table)),
        key="runs.model.layers",
        placeholder="–",
        column_config={
            "Layer": st.column_config.TextColumn(width=120),
            "Type": st.column_config.TextColumn(width=95),
            "Input": st.column_config.TextColumn(width=95),
            "Output": st.column_config.TextColumn(width=95),
            **{
                name: st.column_config.NumberColumn(label, format="localized", width=width)
                for name, label, width in _NUMBERS
            },
        },
        alt="The layers of this run's network, with shapes, parameters and costs",
    )
    st.caption(
        "Each number is of the layer itself, those inside it left out, for one sample. "
        "Mult.-adds: multiply-adds. Act. bytes: the activations that the forward pass keeps for "
        "the backward pass."
    )
    page.as_code(
        f"{config.imports()}\n\nconfig = {config.as_python(call='')[1:-1]}\n"
        "print(mlcore.summary(config.build_model(), config.example_input()))",
        key="runs.model.code",
    )


@st.cache_data(max_entries=32, show_spinner="Building the network…")
@one_thread()
def _summary(experiment: str, config_json: str) -> tuple[pd.DataFrame, dict[str, str]]:
    """The table of the layers, and the totals."""
    import pandas as pd

    from mlcore.inspection import summary
    from mlcore.inspection.summary_text import shape_text, size

    config = config_class(experiment).from_json(config_json)
    found = summary(config.build_model(), config.example_input())
    table = pd.DataFrame(
        {
            "Layer": [layer.name or "(model)" for layer in found.layers],
            "Type": [layer.kind for layer in found.layers],
            "Input": [shape_text(layer.inputs) for layer in found.layers],
            "Output": [shape_text(layer.outputs) for layer in found.layers],
            "Parameters": [layer.parameters for layer in found.layers],
            "Multiply-adds": [layer.multiply_adds for layer in found.layers],
            "Act. bytes": [layer.activation_bytes for layer in found.layers],
        }
    )
    for name, _, _ in _NUMBERS:  # an empty cell is easier to skip than a 0
        counts = table[name].astype("Int64")
        table[name] = counts.mask(counts == 0)
    totals = {
        "Parameters": f"{found.parameters:,}",
        "Multiply-adds per sample": f"{found.multiply_adds:,}",
        "Activations per sample": size(found.activation_bytes),
    }
    return table, totals


def _tensors(run: Run, sha256: str) -> None:
    try:
        table = _weights(open_store().url, run.id, sha256)
    except MlcoreError as error:
        page.error(error)
        return
    st.caption(f"**{int(table['Values'].sum()):,}** values in {len(table):,} saved tensors")
    st.dataframe(
        table,
        hide_index=True,
        height=min(_HEIGHT, 38 + 35 * len(table)),
        key="runs.model.tensors",
        column_config={"Values": st.column_config.NumberColumn(format="localized")},
        alt="The tensors that this run's script saved",
    )
    st.caption("Only the script knows the class of its network. There, all layers are listed by:")
    page.as_code(
        f'import mlcore\n\nmodel.load_state_dict(mlcore.get_run("{run.id}").state_dict())\n'
        "print(mlcore.summary(model, example_input))",
        key="runs.model.code",
    )


@st.cache_data(max_entries=32, show_spinner="Reading the weights…")
def _weights(url: str, run_id: str, sha256: str) -> pd.DataFrame:  # noqa: ARG001 - new ones are read
    import pandas as pd

    from mlcore.inspection.summary_text import shape_text

    saved = open_store(url).get(run_id).artifacts.tensors(WEIGHTS) or {}
    named = {
        name.removeprefix(MODEL_PREFIX): tensor
        for name, tensor in saved.items()
        if name.startswith(MODEL_PREFIX)
    }
    state = dict(sorted(named.items(), key=lambda item: _natural(item[0])))  # files have no order
    return pd.DataFrame(
        {
            "Tensor": [page.one_line(name, 120) for name in state],
            "Shape": [shape_text([tensor.shape]) for tensor in state.values()],
            "Type": [tensor.dtype for tensor in state.values()],
            "Values": [math.prod(tensor.shape) for tensor in state.values()],
        }
    )


def _natural(name: str) -> list[tuple[int, str]]:
    """A key under which ``layer.10`` comes after ``layer.9``."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in name.split(".")]
