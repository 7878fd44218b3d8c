"""Writes the report: figures first, the page that shows them last."""

from __future__ import annotations

from base64 import b64encode
from importlib.util import find_spec
from io import BytesIO
from typing import TYPE_CHECKING, Any

from livesr.errors import ModelError, StorageError
from livesr.training.evaluation.report.charts import draw_confusions, draw_reliability, draw_scores
from livesr.training.evaluation.report.page import Illustration, page
from livesr.training.evaluation.report.panels import draw_panels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from livesr.training.evaluation.report.gallery import Gallery

PAGE = "report.html"
DPI = 110
ROWS = 8
"""Structures in one figure at most."""


def prepare(folder: Path) -> None:
    """Make sure that a report can be written, before anything is scored for it.

    Raises
    ------
    ModelError
        If there is no matplotlib.
    StorageError
        If the folder cannot be made.
    """
    if find_spec("matplotlib") is None:
        raise ModelError(
            "the figures of a report need matplotlib",
            where="--report",
            fix='python -m pip install "livesr[train]"',
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise _unwritten(folder, problem) from None


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
    try:
        illustrations = []
        for name, title, figure in _figures(result, gallery):
            png = _png(figure)
            _put(folder / f"{name}.png", png)
            data = f"data:image/png;base64,{b64encode(png).decode('ascii')}"
            illustrations.append(Illustration(name, title, data))
        return _put(folder / PAGE, page(result, illustrations).encode("utf-8"))
    except OSError as problem:
        raise _unwritten(folder, problem) from None


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


def _png(figure: Any) -> bytes:
    out = BytesIO()
    figure.savefig(out, format="png", dpi=DPI, facecolor="white")
    return out.getvalue()


def _put(path: Path, content: bytes) -> Path:
    """Write a file whole: under another name first."""
    draft = path.with_name(path.name + ".draft")
    draft.write_bytes(content)
    draft.replace(path)
    return path


def _unwritten(folder: Path, problem: OSError) -> StorageError:
    return StorageError(
        f"the report cannot be written: {problem}", where=str(folder), fix="--report another folder"
    )
