"""The report of a comparison: one page that stands alone and shows every text as text."""

from __future__ import annotations

import json
import math
import re
from html.parser import HTMLParser

from mlcore.charts.report import report_html
from mlcore.runs import compare
from mlcore.runs.store.store import Store
from tests.runs.made import made, made_with_finals
from tests.runs.toy import ToyConfig

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)> “קו” 'x' \u202e"


class _Read(HTMLParser):
    """What of a page is text, and what elements and attributes it has."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [f"{name}={value}" for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def _read(page: str) -> _Read:
    reader = _Read()
    reader.feed(page)
    return reader


def test_the_report_holds_the_verdict_and_the_numbers(store: Store) -> None:
    runs = [
        *made_with_finals(store, ToyConfig(lr=0.01), [0.90, 0.91, 0.902]),
        *made_with_finals(store, ToyConfig(lr=0.1), [0.95, 0.952, 0.957]),
    ]
    found = compare(runs)
    text = _read(report_html(found)).text
    assert found.contrasts[0].sentence in text
    assert "Test accuracy of 6 runs" in text
    assert f"{found.groups[0].mean:.5g}" in text
    assert all(run.id in text for run in runs)
    assert "No known difference: same versions, data, host and device." in text


def test_the_report_needs_no_network_and_runs_no_name(store: Store) -> None:
    run = made(store, ToyConfig(), {"loss": {0: 1.0, 9: 0.5}}).edit(name=HOSTILE, note=HOSTILE)
    page = report_html(compare([run, made(store, ToyConfig(lr=0.5))], metric="loss"))
    read = _read(page)
    assert "img" not in read.tags
    assert not [one for one in read.attributes if re.match(r"(src|href|on\w+)=", one)]
    assert HOSTILE in read.text
    assert read.tags.count("script") == 2, "the chart's spec, and the code that draws it"


def test_long_curves_are_thinned_and_the_report_says_so(store: Store) -> None:
    curve = {step: 1.0 / (step + 1) for step in range(3000)}
    long = made(store, ToyConfig(), {"loss": curve})
    page = _read(report_html(compare([long], metric="loss", points=200), smoothing=0.5)).text
    assert "Curves with many points are downsampled" in page
    assert "Smoothed with a weight of 0.5" in page


def test_groups_are_drawn_as_means_and_a_crowd_of_runs_is_not(store: Store) -> None:
    runs = [
        made(store, ToyConfig(lr=lr, seed=seed), {"loss": {0: 1.0, 9: lr + seed / 100}})
        for lr in (0.1, 0.2)
        for seed in range(6)
    ]
    page = report_html(compare(runs, metric="loss"))
    assert _read(page).tags.count("script") == 2, "one chart, of the two groups"
    few = report_html(compare(runs[4:8], metric="loss"))
    assert _read(few).tags.count("script") == 3, "the runs as well, where they are few"
    assert "its band the lowest and the highest" in _read(page).text


def test_runs_without_the_metric_are_reported_without_a_chart(store: Store) -> None:
    page = _read(report_html(compare([made(store, ToyConfig())], metric="loss"))).text
    assert "None of these runs has measured loss." in page


def test_values_that_are_not_finite_are_said_and_marked(store: Store) -> None:
    curve = {0: math.nan, 1: math.inf, 2: -math.inf, 3: 0.5, 4: 0.25}
    runs = [
        made(store, ToyConfig(seed=1), {"loss": curve}),
        made(store, ToyConfig(seed=2), {"loss": {**curve, 5: math.nan}}),
        made(store, ToyConfig(lr=0.5), {"loss": {**curve, 5: math.inf}}),
        made(store, ToyConfig(lr=0.25), {"other": {0: 1.0}}),
    ]
    found = compare(runs, metric="loss", store=store)
    page = report_html(found)
    text = _read(page).text
    assert f"{runs[1].id}: its last loss is NaN" in text
    assert f"{runs[2].id}: its last loss is ∞" in text
    assert f"{runs[3].id}: it has no loss" in text
    assert "<td><bdi>NaN</bdi></td>" in page
    assert "<td><bdi>∞</bdi></td>" in page
    specs = re.findall(r'<script type="application/vega-lite\+json">(.*?)</script>', page)
    assert specs

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    words = [
        row.get("odd")
        for spec in specs
        for rows in json.loads(spec, parse_constant=refuse)["datasets"].values()
        for row in rows
    ]
    assert {"NaN", "∞", "−∞"} <= set(words)
