"""A small picture for each chapter's card, computed by the chapter's own code.

Home shows them without loading torch, so their numbers lie in ``pictures.csv``; a test computes
them again and compares. Write the file with ``python -m mlcore.course.pictures``.

A picture is a list of marks in a unit square whose y grows upward:

- ``line``: x and y of each point of a polyline;
- ``dots``: x and y of each dot;
- ``bars``: height of each bar from left to right, in the right half;
- ``cells``: left, top, width and height of a grid, its rows and columns, then each cell, row by
  row, from −1 to 1.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    import torch

    from mlcore.mnist.config import MNISTConfig

FILE: Final = Path(__file__).with_name("pictures.csv")
Kind = Literal["line", "dots", "bars", "cells"]
Colour = Literal["value", "gradient", "theory", "good", "bad", "second"]


@dataclass(frozen=True, slots=True)
class Mark:
    """One drawn shape.

    Attributes:
        chapter: Whose picture it belongs to.
        kind: See the module.
        colour: What the colour means.
        numbers: See the module; three decimals.
    """

    chapter: str
    kind: Kind
    colour: Colour
    numbers: tuple[float, ...]


def read() -> dict[str, list[Mark]]:
    """The marks of each chapter's picture, from the file."""
    found: dict[str, list[Mark]] = {}
    with FILE.open(encoding="utf-8", newline="") as file:
        for chapter, kind, colour, numbers in csv.reader(file):
            values = tuple(float(number) for number in numbers.split())
            mark = Mark(chapter, kind, colour, values)  # type: ignore[arg-type]  # as written below
            found.setdefault(chapter, []).append(mark)
    return found


def write() -> None:
    """Compute all pictures and write the file."""
    with FILE.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        for mark in compute():
            numbers = " ".join(f"{number:g}" for number in mark.numbers)
            out.writerow([mark.chapter, mark.kind, mark.colour, numbers])


def compute() -> list[Mark]:
    """Compute all marks of all pictures; takes some seconds."""
    parts = {
        "autograd": _autograd,
        "regression": _regression,
        "optimizers": _optimizers,
        "normalization": _normalization,
        "activations": _activations,
        "convolution": _convolution,
        "initialization": _initialization,
        "mnist": _mnist,
        "draw": _draw,
        "inside": _inside,
        "generalization": _generalization,
        "runs": _runs,
        "compare": _compare,
        "sweeps": _sweeps,
    }
    return [
        Mark(chapter, kind, colour, tuple(round(float(number), 3) + 0.0 for number in numbers))
        for chapter, part in parts.items()
        for kind, colour, numbers in part()
    ]


_Part = Iterator[tuple[Kind, Colour, Iterable[float]]]


def _autograd() -> _Part:
    """The graph of w·x + b."""
    from mlcore.autograd import trace
    from mlcore.autograd.presets import PRESETS
    from mlcore.charts.layered import layered

    preset = PRESETS["line"]
    graph = trace(preset.program, preset.leaves).graph
    layout = layered(len(graph.nodes), tuple((e.source, e.target) for e in graph.edges))
    x = _unit(layout.layers, margin=0.08)
    y = _unit(layout.places, margin=0.12)
    for edge in graph.edges:
        ends = (edge.source, edge.target)
        yield "line", "theory", [value for end in ends for value in (x[end], y[end])]
    leaves = [node.index for node in graph.nodes if node.kind == "leaf"]
    others = [node.index for node in graph.nodes if node.kind != "leaf"]
    yield "dots", "value", [value for i in others for value in (x[i], y[i])]
    yield "dots", "gradient", [value for i in leaves for value in (x[i], y[i])]


def _regression() -> _Part:
    """The loss along 20 steps of a rate that is too small, the best one, and one too large."""
    from mlcore.regression import Problem, descend_on, hours_scores, judge

    data = hours_scores()
    problem = Problem.of(data.x, data.y, model="origin")
    border = judge(problem).divergent
    assert border is not None  # noqa: S101 - plain gradient descent on a quadratic has one
    losses = {
        colour: descend_on(problem, lr=share * border, steps=20).loss.flatten().log10()
        for share, colour in ((0.02, "second"), (0.3, "value"), (1.03, "bad"))
    }
    low = min(float(loss.min()) for loss in losses.values())
    high = max(float(loss.max()) for loss in losses.values())
    for colour, loss in losses.items():
        steps = [step / 20 for step in range(21)]
        heights = [0.06 + 0.88 * (float(v) - low) / (high - low) for v in loss]
        yield "line", colour, _pairs(steps, heights)  # type: ignore[misc]  # colours of the table


