"""Links that nobody has to write: names lead to their place in the reference, DOIs and arXiv numbers to the papers."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes

PAPERS = re.compile(r"DOI:? (10\.\d{4,}/[\w.()/-]*[\w)])|arXiv[: ](\d{4}\.\d{4,5})")
NAME = re.compile(r"(?:cv\.)?([A-Za-z_][\w.]*)(?:\(.*\))?")


def paper(match: re.Match[str]) -> str:
    """The address of a paper.

    Example:
        >>> paper(PAPERS.search("see arXiv 1412.6806"))
        'https://arxiv.org/abs/1412.6806'
    """
    doi, arxiv = match.groups()
    return f"https://doi.org/{doi}" if doi else f"https://arxiv.org/abs/{arxiv}"


def _link_papers(app: Any, tree: nodes.document) -> None:
    for text in list(tree.findall(nodes.Text)):
        if isinstance(text.parent, nodes.reference | nodes.literal | nodes.literal_block | nodes.raw):
            continue
        parts, start = [], 0
        for match in PAPERS.finditer(text):
            link = nodes.reference("", match[0], refuri=paper(match), internal=False)
            parts += [nodes.Text(text[start : match.start()]), link]
            start = match.end()
        if parts:
            text.parent.replace(text, [*parts, nodes.Text(text[start:])])


def _link_names(app: Any, tree: nodes.document, page: str) -> None:
    known = app.env.domaindata["py"]["objects"]
    for literal in list(tree.findall(nodes.literal)):
        match = NAME.fullmatch(literal.astext())
        inside = literal.parent
        if not match or isinstance(inside, nodes.reference | nodes.title) or "sig-name" in inside.get("classes", ()):
            continue
        entry = known.get(f"cnnvis_widgets.{match[1]}") or known.get(match[1])
        if entry is None:
            continue
        target = f"{app.builder.get_relative_uri(page, entry.docname)}#{entry.node_id}"
        literal.replace_self(nodes.reference("", "", literal.deepcopy(), refuri=target, internal=True))


def setup(app: Any) -> dict[str, bool]:
    """Link papers as pages are read, and names when all pages are known."""
    app.connect("doctree-read", _link_papers)
    app.connect("doctree-resolved", _link_names)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
