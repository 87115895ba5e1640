"""The canvas without a browser: its JavaScript is one module, joined from several files."""

from __future__ import annotations

import re

from cnnvis_widgets.widgets.elements.canvas import PictureCanvas


def test_the_files_make_one_module_without_two_things_of_one_name():
    module = PictureCanvas._esm
    assert module.rstrip().endswith("export default { render };")
    assert len(re.findall(r"^(?:export|import)\b", module, re.M)) == 1
    names = re.findall(r"^(?:async )?(?:function|const|let|class) (\w+)", module, re.M)
    assert len(names) > 15
    assert sorted(names) == sorted(set(names))
