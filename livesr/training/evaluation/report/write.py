"""Writes the report: figures first, the page that shows them last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from livesr import html
from livesr.training.evaluation.report.charts import draw_confusions, draw_reliability, draw_scores
from livesr.training.evaluation.report.page import page
from livesr.training.evaluation.report.panels import draw_panels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from livesr.training.evaluation.report.gallery import Gallery

PAGE = "report.html"
ROWS = 8
"""Structures in one figure at most."""


def write_report(folder: Path, result: Mapping[str, Any], gallery: Gallery) -> Path:
    """Write ``report.html``, which holds its figures, and the figures as PNG files beside it.

    Parameters
    ----------
    folder : Path
    result : mapping
        Of `livesr.training.evaluation.evaluate.evaluate`.
    gallery : Gallery
        That looked on.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    StorageError
        If the folder cannot be written to.
    """
    illustrations = [
        html.illustrate(folder, name, caption, figure)
        for name, caption, figure in _figures(result, gallery)
    ]
    return html.put(folder / PAGE, page(result, illustrations).encode("utf-8"))


def _figures(result: Mapping[str, Any], gallery: Gallery) -> Iterator[tuple[str, str, Any]]:
    """Give name, caption and figure of each illustration."""
    structures = result["structures"]
    yield "scores", "Scores beside baselines and the paper's figures.", draw_scores(structures)
    shown = [name for name in structures if name in gallery.pictures]
    for number, first in enumerate(range(0, len(shown), ROWS), start=1):
        part = {name: gallery.pictures[name] for name in shown[first : first + ROWS]}
        samples = ", ".join(dict.fromkeys(one.sample for one in part.values()))
        yield (
            f"structures-{number}",
            f"What the networks saw, the truth, and what they found ({samples}). Of each structure "
            "the plane and the place with most of its outline, in the first sample with enough of "
            "it: not chosen by how well it went. Ratio: red over yellow as networks see it; 1, the "
            "membranes' median, is white, less is blue, more is red.",
            draw_panels(part, structures),
        )
    competing = {k: v for k, v in result["networks"].items() if len(v["classes"]) > 2}
    if competing:
        yield (
            "confusion",
            "Confusion of classes that one network tells apart: share of the true class, and "
            "voxels; where structures share a voxel, the rarer one counts.",
            draw_confusions(competing),
        )
    yield (
        "reliability",
        "How far probabilities can be trusted, over voxels with 0.02 < p < 0.98: on the line, of "
        "the voxels given 30 %, 30 % are the structure.",
        draw_reliability(structures),
    )
