"""The command line: every command, its files and its JSON; wrong words, files and options; what is imported when."""

import json
import re
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
from networks import keras_cnn
from PIL import Image

import cnnvis_widgets
from cnnvis_widgets import Survey
from cnnvis_widgets.cli import page
from cnnvis_widgets.cli.commands import COMMANDS, EXPLAINERS
from cnnvis_widgets.cli.main import main
from cnnvis_widgets.methods import METHODS


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "little.keras"
    keras_cnn().save(path)
    return str(path)


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Pictures in two folders named after classes, below the working directory."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name in ("photos/cat/one.png", "photos/cat/two.png", "photos/dog/three.png"):
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (20, 20, 3), np.uint8)).save(path)
    return ["photos/cat/one.png", "photos/cat/two.png", "photos/dog/three.png"]


@pytest.fixture
def ran(capsys):
    """Run a command that goes well; its lines."""

    def run(*words: object) -> str:
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        assert code == 0, err
        return out

    return run


@pytest.fixture
def told(ran):
    """Run a command with --json; its facts."""
    return lambda *words: json.loads(ran(*words, "--json"))


@pytest.fixture
def refused(capsys):
    """Run a command that does not go well; its exit code and its one line."""

    def run(*words: object) -> tuple[int, str]:
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        assert out == ""
        assert "Traceback" not in err
        *notes, line = err.splitlines()
        assert all(": note: " in each for each in notes), err
        return code, line

    return run


# ---- every command


def test_describe(ran, told, model):
    network = cnnvis_widgets.load(model)
    assert network.describe() in ran("describe", model)
    facts = told("describe", model, "--class-names", "cat", "dog", "cow", "pig")
    assert [layer["name"] for layer in facts["layers"]] == [layer.name for layer in network.layers]
    assert facts["heads"][0]["names"] == ["cat", "dog", "cow", "pig"]
    assert facts["fingerprint"] == network.fingerprint()


def test_activations(told, model, photos):
    facts = told(
        "activations", model, *photos, "--layers", "fused", "pool", "--npz", "maps", "--log", "Log", "--singles"
    )
    assert facts["images"] == photos
    assert [layer["shape"] for layer in facts["layers"]] == [[3, 20, 20, 6], [3, 10, 10, 6]]
    assert len([name for name in facts["files"] if name.endswith(".png")]) == 3 * (1 + 6) * 2
    assert all(Path(name).is_file() for name in facts["files"])
    pictures = np.stack([np.asarray(Image.open(path)) for path in photos])
    [maps] = cnnvis_widgets.activations(model, pictures, "fused")
    with np.load("maps.npz") as arrays:
        np.testing.assert_array_equal(arrays[maps.layer.name.replace("/", ".")], maps.values)
    assert len(list(Path("Log").iterdir())) == 1


def test_deconv(told, model, photos):
    words = ["--channels", 1, 4, "--rule", "guided", "--seed", 2, 3, "--npz", "back.npz", "--out", "Pictures"]
    facts = told("deconv", model, photos[0], "--layer", "layer", *words)
    picture = np.asarray(Image.open(photos[0]))
    expected = cnnvis_widgets.reconstruct(model, picture, "layer", channels=[1, 4], rule="guided", seed=(2, 3))
    assert (facts["rule"], facts["channels"], facts["units"]) == ("guided", [1, 4], [[[2, 3], [2, 3]]])
    with np.load("back.npz") as arrays:
        np.testing.assert_array_equal(arrays[expected.layer.name.replace("/", ".")], expected.images)
    assert facts["files"][0].startswith("Pictures")


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("grad_cam", ["--targets", 1, 2, "--layer", "layer"]),
        ("integrated_gradients", ["--steps", 4, "--baseline", 0, "--targets", 3]),
        ("smooth_grad", ["--samples", 2, "--noise", 0.5, "--seed", 9]),
        ("occlusion", ["--size", 10, "--stride", 5, "--fill", 0.5]),
    ],
)
def test_attribute(told, model, photos, method, options):
    facts = told("attribute", model, photos[2], "--method", method, *options, "--npz", "found.npz")
    row = METHODS[method]
    names = {"--targets": [1, 2] if "--layer" in options else 3}
    words = dict(zip(options[::2], options[1::2], strict=False)) if method != "grad_cam" else {"--layer": "layer"}
    keywords = {name[2:]: value for name, value in words.items() if name != "--targets"}
    targets = names["--targets"] if "--targets" in options else None
    *_, expected = row.run(cnnvis_widgets.load(model), np.asarray(Image.open(photos[2])), targets, **keywords)
    with np.load("found.npz") as arrays:
        np.testing.assert_array_equal(arrays[method], np.asarray(expected))
    scores = getattr(expected, "attribution", expected).scores
    np.testing.assert_allclose([each["score"] for each in facts["scores"]], scores.ravel(), rtol=1e-6)


