"""What a script logged beside numbers: images, histograms, tables and figures, by step."""

from __future__ import annotations

import json
from base64 import b64encode

import streamlit as st

from mlcore.charts.media import histogram_rows, histogram_spec
from mlcore.runs import Run
from mlcore.runs.logged.media import caption_of, is_png, table_of
from mlcore.ui import page
from mlcore.ui.common import elements
from mlcore.ui.common.numbers import counted

_WIDEST = 700
_SMALLEST = 224
_ROW = 64  # pixels, of a table with images
_MOST_IMAGES = 200
_MOST_BYTES = 4 * 2**20


def show(run: Run) -> None:
    """Draw one of them, with a list of names and a slider over its steps."""
    if not run.logged:
        return
    found = run.media()
    if found.empty:
        return
    names = list(dict.fromkeys(found["name"]))
    with st.expander(
        f"Images, tables and figures ({counted(len(found), 'file')})",
        icon=":material/perm_media:",
        expanded=True,
        key="runs.media",
    ):
        name = st.selectbox(
            "Name", names, format_func=lambda one: page.one_line(one, 80), key="runs.media.name"
        )
        mine = found[found["name"] == name]
        steps = [int(step) for step in mine["step"]]
        step = steps[-1]
        if len(steps) > 1:
            step = st.select_slider(
                "Step",
                steps,
                value=steps[-1],
                format_func=lambda at: f"{at:,}",
                key=f"runs.media.step.{run.id}.{names.index(name)}.{len(steps)}",
            )
        kind = str(mine[mine["step"] == step]["kind"].iloc[0])
        if kind == "table":
            here = found[(found["step"] == step) & (found["kind"] == "image")]
            _table(run, name, step, {str(image) for image in here["name"]})
        else:
            _draw(run, name, step, kind)


def _draw(run: Run, name: str, step: int, kind: str) -> None:
    content = run.media_file(name, step)
    words = f"{page.one_line(name, 80)}, step {step:,}"
    if is_png(content):
        caption = caption_of(content)
        _image(content, f"{words}: {caption}" if caption else words)
    elif kind == "histogram":
        rows, odd = histogram_rows(content)
        elements.chart(
            histogram_spec(page.one_line(name, 80), step), rows, key="runs.media.histogram"
        )
        if odd:
            st.caption(f"{counted(odd, 'value')} NaN or infinite, in no bin.")
    else:
        st.vega_lite_chart(json.loads(content), key="runs.media.figure", alt=words)


def _table(run: Run, name: str, step: int, images: set[str]) -> None:
    """A table; a column whose cells name images of the same step shows these."""
    frame = table_of(run.media_file(name, step))
    cells = {str(column): [str(one) for one in frame[column]] for column in frame}
    shown = {column: set(named) for column, named in cells.items() if {*named} <= images}
    needed = sorted(set().union(*shown.values()))[: _MOST_IMAGES + 1] if len(frame) else []
    small = {one: run.media_file(one, step) for one in needed if len(needed) <= _MOST_IMAGES}
    if not small or sum(map(len, small.values())) > _MOST_BYTES:
        shown = {}
    for column in shown:
        urls = {one: f"data:image/png;base64,{b64encode(small[one]).decode()}" for one in small}
        frame[column] = [urls[one] for one in cells[column]]
    st.dataframe(
        frame,
        hide_index=True,
        column_config={column: st.column_config.ImageColumn() for column in shown},
        row_height=_ROW if shown else None,
        key="runs.media.table",
        alt=f"{page.one_line(name, 80)}, step {step:,}",
    )


def _image(content: bytes, words: str) -> None:
    """An image in its own size; a small one with its pixels as squares."""
    import io

    from PIL import Image

    with Image.open(io.BytesIO(content)) as picture:
        wide = picture.width
        shown: Image.Image = picture.convert("RGBA")
    if wide < _SMALLEST:
        times = -(-_SMALLEST // wide)
        shown = shown.resize((wide * times, shown.height * times), Image.Resampling.NEAREST)
    st.image(shown, caption=page.plain(words), width=min(_WIDEST, shown.width))
