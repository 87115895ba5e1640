"""Words in pictures are written with the letters that they have, or with plain ones, never as empty boxes."""

import numpy as np
import pytest
from PIL import ImageFont

from cnnvis_widgets.imaging import captions
from cnnvis_widgets.imaging.captions import captioned_grid, lettered


@pytest.fixture
def bare(monkeypatch):
    """A machine without fonts."""
    monkeypatch.setattr(captions, "SYSTEM_FONTS", ())


def drawn(words, font):
    return [bytes(font.getmask(letter)) for letter in words if letter != " "]


@pytest.mark.parametrize(
    ("words", "plain"), [("consommé", "consomme"), ("Żubr 3 × 4 → 5", "Zubr 3 x 4 > 5"), ("猫 cat", "? cat"), ("", "")]
)
def test_without_fonts_of_the_system_letters_lose_their_accents(bare, words, plain):
    found, font = lettered(words, 14)
    assert found == plain
    assert bytes(font.getmask("\uffff")) not in drawn(found, font)


def test_a_font_of_the_system_writes_what_pillows_lacks():
    try:
        ImageFont.truetype("DejaVuSans.ttf", 14)
    except OSError:
        pytest.skip("no DejaVu here")
    words, font = lettered("consommé ß", 14)
    assert words == "consommé ß"
    assert font.getname()[0] == "DejaVu Sans"
    assert len(set(drawn("consoméß", font))) == 7
    assert lettered("soup", 14)[1].getname() == ImageFont.load_default(14).getname()


def test_captions_of_pictures_tell_letters_apart(bare):
    tiles = np.zeros((1, 4, 4, 3), np.uint8)
    assert np.array_equal(captioned_grid(tiles, [["é"]]), captioned_grid(tiles, [["e"]]))
    assert not np.array_equal(captioned_grid(tiles, [["é"]]), captioned_grid(tiles, [["猫"]]))
