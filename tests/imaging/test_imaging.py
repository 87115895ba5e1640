"""Arrays into pictures: brightness, colours, grids, tiles of every rank, PNG and JPEG bytes."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from cnnvis_widgets.errors import NumericalError
from cnnvis_widgets.imaging import colormaps, encode, normalize
from cnnvis_widgets.imaging.grid import Grid, enlarge, magnification, montage
from cnnvis_widgets.imaging.render import (
    activation_tiles,
    attribution_values,
    numbered_tiles,
    picture,
    reconstruction_tiles,
)
from cnnvis_widgets.results import Attribution, Coverage, FeatureMaps, Layer, Reconstruction


def same(actual, expected):
    expected = np.asarray(expected)
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    np.testing.assert_array_equal(actual, expected)


def feature_maps(*values) -> FeatureMaps:
    values = np.asarray(values, np.float32)
    return FeatureMaps(Layer("conv1/Relu", "relu", "r", (None, *values.shape[1:]), values.ndim - 1), values)


def projections(*images) -> Reconstruction:
    images = np.asarray(images, np.float32)
    count, channels = images.shape[:2]
    layer = Layer("conv1/Relu", "relu", "r", (None, 4, 4, channels), 3)
    return Reconstruction(
        layer,
        images,
        tuple(range(channels)),
        "deconvnet",
        "strongest",
        np.zeros((count, channels, 2), int),
        np.ones((count, channels), np.float32),
        Coverage("deconvnet", ()),
    )


# ---- brightness ----


def test_min_max_reaches_both_ends_exactly():
    same(normalize.min_max(np.float32([[2, 4], [3, 6]])), np.float32([[0, 127.5], [63.75, 255]]))
    assert normalize.min_max([-1.0, 1.0], upper=1.0).tolist() == [0.0, 1.0]


def test_min_max_of_a_constant_image_is_zero_and_of_faint_noise_stays_faint():
    same(normalize.min_max(np.full((2, 2), 7.0)), np.zeros((2, 2)))
    assert normalize.min_max([0.0, 1e-9], epsilon=1e-7).max() == pytest.approx(2.55)


@pytest.mark.parametrize(
    "function",
    [
        normalize.min_max,
        normalize.to_uint8,
        lambda values: normalize.rising(values, 1),
        lambda values: normalize.centred(values, 1),
    ],
)
def test_nan_is_refused_with_a_count(function):
    with pytest.raises(NumericalError, match=r"Received: 2 of 3 values NaN or infinite"):
        function([0.0, np.nan, np.inf])


def test_zero_is_always_the_middle_of_signed_values():
    assert normalize.centred([-8, -2, 0, 2, 4], 4).tolist() == [0, 0.25, 0.5, 0.75, 1]


def test_to_uint8_rounds_clips_and_takes_a_range_per_channel():
    same(normalize.to_uint8(np.float32([-1, 0, 0.498, 1, 2])), np.uint8([0, 0, 127, 255, 255]))
    pixels = normalize.to_uint8(np.zeros((1, 1, 3)), (np.array([-1.0, 0, -3]), np.array([1.0, 1, 1])))
    same(pixels, np.uint8([[[128, 0, 191]]]))


# ---- colours ----


def test_sequential_lightness_grows_evenly_and_never_falls():
    lightness = colormaps.SEQUENTIAL @ [0.2126, 0.7152, 0.0722]
    assert colormaps.SEQUENTIAL.shape == (256, 3)
    assert (np.diff(lightness) > -0.6).all()
    assert lightness[-1] - lightness[0] > 190


def test_diverging_is_pale_in_the_middle_blue_below_and_red_above():
    below, middle, above = colormaps.DIVERGING[[20, 128, 235]].astype(int)
    assert middle.min() > 240
    assert below[2] > below[0] + 60
    assert above[0] > above[2] + 60


def test_tables_cannot_be_changed_by_accident():
    with pytest.raises(ValueError, match="read-only"):
        colormaps.SEQUENTIAL[0] = 0


# ---- grids ----


def test_montage_is_row_major_with_black_gaps():
    tiles = np.uint8([1, 2, 3, 4, 5]).reshape(5, 1, 1, 1)
    same(montage(tiles)[..., 0], np.uint8([[1, 0, 2, 0, 3], [0] * 5, [4, 0, 5, 0, 0]]))
    assert montage(tiles, square=True).shape == (5, 5, 1)
    same(montage(tiles, gap=0)[..., 0], np.uint8([[1, 2, 3], [4, 5, 0]]))


@pytest.mark.parametrize(("count", "columns", "rows"), [(0, 0, 0), (1, 1, 1), (2, 2, 1), (10, 4, 3)])
def test_columns_and_rows(count, columns, rows):
    grid = Grid(count, 2, 3)
    assert (grid.columns, grid.rows) == (columns, rows)
    assert grid.montage(np.zeros((count, 2, 3, 1))).shape[:2] == grid.shape


def test_every_pixel_leads_back_to_its_tile():
    grid = Grid(7, 2, 3, gap=2)
    numbers = np.arange(1, 7 * 6 + 1).reshape(7, 2, 3, 1)
    picture = grid.montage(numbers)[..., 0]
    for y, x in np.ndindex(picture.shape):
        found = grid.locate(y, x)
        assert picture[y, x] == (0 if found is None else numbers[found][0]), (y, x)
    assert grid.locate(-1, 0) is grid.locate(0, grid.shape[1]) is grid.locate(10**6, 0) is None


def test_wrong_tiles_are_refused():
    with pytest.raises(ValueError, match=r"Expected tiles of shape \(2, 1, 1, channels\). Received: \(3, 1"):
        Grid(2, 1, 1).montage(np.zeros((3, 1, 1, 1)))
    with pytest.raises(IndexError, match=r"Expected a tile from 0 to 1. Received: index=2"):
        Grid(2, 1, 1).corner(2)


def test_enlarge_makes_blocks_and_magnification_keeps_within_the_side():
    same(enlarge(np.uint8([[[1], [2]]]), 2)[..., 0], np.uint8([[1, 1, 2, 2], [1, 1, 2, 2]]))
    assert magnification(np.zeros((16, 7, 7, 1)), side=768) == 27
    assert magnification(np.zeros((1, 1, 1, 1))) == 32
    assert magnification(np.zeros((64, 224, 224, 1))) == 1


# ---- activations ----


def test_maps_share_one_scale_or_have_their_own():
    maps = feature_maps([[[0, 0, 0], [4, 2, 0]]])
    same(activation_tiles(maps, colours=False)[..., 0], np.uint8([[[0, 255]], [[0, 128]], [[0, 0]]]))
    same(
        activation_tiles(maps, scale="map", colours=False)[..., 0],
        np.uint8([[[0, 255]], [[0, 255]], [[0, 0]]]),
    )
    with pytest.raises(ValueError, match="Received: scale='unit'"):
        activation_tiles(maps, scale="unit")


def test_noise_in_a_dead_map_is_not_magnified():
    tiles = activation_tiles(feature_maps([[[1.0, 0.0], [0.0, 1e-9]]]), scale="map", colours=False)
    assert tiles[1].max() == 0


def test_one_negative_value_centres_the_layer_on_zero():
    maps = feature_maps([[[0, -2], [1, 2]]])
    same(activation_tiles(maps, colours=False)[..., 0], np.uint8([[[128, 191]], [[0, 255]]]))
    same(activation_tiles(maps)[1, 0], colormaps.DIVERGING[[0, 255]])


def test_colours_and_a_choice_of_channels_on_the_scale_of_the_whole_layer():
    maps = feature_maps([[[0, 0], [4, 2]]], [[[0, 0], [1, 3]]])
    same(activation_tiles(maps, channels=[1]), colormaps.SEQUENTIAL[[[[0, 128]]]])
    same(activation_tiles(maps, 1, channels=[1, 0], colours=False)[:, 0, 1, 0], np.uint8([255, 85]))


@pytest.mark.parametrize("signed", [False, True])
def test_numbers_of_colours_look_like_the_colours(signed):
    values = np.linspace(-1 if signed else 0, 1, 300).reshape(10, 10, 3)
    values[..., 1] = 0
    maps = feature_maps(values)
    numbers, palette = numbered_tiles(maps, channels=[2, 1, 0])
    drawn = activation_tiles(maps, channels=[2, 1, 0]).astype(int)
    assert np.abs(palette[numbers[..., 0]] - drawn)[[0, 2]].max() <= 4, "the two ends differ by one step"
    same(numbers[1], np.full((10, 10, 1), 255, np.uint8))
    same(palette[[0, 255]], np.uint8([[0] * 3, [110] * 3]))
    volume, _ = numbered_tiles(feature_maps(np.ones((3, 4, 5, 1))))
    assert set(volume[0, 4].ravel()) == {0}, "gaps between the slices of a volume have a colour of their own"


@pytest.mark.parametrize(
    ("space", "size"),
    [
        ((), (1, 1)),
        ((20,), (5, 20)),
        ((4, 5), (4, 5)),
        ((3, 4, 5), (9, 11)),
    ],
)
def test_every_rank_becomes_flat_tiles(space, size):
    values = np.arange(1, 6 * np.prod(space, dtype=int) + 1).reshape(*space, 6)
    tiles = activation_tiles(feature_maps(values))
    assert tiles.shape == (6, *size, 3)
    assert tiles.dtype == np.uint8


def test_dense_units_are_cells_whose_brightness_is_their_value():
    tiles = activation_tiles(feature_maps([0.0, 0.25, 0.5, 1.0]), colours=False)
    same(tiles[:, 0, 0, 0], np.uint8([0, 64, 128, 255]))


def test_a_long_signal_keeps_its_peaks():
    signal = np.zeros((16000, 1))
    signal[7777] = 5
    strip = activation_tiles(feature_maps(signal), colours=False)[0, 0, :, 0]
    assert strip.shape == (512,)
    assert strip.max() == 255
    assert strip.argmax() == pytest.approx(7777 / 16000 * 512, abs=1)


# ---- reconstructions and pictures ----


def test_zero_is_grey_in_a_reconstruction_and_nothing_at_all_is_black():
    alive, dead = [[[0, 0, 1], [-1, 0, 0.5]]], [[[0, 0, 0], [0, 0, 0]]]
    tiles = reconstruction_tiles(projections([alive, dead]))
    same(tiles[0], np.uint8([[[128, 128, 255], [0, 128, 191]]]))
    same(tiles[1], np.zeros((1, 2, 3), np.uint8))


def test_reconstructions_can_share_a_scale():
    two = projections([[[[1.0], [0.0]]], [[[0.0], [-0.5]]]])
    same(reconstruction_tiles(two)[..., 0], np.uint8([[[255, 128]], [[128, 64]]]))
    same(reconstruction_tiles(two, scale="map")[..., 0], np.uint8([[[255, 128]], [[128, 0]]]))


def test_a_few_extreme_pixels_do_not_dull_a_reconstruction():
    values = np.tile(np.float32([1, -1, 0, 0.5]), 250).reshape(1, 20, 50, 1)
    values[0, 3, :2] = 1000
    tile = reconstruction_tiles(projections(values))[0, ..., 0]
    assert set(np.unique(tile)) == {0, 128, 191, 255}


def test_a_channel_far_stronger_than_the_rest_does_not_dull_them():
    strengths = np.float32([1, 2, 3, 3, 1000, 0, 0, 0]).reshape(8, 1, 1, 1)
    tiles = reconstruction_tiles(projections(strengths))[:, 0, 0, 0]
    np.testing.assert_array_equal(tiles, np.uint8([170, 212, 255, 255, 255, 0, 0, 0]))


def test_crop_cuts_all_tiles_to_the_largest_part_that_is_seen():
    values = np.zeros((3, 20, 30, 3), np.float32)
    values[0, 4:7, 10:15, 1] = 1  # 3 x 5 pixels within the picture
    values[1, 19, 29, 0] = -1  # one in its corner
    values[0, 18, 0] = 1e-4  # not seen
    values[2, 9, 9] = 1  # one amid it: the window is centred on it
    tiles = reconstruction_tiles(projections(values), crop=True)
    assert tiles.shape == (3, 3, 5, 3)
    assert np.argwhere(tiles[2, ..., 0] == 255).tolist() == [[1, 2]]
    assert (tiles[0, ..., 1] == 255).all()
    assert tiles[1, -1, -1].tolist() == [0, 128, 128]
    assert np.count_nonzero(tiles[1] != 128) == 1


def test_crop_keeps_what_fills_the_picture_and_what_is_no_picture():
    values = np.ones((2, 4, 5, 3), np.float32)
    same(reconstruction_tiles(projections(values), crop=True), reconstruction_tiles(projections(values)))
    signal = np.zeros((1, 8, 1), np.float32)
    signal[0, 3] = 1
    assert reconstruction_tiles(projections(signal), crop=True).shape == (1, 2, 8, 1)


def test_faint_rest_of_a_dead_channel_is_not_magnified():
    tiles = reconstruction_tiles(projections([[[[1.0], [0.0]]], [[[1e-12], [-1e-12]]]]), scale="map")
    assert set(np.unique(tiles[1])) <= {127, 128}


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((4, 5, 1), (4, 5, 1)),
        ((4, 5, 3), (4, 5, 3)),
        ((4, 5, 2), (4, 11, 1)),
        ((4, 5, 4), (9, 11, 1)),
        ((8, 1), (2, 8, 1)),
        ((2, 4, 5, 3), (4, 11, 3)),
    ],
)
def test_inputs_of_any_shape(shape, size):
    values = np.random.default_rng(0).normal(size=(2, *shape))
    assert reconstruction_tiles(projections(values)).shape == (2, *size)
    assert picture(values[0], (-3, 3)).shape == size


def attribution_of(method, values):
    layer = Layer("scores", "dense", "", (None, 2), 1)
    return Attribution(method, layer, "", (0,), ("a",), values[np.newaxis, np.newaxis], np.zeros((1, 1), np.float32))


@pytest.mark.parametrize("shape", [(6, 5, 3), (64, 3), (4, 6, 5, 3)])
def test_an_attribution_lies_where_the_picture_lies(shape):
    values = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    summed = attribution_values(attribution_of("integrated_gradients", values), 0, 0)
    maps = attribution_values(attribution_of("grad_cam", values.sum(axis=-1)), 0, 0)
    assert summed.dtype == np.float32
    assert summed.shape == picture(values, (-1, 1)).shape[:2]
    np.testing.assert_array_equal(summed, maps)
    np.testing.assert_allclose(summed[:5, :5].ravel()[:5], values.sum(axis=-1).ravel()[:5], rtol=1e-6)


def test_each_value_of_a_flat_input_has_its_own_place():
    values = np.arange(64, dtype=np.float32)
    laid_out = attribution_values(attribution_of("smooth_grad", values), 0, 0)
    assert laid_out.shape == picture(values, (0, 64)).shape[:2] == (8, 8)
    np.testing.assert_array_equal(laid_out, values.reshape(8, 8))


def test_channels_that_are_no_colours_lie_side_by_side():
    same(picture(np.float32([[[0, 1]]]), (0, 1))[..., 0], np.uint8([[0, 0, 255]]))


# ---- bytes ----


def pictures_to_encode():
    """Both colour types; noise, which no filter makes smaller, flat areas, and edges of a single pixel."""
    rng = np.random.default_rng(1)
    for shape in [(3, 5), (3, 5, 1), (3, 5, 3), (1, 1), (1, 7, 3), (7, 1, 3), (300, 257, 3), (300, 257)]:
        yield rng.integers(0, 256, shape, np.uint8)
        yield np.full(shape, 200, np.uint8)
        yield np.indices(shape[:2]).sum(0).astype(np.uint8).reshape(*shape[:2], *[1] * (len(shape) - 2)) + np.zeros(
            shape, np.uint8
        )
    yield rng.integers(0, 256, (20, 30, 3), np.uint8)[::-2, ::3]  # not contiguous


@pytest.mark.parametrize("pixels", [*pictures_to_encode()], ids=lambda pixels: str(pixels.shape))
def test_png_round_trip_with_text(pixels):
    data = encode.png(pixels, {"layer": "conv1/Relu – ü", "Empty": ""})
    with Image.open(BytesIO(data)) as checked:
        checked.verify()  # checksums of all chunks
    image = Image.open(BytesIO(data))
    image.load()
    coloured = pixels.ndim == 3 and pixels.shape[2] == 3
    assert (image.format, image.mode) == ("PNG", "RGB" if coloured else "L")
    same(np.asarray(image), pixels if coloured else pixels.reshape(pixels.shape[:2]))
    assert image.text == {"layer": "conv1/Relu – ü", "Empty": ""}


def test_numbers_of_colours_are_read_as_colours():
    numbers = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    palette = colormaps.palette(signed=True)
    image = Image.open(BytesIO(encode.png(numbers, {"a": "b"}, palette=palette)))
    assert image.mode == "P"
    same(np.asarray(image.convert("RGB")), palette[numbers[..., 0]])


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 3), (1, 1), (300, 257), (300, 257, 3)])
def test_small_pictures_for_the_screen_are_bitmaps(shape):
    pixels = np.random.default_rng(3).integers(0, 256, shape, np.uint8)
    data = encode.screen(pixels)
    assert data[:2] == (b"BM" if pixels.nbytes <= 2**17 else b"\x89P")
    same(np.asarray(Image.open(BytesIO(data))), pixels.reshape(shape[:2]) if shape[2:] == (1,) else pixels)
    if shape[2:] != (3,):
        palette = colormaps.palette(signed=False)
        read = Image.open(BytesIO(encode.screen(pixels, palette=palette))).convert("RGB")
        same(np.asarray(read), palette[pixels.reshape(shape[:2])])


def test_png_is_a_png_to_another_reader_too():
    """Pillow forgives; the zlib stream must hold exactly the filtered rows."""
    pixels = np.random.default_rng(2).integers(0, 256, (6, 4, 3), np.uint8)
    data, chunks, at = encode.png(pixels), [], 8
    assert data[:8] == bytes([137, 80, 78, 71, 13, 10, 26, 10])
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        chunks.append((kind, data[at + 8 : at + 8 + length]))
        assert struct.unpack_from(">I", data, at + 8 + length)[0] == zlib.crc32(kind + chunks[-1][1])
        at += 12 + length
    assert [kind for kind, _ in chunks] == [b"IHDR", b"IDAT", b"IEND"]
    rows = np.frombuffer(zlib.decompress(chunks[1][1]), np.uint8).reshape(6, 13)
    assert (rows[:, 0] == 2).all()
    same(rows[:, 1:].cumsum(0).astype(np.uint8).reshape(6, 4, 3), pixels)


def test_png_is_hardly_larger_than_that_of_pillow():
    ramp = np.indices((256, 256)).sum(0)
    noise = np.random.default_rng(0).normal(0, 4, (256, 256, 3))
    pixels = np.clip(ramp[..., None] / 2 + noise, 0, 255).astype(np.uint8)
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    assert len(encode.png(pixels)) < 1.1 * len(buffer.getvalue())


def test_jpeg_is_close():
    ramp = np.broadcast_to(np.arange(64, dtype=np.uint8)[:, None, None] * 4, (64, 64, 3))
    image = np.asarray(Image.open(BytesIO(encode.jpeg(ramp))))
    assert image.shape == (64, 64, 3)
    assert np.abs(image.astype(int) - ramp).mean() < 2


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((2, 2)),
        np.zeros((2, 2, 4), np.uint8),
        np.zeros((2,), np.uint8),
        np.zeros((0, 2), np.uint8),
    ],
)
def test_only_bytes_can_be_encoded(pixels):
    with pytest.raises(ValueError, match="Expected uint8 pixels"):
        encode.png(pixels)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("colours", list(colormaps.COLOURS))
def test_gamma_brightens_weak_values_and_leaves_the_ends(signed, colours):
    """Entry by entry: the size of a value to the power of gamma, looked up in the table."""
    entries = colormaps.palette(signed, colours, 0.5)
    table = colormaps.DIVERGING if signed else colormaps.COLOURS[colours]
    for number in (1, 17, 100, 128, 200, 254):
        fraction = number / 255
        if signed:
            size = abs(2 * fraction - 1) ** 0.5
            fraction = (1 + size) / 2 if number > 127 else (1 - size) / 2
        else:
            fraction **= 0.5
        assert entries[number].tolist() == table[round(255 * fraction)].tolist()
    assert entries[colormaps.GAP_NUMBER].tolist() == [0, 0, 0]
    assert entries[colormaps.DEAD_NUMBER].tolist() == [colormaps.DEAD] * 3


@pytest.mark.parametrize("side", [8, 600])
def test_between_tiles_the_page_is_seen(side):
    """A PNG says so itself; a BMP, which has no such entry, by a byte that nobody else reads."""
    numbers = np.ones((side, side), np.uint8)
    numbers[2:4] = colormaps.GAP_NUMBER
    data = encode.screen(numbers, palette=colormaps.palette(False), transparent=True)
    image = Image.open(BytesIO(data))
    if side == 8:
        assert (data[:2], data[6]) == (b"BM", 1)
        assert encode.screen(numbers, palette=colormaps.palette(False))[6] == 0
        assert encode.screen(numbers)[6] == 0
    else:
        alpha = np.asarray(image.convert("RGBA"))[..., 3]
        same(alpha, np.where(numbers == colormaps.GAP_NUMBER, 0, 255).astype(np.uint8))
    same(np.asarray(image.convert("RGB")), colormaps.palette(False)[numbers])
