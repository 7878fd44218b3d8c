"""The report's page: HTML with everything in it, which opens without a network."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from livesr import __version__, html
from livesr.catalog import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from livesr.html import Illustration

SIMULATED = (
    "All shipped networks were trained on simulated cells, and these scores are of simulated cells "
    "too. How good the masks are on your microscope is unknown until you compare them with labels "
    "of your own. Simulated F1 is not comparable with the paper's, which is of real cells and "
    "labels made another way: its columns are for orientation."
)
RECORDED = (
    "Scored against the labels of this data set, as good as those are. The paper's columns are for "
    "orientation: they are of other cells and labels."
)
F1_COLUMNS = (
    ("f1", "F1"),
    ("ci95", "95 %"),
    ("paper_f1", "paper"),
    ("background_f1", "empty mask"),
    ("threshold_f1", "best threshold"),
    ("forest_f1", "pixel forest"),
    ("ceiling_f1", "oversized network"),
    ("precision", "precision"),
    ("recall", "recall"),
    ("iou", "IoU"),
)
OTHER_COLUMNS = (
    ("moc", "MOC"),
    ("paper_moc", "paper, above"),
    ("pixel_accuracy", "pixel accuracy"),
    ("paper_pixel_accuracy", "paper, above"),
    ("background_accuracy", "of an empty mask"),
    ("balanced_accuracy", "balanced accuracy"),
    ("object_f1", "objects F1"),
    ("surface_dice", "surface Dice"),
    ("cldice", "clDice"),
    ("pearson", "Pearson's r"),
    ("calibration_error", "calibration error"),
    ("calibration_error_calibrated", "calibrated"),
)
PEERS = ("threshold_f1", "forest_f1")
MEASURES = (
    ("Masks", "Networks' probabilities are merged, resized linearly to the camera's grid and "
     "thresholded there; all scores but the calibration errors are of the camera's voxels, pooled "
     "over samples."),
    ("95 %", "Bootstrap over samples (cells), not over voxels."),
    ("Best threshold", "On intensity or ratio, plain or smoothed, chosen with the truth in hand on "
     "these very samples: it flatters the baseline."),
    ("Pixel forest", "Random forest on multi-scale 3-D filters of intensity and ratio, as in "
     "ilastik's pixel classification, trained on simulated cells."),
    ("MOC", "Manders' overlap coefficient Σxy / √(Σx² Σy²). The formula printed in the paper, "
     "Σxy / (Σx² + Σy²), cannot pass 0.5."),
    ("Pixel accuracy", "Says little of rare structures: see what an empty mask has."),
    ("Objects F1", "Vesicles (lipid droplets, peroxisomes, endosomes, lysosomes): centroids within "
     "0.2 µm, where z counts a third as the PSF is three times as long as wide, each paired once, "
     "touching ones split. Others: components that share more than half their union."),
    ("Surface Dice", "Share of both surfaces that lies within 0.1 µm of the other."),
    ("clDice", "Tubes: share of each centre line that lies in the other volume. Thinned on the "
     "camera's voxels, of which the PSF is about two wide in every axis."),
    ("Pearson's r", "Between probability and truth, on the camera's grid."),
    ("Calibration error", "Expected calibration error over voxels with 0.02 < p < 0.98, on the "
     "networks' grid, as probabilities are stored."),
)  # fmt: skip


def page(result: Mapping[str, Any], illustrations: Sequence[Illustration]) -> str:
    """Return the page.

    Parameters
    ----------
    result : mapping
        Of `livesr.training.evaluation.evaluate.evaluate`.
    illustrations : sequence of Illustration
    """
    title = _title(result)
    structures = result["structures"]
    return html.document(
        title,
        [
            html.paragraph(RECORDED if "data" in result else SIMULATED, "honest"),
            *_summary(result),
            html.heading("F1 beside baselines"),
            _table(structures, F1_COLUMNS),
            html.paragraph("Red: not above the best threshold or the pixel forest.", "small"),
            html.heading("Other measures"),
            _table(structures, OTHER_COLUMNS),
            html.heading("Figures"),
            *map(html.picture, illustrations),
            html.heading("Samples"),
            *_samples(result),
            html.heading("How it was measured"),
            html.terms(MEASURES),
        ],
    )


def _title(result: Mapping[str, Any]) -> str:
    names = ", ".join(one["name"] for one in result["packages"])
    samples = len(result["stacks"])
    where = result["data"] if "data" in result else f"simulated cells ({result['preset']})"
    ablation = ", without the ratio image" if result["without_ratio"] else ""
    return f"{names} on {samples} {'stacks of ' if 'data' in result else ''}{where}{ablation}"


def _summary(result: Mapping[str, Any]) -> list[str]:
    """Return the paragraphs of means and origins."""
    low, high = result["mean_f1_ci95"]
    spread = "" if low is None else f" (95 % of draws of samples: {low:.3f} to {high:.3f})"
    scored = len(result["structures"]) - len(result["absent"])
    lines = [f"Mean F1 of {scored} structures: <b>{result['mean_f1']:.3f}</b>{spread}."]
    if "ceiling" in result:
        top = result["ceiling"]
        lines.append(
            f"Oversized network {escape(top['package'])}: {top['mean_f1']:.3f}; gap "
            f"{top['gap']:.3f}."
        )
    for key, what in (
        ("absent", "Nowhere in these samples, so not in the mean"),
        ("unknown", "No sample has labels of"),
    ):
        if result[key]:
            lines.append(f"{what}: {escape(', '.join(_name(name) for name in result[key]))}.")
    return [f"<p>{' '.join(lines)}</p>", f'<p class="small">{escape(_origin(result))}</p>']


def _origin(result: Mapping[str, Any]) -> str:
    packages = ", ".join(f"{one['name']} ({one['sha256'][:12]})" for one in result["packages"])
    text = f"livesr {__version__}. Packages: {packages}."
    if "simulator" in result:
        simulator, seeds = result["simulator"], result["seeds"]
        shape = " × ".join(map(str, result["shape"]))
        text += (
            f" Simulator: parameters {simulator['version']}, hash {simulator['hash']}, sources "
            f"{simulator['sources']}; seeds {min(seeds)}–{max(seeds)}; fields of {shape} voxels."
        )
    return text


def _table(structures: Mapping[str, Mapping[str, Any]], columns: Sequence[tuple[str, str]]) -> str:
    """Return a table of the columns that any structure has."""
    rows = {name: _with_paper(scores) for name, scores in structures.items()}
    shown = [
        (key, title)
        for key, title in columns
        if any(row.get(key) is not None for row in rows.values())
    ]
    head = "".join(f"<th>{escape(title)}</th>" for _, title in shown)
    body = "".join(
        f"<tr><td>{_dot(name)}{escape(_name(name))}</td>"
        + "".join(_cell(key, row) for key, _ in shown)
        + "</tr>"
        for name, row in rows.items()
    )
    return (
        f'<div class="wide"><table><thead><tr><th>structure</th>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _with_paper(scores: Mapping[str, Any]) -> dict[str, Any]:
    paper = {f"paper_{key}": value for key, value in scores["published"].items()}
    return {**scores, **paper}


def _cell(key: str, row: Mapping[str, Any]) -> str:
    value = row.get(key)
    if key == "ci95":
        low, high = value or (None, None)
        return "<td>–</td>" if low is None else f"<td>{low:.2f}–{high:.2f}</td>"
    if value is None:
        return "<td>–</td>"
    kind = ""
    if key == "f1":
        beaten = any(value <= row[peer] for peer in PEERS if peer in row)
        kind = ' class="below"' if beaten else ' class="main"'
    return f"<td{kind}>{value:.3f}</td>"


def _samples(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield the mean F1 of each sample, and how many samples had each structure."""
    rows = [
        [
            one["name"],
            str(len(one["f1"])),
            "–" if one["mean_f1"] is None else f"{one['mean_f1']:.3f}",
        ]
        for one in result["stacks"]
    ]
    yield html.table(["sample", "structures", "mean F1"], rows)
    counts = ", ".join(f"{_name(name)} {count}" for name, count in result["samples"].items())
    yield html.paragraph(f"Samples that have labels of each structure: {counts}.", "small")


def _name(name: str) -> str:
    return BY_NAME[name].title


def _dot(name: str) -> str:
    return f'<span class="dot" style="background:#{BY_NAME[name].color}"></span>'
