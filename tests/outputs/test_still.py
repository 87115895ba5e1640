"""The still of an explorer: its parts lie where they belong, and it is found by its bytes."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

import cnnvis_widgets
from cnnvis_widgets.outputs.still import Panel, Still, draw_still

RED, GREEN, BLUE = (np.full((64, 64, 3), colour, np.uint8) for colour in ((200, 0, 0), (0, 160, 0), (0, 0, 200)))
CSS = Path(cnnvis_widgets.__file__).parent / "widgets/elements/kernel_notice.css"


def drawn(**parts) -> np.ndarray:
    still = Still(**{"title": "Title", "subtitle": "conv1 · 8 × 8 × 3", "photo": Panel(RED, ["photo"]), **parts})
    return np.asarray(Image.open(BytesIO(draw_still(still))).convert("RGB")).astype(int)


def box_of(picture: np.ndarray, colour: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero((np.abs(picture - colour[0, 0].astype(int)) < 24).all(axis=-1))
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def test_the_parts_lie_side_by_side_without_touching():
    picture = drawn(panels=[Panel(GREEN, ["main"]), Panel(BLUE, ["beside"])])
    photo, main, beside = (box_of(picture, colour) for colour in (RED, GREEN, BLUE))
    assert photo[2] + 8 < main[0] < main[2] + 8 < beside[0]
    assert photo[1] == main[1] == beside[1]
    assert main[2] - main[0] > 1.5 * (beside[2] - beside[0])
    assert picture.shape[1] == 1200
    assert beside[2] <= 1200 - 24
    assert (picture[:, :8] == 255).all()  # paper is white
    assert (picture[:8] == 255).all()


def test_one_picture_takes_the_room_and_many_lie_in_a_grid():
    (alone,) = (box_of(drawn(panels=[Panel(GREEN)]), colour) for colour in (GREEN,))
    many = drawn(panels=[Panel(GREEN)] * 3 + [Panel(BLUE)] * 2)
    assert alone[2] - alone[0] > 500
    assert box_of(many, BLUE)[1] > box_of(many, GREEN)[1]


def test_words_make_it_longer_and_stay_inside():
    short = drawn(notes=["a note"])
    long = drawn(notes=["a note of very many words " * 30], photo=Panel(GREEN, ["many words " * 30, "word" * 100]))
    assert len(long) > len(short)
    assert (long[:, -16:] == 255).all()


def test_a_frame_is_drawn_on_the_picture():
    plain, framed = (drawn(panels=[Panel(GREEN, frame=frame)]) for frame in ((), (16, 16, 32, 32)))
    changed = box_of(plain, GREEN)
    rows, columns = np.nonzero((plain != framed).any(axis=-1))
    inside = columns.min() - changed[0], changed[2] - columns.max() - 1, rows.min() - changed[1]
    side = changed[2] - changed[0]
    np.testing.assert_allclose(inside, side / 4, atol=4)


def test_pages_find_it_by_its_bytes():
    data = draw_still(Still("Title", "", Panel(RED)))
    url = b64encode(data).decode()
    mark = CSS.read_text().partition('src*="')[2].partition('"')[0]
    assert url.startswith("iVBORw0KGgo")
    assert url.index(mark) < 100
    assert Image.open(BytesIO(data)).text == {"cnnvis_widgets": "still"}
    assert len(data) < 100_000
