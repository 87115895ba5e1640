"""The one reader of images: what each kind of file becomes, its limits, its errors, and all ways that lead to it."""

from __future__ import annotations

import datetime
import re
import struct
import zlib
from io import BytesIO, StringIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from cnnvis_widgets import demo, dream, objectives
from cnnvis_widgets.engine.dreaming.recipes import encoded, fingerprint
from cnnvis_widgets.engine.network.pictures import photo_of
from cnnvis_widgets.errors import FeedError, ImageError, OutputError
from cnnvis_widgets.imaging import reading
from cnnvis_widgets.imaging.conversion import pixels_of, with_channels
from cnnvis_widgets.imaging.reading import read_image
from cnnvis_widgets.outputs.provenance import recipe_of

pytest_plugins = ["widget_jobs"]


def same(actual: np.ndarray, expected: np.ndarray) -> None:
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    np.testing.assert_array_equal(actual, expected)


def file_of(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    written = BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()


def colours(height: int = 20, width: int = 24) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (height, width, 3)).astype(np.uint8)


# ---- orientation

SIDES = {
    1: ("top", "left"), 2: ("top", "right"), 3: ("bottom", "right"), 4: ("bottom", "left"),
    5: ("left", "top"), 6: ("right", "top"), 7: ("right", "bottom"), 8: ("left", "bottom"),
}  # fmt: skip
"""Where the first stored row and the first stored column are seen: EXIF 2.32, section 4.6.4, tag Orientation."""


def phone_photo(upright: np.ndarray, orientation: int, kind: str = "PNG", **options: object) -> bytes:
    """A file as a phone that is held in some way writes it."""
    row, column = SIDES[orientation]
    stored = upright.swapaxes(0, 1) if row in ("left", "right") else upright
    stored = stored[::-1] if row in ("bottom", "right") else stored
    stored = stored[:, ::-1] if column in ("bottom", "right") else stored
    exif = Image.Exif()
    exif[0x0112] = orientation
    return file_of(Image.fromarray(np.ascontiguousarray(stored)), kind, exif=exif, **options)


@pytest.mark.parametrize("orientation", SIDES)
def test_photos_are_upright_however_the_phone_was_held(orientation, tmp_path):
    upright = colours()
    content = phone_photo(upright, orientation)
    path = tmp_path / "phone.png"
    path.write_bytes(content)
    with path.open("rb") as file:
        file.seek(7)
        sources = [path, str(path), content, bytearray(content), BytesIO(content), file, Image.open(BytesIO(content))]
        for source in sources:
            same(read_image(source), upright)
        assert not file.closed
    grey = np.asarray(Image.fromarray(upright).convert("L"))[..., None]
    same(read_image(content, channels=1), grey)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", SIDES)
def test_other_formats_are_turned_as_pillow_turns_them(kind, orientation):
    content = phone_photo(colours(40, 16), orientation, kind)
    with Image.open(BytesIO(content)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    assert expected.shape == (40, 16, 3)
    same(read_image(content), expected)


def test_a_large_photo_is_turned_as_a_whole():
    upright = colours(700, 900)  # more than one strip
    for orientation in (1, 3, 6):
        same(read_image(phone_photo(upright, orientation)), upright)


def test_damaged_orientations_are_ignored():
    for exif in (b"Exif\0\0", b"Exif\0\0no tags", b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\x63\0\0\0\0\0\0\0"):
        same(read_image(file_of(Image.fromarray(colours()), exif=exif)), colours())


def test_reading_leaves_a_pil_image_as_it_is():
    image = Image.open(BytesIO(phone_photo(colours(), 6)))
    same(read_image(image), colours())
    assert image.size == (20, 24)
    assert image.getexif()[0x0112] == 6
    same(read_image(image), colours())


# ---- greys of more than 8 bits

RAMP = np.arange(0, 65536, 16, dtype=np.uint16).reshape(64, 64)
RAMP_OF_8_BITS = np.rint(RAMP / 257).astype(np.uint8)[..., None]


def test_16_bits_become_8_by_division():
    content = file_of(Image.fromarray(RAMP))
    assert content[24] == 16, "bits of a sample, as the file says"
    same(read_image(content), RAMP_OF_8_BITS)
    assert np.unique(read_image(content)).size == 256
    same(read_image(content, channels=3), np.repeat(RAMP_OF_8_BITS, 3, axis=-1))
    same(read_image(file_of(Image.fromarray(RAMP), "TIFF")), RAMP_OF_8_BITS)
    same(read_image(Image.fromarray(RAMP.astype(">u2"))), RAMP_OF_8_BITS)
    same(read_image(Image.fromarray(RAMP)), RAMP_OF_8_BITS)


def test_a_dark_image_of_16_bits_stays_dark():
    for kind in ("PNG", "PPM", "TIFF"):
        same(read_image(file_of(Image.fromarray(np.full((4, 4), 255, np.uint16)), kind)), np.ones((4, 4, 1), np.uint8))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 128, 255], [0, 128, 255]),
        ([0, 257, 65535], [0, 1, 255]),
        ([0, 1, 1], [0, 1, 1]),
        ([0, 0.5, 1.0], [0, 128, 255]),
        ([0, 0.6, 200.4], [0, 1, 200]),
        ([0, 32767.5, 65535.0], [0, 128, 255]),
    ],
)
def test_white_is_the_smallest_usual_value_that_none_exceeds(values, expected):
    mode = np.int32 if all(isinstance(value, int) for value in values) else np.float32
    image = Image.fromarray(np.array([values], mode))
    same(read_image(image), np.array(expected, np.uint8).reshape(1, 3, 1))


