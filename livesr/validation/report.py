"""A validation's report: scores with their intervals, pictures, and what they do not say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr import html
from livesr.training.evaluation.report.gallery import densest, outline
from livesr.validation.probes import DROPLETS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from livesr.training.labels.sessions import SessionStack
    from livesr.types import Bool, Float32
    from livesr.validation.agreement import Agreement
    from livesr.validation.probes import Probe, Told
    from livesr.validation.record import StructureRecord, Validation
    from livesr.validation.validate import Validated

PAGE = "index.html"
SIDE_UM = 12.0
BOTH, MASK_ALONE, PROBE_ALONE, NEITHER = "#2f855a", "#c53030", "#3182ce", "#f7fafc"
BIAS = (
    "The probe is no truth. Its foreground is what FG-net, or a threshold, takes for it, and "
    "FG-net learnt on simulated probes; a probe may fill less or more than the structure (an "
    "antibody one protein, a luminal protein the envelope too), over-expression changes cells, and "
    "what moves between two exposures lies in two places. A low F1 may be the probe's fault; a "
    "high one is hard to come by: both would have to be wrong in the same voxels."
)
SAME_CELLS = (
    "The stacks are of fewer than three positions, so that they show the same cells again: the "
    "intervals say how stacks differ, not how cells do, and are too narrow."
)


@dataclass(frozen=True, slots=True)
class Picture:
    """The place of a stack that shows most of a probe."""

    title: str
    pixel_um: float
    yellow: Float32
    light: Float32
    mask: Bool
    foreground: Bool
    voxels: int


class Pictures:
    """Looks at each stack that is compared, and keeps one picture a structure."""

    def __init__(self) -> None:
        self.of: dict[str, Picture] = {}

    def look(self, probe: Probe, stack: SessionStack, told: Told) -> None:
        """Keep the stack if it shows more of the probe than those before."""
        voxels = int(np.count_nonzero(told.foreground))
        held = self.of.get(probe.structure)
        if held is not None and held.voxels >= voxels:
            return
        outlines = [outline(plane) for plane in told.foreground]
        z = int(np.argmax([one.sum() for one in outlines]))
        pixel = stack.grid.voxel_um[1]
        at = (z, *densest(outlines[z], round(SIDE_UM / pixel)))
        mask = stack.masks[probe.structure]
        self.of[probe.structure] = Picture(
            f"{stack.index}, plane {z}",
            pixel,
            told.yellow[at],
            told.light[at],
            mask[at],
            told.foreground[at],
            voxels,
        )


def write_report(folder: Path, done: Validated, pictures: Pictures) -> Path:
    """Write ``index.html``, which holds its figures, and return its path.

    Raises
    ------
    StorageError
        If the folder cannot be written to.
    """
    html.prepare(folder)
    figures = {
        name: [
            html.illustrate(folder, f"{name}-picture", _CAPTION, draw_picture(pictures.of[name])),
            html.illustrate(folder, f"{name}-stacks", _STACKS, draw_stacks(done.each[name])),
        ]
        for name in done.record.structures
    }
    text = html.document("Validation", _parts(done, figures))
    return html.put(folder / PAGE, text.encode("utf-8"))


_CAPTION = (
    "The place that shows most of the probe: Nile Red in yellow with the mask's outline, the "
    "probe's light without Nile Red's with its foreground's outline, and both masks: green in "
    "both, red in livesr's mask alone, blue in the probe's foreground alone."
)
_STACKS = "Each stack: F1 against the voxels of the probe's foreground. Colours: positions."


def _parts(done: Validated, figures: dict[str, list[html.Illustration]]) -> Iterator[str]:
    record = done.record
    yield html.paragraph(_summary(record))
    if record.simulated:
        yield html.paragraph(
            "Simulated cells: this record is refused on a real microscope.", "honest"
        )
    yield html.paragraph(BIAS, "honest")
    if any(one.drawn == "stacks" for one in record.structures.values()):
        yield html.paragraph(SAME_CELLS, "fair")
    if lying := record.unregistered():
        yield html.paragraph(lying, "honest")
    yield html.table(_HEAD, [_row(name, one) for name, one in record.structures.items()])
    yield from (html.paragraph(line, "small") for line in done.orientation)
    yield html.terms(_facts(done))
    for name, shown in figures.items():
        yield html.heading(name.replace("_", " "))
        yield from map(html.picture, shown)


_NAMES = {
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    "iou": "IoU",
    "moc": "Manders' overlap",
    "m1": "M1: probe in mask",
    "m2": "M2: mask in probe",
}
_HEAD = ("structure", "told by", *_NAMES.values(), "validated")


def _row(name: str, one: StructureRecord) -> tuple[str, ...]:
    cells = [_cell(one, key) for key in _NAMES]
    how = f"{one.channel}, {one.foreground}" + (", leak" if one.by == "leak" else "")
    return (name, how, *cells, one.verdict)


def _cell(one: StructureRecord, key: str) -> str:
    value = f"{getattr(one.scores, key):.3f}"
    if key not in one.ci95:
        return value
    low, high = one.ci95[key]
    return f"{value} ({low:.2f}–{high:.2f})"


def _summary(record: Validation) -> str:
    made = record.microscope
    where = ", ".join(part for part in (made.microscope, made.camera, made.objective) if part)
    return (
        f"{record.made}; stacks: {record.stacks}, cells: {record.cells}; "
        f"{where or 'no microscope named'}. In brackets: where 95 % of such scores would lie."
    )


def _facts(done: Validated) -> Iterator[tuple[str, str]]:
    record = done.record
    yield "session", record.session
    yield "calibration", record.microscope.calibration
    for name, one in record.structures.items():
        yield f"masks of {name}", f"{one.package} {one.package_sha256[:12]}"
    green = next((one for one in record.structures.values() if one.channel == "green"), None)
    if green is not None:
        yield "Nile Red's share subtracted from green", f"{green.share:.4f} ({_source(done)})"
    if done.unmixing and np.isfinite(done.unmixing.droplets):
        yield f"green over yellow in {DROPLETS}", f"{done.unmixing.droplets:.3f}"


def _source(done: Validated) -> str:
    unmixed = done.record.unmixing
    if unmixed.source == "control":
        return f"measured on {unmixed.control}, standard error {unmixed.error:.4f}"
    return "as given" if unmixed.source == "given" else "the paper's for probes, none for the leak"


def draw_picture(one: Picture) -> Any:
    """Return the mask and the probe's foreground over what they were made from."""
    from matplotlib.colors import ListedColormap, to_rgb
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12.0, 4.4), layout="constrained")
    axes = figure.subplots(1, 3)
    panels = (
        (one.yellow, one.mask, "yellow, outline: mask"),
        (one.light, one.foreground, "probe alone, outline: foreground"),
    )
    for axis, (image, inside, title) in zip(axes, panels, strict=False):
        low, high = np.percentile(image, (1, 99.7))
        axis.imshow(image, cmap="gray", vmin=low, vmax=max(high, low + 1), interpolation="nearest")
        axis.contour(inside, levels=[0.5], colors=["#ed8936"], linewidths=0.9)
        axis.set_title(title, fontsize=10)
    code = one.mask.astype(int) + 2 * one.foreground
    colours = ListedColormap([to_rgb(c) for c in (NEITHER, MASK_ALONE, PROBE_ALONE, BOTH)])
    axes[2].imshow(code, cmap=colours, vmin=0, vmax=3, interpolation="nearest")
    axes[2].set_title("green: both, red: mask alone, blue: probe alone", fontsize=10)
    for axis in axes:
        axis.set_axis_off()
    height = one.yellow.shape[0] - 6
    axes[0].plot([6, 6 + 2 / one.pixel_um], [height, height], color="white", linewidth=3)
    figure.suptitle(f"{one.title}; bar 2 µm", fontsize=9, color="0.3")
    return figure


def draw_stacks(each: list[Agreement]) -> Any:
    """Return each stack's F1 against how much of the probe it shows."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.0, 3.2), layout="constrained")
    axis = figure.subplots()
    f1 = [2 * one.both / max(one.mask + one.probe, 1) for one in each]
    shown = [one.probe for one in each]
    axis.scatter(shown, f1, c=[one.position for one in each], cmap="tab10")
    axis.set(xlabel="voxels of the probe's foreground", ylabel="F1", ylim=(0, 1))
    axis.set_xlim(0, 1.1 * max(*shown, 1))
    axis.grid(alpha=0.3)
    return figure
