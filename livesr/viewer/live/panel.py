"""The controls at the right of a preview: light, focus, histograms, doubts, one stack."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from livesr.session.settings import z_range
from livesr.viewer import theme
from livesr.viewer.controls import choice, joined, labelled, row, rule
from livesr.viewer.live.composer import MODES
from livesr.viewer.live.plots import FocusPlot, HistogramPlot

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from livesr.session.trial import Trial
    from livesr.viewer.live.figures import Figures
    from livesr.viewer.live.told import Told

WIDTH = 372
KEYS = (
    ("Space", "freeze, go on"),
    ("1–5", "view"),
    ("E  ⇧E", "exposure + −"),
    ("P  ⇧P", "laser + −"),
    ("↑ ↓", "focus 0.1 µm"),
    ("⇧↑ ⇧↓", "focus 1 µm"),
    ("B  N", "stack: bottom, top"),
    ("A", "levels"),
    ("F", "find rectangles"),
    ("X", "swap channels"),
    ("T", "try one stack"),
    ("S", "save frame"),
)


class Panel(QScrollArea):
    """Shows what is told; each button calls what it is bound to.

    Parameters
    ----------
    do : mapping of str to callable
        By name: toggle, exposure+, exposure-, power+, power-, z+, z-, bottom, top, find, swap,
        try, write, run, save; and a mode's name for each view.
    """

    def __init__(self, do: Mapping[str, Callable[[], None]]) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setFixedWidth(WIDTH)
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._do = do
        self.live = _button("Freeze", do["toggle"], "Space")
        self.modes = choice(*(m.capitalize() for m in (*MODES, "stack")), tip="view (1–5)")
        for button, name in zip(self.modes, (*MODES, "stack"), strict=True):
            button.clicked.connect(lambda _, n=name: do[n]())
            button.setStyleSheet("padding: 4px 3px;")
        self.exposure, self.power, self.z = (labelled("", "number") for _ in range(3))
        self.range = labelled("", "dim")
        self.focus = FocusPlot()
        self.histograms: dict[str, HistogramPlot] = {}
        self.doubts = _text()
        self.trial = _text()
        self.find_rectangles = _button("Find rectangles", do["find"], "F")
        self.try_one = _button("Try one stack", do["try"], "T")
        self.write = _button("Start with these settings", do["write"], "writes a session file")
        self.run = _button("Run it", do["run"], "closes the preview and runs the session")
        self._lay_out()

    def _lay_out(self) -> None:
        content = QWidget()
        content.setObjectName("panel")
        self._layout = layout = QVBoxLayout(content)
        layout.setContentsMargins(16, 14, 16, 14)
        layout.setSpacing(9)
        layout.addWidget(joined(*self.modes))
        layout.addWidget(self.live)
        layout.addWidget(self._turned("Expose", self.exposure, "exposure"))
        layout.addWidget(self._turned("Laser", self.power, "power"))
        layout.addWidget(self._turned("Focus", self.z, "z"))
        layout.addWidget(row("Stack", self._range_row()))
        layout.addWidget(self.focus)
        self._plots = QVBoxLayout()
        self._plots.setSpacing(6)
        layout.addLayout(self._plots)
        layout.addWidget(self.doubts)
        layout.addWidget(rule())
        two = QHBoxLayout()
        two.setSpacing(8)
        two.addWidget(self.find_rectangles)
        two.addWidget(self.try_one)
        layout.addLayout(two)
        layout.addWidget(self.trial)
        layout.addWidget(self.write)
        layout.addWidget(self.run)
        layout.addStretch(1)
        layout.addWidget(_keys())
        self.setWidget(content)

    def _turned(self, title: str, label: QLabel, name: str) -> QWidget:
        whole = QWidget()
        inside = QHBoxLayout(whole)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(6)
        label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        for sign, key in (("−", "-"), ("+", "+")):
            button = _button(sign, self._do[name + key], f"{title.lower()} {sign}")
            button.setFixedWidth(34)
            if key == "+":
                inside.addWidget(label, 1)
            inside.addWidget(button)
        return row(title, whole)

    def _range_row(self) -> QWidget:
        whole = QWidget()
        inside = QHBoxLayout(whole)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(6)
        inside.addWidget(self.range, 1)
        for words, name in (("bottom", "bottom"), ("top", "top")):
            button = _button(
                words, self._do[name], f"the stack's {words} is where the focus stands"
            )
            button.setStyleSheet("padding: 3px 7px;")
            inside.addWidget(button)
        return whole

    def sync(self, told: Told, *, mode: str, frozen: str) -> None:
        """Show settings, doubts and the stack that was tried."""
        for button, name in zip(self.modes, (*MODES, "stack"), strict=True):
            button.setChecked(name == mode)
        self.modes[-1].setEnabled(told.picture is not None)
        self.live.setText("Look again" if frozen else "Freeze: light off")
        self.exposure.setText(f"{told.exposure_ms:.4g} ms")
        self.power.setText("–" if told.power is None else f"{told.power:.3g}")
        self.z.setText(f"{told.z_um:.2f} µm")
        given = z_range(told.session)
        self.range.setText("one plane" if given is None else f"{given[0]:.1f} … {given[1]:.1f} µm")
        busy = bool(told.busy)
        for button in (self.find_rectangles, self.try_one, self.write, self.run):
            button.setEnabled(not busy)
        self.run.setVisible(told.saved is not None)
        _set(self.doubts, _doubts_html(told))
        _set(self.trial, "" if told.trial is None else _trial_html(told.trial, told))

    def show_figures(self, figures: Mapping[str, Figures], focus: float) -> None:
        """Show histograms and the focus score."""
        if list(figures) != list(self.histograms):
            for plot in self.histograms.values():
                self._plots.removeWidget(plot)
                plot.deleteLater()
            self.histograms = {name: HistogramPlot(name) for name in figures}
            for plot in self.histograms.values():
                self._plots.addWidget(plot)
        for name, plot in self.histograms.items():
            plot.show_figures(figures[name])
        self.focus.add(focus)


def _doubts_html(told: Told) -> str:
    if not told.doubts:
        return ""
    parts = [
        f'<p style="margin:0 0 6px 0"><span style="color:{theme.WARNING}">▲&nbsp;'
        f'{escape(doubt.what)}</span><br><span style="color:{theme.DIM}">{escape(doubt.fix)}</span>'
        "</p>"
        for doubt in told.doubts
    ]
    return "".join(parts)


def _trial_html(trial: Trial, told: Told) -> str:
    promise = trial.promise
    lines = ["<b>A session with these settings</b>"]
    lines += [escape(line) for line in promise.lines()]
    depth = trial.depth.lines(trial.planes) if trial.depth is not None else []
    lines += [escape(line) for line in depth]
    text = "<br>".join(lines)
    flags = "".join(
        f'<br><span style="color:{theme.WARNING}">▲&nbsp;unlike the training: {escape(flag)}</span>'
        for flag in trial.flags[:3]
    )
    if not trial.flags and trial.volumes_um3:
        flags = (
            f'<br><span style="color:{theme.GOOD}">● like what the networks were trained on</span>'
        )
    took = told.click_to_masks_s
    last = (
        ""
        if took is None
        else f'<br><span style="color:{theme.DIM}">masks after {took:.1f} s</span>'
    )
    return f"<p style='line-height:125%; margin:0'>{text}{flags}{last}</p>"


def _button(text: str, act: Callable[[], None], tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    button.clicked.connect(lambda _: act())
    return button


def _text() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.RichText)
    label.setVisible(False)
    return label


def _set(label: QLabel, html: str) -> None:
    if label.text() != html:
        label.setText(html)
        label.setVisible(bool(html))


def _keys() -> QWidget:
    """Return the help on the keyboard."""
    keys = QWidget()
    grid = QGridLayout(keys)
    grid.setContentsMargins(0, 8, 0, 0)
    grid.setHorizontalSpacing(8)
    grid.setVerticalSpacing(3)
    for place, (key, words) in enumerate(KEYS):
        line, column = place % 6, place // 6 * 2
        grid.addWidget(labelled(key, "dim"), line, column)
        grid.addWidget(labelled(words, "faint"), line, column + 1)
    return keys
