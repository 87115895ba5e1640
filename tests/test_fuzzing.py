"""Odd inputs of every kind, some of each in this process; ``python -m tests.fuzzing`` reads thousands."""

import pickle
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # tests.fuzzing is a package, for its own processes

from tests.fuzzing.__main__ import NAMES
from tests.fuzzing.readers import KINDS, outcome

COUNT = 4
pytestmark = pytest.mark.filterwarnings("ignore:The graph came without a session:UserWarning")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return tmp_path_factory.mktemp("whole")


def made(kind, whole):
    folder = whole / kind.replace(" ", "_")
    if not folder.exists():
        folder.mkdir()
        KINDS[kind].make(folder)
    return folder


def test_every_kind_is_in_the_table():
    assert tuple(KINDS) == NAMES


@pytest.mark.parametrize("kind", NAMES)
def test_a_whole_input_is_accepted(kind, whole, tmp_path):
    KINDS[kind].read(made(kind, whole))


@pytest.mark.parametrize("kind", NAMES)
def test_odd_inputs_are_accepted_or_refused_by_an_error_of_ours(kind, whole, tmp_path):
    for number in range(COUNT):
        result, error = outcome(kind, number, made(kind, whole), tmp_path / "odd")
        assert result in ("accepted", "ours"), f"{kind} {number}: {error}"


@pytest.mark.parametrize("kind", NAMES)
def test_what_is_read_is_never_unpickled(kind, whole, monkeypatch):
    folder = made(kind, whole)

    def unpickled(*_, **__):
        raise AssertionError("a pickle was read")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, unpickled)
    KINDS[kind].read(folder)
