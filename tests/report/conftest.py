from __future__ import annotations

from typing import TYPE_CHECKING

import night
import pytest

from livesr.session import deciding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session", autouse=True)
def scripted() -> Iterator[None]:
    """Cells do what a script says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deciding, "new_decoder", night.Decoder)
        yield


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole session with a cell that was followed; only read by tests."""
    return night.record(tmp_path_factory.mktemp("report") / "night")
