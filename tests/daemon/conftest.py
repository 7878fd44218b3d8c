from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cellrecording import Recording
from daemon_serving import Served, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data folder."""
    return tmp_path / "data"


@pytest.fixture
def served(data: Path) -> Iterator[Served]:
    with serving(data) as here:
        yield here


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A daemon of one recording, ``night``: two stacks with masks of six; only read by tests."""
    folder = tmp_path_factory.mktemp("daemon")
    recording = Recording(folder / "night").add(2)
    recording.journal.append("decision", rule="r", cell=1, cause="metaphase", acted=True)
    recording.close()
    rows = '{"image": 0, "t": %d, "structure": "er", "volume_um3": 1.5}\n'
    text = "".join(rows % t for t in range(5))
    (folder / "night" / "measurements.jsonl").write_text(text, encoding="utf-8")
    with serving(folder) as here:
        yield here
