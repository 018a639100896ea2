"""Photos become ink; what is no photo of a digit is refused in a sentence, quickly."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mlcore.mnist import load
from mlcore.mnist.insight import DrawingError, prepare, read_photo
from mlcore.mnist.insight.uploads import otsu


def encoded(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """A picture as a file."""
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def paper(size: tuple[int, int] = (400, 500), *, width: int = 26) -> Image.Image:
    """A dark seven on light paper, drawn off the middle."""
    picture = Image.new("L", size, 225)
    ImageDraw.Draw(picture).line([(90, 120), (240, 120), (150, 330)], fill=40, width=width)
    return picture


def claims(width: int, height: int) -> bytes:
    """The first bytes of a PNG of that size, and no pixel."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    check = struct.pack(">I", zlib.crc32(b"IHDR" + header))
    begun = struct.pack(">I", 1000) + b"IDAT"
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + header + check + begun


def refusal(data: bytes) -> str:
    """The sentence with which a file is refused."""
    with pytest.raises(DrawingError) as refused:
        read_photo(data)
    return str(refused.value)


# --- refusals --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data", [b"", b"Seven is a number.\n" * 50, b"\x89PNG\r\n\x1a\n", b"GIF89a"]
)
def test_a_file_that_is_no_picture_is_refused(data: bytes) -> None:
    assert refusal(data).startswith("The file is no picture that can be read: choose a PNG")


def test_a_vector_drawing_is_refused() -> None:
    assert "no picture that can be read" in refusal(b"<svg xmlns='http://www.w3.org/2000/svg'/>")


def test_fifty_megapixels_are_refused() -> None:
    data = encoded(Image.new("1", (10_000, 5_000), 1))

    assert refusal(data) == ("The picture has 50 megapixels, but may have 25: scale it down first.")


@pytest.mark.parametrize(("width", "said"), [(10_000, "has 50 mega"), (200_000, "more than 179")])
def test_a_picture_is_refused_by_its_header_before_it_is_unpacked(width: int, said: str) -> None:
    assert said in refusal(claims(width, 5_000))


def test_a_file_of_many_megabytes_is_refused_unopened() -> None:
    assert refusal(bytes(31 * 2**20)).startswith("The file has 31 MB, but may have 30")


