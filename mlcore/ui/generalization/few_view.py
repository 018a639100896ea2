"""The view *Few images*: a wide network overfits, and one remedy at a time against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import streamlit as st

from mlcore.charts.digits import gallery
from mlcore.charts.remedies import Judge, drift_spec, result_spec
from mlcore.course.generalization import State
from mlcore.mnist.config import MNISTConfig
from mlcore.ui import navigation, page, run_batch, tasks
from mlcore.ui.common import elements, numbers, tabs
from mlcore.ui.generalization import few_results
from mlcore.ui.generalization.few_results import Arms
from mlcore.ui.generalization.remedies import (
    COLOURS,
    PLAIN,
    REMEDIES,
    SIZES,
    base_config,
    weights_of,
    with_remedy,
)
from mlcore.ui.run_batch import Batch

ALL: Final = "all of them"
_KEY: Final = "gen.few"
_DIGITS: Final = 3
_DRAWS: Final = 7


@dataclass(frozen=True, slots=True)
class _Settings:
    """What is chosen: ``arms`` are all remedies, ``shown`` those that are trained and drawn."""

    base: MNISTConfig
    remedy: str
    strength: Any
    judge: Judge
    arms: Arms
    shown: Arms


def show() -> None:
    """Draw the view."""
    controls, picture = page.columns()
    with controls:
        settings = _controls()
    with picture, page.sentences():
        wanted, every = _configs(settings.shown), _configs(settings.arms)
        with st.container(horizontal=True, vertical_alignment="center", key=f"{_KEY}.bar"):
            batch = run_batch.start_control(wanted, key=_KEY)
        if run_batch.find(every).runs:
            run_batch.follow(every, lambda found: _draw(settings, found), key=_KEY)
            if settings.remedy == "augmentation":
                _preview(settings)
        else:
            with st.container(key="picture-gen-few"):
                _before(settings, batch)
        page.prose("generalization_few")
        _code(settings)


def _configs(arms: Arms) -> list[MNISTConfig]:
    return [config for configs in arms.values() for config in configs]


def _controls() -> _Settings:
    images = st.select_slider(
        "Training images",
        SIZES,
        value=500,
        format_func=lambda n: f"{n:,}",
        key="images",
        bind="query-params",
    )
    chosen = st.pills(
        "Remedy",
        [*REMEDIES, ALL],
        default="augmentation",
        format_func=lambda name: name[0].upper() + name[1:],
        required=True,
        wrap=True,
        key="remedy",
        bind="query-params",
    )
    remedy: str = tabs.picked(chosen, "augmentation")
    strength = None
    if remedy != ALL:
        about = REMEDIES[remedy]
        picked = st.segmented_control(
            about.control,
            about.strengths,
            default=about.usual,
            format_func=str,
            required=True,
            key=about.key,
            bind="query-params",
        )
        st.caption(about.does)
        strength = tabs.picked(picked, about.usual)
    with elements.compact():
        seeds = st.slider("Seeds", 1, 10, 3, key="seeds", bind="query-params")
    judged = st.segmented_control(
        "Judge by",
        ["loss", "accuracy"],
        default="loss",
        format_func=str.capitalize,
        required=True,
        key="judge",
        bind="query-params",
    )
    judge: Judge = "accuracy" if judged == "accuracy" else "loss"
    base = base_config(images)
    chosen_strengths = {
        name: strength if name == remedy else about.usual for name, about in REMEDIES.items()
    }
    arms = {
        name: [with_remedy(base, name, how).replace(seed=seed) for seed in range(seeds)]
        for name, how in {PLAIN: None, **chosen_strengths}.items()
    }
    shown = arms if remedy == ALL else {name: arms[name] for name in (PLAIN, remedy)}
    return _Settings(base, remedy, strength, judge, arms, shown)


# --- before a run -----------------------------------------------------------------------------


def _before(settings: _Settings, batch: Batch) -> None:
    base = settings.base
    count = numbers.counted(len(batch.missing), "network")
    st.info(
        f"The button trains {count} of {weights_of(base):,} weights on "
        f"{base.train_size:,} images: {_told(settings)}. It takes seconds, and their curves "
        "appear here as they grow.",
        icon=":material/touch_app:",
    )
    _preview(settings)


def _told(settings: _Settings) -> str:
    seeds = numbers.counted(len(settings.arms[PLAIN]), "seed")
    with_ = "each remedy" if settings.remedy == ALL else settings.remedy
    return f"{seeds} without a remedy, and the same with {with_}"


def _preview(settings: _Settings) -> None:
    kind: Literal["shift", "affine"] = "affine"
    if settings.remedy == "augmentation" and settings.strength == "shift":
        kind = "shift"
    st.image(
        _augmented(settings.base.to_json(), kind),
        caption=f"Left: {_DIGITS} of the {settings.base.train_size:,} training images. Beside "
        f"each: {_DRAWS} random draws of the augmentation *{kind}*.",
        width="stretch",
        alt=f"{_DIGITS} digits, and {_DRAWS} random variants of each by the augmentation {kind}.",
    )


@st.cache_data(max_entries=16, show_spinner=False)
def _augmented(config: str, kind: Literal["shift", "affine"]) -> Any:
    import torch

    from mlcore.mnist import load, split
    from mlcore.mnist.augment import augment

    data = load("mnist")
    learned = split(MNISTConfig.from_json(config), data.train_labels).train
    places = slice(0, _DIGITS) if learned is None else learned[:_DIGITS]
    digits = data.train_images[places].float() / 255
    copies = digits.repeat_interleave(_DRAWS, dim=0)
    drawn = augment(kind, copies, torch.Generator().manual_seed(0))
    rows = torch.cat([digits[:, None], drawn.view(_DIGITS, _DRAWS, 28, 28)], dim=1)
    tiles = (rows.flatten(0, 1) * 255).round().byte().numpy()
    return gallery(tiles, 1 + _DRAWS, zoom=3)


# --- the runs ---------------------------------------------------------------------------------


def _draw(settings: _Settings, found: Batch) -> None:
    batch = _only(_configs(settings.shown), found)
    judge = settings.judge
    rows = few_results.curves(settings.shown, batch, judge)
    losses = rows if judge == "loss" else few_results.curves(settings.shown, batch, "loss")
    drifted = few_results.drift(losses, PLAIN)
    if settings.remedy == ALL:  # twelve curves would be too many
        rows = rows[(rows["kind"] == "validation") | (rows["arm"] == PLAIN)]
    steps = settings.base.steps_per_epoch() * settings.base.epochs
    with st.container(key="picture-gen-few"):
        run_batch.progress(batch)
        if drifted is not None:
            st.markdown(_verdict(drifted))
        elements.legend({name: COLOURS[name] for name in settings.shown})
        elements.chart(drift_spec(judge, steps, _top(settings.base)), rows, key=f"{_KEY}.drift")
    run_batch.errors(found)
    groups = few_results.groups_of(settings.arms, found, judge)
    if not groups:
        return
    arms = tuple(name for name in settings.arms if any(g.letter == name for g in groups))
    elements.chart(result_spec(judge, arms), few_results.result_rows(groups), key=f"{_KEY}.results")
    contrasts = few_results.contrasts(groups, judge)
    if contrasts:
        lines = (
            f"{elements.verdict_icon(sure=bool(one.better))} "
            f"{page.plain(one.sentence[0].upper() + one.sentence[1:])}"
            for one in contrasts
        )
        st.markdown("  \n".join(lines))
        navigation.compare_link(run_id for group in groups for run_id in group.counted)
    better = frozenset(one.better for one in contrasts if one.better not in (None, PLAIN))
    tasks.look("generalization", State(better=better))


def _only(configs: list[MNISTConfig], found: Batch) -> Batch:
    wanted = {config.fingerprint() for config in configs}
    runs = {name: run for name, run in found.runs.items() if name in wanted}
    return Batch(tuple(configs), runs)


def _verdict(drifted: tuple[float, float, float, float]) -> str:
    training, best, step, last = drifted
    told = (
        f"Without a remedy the training loss falls to **{numbers.power(training)}**; the "
        f"validation loss has its minimum **{numbers.power(best)}** at step {step:,.0f}"
    )
    if last > best * 1.02:
        return f"{told} and then rises to **{numbers.power(last)}**."
    return f"{told}."


def _top(base: MNISTConfig) -> float:
    return 1.5 if base.train_size <= 200 else 1.0


def _code(settings: _Settings) -> None:
    lines = [
        f"    {name!r}: {configs[0].as_python(call='')[1:-1]},"
        for name, configs in settings.shown.items()
    ]
    note = "# Of a run that stops early the page takes the best epoch, whose weights it keeps.\n"
    page.as_code(
        "import mlcore\n\nconfigs = {\n" + "\n".join(lines) + "\n}\n"
        f"seeds = range({len(settings.arms[PLAIN])})\n"
        "runs = [mlcore.run(config.replace(seed=seed))\n"
        "        for config in configs.values() for seed in seeds]\n"
        + note
        * ("early stopping" in settings.shown)
        + f'comparison = mlcore.runs.compare(runs, metric="validation_{settings.judge}",\n'
        "    baseline=runs[0].id)\n"
        "for contrast in comparison.contrasts:\n    print(contrast.sentence)",
        settings.base.as_command(),
        key=f"{_KEY}.code",
    )
