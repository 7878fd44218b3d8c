"""A window without a thread beside it, so that tests need not wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest

from livesr.storage.reader import open_session
from livesr.viewer.loader import Loader
from livesr.viewer.window import Window
from livesr.viewer.worker import Update, extras_of

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.viewer.state import View


class Shown:
    """A window whose reader answers at once."""

    def __init__(self, folder: Path, view: View) -> None:
        self.loader = Loader(open_session(folder))
        self.asked: list[View] = []
        self.saved: list[bool] = []
        self.window = Window("night", view, self.answer)
        self.window.bind_keys(save=self.saved.append, relevel=self.loader.relevel)
        self.window.resize(900, 650)
        self.window.show()
        self.refresh(view)

    def refresh(self, view: View) -> None:
        self.loader.refresh()
        beside = self.loader.beside()
        parts = {str(part): beside.make(part, view, None) for part in beside.wanted(view, None)}
        update = Update(
            self.loader.scenes,
            self.loader.progress,
            self.loader.load(view),
            {"er": 12.34},
            extras=extras_of(self.loader.course, parts),
        )
        self.window.display(update)

    def answer(self, view: View) -> None:
        self.asked.append(view)
        self.refresh(view)

    def press(
        self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
    ) -> View:
        self.window.activateWindow()
        assert QTest.qWaitForWindowActive(self.window)
        QTest.keyClick(self.window, key, modifier)
        return self.window.view

    def pixels(self) -> np.ndarray:
        """Return the canvas as (y, x, 3)."""
        image = self.window.canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
        rows, stride = image.height(), image.bytesPerLine()
        flat = np.frombuffer(image.constBits(), np.uint8).reshape(rows, stride)
        return flat[:, : 3 * image.width()].reshape(rows, -1, 3).copy()


def dispose(window: Window) -> None:
    window.close()
    window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
