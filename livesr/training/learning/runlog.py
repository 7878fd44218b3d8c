"""What a training run says of itself: JSON lines, TensorBoard files, its curves as a picture."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Progress = Callable[[dict[str, object]], None]

log = logging.getLogger(__name__)
FILE = "log.jsonl"
CURVES = "curves.png"


class RunLog:
    """Keeps the log of one run's folder; a run that goes on adds to it.

    Parameters
    ----------
    folder : Path
    progress : callable
        Given every line as a mapping.
    writes : bool
        False for the processes of a crew that only help.
    """

    def __init__(self, folder: Path, progress: Progress, *, writes: bool = True) -> None:
        self._folder = folder
        self._progress = progress
        self._writes = writes
        self._board = _board(folder) if writes else None

    def line(self, **line: object) -> None:
        """Write a line."""
        if not self._writes:
            return
        with (self._folder / FILE).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"time": time.time(), **line}) + "\n")
        if self._board is not None:
            _to_board(self._board, line)
        self._progress(line)

    def draw(self) -> None:
        """Draw loss and scores over steps into ``curves.png``."""
        if self._writes:
            draw_curves(self._folder)

    def close(self) -> None:
        """Close the TensorBoard file."""
        if self._board is not None:
            self._board.close()


def _board(folder: Path) -> Any:
    """Return a writer of TensorBoard files, or None where TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        log.info("no TensorBoard files: python -m pip install tensorboard")
        return None
    return SummaryWriter(str(folder / "tensorboard"))


def _to_board(board: Any, line: dict[str, Any]) -> None:
    step = line.get("step")
    if step is None:
        return
    for key in ("loss", "rate", "step_s", "mean_f1"):
        if key in line:
            board.add_scalar(key, line[key], step)
    for name, value in line.get("f1", {}).items():
        board.add_scalar(f"f1/{name}", value, step)
    board.flush()


def read_log(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of a run's log; a line that a kill cut short is left out."""
    lines = []
    for text in (folder / FILE).read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError:
            continue
    return lines


def draw_curves(folder: Path) -> None:
    """Draw a run's curves: loss and learning rate, mean F1, F1 a structure."""
    from matplotlib.figure import Figure

    from livesr.catalog import STRUCTURES

    lines = read_log(folder)
    losses = [(line["step"], line["loss"], line["rate"]) for line in lines if "loss" in line]
    scores = [(line["step"], line["mean_f1"], line["f1"]) for line in lines if "mean_f1" in line]
    figure = Figure(figsize=(12, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    if losses:
        steps, loss, rate = zip(*losses, strict=True)
        left.plot(steps, loss, color="#334", lw=1)
        left.set(xlabel="step", ylabel="training loss", yscale="log", title="Loss")
        second = left.twinx()
        second.plot(steps, rate, color="#c60", lw=1, ls=":")
        second.set_ylabel("learning rate (dotted)", color="#c60")
    right.set_facecolor("#d9dde2")  # some structures are shown nearly white
    colours = {s.name: f"#{s.color}" for s in STRUCTURES}
    if scores:
        steps, mean, each = zip(*scores, strict=True)
        for name in each[-1]:
            values = [one.get(name, float("nan")) for one in each]
            right.plot(steps, values, marker=".", lw=1, label=name, color=colours.get(name))
        right.plot(steps, mean, marker="o", color="black", lw=2.5, label="mean")
        right.set(xlabel="step", ylim=(0, 1), title="F1 at the best threshold, validation")
        right.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    figure.savefig(folder / CURVES, dpi=110)