def _optimizers() -> _Part:
    """Three optimizers on Himmelblau's surface, and its four minima."""
    from mlcore.regression import Racer, Rule, race

    rates = {"gradient_descent": 0.01, "momentum": 0.005, "adagrad": 0.5}
    result = race(
        "himmelblau",
        (1.0, 5.0),
        {name: Racer(Rule(name), rate) for name, rate in rates.items()},  # type: ignore[arg-type]
        200,
    )
    left, right, bottom, top = result.surface.window
    colours: tuple[Colour, ...] = ("value", "gradient", "second")
    for k, colour in enumerate(colours):
        path = result.points[::2, :, k]
        xs = [(float(x) - left) / (right - left) for x in path[:, 0]]
        ys = [(float(y) - bottom) / (top - bottom) for y in path[:, 1]]
        yield "line", colour, _pairs(xs, ys)
    minima = [
        ((m.x - left) / (right - left), (m.y - bottom) / (top - bottom))
        for m in result.surface.minima
    ]
    yield "dots", "good", [value for minimum in minima for value in minimum]


def _normalization() -> _Part:
    """A tensor of digits behind a convolution, before and after GroupNorm."""
    import torch

    from mlcore.layers import normalize

    images = _digits(4)
    generator = torch.Generator().manual_seed(0)
    filters = torch.randn(4, 1, 5, 5, generator=generator, dtype=torch.float64) / 5
    maps = torch.nn.functional.conv2d(images.unsqueeze(1), filters, padding=2)
    x = torch.nn.functional.adaptive_avg_pool2d(maps, (3, 3))
    result = normalize("group", x, groups=2, affine=False)
    for left, tensor in ((0.0, result.input), (0.53, result.output)):
        rows = tensor.permute(0, 2, 1, 3).reshape(12, 12)
        yield "cells", "value", _cells(rows / rows.abs().max(), left, 0.0, 0.47, 1.0)


def _activations() -> _Part:
    """Sigmoid, tanh and ReLU."""
    import torch

    from mlcore.layers import activate

    x = torch.linspace(-3, 3, 49, dtype=torch.float64)
    for name, colour in (("sigmoid", "value"), ("tanh", "second"), ("relu", "gradient")):
        values = activate(name, x).value  # type: ignore[arg-type]  # the three are Activations
        inside = [(float(a), float(b)) for a, b in zip(x, values, strict=True) if b <= 1.6]
        yield (  # type: ignore[misc]  # colours of the table above
            "line",
            colour,
            [v for a, b in inside for v in ((a + 3) / 6, (b + 1.15) / 2.75)],
        )


def _convolution() -> _Part:
    """A digit, and where its left edges are."""
    import torch

    from mlcore.layers import convolve

    image = _pixels(1)
    edges = torch.tensor([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]], dtype=torch.float64)
    output = convolve(image[None], edges[None, None], stride=2, padding=1).output[0, 0]
    small = torch.nn.functional.avg_pool2d(image, 2)[0]
    yield "cells", "theory", _cells(small, 0.0, 0.0, 0.47, 1.0)
    yield "cells", "value", _cells(output / output.abs().max(), 0.53, 0.0, 0.47, 1.0)


def _initialization() -> _Part:
    """The size of the signal in each of 20 layers under three schemes."""
    from mlcore.layers import propagate

    images, labels = _digits(16), _labels(16)
    for scheme, scale, colour in (
        ("kaiming", 0.01, "good"),
        ("xavier", 0.01, "value"),
        ("normal", 0.2, "gradient"),
    ):
        result = propagate(
            images,
            labels,
            depth=20,
            width=64,
            activation="relu",
            scheme=scheme,  # type: ignore[arg-type]  # the three are Schemes
            scale=scale,
            seed=0,
        )
        heights = [0.6 + math.log10(std) / 8 for std in result.activation_std]
        yield "line", colour, _pairs([i / 19 for i in range(20)], heights)  # type: ignore[misc]


def _mnist() -> _Part:
    """The loss of each batch while a network learns."""
    losses = _losses(_tiny(0.02))
    yield "line", "value", _curve(losses, max(losses))


def _draw() -> _Part:
    """The seven that a network is least sure of, and its probabilities of the ten digits."""
    import torch

    from mlcore.mnist.losses import probabilities

    sevens = (_labels(200) == 7).nonzero().flatten()
    config = _tiny(0.1)
    with torch.no_grad():
        outputs = _model(config)(_digits(200)[sevens].unsqueeze(1).float())
    shares = probabilities(config, outputs)
    least = int(shares[:, 7].argmin())
    small = torch.nn.functional.avg_pool2d(_pixels(200)[sevens[least]][None], 2)[0]
    yield "cells", "theory", _cells(small, 0.0, 0.0, 0.47, 1.0)
    yield "bars", "value", shares[least].tolist()


def _inside() -> _Part:
    """The weights of a network without hidden layers for 0, 1 and 3."""
    import torch

    model = _model(_tiny(0.1))
    weight = next(p for p in model.parameters() if p.ndim == 2).detach().double()
    for k, digit in enumerate((0, 1, 3)):
        image = torch.nn.functional.avg_pool2d(weight[digit].view(1, 28, 28), 2)[0]
        yield "cells", "value", _cells(image / image.abs().max(), k * 0.345, 0.15, 0.31, 0.7)


