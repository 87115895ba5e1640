"""Files are there as a whole or not at all: after a kill, on a full disk, with two writers, and without a home."""

import json
import os
import random
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnvis_widgets.errors import OutputError
from cnnvis_widgets.outputs.whole_files import appear_new, write_folder, write_whole

KILLS = 12

WRITER = """
import json, sys
from pathlib import Path
import numpy as np
from cnnvis_widgets.outputs.animation import write_animation
from cnnvis_widgets.outputs.whole_files import write_folder, write_whole
from cnnvis_widgets.results import DreamStep, Layer

folder = Path(sys.argv[1])
layer = Layer("maps", "relu", "r", (None, 32, 32, 1), 3)

def steps(seed):
    rng = np.random.default_rng(seed)
    for index in range(6):
        images = rng.random((1, 96, 96, 3), np.float32)
        limits = (np.float32(0), np.float32(1))
        yield DreamStep(layer, "", (0,), ("0",), images, np.zeros(1, np.float32), 0, 1, index, 6, limits)

for turn in range(int(sys.argv[2])):
    print(turn, flush=True)
    write_animation(steps(turn), folder / "film.gif", rate=2)
    write_animation(steps(turn), folder / "film.mp4", rate=2)
    write_whole(folder / "state.json", json.dumps({"turn": turn, "rest": "x" * 300_000}).encode(), "")
    write_folder(folder / "part", {name: bytes(str(turn), "ascii") * 90_000 for name in "abc"}, "")
"""
"""A process that writes films, states and folders over and over. It imports no TensorFlow."""


def writer(folder, turns=10_000, before="", **options):
    return subprocess.Popen(
        [sys.executable, "-c", before + WRITER, str(folder), str(turns)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def require_whole(folder):
    """Decode every file that has its name."""
    if (folder / "film.gif").exists():
        with Image.open(folder / "film.gif") as film:
            assert film.n_frames == 6  # the last one stays
            film.seek(5)
            film.load()
    if (folder / "film.mp4").exists():
        import imageio_ffmpeg

        assert imageio_ffmpeg.count_frames_and_secs(str(folder / "film.mp4"))[0] == 8
    if (folder / "state.json").exists():
        assert len(json.loads((folder / "state.json").read_text())["rest"]) == 300_000
    if (folder / "part").exists():
        assert len({(folder / "part" / name).read_bytes() for name in "abc"}) == 1


def test_a_kill_at_any_moment_leaves_whole_files(tmp_path):
    rng = random.Random(0)
    for _ in range(KILLS):
        process = writer(tmp_path)
        process.stdout.readline()  # it has begun
        time.sleep(rng.uniform(0, 2))
        process.kill()
        process.communicate()
        require_whole(tmp_path)
    assert writer(tmp_path, 1).communicate()[1] == ""  # what killed writers left does not disturb
    assert {"film.gif", "film.mp4", "state.json", "part"} <= {path.name for path in tmp_path.iterdir()}
    require_whole(tmp_path)


@pytest.mark.parametrize("size", [1_000, 30_000, 100_000, 250_000])
def test_a_full_disk_leaves_the_old_files_and_an_error_of_ours(tmp_path, size):
    assert writer(tmp_path, 1).communicate()[1] == ""
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))\n"
    said = writer(tmp_path, 1, limit).communicate()[1]
    assert "OutputError: Expected a folder that can be written to" in said, said
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert after.keys() == before.keys()
    require_whole(tmp_path)


def test_an_mp4_that_does_not_fit_is_no_success(tmp_path):
    script = WRITER.partition("for turn")[0] + "write_animation(steps(0), folder / 'film.mp4')"
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))\n"
    done = subprocess.run([sys.executable, "-c", limit + script, str(tmp_path)], capture_output=True, text=True)
    assert "OutputError" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_two_writers_on_one_name(tmp_path):
    processes = [writer(tmp_path, 4) for _ in range(2)]
    said = [process.communicate()[1] for process in processes]
    require_whole(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"film.gif", "film.mp4", "state.json", "part"}
    assert all(text == "" or "OutputError" in text for text in said)


def test_threads_that_write_one_file(tmp_path):
    contents = [bytes([number]) * 200_000 for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda content: write_whole(tmp_path / "file", content, ""), contents))
    assert (tmp_path / "file").read_bytes() in contents
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_new_name_is_never_shared(tmp_path):
    def place(number):
        (tmp_path / f".{number}").write_text(str(number))
        return appear_new(tmp_path / f".{number}", (tmp_path / f"film_{each}" for each in range(100)))

    with ThreadPoolExecutor(8) as pool:
        placed = list(pool.map(place, range(20)))
    assert len(set(placed)) == 20
    assert sorted(path.read_text() for path in placed) == sorted(map(str, range(20)))


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="an administrator may write anywhere")
def test_a_folder_that_is_read_only(tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with pytest.raises(OutputError, match="can be written to"):
            write_whole(tmp_path / "file", b"", "")
    finally:
        tmp_path.chmod(stat.S_IRWXU)


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "file/below"])
def test_names_that_no_file_can_have(tmp_path, name):
    (tmp_path / "file").write_bytes(b"")
    for write in (lambda: write_whole(tmp_path / name, b"", ""), lambda: write_folder(tmp_path / name, {}, "")):
        with pytest.raises(OutputError, match="Received: "):
            write()


def test_names_of_any_length_and_letters_without_home_and_locale(tmp_path):
    """A name of 250 bytes leaves little room for the temporary one."""
    names = ["x" * 250, "Bär 日本語 🐈.json"]
    script = f"""
import pathlib
from cnnvis_widgets.outputs.whole_files import write_whole
for name in {names!r}:
    write_whole(pathlib.Path({str(tmp_path)!r}) / name, name.encode(), "")
"""
    kept = ("PATH", "PYTHONPATH", "SYSTEMROOT")
    environment = {key: value for key, value in os.environ.items() if key in kept} | {"LC_ALL": "C"}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment)
    assert sorted(path.name for path in Path(tmp_path).iterdir()) == sorted(names)


def test_no_file_handles_are_left(tmp_path):
    script = f"""
import pathlib, resource
from cnnvis_widgets.errors import OutputError
from cnnvis_widgets.outputs.whole_files import require_writable, write_whole
folder = pathlib.Path({str(tmp_path)!r})
resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
for write in (lambda: write_whole(folder / "file", b"", ""), lambda: require_writable([folder], "")):
    try:
        write()
    except OutputError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.count("Too many open files") == 2
    assert np.size(list(tmp_path.iterdir())) == 0
