"""The tab *Losses*: softmax, three losses of logits and their gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd
import streamlit as st

from mlcore.charts import palette
from mlcore.charts.losses import gradient_spec, probability_spec, sweep_spec
from mlcore.course.activations import State
from mlcore.layers import logit_loss, softmax
from mlcore.layers.differences import worst
from mlcore.layers.losses import LOSS_TITLES, LossName
from mlcore.ui import page, tasks
from mlcore.ui.common import elements, numbers

if TYPE_CHECKING:
    import torch

_CLASSES: Final = 4
_DEFAULTS: Final = (-3.0, 4.0, 1.0, 0.0)
COLOURS: Final[dict[LossName, str]] = {
    "squared_raw": palette.RUN_COLOURS[2],
    "squared_softmax": palette.VALUE,
    "cross_entropy": palette.GRADIENT,
}


def show() -> None:
    """Draw the tab."""
    import torch

    controls, picture = page.columns()
    with controls:
        logits: list[float] = []
        for start in range(0, _CLASSES, 2):
            with elements.compact():
                logits += [
                    st.slider(
                        f"Logit of class {k}",
                        -10.0,
                        10.0,
                        _DEFAULTS[k],
                        0.25,
                        key=f"z{k}",
                        bind="query-params",
                    )
                    for k in range(start, start + 2)
                ]
        with elements.compact():
            label = st.slider("True class", 0, _CLASSES - 1, 0, key="label", bind="query-params")
            temperature = st.select_slider(
                "Temperature",
                [0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 10.0],
                value=1.0,
                help="Temperature of the softmax shown; the losses use 1.",
                key="temperature",
                bind="query-params",
            )
    z = torch.tensor([logits], dtype=torch.float64)
    with picture:
        left, right = st.columns(2, gap="small")
        chances = softmax(z[0], temperature)
        with left:
            _probabilities(chances.output, label, temperature)
        with right:
            _gradients(z, label)
        _sweep(z, label)
        _numbers(z, label)
        elements.agreement(
            worst(
                [
                    chances.max_difference,
                    *(logit_loss(name, z, label).max_difference for name in LOSS_TITLES),
                ]
            ),
            "Probabilities, losses and gradients",
        )
    page.as_code(
        "import torch\nfrom mlcore.layers import logit_loss, softmax\n\n"
        f"z = torch.tensor([{logits}], dtype=torch.float64)\n"
        f"print(softmax(z, {temperature}).output)\n"
        f'print(logit_loss("cross_entropy", z, {label}).gradient)',
        key="loss.code",
    )
    losses = {name: logit_loss(name, z, label) for name in LOSS_TITLES}
    tasks.look("activations", State(losses=losses))


def _probabilities(chances: torch.Tensor, label: int, temperature: float) -> None:
    rows = pd.DataFrame(
        {
            "class": range(_CLASSES),
            "probability": chances.tolist(),
            "right": [k == label for k in range(_CLASSES)],
        }
    )
    elements.chart(probability_spec(f"{temperature:g}"), rows, key="loss.softmax")


def _gradients(z: torch.Tensor, label: int) -> None:
    rows = pd.DataFrame(
        {"class": k, "gradient": float(g), "loss": title, "colour": COLOURS[name]}
        for name, title in LOSS_TITLES.items()
        for k, g in enumerate(logit_loss(name, z, label).gradient[0])
    )
    elements.chart(gradient_spec(), rows, key="loss.gradients")


def _sweep(z: torch.Tensor, label: int) -> None:
    """The losses while the true class's logit moves from −10 to 10, the others fixed."""
    import torch

    grid = torch.linspace(-10, 10, 25, dtype=torch.float64)
    moved = z.repeat(len(grid), 1)
    moved[:, label] = grid
    frames = []
    for name, title in LOSS_TITLES.items():
        result = logit_loss(name, moved, label)
        frames.append(
            pd.DataFrame(
                {
                    "logit": grid.numpy(),
                    "loss": result.value.numpy(),
                    "gradient": result.gradient[:, label].numpy(),
                    "name": title,
                    "colour": COLOURS[name],
                }
            )
        )
    rows = pd.concat(frames).assign(now=float(z[0, label]))
    left, right = st.columns(2, gap="small")
    with left:
        elements.chart(sweep_spec("loss"), rows, key="loss.sweep.loss")
    with right:
        elements.chart(sweep_spec("gradient"), rows, key="loss.sweep.gradient")
    elements.legend({LOSS_TITLES[name]: COLOURS[name] for name in LOSS_TITLES})


def _numbers(z: torch.Tensor, label: int) -> None:
    results = {name: logit_loss(name, z, label) for name in LOSS_TITLES}
    elements.table(
        {
            "": ["loss", *(f"∂ loss / ∂z{k}" for k in range(_CLASSES))],
            **{
                LOSS_TITLES[name]: [
                    numbers.power(float(r.value), 4),
                    *(numbers.power(float(r.gradient[0, k]), 3) for k in range(_CLASSES)),
                ]
                for name, r in results.items()
            },
        }
    )
    wrong = float(z.softmax(1)[0, label])
    squared = float(results["squared_softmax"].gradient.abs().max())
    if wrong < 0.01 and squared < 0.02:
        st.warning(
            f"The true class has a probability of {wrong:.2%}, and yet no gradient of the squared "
            f"distance of the softmax is larger than {numbers.power(squared)}: this loss is flat "
            "where the network is confidently wrong. The largest gradient of cross-entropy is "
            f"{numbers.power(float(results['cross_entropy'].gradient.abs().max()))}.",
            icon=":material/landscape:",
        )
