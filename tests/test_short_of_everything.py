"""No file handles, no home, no locale, and a kill at any moment: results are whole, and errors are ours."""

import json
import os
import random
import subprocess
import sys
import time

import numpy as np
import pytest

import cnnvis_widgets as cv
from cnnvis_widgets.errors import CnnvisError

pytestmark = pytest.mark.slow

MODEL = """
import json, os, sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
import keras, numpy as np
import cnnvis_widgets as cv
from cnnvis_widgets.outputs.pictures import of_layer
from cnnvis_widgets.outputs.tensorboard import EventWriter
from cnnvis_widgets.widgets.jobs import jobs

folder = Path(sys.argv[1])
images = np.random.default_rng(0).random((6, 12, 12, 3)).astype(np.float32)


def model():
    keras.utils.set_random_seed(0)
    image = keras.Input((12, 12, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu", name="maps")(image)
    x = keras.layers.Dense(3, activation="softmax", name="scores")(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(image, x)
"""

WITHOUT_HANDLES = """
import resource
from PIL import Image

network, path, photo = cv.load(model(), images), folder / "m.keras", folder / "p.png"
model().save(path)
Image.fromarray((images[0] * 255).astype(np.uint8)).save(photo)
(maps,) = cv.activations(network, None, "maps")
steps = list(cv.dream(network, None, "maps", 0, steps=2, octaves=1, value_range=(0, 1)))
explorer = cv.ModelExplorer(network, images, logdir=None)
explorer.wait(60)
calls = {
    "a model": lambda: cv.load(path),
    "an image": lambda: cv.activations(network, photo, "maps"),
    "a film": lambda: cv.write_animation(steps, folder / "film.gif"),
    "an mp4": lambda: cv.write_animation(steps, folder / "film.mp4"),
    "a page": lambda: cv.write_html([maps], folder / "page.html"),
    "events": lambda: EventWriter(folder / "Log").add(of_layer(maps)),
    "a state": lambda: explorer.save_state(folder / "state.json"),
    "a survey": lambda: cv.survey(network, images, "maps", out=folder / "Survey", progress=False),
}
before = sorted(each.name for each in folder.iterdir())
open_now = len(os.listdir("/proc/self/fd"))
usual = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (open_now - 1, usual[1]))
answers = {}
for name, call in calls.items():
    try:
        call()
        answers[name] = "accepted"
    except cv.errors.CnnvisError as error:
        answers[name] = "ours"
    except Exception as error:
        answers[name] = repr(error)
resource.setrlimit(resource.RLIMIT_NOFILE, usual)
again = cv.activations(network, None, "maps")[0].values
print(json.dumps([answers, bool(np.array_equal(again, maps.values))]))
os._exit(0)
"""

WITHOUT_HOME = """
from PIL import Image

model().save(folder / "模型.keras")
Image.fromarray((images[0] * 255).astype(np.uint8)).save(folder / "фото ü.png")
network = cv.load(folder / "模型.keras", folder / "фото ü.png")
(maps,) = cv.activations(network, None, "maps")
cv.write_html([maps], folder / "страница.html")
cv.write_animation(cv.dream(network, None, "maps", 0, steps=2, octaves=1), folder / "фильм.mp4")
found = cv.survey(network, [folder / "фото ü.png"], "maps", out=folder / "обзор", progress=False)
found.patches("maps", 0)
explorer = cv.ModelExplorer(network, folder / "фото ü.png", outdir=folder / "Ausgabe ß", logdir=folder / "Log ß")
explorer.wait(60)
explorer.save_png()
jobs.WRITING.wait(60)
explorer.load_state(explorer.save_state(folder / "état.json"))
print(json.dumps([explorer.state.error, explorer.code().count("фото")]))
explorer.close()
"""

SURVEYS = """
network = cv.load(model(), images)
print("begun", flush=True)
for turn in range(200):
    cv.survey(network, images, ["maps", "scores"], out=folder / "Survey", partition=1, resume=False, progress=False)
"""


def run(code, folder, **options):
    return subprocess.Popen(
        [sys.executable, "-c", MODEL + code, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def answer(code, folder, **options):
    out, err = run(code, folder, **options).communicate(timeout=600)
    assert out, err[-3000:]
    return json.loads(out.splitlines()[-1])


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="open files are counted in /proc")
def test_without_file_handles(tmp_path):
    answers, same = answer(WITHOUT_HANDLES, tmp_path)
    assert set(answers.values()) <= {"ours", "accepted"}, answers
    assert answers["a page"] == answers["an image"] == "ours"  # the limit was felt
    assert same


def test_without_a_home_and_a_locale(tmp_path):
    kept = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "SYSTEMROOT")
    environment = {key: value for key, value in os.environ.items() if key in kept} | {"LC_ALL": "C"}
    error, in_code = answer(WITHOUT_HOME, tmp_path, env=environment)
    assert error == ""
    assert in_code > 0
    names = {path.name for path in tmp_path.iterdir()}
    assert {"страница.html", "фильм.mp4", "обзор", "état.json", "Ausgabe ß"} <= names
    assert not [name for name in names if name.endswith(".tmp")]


def test_a_survey_that_is_killed_is_whole_as_far_as_it_is_there(tmp_path):
    rng = random.Random(1)
    for _ in range(4):
        process = run(SURVEYS, tmp_path)
        assert process.stdout.readline() == "begun\n"
        time.sleep(rng.uniform(0.5, 4))
        process.kill()
        process.communicate()
        try:
            rows = cv.Survey.open(tmp_path / "Survey").maxima("maps")
        except CnnvisError:  # killed before anything was complete
            continue
        assert rows.shape[1] == 4
        assert np.isfinite(rows).all()
