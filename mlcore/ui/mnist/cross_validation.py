"""Cross-validation on the tab *Train*: the switch that starts it, and its result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import streamlit as st

from mlcore.charts import digits as charts
from mlcore.core import ConfigError
from mlcore.core.folds import MOST_FOLDS
from mlcore.runs import CrossValidation, Run, compare_folds, open_store
from mlcore.runs.analysis import fold_scores
from mlcore.runs.cross_validation import USUAL_FOLDS, submit_folds, with_folds
from mlcore.ui import page, run_parts
from mlcore.ui.common import clicks, numbers, spare_worker
from mlcore.ui.mnist import view_data
from mlcore.ui.mnist.selection import MNISTConfig

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FIELDS: Final = ("folds", "fold", "fold_seed")
"""Fields of the form that the switch stands for."""

_MOST_REPEATS: Final = 10


def switch(config: MNISTConfig | None) -> tuple[MNISTConfig | None, int | None]:
    """A switch with the number of folds and of repeats.

    Args:
        config: The form's; None while a field is wrong.

    Returns:
        The config of the first fold, and how many repeats; the config as it was, and None, while
        the switch is off; None, and a sentence on the page, where folds do not fit the config.
    """
    on = st.toggle(
        "Cross-validate",
        help="Divides the training images into folds and trains the config once for each, on all "
        "others. The scores on the folds say how much the result depends on which images it "
        "happened to learn from. The test set stays sealed.",
        key="mnist.cv",
    )
    if not on:
        return config, None
    left, right = st.columns(2)
    with left:
        folds = page.whole_number(
            "Folds",
            2,
            MOST_FOLDS,
            (config.folds if config is not None else 0) or USUAL_FOLDS,
            key="mnist.cv.folds",
            help="Into how many parts to divide the training images.",
        )
    with right:
        repeats = page.whole_number(
            "Repeats",
            1,
            _MOST_REPEATS,
            1,
            key="mnist.cv.repeats",
            help="How often to divide the images anew.",
        )
    if config is None:
        return None, repeats
    try:
        return with_folds(config, folds), repeats
    except ConfigError as error:
        page.error(str(error))
        return None, repeats


def start_button(
    config: MNISTConfig | None, repeats: int, *, key: str, force: bool
) -> list[Run] | None:
    """A button that starts the runs of a cross-validation.

    Args:
        config: Of the first fold; None disables the button.
        repeats: How often to divide the data anew.
        key: Of the button.
        force: Train again even what is finished.

    Returns:
        The runs, once, in the rerun that follows the click; else None.
    """
    spare_worker.keep_ready()
    count = repeats * (config.folds if config is not None else 0)
    started = f"{key}.started"
    st.button(
        f"Train {numbers.counted(count, 'fold')}" if count else "Train the folds",
        type="primary",
        icon=":material/play_arrow:",
        width="stretch",
        disabled=config is None,
        help=None if config is not None else "A field needs another value.",
        key=key,
        on_click=_start,
        args=(config, repeats, force, started),
    )
    clicks.show_refusal()
    runs: list[Run] | None = st.session_state.pop(started, None)
    return runs


def results(run_ids: Sequence[str]) -> list[CrossValidation]:
    """A sentence for each cross-validation that these runs make up, and for each two of them."""
    known = {run.id: run for run in open_store().get_many(run_ids)}
    ordered = [known[run_id] for run_id in run_ids if run_id in known]
    found = fold_scores.cross_validations_of(ordered)
    for place, result in enumerate(found):
        letter = f"{chr(65 + place)}, {_name(result)}: " if len(found) > 1 else ""
        if result.complete:
            said = page.plain(result.sentence())
            said = said if letter else f"{said[0].upper()}{said[1:]}"
            st.markdown(f":material/call_split: **{letter}{said}**")
        elif any(run.status.moving for run in result.runs):
            st.caption(
                f"{letter}The mean over {numbers.counted(len(result.runs), 'fold')} follows when "
                "all have finished."
            )
    if len(found) == 2 and all(result.complete for result in found):
        a, b = found
        if a.metric == b.metric and a.same_folds(b):
            st.markdown(page.plain(compare_folds(a, b).sentence))
    return found


def details(result: CrossValidation) -> None:
    """The scores of the folds, the out-of-fold confusion matrix, and the code, folded away."""
    config, key = result.config, f"mnist.cv.{result.runs[0].id}"
    assert isinstance(config, MNISTConfig)  # noqa: S101 - the page shows runs of mnist only
    with st.expander(
        f"{config.folds} folds: scores, confusions, code · {_name(result)}",
        icon=":material/call_split:",
        on_change="rerun",
        key=key,
    ) as part:
        if not part.open:
            return
        if result.complete:
            st.dataframe(
                result.table().drop(columns="status"),
                hide_index=True,
                column_config={"score": st.column_config.NumberColumn(format="%.4f")},
                key=f"{key}.scores",
            )
            classes = view_data.classes(config.dataset, config.data_dir)
            confusion = _confusion(open_store().url, tuple(run.id for run in result.runs))
            st.altair_chart(
                charts.confusion_chart(
                    charts.confusion_rows(confusion, classes), page.ink(), images="out-of-fold"
                ),
                key=f"{key}.confusion",
            )
            st.caption(
                "Each image is counted as the run predicted it that did not learn from it. Blue: "
                "correct. Red: mistakes; the darker, the more frequent."
            )
        code(config, result.repeats, key=f"{key}.code")


def code(config: MNISTConfig, repeats: int, *, key: str) -> None:
    """The cross-validation as Python and as a command."""
    page.as_code(
        f"{config.imports()}\n\nresult = {fold_scores.as_python(config, repeats)}\n"
        "print(result)\n"
        "confusion = result.confusion()  # row = true class, column = predicted",
        fold_scores.as_command(config, repeats),
        key=key,
    )


def _name(result: CrossValidation) -> str:
    """What is cross-validated, without its folds."""
    alone = result.config.replace(folds=0, fold=1, fold_seed=0)
    return page.plain(run_parts.config_name(alone.experiment, alone.to_dict()))


@st.cache_data(max_entries=32, show_spinner=False)
def _confusion(url: str, ids: tuple[str, ...]) -> NDArray[np.int64]:
    (result,) = fold_scores.cross_validations_of(open_store(url).get_many(ids))
    counts: NDArray[np.int64] = result.confusion().numpy()
    return counts


def _start(config: MNISTConfig, repeats: int, force: bool, started: str) -> None:
    def submit_and_remember() -> None:
        runs, _ = submit_folds(open_store(), config, repeats, force=force)
        run_parts.remember_cached(runs)
        st.session_state[started] = list(runs)

    clicks.attempt(submit_and_remember)
