"""Downloads of the chosen runs; each file is built on request only."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import streamlit as st

from mlcore.charts import files as chart_files
from mlcore.charts.report import report_html
from mlcore.core import InputError
from mlcore.runs import Run, Store, open_store
from mlcore.runs.export import (
    exportable,
    to_csv,
    to_json,
    to_mlflow,
    to_model_zip,
    to_onnx,
    to_parquet,
    to_tensorboard,
    to_zip,
)
from mlcore.ui import page
from mlcore.ui.common import clicks
from mlcore.ui.common.numbers import counted
from mlcore.ui.runs.lines import run_labels

if TYPE_CHECKING:
    import altair as alt

    from mlcore.runs.analysis.comparison import Comparison
    from mlcore.ui.runs.lines import Lines

_MLFLOW_DONE: Final = "runs copied to mlflow"


def popover(run_ids: Sequence[str], *, key: str) -> None:
    """A button that opens the list of downloads.

    Args:
        run_ids: The runs to export.
        key: Prefix of all keys.
    """
    files = st.popover(
        "Export",
        icon=":material/download:",
        disabled=not run_ids,
        on_change="rerun",  # a live table need not draw a closed popover
        key=key,
    )
    if files.open:
        with files:
            of_runs(run_ids, key=key)


def of_runs(run_ids: Sequence[str], *, key: str) -> None:
    """Downloads of runs: all points, a zip, the network of one, and exports to other trackers."""
    store = open_store()
    stem = f"run-{run_ids[0]}" if len(run_ids) == 1 else f"{len(run_ids)}-runs"
    with st.container(horizontal=True, key=f"{key}.points"):
        _button("CSV", to_csv, store, run_ids, f"{stem}.csv", "text/csv", key)
        _button(
            "Parquet",
            to_parquet,
            store,
            run_ids,
            f"{stem}.parquet",
            "application/vnd.apache.parquet",
            key,
        )
        _button("JSON", to_json, store, run_ids, f"{stem}.json", "application/json", key)
    st.caption(
        "All points, not downsampled. `step` counts optimizer steps; `time` is seconds of work "
        "since the run's start, without pauses. Times in JSON and Parquet are in UTC."
    )
    with st.container(horizontal=True, key=f"{key}.whole"):
        _button("Runs as a zip", to_zip, store, run_ids, f"{stem}.zip", "application/zip", key)
        if find_spec("tensorboard") is not None:
            _button(
                "TensorBoard files",
                event_files,
                store,
                run_ids,
                f"{stem}-tensorboard.zip",
                "application/zip",
                key,
            )
    st.caption(
        "The zip holds configs, points, weights, versions and checksums, and can be imported "
        "elsewhere."
    )
    if len(run_ids) == 1:
        _network(store, run_ids[0], key)
    _mlflow(store, run_ids, key)


def _network(store: Store, run_id: str, key: str) -> None:
    """The trained network of an MNIST run, to run elsewhere."""
    if not exportable(store.get(run_id)):
        return
    with st.container(horizontal=True, key=f"{key}.network"):
        _button(
            "Network as PyTorch code",
            lambda runs: to_model_zip(runs[0]),
            store,
            [run_id],
            f"network-{run_id}.zip",
            "application/zip",
            key,
        )
        if find_spec("onnx") is not None:
            _button(
                "ONNX",
                lambda runs: to_onnx(runs[0]),
                store,
                [run_id],
                f"network-{run_id}.onnx",
                "application/octet-stream",
                key,
            )
    st.caption(
        "A folder that runs without mlcore: the network as source code, its weights "
        "(safetensors), and `python predict.py IMAGE`. The ONNX file takes pixels from 0 to 1."
    )


def of_chart(build: Callable[[], alt.TopLevelMixin], name: str, *, key: str) -> None:
    """Downloads of a chart: SVG, PNG, and HTML with tooltips.

    Args:
        build: Makes the chart, with its data inside.
        name: Of the files, and the page's title.
        key: Prefix of all keys.
    """
    files: tuple[tuple[str, Callable[[], str | bytes], str], ...] = (
        ("SVG", lambda: chart_files.as_svg(build()), "image/svg+xml"),
        ("PNG", lambda: chart_files.as_png(build()), "image/png"),
        ("HTML", lambda: chart_files.as_html(build(), name), "text/html"),
    )
    stem = "".join(sign if sign.isalnum() else "-" for sign in name).strip("-")
    with st.container(horizontal=True, key=key):
        for label, make, mime in files:
            st.download_button(
                label,
                make,
                f"{stem}.{label.lower()}",
                mime,
                key=f"{key}.{label}",
                on_click="ignore",
                icon=":material/download:",
            )


def of_comparison(comparison: Comparison, lines: Lines) -> None:
    """Downloads of a comparison: its chart, its report, its runs."""
    st.markdown("**The curves as drawn**")
    of_chart(lines.whole_chart, comparison.metric, key="compare.take.chart")
    st.markdown("**The whole comparison on one page**")
    st.download_button(
        "HTML report",
        partial(report_html, comparison, labels=run_labels(comparison), smoothing=lines.smoothing),
        "comparison.html",
        "text/html",
        key="compare.take.report",
        on_click="ignore",
        icon=":material/download:",
        help="Verdicts, curves, tables and differences; opens offline.",
    )
    st.markdown("**The compared runs**")
    of_runs(comparison.ids, key="compare.take")
    st.markdown("**The same from a script**")
    page.as_code(*code_of(comparison), key="compare.take.code")


def code_of(comparison: Comparison) -> tuple[str, str]:
    """The comparison as Python and as a command."""
    options = {
        "metric": comparison.metric,
        "goal": comparison.goal,
        "measure": str(comparison.measure),
        "axis": comparison.axis,
    }
    if comparison.baseline is not None:
        options["baseline"] = comparison.baseline
    arguments = "".join(f"    {name}={value!r},\n" for name, value in options.items())
    python = (
        "import mlcore\n\n"
        f"comparison = mlcore.runs.compare(\n    {comparison.ids!r},\n{arguments})\n"
        "for contrast in comparison.contrasts:\n    print(contrast.sentence)\n"
        "mlcore.charts.curves(comparison.curves)  # an Altair chart, in Jupyter"
    )
    flags = " ".join(f"--{name} {_word(value)}" for name, value in options.items())
    return python, f"mlcore compare {' '.join(comparison.ids)} {flags}"


def _word(value: str) -> str:
    return f"'{value}'" if " " in value else value


def _button(
    label: str,
    build: Callable[[Sequence[Run]], bytes],
    store: Store,
    run_ids: Sequence[str],
    file: str,
    mime: str,
    key: str,
) -> None:
    st.download_button(
        label,
        partial(_built, build, store, tuple(run_ids)),
        file,
        mime,
        key=f"{key}.{label}",
        on_click="ignore",
        icon=":material/download:",
    )


def _built(build: Callable[[Sequence[Run]], bytes], store: Store, run_ids: Sequence[str]) -> bytes:
    return build([store.get(run_id) for run_id in run_ids])


def event_files(runs: Sequence[Run]) -> bytes:
    """The event files of runs, one folder per run, in one zip for TensorBoard."""
    buffer = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(buffer, "w") as archive:
        to_tensorboard(runs, Path(folder))
        for file in sorted(Path(folder).rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _mlflow(store: Store, run_ids: Sequence[str], key: str) -> None:
    missing = [name for name in ("tensorboard", "mlflow", "onnx") if find_spec(name) is None]
    if missing:
        names = {"tensorboard": "TensorBoard", "mlflow": "MLflow", "onnx": "ONNX"}
        st.caption(
            f"For {' and '.join(names[name] for name in missing)} as well: "
            f"`pip install 'mlcore[{','.join(missing)}]'`"
        )
    if "mlflow" in missing:
        return
    with st.container(horizontal=True, vertical_alignment="bottom", key=f"{key}.mlflow"):
        uri = st.text_input(
            "MLflow tracking URI", placeholder="http://localhost:5000", key=f"{key}.mlflow.uri"
        )
        st.button(
            "Copy",
            disabled=not uri,
            key=f"{key}.mlflow.copy",
            on_click=clicks.act,
            args=(_copy, store, tuple(run_ids), uri),
        )
    if done := st.session_state.pop(_MLFLOW_DONE, None):
        st.success(done)


def _copy(store: Store, run_ids: Sequence[str], uri: str) -> None:
    try:
        copies = to_mlflow([store.get(run_id) for run_id in run_ids], uri)
    except ConnectionError as refused:
        raise InputError(str(refused)) from refused
    st.session_state[_MLFLOW_DONE] = f"Copied to MLflow: {counted(len(copies), 'run')}."
