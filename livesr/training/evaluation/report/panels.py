"""Pictures like the paper's Fig. 2: a row a structure, what was seen beside what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.catalog import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from livesr.training.evaluation.report.gallery import Picture
    from livesr.types import Bool, Float32

COLUMNS = ("intensity", "ratio", "truth", "prediction", "difference")
MISSED, FALSE = (0.25, 0.65, 1.0), (1.0, 0.45, 0.1)
"""Blue and orange, which everyone can tell apart."""
RATIOS = (0.4, 1.6)
"""Shown from blue to red; 1 is the membranes' median."""
BARS_UM = (5.0, 2.0)
"""Lengths of the scale bar: the first that is less than a third of the picture."""
PANEL_INCH = 2.1


def draw_panels(pictures: Mapping[str, Picture], scores: Mapping[str, Mapping[str, Any]]) -> Any:
    """Return a figure with a row for each picture.

    Parameters
    ----------
    pictures : mapping of str to Picture
        By structure.
    scores : mapping of str to mapping
        ``structures`` of a result.
    """
    from matplotlib.figure import Figure

    rows = len(pictures)
    figure = Figure((PANEL_INCH * (len(COLUMNS) + 0.75), PANEL_INCH * rows + 0.85))
    axes = figure.subplots(rows, len(COLUMNS), squeeze=False)
    for row, (name, picture) in zip(axes, pictures.items(), strict=True):
        for axis, (image, options) in zip(row, _images(name, picture), strict=True):
            axis.imshow(image, interpolation="nearest", **options)
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
        _scale_bar(row[0], picture)
        title = BY_NAME[name].title.replace(" ", "\n", 1)
        row[0].set_ylabel(
            f"{title}\nF1 {scores[name]['f1']:.2f}",
            rotation=0,
            ha="right",
            va="center",
            labelpad=10,
            fontsize=11,
        )
    for axis, title in zip(axes[0], COLUMNS, strict=True):
        axis.set_title(title, fontsize=12)
    _legend(figure)
    figure.subplots_adjust(
        left=0.72 / (len(COLUMNS) + 0.75),
        right=0.995,
        top=1 - 0.35 / figure.get_figheight(),
        bottom=0.5 / figure.get_figheight(),
        wspace=0.03,
        hspace=0.03,
    )
    return figure


def difference(picture: Picture, color: tuple[float, float, float]) -> Float32:
    """Return the intensity in grey, with what is found, missed and false in colour, (y, x, 3)."""
    grey = np.repeat(0.6 * _stretched(picture.intensity)[..., None], 3, axis=2)
    for inside, shade in (
        (picture.truth & picture.mask, color),
        (picture.truth & ~picture.mask, MISSED),
        (picture.mask & ~picture.truth, FALSE),
    ):
        grey[inside] = shade
    return grey.astype(np.float32)


def _images(name: str, picture: Picture) -> list[tuple[Any, dict[str, Any]]]:
    """Return the images of a row with their options for ``imshow``."""
    color = rgb(BY_NAME[name].color)
    low, high = RATIOS
    return [
        (_stretched(picture.intensity), {"cmap": "gray", "vmin": 0, "vmax": 1}),
        (picture.ratio, {"cmap": "coolwarm", "vmin": low, "vmax": high}),
        (_colored(picture.truth, color), {}),
        (_colored(picture.mask, color), {}),
        (difference(picture, (0.85, 0.85, 0.85)), {}),
    ]


def rgb(color: str) -> tuple[float, float, float]:
    """Return red, green and blue, 0–1, of six hexadecimal digits."""
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (0, 2, 4))
    return red, green, blue


def _stretched(image: Float32) -> Float32:
    low, high = np.percentile(image, (1, 99.7))
    scaled: Float32 = np.clip((image - low) / max(high - low, 1e-6), 0, 1).astype(np.float32)
    return scaled


def _colored(mask: Bool, color: tuple[float, float, float]) -> Float32:
    return np.where(mask[..., None], np.array(color, np.float32), np.float32(0))


def _scale_bar(axis: Any, picture: Picture) -> None:
    """Draw a bar with its length in µm at the lower right."""
    from matplotlib.patheffects import withStroke

    height, width = picture.truth.shape
    fitting = [um for um in BARS_UM if um < width * picture.pixel_um / 3]
    length = fitting[0] if fitting else 1.0
    end, y = 0.95 * width, 0.93 * height
    start = end - length / picture.pixel_um
    dark = [withStroke(linewidth=3, foreground="black")]
    axis.plot([start, end], [y, y], color="black", linewidth=6, solid_capstyle="butt")
    axis.plot([start, end], [y, y], color="white", linewidth=3, solid_capstyle="butt")
    middle, above = (start + end) / 2, y - 0.03 * height
    label = axis.text(middle, above, f"{length:g} µm", color="white", ha="center", fontsize=9)
    label.set_path_effects(dark)


def _legend(figure: Any) -> None:
    from matplotlib.patches import Patch

    patches = [
        Patch(facecolor=(0.85, 0.85, 0.85), edgecolor="0.5", label="difference: found"),
        Patch(facecolor=MISSED, label="missed"),
        Patch(facecolor=FALSE, label="false"),
    ]
    figure.legend(
        handles=patches,
        loc="lower right",
        ncols=3,
        frameon=False,
        fontsize=11,
    )
