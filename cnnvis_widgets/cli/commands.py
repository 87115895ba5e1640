"""The commands: what each takes, and the module that runs it. Reading this table imports nothing heavy."""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import dedent, fill, indent
from types import MappingProxyType

from ..methods import METHODS, Method, of_kind
from .parsing import Parser, add_options, require_own_options

EXPLAINERS: tuple[Method, ...] = (
    *of_kind("attribution"), *of_kind("occlusion"), *of_kind("wall"), *of_kind("attention"),
)  # fmt: skip
"""The methods among which ``attribute`` chooses."""


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        name: of the command, and of the function in ``module`` that runs it.
        module: in this room; imported when the command runs.
        about: one sentence for people.
        examples: command lines, without 'cnnvis'.
        add: gives a parser the arguments of the command.
        check: of arguments that do not go together; it exits through the parser.
        when_stopped: what a person should know after Ctrl-C.
        computes: whether it needs the engine, and with it TensorFlow.
    """

    name: str
    module: str
    about: str
    examples: str
    add: Callable[[Parser], None]
    check: Callable[[Parser, Namespace], None] = lambda parser, arguments: None
    when_stopped: str = ""
    computes: bool = True

    def parsed(self, words: Sequence[str]) -> Namespace:
        """Parse the words behind the name of the command.

        Raises:
            SystemExit: after the help, or after one line that says what is wrong.
        """
        lines = "\n".join(f"  cnnvis {line}" for line in dedent(self.examples).strip().splitlines())
        parser = Parser(self.name, self.about, lines)
        self.add(parser)
        named = [str(each.metavar) if each.nargs is None else f"[{each.metavar} ...]" for each in parser.positionals()]
        parser.usage = " ".join([parser.prog, *named, "[options]"])
        talk = parser.add_argument_group("what the command tells")
        talk.add_argument("--json", action="store_true", help="print one JSON object instead of lines")
        if "progress" not in parser.names():
            show = "show how far the work is; by default on terminals only"
            talk.add_argument("--progress", action=argparse.BooleanOptionalAction, help=show)
        talk.add_argument("--debug", action="store_true", help="show the traceback of an error, and all warnings")
        arguments = parser.parsed(words)
        arguments.progress = getattr(arguments, "progress", None)
        arguments.known = parser.names()
        self.check(parser, arguments)
        return arguments


def _add_model(parser: Parser) -> None:
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="the path of a .keras, .h5, .pb, .pbtxt or .meta file, a checkpoint or a SavedModel; 'demo' for the "
        "network that the package brings",
    )
    group = parser.add_argument_group("the model")
    group.add_argument("--image-input", metavar="NAME", help="the tensor that takes the images")
    group.add_argument(
        "--class-names", nargs="+", metavar="NAME", help="in their order; or a file with one name a line, or JSON"
    )
    group.add_argument("--heads", nargs="+", metavar="NAME=MEANING", help="what outputs mean, such as scores=labels")
    group.add_argument(
        "--preprocess",
        metavar="FILE.py:FUNCTION",
        help="from a picture, uint8 (height, width, 3), to the array that the network expects; or MODULE:FUNCTION. "
        "Without it pictures are resized and keep their values, 0 to 255",
    )
    group.add_argument(
        "--trusted", action="store_true", help="you know who made the model and trust them, so its code may run"
    )


def _add_images(parser: Parser, *, needed: bool = False, without: str = "a packaged photograph") -> None:
    about = "files, folders, patterns such as 'photos/**/*.jpg', an .npy file, or 'demo' for the packaged photographs"
    parser.add_argument(
        "images",
        metavar="IMAGES",
        nargs="+" if needed else "*",
        help=about if needed else f"{about}; without any, {without}",
    )


def _add_files(parser: Parser) -> None:
    group = parser.add_argument_group("files")
    group.add_argument("--out", default="Output", metavar="FOLDER", help="for PNG files; default Output")
    group.add_argument("--log", metavar="FOLDER", help="for TensorBoard, too")
    group.add_argument("--npz", metavar="FILE", help="for the arrays, too")


def _add_drawing(parser: Parser) -> None:
    group = parser.add_argument_group("pictures")
    group.add_argument("--singles", action="store_true", help="a picture of every channel, too")
    group.add_argument("--scale", choices=("layer", "map"), default="layer", help="of brightness; default layer")


def _describe(parser: Parser) -> None:
    _add_model(parser)


def _activations(parser: Parser) -> None:
    _add_model(parser)
    _add_images(parser)
    add_options(parser, [METHODS["activations"]])
    _add_drawing(parser)
    _add_files(parser)


def _deconv(parser: Parser) -> None:
    _add_model(parser)
    _add_images(parser)
    add_options(parser, [METHODS["reconstruction"]], required=["layer"])
    _add_drawing(parser)
    _add_files(parser)


def _dream(parser: Parser) -> None:
    _add_model(parser)
    _add_images(parser, without="noise")
    add_options(parser, [METHODS["deepdream"]])
    _add_files(parser)


def _attribute(parser: Parser) -> None:
    _add_model(parser)
    _add_images(parser)
    names = [method.name for method in EXPLAINERS]
    parser.add_argument("--method", choices=names, default="grad_cam", help="default grad_cam", metavar="METHOD")
    parser.description = f"{parser.description}\n\nmethods:\n{indent(fill(', '.join(names), 100), '  ')}"
    add_options(parser, EXPLAINERS)
    _add_files(parser)


def _check_method(parser: Parser, arguments: Namespace) -> None:
    require_own_options(parser, arguments, EXPLAINERS, METHODS[arguments.method])


def _survey(parser: Parser) -> None:
    _add_model(parser)
    _add_images(parser, needed=True)
    add_options(parser, [METHODS["survey"]])
    group = parser.add_argument_group("pages, in the folder of the index")
    group.add_argument("--patches", nargs="+", metavar="LAYER", help="the strongest patches of all channels of layers")
    group.add_argument("--errors", action="store_true", help="with labels: the wrong predictions, and what misled")


def _demo(parser: Parser) -> None:
    group = parser.add_argument_group("files")
    group.add_argument("--out", default="Output", metavar="FOLDER", help="for PNG files; default Output")
    group.add_argument("--log", default="Log", metavar="FOLDER", help="for TensorBoard; default Log")


def _explore(parser: Parser) -> None:
    _add_model(parser)
    _add_images(parser)
    group = parser.add_argument_group("page")
    group.add_argument("--port", type=int, metavar="N", help="of the page; by default one that is free")
    group.add_argument("--browser", action=argparse.BooleanOptionalAction, default=True, help="open it in a browser")
    group.add_argument("--out", default="Output", metavar="FOLDER", help="for what is saved; default Output")
    group.add_argument("--log", default="Log", metavar="FOLDER", help="for what is logged; default Log")


_LIST = (
    Command(
        "describe",
        "networks",
        "List inputs, layers and outputs of a model.",
        """
        describe demo
        describe model.keras --json
        """,
        _describe,
    ),
    Command(
        "activations",
        "pictures",
        "Draw the feature maps of layers: where in the image each channel fires.",
        """
        activations demo
        activations model.keras cat.jpg dog.jpg --layers r
        activations frozen.pb photos --layers 'block3*' --npz maps.npz
        """,
        _activations,
    ),
    Command(
        "deconv",
        "pictures",
        "Project channels of a layer back to the pixels: what in the image made them fire.",
        """
        deconv demo --layer block9_depthwise_relu --channels 3 14 --rule guided
        deconv model.keras cat.jpg --layer conv5 --rule auto
        deconv model.keras cat.jpg --layer conv5 --channels 7 --seed 4 6
        """,
        _deconv,
    ),
    Command(
        "dream",
        "pictures",
        "Make pictures that a class or a channel responds to, from noise or from a photograph.",
        """
        dream demo --channels goldfish --octaves 2 --steps 16
        dream demo flower.jpg --layer block12_add --channels 0
        """,
        _dream,
        when_stopped="The pictures of the last step are written.",
    ),
    Command(
        "attribute",
        "pictures",
        "Show which parts of the image speak for a class.",
        """
        attribute demo
        attribute model.keras cat.jpg --targets 'tabby cat' 'tiger cat' --method integrated_gradients
        attribute model.keras cat.jpg --method occlusion --size 32 --stride 16
        attribute model.keras cat.jpg --method method_wall
        """,
        _attribute,
        _check_method,
    ),
    Command(
        "survey",
        "data_sets",
        "Find out in one pass over a data set what each channel looks for.",
        """
        survey demo demo --layers 'block4*' --patches block4_add
        survey model.keras 'photos/*/*.jpg' --labels folder --errors
        survey model.keras images.npy --labels labels.npy --layers conv3
        survey model.keras /data/photos --scheduler tcp://10.0.0.7:8786 --out /data/Survey
        """,
        _survey,
        when_stopped="The same command goes on where it was.",
    ),
    Command(
        "demo",
        "demonstration",
        "Make the pictures of the demonstration: feature maps, reconstructions and two dreams.",
        "demo --out Output",
        _demo,
    ),
    Command(
        "explore",
        "page",
        "Open the explorer as a page on this machine.",
        """
        explore demo
        explore model.keras photos --class-names names.txt
        """,
        _explore,
        computes=False,
    ),
)

COMMANDS: Mapping[str, Command] = MappingProxyType({command.name: command for command in _LIST})
"""All commands by name."""


def overview() -> str:
    """What 'cnnvis --help' prints.

    Example:
        >>> overview().splitlines()[0]
        'usage: cnnvis COMMAND MODEL [IMAGES ...] [options]'
    """
    lines = "\n".join(f"  {command.name:13}{command.about}" for command in _LIST)
    return f"""usage: cnnvis COMMAND MODEL [IMAGES ...] [options]

Look inside any TensorFlow CNN.

commands:
{lines}

MODEL is the path of a .keras, .h5, .pb, .pbtxt or .meta file, a checkpoint or a SavedModel, or 'demo' for the network
that the package brings. IMAGES are files, folders, patterns, an .npy file, or 'demo' for the packaged photographs.

examples:
  cnnvis describe demo
  cnnvis attribute model.keras cat.jpg --targets 'tabby cat' --class-names names.txt
  cnnvis survey model.keras 'photos/*/*.jpg' --labels folder --errors
  cnnvis explore model.keras photos

'cnnvis COMMAND --help' lists the options of a command, 'cnnvis --version' the version.
Exit codes: 0 done, 1 it could not be done, 2 the command line is wrong, 130 stopped with Ctrl-C."""
