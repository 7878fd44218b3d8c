from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ["PYQTGRAPH_QT_LIB"] = "PySide6"

import pytest
from cellrecording import Recording
from PySide6.QtCore import QCoreApplication, QEvent

from livesr.viewer.app import start_qt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PySide6.QtWidgets import QApplication


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session of three stacks of six, still running; only read by tests."""
    recording = Recording(tmp_path_factory.mktemp("viewer") / "night").add(3)
    recording.close()
    return recording.folder


@pytest.fixture
def growing(tmp_path: Path) -> Iterator[Recording]:
    """A session that the test itself goes on with."""
    recording = Recording(tmp_path / "live")
    yield recording
    recording.close()


@pytest.fixture
def qt() -> Iterator[QApplication]:
    """Qt; a widget that a test leaves behind fails it."""
    app = start_qt()
    yield app
    dispose_all(app)
    assert app.topLevelWidgets() == []


@pytest.fixture(autouse=True)
def no_leaked_threads() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    ours = {t for t in threading.enumerate() if t.name.startswith("viewer")}
    assert not ours - before


def dispose_all(app: QApplication) -> None:
    app.processEvents()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
