"""Saves charts as files: SVG, PNG, and an HTML page that works offline."""

from __future__ import annotations

import html
import json
from functools import cache
from typing import Any, Final

import altair as alt

_PNG_SCALE: Final = 2.0
_EMBED: Final = """
for (const place of document.querySelectorAll('script[type="application/vega-lite+json"]')) {
  const chart = document.createElement('div')
  place.after(chart)
  vegaEmbed(chart, JSON.parse(place.textContent), {actions: {source: false, editor: false}})
}
"""


def as_svg(chart: alt.TopLevelMixin) -> str:
    """The chart as SVG, with its data.

    Raises:
        ValueError: If the chart has no data of its own (``mlcore.charts.comparison.with_rows``).
    """
    import vl_convert

    svg: str = vl_convert.vegalite_to_svg(_spec(chart))
    return svg


def as_png(chart: alt.TopLevelMixin, scale: float = _PNG_SCALE) -> bytes:
    """The chart as PNG.

    Args:
        chart: A chart with its data.
        scale: Pixels for each pixel of the chart's own size.
    """
    import vl_convert

    png: bytes = vl_convert.vegalite_to_png(_spec(chart), scale=scale)
    return png


def as_html(chart: alt.TopLevelMixin, title: str) -> str:
    """One HTML page with the interactive chart, its data and all the code it needs.

    Args:
        chart: A chart with its data.
        title: Of the page; shown as text whatever it holds.
    """
    return page_html(title, chart_html(chart))


def chart_html(chart: alt.TopLevelMixin) -> str:
    """A chart as an element of ``page_html``.

    The spec stands in a script element that no browser runs. The sign ``<`` is written as its
    number, so that no name of a run can end the element.
    """
    text = json.dumps(_spec(chart), ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    return f'<script type="application/vega-lite+json">{text}</script>'


def page_html(title: str, body: str) -> str:
    """A page that draws every ``chart_html`` in its body and works offline.

    Args:
        title: Of the page; shown as text whatever it holds.
        body: HTML, with everything typed by users already escaped.
    """
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{html.escape(title)}</h1>\n{body}\n<script>{_bundle()}</script>\n</body>\n</html>\n"
    )


_STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
       color: #0a111c; background: #fff; overflow-wrap: break-word; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
td, th { border: 1px solid #d6dce4; padding: 0.2rem 0.6rem; text-align: left; vertical-align: top;
         max-width: 20rem; overflow-wrap: break-word; }
"""


@cache
def _bundle() -> str:
    import vl_convert

    script: str = vl_convert.javascript_bundle(_EMBED)
    return script.replace("</script", "<\\/script")


def _spec(chart: alt.TopLevelMixin) -> dict[str, Any]:
    spec: dict[str, Any] = chart.to_dict(validate=True)
    if spec.get("data", {}).keys() == {"name"} and not spec.get("datasets"):
        raise ValueError(
            "The chart names its data and does not hold them. Put its rows inside first: "
            "mlcore.charts.comparison.with_rows(chart, rows)."
        )
    spec.setdefault("width", 640)
    spec["background"] = "white"
    return spec
