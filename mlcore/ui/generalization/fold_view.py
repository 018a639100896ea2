"""The view *Folds*: which image is in which fold, a curve a fold, the estimate, and a leak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pandas as pd
import streamlit as st

from mlcore.charts.digits import gallery
from mlcore.charts.folds import estimate_spec, fold_colours, fold_curve_spec, fold_map_spec
from mlcore.course.generalization import State
from mlcore.generalization import FoldCurves
from mlcore.generalization.fold_training import Leak
from mlcore.mnist.config import MNISTConfig
from mlcore.ui import page, tasks
from mlcore.ui.common import elements, tabs
from mlcore.ui.generalization import fold_runs
from mlcore.ui.generalization.fold_data import FRESH, STEPS, config_of, fold_curves, fold_images

if TYPE_CHECKING:
    from collections.abc import Mapping

_LEAKS: Final[dict[Leak, str]] = {
    "none": "No leak",
    "normalization": "Normalization",
    "copies": "Copies",
}
_ABOUT: Final[dict[Leak, str]] = {
    "none": "Each model learns from the images of the other folds, and from their copies.",
    "normalization": "Mean and standard deviation of each pixel are taken over all images, those "
    "of the held-out fold included.",
    "copies": "The images are augmented before they are divided: copies of the held-out images are "
    "learned from.",
}
_SIZES: Final = (100, 200, 500, 1000)
_COPIES: Final = (1, 2, 4)
_SHOWN: Final = 10
_OTHERS: Final = 20
_KEY: Final = "gen.folds"


@dataclass(frozen=True, slots=True)
class _Settings:
    config: MNISTConfig
    fold: int
    leak: Leak
    copies: int


def show() -> None:
    """Draw the view."""
    controls, picture = page.columns()
    with controls:
        settings = _controls()
    with picture, page.sentences():
        config = settings.config.to_json()
        found: dict[Leak, FoldCurves] = {}
        found["none"] = fold_curves(config, settings.copies, "none")
        if settings.leak != "none":
            found[settings.leak] = fold_curves(config, settings.copies, settings.leak)
        now = found[settings.leak]
        with st.container(key="picture-gen-folds"):
            st.markdown(_verdict(settings, found["none"], now))
            elements.chart(
                fold_curve_spec(STEPS),
                _curve_rows(now, settings.fold),
                key=f"{_KEY}.curves",
            )
            ways = tuple(_LEAKS[leak] for leak in _LEAKS if leak in found)
            elements.chart(estimate_spec(ways), _estimate_rows(found), key=f"{_KEY}.estimate")
        elements.legend(fold_colours(settings.config.folds))
        _map(settings)
        _held_out(settings)
        page.prose("generalization_folds")
        _independent(settings)
        _code(settings)
        fold_runs.show(settings.config, settings.fold)
        tasks.look("generalization", State(leak=settings.leak, flattered=now.estimate - now.truth))


def _controls() -> _Settings:
    images = st.select_slider(
        "Images",
        _SIZES,
        value=200,
        format_func=lambda n: f"{n:,}",
        key="sample",
        bind="query-params",
    )
    folds = st.slider("Folds", 2, 10, 5, key="folds", bind="query-params")
    chosen = st.segmented_control(
        "Leak",
        list(_LEAKS),
        default="none",
        format_func=_LEAKS.__getitem__,
        required=True,
        key="leak",
        bind="query-params",
    )
    leak: Leak = tabs.picked(chosen, "none")
    st.caption(_ABOUT[leak])
    copies = st.segmented_control(
        "Augmented copies of each image",
        _COPIES,
        default=1,
        required=True,
        key="copies",
        bind="query-params",
    )
    with elements.compact():
        fold = st.slider("Held-out fold", 1, 10, 1, key="fold", bind="query-params")
        fold_seed = page.whole_number("Fold seed", 0, 9999, 0, key="foldseed")
    config = config_of(images, folds, fold_seed)
    return _Settings(config, min(fold, folds), leak, tabs.picked(copies, 1))


def _verdict(settings: _Settings, honest: FoldCurves, now: FoldCurves) -> str:
    if settings.leak == "none":
        return (
            f"Cross-validation estimates **{_interval(now)}**. On {FRESH:,} images that are in no "
            f"fold the same {settings.config.folds} models reach **{now.truth:.1%}**."
        )
    flattered = 100 * (now.estimate - now.truth)
    before = 100 * (honest.estimate - honest.truth)
    return (
        f"With the leak cross-validation estimates **{_interval(now)}**, without it "
        f"{_interval(honest)}. On images in no fold the models with the leak reach "
        f"**{now.truth:.1%}**: the estimate is **{_points(flattered)}** above the truth "
        f"(without the leak {_points(before)})."
    )


def _interval(found: FoldCurves) -> str:
    return f"{100 * found.estimate:.1f} ± {100 * found.standard_error:.1f}%"


def _points(value: float) -> str:
    return f"{value:.1f} points".replace("-", "−")


def _curve_rows(found: FoldCurves, fold: int) -> pd.DataFrame:
    colours = list(fold_colours(found.validation.shape[1]).values())
    steps = found.steps.numpy()
    parts = [
        pd.DataFrame(
            {
                "kind": "fold",
                "fold": k + 1,
                "colour": colour,
                "step": steps,
                "accuracy": found.validation[:, k].numpy(),
                "chosen": k + 1 == fold,
            }
        )
        for k, colour in enumerate(colours)
    ]
    if found.fresh is not None:
        mean = found.fresh.mean(dim=1).numpy()
        parts.append(pd.DataFrame({"kind": "fresh", "step": steps, "accuracy": mean}))
    return pd.concat(parts)


def _estimate_rows(found: Mapping[Leak, FoldCurves]) -> pd.DataFrame:
    rows: list[dict[str, object]] = []
    for leak, one in found.items():
        way = _LEAKS[leak]
        colours = fold_colours(one.validation.shape[1]).values()
        for k, colour in enumerate(colours):
            value = float(one.validation[-1, k])
            rows.append(
                {"way": way, "kind": "fold", "value": value, "fold": k + 1, "colour": colour}
            )
        ends = (one.estimate - one.standard_error, one.estimate + one.standard_error)
        rows.append(
            {"way": way, "kind": "mean", "value": one.estimate, "low": ends[0], "high": ends[1]}
        )
        rows.append({"way": way, "kind": "truth", "value": one.truth})
    return pd.DataFrame(rows)


def _map(settings: _Settings) -> None:
    data = fold_images(settings.config.to_json(), settings.copies)
    rows = pd.DataFrame(
        {
            "class": data.labels.numpy().astype(str),
            "number": data.places.numpy(),
            "fold": data.numbers.numpy(),
        }
    )
    rows["place"] = rows.groupby("class").cumcount() + 1
    colours = list(fold_colours(settings.config.folds).values())
    rows["colour"] = [colours[fold - 1] for fold in rows["fold"]]
    rows["chosen"] = rows["fold"] == settings.fold
    spec = fold_map_spec(settings.config.train_size)
    elements.chart(spec, rows, key=f"{_KEY}.map")


def _held_out(settings: _Settings) -> None:
    data = fold_images(settings.config.to_json(), settings.copies)
    held = (data.numbers == settings.fold).nonzero()[:, 0][:_SHOWN]
    above = (data.images[held] * 255).round().byte()
    told = f"Images of fold {settings.fold}, which judge its model"
    if settings.leak != "copies":
        st.image(
            gallery(above.numpy(), len(held), zoom=2), caption=f"{told}.", width="stretch", alt=told
        )
        return
    import torch

    below = (data.copies[0, held] * 255).round().byte()
    told = f"{told} (above), and copies of the same images that it has learned from (below)"
    picture = gallery(torch.cat([above, below]).numpy(), len(held), zoom=2)
    st.image(picture, caption=f"{told}.", width="stretch", alt=told)


def _independent(settings: _Settings) -> None:
    folds = settings.config.folds
    shared = (folds - 2) / (folds - 1)
    st.markdown(
        f"Of the images that one of these models learns from, any other shares **{shared:.0%}**."
    )
    wanted = st.toggle(
        f"Measure the spread of the estimate over {_OTHERS} other samples of "
        f"{settings.config.train_size:,} images",
        key=f"{_KEY}.others",
    )
    if not wanted:
        return
    with st.spinner("Cross-validating…"):
        found = [
            fold_curves(
                settings.config.replace(seed=seed).to_json(), settings.copies, "none", fresh=False
            )
            for seed in range(1, _OTHERS + 1)
        ]
    estimates = pd.Series([one.estimate for one in found])
    error = sum(one.standard_error for one in found) / len(found)
    st.markdown(
        f"Without a leak the estimates of {_OTHERS} samples have a standard deviation of "
        f"**{_points(100 * float(estimates.std()))}**; the standard error says "
        f"**{_points(100 * error)}** on average."
    )


def _code(settings: _Settings) -> None:
    c = settings.config
    page.as_code(
        "import torch\n"
        "import mlcore\n"
        "from mlcore.generalization import train_folds\n"
        "from mlcore.mnist.augment import augment\n\n"
        f"config = {c.as_python(call='')[1:-1]}\n"
        "digits = mlcore.mnist.load()\n"
        "numbers = mlcore.mnist.fold_numbers(config, digits.train_labels)\n"
        "inside = numbers > 0\n"
        "images = digits.train_images[inside].float() / 255\n"
        "generator = torch.Generator().manual_seed(0)\n"
        f"copies = torch.stack([augment('affine', images, generator) "
        f"for _ in range({settings.copies})])\n"
        "folds = train_folds(\n"
        "    images.flatten(1), digits.train_labels[inside], numbers[inside],\n"
        f'    copies=copies.flatten(2), leak="{settings.leak}", steps={STEPS})\n'
        "print(folds.estimate, folds.standard_error)",
        key=f"{_KEY}.code",
    )
