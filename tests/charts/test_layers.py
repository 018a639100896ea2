"""The charts on layers: each says what it shows, names its axes and answers to the mouse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mlcore.charts import losses, normalization, signals, training_race

DASHES = (("a", (1, 0)), ("b", (4, 2)))
SPECS: dict[str, dict[str, Any]] = {
    "spread": normalization.spread_spec("channel"),
    "running": normalization.running_spec("Running mean", "Mean"),
    "influence": normalization.influence_spec("#000000"),
    "functions": signals.function_spec("value", DASHES, "#000000"),
    "slopes": signals.function_spec("slope", DASHES, "#000000"),
    "chain": signals.chain_spec(20, DASHES, "#000000"),
    "units": signals.units_spec(),
    "signals forward": signals.signal_spec("activation", 10, "#000000"),
    "signals backward": signals.signal_spec("gradient", 10, "#000000"),
    "layer histograms": signals.layer_histogram_spec("activations", "#2a7fd4"),
    "softmax": losses.probability_spec("1"),
    "logit gradients": losses.gradient_spec(),
    "loss sweep": losses.sweep_spec("loss"),
    "gradient sweep": losses.sweep_spec("gradient"),
    "outcomes": training_race.outcome_spec(("a", "b"), 32),
    "race curves": training_race.race_curve_spec("Learning rate 1", 100),
    "layer spread": training_race.layer_spread_spec(),
}


def encodings(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "encoding" in spec:
        yield spec["encoding"]
    for layer in spec.get("layer", []):
        yield from encodings(layer)


@pytest.mark.parametrize("name", SPECS)
def test_a_chart_has_a_title_a_description_axis_names_and_tooltips(name: str) -> None:
    spec = SPECS[name]
    drawn = list(encodings(spec))

    assert spec["title"]["text"]
    assert len(spec["description"]) > 20
    assert any(encoding.get("tooltip") for encoding in drawn)
    for axis in ("x", "y"):
        titles = [e[axis].get("title") for e in drawn if axis in e and "field" in e[axis]]
        categories = [e[axis].get("type") in ("nominal", "ordinal") for e in drawn if axis in e]
        assert any(titles) or all(categories), axis


@pytest.mark.parametrize("name", SPECS)
def test_a_chart_carries_no_data_so_that_a_page_sends_rows_alone(name: str) -> None:
    assert "data" not in str(SPECS[name].keys())
    assert "datasets" not in SPECS[name]
    for layer in SPECS[name].get("layer", []):
        assert "data" not in layer