def _generalization() -> _Part:
    """Training and validation error against the degree, and the smallest validation error."""
    from mlcore.generalization import NoisyFunction, errors_by_degree

    curve = errors_by_degree(NoisyFunction(seed=2), degree=13)
    xs = [0.04 + 0.92 * k / 13 for k in range(14)]

    def heights(errors: torch.Tensor) -> list[float]:
        return [0.5 + 0.27 * math.log10(float(error)) for error in errors]

    yield "line", "theory", _pairs(xs, heights(curve.train))
    validation = heights(curve.validation)
    yield "line", "value", _pairs(xs, validation)
    yield "dots", "good", (xs[curve.best], validation[curve.best])


def _runs() -> _Part:
    """The losses of four runs that differ in the learning rate."""
    colours: tuple[Colour, ...] = ("theory", "second", "gradient", "value")
    curves = [_losses(_tiny(lr)) for lr in (0.003, 0.01, 0.03, 0.1)]
    top = max(max(curve) for curve in curves)
    for curve, colour in zip(curves, colours, strict=True):
        yield "line", colour, _curve(curve, top)


def _compare() -> _Part:
    """The test accuracies of two configs over four seeds each, and their means."""
    groups = [[_accuracy(_tiny(lr, seed)) for seed in range(4)] for lr in (0.02, 0.1)]
    everything = [value for group in groups for value in group]
    low, high = min(everything), max(everything)
    colours: tuple[Colour, ...] = ("gradient", "value")
    for k, (group, colour) in enumerate(zip(groups, colours, strict=True)):
        heights = [0.1 + 0.8 * (value - low) / (high - low) for value in group]
        middle = 0.27 + 0.46 * k
        yield "dots", colour, _pairs([middle + 0.05 * (s - 1.5) for s in range(4)], heights)
        mean = sum(heights) / len(heights)
        yield "line", colour, (middle - 0.16, mean, middle + 0.16, mean)


def _sweeps() -> _Part:
    """Test accuracy against the learning rate, on a logarithmic scale."""
    rates = [10 ** (-4 + 4 * k / 11) for k in range(12)]
    values = [_accuracy(_tiny(lr)) for lr in rates]
    heights = [0.06 + 0.88 * value for value in values]
    yield "dots", "value", _pairs([0.04 + 0.92 * k / 11 for k in range(12)], heights)
    best = max(range(12), key=values.__getitem__)
    yield "dots", "good", (0.04 + 0.92 * best / 11, heights[best])


# --- what they are made of -------------------------------------------------------------------


def _tiny(lr: float, seed: int = 0) -> MNISTConfig:
    """One matrix that learns 2,048 digits once, in 32 steps."""
    from mlcore.mnist.config import MNISTConfig

    return MNISTConfig(
        model="linear",
        loss="cross_entropy",
        train_size=2048,
        batch_size=64,
        epochs=1,
        lr=lr,
        seed=seed,
    )


@cache
def _trained(config: MNISTConfig) -> tuple[tuple[float, ...], float, Any]:
    """Batch losses, last test accuracy, and the trained network."""
    import mlcore
    from mlcore.mnist.models import load_weights

    losses, accuracy, weights = [], math.nan, None
    for step in mlcore.train(config):
        if "train_loss" in step.metrics:
            losses.append(step.metrics["train_loss"])
        accuracy = step.metrics.get("test_accuracy", accuracy)
        if step.done >= step.total and step.snapshot is not None:
            weights = step.snapshot()
    assert weights is not None  # noqa: S101 - a run has a last step
    return tuple(losses), accuracy, load_weights(config, weights)


def _losses(config: MNISTConfig) -> tuple[float, ...]:
    return _trained(config)[0]


def _accuracy(config: MNISTConfig) -> float:
    return _trained(config)[1]


def _model(config: MNISTConfig) -> torch.nn.Module:
    model: torch.nn.Module = _trained(config)[2]
    return model


def _pixels(count: int) -> torch.Tensor:
    from mlcore.mnist import load

    return load("mnist").test_images[:count].double() / 255


def _digits(count: int) -> torch.Tensor:
    from mlcore.mnist import load

    data = load("mnist")
    return (_pixels(count) - data.mean) / data.std


def _labels(count: int) -> torch.Tensor:
    from mlcore.mnist import load

    return load("mnist").test_labels[:count]


def _curve(values: Sequence[float], top: float) -> list[float]:
    xs = [step / (len(values) - 1) for step in range(len(values))]
    return _pairs(xs, [0.05 + 0.9 * value / top for value in values])


def _pairs(xs: Iterable[float], ys: Iterable[float]) -> list[float]:
    return [value for pair in zip(xs, ys, strict=True) for value in pair]


def _unit(places: Sequence[float], margin: float) -> list[float]:
    low, high = min(places), max(places)
    span = (high - low) or 1
    return [margin + (1 - 2 * margin) * (place - low) / span for place in places]


def _cells(
    values: torch.Tensor, left: float, top: float, width: float, height: float
) -> list[float]:
    rows, columns = values.shape
    return [left, top, width, height, rows, columns, *values.flatten().tolist()]


if __name__ == "__main__":
    write()
