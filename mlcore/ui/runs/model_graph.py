"""Autograd's graph of a run's network: one forward and one backward pass, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from mlcore.core import Config, MlcoreError
from mlcore.experiments import config_class
from mlcore.inspection.graph_drawing import describe, payload
from mlcore.inspection.summary_text import shape_text
from mlcore.mnist.config import MNISTConfig
from mlcore.runs import Run, open_store
from mlcore.ui import page
from mlcore.ui.autograd.graph_view import draw
from mlcore.ui.common.torch_threads import one_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from torch import Tensor, nn

    from mlcore.inspection import ModelGraph

_DRAWN: Final = 150
"""Nodes that are drawn at most; the table has any number."""
_READABLE: Final = 60
_EVERY: Final = "every operation"
_HEIGHT: Final = 38 + 35 * 12


@dataclass(frozen=True, slots=True, eq=False)
class _Passed:
    """The graph of a run's network.

    Attributes:
        graph: Of operations.
        words: What went through, and which loss was differentiated, as sentences.
        trained: Whether the weights are the run's.
    """

    graph: ModelGraph
    words: str
    trained: bool


def show(run: Run, config: Config) -> None:
    """Draw the part for a run whose config builds a network and says what goes in."""
    weights = next((a.sha256 for a in run.artifacts.kept() if a.name in _WITH_WEIGHTS), "")
    try:
        passed = _passed(open_store().url, run.id, weights, config.experiment, config.to_json())
    except (MlcoreError, RuntimeError, NotImplementedError) as error:
        st.info(page.plain(f"The graph of this network cannot be recorded: {error}"))
        return
    graph = _at_depth(passed.graph)
    if len(graph.nodes) <= _DRAWN:
        draw(payload(graph), key="runs.model.graph", alt=describe(graph), height=620)
    else:
        st.info(
            f"At this depth the graph has {len(graph.nodes):,} nodes, and at most {_DRAWN} are "
            "drawn. The table below lists each step; a smaller depth is drawn."
        )
    st.caption(
        f"{passed.words} "
        + ("" if passed.trained else "The run has saved no weights: these are untrained. ")
        + "Forward: the operations in the order in which they were computed. Backward: in the "
        "order in which autograd's engine ran them."
    )
    with st.expander("The steps as a table", icon=":material/table_rows:", key="runs.model.steps"):
        _table(graph)
    page.as_code(_script(run, config, passed.trained), key="runs.model.graph.code")


_WITH_WEIGHTS: Final = ("weights", "checkpoint")


def _at_depth(graph: ModelGraph) -> ModelGraph:
    depths: list[int | str] = [*range(1, graph.depth + 1), _EVERY]
    sizes = {
        d: len(graph.nodes if isinstance(d, str) else graph.collapsed(d).nodes) for d in depths
    }
    fine = [depth for depth in depths if sizes[depth] <= _READABLE and depth != _EVERY]
    chosen = st.segmented_control(
        "Depth of the modules",
        depths,
        default=fine[-1] if fine else depths[0],
        required=True,
        format_func=lambda depth: f"{depth} ({sizes[depth]:,} nodes)",
        help="Modules nested so deep are one node each, with their parameters and operations. "
        "What the modules above them compute themselves, such as a residual sum, stays a node.",
        key=f"runs.model.depth.{graph.depth}",
    )
    return graph.collapsed(chosen) if isinstance(chosen, int) else graph


def _table(graph: ModelGraph) -> None:
    steps = graph.table()
    shown: pd.DataFrame = steps.assign(
        layer=[_title(name, call) for name, call in zip(steps["name"], steps["call"], strict=True)],
        output=[shape_text(shapes) for shapes in steps["outputs"]],
    )
    st.dataframe(
        shown[
            ["step", "phase", "layer", "op", "output", "gradient_norm", "parameter_gradient_norm"]
        ],
        hide_index=True,
        height=min(_HEIGHT, 38 + 35 * len(shown)),
        key="runs.model.graph.table",
        placeholder="–",
        column_config={
            "step": st.column_config.NumberColumn("Step", width=50),
            "phase": st.column_config.TextColumn("Phase", width=75),
            "layer": st.column_config.TextColumn("Layer", width=150),
            "op": st.column_config.TextColumn("Operation"),
            "output": st.column_config.TextColumn("Output"),
            "gradient_norm": st.column_config.NumberColumn("‖∂ output‖", format="%.4g"),
            "parameter_gradient_norm": st.column_config.NumberColumn("‖∂ weights‖", format="%.4g"),
        },
        alt="Each step of one forward and one backward pass, with shapes and gradient norms",
    )


def _title(name: str, call: int) -> str:
    return (name or "(model)") + (f", call {call}" if call > 1 else "")


@st.cache_resource(max_entries=16, show_spinner="Recording the graph…")
@one_thread()
def _passed(url: str, run_id: str, weights: str, experiment: str, config_json: str) -> _Passed:
    """The graph of a run's network, with the run's weights where they fit."""
    from mlcore.inspection import graph

    config = config_class(experiment).from_json(config_json)
    model = _trained(url, run_id) if weights else None
    example, loss, words = _example(config)
    found = graph(config.build_model() if model is None else model, example, loss=loss)
    return _Passed(found, words, trained=model is not None)


def _trained(url: str, run_id: str) -> nn.Module | None:
    try:
        return open_store(url).get(run_id).model()
    except (MlcoreError, RuntimeError):  # none yet, or of code that has changed since
        return None


def _example(config: Config) -> tuple[Any, Callable[[Any], Tensor] | None, str]:
    """What goes through, the loss, and both in words."""
    if not isinstance(config, MNISTConfig):
        words = (
            "One sample of `example_input` goes through. Differentiated is the sum of all "
            "outputs, each times a weight drawn from the standard normal distribution."
        )
        return config.example_input(), None, words
    from mlcore.mnist import load
    from mlcore.mnist.batches import normalized
    from mlcore.mnist.losses import loss_for, targets_for

    digits = load(config.dataset, config.data_dir)
    loss, target = loss_for(config), targets_for(config, digits.train_labels[:1])
    name = digits.classes[int(digits.train_labels[0])]
    words = (
        f"The first training image, class {page.plain(name)}, goes through. Differentiated is the "
        "run's own loss for it."
    )
    image = normalized(digits, digits.train_images[:1])
    return image, lambda out: loss(out, target), words


def _script(run: Run, config: Config, trained: bool) -> str:
    start = f'import mlcore\n{{}}\nrun = mlcore.get_run("{run.id}")\n'
    model = "run.model()" if trained else "run.config.build_model()"
    if not isinstance(config, MNISTConfig):
        return (
            start.format("")
            + f"found = mlcore.graph({model}, run.config.example_input())\n"
            + "print(found.readable())"
        )
    load = repr(config.dataset) + (f", {config.data_dir!r}" if config.data_dir else "")
    imports = (
        "from mlcore.mnist import load\n"
        "from mlcore.mnist.batches import normalized\n"
        "from mlcore.mnist.losses import loss_for, targets_for\n"
    )
    return (
        start.format(imports)
        + f"digits, loss = load({load}), loss_for(run.config)\n"
        + "image = normalized(digits, digits.train_images[:1])\n"
        + "target = targets_for(run.config, digits.train_labels[:1])\n"
        + f"found = mlcore.graph({model}, image, loss=lambda out: loss(out, target))\n"
        + "print(found.readable())"
    )