def test_a_wall_of_methods_in_lines(ran, model, photos):
    lines = ran("attribute", model, photos[0], "--method", "method_wall", "--methods", "grad_cam", "hires_cam")
    assert "Grad-CAM" in lines
    assert "HiResCAM" in lines
    assert ".png" in lines


def test_dream_from_noise_and_from_a_photo(told, model, photos):
    options = ["--octaves", 1, "--steps", 3, "--channels", 2, "--seed", 4]
    noise = told("dream", model, "--size", 16, 24, *options, "--npz", "noise", "--log", "Log")
    *_, last = cnnvis_widgets.dream(model, None, None, 2, octaves=1, steps=3, seed=4, size=(16, 24))
    np.testing.assert_allclose(noise["scores"], last.scores, rtol=1e-5)
    with np.load("noise.npz") as arrays:
        assert arrays[last.layer.name.replace("/", ".")].shape == (1, 16, 24, 3)
    photo = told("dream", model, photos[0], *options)
    *_, last = cnnvis_widgets.dream(
        model, np.asarray(Image.open(photos[0])), None, 2, octaves=1, steps=3, seed=4, start="feed"
    )
    np.testing.assert_allclose(photo["scores"], last.scores, rtol=1e-5)


def test_survey_with_labels_of_folders_and_a_page(told, model, photos):
    words = ["survey", model, "photos/*/*.png", "--layers", "layer", "--top", 2, "--labels", "folder"]
    facts = told(*words, "--class-names", "cat", "dog", "cow", "pig", "--patches", "layer", "--no-progress")
    found = Survey.open("Survey")
    assert facts["images"] == len(found) == 3
    assert found.labels == ("cat", "cat", "dog")
    assert found.index.plan.top == 2
    assert facts["files"] == ["Survey/patches.html"]
    assert Path("Survey/patches.html").stat().st_size > 2000


def test_survey_of_arrays_with_a_file_of_labels(told, model, photos):
    np.save("images.npy", np.random.default_rng(0).integers(0, 256, (5, 20, 20, 3), np.uint8))
    np.save("labels.npy", np.arange(5) % 2)
    told("survey", model, "images.npy", "--labels", "labels.npy", "--layers", "pool", "--out", "A")
    assert Survey.open("A").labels == ("0", "1", "0", "1", "0")
    Path("labels.csv").write_text("name,label\none.png,1\nphotos/dog/three.png,3\n")
    told("survey", model, *photos, "--labels", "labels.csv", "--layers", "pool", "--out", "B")
    assert Survey.open("B").labels == ("1", None, "3")


def test_survey_writes_a_page_of_mistakes(told, model, photos):
    words = ["--layers", "layer", "--labels", "folder", "--class-names", "cat", "dog", "cow", "pig", "--errors"]
    facts = told("survey", model, *photos, *words)
    assert facts["labelled"] == 3
    page = Path(facts["files"][0]).read_text("utf-8")
    assert page.count("<article>") == facts["wrong"] > 0


def test_survey_goes_on_and_tells_what_cannot_be_read(told, refused, model, photos):
    Path("photos/cat/broken.png").write_bytes(b"no picture")
    words = ["survey", model, "photos/cat", "--layers", "pool", "--partition", 1]
    facts = told(*words)
    assert [each["key"] for each in facts["unread"]] == ["photos/cat/broken.png"]
    assert any("broken.png" in note for note in facts["notes"])
    assert facts | {"notes": []} == told(*words) | {"notes": []}
    code, line = refused(*words, "--top", 3)
    assert code == 1
    assert "other values of top" in line
    assert "--out ..." in line
    assert "--no-resume" in line
    assert told(*words, "--top", 3, "--no-resume")["images"] == 2


def test_demo_writes_what_the_demonstration_writes(told, monkeypatch, tmp_path):
    from cnnvis_widgets.cli import demonstration  # it imports the engine

    calls = []

    def run(outdir: Path, logdir: Path, say: object) -> list[Path]:  # the real one takes a minute; test_demo runs it
        calls.append((outdir, logdir))
        return [outdir / "grid.png"]

    monkeypatch.setattr(demonstration, "run", run)
    assert told("demo", "--out", "A", "--log", "B")["files"] == ["A/grid.png"]
    assert calls == [(Path("A"), Path("B"))]