def test_an_animation_is_refused() -> None:
    frames = [paper(), paper().rotate(20)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])

    assert refusal(data) == "The file holds 2 pictures: choose one that stands still."


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_picture_that_is_cut_off_is_refused(kind: str) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (300, 200), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), kind)

    said = refusal(data[: len(data) // 2])

    assert "damaged or cut off" in said or "no picture that can be read" in said


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_blank_picture_is_refused(level: int) -> None:
    assert refusal(encoded(Image.new("L", (300, 300), level))).startswith("The picture is blank")


def test_an_empty_sheet_in_the_light_of_a_lamp_is_blank() -> None:
    rows, columns = np.mgrid[0:300, 0:200]
    light = (
        230 - 0.3 * columns - (rows / 40) ** 2 + np.random.default_rng(3).normal(0, 4, (300, 200))
    )

    said = refusal(encoded(Image.fromarray(light.clip(0, 255).astype(np.uint8))))

    assert said.startswith("The picture is blank")


def test_faint_noise_is_as_blank_as_nothing() -> None:
    noise = np.random.default_rng(3).integers(200, 212, (300, 300), dtype=np.uint8)

    assert refusal(encoded(Image.fromarray(noise))).startswith("The picture is blank")


# --- what is read ----------------------------------------------------------------------------


def dark_on_light(picture: Image.Image) -> bytes:
    return encoded(picture)


def light_on_dark(picture: Image.Image) -> bytes:
    return encoded(picture.point(lambda level: 255 - level))


def in_colour(picture: Image.Image) -> bytes:
    return encoded(Image.merge("RGB", [picture, picture, picture]), "BMP")


def with_palette(picture: Image.Image) -> bytes:
    return encoded(picture.convert("P"), "GIF")


def on_its_side(picture: Image.Image) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn me 90° clockwise to see me upright"
    return encoded(picture.transpose(Image.Transpose.ROTATE_90), "TIFF", exif=exif.tobytes())


def see_through(picture: Image.Image) -> bytes:
    ink = picture.point(lambda level: 255 if level < 128 else 0)
    return encoded(Image.merge("LA", [Image.new("L", picture.size, 0), ink]))


def white_see_through(picture: Image.Image) -> bytes:
    ink = picture.point(lambda level: 255 if level < 128 else 0)
    return encoded(
        Image.merge("LA", [Image.new("L", picture.size, 255), ink]), "WEBP", lossless=True
    )


def as_phones_do(picture: Image.Image) -> bytes:
    return encoded(
        picture, "MPO", save_all=True, append_images=[picture.resize((40, 50))], quality=95
    )


def in_sixteen_bits(picture: Image.Image) -> bytes:
    return encoded(Image.fromarray(np.asarray(picture, dtype=np.uint16) * 200 + 3000))


def in_twelve_bits(picture: Image.Image) -> bytes:
    return encoded(Image.fromarray(160 + np.asarray(picture, dtype=np.uint16) * 14))


@pytest.mark.parametrize("level", [0, 300, 60_000])
def test_a_blank_sheet_of_sixteen_bits_is_not_stretched_into_noise(level: int) -> None:
    noise = np.random.default_rng(3).integers(0, 1 + level // 50, (300, 300))
    sheet = Image.fromarray((level + noise).astype(np.uint16))
    assert refusal(encoded(sheet)).startswith("The picture is blank")


@pytest.mark.parametrize(
    "kept_as",
    [
        in_twelve_bits,
        as_phones_do,
        in_sixteen_bits,
        light_on_dark,
        in_colour,
        with_palette,
        on_its_side,
        see_through,
        white_see_through,
    ],
)
def test_one_drawing_is_one_digit_however_it_is_kept(
    kept_as: Callable[[Image.Image], bytes],
) -> None:
    expected = prepare(read_photo(dark_on_light(paper()))).astype(int)

    found = prepare(read_photo(kept_as(paper()))).astype(int)

    assert np.abs(found - expected).max() <= 40
    assert np.abs(found - expected).mean() < 1


def test_a_speck_beside_the_digit_is_left_out() -> None:
    stained = paper()
    ImageDraw.Draw(stained).ellipse([(340, 430), (360, 450)], fill=40)

    assert (prepare(read_photo(encoded(stained))) == prepare(read_photo(encoded(paper())))).all()


def test_a_stroke_that_barely_touches_stays() -> None:
    parted = paper()
    ImageDraw.Draw(parted).line([(160, 100), (160, 140)], fill=225, width=8)

    whole, found = (int((prepare(read_photo(encoded(p))) > 0).sum()) for p in (paper(), parted))

    assert found > 0.9 * whole


def test_a_hairline_becomes_a_stroke_that_a_network_can_see() -> None:
    thin = prepare(read_photo(encoded(paper(width=3))))

    assert thin.max() == 255
    assert (thin > 127).sum() > 40


def test_a_large_photo_gives_the_digit_of_a_small_one() -> None:
    small = prepare(read_photo(encoded(paper()))).astype(int)

    large = prepare(read_photo(encoded(paper().resize((4000, 5000)), "JPEG"))).astype(int)

    assert np.abs(large - small).mean() < 1


def test_test_digits_photographed_in_poor_light_stay_readable() -> None:
    digits, random = load("mnist"), np.random.default_rng(7)
    agreeing = []
    for pixels in digits.test_images[:25].numpy():
        ink = Image.fromarray(pixels).resize((196, 196), Image.Resampling.BICUBIC)
        sheet = np.full((320, 360), 190.0)
        sheet[60:256, 90:286] -= np.asarray(ink) / 255 * 120
        sheet += np.linspace(-40, 40, 360) + random.normal(0, 5, sheet.shape)
        photo = Image.fromarray(sheet.clip(0, 255).astype(np.uint8))
        found = prepare(read_photo(encoded(photo, "JPEG", quality=85)))
        agreeing.append(np.corrcoef(found.ravel(), pixels.ravel())[0, 1])

    assert np.median(agreeing) > 0.9


# --- the threshold ---------------------------------------------------------------------------


@given(st.lists(st.integers(0, 255), min_size=2, max_size=200))
def test_otsus_threshold_has_the_largest_variance_between_its_parts(values: list[int]) -> None:
    levels = np.array(values, dtype=np.uint8)

    def between(threshold: int) -> float:
        low, high = levels[levels <= threshold], levels[levels > threshold]
        if not len(low) or not len(high):
            return 0.0
        return len(low) * len(high) * (float(high.mean()) - float(low.mean())) ** 2

    threshold, gap = otsu(levels)

    assert between(threshold) == pytest.approx(max(between(t) for t in range(256)))
    parts: list[NDArray[np.uint8]] = [levels[levels <= threshold], levels[levels > threshold]]
    if len(set(values)) > 1:
        assert gap == pytest.approx(float(parts[1].mean()) - float(parts[0].mean()))
    else:
        assert gap == 0
