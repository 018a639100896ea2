"""The palette against the bounds it claims."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mlcore.charts import palette

ROLES = [palette.VALUE, palette.GRADIENT, palette.THEORY, palette.GOOD, palette.BAD]
DRAWN = sorted({*ROLES, *palette.RUN_COLOURS})

# Machado, Oliveira, Fernandes: A physiologically-based model for simulation of color vision
# deficiency. IEEE TVCG 15(6), 2009; severity 1, on linear RGB.
BLINDNESS = {
    "none": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
               [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
               [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
               [0.004733, 0.691367, 0.303900]],
}  # fmt: skip


def linear(colour: str) -> NDArray[np.float64]:
    sixths = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(sixths <= 0.04045, sixths / 12.92, ((sixths + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """WCAG 2.1, definition of contrast ratio."""
    weights = np.array([0.2126, 0.7152, 0.0722])
    dark, light = sorted(float(linear(colour) @ weights) for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)


def oklab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """Björn Ottosson, A perceptual color space for image processing, 2020."""
    to_lms = [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
    to_lab = [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
    lab: NDArray[np.float64] = np.array(to_lab) @ np.cbrt(np.array(to_lms) @ rgb)
    return lab


def difference(one: str, other: str, seen: NDArray[np.float64]) -> float:
    views = [oklab(np.clip(np.array(seen) @ linear(colour), 0, 1)) for colour in (one, other)]
    return float(np.linalg.norm(views[0] - views[1]))


@pytest.mark.parametrize("colour", DRAWN)
@pytest.mark.parametrize("theme", [palette.LIGHT, palette.DARK], ids=["light", "dark"])
def test_every_drawn_colour_stands_out_from_both_backgrounds(
    colour: str, theme: dict[str, str]
) -> None:
    assert contrast(colour, theme["background"]) >= 3


@pytest.mark.parametrize("theme", [palette.LIGHT, palette.DARK], ids=["light", "dark"])
def test_text_reads_on_every_surface(theme: dict[str, str]) -> None:
    assert contrast(theme["text"], theme["background"]) >= 7
    assert contrast(theme["text"], theme["surface"]) >= 7


@pytest.mark.parametrize("theme", [palette.LIGHT, palette.DARK], ids=["light", "dark"])
@pytest.mark.parametrize("behind", ["background", "surface"])
def test_captions_read_though_streamlit_writes_them_at_60_percent(
    theme: dict[str, str], behind: str
) -> None:
    parts = [[int(theme[name][i : i + 2], 16) for i in (1, 3, 5)] for name in ("text", behind)]
    mixed = [round(0.6 * over + 0.4 * under) for over, under in zip(*parts, strict=True)]
    assert contrast("#" + "".join(f"{part:02x}" for part in mixed), theme[behind]) >= 4.5


@pytest.mark.parametrize("colour", palette.WRITTEN)
def test_words_in_charts_read_on_both_backgrounds(colour: str) -> None:
    light, dark = palette.readable(colour)
    assert contrast(light, palette.LIGHT["background"]) >= 4.5
    assert contrast(dark, palette.DARK["background"]) >= 4.5


@pytest.mark.parametrize("theme", [palette.LIGHT, palette.DARK], ids=["light", "dark"])
def test_the_primary_colour_reads_as_text_and_under_a_tick(theme: Mapping[str, str]) -> None:
    assert contrast(theme["primary"], theme["background"]) >= 4.5
    assert contrast(theme["primary"], theme["surface"]) >= 4.5
    assert contrast(theme["primary"], "#ffffff") >= 3  # ticks of boxes, which are white


@pytest.mark.parametrize("seen", BLINDNESS.values(), ids=list(BLINDNESS))
def test_run_colours_stay_apart_for_colour_blind_eyes(seen: NDArray[np.float64]) -> None:
    for place, one in enumerate(palette.RUN_COLOURS):
        for other in palette.RUN_COLOURS[:place]:
            assert difference(one, other, seen) >= 0.05, (one, other)


@pytest.mark.parametrize("seen", BLINDNESS.values(), ids=list(BLINDNESS))
def test_values_and_gradients_are_never_confused(seen: NDArray[np.float64]) -> None:
    assert difference(palette.VALUE, palette.GRADIENT, seen) >= 0.15


@pytest.mark.parametrize(
    ("ramp", "one_way"), [(palette.SEQUENTIAL, True), (palette.DIVERGING, False)]
)
def test_lightness_tells_the_order_of_a_ramp(ramp: Sequence[str], one_way: bool) -> None:
    lightness = [float(oklab(linear(colour))[0]) for colour in ramp]
    half = len(ramp) if one_way else len(ramp) // 2 + 1
    falling = lightness[:half] if one_way else lightness[half - 1 :]
    assert falling == sorted(falling, reverse=True)
    if not one_way:
        assert lightness[:half] == sorted(lightness[:half])


@given(st.dictionaries(st.text(min_size=1), st.integers(0, 10**9), max_size=7))
def test_runs_drawn_together_have_different_colours(numbers: dict[str, int]) -> None:
    chosen = palette.run_colours(numbers)
    assert list(chosen) == list(numbers)
    assert len(set(chosen.values())) == len(numbers)


@given(st.integers(0, 10**9), st.integers(1, 7))
def test_runs_started_in_a_row_keep_their_own_colours_when_drawn_together(
    first: int, count: int
) -> None:
    numbers = {f"run {number}": number for number in range(first, first + count)}
    own = {run: palette.run_colour(number) for run, number in numbers.items()}
    assert palette.run_colours(numbers) == own


def test_the_theme_has_the_colours_of_the_palette() -> None:
    with (Path(__file__).parents[2] / ".streamlit" / "config.toml").open("rb") as file:
        theme = tomllib.load(file)["theme"]
    assert theme["chartCategoricalColors"] == list(palette.RUN_COLOURS)
    for name, ours in {"light": palette.LIGHT, "dark": palette.DARK}.items():
        assert theme[name]["backgroundColor"] == ours["background"]
        assert theme[name]["secondaryBackgroundColor"] == ours["surface"]
        assert theme[name]["textColor"] == ours["text"]
        assert theme[name]["borderColor"] == ours["border"]
        assert theme[name]["primaryColor"] == ours["primary"]
