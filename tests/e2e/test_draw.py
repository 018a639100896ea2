"""The page Draw by hand: a seven with the mouse, bars that follow, the flip, and bad photos."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import BrowserContext, FilePayload, Locator, Page, expect

import mlcore
from mlcore import MNISTConfig, Run
from tests.e2e.conftest import DashboardServer
from tests.e2e.settling import settle, settled_box

pytestmark = pytest.mark.browser

QUICK = MNISTConfig(
    hidden=(64,),
    loss="cross_entropy",
    optimizer="adam",
    lr=0.004,
    batch_size=128,
    train_size=12_000,
    epochs=3,
)
"""Reads a clear seven after a second of training."""

SEVEN = ((0.28, 0.25), (0.72, 0.25), (0.45, 0.85))
"""Corners of a seven as parts of the sheet's side."""


@pytest.fixture(scope="module")
def run(dashboard_server: DashboardServer) -> Iterator[Run]:
    """A finished run in the dashboard's store."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLCORE_STORE", dashboard_server.store)
        finished = mlcore.run(QUICK, progress=False)
    yield finished
    finished.store.close()


@pytest.fixture(scope="module")
def opened(window: BrowserContext) -> Iterator[Page]:
    """A tab for all tests."""
    tab = window.new_page()
    yield tab
    tab.close()


@pytest.fixture
def page(dashboard_server: DashboardServer, run: Run, opened: Page) -> Page:
    """The page with that run, whatever is on its sheet; opened with a seven of the test set."""
    opened.mouse.up()
    opened.emulate_media(color_scheme="light")
    if not opened.url.startswith(f"{dashboard_server.url}/draw?"):
        opened.goto(f"{dashboard_server.url}/draw?run={run.id}")
        expect(answer(opened)).to_have_attribute("data-answer", "7")
    expect(opened.locator("h1")).to_have_text("Draw a digit")
    return opened


def answer(tab: Page) -> Locator:
    return tab.locator(".answers .run").first


def snapshot(tab: Page) -> int:
    """Number of the drawing that was answered last."""
    return int(tab.locator(".answers").get_attribute("data-answered") or 0)


def bars(tab: Page) -> list[float]:
    """The probabilities that the bars show, in percent; none while the sheet is empty."""
    texts = tab.locator(".answers .bars .chance").all_inner_texts()
    return [float(text.removesuffix(" %")) for text in texts if text != "–"]


def clear(tab: Page) -> None:
    """Take all off the sheet, if there is anything."""
    settled_box(tab.locator(".sheet canvas"))
    if tab.get_by_role("button", name="Clear", exact=True).is_enabled():
        tab.get_by_role("button", name="Clear", exact=True).click()
    expect(answer(tab)).to_have_attribute("data-answer", "")


def draw(tab: Page, corners: tuple[tuple[float, float], ...]) -> list[int]:
    """Draw a line with the mouse; numbers of the answers seen while the button was down."""
    box = settled_box(tab.locator(".sheet canvas"))
    places = [(box["x"] + u * box["width"], box["y"] + v * box["height"]) for u, v in corners]
    tab.mouse.move(*places[0])
    tab.mouse.down()
    seen = []
    for place in places[1:]:
        before = snapshot(tab)
        tab.mouse.move(*place, steps=8)
        expect(tab.locator(".answers")).not_to_have_attribute("data-answered", str(before))
        seen.append(snapshot(tab))
    tab.mouse.up()
    expect_answered(tab)
    return seen


def expect_answered(tab: Page) -> None:
    """Wait until the last change of the sheet is answered."""
    last = tab.locator(".pad").get_attribute("data-count")
    assert last is not None
    expect(tab.locator(".answers")).to_have_attribute("data-answered", last)


def test_a_seven_drawn_with_the_mouse_is_read_while_it_is_drawn_and_flipped_by_the_slider(
    page: Page,
) -> None:
    clear(page)
    expect(page.locator(".hint")).to_be_visible()
    assert bars(page) == []

    seen = draw(page, SEVEN)

    assert seen == sorted(set(seen))  # the bars moved while the button was down
    expect(answer(page)).to_have_attribute("data-answer", "7")
    assert bars(page)[7] == max(bars(page)) > 30
    expect(page.locator(".answers .seen .say")).to_have_text("Your drawing")

    page.get_by_role("tab", name="Fool it").click()
    walk = page.locator(".walk")
    expect(walk).to_have_attribute("data-answer", "7")
    said = re.search(r"ε = (\d+) of 255", walk.locator(".words").inner_text())
    assert said is not None
    flip = int(said[1])
    slider = walk.get_by_role("slider")
    slider.fill(str(flip - 1))
    expect(walk).to_have_attribute("data-answer", "7")
    slider.press("ArrowRight")
    expect(walk).to_have_attribute("data-level", str(flip))
    expect(walk).not_to_have_attribute("data-answer", "7")
    expect(walk.locator("output")).not_to_contain_text("read as 7")

    page.reload()
    expect(page.get_by_role("tab", name="Fool it")).to_have_attribute("aria-selected", "true")


def test_undo_takes_a_stroke_back_and_the_sheet_outlives_other_pages_and_themes(
    page: Page,
) -> None:
    clear(page)
    draw(page, SEVEN)
    drawn = bars(page)
    bar = ((0.2, 0.9), (0.8, 0.9))

    draw(page, bar)
    assert bars(page) != drawn
    page.get_by_role("button", name="Undo").click()
    expect_answered(page)
    assert bars(page) == drawn

    page.emulate_media(color_scheme="dark")
    page.get_by_role("link", name="Inside").first.click()
    expect(page.locator("h1")).not_to_have_text("Draw a digit")
    page.get_by_role("link", name="Draw a digit").first.click()
    expect(page.locator("h1")).to_have_text("Draw a digit")
    settle(page)
    assert bars(page) == drawn
    # the strokes themselves came back: another one joins them, and leaves them when it is undone
    draw(page, bar)
    assert bars(page) != drawn
    page.get_by_role("button", name="Undo").click()
    expect_answered(page)
    assert bars(page) == drawn


def test_keys_clear_and_bring_back_and_a_pen_draws(page: Page) -> None:
    clear(page)
    draw(page, SEVEN)
    drawn = bars(page)
    sheet = page.locator(".sheet canvas")
    sheet.press("Delete")
    expect(answer(page)).to_have_attribute("data-answer", "")
    sheet.press("Control+z")
    expect_answered(page)
    assert bars(page) == drawn
    sheet.press("Delete")
    expect(answer(page)).to_have_attribute("data-answer", "")

    box = settled_box(sheet)
    pen = page.context.new_cdp_session(page)
    kinds = ["mousePressed", "mouseMoved", "mouseMoved", "mouseReleased"]
    for kind, (u, v) in zip(kinds, [*SEVEN, SEVEN[-1]], strict=True):
        pen.send(
            "Input.dispatchMouseEvent",
            {
                "type": kind,
                "x": box["x"] + u * box["width"],
                "y": box["y"] + v * box["height"],
                "button": "left",
                "buttons": 0 if kind == "mouseReleased" else 1,
                "clickCount": 1,
                "pointerType": "pen",
                "force": 0.5,
            },
        )
    pen.detach()
    expect_answered(page)
    expect(answer(page)).to_have_attribute("data-answer", "7")


def test_keys_draw_and_read_every_picture(page: Page) -> None:
    clear(page)
    sheet = page.locator(".sheet canvas")
    for key, times in (("ArrowUp", 9), ("Space", 1), ("ArrowDown", 18), ("Space", 1)):
        for _ in range(times):
            sheet.press(key)
    expect(page.locator(".pad .said")).to_have_text("Pen up at row 23, column 14.")
    expect_answered(page)
    expect(answer(page)).to_have_attribute("data-answer", "1")
    sheet.press("ArrowRight")  # moves the pen, draws nothing
    expect(page.locator(".pad .said")).to_have_text("Pen up at row 23, column 15.")
    assert snapshot(page) == int(page.locator(".pad").get_attribute("data-count") or -1)

    seen = page.locator(".answers .seen")
    seen.locator("canvas").press("ArrowLeft")
    expect(seen.locator(".say")).to_have_text(re.compile(r"^row 14, column 14: \d+ of 255$"))
    seen.locator("canvas").press("ArrowLeft")
    expect(seen.locator(".say")).to_have_text(re.compile(r"^row 14, column 13: "))

    page.get_by_role("tab", name="Pixels").click()
    expect(page.locator(".maps .group")).to_have_count(3)
    pictures, say = page.locator(".maps canvas"), page.locator(".maps .say")
    pictures.first.press("ArrowDown")
    expect(say).to_contain_text("row 14, column 14")
    pictures.first.press("PageDown")
    expect(pictures.nth(1)).to_be_focused()
    expect(page.locator(".maps canvas[tabindex='0']")).to_have_count(1)


def photo(name: str, data: bytes) -> FilePayload:
    return {"name": name, "mimeType": "image/png", "buffer": data}


def encoded(picture: Image.Image, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


def moving(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "GIF", save_all=True, append_images=[picture.rotate(20)])
    return file.getvalue()


def test_a_photo_is_read_and_bad_ones_are_refused_in_a_sentence(page: Page) -> None:
    paper = Image.new("L", (600, 800), 215)
    ImageDraw.Draw(paper).line([(150, 200), (400, 200), (260, 560)], fill=50, width=40)
    whole = encoded(paper)
    chooser = page.locator("input[type=file]")

    for name, data, said in [
        ("words.png", b"Seven is a number.", "no picture that can be read"),
        ("huge.png", encoded(Image.new("1", (10_000, 5_000), 1)), "has 50 megapixels"),
        ("cut.png", whole[: len(whole) // 2], "damaged or cut off"),
        ("moving.gif", moving(paper), "holds 2 pictures"),
        ("white.png", encoded(Image.new("L", (300, 300), 255)), "is blank"),
    ]:
        chooser.set_input_files(photo(name, data))
        expect(page.get_by_test_id("stAlert").get_by_text(said)).to_be_visible()
        expect(page.get_by_test_id("stException")).to_have_count(0)

    clear(page)
    chooser.set_input_files(photo("mine.png", whole))
    expect(page.locator(".answers .seen .say")).to_have_text("Your photo mine.png")
    expect(answer(page)).to_have_attribute("data-answer", "7")
    expect(page.get_by_test_id("stAlert")).to_have_count(0)