@pytest.mark.parametrize("value", [-1, 65536, np.nan, np.inf])
def test_grey_values_without_a_rule_are_refused(value):
    values = np.zeros((600, 600), np.float32)
    values[599, 0] = value
    wanted = r"Expected grey values from 0 to 1, 255 or 65535\. Received: a PIL image of mode 'F' with values .*uint8\."
    with pytest.raises(ImageError, match=wanted):
        read_image(Image.fromarray(values))


# ---- palettes, transparency, colours


def test_palettes_are_looked_up():
    content = file_of(Image.fromarray(colours()).quantize(16))
    with Image.open(BytesIO(content)) as image:
        assert image.mode == "P"
        same(read_image(content), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("transparency", [1, bytes([255, 0, 51])])
def test_a_transparent_colour_of_a_palette_is_white(transparency):
    image = Image.new("P", (3, 1))
    image.putdata([0, 1, 2])
    image.putpalette([10, 20, 30, 200, 0, 0, 5, 105, 205])
    last = [5, 105, 205] if transparency == 1 else [205, 225, 245]  # 51 of 255 is a fifth of the colour
    expected = np.array([[[10, 20, 30], [255, 255, 255], last]], np.uint8)
    same(read_image(file_of(image, transparency=transparency)), expected)


def test_transparency_is_laid_on_white():
    pixels = np.array([[[200, 100, 0, 0], [200, 100, 0, 255], [200, 100, 0, 51]]], np.uint8)
    expected = np.array([[[255, 255, 255], [200, 100, 0], [244, 224, 204]]], np.uint8)
    same(read_image(file_of(Image.fromarray(pixels))), expected)
    same(with_channels(pixels, 3), expected)
    grey = np.array([[[90, 0], [90, 255]]], np.uint8)
    same(read_image(file_of(Image.fromarray(grey))), np.array([[[255], [90]]], np.uint8))
    keyed = Image.fromarray(np.array([[7, 90]], np.uint8))
    same(read_image(file_of(keyed, transparency=7)), np.array([[[255], [90]]], np.uint8))


def test_black_and_white_is_grey():
    bits = np.arange(40).reshape(5, 8) % 3 == 0
    same(read_image(file_of(Image.fromarray(bits))), np.where(bits, 255, 0).astype(np.uint8)[..., None])


def test_cmyk_becomes_rgb():
    image = Image.new("CMYK", (9, 7), (255, 0, 0, 0))
    same(read_image(file_of(image, "TIFF")), np.full((7, 9, 3), (0, 255, 255), np.uint8))
    content = file_of(image, "JPEG", quality=100)
    np.testing.assert_allclose(read_image(content), np.full((7, 9, 3), (0, 255, 255)), atol=2)


@pytest.mark.parametrize("mode", ["YCbCr", "LAB", "HSV", "RGBX", "RGBa", "La", "PA"])
def test_every_mode_of_pillow_becomes_colour_or_grey(mode):
    image = Image.new(mode, (5, 4))
    assert read_image(image).shape == (4, 5, 1 if mode == "La" else 3)
    assert read_image(image, channels=1).shape == (4, 5, 1)
    assert read_image(image, channels=3).shape == (4, 5, 3)


class Spectrum(Image.Image):
    """As a plugin could make it: of a mode that Pillow does not know."""

    mode = "XYZ"

    def crop(self, box=None):
        return self

    def convert(self, mode=None, *options, **more):
        raise ValueError("conversion not supported")


def test_a_mode_without_a_conversion_is_named():
    image = Spectrum()
    image._size = (4, 3)
    wanted = r"grey or coloured image\. Received: a PIL image of mode 'XYZ': conversion not supported\. Convert it"
    with pytest.raises(ImageError, match=wanted):
        pixels_of(image)


def test_a_file_of_a_mode_that_pillow_does_not_have_is_named():
    content = file_of(Image.fromarray(np.zeros((3, 4), np.float32)), "TIFF")
    bits = struct.pack("<HHII", 258, 3, 1, 32)
    assert content.count(bits) == 1
    with pytest.raises(ImageError, match="Received: bytes, which cannot be read as TIFF: unknown pixel mode"):
        read_image(content.replace(bits, struct.pack("<HHII", 258, 3, 1, 64)))


def test_colours_become_grey_by_their_luma():
    pixels = colours()
    luma = pixels @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(read_image(file_of(Image.fromarray(pixels)), channels=1)[..., 0], luma, atol=0.51)


def test_the_first_frame_of_an_animation_is_read():
    frames = [Image.new("RGB", (6, 5), colour) for colour in ("red", "blue", "lime")]
    for kind in ("GIF", "PNG", "TIFF"):
        content = file_of(frames[0], kind, save_all=True, append_images=frames[1:])
        same(read_image(content), np.full((5, 6, 3), (255, 0, 0), np.uint8))


# ---- limits


def png_header(width: int, height: int) -> bytes:
    """A PNG file that promises pixels and holds none: to decode it is an error."""
    header = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    chunks = b"IHDR" + header, b"IDAT" + zlib.compress(b""), b"IEND"
    packed = (struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


@pytest.mark.parametrize(("width", "height"), [(12_000, 12_000), (8192, 6145), (60_000, 50_000)])
def test_too_many_pixels_are_refused_before_they_are_decoded(width, height, tmp_path):
    path = tmp_path / "large.png"
    path.write_bytes(png_header(width, height))
    wanted = (
        "Expected an image of at most 50,331,648 pixels. "
        f"Received: {str(path)!r}, PNG of {height} x {width} pixels (height x width). Save a smaller copy"
    )
    for source in (path, path.read_bytes(), BytesIO(path.read_bytes())):
        with pytest.raises(ImageError, match=re.escape(wanted)):  # no warning of Pillow: it would be an error here
            read_image(source, name=str(path))


def test_the_largest_picture_is_decoded():
    with pytest.raises(ImageError, match=r"8192 pixels .*cannot be decoded"):  # within the limit, but without pixels
        read_image(png_header(8192, 6144))


def test_pil_images_have_the_same_limit(monkeypatch):
    monkeypatch.setattr(reading, "MOST_PIXELS", 479)
    with pytest.raises(ImageError, match=r"at most 479 pixels\. Received: a PIL image, an image of 20 x 24 pixels"):
        read_image(Image.fromarray(colours()))
    monkeypatch.setattr(reading, "MOST_PIXELS", 480)
    same(read_image(Image.fromarray(colours())), colours())


def test_large_jpeg_files_are_decoded_at_half_their_size(monkeypatch):
    smooth = np.asarray(Image.fromarray(colours(8, 8) // 2 + 64).resize((101, 80), Image.Resampling.BICUBIC))
    content, progressive = (
        file_of(Image.fromarray(smooth), "JPEG", subsampling=0, progressive=flag) for flag in (0, 1)
    )
    whole = read_image(content)
    assert whole.shape == (80, 101, 3)
    monkeypatch.setattr(reading, "MOST_PIXELS", 80 * 101 // 2)
    half = read_image(content)
    assert half.shape == (40, 51, 3)
    means = whole[:, :100].reshape(40, 2, 50, 2, 3).mean((1, 3))
    np.testing.assert_allclose(half[:, :50], means, atol=4)
    with pytest.raises(ImageError, match="Received: bytes, JPEG of 80 x 101 pixels"):
        read_image(progressive)
    monkeypatch.setattr(reading, "MOST_PIXELS", 80 * 101 // 5)
    with pytest.raises(ImageError, match="Received: bytes, JPEG of 80 x 101 pixels"):
        read_image(content)


def test_too_many_bytes_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.truncate(reading.MOST_BYTES + 1)  # takes no room on the disk
    wanted = r"at most 268,435,456 bytes\. Received: '.*large\.png' of more\. Save it smaller, for instance as JPEG\."
    with pytest.raises(ImageError, match=wanted):
        read_image(path)
    content = file_of(Image.fromarray(colours()))
    monkeypatch.setattr(reading, "MOST_BYTES", len(content))
    same(read_image(BytesIO(content)), colours())
    for source in (content + b"\0", BytesIO(content + b"\0")):
        with pytest.raises(ImageError, match="bytes"):
            read_image(source)


# ---- errors


def test_files_that_cannot_be_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content = file_of(Image.fromarray(colours()))
    Path("empty.png").touch()
    Path("notes.txt").write_text("What I saw: nothing.")
    Path("cut.png").write_bytes(content[:-300])
    Path("header.png").write_bytes(content[:20])
    Path("cut.jpg").write_bytes(file_of(Image.fromarray(colours()), "JPEG")[:-300])
    expected = {
        "no.png": (
            "Expected the path of an image file. Received: 'no.png', which does not exist. "
            f"Check the spelling; relative paths begin at {str(tmp_path)!r}."
        ),
        ".": "Expected the path of an image file. Received: '.', which is a folder. Give one of the files in it.",
        "a\0b": "Received: 'a\\x00b', which cannot be opened: ",
        "empty.png": (
            "Expected an image file. Received: 'empty.png' of 0 bytes. Its copy or download failed; repeat it."
        ),
        "notes.txt": (
            "Expected an image file, such as PNG or JPEG. Received: 'notes.txt', which cannot be read as an image. "
            "Check that it is whole, or save it as PNG or JPEG."
        ),
        "header.png": "Received: 'header.png', which cannot be read as PNG: ",
        "cut.png": (
            "Expected a whole image file. Received: 'cut.png', PNG of 20 x 24 pixels (height x width), "
            "which cannot be decoded: "
        ),
        "cut.jpg": "'cut.jpg', JPEG of 20 x 24 pixels (height x width), which cannot be decoded: ",
    }
    for path, words in expected.items():
        with pytest.raises(ImageError) as caught:
            read_image(path)
        assert words in str(caught.value)
    with pytest.raises(ImageError, match=r"cut short; copy or download it again\.$"):
        read_image("cut.jpg")
    anew = r"embedded null (byte|character in path)\. Check the name and the permissions\.$"  # since Python 3.13
    with pytest.raises(ImageError, match=anew):
        read_image("a\0b")


def test_content_that_cannot_be_read():
    expected = {
        b"": "Expected an image file. Received: bytes of 0 bytes.",
        b"no image": "Received: bytes, which cannot be read as an image.",
    }
    for content, words in expected.items():
        with pytest.raises(ImageError, match=re.escape(words)):
            read_image(content)
        with pytest.raises(ImageError, match=re.escape(words.replace("bytes", "'mine.png'", 1))):
            read_image(BytesIO(content), name="mine.png")
    with pytest.raises(ImageError, match=r"binary mode\. Received: a file object that gives str\. Open it with open\("):
        read_image(StringIO("text"))
    closed = BytesIO(b"any")
    closed.close()
    with pytest.raises(ImageError, match=r"that can be read\. Received: a file object: .*closed file"):
        read_image(closed)


def test_errors_are_what_people_catch():
    for kind in (FeedError, ValueError, OSError):
        with pytest.raises(kind):
            read_image("no/such/file.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM"])
def test_damaged_files_end_in_pixels_or_in_an_error_of_ours(kind):
    content = file_of(Image.fromarray(colours()), kind)
    random = np.random.default_rng(0)
    refused = 0
    for _ in range(60):
        damaged = bytearray(content[: random.integers(1, len(content) + 1)])
        for place in random.integers(0, min(len(damaged), 200), 3):
            damaged[place] = random.integers(0, 256)
        try:
            assert read_image(bytes(damaged)).dtype == np.uint8
        except ImageError:
            refused += 1
        except UserWarning:  # Pillow's, about tags
            pass
    assert refused > 10


# ---- all ways in


def uploaded(name: str, content: bytes) -> dict[str, object]:
    modified = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    return {"name": name, "type": "image/png", "size": len(content), "content": content, "last_modified": modified}


def deep_grey() -> np.ndarray:
    return np.linspace(0, 65535, 20 * 24).reshape(20, 24).astype(np.uint16)


FILES = {f"held{orientation}.png": phone_photo(colours(), orientation) for orientation in SIDES} | {
    "phone.jpg": phone_photo(colours(), 6, "JPEG"),
    "deep.png": file_of(Image.fromarray(deep_grey())),
    "palette.png": file_of(Image.fromarray(colours()).quantize(8), transparency=2),
    "alpha.png": file_of(Image.fromarray(np.dstack([colours(), np.arange(480, dtype=np.uint8).reshape(20, 24)]))),
    "print.jpg": file_of(Image.fromarray(colours()).convert("CMYK"), "JPEG"),
}


def test_uploads_and_the_webcam_give_what_the_reader_gives(explorer):
    incoming = explorer.image_pane.incoming
    incoming.upload.value = tuple(uploaded(*file) for file in FILES.items())
    assert explorer.state.error == ""
    assert explorer.state.images[2:] == tuple(FILES)
    for image, content in zip(explorer.fed_images.images[2:], FILES.values(), strict=True):
        same(image, read_image(content, channels=3).astype(np.float32))
    for image in explorer.fed_images.images[2:10]:
        same(image, colours().astype(np.float32))
    incoming.webcam._handle_custom_msg({"event": "picture"}, [memoryview(FILES["held1.png"])])
    same(explorer.fed_images.images[-1], colours().astype(np.float32))


@pytest.mark.parametrize("name", FILES)
def test_all_ways_into_the_engine_agree(name, network, tmp_path):
    path = tmp_path / name
    path.write_bytes(FILES[name])
    expected = read_image(path, channels=3).astype(np.float32)[None]
    sources = (path, str(path), FILES[name], BytesIO(FILES[name]), Image.open(path))
    for source in sources:
        same(network.images(source), expected)
        same(network.images([source, source]), np.concatenate([expected, expected]))
        same(photo_of(network.runtime.layout, source, network.preprocess), expected)
        same(demo.preprocess(source, None), (expected[0] - 127) / 128)
        step = next(dream(network, None, "second", 0, start=source, octaves=1, steps=1))
        assert step.recipe["start"] == fingerprint(expected)


def test_images_among_other_values_of_a_feed(network, tmp_path):
    content = FILES["held6.png"]
    same(network.images({network.image_input.name: content}), colours().astype(np.float32)[None])


def test_pictures_in_recipes_are_upright_too():
    guide = objectives.guide("second", Image.open(BytesIO(FILES["held6.png"])))
    assert encoded(guide) == encoded(objectives.guide("second", colours()))


def test_an_upload_that_cannot_be_read_is_named_and_the_others_are_added(explorer):
    incoming = explorer.image_pane.incoming
    bomb, cut = png_header(12_000, 12_000), FILES["phone.jpg"][:-300]
    files = {"bomb.png": bomb, "good.png": FILES["held1.png"], "cut.jpg": cut, "empty.png": b""}
    incoming.upload.value = tuple(uploaded(*file) for file in files.items())
    assert explorer.state.images[2:] == ("good.png",)
    received = re.findall(r"Received: '(\w+\.\w+)'", explorer.state.error)
    assert received == ["bomb.png", "cut.jpg", "empty.png"]
    assert "at most 50,331,648 pixels. Received: 'bomb.png', PNG of 12000 x 12000 pixels" in explorer.state.error


def test_a_file_without_a_recipe_is_refused_by_its_header(tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(12_000, 12_000))
    with pytest.raises(OutputError, match="at most 50,331,648 pixels"):
        recipe_of(path)
