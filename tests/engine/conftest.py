"""What tests of all rooms of the engine share."""

from collections.abc import Iterator

import pytest

from cnnvis_widgets.engine.devices import assumed, cpu


@pytest.fixture
def cpu_policy() -> Iterator[None]:
    """Compute in the ways of a CPU, also on a machine with a GPU."""
    with assumed(cpu()):
        yield