def settings(model: str, images: list[str]) -> dict[str, object]:
    names = ["a", "b", "c", "d"]
    more = {"image_input": None, "class_names": names, "heads": None, "preprocess": None, "trusted": False}
    more |= {"out": "Output", "log": "Log"}
    return {"model": model, "images": images, **more}


def test_the_page_opens_the_explorer_on_what_was_named(model, photos):
    explorer = page.explorer(settings(model, photos[:2]))
    assert list(explorer.state.images) == ["one.png", "two.png"]
    explorer.close()
    refusal = page.explorer(settings(model, ["photos"]))
    assert "sub-folders" in refusal._repr_html_()
    assert refusal._repr_html_().startswith('<p role="alert">')


def test_the_notebook_of_the_page_is_python_with_the_words_of_the_command(tmp_path):
    cell = json.loads(page._notebook(settings("it's a model.keras", [])))["cells"][0]
    code = "".join(cell["source"])
    compile(code, "cell", "exec")
    assert "it's a model.keras" in code


# ---- wrong words


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["drem"], 2, "Received: 'drem'. Nearest names: 'dream'"),
        (["describe"], 2, "MODEL. MODEL and IMAGES stand before the options. See 'cnnvis describe --help'."),
        (["describe", "demo", "--jsn"], 2, "Received: --jsn. Nearest: --json"),
        (["deconv", "demo"], 2, "required: --layer"),
        (
            ["deconv", "demo", "--layer", "x", "--rule", "guidet"],
            2,
            "one of deconvnet, guided, gradient, auto. Received: 'g",
        ),
        (["deconv", "demo", "--layer", "x", "--channels", "a"], 2, "Expected a whole number. Received: 'a'"),
        (
            ["attribute", "demo", "--samples", "4"],
            2,
            "options of grad_cam. Received: --samples, which is for smooth_grad",
        ),
        (
            ["attribute", "demo", "--method", "smooth_grad", "--samples", "0"],
            2,
            "Expected a number from 1 on. Received: 0",
        ),
        (["dream", "demo", "--strength", "1.5"], 2, "Expected a number from 0 to 1. Received: 1.5"),
        (["dream", "demo", "--octaves", "9"], 2, "from 1 to 8"),
        (["survey", "demo"], 2, "required: IMAGES"),
        (["describe", "none.keras"], 1, "Expected a model. Received: 'none.keras'"),
        (["activations", "demo", "none.png"], 1, "Expected images. Received: 'none.png'"),
        (["activations", "demo", "photos"], 1, "Its sub-folders ('cat', 'dog') are not searched"),
        (["survey", "demo", "photos/cat", "--labels", "none.csv"], 1, "Expected 'folder' or a file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_words_are_one_line_before_anything_is_loaded(refused, photos, monkeypatch, words, code, message):
    monkeypatch.setattr(sys, "argv", ["cnnvis"])
    found, line = refused(*words)
    assert found == code
    assert message in line
    assert line.startswith("cnnvis")


def test_what_only_the_network_can_know_is_one_line_too(refused, model, photos):
    code, line = refused("deconv", model, photos[0], "--layer", "lyer")
    assert code == 1
    assert "Received: --layer 'lyer'" in line
    assert "layer" in line.split("Nearest names")[1]
    code, line = refused("attribute", model, photos[0], "--targets", 9)
    assert code == 1
    assert "Received: 9" in line
    Path("text.keras").write_text("no model")
    assert refused("describe", "text.keras")[0] == 1
    Path("labels.csv").write_text("other.png,1\n")
    code, line = refused("survey", model, *photos, "--labels", "labels.csv")
    assert code == 1
    assert "none of them, but 'other.png'" in line


def test_a_function_of_the_user_prepares_pictures(told, refused, model, photos):
    Path("mine.py").write_text("def half(picture):\n    return picture / 510\n\nnumber = 3\n")
    facts = told("attribute", model, photos[0], "--targets", 0, "--preprocess", "mine.py:half")
    expected = cnnvis_widgets.grad_cam(model, np.asarray(Image.open(photos[0]), np.float32)[None] / 510, 0)
    np.testing.assert_allclose(facts["scores"][0]["score"], expected.scores[0, 0], rtol=1e-5)
    assert told("describe", model, "--preprocess", "mine:half")["fingerprint"]
    for word, message in (
        ("mine.py", "FILE.py:FUNCTION"),
        ("none.py:half", "There is no 'none.py'"),
        ("mine.py:whole", "There is no 'whole'"),
        ("mine.py:number", "There is no 'number'"),
        ("no_such_module:half", "No module named"),
    ):
        code, line = refused("describe", model, "--preprocess", word)
        assert code == 1
        assert message in line


def test_class_names_of_files(told, refused, model, photos):
    Path("names.txt").write_text("cat\ndog\n\ncow\npig\n")
    Path("names.json").write_text('{"0": "cat", "1": "dog", "2": "cow", "3": "pig"}')
    Path("bad.json").write_text("[")
    for name in ("names.txt", "names.json"):
        facts = told("describe", model, "--class-names", name)
        assert facts["heads"][0]["names"] == ["cat", "dog", "cow", "pig"]
    assert "Expected class names in JSON" in refused("describe", model, "--class-names", "bad.json")[1]
    assert "Expected NAME=MEANING" in refused("describe", model, "--heads", "scores")[1]


def test_debug_shows_the_traceback(capsys, model, photos):
    assert main(["deconv", model, photos[0], "--layer", "none", "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c_writes_the_dream_so_far_and_ends_with_130(capsys, monkeypatch, model, photos):
    from cnnvis_widgets.cli import pictures

    real = pictures.is_logged

    def stop(step: object, count: int = 10) -> bool:
        if step.index == 1:
            raise KeyboardInterrupt
        return real(step, count)

    monkeypatch.setattr(pictures, "is_logged", stop)
    assert (
        main(
            ["dream", model, "--size", "16", "16", "--channels", "1", "--octaves", "1", "--steps", "5", "--log", "Log"]
        )
        == 130
    )
    out, err = capsys.readouterr()
    assert "after 2 of 5 steps" in out
    assert "Stopped. The pictures of the last step are written." in err
    assert list(Path("Output").rglob("*.png"))


def test_explore_without_voila_says_how_to_get_it(refused, monkeypatch, model):
    monkeypatch.setattr(page, "find_spec", lambda name: None)
    code, line = refused("explore", model)
    assert code == 1
    assert "cnnvis_widgets[notebook]" in line


# ---- help


@pytest.mark.parametrize("name", COMMANDS)
def test_help_teaches(ran, name):
    text = ran(name, "--help")
    assert COMMANDS[name].about in text
    assert f"cnnvis {name}" in text.split("examples:")[1]
    assert text == ran("help", name)
    assert name in ran("--help")
    assert name in ran()


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_the_examples_of_the_help_can_be_parsed(command):
    for line in command.examples.strip().splitlines():
        name, *words = [word.strip("'") for word in re.findall(r"'[^']*'|\S+", line)]
        assert name == command.name
        assert isinstance(command.parsed(words), Namespace)


def test_options_have_the_names_of_the_functions(ran):
    text = ran("attribute", "--help")
    for method in EXPLAINERS:
        for option in (*method.asks, *method.options):
            assert f"--{option.name.replace('_', '-')}" in text
    assert COMMANDS["dream"].parsed(["demo", "--step_size", "0.5"]).step_size == 0.5
    assert COMMANDS["survey"].parsed(["demo", "demo", "--scheduler", "tcp://a:1"]).client == "tcp://a:1"


def test_help_and_wrong_words_load_nothing_heavy():
    code = """
import sys
from cnnvis_widgets.cli.main import main
codes = [main(["attribute", "--help"]), main(["dream", "demo", "--octaves", "99"]), main(["describe", "none.keras"])]
print(codes, sorted({"tensorflow", "keras", "numpy", "PIL", "pandas", "pyarrow", "ipywidgets"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[0, 2, 1] []"


def test_the_module_is_the_command(model, photos):
    command = [sys.executable, "-m", "cnnvis_widgets", "describe", model, "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["image_input"] == "image"


@pytest.mark.parametrize("words", [["--help"], pytest.param(["describe", "demo"], marks=pytest.mark.slow)])
def test_a_reader_who_has_seen_enough_is_no_error(words):
    code = f"import sys; sys.argv[1:] = {words}; from cnnvis_widgets.cli.main import entry; sys.stdin.read(); entry()"
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen([sys.executable, "-c", code], text=True, **pipes) as shell:
        shell.stdout.close()  # as ``cnnvis --help | head -1`` does
        shell.stdin.close()
        assert shell.stderr.read() == ""
    assert shell.returncode == 1
