"""Parses GraphDefs and MetaGraphDefs, binary and text."""

from __future__ import annotations

import re
from typing import Any

import tensorflow as tf
from google.protobuf import text_format
from google.protobuf.message import DecodeError, Message

from ..graph.graphdef import GraphDef


def parsed(message: Message, content: bytes) -> Any:
    """Return a message with this content; ``None`` if the content is no such message."""
    try:
        message.ParseFromString(content)
    except DecodeError:
        return None
    return message


def parsed_text(content: bytes) -> GraphDef | None:
    """Parse a GraphDef or MetaGraphDef that is written as text, as in .pbtxt files; anything else gives ``None``."""
    if not re.match(rb"\s*(#.*\n\s*)*(node|meta_info_def|graph_def|versions|library)\s*:?\s*\{", content):
        return None
    for message in (GraphDef(), tf.compat.v1.MetaGraphDef()):
        try:
            parsed = text_format.Parse(content.decode(), message)
        except (text_format.ParseError, UnicodeDecodeError):
            continue
        return parsed if isinstance(parsed, GraphDef) else parsed.graph_def
    return None
